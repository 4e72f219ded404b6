//! Conditions on the version of a payment: who has it already is told so, and nobody acts on what has changed.

use std::time::Duration;

use gateway_simulator::Endpoint;
use reqwest::Method;
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, CALLER_KEY, TestApp, admit, eventually, on_every_store, order};

/// A request under a condition.
async fn ask(app: &TestApp, method: Method, path: &str, condition: (&str, &str)) -> Answer {
    let is_post = method == Method::POST;
    let request = app.http.request(method, app.at(path)).bearer_auth(CALLER_KEY).header(condition.0, condition.1);
    app.send(if is_post { request.json(&json!({})) } else { request }).await
}

fn tag(answer: &Answer) -> &str {
    answer.headers["etag"].to_str().unwrap()
}

on_every_store! {
    async fn whoever_has_a_payment_as_it_is_is_told_so_and_sent_nothing(app: TestApp) {
        let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/payments/{id}");
        let seen = app.get(&path).await;
        let known = tag(&seen).to_owned();
        assert!(known.starts_with(&format!("\"{}-", seen.body["version"])), "{known}");
        for path in [&path, "/v1/payments/by-reference/order-1", &format!("{path}?wait=0")] {
            let again = ask(&app, Method::GET, path, ("If-None-Match", &format!("\"1\", {known}"))).await;
            assert_eq!((again.status, &again.body, tag(&again)), (304, &json!(""), known.as_str()), "{path}");
        }
        for other in ["\"2\"", "\"\"", "nonsense", "\"open"] {
            assert_eq!(ask(&app, Method::GET, &path, ("If-None-Match", other)).await.status, 200, "{other}");
        }
        app.pay("order-1").await;
        app.end_of("order-1").await;
        let changed = ask(&app, Method::GET, &path, ("If-None-Match", &known)).await;
        assert_eq!((changed.status, &changed.body["state"]), (200, &json!("COMPLETED")), "{changed:?}");
        assert_ne!(tag(&changed), known);
    }

    /// What makes no new version is told all the same.
    async fn whoever_is_shown_more_has_another_tag(app: TestApp) {
        let mut ordered = order("club-1");
        ordered["startRecurring"] = json!(true);
        let id = app.take_order(&ordered).await["id"].as_str().unwrap().to_owned();
        app.pay("club-1").await;
        app.end_of("club-1").await;
        app.pass(Duration::from_mins(1), Duration::from_secs(10)).await;
        let path = format!("/v1/payments/{id}");
        let charger = app.get(&path).await;
        assert!(charger.body["recurringToken"].is_string(), "{charger:?}");
        admit(app.serving().keys(), "pk_reader", &[Scope::PaymentsRead], &[]).await;
        let reader = app.http.get(app.at(&path)).bearer_auth("pk_reader").header("If-None-Match", tag(&charger));
        let reader = app.send(reader).await;
        assert_eq!((reader.status, &reader.body["recurringToken"]), (200, &Value::Null), "{reader:?}");
        assert_eq!(reader.body["version"], charger.body["version"]);
        let again = ask(&app, Method::GET, &path, ("If-None-Match", tag(&charger))).await;
        assert_eq!((again.status, &again.headers["cache-control"]), (304, &"no-store".parse().unwrap()));
    }

    async fn nobody_acts_on_what_has_changed(app: TestApp) {
        let mut ordered = order("rent-1");
        ordered["preAuth"] = json!(true);
        let taken = app.take_order(&ordered).await;
        let path = format!("/v1/payments/{}", taken["id"].as_str().unwrap());
        let before = tag(&app.get(&path).await).to_owned();
        app.pay("rent-1").await;
        eventually("it is held", async || app.payment("rent-1").await["state"] == "AUTHORIZED").await;
        for deed in ["capture", "void", "check"] {
            for stale in [before.as_str(), "\"1\""] {
                let refused = ask(&app, Method::POST, &format!("{path}/{deed}"), ("If-Match", stale)).await;
                refused.assert_problem("version-changed");
            }
            let unread = ask(&app, Method::POST, &format!("{path}/{deed}"), ("If-Match", "W/\"1\"")).await;
            assert_eq!(unread.pointers(), ["If-Match"], "{deed}");
        }
        let calls = |endpoint| app.gateway.with(|engine, _| engine.counters().requests_to(endpoint));
        assert_eq!((calls(Endpoint::Capture), calls(Endpoint::Void)), (0, 0));

        let seen = tag(&app.get(&path).await).to_owned();
        let capture = format!("{path}/capture");
        let captured = ask(&app, Method::POST, &capture, ("If-Match", &seen)).await;
        assert_eq!((captured.status, &captured.body["state"]), (200, &json!("COMPLETED")), "{captured:?}");
        // It is its own change that has made another version of it.
        let again = ask(&app, Method::POST, &capture, ("If-Match", &seen)).await;
        assert_eq!((again.status, calls(Endpoint::Capture)), (200, 1), "{again:?}");
    }

    async fn a_refund_may_say_which_version_of_the_deposit_it_is_of(app: TestApp) {
        app.take("order-1").await;
        app.pay("order-1").await;
        app.end_of("order-1").await;
        app.pass(Duration::from_mins(1), Duration::from_secs(10)).await;
        let path = format!("/v1/payments/{}", app.payment("order-1").await["id"].as_str().unwrap());
        let seen = tag(&app.get(&path).await).to_owned();
        let refund = async |reference: &str, version: &str| {
            let body = json!({ "referenceId": reference, "amount": "4" });
            let request = app.http.post(app.at(&format!("{path}/refunds"))).json(&body).bearer_auth(CALLER_KEY);
            app.send(request.header("If-Match", version)).await
        };
        refund("back-1", "\"1\"").await.assert_problem("version-changed");
        assert_eq!(refund("back-1", &seen).await.status, 201);
        assert_eq!(refund("back-1", &seen).await.status, 200, "the same refund again");
        refund("back-2", &seen).await.assert_problem("version-changed");
        assert_eq!((app.posts_of("back-1"), app.posts_of("back-2")), (1, 0));
        app.prove_the_books().await;
    }
}
