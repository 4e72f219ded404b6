//! What only people may decide: forced with a reason, on what they have seen, by two where much is at stake.

use std::time::Duration;

use gateway_simulator::{Correction, Endpoint, Fault, WebhookDelivery};
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, CALLER_KEY, Kind, TestApp, admit, on_every_store, order};
use crate::orders::payout;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const SECOND_PERSON: &str = "pk_of_the_second_person";

impl TestApp {
    async fn with_a_second_person(&self) {
        admit(self.serving().keys(), SECOND_PERSON, &[Scope::OpsRead, Scope::OpsWrite], &[]).await;
    }

    /// What a person does who has seen this version.
    async fn resolve(&self, payment: &Value, body: &Value) -> Answer {
        let path = self.at(&format!("/v1/payments/{}/resolve", payment["id"].as_str().unwrap()));
        let version = format!("\"{}\"", payment["version"]);
        self.send(self.http.post(path).json(body).bearer_auth(CALLER_KEY).header("If-Match", version)).await
    }

    async fn by_the_second(&self, path: &str) -> Answer {
        self.send(self.http.post(self.at(path)).bearer_auth(SECOND_PERSON)).await
    }

    fn hush(&self) {
        self.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    }

    fn put_right(&self, reference: &str, correction: Correction) {
        self.gateway.with(|engine, _| {
            let id = engine.payments_of(reference).next().unwrap().id();
            assert!(engine.correct(id, correction));
        });
    }
}

fn said(body: Value) -> Value {
    let mut body = body;
    body["reason"] = json!("their support says so");
    body["ticket"] = json!("PAY-7");
    body
}

on_every_store! {
    /// Nobody knows of a withdrawal for a day; their support never had it, and two people let it go.
    async fn what_may_have_moved_is_let_go_by_two_people_after_a_day(app: TestApp) {
        app.with_a_second_person().await;
        app.fault("payout-1", Fault::LostBefore);
        assert_eq!(app.post("/v1/payments", &payout("payout-1")).await.status, 202);
        app.advance(16 * MINUTE);
        assert_eq!(app.stuck().await[0]["nextStep"]["action"], "redrive");
        let seen = app.payment("payout-1").await;
        let reject = said(json!({ "state": "REJECTED" }));
        let dry = app.resolve(&seen, &json!({ "state": "REJECTED", "dryRun": true })).await;
        assert_eq!((dry.status, &dry.body["needsSecondPerson"]), (200, &json!(true)), "{dry:?}");
        assert_eq!((&dry.body["request"], &dry.body["state"]), (&Value::Null, &json!("REJECTED")));

        let proposed = app.resolve(&seen, &reject).await;
        assert_eq!((proposed.status, &proposed.body["state"]), (202, &json!("open")), "{proposed:?}");
        assert_eq!(proposed.body["notBefore"], dry.body["notBefore"]);
        app.resolve(&seen, &reject).await.assert_problem("proposal-open");
        let path = format!("/v1/proposals/{}", proposed.body["id"].as_str().unwrap());
        app.post(&format!("{path}/approve"), &json!({})).await.assert_problem("maker-approves");
        app.by_the_second(&format!("{path}/approve")).await.assert_problem("too-early");
        assert_eq!(app.get("/v1/proposals").await.body["data"][0]["id"], proposed.body["id"]);

        app.advance(24 * HOUR);
        let approved = app.by_the_second(&format!("{path}/approve")).await;
        assert_eq!((approved.status, &approved.body["state"]), (200, &json!("REJECTED")), "{approved:?}");
        assert_eq!(approved.body["error"]["code"], "never-created");
        app.by_the_second(&format!("{path}/approve")).await.assert_problem("not-in-this-state");
        assert_eq!(app.stuck().await, Vec::<Value>::new());
        assert_eq!(app.posts_of("payout-1"), 1);
        let events = app.get(&format!("/v1/payments/{}/events", seen["id"].as_str().unwrap())).await.body;
        let entry = events["data"].as_array().unwrap().last().unwrap()["seen"]["operation"].clone();
        assert_eq!(entry["operator"]["ticket"], "PAY-7", "{entry}");
        assert!(entry["operator"]["approvedBy"]["key"] != entry["operator"]["by"]["key"], "{entry}");
        app.prove_the_books().await;
    }

    async fn a_refund_of_which_nobody_knows_is_sent_again_by_two_people_and_by_nobody_else(app: TestApp) {
        app.with_a_second_person().await;
        app.take("order-1").await;
        app.pay("order-1").await;
        let paid = app.end_of("order-1").await;
        app.fault("refund-1", Fault::LostBefore);
        let path = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
        let refund = app.post(&path, &json!({ "referenceId": "refund-1", "amount": "4" })).await;
        assert_eq!(refund.status, 202, "{refund:?}");
        app.pass(HOUR, 5 * MINUTE).await;
        let seen = app.payment("refund-1").await;
        let dry = app.resolve(&seen, &json!({ "action": "redrive", "dryRun": true })).await;
        assert_eq!(dry.body["request"]["method"], "POST", "{dry:?}");
        let shown = &dry.body["request"]["body"];
        assert_eq!((&shown["referenceId"], &shown["paymentType"]), (&json!("refund-1"), &json!("REFUND")));
        assert_eq!(shown["webhookUrl"], "not shown");

        let proposed = app.resolve(&seen, &said(json!({ "action": "redrive" }))).await;
        assert_eq!(proposed.status, 202, "{proposed:?}");
        let approve = format!("/v1/proposals/{}/approve", proposed.body["id"].as_str().unwrap());
        // Something is learned meanwhile: what was asked for was asked for another payment.
        app.advance(24 * HOUR);
        app.post(&format!("/v1/payments/{}/note", seen["id"].as_str().unwrap()), &json!({ "note": "called them" })).await;
        app.by_the_second(&approve).await.assert_problem("version-changed");
        let decline = approve.replace("approve", "decline");
        assert_eq!(app.by_the_second(&decline).await.body["state"], "declined");

        let seen = app.payment("refund-1").await;
        let proposed = app.resolve(&seen, &said(json!({ "action": "redrive" }))).await;
        let approve = format!("/v1/proposals/{}/approve", proposed.body["id"].as_str().unwrap());
        let sent = app.by_the_second(&approve).await;
        assert_eq!(sent.status, 200, "{sent:?}");
        assert_eq!((app.posts_of("refund-1"), app.gateway_payments_of("refund-1")), (2, 1));
        app.pass(10 * MINUTE, 10 * SECOND).await;
        assert_eq!(app.payment("refund-1").await["state"], "COMPLETED");
        assert_eq!(app.payment("order-1").await["refundedAmount"], "4.00");
        app.prove_the_books().await;
    }

    async fn what_is_no_longer_kept_is_not_sent_again_by_anybody(app: TestApp) {
        app.with_a_second_person().await;
        app.fault("payout-1", Fault::LostBefore);
        assert_eq!(app.post("/v1/payments", &payout("payout-1")).await.status, 202);
        app.pass(HOUR, 5 * MINUTE).await;
        let seen = app.payment("payout-1").await;
        let redrive = |dry: bool| said(json!({ "action": "redrive", "dryRun": dry }));
        assert_eq!(app.resolve(&seen, &redrive(true)).await.status, 200);
        let proposed = app.resolve(&seen, &redrive(false)).await;
        assert_eq!(proposed.status, 202, "{proposed:?}");

        app.advance(24 * HOUR);
        assert_eq!(app.serving().desk().forget_kept_requests().await.unwrap(), 1);
        let approve = format!("/v1/proposals/{}/approve", proposed.body["id"].as_str().unwrap());
        app.by_the_second(&approve).await.assert_problem("request-gone");
        for dry in [true, false] {
            app.resolve(&seen, &redrive(dry)).await.assert_problem("request-gone");
        }
        assert_eq!(app.posts_of("payout-1"), 1);
        assert_eq!(app.payment("payout-1").await["version"], seen["version"], "nothing was let go for it");
        app.prove_the_books().await;
    }

    /// Their support takes a capture back, and a person accepts it. It was captured all the same, and is not with another amount.
    async fn what_was_captured_is_not_captured_again_though_the_gateway_holds_it_again(app: TestApp) {
        app.hush();
        let mut held = order("rent-1");
        held["preAuth"] = json!(true);
        app.post("/v1/payments", &held).await;
        app.pay("rent-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        let path = format!("/v1/payments/{}", app.payment("rent-1").await["id"].as_str().unwrap());
        let capture = format!("{path}/capture");
        let captured = app.post(&capture, &json!({ "amount": "10" })).await;
        assert_eq!((captured.status, &captured.body["state"]), (200, &json!("COMPLETED")), "{captured:?}");

        app.put_right("rent-1", Correction::Authorized);
        let accepted = app.resolve(&app.get(&path).await.body, &said(json!({ "action": "accept" }))).await;
        assert_eq!((accepted.status, &accepted.body["state"]), (200, &json!("AUTHORIZED")), "{accepted:?}");
        app.post(&capture, &json!({ "amount": "9" })).await.assert_problem("already-given");
        let again = app.post(&capture, &json!({ "amount": "10" })).await;
        assert_eq!((again.status, again.headers["idempotent-replayed"].to_str().unwrap()), (200, "true"));
        assert_eq!(app.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Capture)), 1);
        app.prove_the_books().await;
    }

    async fn what_the_gateway_contradicts_itself_about_is_not_refunded(app: TestApp) {
        app.hush();
        app.take("order-1").await;
        app.pay("order-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        let path = format!("/v1/payments/{}", app.payment("order-1").await["id"].as_str().unwrap());
        app.put_right("order-1", Correction::Declined);
        assert_eq!(app.post(&format!("{path}/check"), &json!({})).await.status, 200);
        let refund = json!({ "referenceId": "refund-1", "amount": "4" });
        let refunds = format!("{path}/refunds");
        app.post(&refunds, &refund).await.assert_problem("not-refundable");
        assert_eq!(app.posts_of("refund-1"), 0);
        app.prove_the_books().await;
    }

    async fn what_the_gateway_shows_is_accepted_and_nothing_is_forced_against_it(app: TestApp) {
        app.hush();
        app.take("order-1").await;
        app.pay("order-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        let paid = app.payment("order-1").await;
        assert_eq!(paid["state"], "COMPLETED");
        app.resolve(&paid, &said(json!({ "state": "CANCELLED" }))).await.assert_problem("not-forcible");
        app.resolve(&paid, &said(json!({ "state": "REJECTED" }))).await.assert_problem("not-forcible");
        app.resolve(&paid, &said(json!({ "state": "SUBMITTED" }))).await.assert_problem("not-forcible");
        app.resolve(&paid, &said(json!({ "state": "AUTHORIZED" }))).await.assert_problem("not-forcible");
        app.resolve(&paid, &said(json!({ "action": "accept" }))).await.assert_problem("not-forcible");
        app.resolve(&paid, &said(json!({ "action": "redrive" }))).await.assert_problem("not-forcible");
        assert_eq!(app.payment("order-1").await["version"], paid["version"]);

        app.put_right("order-1", Correction::Declined);
        let dry = app.resolve(&paid, &json!({ "action": "accept", "dryRun": true })).await;
        assert_eq!((&dry.body["state"], &dry.body["needsSecondPerson"]), (&json!("DECLINED"), &json!(false)), "{dry:?}");
        let accepted = app.resolve(&paid, &said(json!({ "action": "accept" }))).await;
        assert_eq!((accepted.status, &accepted.body["state"]), (200, &json!("DECLINED")), "{accepted:?}");
        assert_eq!(app.stuck().await, Vec::<Value>::new(), "what it was flagged for is dealt with");
        app.prove_the_books().await;
    }

    async fn a_payment_that_no_list_shows_is_taken_over_by_the_id_that_proves_it(app: TestApp) {
        app.hush();
        app.fault("order-1", Fault::LostAfter);
        assert_eq!(app.take("order-1").await.status, 202);
        app.take("order-2").await;
        let id = |reference: &str| app.gateway.with(|engine, _| engine.payments_of(reference).next().unwrap().id().to_string());
        app.pay("order-1").await;
        app.advance(MINUTE);
        let seen = app.payment("order-1").await;
        let completed = |id: &str| said(json!({ "state": "COMPLETED", "gatewayPaymentId": id }));
        app.resolve(&seen, &said(json!({ "state": "COMPLETED" }))).await.assert_problem("not-forcible");
        app.resolve(&seen, &completed("0123456789abcdef0123456789abcdef")).await.assert_problem("not-forcible");
        app.resolve(&seen, &completed(&id("order-2"))).await.assert_problem("not-forcible");
        let taken_over = app.resolve(&seen, &completed(&id("order-1"))).await;
        assert_eq!((taken_over.status, &taken_over.body["state"]), (200, &json!("COMPLETED")), "{taken_over:?}");
        assert_eq!(taken_over.body["settledAmount"], "11.12");
        app.pass(MINUTE, 10 * SECOND).await;
        app.prove_the_books().await;
    }

    async fn whoever_has_not_seen_what_it_is_now_changes_nothing(app: TestApp) {
        app.hush();
        app.take("order-1").await;
        let seen = app.payment("order-1").await;
        app.put_right("order-1", Correction::Removed);
        let cancel = said(json!({ "state": "CANCELLED" }));
        let path = format!("/v1/payments/{}/resolve", seen["id"].as_str().unwrap());
        app.post(&path, &cancel).await.assert_problem("version-missing");
        app.post(&format!("/v1/payments/{}/note", seen["id"].as_str().unwrap()), &json!({ "note": "a" })).await;
        let stale = app.resolve(&seen, &cancel).await;
        stale.assert_problem("version-changed");
        assert!(stale.body["detail"].as_str().unwrap().contains("version 3"), "{stale:?}");
        for wrong in ["\"x\"", "W/\"3\"", "", "-1"] {
            let request = app.http.post(app.at(&path)).json(&cancel).bearer_auth(CALLER_KEY).header("If-Match", wrong);
            app.send(request).await.assert_problem("invalid-request");
        }
        let now = app.payment("order-1").await;
        // Two at once, who have seen the same: one of them changes it.
        let (one, other) = tokio::join!(app.resolve(&now, &cancel), app.resolve(&now, &cancel));
        let mut answers = [one.status, other.status];
        answers.sort_unstable();
        // The other one is told that it has changed, or that it is so already.
        assert!(matches!(answers, [200, 409 | 412]), "{one:?} {other:?}");
        assert_eq!(app.payment("order-1").await["state"], "CANCELLED");
        app.prove_the_books().await;
    }

    async fn a_dry_run_shows_the_request_and_sends_nothing(app: TestApp) {
        app.hush();
        let mut held = order("rent-1");
        held["preAuth"] = json!(true);
        app.take_order(&held).await;
        app.pay("rent-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        let seen = app.payment("rent-1").await;
        let path = format!("/v1/payments/{}", seen["id"].as_str().unwrap());
        let gateway = format!("/api/v1/payments/{}", seen["gatewayPaymentId"].as_str().unwrap());
        for (deed, body, method, at, state) in [
            ("void", json!({}), "POST", "/void", "CANCELLED"),
            ("capture", json!({ "amount": "5" }), "POST", "/capture", "COMPLETED"),
            ("check", json!({}), "GET", "", ""),
        ] {
            let mut body = body;
            body["dryRun"] = json!(true);
            let dry = app.post(&format!("{path}/{deed}"), &body).await;
            assert_eq!((dry.status, &dry.body["dryRun"]), (200, &json!(true)), "{dry:?}");
            let request = &dry.body["request"];
            assert_eq!((&request["method"], &request["path"]), (&json!(method), &json!(format!("{gateway}{at}"))));
            assert_eq!(dry.body["state"], if state.is_empty() { Value::Null } else { json!(state) });
        }
        let refused = app.post(&format!("{path}/approve"), &json!({ "dryRun": true })).await;
        refused.assert_problem("not-in-this-state");
        app.post(&format!("{path}/void"), &json!({ "dryRun": "yes" })).await.assert_problem("invalid-request");
        let calls = |endpoint| app.gateway.with(|engine, _| engine.counters().requests_to(endpoint));
        assert_eq!((calls(Endpoint::Void), calls(Endpoint::Capture)), (0, 0));
        assert_eq!(app.payment("rent-1").await["version"], seen["version"]);

        let void = app.http.post(app.at(&format!("{path}/void"))).json(&json!({})).bearer_auth(CALLER_KEY);
        app.send(void.header("If-Match", "\"1\"")).await.assert_problem("version-changed");
        assert_eq!(calls(Endpoint::Void), 0);
        app.post(&format!("{path}/capture"), &json!({})).await;
        app.pass(MINUTE, 10 * SECOND).await;
        let refund = json!({ "referenceId": "refund-1", "amount": "4", "dryRun": true });
        let dry = app.post(&format!("{path}/refunds"), &refund).await;
        assert_eq!((dry.status, &dry.body["request"]["body"]["amount"]), (200, &json!(4)), "{dry:?}");
        assert_eq!(app.payment("rent-1").await["refundableAmount"], "11.12", "nothing is reserved");
    }

    async fn what_is_stopped_is_not_taken_and_what_was_taken_goes_on(app: TestApp) {
        app.with_a_second_person().await;
        app.take("order-1").await;
        app.fault("held-1", Fault::Held);
        app.post("/v1/payments", &payout("held-1")).await;
        let stop = |stopped: bool| json!({ "stopped": stopped, "reason": "a drill" });
        let stopped = app.post("/v1/switches/withdrawals", &stop(true)).await;
        assert_eq!((stopped.status, &stopped.body["stopped"]), (200, &json!(true)), "{stopped:?}");
        let refused = app.post("/v1/payments", &payout("payout-1")).await;
        refused.assert_problem("stopped");
        assert_eq!(app.posts_of("payout-1"), 0);
        assert_eq!(app.take("order-2").await.status, 201, "deposits go on");
        admit(app.serving().keys(), "pk_approver", &[Scope::PayoutsApprove], &[]).await;
        let held = app.payment("held-1").await["id"].as_str().unwrap().to_owned();
        let approve = app.http.post(app.at(&format!("/v1/payments/{held}/approve"))).json(&json!({}));
        app.send(approve.bearer_auth("pk_approver")).await.assert_problem("stopped");
        app.post("/v1/switches/withdrawals", &stop(false)).await;
        assert_eq!(app.post("/v1/payments", &payout("payout-1")).await.status, 201);

        app.post("/v1/switches/new-payments", &stop(true)).await;
        app.take("order-3").await.assert_problem("stopped");
        assert_eq!(app.take("order-1").await.status, 200, "what was taken is answered as ever");
        app.pay("order-1").await;
        let paid = app.end_of("order-1").await;
        assert_eq!(paid["state"], "COMPLETED", "and goes on");
        let refund = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
        app.post(&refund, &json!({ "referenceId": "refund-1" })).await.assert_problem("stopped");
        assert!(app.metrics().await.contains("stopped{switch=\"new-payments\"} 1"));
        app.post("/v1/switches/new-payments", &stop(false)).await;

        app.post("/v1/switches/polling", &stop(true)).await;
        let asked = || app.gateway.with(|engine, _| {
            let counters = engine.counters();
            counters.requests_to(Endpoint::List) + counters.requests_to(Endpoint::Read)
        });
        let before = asked();
        app.pass(2 * HOUR, 10 * MINUTE).await;
        assert_eq!(asked(), before, "the gateway is left in peace");
        app.post("/v1/switches/polling", &stop(false)).await;
        app.pass(HOUR, 10 * MINUTE).await;
        assert!(asked() > before);

        let listed = app.get("/v1/switches").await.body["data"].clone();
        assert!(listed.as_array().unwrap().iter().all(|switch| switch["stopped"] == false), "{listed}");
        let changes = app.get("/v1/switches/withdrawals").await.body["data"].clone();
        assert_eq!(changes.as_array().unwrap().len(), 2);
        assert_eq!((&changes[1]["by"], &changes[1]["via"]), (&json!("test"), &json!("api")), "{changes}");
        app.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_the_amount_that_is_set_two_people_decide() {
    let app = TestApp::start_with(Kind::Sqlite, &[("RESOLVE__TWO_PEOPLE_ABOVE", "11.11")]).await;
    app.with_a_second_person().await;
    app.hush();
    app.take("order-1").await;
    app.put_right("order-1", Correction::Removed);
    let seen = app.payment("order-1").await;
    let proposed = app.resolve(&seen, &said(json!({ "state": "CANCELLED" }))).await;
    assert_eq!(proposed.status, 202, "{proposed:?}");
    assert_eq!(app.payment("order-1").await["state"], "CHECKOUT", "not yet");
    let approve = format!("/v1/proposals/{}/approve", proposed.body["id"].as_str().unwrap());
    let done = app.by_the_second(&approve).await;
    assert_eq!((done.status, &done.body["state"]), (200, &json!("CANCELLED")), "{done:?}");
    app.prove_the_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_wish_is_told_by_field_and_changes_nothing() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    let seen = app.payment("order-1").await;
    let card = "4000 0000 0000 0002";
    for (body, pointers) in [
        (json!({}), vec!["/reason", "/state", "/ticket"]),
        (said(json!({})), vec!["/state"]),
        (json!({ "state": "CANCELLED", "ticket": "PAY-7" }), vec!["/reason"]),
        (json!({ "state": "CANCELLED", "reason": "because" }), vec!["/ticket"]),
        (said(json!({ "state": "TIRED" })), vec!["/state"]),
        (said(json!({ "action": "shrug" })), vec!["/action"]),
        (said(json!({ "action": 7 })), vec!["/action"]),
        (said(json!({ "state": "COMPLETED", "gatewayPaymentId": "a b" })), vec!["/gatewayPaymentId"]),
        (said(json!({ "state": "CANCELLED", "note": "x" })), vec!["/note"]),
        (json!({ "state": "CANCELLED", "ticket": "PAY-7", "reason": card }), vec!["/reason"]),
    ] {
        let refused = app.resolve(&seen, &body).await;
        refused.assert_problem("invalid-request");
        let mut told = refused.pointers();
        told.sort_unstable();
        assert_eq!(told, pointers, "{body}");
        assert!(!refused.body.to_string().contains(card));
    }
    assert_eq!(app.payment("order-1").await["version"], seen["version"]);
    let unknown = app.post("/v1/switches/coffee", &json!({ "stopped": true, "reason": "x" })).await;
    unknown.assert_problem("not-found");
    let silent = app.post("/v1/switches/polling", &json!({ "stopped": "yes" })).await;
    silent.assert_problem("invalid-request");
    admit(app.serving().keys(), "pk_bound", &[Scope::OpsWrite], &["main"]).await;
    let bound = app.http.post(app.at("/v1/switches/polling")).json(&json!({ "stopped": true, "reason": "x" }));
    app.send(bound.bearer_auth("pk_bound")).await.assert_problem("missing-scope");
    app.by_the_second("/v1/proposals/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b42/approve")
        .await
        .assert_problem("unauthorized");
    let nothing = app.post("/v1/proposals/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b42/approve", &json!({})).await;
    nothing.assert_problem("not-found");
}
