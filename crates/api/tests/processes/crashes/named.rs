//! While a request with an `Idempotency-Key` is done: whoever sends it again is answered, and nothing was done twice.

use gateway_simulator::Endpoint;
use serde_json::{Value, json};

use super::commands::hold;
use super::{REFERENCE, both_sides, die, die_at_each};
use crate::caller::{Answer, Caller, HandedOut, is_settled};
use crate::deployment::{Deployment, Kind, on_every_store};
use crate::waiting::Waiting;

const NAME: &str = "\"the one name of it\"";
const REFUND: &str = "refund-1001";

on_every_store! {
    async fn a_process_killed_anywhere_in_a_named_capture_leaves_its_name_to_the_next_one(kind: Kind) {
        let points = [
            both_sides("claim_request", 1..=1),
            both_sides("load", 1..=1),
            both_sides("commit", 1..=2),
            both_sides("post", 1..=1),
            both_sides("keep_answer", 1..=1),
        ]
        .concat();
        die_at_each(kind, &points, capture).await;
    }

    async fn a_process_killed_anywhere_in_a_named_refund_leaves_its_name_to_the_next_one(kind: Kind) {
        let points = [
            both_sides("claim_request", 1..=1),
            both_sides("load", 1..=2),
            both_sides("commit", 1..=2),
            both_sides("post", 1..=1),
        ]
        .concat();
        die_at_each(kind, &points, refund).await;
    }

    async fn a_process_killed_anywhere_in_a_named_order_leaves_its_name_to_the_next_one(kind: Kind) {
        let points = [both_sides("claim_request", 1..=1), both_sides("open", 1..=1), both_sides("post", 1..=1)].concat();
        die_at_each(kind, &points, order).await;
    }
}

/// A command has its name to itself for three minutes. If its process dies meanwhile, a repeat is told to wait until they are
/// over, then does what is left to do; what it is answered is what everybody is answered from then on.
async fn capture(kind: Kind, point: String) {
    let deployment = Deployment::new(kind).await;
    let caller = deployment.caller();
    let first = deployment.serve().await;
    let held = hold(&caller).await;
    first.kill().await;

    let path = format!("/v1/payments/{}/capture", held["id"].as_str().unwrap());
    let body = json!({});
    let (waited, service) =
        die(&deployment, &point, &[], named_once_it_may_be(&deployment, &caller, &path, &body)).await;
    let (answer, waited) = waited;
    assert!(matches!(answer.status, 200 | 202), "{point}: {answer:?}");
    // Whoever died before it had the name, or when its answer was kept, kept nobody waiting.
    let is_free = matches!(point.as_str(), "claim_request:before:1" | "keep_answer:after:1");
    assert_eq!(waited, !is_free, "{point}");
    let captured = |payment: &Value| payment["state"] == "COMPLETED" && payment["capturedAmount"] == "11.12";
    caller.payment_until(REFERENCE, captured).await;

    let again = caller.try_named_post(&path, &body, NAME).await.unwrap();
    assert_eq!((again.status, &again.body), (answer.status, &answer.body), "{point}");
    for (path, body) in [(&path, json!({ "amount": "9" })), (&path.replace("capture", "void"), body)] {
        let another = caller.try_named_post(path, &body, NAME).await.unwrap();
        assert_eq!(
            (another.status, &another.body["code"]),
            (422, &json!("idempotency-key-reused")),
            "{point}: {another:?}"
        );
    }
    // One that may have left leaves once more at most, and the gateway captures a payment once.
    let requests = deployment.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Capture));
    assert!((1..=2).contains(&requests), "{point}: {requests} requests");
    deployment.prove_the_books().await;
    service.kill().await;
}

/// Under the name of a refund goes its reference: nobody waits, and its money is held or gone once.
async fn refund(kind: Kind, point: String) {
    let deployment = Deployment::new(kind).await;
    let caller = deployment.caller();
    let first = deployment.serve().await;
    let taken = caller.order(REFERENCE, &mut HandedOut::default()).await;
    caller.pay(&taken.body).await;
    let paid = caller.payment_until(REFERENCE, is_settled).await;
    first.kill().await;

    let path = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
    let body = json!({ "referenceId": REFUND, "amount": "11" });
    let (answer, service) = die(&deployment, &point, &[], named_until_answered(&caller, &path, &body)).await;
    assert!(matches!(answer.status, 200..=202), "{point}: {answer:?}");
    let another = json!({ "referenceId": "refund-1002", "amount": "0.1" });
    refuse_another(&caller, &point, &path, &another).await;
    let again = caller.try_named_post(&path, &body, NAME).await.unwrap();
    assert!(matches!(again.status, 200 | 202) && again.body["id"] == answer.body["id"], "{point}: {again:?}");
    assert!(deployment.posts_of(REFUND) <= 1, "{point}");
    let refunds = caller.try_get("/v1/payments?paymentType=REFUND").await.unwrap();
    assert_eq!(refunds.body["data"].as_array().unwrap().len(), 1, "{point}: {refunds:?}");
    caller.payment_until(REFERENCE, |payment| payment["refundableAmount"] == "0.12").await;
    deployment.prove_the_books().await;
    service.kill().await;
}

/// The same for what makes a payment.
async fn order(kind: Kind, point: String) {
    let deployment = Deployment::new(kind).await;
    let caller = deployment.caller();
    let body = crate::caller::order(REFERENCE);
    let (answer, service) = die(&deployment, &point, &[], named_until_answered(&caller, "/v1/payments", &body)).await;
    assert!(matches!(answer.status, 200..=202), "{point}: {answer:?}");
    refuse_another(&caller, &point, "/v1/payments", &crate::caller::order("order-1002")).await;
    let again = caller.try_named_post("/v1/payments", &body, NAME).await.unwrap();
    assert!(matches!(again.status, 200 | 202) && again.body["id"] == answer.body["id"], "{point}: {again:?}");
    assert_eq!(deployment.posts_of("order-1002"), 0, "{point}");
    assert!(deployment.posts_of(REFERENCE) <= 1, "{point}");
    assert!(deployment.gateway_payments_of(REFERENCE) <= 1, "{point}");
    deployment.prove_the_books().await;
    service.kill().await;
}

async fn refuse_another(caller: &Caller, point: &str, path: &str, body: &Value) {
    let another = caller.try_named_post(path, body, NAME).await.unwrap();
    assert_eq!(
        (another.status, &another.body["code"]),
        (422, &json!("idempotency-key-reused")),
        "{point}: {another:?}"
    );
}

/// The same request until it is answered.
async fn named_until_answered(caller: &Caller, path: &str, body: &Value) -> Answer {
    let mut waiting = Waiting::until(format!("{path} is answered"));
    loop {
        match caller.try_named_post(path, body, NAME).await {
            Ok(answer) if !answer.tells_to_ask_again() => return answer,
            unanswered => waiting.goes_on(format!("{unanswered:?}")),
        }
        waiting.pause().await;
    }
}

/// The same; whoever is told that somebody is on it waits until the dead one's time is over. Answers whether one was.
async fn named_once_it_may_be(deployment: &Deployment, caller: &Caller, path: &str, body: &Value) -> (Answer, bool) {
    let mut waited = false;
    loop {
        let answer = named_until_answered(caller, path, body).await;
        if answer.body["code"] != "idempotency-key-in-flight" {
            return (answer, waited);
        }
        assert!(!waited, "it is in flight again, and nobody is on it: {answer:?}");
        waited = true;
        deployment.tamper(OVER).await;
    }
}

/// The three minutes of whoever has a name.
const OVER: &str = "update named_requests set leased_until = claimed_at where answer is null";
