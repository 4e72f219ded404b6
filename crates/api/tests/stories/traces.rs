//! One trace from the caller's request to the event that tells how it ended, and nothing of it in anybody's way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::app::{API_KEY, Answer, CALLER_KEY, SIGNING_KEY, TestApp, eventually, on_every_store, order};
use crate::collector::{CLIENT, Collector, SERVER, Seen};
use crate::orders::{CARD, MOVING};
use crate::receiver::Receiver;
use crate::secrets::{secrets, shows_the_code};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// Where spans go, and that receivers of this machine are sent to.
fn traced<'a>(collector: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("TRACING__ENDPOINT", collector),
        ("WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS", "127.0.0.1/32"),
        ("WEBHOOK_ENDPOINTS__ALLOW_HTTP", "true"),
    ];
    usual.into_iter().chain(more.iter().copied()).collect()
}

impl TestApp {
    async fn take_traced(&self, reference: &str, traceparent: &str) -> Answer {
        let request = self.http.post(self.at("/v1/payments")).json(&order(reference)).bearer_auth(CALLER_KEY);
        self.send(request.header("traceparent", traceparent)).await
    }

    /// Stops the service, which sends what waits first.
    async fn flush(&mut self) {
        assert!(self.application.take().unwrap().stop().await);
    }
}

fn traceparents(receiver: &Receiver) -> Vec<String> {
    let told = receiver.told();
    told.iter().map(|one| one.headers["traceparent"].to_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn assert_child(span: &Seen, parent: &Seen, kind: i32) {
    assert_eq!((&*span.trace, &*span.parent, span.kind), (TRACE, &*parent.id, kind), "{span:?}");
}

on_every_store! {
    async fn one_trace_leads_from_the_callers_request_to_the_event_that_tells_its_end(app: TestApp) {
        let (collector, receiver) = (Collector::start(), Receiver::start().await);
        app.restart_with(&traced(&collector.url, &[("TRACING__HEADERS", "x-tenant=shop")])).await;
        app.add_endpoint(json!({ "url": receiver.url })).await;
        let taken = app.take_traced("order-1", &traceparent("01")).await;
        assert_eq!((taken.status, &taken.body["traceId"]), (201, &json!(TRACE)), "{taken:?}");
        app.pay("order-1").await;
        assert_eq!(app.end_of("order-1").await["state"], "COMPLETED");
        app.tell().await;
        app.flush().await;

        let ours = collector.only("POST /v1/payments");
        assert_eq!((&*ours.trace, &*ours.parent, ours.kind), (TRACE, PARENT, SERVER), "{ours:?}");
        let (id, status) = (taken.body["id"].as_str().unwrap(), "http.response.status_code");
        assert_eq!((&*ours.attributes["payment.id"], &*ours.attributes[status]), (id, "201"));
        assert_eq!(ours.attributes["request.id"], taken.headers["x-request-id"].to_str().unwrap());
        let post = collector.only("POST /api/v1/payments");
        assert_child(&post, &ours, CLIENT);
        assert!(post.attributes["payment.id"] == id && post.attributes[status].starts_with('2'), "{post:?}");
        // One tells that it is pending, one that it is completed.
        let webhooks = collector.named("POST /webhooks/paytech/{shop}");
        assert!(!webhooks.is_empty());
        for webhook in &webhooks {
            assert_child(webhook, &ours, SERVER);
            assert_eq!(webhook.attributes["payment.id"], id);
        }
        let told = collector.named("send event");
        assert_eq!(told.len(), 3, "submitted, checkout, completed");
        for one in &told {
            assert_child(one, &ours, CLIENT);
            assert_eq!(one.attributes[status], "204");
        }
        let sent: BTreeSet<String> = told.iter().map(|one| format!("00-{TRACE}-{}-01", one.id)).collect();
        assert_eq!(traceparents(&receiver).into_iter().collect::<BTreeSet<_>>(), sent, "each names its own span");
        assert!(collector.tenants().iter().all(|tenant| tenant == "shop") && !collector.tenants().is_empty());
    }

    async fn what_a_later_process_does_for_a_payment_is_in_the_same_trace(app: TestApp) {
        let collector = Collector::start();
        let settings = [("SWEEP__ENABLED", "false")];
        app.restart_with(&traced(&collector.url, &settings)).await;
        app.fault("order-1", gateway_simulator::Fault::LostAfter);
        assert_eq!(app.take_traced("order-1", &traceparent("01")).await.status, 202);
        app.restart_with(&traced(&collector.url, &settings)).await;
        app.pass(Duration::from_mins(20), Duration::from_mins(1)).await;
        let found = app.payment("order-1").await;
        assert_eq!((&found["state"], &found["traceId"]), (&json!("CHECKOUT"), &json!(TRACE)));
        // What somebody wants of it later is a trace of theirs, with a link to it.
        let capture = format!("/v1/payments/{}/check", found["id"].as_str().unwrap());
        assert_eq!(app.post(&capture, &json!({})).await.status, 200);
        app.flush().await;

        let ours = collector.only("POST /v1/payments");
        let lost = collector.only("POST /api/v1/payments");
        assert_child(&lost, &ours, CLIENT);
        assert_eq!(lost.attributes["error.type"], "no-answer");
        let theirs = collector.only("POST /v1/payments/{id}/check");
        assert_ne!(theirs.trace, TRACE);
        for name in ["GET /api/v1/payments", "GET /api/v1/payments/{id}"] {
            let (own, asked_for): (Vec<Seen>, Vec<Seen>) =
                collector.named(name).into_iter().partition(|look| look.trace == TRACE);
            assert!(!own.is_empty() && !asked_for.is_empty(), "{name}");
            for look in &own {
                assert_child(look, &ours, CLIENT);
            }
            for look in &asked_for {
                assert_eq!((&look.trace, &look.parent), (&theirs.trace, &theirs.id), "{look:?}");
                assert_eq!(look.links, [TRACE], "{look:?}");
            }
        }
    }

    async fn a_malformed_traceparent_counts_as_none(app: TestApp) {
        let collector = Collector::start();
        app.restart_with(&traced(&collector.url, &[])).await;
        let malformed = [
            String::new(),
            "nonsense".to_owned(),
            traceparent("01").to_uppercase(),
            traceparent("01").replace("00-4b", "ff-4b"),
            traceparent("01").replace(PARENT, "0000000000000000"),
            format!("{}-more", traceparent("01")),
            CARD.to_owned(),
        ];
        for (number, text) in malformed.iter().enumerate() {
            let taken = app.take_traced(&format!("order-{number}"), text).await;
            assert_eq!(taken.status, 201, "{text}: {taken:?}");
            assert!(taken.body["traceId"].as_str().is_some_and(|id| id.len() == 32 && id != TRACE), "{taken:?}");
        }
        let twice = app.http.post(app.at("/v1/payments")).json(&order("twice")).bearer_auth(CALLER_KEY);
        let twice = twice.header("traceparent", traceparent("01")).header("traceparent", traceparent("01"));
        assert_ne!(app.send(twice).await.body["traceId"], TRACE);
        app.flush().await;
        let roots = collector.named("POST /v1/payments");
        assert_eq!(roots.len(), malformed.len() + 1);
        assert!(roots.iter().all(|root| root.parent.is_empty()), "{roots:?}");
    }

    async fn whoever_records_nothing_is_not_recorded_and_hands_its_trace_on(app: TestApp) {
        let (collector, receiver) = (Collector::start(), Receiver::start().await);
        app.restart_with(&traced(&collector.url, &[("TRACING__RATIO", "0")])).await;
        app.add_endpoint(json!({ "url": receiver.url })).await;
        app.take_traced("order-1", &traceparent("00")).await;
        app.take("order-2").await;
        app.tell().await;
        let handed_on = traceparents(&receiver);
        assert_eq!(handed_on.len(), 4);
        assert!(handed_on.iter().all(|one| one.ends_with("-00")), "{handed_on:?}");
        assert_eq!(handed_on.iter().filter(|one| one.contains(TRACE)).count(), 2);
        app.take_traced("order-3", &traceparent("01")).await;
        app.flush().await;
        assert!(!collector.spans().is_empty() && collector.spans().iter().all(|span| span.trace == TRACE));
        assert_eq!(collector.named("POST /v1/payments").len(), 1, "{:?}", collector.spans());
    }

    async fn without_a_collector_the_callers_trace_is_handed_on_as_it_came(app: TestApp) {
        let receiver = Receiver::start().await;
        app.restart_with(&traced("", &[])).await;
        app.add_endpoint(json!({ "url": receiver.url })).await;
        let taken = app.take_traced("order-1", &traceparent("01")).await;
        assert_eq!(taken.body["traceId"], TRACE);
        app.tell().await;
        assert_eq!(traceparents(&receiver), [traceparent("01"), traceparent("01")]);
        assert!(app.take("order-2").await.body.get("traceId").is_none());
        app.tell().await;
        let told = receiver.told();
        assert!(told.len() == 4 && told[2..].iter().all(|one| !one.headers.contains_key("traceparent")), "{told:?}");
    }

    async fn the_gateway_is_told_of_a_trace_only_if_the_settings_say_so(app: TestApp) {
        // It notes what comes, and its answer is nobody's payment.
        let (collector, gateway) = (Collector::start(), Receiver::start().await);
        let address = format!("http://127.0.0.1:{}", gateway.port);
        for (number, tell) in ["false", "true"].into_iter().enumerate() {
            let settings = [("GATEWAY__BASE_URL", &*address), ("TRACING__TELL_GATEWAY", tell)];
            app.restart_with(&traced(&collector.url, &settings)).await;
            assert_eq!(app.take_traced(&format!("order-{number}"), &traceparent("01")).await.status, 202);
            app.flush().await;
            app.start_again().await;
        }
        let told = gateway.told();
        assert_eq!(told.len(), 2);
        assert!(!told[0].headers.contains_key("traceparent"), "{:?}", told[0].headers);
        let posts = collector.named("POST /api/v1/payments");
        let place = format!("00-{TRACE}-{}-01", posts[1].id);
        assert_eq!(told[1].headers["traceparent"], *place);
    }

    async fn a_collector_that_hangs_keeps_nobody_waiting_and_what_is_lost_is_counted(app: TestApp) {
        let collector = Collector::start();
        collector.hangs(true);
        let settings = [("TRACING__QUEUE_MAX", "3"), ("TRACING__ANSWER_SECONDS", "60")];
        app.restart_with(&traced(&collector.url, &settings)).await;
        let begun = Instant::now();
        for number in 0..5 {
            assert_eq!(app.take(&format!("order-{number}")).await.status, 201);
            app.pay(&format!("order-{number}")).await;
            assert_eq!(app.end_of(&format!("order-{number}")).await["state"], "COMPLETED");
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nobody waits for it");
        let lost = count(&app.metrics().await, "spans_lost_total{reason=\"queue-full\"}");
        assert!(lost > 5, "{lost}");
        collector.hangs(false);
        eventually("what waited is sent", async || count(&app.metrics().await, "spans_exported_total") > 0).await;
        app.flush().await;
        assert!(collector.spans().len() >= 3);
        app.start_again().await;
        app.prove_the_books().await;
    }

    async fn a_collector_that_is_away_costs_spans_and_nothing_else(app: TestApp) {
        // Nobody listens on port 1.
        app.restart_with(&traced("http://127.0.0.1:1", &[("TRACING__ANSWER_SECONDS", "1")])).await;
        assert_eq!(app.take("order-1").await.status, 201);
        app.pay("order-1").await;
        assert_eq!(app.end_of("order-1").await["state"], "COMPLETED");
        let lost = "spans_lost_total{reason=\"not-taken\"}";
        eventually("the loss is counted", async || count(&app.metrics().await, lost) > 0).await;
        let stopping = Instant::now();
        app.flush().await;
        assert!(stopping.elapsed() < Duration::from_secs(20), "a stop does not wait for it");
    }

    async fn no_secret_is_in_any_span(app: TestApp) {
        let collector = Collector::start();
        app.restart_with(&traced(&collector.url, &[("PAYMENTS__UNKNOWN_METHODS", "true")])).await;
        for (kind, made, _) in MOVING {
            app.post("/v1/payments", &made(kind)).await;
            app.post("/v1/payments", &made(&format!("http-500-{kind}"))).await;
        }
        app.get(&format!("/v1/payments/{CARD}")).await.assert_problem("not-found");
        app.get(&format!("/v1/payments?referenceId.eq={CARD}&{CARD}={CARD}")).await;
        app.get(&format!("/{CARD}")).await.assert_problem("not-found");
        let named = app.http.get(app.at("/v1/payments")).bearer_auth(CALLER_KEY);
        app.send(named.header("x-request-id", CARD).header("tracestate", format!("a={CARD}"))).await;
        let odd = app.http.request(CARD.parse().unwrap(), app.at("/v1/payments")).bearer_auth(CALLER_KEY);
        odd.send().await.unwrap();
        app.pass(Duration::from_mins(5), Duration::from_secs(30)).await;
        app.flush().await;
        let (spans, everything) = (collector.spans(), collector.everything().to_lowercase());
        assert!(spans.len() > 3 * MOVING.len(), "{}", spans.len());
        let keys = [CALLER_KEY, API_KEY, SIGNING_KEY, "a-master-key", "bearer"].map(str::to_owned);
        for secret in secrets().into_iter().chain(keys) {
            assert!(!everything.contains(&secret), "{secret} is in a span");
        }
        for span in &spans {
            assert!(!span.attributes.values().any(|value| shows_the_code(value)), "{span:?}");
            let name = span.name.replace("/v1/", "/");
            assert!(!name.contains(|letter: char| letter.is_ascii_digit()), "no id is in a name: {name}");
        }
    }
}

/// What a counter stands at.
fn count(metrics: &str, series: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().unwrap())
}
