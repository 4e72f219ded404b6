//! Answers of every size and kind: none of them is more than what it proves, and none takes memory without end.

use fault_catalogue::struck;
use std::time::Duration;

use gateway_client::answer::{self, CreateOutcome, Failure, NotSentReason, UnknownReason};
use gateway_client::request::Class;

use crate::examples;
use crate::server::{Act, Server, http};
use crate::transport::{CREATED, post, read};

/// The answer to a request is larger than the memory of a machine; so much of it is ever taken.
const TAKEN_MAX: u64 = 16 * 1024 * 1024;

async fn outcome_of(class: Class, act: Act) -> CreateOutcome {
    let server = Server::start(act).await;
    let outcome = answer::classify_create(server.client().send(post(class)).await);
    assert_eq!(server.requests_in_the_end().await, 1, "it arrived once");
    outcome
}

#[tokio::test]
async fn a_body_without_end_is_left_where_it_is() {
    let mut injected = 0_u64;
    for head in ["Content-Length: 1073741824", "Transfer-Encoding: chunked"] {
        injected += 1;
        let server = Server::start_tls(Act::Flood(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").into_bytes())).await;
        let received = server.client().send(post(Class::Moving)).await;
        assert_eq!(received, Err(Failure::Unknown(UnknownReason::AnswerTooLarge)), "{head}");
        server.requests_in_the_end().await;
        assert!(server.flooded() < TAKEN_MAX, "{head}: {} bytes were taken", server.flooded());
    }
    struck(24, injected);
}

#[tokio::test]
async fn a_head_of_a_megabyte_is_no_answer() {
    let mut injected = 0_u64;
    let large = format!("X-Large: {}\r\n", "x".repeat(1024 * 1024));
    let many = "X-Many: x\r\n".repeat(2_000);
    for headers in [large, many] {
        injected += 1;
        for class in [Class::Inert, Class::Moving] {
            let outcome = outcome_of(class, Act::AnswerAndHangUp(http("200 OK", &headers, CREATED))).await;
            assert!(matches!(outcome, CreateOutcome::Unknown(_)), "{outcome:?}");
        }
    }
    struck(24, injected);
}

/// Nothing was said about encodings, so nobody may use one; what comes in one all the same is not unpacked.
#[tokio::test]
async fn an_encoded_answer_is_not_unpacked() {
    let packed: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 46, 73, 44, 41, 45, 86, 178, 82, 48, 50, 48, 208, 81, 80, 42, 74,
        45, 46, 205, 41, 1, 114, 171, 149, 50, 83, 128, 148, 82, 162, 161, 18, 80, 24, 164, 42, 21, 196, 117, 246, 112,
        117, 246, 246, 15, 13, 81, 170, 173, 5, 0, 185, 74, 18, 28, 60, 0, 0, 0,
    ];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len());
    let bytes = [head.as_bytes(), packed].concat();
    let server = Server::start_tls(Act::Answer(bytes)).await;
    let outcome = answer::classify_create(server.client().send(post(Class::Moving)).await);
    assert_eq!(outcome, CreateOutcome::Unknown(UnknownReason::Unreadable { status: 200 }));
    assert!(!server.requests()[0].to_lowercase().contains("accept-encoding"));
    struck(24, packed.len());
}

#[tokio::test]
async fn what_comes_before_the_answer_is_not_the_answer() {
    let answer = http("200 OK", "", CREATED);
    for early in ["100 Continue", "102 Processing", "103 Early Hints"] {
        let bytes = [format!("HTTP/1.1 {early}\r\nLink: </x>\r\n\r\n").as_bytes(), &answer].concat();
        let outcome = outcome_of(Class::Moving, Act::AnswerAndHangUp(bytes)).await;
        assert!(matches!(outcome, CreateOutcome::Accepted { .. }), "{early}: {outcome:?}");
        let alone = format!("HTTP/1.1 {early}\r\n\r\n").into_bytes();
        let outcome = outcome_of(Class::Moving, Act::AnswerAndHangUp(alone)).await;
        assert!(matches!(outcome, CreateOutcome::Unknown(_)), "{early}: {outcome:?}");
    }
    let switched = outcome_of(Class::Moving, Act::AnswerAndHangUp(b"HTTP/1.1 101 Switching\r\n\r\n".to_vec())).await;
    assert!(matches!(switched, CreateOutcome::Unknown(_)), "{switched:?}");
}

#[tokio::test]
async fn only_the_declared_refusals_in_the_gateways_own_envelope_prove_anything() {
    let envelope = |status: u16| {
        format!(
            r#"{{"timestamp":"2026-03-02T09:15:30.000+00:00","status":{status},"error":"x","path":"/api/v1/payments"}}"#
        )
    };
    let server = |status: u16, body: &str| Act::Answer(http(&format!("{status} Said"), "", body));
    for status in (300..=599_u16).filter(|status| status % 10 <= 4) {
        let outcome = outcome_of(Class::Inert, server(status, &envelope(status))).await;
        match status {
            400 => assert!(matches!(outcome, CreateOutcome::Refused(_)), "{status}: {outcome:?}"),
            401 | 404 => assert!(matches!(outcome, CreateOutcome::NotSent(NotSentReason::Misconfigured(_)))),
            _ => assert!(matches!(outcome, CreateOutcome::Unknown(_)), "{status}: {outcome:?}"),
        }
    }
    for status in [400, 401, 404] {
        // Somebody else's words, none at all, or the gateway's about another status.
        for body in ["", "<html>no</html>", "{}", r#"{"error":"no"}"#, &envelope(status + 1), "[]", "null"] {
            let outcome = outcome_of(Class::Inert, server(status, body)).await;
            assert!(matches!(outcome, CreateOutcome::Unknown(_)), "{status} {body}: {outcome:?}");
        }
    }
    let accepted = examples::bytes("01-deposit-create.response.json");
    for status in [201, 202, 226] {
        let act = server(status, std::str::from_utf8(&accepted).unwrap());
        assert!(matches!(outcome_of(Class::Moving, act).await, CreateOutcome::Accepted { .. }), "{status}");
    }
}

#[tokio::test]
async fn nobody_is_kept_waiting_for_longer_than_a_day() {
    const DATE: &str = "Date: Mon, 02 Mar 2026 09:15:30 GMT\r\n";
    let mut injected = 0_u64;
    let day = Some(Duration::from_hours(24));
    for (header, expected) in [
        ("7", Some(Duration::from_secs(7))),
        ("0", Some(Duration::ZERO)),
        ("1000000000", day),
        ("99999999999999999999999999", day),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Mon, 02 Mar 2026 09:16:00 GMT", Some(Duration::from_secs(30))),
        ("Fri, 31 Dec 9999 23:59:59 GMT", day),
        ("Mon, 02 Mar 2020 09:16:00 GMT", None),
    ] {
        injected += 1;
        let headers = format!("{DATE}Retry-After: {header}\r\n");
        let server = Server::start(Act::Answer(http("503 Busy", &headers, ""))).await;
        let answer = server.client().send(read()).await.unwrap();
        assert_eq!((answer.status, answer.retry_after), (503, expected), "{header}");
    }
    struck(21, injected);
}
