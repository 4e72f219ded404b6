//! The same deed for everything that is stuck and fits: counted first, done one by one, watched, stopped, taken over.

use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule, SignatureMode, WebhookDelivery, sign};
use serde_json::{Value, json};
use store::{BulkClaim, OwnerId, Scope};
use uuid::Uuid;

use crate::app::{
    Answer, CALLER_KEY, Kind, SECOND_API_KEY, SECOND_SIGNING_KEY, SIGNING_KEY, TestApp, admit, on_every_store, order,
};
use crate::receiver::Receiver;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const BULK: &str = "/v1/bulk-actions";

impl TestApp {
    /// As many deposits whose customers never came, the first one first.
    async fn leave_waiting(&self, count: usize) {
        self.gateway.with(|engine, _| engine.switches_mut().checkout_timeout_seconds = 30 * 24 * 60 * 60);
        self.hear_nothing();
        for number in 0..count {
            assert_eq!(self.take(&format!("order-{number}")).await.status, 201);
            self.advance(Duration::from_millis(10));
        }
        self.advance(25 * HOUR);
    }

    fn hear_nothing(&self) {
        self.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    }

    async fn order_bulk(&self, body: &Value) -> Value {
        let ordered = self.post(BULK, body).await;
        assert_eq!((ordered.status, &ordered.body["state"]), (202, &json!("waiting")), "{ordered:?}");
        assert_eq!(ordered.headers["location"], format!("{BULK}/{}", ordered.body["id"].as_str().unwrap()));
        ordered.body
    }

    async fn bulk_action(&self, ordered: &Value) -> Value {
        let found = self.get(&format!("{BULK}/{}", ordered["id"].as_str().unwrap())).await;
        assert_eq!(found.status, 200, "{found:?}");
        found.body
    }

    /// Takes turns until nothing is left to do.
    async fn act(&self) {
        for _ in 0..100 {
            if !self.serving().bulk().act_due().await.unwrap() {
                return;
            }
        }
        panic!("it never comes to its end");
    }

    /// What people did with a payment, each with why.
    async fn operated(&self, reference: &str) -> Vec<Value> {
        let found = self.get(&format!("/v1/payments?referenceId={reference}")).await.body;
        let id = found["data"][0]["id"].as_str().unwrap();
        let entries = self.get(&format!("/v1/payments/{id}/events")).await.body["data"].as_array().unwrap().clone();
        entries.into_iter().filter(|entry| entry["source"] == "operator").collect()
    }
}

fn why(entry: &Value) -> &str {
    entry["seen"]["operation"]["operator"]["reason"].as_str().unwrap()
}

on_every_store! {
    async fn all_that_fits_are_checked_one_by_one_and_each_ledger_says_who_and_why(app: TestApp) {
        app.hear_nothing();
        for number in 0..3 {
            app.take(&format!("order-{number}")).await;
        }
        app.advance(25 * HOUR);
        let filter = json!({ "reason": ["waiting-for-customer", "surplus"] });
        let preview = app.post(BULK, &json!({ "action": "check", "filter": filter, "dryRun": true })).await;
        assert_eq!((preview.status, &preview.body), (200, &json!({ "items": 3, "more": false, "itemsMax": 1000 })));
        assert_eq!(app.get(BULK).await.body["data"], json!([]), "nothing was ordered");

        let body = json!({ "action": "check", "filter": filter, "reason": "their outage is over", "ticket": "PAY-7" });
        let ordered = app.order_bulk(&body).await;
        assert_eq!((&ordered["action"], &ordered["expected"], &ordered["done"]), (&json!("check"), &json!(3), &json!(0)));
        assert_eq!(app.stuck().await.len(), 3, "it is the service that does it");
        app.act().await;
        let done = app.bulk_action(&ordered).await;
        assert_eq!((&done["state"], &done["done"], &done["failed"]), (&json!("completed"), &json!(3), &json!(0)), "{done}");
        assert!(done["finishedAt"].is_string() && done["orderedBy"] == "test" && done["stoppedBy"].is_null(), "{done}");
        assert_eq!(app.stuck().await, Vec::<Value>::new());
        for number in 0..3 {
            let reference = format!("order-{number}");
            assert_eq!(app.payment(&reference).await["state"], "CANCELLED", "the gateway had given it up");
            let [entry] = <[Value; 1]>::try_from(app.operated(&reference).await).unwrap();
            let name = format!("checked: their outage is over (bulk action {})", ordered["id"].as_str().unwrap());
            let operator = &entry["seen"]["operation"]["operator"];
            assert_eq!((why(&entry), &operator["ticket"]), (name.as_str(), &json!("PAY-7")));
            assert_eq!((&operator["by"]["name"], &operator["via"]), (&json!("test"), &json!("api")));
        }
        assert_eq!(app.get(BULK).await.body["data"], json!([done]));
        app.prove_the_books().await;
    }

    async fn no_more_are_done_than_the_settings_say_and_those_that_waited_longest_come_first(app: TestApp) {
        app.restart_with(&[("STUCK__BULK_ITEMS_MAX", "2")]).await;
        app.leave_waiting(3).await;
        let preview = app.post(BULK, &json!({ "action": "assign", "dryRun": true })).await;
        assert_eq!(preview.body, json!({ "items": 2, "more": true, "itemsMax": 2 }));
        let ordered = app.order_bulk(&json!({ "action": "assign", "assignee": "night shift", "reason": "mine" })).await;
        app.act().await;
        let done = app.bulk_action(&ordered).await;
        assert_eq!((&done["state"], &done["done"], &done["expected"]), (&json!("completed"), &json!(2), &json!(2)), "{done}");
        let assignees: Vec<Value> = app.stuck().await.iter().map(|item| item["assignee"].clone()).collect();
        assert_eq!(assignees, [json!("night shift"), json!("night shift"), Value::Null]);
    }

    async fn what_is_stopped_goes_no_further_and_what_was_done_is_done(app: TestApp) {
        app.leave_waiting(53).await;
        let until = app.serving().desk().now().plus(3 * HOUR).to_string();
        let body = json!({ "action": "snooze", "until": until, "reason": "in the morning" });
        // Before anybody is on it, it is over at once.
        let early = app.order_bulk(&body).await;
        let stopped = app.post(&format!("{BULK}/{}/stop", early["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!((stopped.status, &stopped.body["state"]), (200, &json!("stopped")), "{stopped:?}");
        app.act().await;
        assert_eq!(app.stuck().await.len(), 50, "a page, and nothing was done");

        let ordered = app.order_bulk(&body).await;
        assert!(app.serving().bulk().act_due().await.unwrap());
        let path = format!("{BULK}/{}/stop", ordered["id"].as_str().unwrap());
        assert_eq!(app.bulk_action(&ordered).await["done"], json!(50), "a turn");
        assert_eq!(app.post(&path, &json!({})).await.body["stoppedBy"], json!("test"));
        app.act().await;
        let stopped = app.bulk_action(&ordered).await;
        assert_eq!((&stopped["state"], &stopped["done"]), (&json!("stopped"), &json!(50)), "{stopped}");
        assert_eq!(app.stuck().await.len(), 3);
        app.post(&path, &json!({})).await.assert_problem("not-in-this-state");
    }

    async fn whoever_is_on_it_and_dies_is_followed_by_another_once_its_lease_is_over(app: TestApp) {
        app.leave_waiting(3).await;
        let ordered = app.order_bulk(&json!({ "action": "assign", "assignee": "me", "reason": "mine" })).await;
        // Another process takes it up, does the first one, and is killed before it records that.
        let records = app.database().await.bulk_actions;
        let now = app.serving().desk().now();
        let claim = BulkClaim { now, owner: OwnerId(Uuid::from_u128(7)), until: now.plus(20 * SECOND) };
        let theirs = records.claim_bulk_action(&claim).await.unwrap().unwrap();
        let first = app.payment("order-0").await["id"].as_str().unwrap().to_owned();
        let why = format!("mine (bulk action {})", theirs.id);
        let assigned = app.post(&format!("/v1/payments/{first}/assign"), &json!({ "assignee": "me", "reason": why })).await;
        assert_eq!(assigned.status, 200, "{assigned:?}");
        app.act().await;
        assert_eq!(app.bulk_action(&ordered).await["state"], "running", "it is theirs until their lease is over");
        assert_eq!(app.operated("order-1").await.len(), 0);

        app.advance(20 * SECOND);
        app.act().await;
        let done = app.bulk_action(&ordered).await;
        assert_eq!((&done["state"], &done["done"]), (&json!("completed"), &json!(3)), "{done}");
        for number in 0..3 {
            assert_eq!(app.operated(&format!("order-{number}")).await.len(), 1, "once, and not twice: {number}");
        }
        // Whoever overslept records nothing.
        let late = records.record_bulk_action(&theirs, None).await.unwrap();
        assert_eq!(late, store::BulkRecorded::Lost);
        assert_eq!(app.bulk_action(&ordered).await, done);
    }

    async fn webhooks_that_nothing_matched_are_run_again_together(app: TestApp) {
        for number in 0..3 {
            let body = json!({ "id": format!("stranger{number}"), "state": "COMPLETED" }).to_string();
            let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
            assert_eq!(app.notify(&body, signature.as_deref()).await.status, 200);
        }
        app.advance(61 * 60 * SECOND);
        app.run_workers_until_idle().await;
        assert_eq!(app.stuck().await.len(), 3);
        let ordered = app.order_bulk(&json!({ "action": "rerun", "reason": "ours are known by now" })).await;
        app.act().await;
        assert_eq!(app.bulk_action(&ordered).await["done"], json!(3));
        let inbox = app.get("/v1/webhooks-in").await.body["data"].as_array().unwrap().clone();
        for notice in inbox {
            assert_eq!((&notice["reruns"], &notice["verdict"]), (&json!(1), &json!("unmatched")), "{notice}");
            let read = app.get(&format!("/v1/webhooks-in/{}", notice["id"].as_str().unwrap())).await.body;
            let deed = &read["deeds"][0];
            assert_eq!((&deed["deed"], &deed["by"]), (&json!("rerun"), &json!("test")), "{read}");
            assert!(deed["reason"].as_str().unwrap().starts_with("ours are known by now (bulk action "), "{read}");
        }
    }

    async fn events_are_sent_again_to_whoever_hears_of_them(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        app.add_endpoint(json!({ "url": receiver.url, "eventTypes": ["deposit.checkout"] })).await;
        app.leave_waiting(2).await;
        app.tell().await;
        assert_eq!(receiver.told().len(), 2);
        let ordered = app.order_bulk(&json!({ "action": "resend-events", "reason": "they lost a day" })).await;
        app.act().await;
        assert_eq!(app.bulk_action(&ordered).await["done"], json!(2));
        app.tell().await;
        let told = receiver.told();
        assert_eq!(told.len(), 4);
        assert!(told[2..].iter().all(|one| one.event["type"] == "deposit.checkout"), "{told:?}");
        assert!(why(&app.operated("order-1").await[0]).starts_with("events sent again: they lost a day"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_is_what_the_key_may_see_and_do() {
    let shops = [
        ("SHOPS__SECOND__API_KEY", SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ];
    let app = TestApp::start_with(Kind::Sqlite, &shops).await;
    app.leave_waiting(2).await;
    let mut theirs = order("second-0");
    theirs["shop"] = json!("second");
    app.take_order(&theirs).await;
    app.advance(25 * HOUR);
    admit(app.serving().keys(), "pk_second", &[Scope::OpsRead, Scope::OpsWrite], &["second"]).await;
    let as_second =
        async |request: reqwest::RequestBuilder| -> Answer { app.send(request.bearer_auth("pk_second")).await };
    let assign = |filter: Value| json!({ "action": "assign", "assignee": "us", "reason": "ours", "filter": filter });

    let other = as_second(app.http.post(app.at(BULK)).json(&assign(json!({ "shop": ["main"] })))).await;
    other.assert_problem("not-found");
    let resend = json!({ "action": "resend-events", "reason": "again" });
    as_second(app.http.post(app.at(BULK)).json(&resend)).await.assert_problem("missing-scope");
    let dry = json!({ "action": "check", "dryRun": true });
    assert_eq!(as_second(app.http.post(app.at(BULK)).json(&dry)).await.body["items"], 1);

    // Without a filter it is all that they may see, and no more.
    let ordered = as_second(app.http.post(app.at(BULK)).json(&assign(json!({})))).await;
    assert_eq!((ordered.status, &ordered.body["filter"]["shop"]), (202, &json!(["second"])), "{ordered:?}");
    app.act().await;
    assert_eq!(app.operated("second-0").await.len(), 1);
    assert_eq!((app.operated("order-0").await.len(), app.operated("order-1").await.len()), (0, 0));

    let of_all = app.order_bulk(&assign(json!({}))).await;
    let path = format!("{BULK}/{}", of_all["id"].as_str().unwrap());
    as_second(app.http.get(app.at(&path))).await.assert_problem("not-found");
    as_second(app.http.post(app.at(&format!("{path}/stop")))).await.assert_problem("not-found");
    assert_eq!(as_second(app.http.get(app.at(BULK))).await.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(BULK).await.body["data"].as_array().unwrap().len(), 2);
    let first = app.get(&format!("{BULK}?limit=1")).await.body;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = app.get(&format!("{BULK}?limit=1&cursor={cursor}")).await.body;
    assert_eq!((&second["data"][0]["id"], &second["nextCursor"]), (&ordered.body["id"], &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_to_many_is_refused_by_field() {
    let app = TestApp::start(Kind::Sqlite).await;
    let now = app.serving().desk().now();
    let later = now.plus(HOUR).to_string();
    for (body, pointers) in [
        (json!({}), vec!["/action", "/reason"]),
        // Nothing that moves money or forces a state.
        (json!({ "action": "void", "reason": "x" }), vec!["/action"]),
        (json!({ "action": "refund", "reason": "x" }), vec!["/action"]),
        (json!({ "action": "approve", "reason": "x" }), vec!["/action"]),
        (json!({ "action": "resolve", "reason": "x" }), vec!["/action"]),
        (json!({ "action": 7, "reason": "x" }), vec!["/action"]),
        (json!({ "action": "check" }), vec!["/reason"]),
        (json!({ "action": "check", "reason": "paid by 4000 0000 0000 0002" }), vec!["/reason"]),
        (json!({ "action": "check", "reason": "x".repeat(501) }), vec!["/reason"]),
        (json!({ "action": "check", "reason": "x", "until": later }), vec!["/until"]),
        (json!({ "action": "snooze", "reason": "x" }), vec!["/until"]),
        (json!({ "action": "snooze", "reason": "x", "until": now.to_string() }), vec!["/until"]),
        (json!({ "action": "assign", "reason": "x", "assignee": "4000 0000 0000 0002" }), vec!["/assignee"]),
        (json!({ "action": "check", "reason": "x", "filter": [] }), vec!["/filter"]),
        (json!({ "action": "check", "reason": "x", "filter": { "reason": ["tired"] } }), vec!["/filter/reason"]),
        (
            json!({ "action": "check", "reason": "x", "filter": { "reason": ["unmatched-webhook"] } }),
            vec!["/filter/reason"],
        ),
        (json!({ "action": "rerun", "reason": "x", "filter": { "reason": ["surplus"] } }), vec!["/filter/reason"]),
        (json!({ "action": "check", "reason": "x", "filter": { "shops": ["main"] } }), vec!["/filter/shops"]),
        (json!({ "action": "check", "reason": "x", "limit": 5 }), vec!["/limit"]),
        (json!({ "action": "check", "reason": "x", "dryRun": "yes" }), vec!["/dryRun"]),
    ] {
        let refused = app.post(BULK, &body).await;
        refused.assert_problem("invalid-request");
        let mut told = refused.pointers();
        told.sort_unstable();
        assert_eq!(told, pointers, "{body}");
    }
    assert_eq!(app.get(BULK).await.body["data"], json!([]));
    for strange in ["not-an-id", "00000000-0000-0000-0000-000000000000"] {
        app.get(&format!("{BULK}/{strange}")).await.assert_problem("not-found");
        app.post(&format!("{BULK}/{strange}/stop"), &json!({})).await.assert_problem("not-found");
    }
    let none = app.order_bulk(&json!({ "action": "check", "reason": "to be sure" })).await;
    app.act().await;
    assert_eq!(app.bulk_action(&none).await["state"], "completed", "to none, and that is all");
    let listed = app.send(app.http.get(app.at(BULK)).bearer_auth(CALLER_KEY)).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
}

/// What is done to many waits for the gateway, and harms nobody while it is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_away_is_waited_for() {
    let app = TestApp::start_with(Kind::Sqlite, &[("GATEWAY__BREAKER_FAILURES", "1")]).await;
    app.leave_waiting(3).await;
    let rule =
        FaultRule { prefix: "order-".to_owned(), fault: Fault::StatusBefore(503), on: Endpoint::Read, times: Some(1) };
    app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
    let ordered = app.order_bulk(&json!({ "action": "check", "reason": "to be sure" })).await;
    app.act().await;
    let waiting = app.bulk_action(&ordered).await;
    assert_eq!((&waiting["state"], &waiting["done"]), (&json!("running"), &json!(1)), "one found out: {waiting}");
    app.advance(10 * SECOND);
    app.run_workers_until_idle().await;
    app.act().await;
    assert_eq!(app.bulk_action(&ordered).await["done"], json!(3));
}
