//! Finding a payment, and understanding it.

use std::time::Duration;

use gateway_simulator::Fault;
use serde_json::json;
use store::Scope;
use strum::VariantArray as _;

use super::person::Person;
use crate::app::{Kind, TestApp, on_every_store, order};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn a_payment_is_found_by_any_of_its_three_names(app: TestApp) {
        let taken = app.take("order-1").await.body;
        app.take("order-10").await;
        let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead, Scope::PaymentsRead], &[]).await;
        let path = format!("/console/payments/{}", taken["id"].as_str().unwrap());
        for name in ["order-1", " order-1 ", taken["id"].as_str().unwrap(), taken["gatewayPaymentId"].as_str().unwrap()] {
            let found = person.get(&format!("/console/payments?q={}", name.replace(' ', "%20"))).await;
            assert_eq!((found.status, found.location()), (303, path.as_str()), "{name}");
        }
        let page = person.get(&path).await;
        let words = page.words();
        for told in ["order-1", "CHECKOUT", "waiting for the customer at the checkout page", "11.12 EUR", taken["id"].as_str().unwrap()] {
            assert!(words.contains(told), "{told}: {words}");
        }
        let none = person.get("/console/payments?q=order-2").await;
        assert!(none.words().contains("No payment has this name"), "{}", none.words());
    }

    async fn lists_go_on_page_after_page_with_the_same_filter(app: TestApp) {
        for number in 0..5 {
            app.take(&format!("order-{number}")).await;
            app.advance(SECOND);
        }
        let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead, Scope::PaymentsRead], &[]).await;
        let (mut path, mut seen) = ("/console/payments?limit=2&state=CHECKOUT".to_owned(), Vec::new());
        loop {
            let page = person.get(&path).await;
            seen.extend((0..5).filter(|number| page.text.contains(&format!(">order-{number}<"))));
            let Some((_, link)) = page.text.split_once("class=\"button\" href=\"") else { break };
            assert!(link.contains("state=CHECKOUT"), "{link}");
            let next = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
            path = format!("/console/payments{next}");
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4], "each once");
    }
}

/// It is followed from there, wherever the house keeps its traces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_tells_its_trace_to_whoever_follows_it() {
    let app = TestApp::start(Kind::Sqlite).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = app.http.post(app.at("/v1/payments")).json(&order("order-1")).bearer_auth(crate::app::CALLER_KEY);
    let taken = app.send(request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))).await.body;
    let untraced = app.take("order-2").await.body;
    let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead, Scope::PaymentsRead], &[]).await;
    let mut page = async |payment: &serde_json::Value| {
        person.get(&format!("/console/payments/{}", payment["id"].as_str().unwrap())).await.words()
    };
    let words = page(&taken).await;
    assert!(words.contains(&format!("Trace {trace}")), "{words}");
    assert!(!page(&untraced).await.contains("Trace "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timeline_has_a_lane_for_each_and_every_line_opens_what_was_seen() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.fault("order-1", Fault::LostAfter);
    app.take("order-1").await;
    app.pass(3 * SECOND, SECOND).await;
    app.pay("order-1").await;
    let end = app.end_of("order-1").await;
    app.pass(MINUTE, 10 * SECOND).await;
    let path = format!("/v1/payments/{}", end["id"].as_str().unwrap());
    app.post(&format!("{path}/note"), &json!({ "note": "the customer called" })).await;
    let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead, Scope::PaymentsRead], &[]).await;
    let page = person.get(&format!("/console/payments/{}", end["id"].as_str().unwrap())).await;
    for lane in ["caller", "request", "webhook", "poll", "people"] {
        assert!(page.text.contains(&format!("lane-{lane}\"")), "{lane}: {}", page.text);
    }
    let words = page.words();
    for told in [
        "outcome unknown",
        "by reference",
        "→ COMPLETED",
        "noted by test via api: the customer called",
        "a webhook told COMPLETED",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    let entries = app.get(&format!("{path}/events")).await.body["data"].as_array().unwrap().len();
    assert!(page.text.matches("<summary>What was seen</summary>").count() > entries, "entries and notices");
    for secret in ["fingerprint", "redirectUrl\": \"http"] {
        assert!(!page.text.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ours_stands_beside_what_the_gateway_says_now_and_nothing_is_recorded() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| engine.switches_mut().webhooks = gateway_simulator::WebhookDelivery::Dropped);
    let taken = app.take("order-1").await.body;
    app.pay("order-1").await;
    let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead, Scope::PaymentsRead], &[]).await;
    let path = format!("/console/payments/{}/gateway", taken["id"].as_str().unwrap());
    let page = person.get(&path).await;
    let words = page.words();
    assert!(words.contains("State CHECKOUT COMPLETED differs"), "{words}");
    assert!(words.contains("The two records disagree: state-differs"), "{words}");
    assert_eq!(app.payment("order-1").await["version"], taken["version"], "it was only asked");

    // Unknown here: asked by our reference.
    app.fault("order-2", Fault::LostAfter);
    let lost = app.take("order-2").await.body["id"].as_str().unwrap().to_owned();
    let words = person.get(&format!("/console/payments/{lost}/gateway")).await.words();
    assert!(words.contains("State SUBMITTED CHECKOUT differs"), "{words}");
    app.fault("order-3", Fault::LostBefore);
    let gone = app.take("order-3").await.body["id"].as_str().unwrap().to_owned();
    let words = person.get(&format!("/console/payments/{gone}/gateway")).await.words();
    assert!(words.contains("The gateway has nothing under this reference"), "{words}");
    app.prove_the_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_gateway_is_down_the_page_says_so_and_shows_what_we_know() {
    let app = TestApp::start(Kind::Sqlite).await;
    let taken = app.take("order-1").await.body;
    let id = taken["id"].as_str().unwrap();
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    app.gateway.with(|engine, _| engine.faults_mut().add_rule(everything_fails()));
    let page = person.get(&format!("/console/payments/{id}")).await;
    assert_eq!(page.status, 200);
    assert!(page.words().contains("waiting for the customer"), "{}", page.words());
    let asked = person.get(&format!("/console/payments/{id}/gateway")).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert!(asked.words().contains("The gateway does not say"), "{}", asked.words());
    for _ in 0..10 {
        person.get(&format!("/console/payments/{id}/gateway")).await;
    }
    let health = person.get("/console/health").await.words();
    assert!(health.contains("left alone: it does not answer"), "{health}");
    // A check says what is known, and the page of it is as good as before.
    let checked = person.submit(&page, &format!("/console/payments/{id}/check"), &[]).await;
    assert_eq!(person.follow(&checked).await.status, 200);
}

fn everything_fails() -> gateway_simulator::FaultRule {
    gateway_simulator::FaultRule {
        prefix: String::new(),
        fault: Fault::StatusBefore(503),
        on: gateway_simulator::Endpoint::Read,
        times: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_how_things_stand_and_who_serves() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    app.post("/v1/payments", &order("order-2")).await;
    let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead], &[]).await;
    let early = person.get("/console/health").await.words();
    assert!(early.contains("They have not been counted yet") && early.contains("None has said so yet"), "{early}");
    for _ in 0..3 {
        let now = orchestrator::Clock::now(&app.clock);
        app.serving().sampler().step(now).await.unwrap();
        app.serving().watch().await.unwrap();
        app.advance(MINUTE);
    }
    let page = person.get("/console/health").await;
    let words = page.words();
    assert!(words.contains("CHECKOUT 2") && words.contains("COMPLETED 0"), "{words}");
    assert!(words.contains("Age of the oldest open one 3 min"), "{words}");
    assert!(words.contains("closed"), "{words}");
    assert_eq!(page.text.matches("<svg").count(), 5, "{}", page.text);
    assert!(page.text.contains("CHECKOUT 2"), "what a plot shows is told in words as well");
    assert!(words.contains(env!("CARGO_PKG_VERSION")), "{words}");
    assert!(!page.text.contains("silent"), "{words}");
    app.advance(4 * MINUTE);
    assert!(person.get("/console/health").await.words().contains("silent"));
}
