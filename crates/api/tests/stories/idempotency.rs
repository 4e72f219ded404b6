//! `Idempotency-Key`: the cases of draft-ietf-httpapi-idempotency-key-header, and what it leaves to us.

use std::time::Duration;

use api::http::digest;
use gateway_simulator::{Endpoint, Fault, FaultRule};
use orchestrator::{Begun, RequestName};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, CALLER_KEY, TestApp, admit, eventually, on_every_store, order};

const KEY: &str = "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"";
const SECOND: Duration = Duration::from_secs(1);

/// 11.12 EUR are held; the path of the payment.
async fn held(app: &TestApp, reference: &str) -> String {
    let mut order = order(reference);
    order["preAuth"] = json!(true);
    let taken = app.take_order(&order).await;
    app.pay(reference).await;
    let (path, mut version) = (format!("/v1/payments/{}", taken["id"].as_str().unwrap()), 0);
    loop {
        let found = app.get(&format!("{path}?wait=20&after={version}")).await.body;
        if found["state"] == "AUTHORIZED" {
            return path;
        }
        assert!(found["version"].as_u64().unwrap() > version, "it is never authorized: {found}");
        version = found["version"].as_u64().unwrap();
    }
}

fn request(app: &TestApp, path: &str, body: &Value, key: &str) -> RequestBuilder {
    app.http.post(app.at(path)).json(body).bearer_auth(CALLER_KEY).header("Idempotency-Key", key)
}

async fn send(app: &TestApp, path: &str, body: &Value, key: &str) -> Answer {
    app.send(request(app, path, body, key)).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

fn captures(app: &TestApp) -> u64 {
    app.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Capture))
}

/// The gateway takes its time over a capture.
fn slow_down(app: &TestApp, reference: &str) {
    let fault = Fault::Slow { millis: 1_500 };
    let rule = FaultRule { prefix: reference.to_owned(), fault, on: Endpoint::Capture, times: Some(1) };
    app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
}

on_every_store! {
    /// "First time request".
    async fn a_first_request_is_done(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        let captured = send(&app, &path, &json!({ "amount": "10" }), KEY).await;
        assert_eq!((captured.status, &captured.body["state"]), (200, &json!("COMPLETED")), "{captured:?}");
        assert!(!is_replayed(&captured));
        assert_eq!(captures(&app), 1);
        app.prove_the_books().await;
    }

    /// "Duplicate request, the original is completed": with the result of the original, whatever has become since.
    async fn a_retry_after_the_end_is_answered_as_the_first_one_was(app: TestApp) {
        let payment = held(&app, "rent-1").await;
        let path = format!("{payment}/capture");
        let first = send(&app, &path, &json!({ "amount": "10", "dryRun": false }), KEY).await;
        assert_eq!(first.status, 200, "{first:?}");
        app.pass(60 * SECOND, 10 * SECOND).await;
        app.post(&format!("{payment}/refunds"), &json!({ "referenceId": "back-1", "amount": "4" })).await;
        assert_ne!(app.get(&payment).await.body["version"], first.body["version"]);
        // The same, though it is written differently.
        let text = "{ \"dryRun\":false,\n  \"amount\":\"10\" }";
        let builder = app.http.post(app.at(&path)).body(text).header("Content-Type", "application/json");
        let builder = builder.bearer_auth(CALLER_KEY).header("Idempotency-Key", KEY.trim_matches('"'));
        let again = app.send(builder).await;
        assert!(is_replayed(&again), "{again:?}");
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
        assert_eq!(captures(&app), 1);
        // A restart forgets nothing.
        app.restart().await;
        assert_eq!(send(&app, &path, &json!({ "amount": "10", "dryRun": false }), KEY).await.body, first.body);
        app.prove_the_books().await;
    }

    /// "Duplicate request, the original is still in progress".
    async fn a_retry_while_the_first_one_is_under_way_is_told_to_wait(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        slow_down(&app, "rent-1");
        let body = json!({});
        let first = send(&app, &path, &body, KEY);
        let second = async {
            eventually("the capture", async || captures(&app) == 1).await;
            let second = send(&app, &path, &body, KEY).await;
            app.advance(2 * SECOND);
            second
        };
        let (first, second) = tokio::join!(first, second);
        second.assert_problem("idempotency-key-in-flight");
        assert_eq!((first.status, &first.body["state"]), (200, &json!("COMPLETED")), "{first:?}");
        let third = send(&app, &path, &json!({}), KEY).await;
        assert_eq!((third.status, is_replayed(&third), &third.body), (200, true, &first.body));
        assert_eq!(captures(&app), 1);
    }

    /// "Idempotency-Key reused with a different payload".
    async fn another_request_under_the_same_key_is_refused(app: TestApp) {
        let payment = held(&app, "rent-1").await;
        let capture = format!("{payment}/capture");
        assert_eq!(send(&app, &capture, &json!({ "amount": "10" }), KEY).await.status, 200);
        for (path, body) in [
            (capture.as_str(), json!({ "amount": "9" })),
            (&capture, json!({})),
            (&format!("{payment}/void"), json!({ "amount": "10" })),
            ("/v1/payments", order("order-2")),
        ] {
            send(&app, path, &body, KEY).await.assert_problem("idempotency-key-reused");
        }
        let stale = request(&app, &capture, &json!({ "amount": "10" }), KEY).header("If-Match", "\"1\"");
        app.send(stale).await.assert_problem("idempotency-key-reused");
        assert_eq!((captures(&app), app.posts_of("order-2")), (1, 0));
    }

    /// "Idempotency-Key is missing": nothing here needs one.
    async fn a_request_without_a_key_is_done_as_ever(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        assert_eq!(app.post(&path, &json!({})).await.status, 200);
        assert_eq!(app.count("select count(*) from named_requests").await, 0);
    }

    async fn a_malformed_key_is_refused_before_anything_is_done(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        let long = "k".repeat(256);
        for key in ["", "\"\"", "\"open", "a b", "\"a\", \"b\"", "\"a\";p=1", long.as_str()] {
            for (path, body) in [(path.as_str(), json!({})), ("/v1/payments", order("order-2"))] {
                let refused = send(&app, path, &body, key).await;
                refused.assert_problem("invalid-request");
                assert_eq!(refused.pointers(), ["Idempotency-Key"], "{key}");
            }
        }
        let twice = request(&app, &path, &json!({}), KEY).header("Idempotency-Key", KEY);
        assert_eq!(app.send(twice).await.pointers(), ["Idempotency-Key"]);
        assert_eq!((captures(&app), app.posts_of("order-2")), (0, 0));
    }

    async fn on_what_makes_a_payment_the_key_is_held_against_the_reference(app: TestApp) {
        let first = send(&app, "/v1/payments", &order("order-1"), KEY).await;
        assert_eq!(first.status, 201, "{first:?}");
        let again = send(&app, "/v1/payments", &order("order-1"), KEY).await;
        assert_eq!((again.status, is_replayed(&again), &again.body["id"]), (200, true, &first.body["id"]));
        // Another reference, and another order of the same one.
        send(&app, "/v1/payments", &order("order-2"), KEY).await.assert_problem("idempotency-key-reused");
        let mut dearer = order("order-1");
        dearer["amount"] = json!("12");
        send(&app, "/v1/payments", &dearer, KEY).await.assert_problem("idempotency-key-reused");
        app.post("/v1/payments", &dearer).await.assert_problem("reference-taken");
        assert_eq!((app.posts_of("order-1"), app.posts_of("order-2")), (1, 0));
        // The payment as it is now, since the reference tells of it.
        app.pay("order-1").await;
        app.end_of("order-1").await;
        assert_eq!(send(&app, "/v1/payments", &order("order-1"), KEY).await.body["state"], "COMPLETED");
        // Somebody else's keys are their own.
        admit(app.serving().keys(), "pk_other", &[Scope::DepositsWrite], &[]).await;
        let theirs = app.http.post(app.at("/v1/payments")).json(&order("order-3")).bearer_auth("pk_other");
        assert_eq!(app.send(theirs.header("Idempotency-Key", KEY)).await.status, 201);
    }

    async fn a_refund_has_its_key_beside_its_reference(app: TestApp) {
        app.take("order-1").await;
        app.pay("order-1").await;
        let id = app.end_of("order-1").await["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/payments/{id}/refunds");
        let refund = |reference: &str, amount: &str| json!({ "referenceId": reference, "amount": amount });
        app.pass(60 * SECOND, 10 * SECOND).await;
        let first = send(&app, &path, &refund("back-1", "4"), KEY).await;
        assert_eq!(first.status, 201, "{first:?}");
        let again = send(&app, &path, &refund("back-1", "4.00"), KEY).await;
        assert_eq!((is_replayed(&again), &again.body["id"]), (true, &first.body["id"]), "{again:?}");
        for other in [refund("back-2", "4"), refund("back-1", "5")] {
            send(&app, &path, &other, KEY).await.assert_problem("idempotency-key-reused");
        }
        assert_eq!((app.posts_of("back-1"), app.posts_of("back-2")), (1, 0));
        app.prove_the_books().await;
    }

    async fn an_export_and_a_reconciliation_are_ordered_once(app: TestApp) {
        let from = app.moment();
        app.advance(Duration::from_hours(1));
        let to = app.moment();
        app.advance(Duration::from_hours(1));
        let orders = [
            ("/v1/exports", json!({ "report": "transactions", "format": "csv", "from": from, "to": to }), "\"an-export\""),
            ("/v1/reconciliations", json!({ "from": from, "to": to }), "\"a-run\""),
        ];
        for (path, order, key) in orders {
            let first = send(&app, path, &order, key).await;
            assert_eq!(first.status, 202, "{first:?}");
            let again = send(&app, path, &order, key).await;
            assert!(is_replayed(&again), "{again:?}");
            assert_eq!((&again.body, &again.headers["location"]), (&first.body, &first.headers["location"]));
            let mut other = order.clone();
            other["zone"] = json!("Europe/Berlin");
            send(&app, path, &other, key).await.assert_problem("idempotency-key-reused");
            let listed = app.get(path).await.body;
            assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
        }
    }

    async fn what_the_deed_came_to_is_kept_also_if_it_was_refused(app: TestApp) {
        let payment = held(&app, "rent-1").await;
        assert_eq!(app.post(&format!("{payment}/void"), &json!({})).await.status, 200);
        let first = send(&app, &format!("{payment}/capture"), &json!({}), KEY).await;
        first.assert_problem("not-in-this-state");
        let again = send(&app, &format!("{payment}/capture"), &json!({}), KEY).await;
        again.assert_problem("not-in-this-state");
        assert!(is_replayed(&again) && !is_replayed(&first));
        assert_ne!(again.body["requestId"], first.body["requestId"], "each names the request that it answers");
        assert_eq!(again.body["detail"], first.body["detail"]);
    }

    async fn a_request_that_was_not_done_leaves_its_key_free(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        // A typo, a key without the scope, and what cannot be done yet.
        assert_eq!(send(&app, &path, &json!({ "amuont": "10" }), KEY).await.status, 422);
        admit(app.serving().keys(), "pk_reader", &[Scope::PaymentsRead], &[]).await;
        let unfit = || app.http.post(app.at(&path)).json(&json!({})).bearer_auth("pk_reader").header("Idempotency-Key", KEY);
        for _ in 0..2 {
            let refused = app.send(unfit()).await;
            refused.assert_problem("missing-scope");
            assert!(!is_replayed(&refused));
        }
        let lost = FaultRule {
            prefix: "rent-1".to_owned(), fault: Fault::LostBefore, on: Endpoint::Capture, times: Some(1),
        };
        app.gateway.with(|engine, _| engine.faults_mut().add_rule(lost));
        assert_eq!(app.post(&path, &json!({ "amount": "10" })).await.status, 202);
        send(&app, &path, &json!({ "amount": "9" }), KEY).await.assert_problem("command-open");
        // The same key with the right request, which is the one that is under way.
        let repaired = send(&app, &path, &json!({ "amount": "10" }), KEY).await;
        assert_eq!((repaired.status, captures(&app)), (202, 1), "{repaired:?}");
    }

    async fn whoever_died_over_a_request_does_not_lock_it_for_ever(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        let client = app.serving().keys().key_by_digest(&digest(CALLER_KEY)).await.unwrap().unwrap().id;
        // A process has begun it, and is no more.
        let name = RequestName { client, key: KEY.trim_matches('"').to_owned(), attempt: api::Ids.next() };
        let parts = [b"POST".as_slice(), path.as_bytes(), b"", b""];
        let begun = app.serving().repeater().begin(&name, &parts, b"{}").await.unwrap();
        assert!(matches!(begun, Begun::Ours(_)), "{begun:?}");
        send(&app, &path, &json!({}), KEY).await.assert_problem("idempotency-key-in-flight");
        app.advance(Duration::from_mins(3));
        let done = send(&app, &path, &json!({}), KEY).await;
        assert_eq!((done.status, captures(&app)), (200, 1), "{done:?}");
        let Begun::Ours(dead) = begun else { unreachable!() };
        app.serving().repeater().keep(&dead, b"too late").await.unwrap();
        assert_eq!(send(&app, &path, &json!({}), KEY).await.body, done.body);
        app.prove_the_books().await;
    }

    async fn whoever_hangs_up_finds_the_answer_when_it_comes_again(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        slow_down(&app, "rent-1");
        let impatient = request(&app, &path, &json!({}), KEY).timeout(Duration::from_millis(300)).send().await;
        assert!(impatient.unwrap_err().is_timeout());
        eventually("the capture", async || captures(&app) == 1).await;
        let mut answer = send(&app, &path, &json!({}), KEY).await;
        answer.assert_problem("idempotency-key-in-flight");
        app.advance(2 * SECOND);
        eventually("the answer", async || {
            answer = send(&app, &path, &json!({}), KEY).await;
            answer.status != 409
        })
        .await;
        assert_eq!((answer.status, is_replayed(&answer), captures(&app)), (200, true, 1), "{answer:?}");
    }

    async fn a_key_is_forgotten_after_a_month(app: TestApp) {
        let path = format!("{}/capture", held(&app, "rent-1").await);
        assert_eq!(send(&app, &path, &json!({}), KEY).await.status, 200);
        app.advance(Duration::from_hours(24 * 30));
        assert_eq!(app.serving().repeater().forget().await.unwrap(), 0);
        app.advance(SECOND);
        assert_eq!(app.serving().repeater().forget().await.unwrap(), 1);
        assert_eq!(app.count("select count(*) from named_requests").await, 0);
    }

    async fn neither_the_key_nor_what_was_asked_or_answered_can_be_read_in_the_database(app: TestApp) {
        let mut ordered = order("rent-1");
        ordered["preAuth"] = json!(true);
        assert_eq!(send(&app, "/v1/payments", &ordered, "\"spoken-key-1\"").await.status, 201);
        app.pay("rent-1").await;
        eventually("it is held", async || app.payment("rent-1").await["state"] == "AUTHORIZED").await;
        let path = format!("/v1/payments/{}/capture", app.payment("rent-1").await["id"].as_str().unwrap());
        assert_eq!(send(&app, &path, &json!({}), "\"spoken-key-2\"").await.status, 200);
        let rows = app.data.everything().await.into_iter().filter(|(table, _)| table == "named_requests");
        let rows: Vec<String> = rows.map(|(_, row)| row.to_lowercase()).collect();
        assert!(rows.len() >= 2, "{rows:?}");
        for row in rows {
            for text in ["spoken-key", "rent-1", "completed", "11.12"] {
                assert!(!row.contains(text) && !row.contains(&hex::encode(text)), "{row}");
            }
            assert!(!row.contains(&hex::encode("COMPLETED")), "{row}");
        }
    }

    async fn what_shows_a_secret_is_kept_nowhere(app: TestApp) {
        let endpoint = json!({ "url": "https://hooks.shop.example/" });
        let refused = send(&app, "/v1/webhook-endpoints", &endpoint, KEY).await;
        refused.assert_problem("invalid-request");
        assert_eq!(refused.pointers(), ["Idempotency-Key"]);
        // Whoever only reads may send it.
        let read = app.http.get(app.at("/v1/payments")).bearer_auth(CALLER_KEY).header("Idempotency-Key", KEY);
        assert_eq!(app.send(read).await.status, 200);
        assert_eq!(app.count("select count(*) from named_requests").await, 0);
    }
}
