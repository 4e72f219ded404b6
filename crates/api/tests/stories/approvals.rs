//! Withdrawals that the gateway holds until the merchant lets them go: ordered by one, approved by another.

use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule};
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, TestApp, admit, on_every_store};

const MINUTE: Duration = Duration::from_mins(1);
const APPROVER: &str = "pk_of_the_approver";

/// A withdrawal that is held; its path. Somebody else may approve it.
async fn held(app: &TestApp, reference: &str) -> String {
    admit(app.serving().keys(), APPROVER, &[Scope::PayoutsApprove], &[]).await;
    let order = json!({
        "referenceId": reference, "paymentType": "WITHDRAWAL", "amount": "90", "currency": "EUR",
        "customer": { "accountNumber": "DE02120300000000202051" },
    });
    let taken = app.post("/v1/payments", &order).await;
    assert_eq!((taken.status, &taken.body["state"]), (201, &json!("AWAITING_APPROVAL")), "{taken:?}");
    assert_eq!(taken.body["nextAction"], json!({ "type": "approve" }));
    format!("/v1/payments/{}", taken.body["id"].as_str().unwrap())
}

async fn by_the_approver(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.send(app.http.post(app.at(path)).json(body).bearer_auth(APPROVER)).await
}

fn calls(app: &TestApp, endpoint: Endpoint) -> u64 {
    app.gateway.with(|engine, _| engine.counters().requests_to(endpoint))
}

on_every_store! {
    async fn whoever_ordered_it_cannot_approve_it_and_somebody_else_can(app: TestApp) {
        let path = held(&app, "held-1").await;
        app.post(&format!("{path}/approve"), &json!({})).await.assert_problem("maker-approves");
        assert_eq!(calls(&app, Endpoint::Approve), 0);
        let approved = by_the_approver(&app, &format!("{path}/approve"), &json!({})).await;
        assert_eq!((approved.status, &approved.body["state"]), (200, &json!("PENDING")), "{approved:?}");
        let again = by_the_approver(&app, &format!("{path}/approve"), &json!({})).await;
        assert_eq!((again.status, again.headers["idempotent-replayed"].to_str().unwrap()), (200, "true"));
        by_the_approver(&app, &format!("{path}/reject"), &json!({})).await.assert_problem("not-in-this-state");
        app.pass(MINUTE, Duration::from_secs(5)).await;
        assert_eq!(app.payment("held-1").await["state"], "COMPLETED");
        assert_eq!(calls(&app, Endpoint::Approve), 1);
        app.prove_the_books().await;
    }

    async fn a_rejected_one_ends_as_cancelled_with_its_reason(app: TestApp) {
        let path = held(&app, "held-1").await;
        let too_long = by_the_approver(&app, &format!("{path}/reject"), &json!({ "reason": "x".repeat(300) })).await;
        assert_eq!(too_long.pointers(), ["/reason"]);
        // Whoever ordered it may take it back.
        let rejected = app.post(&format!("{path}/reject"), &json!({ "reason": "not confirmed" })).await;
        assert_eq!((rejected.status, &rejected.body["state"]), (200, &json!("CANCELLED")), "{rejected:?}");
        assert_eq!(rejected.body["error"]["code"], "8.00");
        assert_eq!(rejected.body["error"]["externalResultCode"], "not confirmed");
        app.prove_the_books().await;
    }

    async fn an_approval_that_never_arrived_is_given_again_since_it_does_nothing_twice(app: TestApp) {
        let path = held(&app, "held-1").await;
        let rule = FaultRule { prefix: "held-1".to_owned(), fault: Fault::LostBefore, on: Endpoint::Approve, times: Some(1) };
        app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
        assert_eq!(by_the_approver(&app, &format!("{path}/approve"), &json!({})).await.status, 202);
        by_the_approver(&app, &format!("{path}/reject"), &json!({})).await.assert_problem("command-open");
        app.pass(MINUTE * 20, Duration::from_secs(20)).await;
        assert_eq!((&app.payment("held-1").await["state"], calls(&app, Endpoint::Approve)), (&json!("COMPLETED"), 2));
        app.prove_the_books().await;
    }
}
