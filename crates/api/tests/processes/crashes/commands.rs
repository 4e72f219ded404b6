//! While a command is given: a capture, a void, the start of a host-to-host deposit.

use fault_catalogue::struck;
use gateway_simulator::Endpoint;
use serde_json::{Value, json};

use super::{REFERENCE, both_sides, die, die_at_each};
use crate::caller::{Caller, HandedOut, has_redirect, order};
use crate::deployment::{Deployment, Kind, on_every_store};

on_every_store! {
    async fn a_process_killed_anywhere_while_held_money_is_captured_leaves_it_to_the_next_one(kind: Kind) {
        die_at_each(kind, &points(), |kind, point| async move {
            command(kind, point, "capture", Endpoint::Capture, "COMPLETED").await;
        }).await;
        struck(8, points().len());
    }

    async fn a_process_killed_anywhere_while_held_money_is_let_go_leaves_it_to_the_next_one(kind: Kind) {
        die_at_each(kind, &points(), |kind, point| async move {
            command(kind, point, "void", Endpoint::Void, "CANCELLED").await;
        }).await;
        struck(8, points().len());
    }

    async fn a_process_killed_anywhere_while_a_deposit_is_started_host_to_host_leaves_it_to_the_next_one(kind: Kind) {
        let points = [both_sides("commit", 2..=3), both_sides("patch", 1..=1), both_sides("post", 1..=1)].concat();
        die_at_each(kind, &points, start).await;
        struck(8, points.len());
    }
}

/// The command's entry, its request, and what came of it.
fn points() -> Vec<String> {
    [both_sides("load", 1..=1), both_sides("commit", 1..=2), both_sides("post", 1..=1)].concat()
}

/// A command is given once, and again by a caller who got no answer; the payment comes to its end.
async fn command(kind: Kind, point: String, name: &str, endpoint: Endpoint, end: &'static str) {
    let deployment = Deployment::new(kind).await;
    let caller = deployment.caller();
    let first = deployment.serve().await;
    let held = hold(&caller).await;
    first.kill().await;
    let path = format!("/v1/payments/{}/{name}", held["id"].as_str().unwrap());
    let (answer, service) = die(&deployment, &point, &[], caller.post_until_answered(&path, json!({}))).await;
    assert!(matches!(answer.status, 200 | 202), "{point}: {answer:?}");
    let ended =
        caller.payment_until(REFERENCE, |payment| payment["state"] == end && payment["pendingCommand"].is_null());
    ended.await;
    let requests = deployment.gateway.with(|engine, _| engine.counters().requests_to(endpoint));
    assert!((1..=2).contains(&requests), "{point}: {requests} requests");
    deployment.prove_the_books().await;
    service.kill().await;
}

/// A deposit whose money is held.
pub(super) async fn hold(caller: &Caller) -> Value {
    let mut order = order(REFERENCE);
    order["preAuth"] = json!(true);
    let taken = caller.post_until_answered("/v1/payments", order).await;
    caller.pay(&taken.body).await;
    caller.payment_until(REFERENCE, |payment| payment["state"] == "AUTHORIZED").await
}

/// A PATCH leaves once, or never; what became of a lost one is not known, and is said so.
async fn start(kind: Kind, point: String) {
    let deployment = Deployment::new(kind).await;
    let caller = deployment.caller();
    let mut order = order(REFERENCE);
    order["flow"] = json!("H2H");
    order["customer"] = json!({ "ip": "81.4.178.167" });
    let (answer, service) = die(&deployment, &point, &[], caller.post_until_answered("/v1/payments", order)).await;
    let mut handed_out = HandedOut::default();
    handed_out.note(&answer.body);
    // Looked at since, and it does not tell: nothing is sent, since a PATCH may have left.
    let is_unknown = |payment: &Value| {
        !payment["pendingCommand"].is_null() && payment["why"].as_str().unwrap().contains("and a look")
    };
    let started_or_unknown =
        |payment: &Value| payment["state"] == "PENDING" || has_redirect(payment) || is_unknown(payment);
    handed_out.note(&caller.payment_until(REFERENCE, started_or_unknown).await);
    handed_out.prove_that_it_is_one();
    let patches = deployment.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Patch));
    assert!(patches <= 1, "{point}: {patches} PATCHes");
    assert_eq!(deployment.posts_of(REFERENCE), 1, "{point}");
    deployment.prove_the_books().await;
    service.kill().await;
}
