//! One message, over a real socket.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use domain::{Currency, Money, PaymentId, PaymentState, PaymentType, Time};
use orchestrator::Receivers as _;
use store::{Endpoint, EndpointState, Event, Payload};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;

/// Answers what it was told to, in turn; the last one over and over.
struct Script(Mutex<VecDeque<IpAddr>>);

#[async_trait]
impl Lookup for Script {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
        Ok(next.into_iter().collect())
    }
}

/// A name that led to a receiver when it was registered and leads inside when it is sent to.
#[tokio::test]
async fn a_name_that_leads_elsewhere_by_the_time_of_the_connection_is_not_connected_to() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let lookup = Script(Mutex::new(["127.0.0.1", "127.0.0.2"].map(|address| address.parse().unwrap()).into()));
    let receivers = HttpReceivers::with_lookup(&settings(), lookup, untraced()).unwrap();
    let endpoint = endpoint(&format!("http://shop.example:{port}/events"));
    let (sent, ()) = tokio::join!(
        send(&receivers, &endpoint),
        answer(&listener, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    );
    sent.unwrap();
    let refused = send(&receivers, &endpoint).await.unwrap_err();
    assert_eq!(refused.why, "its name leads to an address of a private or reserved network");
    assert!(!refused.gone && refused.retry_after.is_none());
}

#[tokio::test]
async fn an_answer_is_taken_for_what_its_status_says_and_nothing_else_of_it_is_read() {
    let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\nxxxx", u64::MAX / 2);
    let cases = [
        (endless.as_str(), Ok(())),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n",
            Err(("it answered 302, and no redirect is followed", false, None)),
        ),
        ("HTTP/1.1 410 Gone\r\n\r\n", Err(("it answered 410", true, None))),
        ("HTTP/1.1 503 Busy\r\nretry-after: 7\r\n\r\n", Err(("it answered 503", false, Some(7)))),
        ("HTTP/1.1 500 Broken\r\nretry-after: 7\r\n\r\n", Err(("it answered 500", false, None))),
        ("nonsense\r\n\r\n", Err(("the connection broke before it answered", false, None))),
    ];
    for (text, expected) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receivers = HttpReceivers::new(&settings(), untraced()).unwrap();
        let endpoint = endpoint(&format!("http://{}/", listener.local_addr().unwrap()));
        let (sent, ()) = tokio::join!(send(&receivers, &endpoint), answer(&listener, text));
        let seen = sent
            .as_ref()
            .copied()
            .map_err(|one| (one.why.as_str(), one.gone, one.retry_after.map(|pause| pause.as_secs())));
        assert_eq!(seen, expected, "{text}");
    }
}

async fn answer(listener: &TcpListener, text: &str) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"}}") {
        let mut some = [0; 1024];
        let count = socket.read(&mut some).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&some[..count]);
    }
    socket.write_all(text.as_bytes()).await.unwrap();
}

async fn send(receivers: &HttpReceivers, endpoint: &Endpoint) -> Result<(), Refusal> {
    let event = Event {
        position: 1,
        payment: PaymentId::from(Uuid::from_u128(7)),
        sequence: 1,
        version: 1,
        state: PaymentState::Submitted,
        occurred_at: Time::EPOCH,
        shop: "main".parse().unwrap(),
        reference_id: "order-1".parse().unwrap(),
        payment_type: PaymentType::Deposit,
        requested: Money::evidenced("11.12".parse().unwrap(), "EUR".parse::<Currency>().unwrap()).unwrap(),
        trace: None,
    };
    let secrets = [gateway_client::Secret::from(new_secret().to_string())];
    receivers.send(Message { endpoint, event: &event, payment: None, secrets: &secrets, at: Time::EPOCH }).await
}

fn untraced() -> Arc<Traces> {
    Arc::new(Traces::unrecorded(&settings::load(None, []).unwrap().tracing))
}

fn settings() -> settings::WebhookEndpoints {
    let environment = [
        ("WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS".to_owned(), "127.0.0.1/32".to_owned()),
        ("WEBHOOK_ENDPOINTS__ALLOW_HTTP".to_owned(), "true".to_owned()),
    ];
    settings::load(None, environment).unwrap().webhook_endpoints
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        id: Uuid::from_u128(1),
        url: url.to_owned(),
        description: String::new(),
        shops: [].into(),
        event_types: [].into(),
        payload: Payload::Thin,
        secrets: Vec::new(),
        state: EndpointState::Enabled,
        reason: None,
        made_by: None,
        made_at: Time::EPOCH,
        position: 0,
        failures: 0,
        failing_since: None,
        last_failure: None,
        delivered_at: None,
        next_at: Time::EPOCH,
        epoch: 0,
    }
}
