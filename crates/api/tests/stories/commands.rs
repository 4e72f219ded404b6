//! What the merchant has the gateway do with a payment that it knows: captures and voids of held money.

use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, on_every_store, order};

const MINUTE: Duration = Duration::from_mins(1);

/// 11.12 EUR are held; the path of the payment.
async fn authorized(app: &TestApp, reference: &str) -> String {
    let mut order = order(reference);
    order["preAuth"] = json!(true);
    let taken = app.post("/v1/payments", &order).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    app.pay(reference).await;
    let held = wait_for(app, reference, "AUTHORIZED").await;
    assert_eq!(held["nextAction"], json!({ "type": "capture" }), "{held}");
    format!("/v1/payments/{}", held["id"].as_str().unwrap())
}

async fn wait_for(app: &TestApp, reference: &str, state: &str) -> Value {
    let path = format!("/v1/payments/by-reference/{reference}");
    let mut version = 0;
    loop {
        let found = app.get(&format!("{path}?wait=20&after={version}")).await.body;
        if found["state"] == state {
            return found;
        }
        assert!(found["version"].as_u64().unwrap() > version, "it never came to {state}: {found}");
        version = found["version"].as_u64().unwrap();
    }
}

fn strike(app: &TestApp, reference: &str, on: Endpoint, fault: Fault) {
    let rule = FaultRule { prefix: reference.to_owned(), fault, on, times: Some(1) };
    app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
}

fn calls(app: &TestApp, endpoint: Endpoint) -> u64 {
    app.gateway.with(|engine, _| engine.counters().requests_to(endpoint))
}

async fn capture(app: &TestApp, path: &str, amount: &str) -> Answer {
    app.post(&format!("{path}/capture"), &json!({ "amount": amount })).await
}

on_every_store! {
    async fn held_money_is_captured_once_whole(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        let captured = app.post(&format!("{path}/capture"), &json!({})).await;
        assert_eq!(captured.status, 200, "{captured:?}");
        assert_eq!((&captured.body["state"], &captured.body["capturedAmount"]), (&json!("COMPLETED"), &json!("11.12")));
        assert_eq!(captured.body["pendingCommand"], Value::Null);

        // The same again is answered with the payment, and the gateway is not called.
        let again = capture(&app, &path, "11.12").await;
        assert_eq!((again.status, again.headers["idempotent-replayed"].to_str().unwrap()), (200, "true"));
        capture(&app, &path, "5.00").await.assert_problem("not-in-this-state");
        app.post(&format!("{path}/void"), &json!({})).await.assert_problem("not-in-this-state");
        assert_eq!(calls(&app, Endpoint::Capture), 1);
        app.pass(MINUTE, Duration::from_secs(10)).await;
        app.prove_the_books().await;
    }

    async fn a_part_may_be_captured_and_the_rest_is_let_go(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        assert_eq!(capture(&app, &path, "11.13").await.pointers(), ["/amount"]);
        assert_eq!(capture(&app, &path, "0").await.pointers(), ["/amount"]);
        assert_eq!(calls(&app, Endpoint::Capture), 0, "nothing of it left");
        let captured = capture(&app, &path, "10").await;
        assert_eq!((captured.status, &captured.body["settledAmount"]), (200, &json!("10.00")), "{captured:?}");
        assert_eq!(captured.body["flags"], json!([]), "it is what was captured");
        assert_eq!(captured.body["amount"], "11.12", "what was asked for never changes");
        app.pass(MINUTE, Duration::from_secs(10)).await;
        assert_eq!(app.payment("rent-1").await["refundableAmount"], "10.00");
        app.prove_the_books().await;
    }

    async fn held_money_is_let_go_and_cannot_be_captured_then(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        // No body at all will do.
        let voided = app.send(app.http.post(app.at(&format!("{path}/void"))).bearer_auth(crate::app::CALLER_KEY)).await;
        assert_eq!((voided.status, &voided.body["state"]), (200, &json!("CANCELLED")), "{voided:?}");
        app.post(&format!("{path}/capture"), &json!({})).await.assert_problem("not-in-this-state");
        let again = app.post(&format!("{path}/void"), &json!({})).await;
        assert_eq!((again.status, again.headers["idempotent-replayed"].to_str().unwrap()), (200, "true"));
        app.prove_the_books().await;
    }

    async fn a_capture_whose_answer_is_lost_is_pending_until_a_look_tells(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        strike(&app, "rent-1", Endpoint::Capture, Fault::LostAfter);
        app.gateway.with(|engine, _| engine.faults_mut().add("rent-1", Fault::HookNever, None));
        let unknown = capture(&app, &path, "10").await;
        assert_eq!(unknown.status, 202, "{unknown:?}");
        assert_eq!(unknown.body["pendingCommand"]["kind"], "capture");
        assert_eq!(unknown.body["pendingCommand"]["outcome"], "unknown");
        assert_eq!((&unknown.body["state"], &unknown.body["nextAction"]), (&json!("AUTHORIZED"), &Value::Null));
        // Meanwhile nothing else may be done with it, and the same is the same.
        app.post(&format!("{path}/void"), &json!({})).await.assert_problem("command-open");
        capture(&app, &path, "5").await.assert_problem("command-open");
        assert_eq!(capture(&app, &path, "10.00").await.status, 202);

        app.pass(MINUTE, Duration::from_secs(5)).await;
        let known = app.payment("rent-1").await;
        assert_eq!((&known["state"], &known["settledAmount"]), (&json!("COMPLETED"), &json!("10.00")), "{known}");
        assert_eq!(known["pendingCommand"], Value::Null);
        assert_eq!(calls(&app, Endpoint::Capture), 1);
        app.prove_the_books().await;
    }

    async fn a_whole_capture_that_never_arrived_is_repeated_once_nothing_of_it_was_seen_twice(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        strike(&app, "rent-1", Endpoint::Capture, Fault::LostBefore);
        assert_eq!(app.post(&format!("{path}/capture"), &json!({})).await.status, 202);
        app.pass(MINUTE * 5, Duration::from_secs(10)).await;
        assert_eq!(calls(&app, Endpoint::Capture), 1, "not before the quarantine is over");
        app.pass(MINUTE * 15, Duration::from_secs(30)).await;
        let captured = app.payment("rent-1").await;
        assert_eq!((&captured["state"], calls(&app, Endpoint::Capture)), (&json!("COMPLETED"), 2), "{captured}");
        app.prove_the_books().await;
    }

    async fn a_part_that_may_have_been_captured_is_never_captured_again_by_the_machine(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        strike(&app, "rent-1", Endpoint::Capture, Fault::LostBefore);
        assert_eq!(capture(&app, &path, "10").await.status, 202);
        app.pass(Duration::from_hours(30), Duration::from_mins(20)).await;
        let waiting = app.payment("rent-1").await;
        assert_eq!((&waiting["state"], calls(&app, Endpoint::Capture)), (&json!("AUTHORIZED"), 1), "{waiting}");
        assert_eq!(waiting["pendingCommand"]["outcome"], "unknown", "age is no evidence");
        assert!(waiting["why"].as_str().unwrap().contains("a capture was sent at"), "{waiting}");
        app.prove_the_books().await;
    }

    async fn a_no_of_the_gateway_is_believed_after_a_look(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        strike(&app, "rent-1", Endpoint::Void, Fault::StatusBefore(400));
        let refused = app.post(&format!("{path}/void"), &json!({})).await;
        refused.assert_problem("command-refused");
        let still = app.payment("rent-1").await;
        assert_eq!((&still["state"], &still["pendingCommand"]), (&json!("AUTHORIZED"), &Value::Null));
        assert!(still["why"].as_str().unwrap().contains("the gateway refused a void"), "{still}");
        // A no that comes although it was done is seen through.
        strike(&app, "rent-1", Endpoint::Void, Fault::StatusAfter(400));
        let voided = app.post(&format!("{path}/void"), &json!({})).await;
        assert_eq!((voided.status, &voided.body["state"]), (200, &json!("CANCELLED")), "{voided:?}");
        app.prove_the_books().await;
    }

    async fn a_capture_that_the_gateway_takes_its_time_for_is_pending_and_then_completed(app: TestApp) {
        let mut order = order("capture-late-1");
        order["preAuth"] = json!(true);
        app.post("/v1/payments", &order).await;
        app.pay("capture-late-1").await;
        let held = wait_for(&app, "capture-late-1", "AUTHORIZED").await;
        let path = format!("/v1/payments/{}", held["id"].as_str().unwrap());
        let pending = app.post(&format!("{path}/capture"), &json!({})).await;
        assert_eq!((pending.status, &pending.body["state"]), (200, &json!("PENDING")), "{pending:?}");
        assert_eq!(pending.body["pendingCommand"], Value::Null, "the gateway has it");
        app.pass(MINUTE, Duration::from_secs(5)).await;
        assert_eq!(app.end_of("capture-late-1").await["state"], "COMPLETED");
        app.prove_the_books().await;
    }

    async fn what_is_wrong_with_a_command_is_told_by_field(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        for (body, pointers) in [
            (json!({ "amount": -1 }), vec!["/amount"]),
            (json!({ "amount": "1.001" }), vec!["/amount"]),
            (json!({ "amount": "1e400" }), vec!["/amount"]),
            (json!({ "amount": "5", "amout": 5 }), vec!["/amout"]),
            (json!({ "currency": "EUR" }), vec!["/currency"]),
        ] {
            let refused = app.post(&format!("{path}/capture"), &body).await;
            assert_eq!((refused.status, refused.pointers()), (422, pointers), "{body}");
        }
        assert_eq!(app.post(&format!("{path}/void"), &json!({ "reason": "none" })).await.pointers(), ["/reason"]);
        app.post(&format!("{path}/capture"), &json!([1])).await.assert_problem("malformed-body");
        app.post(&format!("{path}/approve"), &json!({})).await.assert_problem("not-in-this-state");
        app.post("/v1/payments/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b42/void", &json!({})).await.assert_problem("not-found");
        assert_eq!(calls(&app, Endpoint::Capture) + calls(&app, Endpoint::Void), 0);
        assert_eq!(app.payment("rent-1").await["state"], "AUTHORIZED");
    }

    async fn two_who_capture_at_once_capture_once(app: TestApp) {
        let path = authorized(&app, "rent-1").await;
        let both = futures::future::join_all((0..8).map(|_| capture(&app, &path, "10"))).await;
        assert!(both.iter().all(|answer| [200, 202].contains(&answer.status)), "{both:?}");
        assert_eq!(both.iter().filter(|answer| !answer.headers.contains_key("idempotent-replayed")).count(), 1);
        assert_eq!(calls(&app, Endpoint::Capture), 1);
        assert_eq!(app.end_of("rent-1").await["settledAmount"], "10.00");
        app.prove_the_books().await;
    }
}
