//! The answer ends early, at every byte at which it can.

use fault_catalogue::struck;
use std::time::Duration;

use gateway_client::answer::{self, CommandOutcome, CreateOutcome, Failure, ReadOutcome, UnknownReason};
use gateway_client::request::{Class, Request};

use crate::server::{Act, Server, http};
use crate::transport::{CREATED, patch, post, read};

fn chunked() -> Vec<u8> {
    let (first, second) = CREATED.split_at(20);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len()).into_bytes()
}

/// Sends once for every length of the answer, and counts what arrived.
async fn every_cut_is_unknown_and_the_whole_is_read(request: Request) {
    for answer in [http("200 OK", "", CREATED), chunked()] {
        let server = Server::start_tls(Act::Cut(answer.clone())).await;
        let client = server.client();
        for length in 0..answer.len() {
            let received = client.send(request.clone()).await;
            assert_eq!(received, Err(Failure::Unknown(UnknownReason::ConnectionLost)), "cut at {length}");
            assert_eq!(server.requests().len(), length + 1, "sent once each");
        }
        let whole = client.send(request.clone()).await.unwrap();
        assert_eq!((whole.status, whole.body.as_ref()), (200, CREATED.as_bytes()));
        assert_eq!((server.requests().len(), server.connections()), (answer.len() + 1, answer.len() + 1));
    }
}

#[tokio::test]
async fn a_moving_post_whose_answer_is_cut_is_unknown_and_never_repeated() {
    every_cut_is_unknown_and_the_whole_is_read(post(Class::Moving)).await;
}

#[tokio::test]
async fn an_inert_post_whose_answer_is_cut_is_unknown_and_never_repeated() {
    every_cut_is_unknown_and_the_whole_is_read(post(Class::Inert)).await;
}

#[tokio::test]
async fn a_read_whose_answer_is_cut_is_unknown_and_never_repeated() {
    every_cut_is_unknown_and_the_whole_is_read(read()).await;
}

/// Here the connection's end is the answer's end, so that only the JSON tells a part from the whole.
#[tokio::test]
async fn an_answer_without_a_length_is_accepted_whole_only() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let answer = format!("{head}{CREATED}").into_bytes();
    let server = Server::start_tls(Act::Cut(answer.clone())).await;
    let client = server.client();
    for length in 0..answer.len() {
        let outcome = answer::classify_create(client.send(post(Class::Moving)).await);
        assert!(matches!(outcome, CreateOutcome::Unknown(_)), "cut at {length}: {outcome:?}");
    }
    let outcome = answer::classify_create(client.send(post(Class::Moving)).await);
    assert!(matches!(outcome, CreateOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(server.requests().len(), answer.len() + 1);
}

#[tokio::test]
async fn every_reader_calls_a_cut_answer_unknown() {
    let answer = http("200 OK", "", CREATED);
    let server = Server::start_tls(Act::AnswerAndHangUp(answer[..answer.len() - 1].to_vec())).await;
    let client = server.client();
    let lost = UnknownReason::ConnectionLost;
    let created = answer::classify_create(client.send(post(Class::Inert)).await);
    assert_eq!(created, CreateOutcome::Unknown(lost.clone()));
    let patched = answer::classify_command(client.send(patch()).await);
    assert_eq!(patched, CommandOutcome::Unknown(lost.clone()));
    let found = answer::read_payment(client.send(read()).await);
    assert_eq!(found, ReadOutcome::Unavailable(Failure::Unknown(lost)));
}

/// A kept connection that dies under a second request must not make the library send it again.
#[tokio::test]
async fn a_kept_connection_that_dies_is_no_reason_to_repeat() {
    let answer = http("200 OK", "", CREATED);
    for request in [post(Class::Inert), read()] {
        let server = Server::start_tls(Act::AnswerOnce(answer.clone())).await;
        let client = server.client();
        client.send(request.clone()).await.unwrap();
        let second = client.send(request).await;
        assert_eq!(second, Err(Failure::Unknown(UnknownReason::ConnectionLost)));
        assert_eq!((server.connections(), server.requests_in_the_end().await), (1, 2));
    }
    for request in [post(Class::Moving), patch()] {
        let server = Server::start_tls(Act::AnswerOnce(answer.clone())).await;
        let client = server.client();
        for sent in 1..=3 {
            client.send(request.clone()).await.unwrap();
            assert_eq!((server.connections(), server.requests().len()), (sent, sent));
        }
    }
}

/// The gateway closes a kept connection without a word; nobody knows whether we notice in time.
#[tokio::test]
async fn what_was_sent_into_a_stale_connection_is_counted_once() {
    let server = Server::start_tls(Act::AnswerAndHangUp(http("200 OK", "", CREATED))).await;
    let client = server.client();
    let mut answered = 0;
    for _ in 0..50 {
        match client.send(post(Class::Inert)).await {
            Ok(_) => answered += 1,
            Err(failure) => assert!(matches!(failure, Failure::Unknown(_)), "{failure}"),
        }
    }
    assert!(answered > 0);
    assert_eq!(server.requests_in_the_end().await, answered);
    struck(17, answered);
}

#[tokio::test]
async fn a_drip_over_tls_ends_with_the_total_time() {
    let server = Server::start_tls(Act::Drip(http("200 OK", "", &" ".repeat(10_000)))).await;
    let mut settings = server.settings();
    settings.post_timeout = Duration::from_millis(300);
    let client = gateway_client::client::Client::new(&settings).unwrap();
    let received = client.send(post(Class::Moving)).await;
    assert_eq!(received, Err(Failure::Unknown(UnknownReason::Timeout)));
}
