//! What needs a person: each reason comes about, is listed with what to do, and that resolves it.

use std::time::Duration;

use gateway_simulator::{Correction, Endpoint, Fault, FaultRule, SignatureMode, WebhookDelivery, sign};
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, CALLER_KEY, Kind, SIGNING_KEY, TestApp, admit, eventually, on_every_store, order};
use crate::line::End;
use crate::orders::payout;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

impl TestApp {
    /// What is listed, each by its reason.
    pub(crate) async fn stuck(&self) -> Vec<Value> {
        let listed = self.get("/v1/stuck").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.body["data"].as_array().unwrap().clone()
    }

    async fn reasons(&self) -> Vec<String> {
        self.stuck().await.iter().map(|item| item["reason"].as_str().unwrap().to_owned()).collect()
    }

    /// The one thing that is listed, with this reason and in all it must have.
    async fn only_stuck(&self, reason: &str) -> Value {
        let items = self.stuck().await;
        assert_eq!(items.len(), 1, "{items:?}");
        let item = items[0].clone();
        assert_eq!(item["reason"], reason, "{item}");
        assert_eq!(item["nextStep"]["runbook"], format!("docs/runbook.md#{reason}"));
        assert!(!item["nextStep"]["text"].as_str().unwrap().is_empty());
        let counted = self.get(&format!("/v1/stuck?reason={reason}")).await.body["counts"].clone();
        let counted = counted.as_array().unwrap().iter().find(|count| count["reason"] == reason).unwrap().clone();
        assert_eq!((&counted["items"], &counted["more"]), (&json!(1), &json!(false)));
        assert_eq!(counted["oldestSince"], item["since"]);
        item
    }

    async fn nothing_is_stuck(&self) {
        assert_eq!(self.reasons().await, Vec::<String>::new());
    }

    fn path(item: &Value) -> String {
        format!("/v1/payments/{}", item["paymentId"].as_str().unwrap())
    }

    /// What `check` as the next step says.
    async fn check(&self, item: &Value) -> Answer {
        assert_eq!(item["nextStep"]["action"], "check", "{item}");
        self.post(&format!("{}/check", Self::path(item)), &json!({})).await
    }

    fn strike(&self, reference: &str, on: Endpoint, fault: Fault, times: u32) {
        let rule = FaultRule { prefix: reference.to_owned(), fault, on, times: Some(times) };
        self.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
    }

    fn mend_record(&self, reference: &str, correction: Correction) {
        self.gateway.with(|engine, _| {
            let id = engine.payments_of(reference).next().unwrap().id();
            assert!(engine.correct(id, correction));
        });
    }

    fn say_nothing(&self) {
        self.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    }

    async fn deliver_notice(&self, notice: &Value) -> Answer {
        let body = notice.to_string();
        self.notify(&body, sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes()).as_deref()).await
    }

    async fn settle(&self, item: &Value) -> Answer {
        let settled = self.post(&format!("{}/settle", Self::path(item)), &json!({ "reason": "dealt with" })).await;
        assert_eq!(settled.status, 200, "{settled:?}");
        settled
    }
}

on_every_store! {
    async fn a_customer_who_does_not_come_is_waited_for_until_the_page_has_lived(app: TestApp) {
        app.say_nothing();
        app.take("order-1").await;
        app.advance(23 * HOUR);
        app.nothing_is_stuck().await;
        app.advance(2 * HOUR);
        let item = app.only_stuck("waiting-for-customer").await;
        assert_eq!((&item["referenceId"], &item["state"]), (&json!("order-1"), &json!("CHECKOUT")));
        assert_eq!((&item["amountAtRisk"], &item["currency"]), (&json!("11.12"), &json!("EUR")));
        assert!(item["ageSeconds"].as_u64().unwrap() >= 25 * 3600 && item["nextCheckAt"].is_string(), "{item}");
        app.check(&item).await;
        app.nothing_is_stuck().await;
        assert_eq!(app.payment("order-1").await["state"], "CANCELLED", "the gateway had given it up");
        app.prove_the_books().await;
    }

    async fn a_deposit_that_the_gateway_works_on_for_too_long_is_asked_for(app: TestApp) {
        app.say_nothing();
        app.fault("order-1", Fault::Processing { millis: 90 * 60_000 });
        app.take("order-1").await;
        app.pay("order-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        assert_eq!(app.payment("order-1").await["state"], "PENDING");
        app.advance(61 * MINUTE);
        let item = app.only_stuck("waiting-for-gateway").await;
        app.advance(HOUR);
        app.check(&item).await;
        app.nothing_is_stuck().await;
        assert_eq!(app.payment("order-1").await["state"], "COMPLETED");
    }

    async fn an_unknown_outcome_is_listed_until_it_is_known(app: TestApp) {
        app.restart_with(&[("STUCK__OUTCOME_SECONDS", "60")]).await;
        app.fault("order-1", Fault::LostAfter);
        assert_eq!(app.take("order-1").await.status, 202);
        app.advance(59 * SECOND);
        app.nothing_is_stuck().await;
        app.advance(2 * SECOND);
        let item = app.only_stuck("unknown-outcome").await;
        assert_eq!((&item["state"], &item["tried"]["requests"]), (&json!("SUBMITTED"), &json!(1)), "{item}");
        assert!(item["why"].as_str().unwrap().contains("outcome is not known"), "{item}");
        app.check(&item).await;
        app.nothing_is_stuck().await;
        assert_eq!(app.posts_of("order-1"), 1);
    }

    async fn a_command_of_which_nobody_knows_is_listed_until_it_is_known(app: TestApp) {
        app.say_nothing();
        let mut held = order("rent-1");
        held["preAuth"] = json!(true);
        app.take_order(&held).await;
        app.pay("rent-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        let id = app.payment("rent-1").await["id"].as_str().unwrap().to_owned();
        app.strike("rent-1", Endpoint::Capture, Fault::LostAfter, 1);
        let captured = app.post(&format!("/v1/payments/{id}/capture"), &json!({})).await;
        assert_eq!(captured.status, 202, "{captured:?}");
        app.advance(16 * MINUTE);
        let item = app.only_stuck("command-outcome-unknown").await;
        app.check(&item).await;
        app.nothing_is_stuck().await;
        assert_eq!(app.payment("rent-1").await["state"], "COMPLETED");
        app.prove_the_books().await;
    }

    async fn held_money_is_captured_before_it_is_let_go(app: TestApp) {
        app.restart_with(&[("STUCK__AUTHORIZATION_SECONDS", "600")]).await;
        let mut held = order("rent-1");
        held["preAuth"] = json!(true);
        app.take_order(&held).await;
        app.pay("rent-1").await;
        app.pass(MINUTE, 10 * SECOND).await;
        app.nothing_is_stuck().await;
        app.advance(10 * MINUTE);
        let item = app.only_stuck("authorization-lapsing").await;
        assert_eq!(item["nextStep"]["action"], "capture");
        let captured = app.post(&format!("{}/capture", TestApp::path(&item)), &json!({})).await;
        assert_eq!(captured.status, 200, "{captured:?}");
        app.nothing_is_stuck().await;
    }

    async fn a_refund_that_takes_its_time_is_asked_for(app: TestApp) {
        app.restart_with(&[("STUCK__REFUND_SECONDS", "600")]).await;
        app.take("order-1").await;
        app.pay("order-1").await;
        let paid = app.end_of("order-1").await;
        app.say_nothing();
        app.fault("refund-1", Fault::Processing { millis: 15 * 60_000 });
        let path = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
        let refund = app.post(&path, &json!({ "referenceId": "refund-1", "amount": "4" })).await;
        assert_eq!((refund.status, &refund.body["state"]), (201, &json!("PENDING")), "{refund:?}");
        app.advance(11 * MINUTE);
        let item = app.only_stuck("refund-pending").await;
        assert_eq!((&item["amountAtRisk"], &item["paymentType"]), (&json!("4.00"), &json!("REFUND")));
        app.advance(5 * MINUTE);
        app.check(&item).await;
        app.nothing_is_stuck().await;
        app.run_workers_until_idle().await;
        app.prove_the_books().await;
    }

    async fn a_withdrawal_that_takes_its_time_is_asked_for(app: TestApp) {
        app.say_nothing();
        app.fault("payout-1", Fault::Processing { millis: 25 * 3_600_000 });
        let taken = app.post("/v1/payments", &payout("payout-1")).await;
        assert_eq!((taken.status, &taken.body["state"]), (201, &json!("PENDING")), "{taken:?}");
        app.advance(24 * HOUR + MINUTE);
        let item = app.only_stuck("withdrawal-pending").await;
        app.advance(HOUR);
        app.check(&item).await;
        app.nothing_is_stuck().await;
        assert_eq!(app.payment("payout-1").await["state"], "COMPLETED");
    }

    async fn a_withdrawal_that_waits_for_us_is_approved_by_somebody_else(app: TestApp) {
        admit(app.serving().keys(), "pk_approver", &[Scope::PayoutsApprove], &[]).await;
        app.fault("payout-1", Fault::Held);
        app.post("/v1/payments", &payout("payout-1")).await;
        app.advance(61 * MINUTE);
        let item = app.only_stuck("awaiting-approval").await;
        assert_eq!(item["nextStep"]["action"], "approve");
        let path = app.at(&format!("{}/approve", TestApp::path(&item)));
        let approved = app.send(app.http.post(path).json(&json!({})).bearer_auth("pk_approver")).await;
        assert_eq!(approved.status, 200, "{approved:?}");
        app.nothing_is_stuck().await;
    }

    async fn what_contradicts_itself_is_listed_at_once_until_somebody_settles_it(app: TestApp) {
        app.say_nothing();
        let taken = app.take("order-1").await.body;
        let told = |state| json!({ "id": taken["gatewayPaymentId"], "state": state });
        app.deliver_notice(&told("COMPLETED")).await;
        app.nothing_is_stuck().await;
        app.deliver_notice(&told("DECLINED")).await;
        let item = app.only_stuck("contradiction").await;
        assert_eq!(item["nextStep"]["action"], "settle");
        app.settle(&item).await;
        app.nothing_is_stuck().await;
        let flags = app.payment("order-1").await["flags"].to_string();
        assert!(flags.contains("contradiction"), "and it stays to be read: {flags}");
        // What was told before is no news; another end is.
        app.deliver_notice(&json!({ "id": taken["gatewayPaymentId"], "state": "DECLINED", "errorCode": "4.02" })).await;
        app.nothing_is_stuck().await;
        app.deliver_notice(&told("CANCELLED")).await;
        app.only_stuck("contradiction").await;
    }

    async fn what_the_gateway_does_not_find_is_listed_until_it_is_found_again(app: TestApp) {
        app.say_nothing();
        let taken = app.take("order-1").await.body;
        let check = format!("/v1/payments/{}/check", taken["id"].as_str().unwrap());
        app.mend_record("order-1", Correction::Removed);
        app.post(&check, &json!({})).await;
        let item = app.only_stuck("not-found-at-gateway").await;
        app.check(&item).await;
        app.only_stuck("not-found-at-gateway").await;
        app.mend_record("order-1", Correction::Restored);
        app.check(&item).await;
        app.nothing_is_stuck().await;
        app.mend_record("order-1", Correction::Removed);
        app.post(&check, &json!({})).await;
        app.only_stuck("not-found-at-gateway").await;
        app.prove_the_books().await;
    }

    async fn a_notice_that_nothing_matched_is_run_again(app: TestApp) {
        app.say_nothing();
        app.fault("order-1", Fault::LostAfter);
        assert_eq!(app.take("order-1").await.status, 202);
        let id = app.gateway.with(|engine, _| engine.payments_of("order-1").next().unwrap().id().to_string());
        app.deliver_notice(&json!({ "id": id, "state": "PENDING" })).await;
        app.advance(61 * MINUTE);
        app.serving().desk().file_waiting_notices(10).await.unwrap();
        let all = app.stuck().await;
        let unknown = all.iter().find(|item| item["reason"] == "unknown-outcome").unwrap().clone();
        let item = all.iter().find(|item| item["reason"] == "unmatched-webhook").unwrap().clone();
        assert_eq!((&item["gatewayPaymentId"], &item["paymentId"]), (&json!(id), &Value::Null), "{item}");
        assert_eq!(item["nextStep"]["action"], "rerun");
        app.check(&unknown).await;
        let rerun = format!("/v1/webhooks-in/{}/rerun", item["webhookId"].as_str().unwrap());
        assert_eq!(app.post(&rerun, &json!({})).await.status, 200);
        app.nothing_is_stuck().await;
    }

    async fn what_cannot_be_looked_at_again_and_again_is_listed_until_it_can(app: TestApp) {
        app.restart_with(&[("STUCK__FAILURES", "3"), ("GATEWAY__BREAKER_FAILURES", "1000")]).await;
        app.say_nothing();
        let taken = app.take("order-1").await.body;
        let check = format!("/v1/payments/{}/check", taken["id"].as_str().unwrap());
        app.strike("order-1", Endpoint::Read, Fault::StatusBefore(503), 3);
        for _ in 0..2 {
            app.post(&check, &json!({})).await;
        }
        app.nothing_is_stuck().await;
        app.post(&check, &json!({})).await;
        let item = app.only_stuck("check-failing").await;
        assert_eq!(item["tried"]["failures"], 3);
        app.check(&item).await;
        app.nothing_is_stuck().await;
    }

    async fn somebody_looks_after_it_notes_and_puts_it_off_and_all_of_it_is_in_the_ledger(app: TestApp) {
        app.say_nothing();
        app.take("order-1").await;
        app.advance(25 * HOUR);
        let item = app.only_stuck("waiting-for-customer").await;
        let path = TestApp::path(&item);
        assert_eq!((&item["assignee"], &item["snoozedUntil"]), (&Value::Null, &Value::Null));

        let assigned = app.post(&format!("{path}/assign"), &json!({ "assignee": "night shift" })).await;
        assert_eq!(assigned.status, 200, "{assigned:?}");
        let noted = app.post(&format!("{path}/note"), &json!({ "note": "asked the customer", "ticket": "PAY-7" })).await;
        assert_eq!(noted.status, 200, "{noted:?}");
        let until = app.serving().desk().now().plus(2 * HOUR).to_string();
        let snooze = json!({ "until": until, "reason": "they pay in the morning" });
        assert_eq!(app.post(&format!("{path}/snooze"), &snooze).await.status, 200);
        app.nothing_is_stuck().await;
        let put_off = app.get("/v1/stuck?snoozed=true").await.body["data"][0].clone();
        assert_eq!((&put_off["assignee"], &put_off["snoozedUntil"]), (&json!("night shift"), &json!(until)), "{put_off}");
        assert_eq!(put_off["since"], item["since"], "its age is what it was");
        app.advance(2 * HOUR);
        let back = app.only_stuck("waiting-for-customer").await;
        assert_eq!(back["assignee"], "night shift");
        assert_eq!(app.get("/v1/stuck?snoozed=true").await.body["data"], json!([]));

        let events = app.get(&format!("{path}/events")).await.body["data"].clone();
        let people: Vec<&Value> =
            events.as_array().unwrap().iter().filter(|event| event["source"] == "operator").collect();
        assert_eq!(people.len(), 3, "{events}");
        let (first, second) = (&people[0]["seen"]["operation"], &people[1]["seen"]["operation"]);
        assert_eq!((&first["deed"]["deed"], &first["deed"]["to"]), (&json!("assign"), &json!("night shift")));
        let operator = &second["operator"];
        assert_eq!((&operator["reason"], &operator["ticket"]), (&json!("asked the customer"), &json!("PAY-7")));
        assert_eq!((&operator["by"]["name"], &operator["via"]), (&json!("test"), &json!("api")));
        app.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_payment_under_the_reference_is_listed_with_its_money_until_somebody_settles_it() {
    let (app, line) = TestApp::start_on_a_line(Kind::Sqlite, &[]).await;
    app.say_nothing();
    line.lead_to(End::Doubling(app.gateway.address()));
    app.take("order-1").await;
    line.lead_to(End::Gateway(app.gateway.address()));
    app.pass(5 * MINUTE, 15 * SECOND).await;
    let item = app.only_stuck("surplus").await;
    assert_eq!((&item["amountAtRisk"], &item["nextStep"]["action"]), (&json!("11.12"), &json!("return-surplus")));
    app.settle(&item).await;
    app.nothing_is_stuck().await;
    app.prove_the_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_listed_is_what_the_key_may_see_and_what_was_asked_for() {
    let shops = [
        ("SHOPS__SECOND__API_KEY", crate::app::SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", crate::app::SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ];
    let app = TestApp::start_with(Kind::Sqlite, &shops).await;
    app.say_nothing();
    admit(app.serving().keys(), "pk_second", &[Scope::OpsRead, Scope::OpsWrite], &["second"]).await;
    for number in 0..3 {
        app.take(&format!("main-{number}")).await;
        app.advance(SECOND);
        let mut other = order(&format!("second-{number}"));
        other["shop"] = json!("second");
        app.take_order(&other).await;
        app.advance(SECOND);
    }
    app.advance(25 * HOUR);
    let with = |key: &'static str, query: &'static str| {
        let app = &app;
        async move {
            let listed = app.send(app.http.get(app.at(&format!("/v1/stuck{query}"))).bearer_auth(key)).await;
            assert_eq!(listed.status, 200, "{listed:?}");
            let names = listed.body["data"].as_array().unwrap().clone();
            let names: Vec<String> =
                names.iter().map(|item| item["referenceId"].as_str().unwrap().to_owned()).collect();
            (names, listed.body["counts"][0]["items"].as_u64(), listed.body["nextCursor"].clone())
        }
    };
    assert_eq!(with("pk_second", "").await.0, ["second-0", "second-1", "second-2"]);
    assert_eq!(with("pk_second", "").await.1, Some(3));
    assert_eq!(with("pk_second", "?shop=main").await, (Vec::new(), None, Value::Null));
    assert_eq!(with(CALLER_KEY, "?shop=main").await.0, ["main-0", "main-1", "main-2"]);
    assert_eq!(with(CALLER_KEY, "?reason=surplus&reason=contradiction").await.0, Vec::<String>::new());
    let (first, all, cursor) = with(CALLER_KEY, "?limit=4").await;
    assert_eq!((first.len(), all), (4, Some(6)));
    let rest = app.get(&format!("/v1/stuck?limit=4&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!((rest.body["data"].as_array().unwrap().len(), &rest.body["nextCursor"]), (2, &Value::Null));

    for (query, pointer) in [
        ("reason=tired", "reason"),
        ("snoozed=maybe", "snoozed"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
    ] {
        let refused = app.get(&format!("/v1/stuck?{query}")).await;
        refused.assert_problem("invalid-request");
        assert_eq!(refused.pointers(), [pointer]);
    }
    let theirs = app.payment("main-0").await["id"].as_str().unwrap().to_owned();
    for deed in ["assign", "note", "snooze", "settle"] {
        let path = app.at(&format!("/v1/payments/{theirs}/{deed}"));
        let hidden = app.send(app.http.post(path).json(&json!({ "reason": "x" })).bearer_auth("pk_second")).await;
        hidden.assert_problem("not-found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_says_wrong_is_told_by_field_and_changes_nothing() {
    let app = TestApp::start(Kind::Sqlite).await;
    let taken = app.take("order-1").await.body;
    let path = format!("/v1/payments/{}", taken["id"].as_str().unwrap());
    let now = app.serving().desk().now();
    let card = "4000 0000 0000 0002";
    let long = "x".repeat(501);
    for (deed, body, pointers) in [
        ("snooze", json!({ "until": now.to_string(), "reason": "later" }), vec!["/until"]),
        ("snooze", json!({ "until": now.plus(32 * 24 * HOUR).to_string(), "reason": "later" }), vec!["/until"]),
        ("snooze", json!({ "until": "tomorrow", "reason": "later" }), vec!["/until"]),
        ("snooze", json!({ "until": 7, "reason": "later" }), vec!["/until"]),
        ("snooze", json!({ "until": now.plus(HOUR).to_string() }), vec!["/reason"]),
        ("settle", json!({}), vec!["/reason"]),
        ("settle", json!({ "reason": "" }), vec!["/reason"]),
        ("settle", json!({ "reason": long }), vec!["/reason"]),
        ("settle", json!({ "reason": format!("paid by {card}") }), vec!["/reason"]),
        ("settle", json!({ "reason": "a", "ticket": "<script>\u{7}</script>" }), vec!["/ticket"]),
        ("note", json!({ "reason": "a" }), vec!["/note", "/reason"]),
        ("assign", json!({ "assignee": card }), vec!["/assignee"]),
        ("assign", json!({ "assignee": ["a"] }), vec!["/assignee"]),
    ] {
        let refused = app.post(&format!("{path}/{deed}"), &body).await;
        refused.assert_problem("invalid-request");
        let mut told = refused.pointers();
        told.sort_unstable();
        assert_eq!(told, pointers, "{deed} {body}");
        assert!(!refused.body.to_string().contains(card), "{refused:?}");
    }
    assert_eq!(app.payment("order-1").await["version"], taken["version"]);
    let script = app.post(&format!("{path}/note"), &json!({ "note": "<script>alert(1)</script>" })).await;
    assert_eq!(script.status, 200, "it is text, and shown as text: {script:?}");
    eventually("the entry", async || app.payment("order-1").await["version"] != taken["version"]).await;
}
