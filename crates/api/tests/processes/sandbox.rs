//! The sandbox and `api trigger` are for simulated gateways; whoever turns to another one is told so.

use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::caller::order;
use crate::deployment::{CALLER_KEY, Deployment, Kind, on_every_store};

/// Somebody who is no simulated gateway: whatever is asked is not found there.
struct AnotherServer {
    url: String,
    /// The heads of what was asked.
    asked: Arc<Mutex<Vec<String>>>,
}

impl AnotherServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = [0; 4_096];
                let length = socket.read(&mut head).await.unwrap();
                heads.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).into_owned());
                let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = socket.write_all(answer).await;
            }
        });
        Self { url, asked }
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
}

/// `api trigger EVENT PAYMENT`, at the deployment's own gateway.
async fn trigger(deployment: &Deployment, event: &str, payment: &str) -> Output {
    trigger_at(deployment, event, payment, &deployment.gateway.url(), CALLER_KEY).await
}

async fn trigger_at(deployment: &Deployment, event: &str, payment: &str, gateway: &str, key: &str) -> Output {
    let url = deployment.url();
    deployment.run(&["trigger", event, payment, "--service", &url, "--gateway", gateway, "--key", key, "--json"]).await
}

on_every_store! {
    async fn a_payment_is_ended_by_hand_and_its_caller_sees_it(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let (_service, caller) = (deployment.serve().await, deployment.caller());
        let taken = caller.post_until_answered("/v1/payments", order("order-1")).await;
        let id = taken.body["id"].as_str().unwrap();
        let triggered = trigger(&deployment, "deposit.declined", id).await;
        assert_eq!(triggered.status.code(), Some(0), "{triggered:?}");
        let told: Value = serde_json::from_slice(&triggered.stdout).unwrap();
        let expected = json!({
            "event": "deposit.declined", "id": id, "referenceId": "order-1",
            "gatewayPaymentId": taken.body["gatewayPaymentId"], "gatewayState": "DECLINED",
        });
        assert_eq!(told, expected);
        let end = caller.payment_until("order-1", |payment| payment["final"] == true).await;
        assert_eq!(end["state"], "DECLINED");

        let again = said(&trigger(&deployment, "deposit.completed", "order-1").await);
        assert!(again.0 == Some(1) && again.1.contains("the payment is DECLINED"), "{again:?}");
        deployment.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_triggered_is_said_with_what_to_do() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let (_service, caller) = (deployment.serve().await, deployment.caller());
    let real = AnotherServer::start().await;
    caller.post_until_answered("/v1/payments", order("order 1/a")).await;
    deployment.fault("lost-1", gateway_simulator::Fault::LostAfter);
    let own = deployment.gateway.url();
    for (event, payment, gateway, key, code, why) in [
        ("deposit.completed", "order-2", own.as_str(), CALLER_KEY, 1, "no payment has this name"),
        ("deposit.completed", "order 1/a", &own, "pk_nobody", 2, "401"),
        ("refund.completed", "order 1/a", &own, CALLER_KEY, 2, "it is a DEPOSIT"),
        ("deposit.authorized", "order 1/a", &own, CALLER_KEY, 1, "only a pre-authorized deposit"),
        ("deposit.completed", "order 1/a", &real.url, CALLER_KEY, 2, "is no simulated gateway"),
        ("deposit.completed", "order 1/a", "http://127.0.0.1:1", CALLER_KEY, 3, "nobody answers"),
    ] {
        let (ended, line) = said(&trigger_at(&deployment, event, payment, gateway, key).await);
        assert_eq!((ended, line.lines().count()), (Some(code), 1), "{line}");
        assert!(line.contains(why), "{line}");
    }
    // Of the real one nothing was asked but who it is, and no key went there.
    let asked = real.asked.lock().unwrap().clone();
    assert!(!asked.is_empty() && asked.iter().all(|head| head.starts_with("GET /control ")), "{asked:?}");
    assert!(asked.iter().all(|head| !head.to_lowercase().contains("authorization")), "{asked:?}");
    let (ended, line) = said(&trigger(&deployment, "deposit.completed", "order 1/a").await);
    assert_eq!(ended, Some(0), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_does_not_open_with_a_gateway_that_is_not_simulated() {
    let real = AnotherServer::start().await;
    for (gateway, code, why) in
        [(real.url.as_str(), 2, "sandbox.enabled: http"), ("http://127.0.0.1:1", 3, "sandbox.enabled: nobody answers")]
    {
        let deployment = Deployment::of_settings(&[("SANDBOX__ENABLED", "true"), ("GATEWAY__BASE_URL", gateway)]);
        let output = deployment.run(&["serve"]).await;
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{log}");
        assert!(log.contains(why), "{log}");
        assert!(!deployment.database_file().exists(), "it is refused before anything is opened");
    }
}
