use fault_catalogue::struck;
use std::process::Command;
use std::time::Duration;

use gateway_client::answer::{
    self, CreateOutcome, Failure, ListOutcome, NotSentReason, RawAnswer, ReadOutcome, UnknownReason,
};
use gateway_client::client::{Client, ClientError, Settings};
use gateway_client::request::{self, Class, CreatePayment, ListQuery, PatchPayment, Request};
use gateway_client::vocabulary::PaymentType;
use tokio::net::TcpListener;

use crate::examples;
use crate::server::{Act, KEY, Server, http};

pub(crate) const CREATED: &str = r#"{"status": 200, "result": {"id": "a1", "state": "CHECKOUT"}}"#;
const BRIEF: Duration = Duration::from_millis(100);

pub(crate) fn post(class: Class) -> Request {
    let order = CreatePayment {
        amount: "49.90".parse().ok(),
        reference_id: Some("order-1".to_owned()),
        ..CreatePayment::new(PaymentType::Deposit, "EUR")
    };
    request::create_payment(&order, class).unwrap()
}

pub(crate) fn read() -> Request {
    request::get_payment(&"a1".parse().unwrap())
}

fn list() -> Request {
    request::list_payments(&ListQuery { reference_id: Some("order 1".to_owned()), ..ListQuery::default() }).unwrap()
}

pub(crate) fn patch() -> Request {
    request::patch_payment(&"a1".parse().unwrap(), &PatchPayment::new("203.0.113.24".parse().unwrap())).unwrap()
}

/// What one moving POST leads to when the other side does this.
async fn create_against(act: Act) -> CreateOutcome {
    let server = Server::start(act).await;
    answer::classify_create(server.client().send(post(Class::Moving)).await)
}

fn unknown(reason: UnknownReason) -> CreateOutcome {
    CreateOutcome::Unknown(reason)
}

fn not_sent(reason: NotSentReason) -> CreateOutcome {
    CreateOutcome::NotSent(reason)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = Server::start(Act::Answer(http("200 OK", "Date: Mon, 02 Mar 2026 09:15:30 GMT\r\n", CREATED))).await;
    let request = post(Class::Inert);
    let body = String::from_utf8(request.body.clone().unwrap().to_vec()).unwrap();

    let received = server.client().send(request).await;

    assert_eq!(
        received,
        Ok(RawAnswer { date: answer::read_date("Mon, 02 Mar 2026 09:15:30 GMT"), ..RawAnswer::new(200, CREATED) })
    );
    let seen = server.requests().remove(0);
    let (head, seen_body) = seen.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(seen_body, body);
    assert_eq!(
        lines,
        [
            "POST /api/v1/payments HTTP/1.1",
            "accept: application/json",
            &format!("authorization: Bearer {KEY}"),
            &format!("content-length: {}", body.len()),
            "content-type: application/json",
            &format!("host: {}", server.address),
            concat!("user-agent: payment-orchestrator/", env!("CARGO_PKG_VERSION")),
        ]
    );
}

#[tokio::test]
async fn a_base_url_may_have_a_prefix() {
    let server = Server::start(Act::Answer(http("200 OK", "", CREATED))).await;
    let base_url = format!("http://{}/gateway/", server.address);
    let client = Client::new(&Settings { base_url, ..server.settings() }).unwrap();
    client.send(read()).await.unwrap();
    client.send(list()).await.unwrap();
    client.send(patch()).await.unwrap();
    let seen: Vec<_> = server.requests().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        seen,
        [
            "GET /gateway/api/v1/payments/a1 HTTP/1.1",
            "GET /gateway/api/v1/payments?referenceId.eq=order%201 HTTP/1.1",
            "PATCH /gateway/api/v1/payments/a1 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let mut injected = 0_u64;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&Settings::new(base_url, KEY.into())).unwrap();
    for request in [post(Class::Moving), post(Class::Inert), read(), patch()] {
        injected += 1;
        let received = client.send(request).await;
        assert_eq!(received, Err(Failure::NotSent(NotSentReason::ConnectionRefused)));
    }
    struck(12, injected);
}

#[tokio::test]
async fn a_path_cannot_lead_the_key_to_another_host() {
    let server = Server::start(Act::Answer(http("200 OK", "", CREATED))).await;
    for path in ["@elsewhere.example/", ".elsewhere.example/", ":1/", ""] {
        let request = Request { path: path.to_owned(), ..read() };
        let received = server.client().send(request).await;
        assert_eq!(received, Err(Failure::NotSent(NotSentReason::Unbuildable)), "{path}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_peer_without_tls_gets_nothing() {
    let server = Server::start(Act::SpeakFirst(http("200 OK", "", CREATED))).await;
    let base_url = format!("https://{}", server.address);
    let client = Client::new(&Settings::new(base_url, KEY.into())).unwrap();
    let outcome = answer::classify_create(client.send(post(Class::Moving)).await);
    assert_eq!(outcome, not_sent(NotSentReason::Untrusted));
}

#[tokio::test]
async fn the_connect_timeout_proves_that_nothing_was_sent() {
    let server = Server::start(Act::Silence).await;
    let base_url = format!("https://{}", server.address);
    let client = Client::new(&Settings { connect_timeout: BRIEF, ..Settings::new(base_url, KEY.into()) }).unwrap();
    let outcome = answer::classify_create(client.send(post(Class::Moving)).await);
    assert_eq!(outcome, not_sent(NotSentReason::ConnectTimeout));
}

#[tokio::test]
async fn the_total_timeout_proves_nothing_even_while_connecting() {
    let server = Server::start(Act::Silence).await;
    let base_url = format!("https://{}", server.address);
    let client = Client::new(&Settings { post_timeout: BRIEF, ..Settings::new(base_url, KEY.into()) }).unwrap();
    let outcome = answer::classify_create(client.send(post(Class::Moving)).await);
    assert_eq!(outcome, unknown(UnknownReason::Timeout));
}

#[tokio::test]
async fn a_connection_that_ends_early_leaves_the_outcome_unknown() {
    let whole = http("200 OK", "", CREATED);
    let mut acts = vec![Act::HangUp, Act::ReadAndHangUp];
    let head_length = whole.len() - CREATED.len();
    for cut in [1, 12, 20, head_length - 1, head_length, head_length + 1, whole.len() - 1] {
        acts.push(Act::AnswerAndHangUp(whole[..cut].to_vec()));
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e\r\n";
    acts.push(Act::AnswerAndHangUp(format!("{chunked}{CREATED}").into_bytes()));
    for (number, act) in acts.into_iter().enumerate() {
        assert_eq!(create_against(act).await, unknown(UnknownReason::ConnectionLost), "act {number}");
    }
    assert!(matches!(create_against(Act::AnswerAndHangUp(whole)).await, CreateOutcome::Accepted { .. }));
}

#[tokio::test]
async fn an_answer_that_is_not_http_leaves_the_outcome_unknown() {
    let headers = "X: 1\r\n".repeat(200);
    for garbage in [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        b"HTTP/1.1 two hundred\r\n\r\n".to_vec(),
        http("200 OK", &headers, CREATED),
    ] {
        assert_eq!(create_against(Act::AnswerAndHangUp(garbage)).await, unknown(UnknownReason::NotHttp));
    }
}

#[tokio::test]
async fn silence_and_a_slow_drip_end_with_the_total_time() {
    let mut injected = 0_u64;
    for act in [Act::Silence, Act::Drip(http("200 OK", "", &" ".repeat(10_000)))] {
        injected += 1;
        let server = Server::start(act).await;
        let settings =
            Settings { read_timeout: BRIEF, post_timeout: BRIEF, command_timeout: BRIEF, ..server.settings() };
        let client = Client::new(&settings).unwrap();
        for request in [post(Class::Moving), post(Class::Inert), patch(), read(), list()] {
            assert_eq!(client.send(request).await, Err(Failure::Unknown(UnknownReason::Timeout)));
        }
    }
    struck(25, injected);
}

#[tokio::test]
async fn each_kind_of_call_has_its_own_time() {
    let server = Server::start(Act::Silence).await;
    let impatient = Settings { read_timeout: BRIEF, ..server.settings() };
    let read_only = Client::new(&impatient).unwrap();
    let post_only = Client::new(&Settings { post_timeout: BRIEF, ..server.settings() }).unwrap();
    let command_only = Client::new(&Settings { command_timeout: BRIEF, ..server.settings() }).unwrap();
    for (client, request) in [(read_only, read()), (post_only, post(Class::Inert)), (command_only, patch())] {
        assert_eq!(client.send(request).await, Err(Failure::Unknown(UnknownReason::Timeout)));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut injected = 0_u64;
    let target = Server::start(Act::Answer(http("200 OK", "", CREATED))).await;
    for status in [301, 302, 303, 307, 308] {
        injected += 1;
        let location = format!("Location: http://{}/api/v1/payments\r\n", target.address);
        let server = Server::start(Act::Answer(http(&format!("{status} Elsewhere"), &location, ""))).await;
        let outcome = answer::classify_create(server.client().send(post(Class::Inert)).await);
        assert_eq!(outcome, unknown(UnknownReason::Status { status, retry_after: None }));
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(target.connections(), 0);
    struck(18, injected);
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_again() {
    let server = Server::start(Act::ReadAndHangUp).await;
    let client = server.client();
    for request in [post(Class::Moving), post(Class::Inert), patch()] {
        client.send(request).await.unwrap_err();
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn statuses_travel_with_their_envelopes() {
    let envelope = |name: &str| String::from_utf8(examples::bytes(name)).unwrap();
    let html = "<html>Bad Gateway</html>";
    let status = |status| unknown(UnknownReason::Status { status, retry_after: None });
    let plain = [
        ("400 Bad Request", html, status(400)),
        ("401 Unauthorized", html, status(401)),
        ("403 Forbidden", "error code: 1010", status(403)),
        ("404 Not Found", html, status(404)),
        ("409 Conflict", html, unknown(UnknownReason::Conflict)),
        ("422 Unprocessable", html, status(422)),
        ("500 Internal Server Error", html, status(500)),
        ("502 Bad Gateway", html, status(502)),
        ("200 OK", html, unknown(UnknownReason::Unreadable { status: 200 })),
    ];
    for (line, body, expected) in plain {
        assert_eq!(create_against(Act::Answer(http(line, "", body))).await, expected, "{line}");
    }
    let busy = Act::Answer(http("429 Too Many Requests", "Retry-After: 7\r\n", ""));
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(create_against(busy).await, unknown(UnknownReason::Status { status: 429, retry_after }));

    let refused = Act::Answer(http("400 Bad Request", "", &envelope("13-error-400-validation.json")));
    assert!(matches!(create_against(refused).await, CreateOutcome::Refused(refusal) if refusal.errors.len() == 2));
    for (line, name) in [("401 Unauthorized", "14-error-401.json"), ("404 Not Found", "15-error-404.json")] {
        let outcome = create_against(Act::Answer(http(line, "", &envelope(name)))).await;
        assert!(matches!(outcome, CreateOutcome::NotSent(NotSentReason::Misconfigured(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    let body = format!("{CREATED}{}", " ".repeat(1000 - CREATED.len()));
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{body}\r\n0\r\n\r\n");
    for bytes in [http("200 OK", "", &body), chunked.into_bytes()] {
        let server = Server::start(Act::Answer(bytes)).await;
        let fits = Client::new(&Settings { answer_bytes: 1000, ..server.settings() }).unwrap();
        let tight = Settings { answer_bytes: 999, list_answer_bytes: 1000, ..server.settings() };
        let tight = Client::new(&tight).unwrap();

        assert!(matches!(answer::read_payment(fits.send(read()).await), ReadOutcome::Found { .. }));
        let too_large = Failure::Unknown(UnknownReason::AnswerTooLarge);
        for request in [read(), post(Class::Inert), post(Class::Moving), patch()] {
            assert_eq!(tight.send(request).await, Err(too_large.clone()));
        }
        assert!(tight.send(list()).await.is_ok(), "a page has a limit of its own");
    }
    let endless = Server::start(Act::Answer(http("200 OK", "", &" ".repeat(100_000)))).await;
    let client = Client::new(&Settings { list_answer_bytes: 50_000, ..endless.settings() }).unwrap();
    let too_large = ListOutcome::Unavailable(Failure::Unknown(UnknownReason::AnswerTooLarge));
    assert_eq!(answer::read_list(client.send(list()).await), too_large);
}

async fn connections_of_three(request: Request) -> usize {
    let server = Server::start(Act::Answer(http("200 OK", "", CREATED))).await;
    let client = server.client();
    for _ in 0..3 {
        client.send(request.clone()).await.unwrap();
    }
    server.connections()
}

#[tokio::test]
async fn what_moves_money_gets_a_connection_of_its_own() {
    let mut fresh = 0;
    for request in [post(Class::Moving), patch()] {
        let connections = connections_of_three(request).await;
        assert_eq!(connections, 3);
        fresh += connections as u64;
    }
    struck(17, fresh);
    for request in [post(Class::Inert), read(), list()] {
        assert!(connections_of_three(request).await < 3, "a connection is used again");
    }
}

#[tokio::test]
async fn a_connection_is_not_kept_longer_than_set() {
    let server = Server::start(Act::Answer(http("200 OK", "", CREATED))).await;
    let client = Client::new(&Settings { idle_timeout: Duration::ZERO, ..server.settings() }).unwrap();
    for _ in 0..2 {
        client.send(read()).await.unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn neither_key_nor_address_is_printed() {
    let server = Server::start(Act::ReadAndHangUp).await;
    let lost = server.client().send(list()).await.unwrap_err();
    let printed = format!("{lost:?} {lost} {:?} {:?}", server.client(), server.settings());
    assert!(!printed.contains(KEY), "{printed}");
    assert!(!printed.contains("referenceId"), "{printed}");
    let error = Client::new(&Settings::new("http://user:pass@gateway.example", KEY.into())).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("pass"));
}

#[test]
fn a_key_that_no_header_can_hold_is_refused() {
    for key in ["", "  ", "two\nlines", "nul\0"] {
        let refused = Client::new(&Settings::new("https://gateway.example", key.into()));
        assert!(matches!(refused, Err(ClientError::ApiKey)), "{key:?}");
    }
}

/// The environment of a running process must not be changed, so this test runs itself once more as a
/// child that is told of a proxy. Nobody listens where the proxy is said to be.
#[test]
fn a_proxy_in_the_environment_is_ignored() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "transport::a_request_arrives_as_it_was_made"])
        .envs([("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9")])
        .envs([("ALL_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "")])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}
