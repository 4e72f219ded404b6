//! The console in a real browser. `tools/browser` runs these stories, since they need one; what a person does is told in
//! `tests/browser/stories`, what happens behind it here.

#![allow(clippy::print_stdout, reason = "a figure counts only when it is shown")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use actix_web::http::Method;
use api::console::ROUTES;
use gateway_simulator::{Endpoint, Fault, SignatureMode, WebhookDelivery, sign};
use serde_json::{Value, json};
use store::Scope;
use strum::VariantArray as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::provider::Provider;
use super::signing_in_elsewhere;
use crate::app::{CALLER_KEY, Kind, SIGNING_KEY, TestApp, admit, order};
use crate::orders::payout;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A whole story; a browser that hangs fails it.
const PATIENCE: Duration = Duration::from_mins(3);

/// Has a browser go through a story; what it prints is handed to `heard`, line by line.
async fn browse(app: &TestApp, story: &str, key: &str, told: &Value, mut heard: impl AsyncFnMut(&str)) {
    let from = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tools/browser"));
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let mut child = Command::new("node")
        .arg(folder.join("run.mjs"))
        .arg(story)
        .env("TOOLS", from("BROWSER_TOOLS"))
        .env("BROWSER", from("BROWSER"))
        .env("PICTURES", from("BROWSER_PICTURES"))
        .env("SERVICE", &app.url)
        .env("KEY", key)
        .env("TOLD", told.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let going = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            println!("{story}: {line}");
            heard(&line).await;
        }
        child.wait().await.unwrap()
    };
    let ended = tokio::time::timeout(PATIENCE, going).await;
    assert!(ended.is_ok_and(|status| status.success()), "{story} failed in the browser");
}

async fn quietly(_: &str) {}

/// An on-call engineer's key, which may do everything.
async fn on_call(app: &TestApp) -> &'static str {
    admit(app.serving().keys(), "pk_oncall", Scope::VARIANTS, &[]).await;
    "pk_oncall"
}

/// The gateway made it; neither its answer nor its list tells, for a while.
async fn lose(app: &TestApp, reference: &str) -> Value {
    app.fault(reference, Fault::LostAfter);
    assert_eq!(app.take(reference).await.status, 202);
    let gateway_id = app.gateway.with(|engine, _| engine.payments_of(reference).next().unwrap().id().to_string());
    json!({ "reference": reference, "id": app.payment(reference).await["id"], "gatewayId": gateway_id })
}

async fn paid(app: &TestApp, reference: &str) -> String {
    app.take(reference).await;
    app.pay(reference).await;
    app.end_of(reference).await["id"].as_str().unwrap().to_owned()
}

async fn deliver(app: &TestApp, told: &Value) {
    let body = told.to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
    assert_eq!(app.notify(&body, signature.as_deref()).await.status, 200);
}

const NO_NEWS: [(&str, &str); 2] = [("PAYMENTS__LOOK_UP_SECONDS", "86400"), ("SWEEP__ENABLED", "false")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn a_lost_answer_is_found_and_resolved_by_keyboard_in_a_browser() {
    let app = TestApp::start_with(Kind::Sqlite, &NO_NEWS).await;
    let told = lose(&app, "order-1").await;
    app.pass(16 * MINUTE, 4 * MINUTE).await;
    browse(&app, "lost_answer", on_call(&app).await, &told, quietly).await;
    assert_eq!(app.payment("order-1").await["state"], "CHECKOUT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn an_open_page_follows_its_payment_in_a_browser() {
    let app = TestApp::start(Kind::Sqlite).await;
    let taken = app.take("order-1").await.body;
    browse(&app, "live", on_call(&app).await, &json!({ "id": taken["id"] }), async |line| {
        assert_eq!(line, "watching");
        app.pay("order-1").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn an_unmatched_webhook_is_run_again_in_a_browser() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    let told = lose(&app, "order-1").await;
    app.pay("order-1").await;
    let notice = json!({ "id": told["gatewayId"], "state": "COMPLETED", "amount": 11.12, "currency": "EUR" });
    deliver(&app, &notice).await;
    app.advance(61 * MINUTE);
    app.run_workers_until_idle().await;
    browse(&app, "webhook", on_call(&app).await, &told, quietly).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn a_webhook_that_nothing_will_match_is_dismissed_and_restored_in_a_browser() {
    let app = TestApp::start(Kind::Sqlite).await;
    deliver(&app, &json!({ "id": "strangerwithoutapayment", "state": "COMPLETED" })).await;
    app.advance(61 * MINUTE);
    app.run_workers_until_idle().await;
    let told = json!({ "gatewayId": "strangerwithoutapayment" });
    browse(&app, "dismissed", on_call(&app).await, &told, quietly).await;
    let notice = app.get("/v1/webhooks-in").await.body["data"][0].clone();
    assert_eq!((&notice["verdict"], &notice["dismissed"]), (&json!("unmatched"), &Value::Null), "{notice}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn the_same_is_done_to_all_that_fits_and_is_stopped_half_way_in_a_browser() {
    const COUNT: usize = 53;
    let app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| {
        engine.switches_mut().checkout_timeout_seconds = 7 * 24 * 60 * 60;
        engine.switches_mut().webhooks = WebhookDelivery::Dropped;
    });
    for number in 0..COUNT {
        app.take(&format!("order-{number}")).await;
    }
    app.advance(25 * 60 * MINUTE);
    browse(&app, "bulk", on_call(&app).await, &json!({ "count": COUNT }), async |line| {
        // The first turn is a part of it; the next one finds that it is stopped.
        assert!(matches!(line, "ordered" | "stopped"));
        app.serving().bulk().act_due().await.unwrap();
    })
    .await;
    let action = app.get("/v1/bulk-actions").await.body["data"][0].clone();
    assert_eq!((&action["state"], &action["done"]), (&json!("stopped"), &json!(50)), "{action}");
    assert_eq!(action["stoppedBy"], "test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn money_leaves_by_two_people_who_say_why_and_have_seen_it_in_a_browser() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.fault("payout-1", Fault::Held);
    let id = app.post("/v1/payments", &payout("payout-1")).await.body["id"].clone();
    let approvals = || app.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Approve));
    let mut said = Vec::new();
    let told = json!({ "id": id, "makersKey": CALLER_KEY });
    browse(&app, "second_person", on_call(&app).await, &told, async |line| {
        said.push((line.to_owned(), approvals()));
    })
    .await;
    assert_eq!(said, [("seen".to_owned(), 0), ("refused".to_owned(), 0)], "nothing left before its time");
    assert_eq!(approvals(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn a_file_is_ordered_and_taken_in_a_browser() {
    let app = TestApp::start(Kind::Sqlite).await;
    let from = app.moment();
    paid(&app, "order-1").await;
    let told = json!({ "from": from, "to": post_lines(&app).await, "reference": "order-1" });
    browse(&app, "file", on_call(&app).await, &told, async |line| {
        assert_eq!(line, "ordered");
        assert!(app.serving().exporter().export_due().await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn money_is_given_back_from_a_page_that_is_up_to_date_in_a_browser() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = paid(&app, "order-1").await;
    app.pass(MINUTE, 10 * SECOND).await;
    browse(&app, "refund", on_call(&app).await, &json!({ "id": id }), quietly).await;
    let refunds = app.get("/v1/payments?paymentType=REFUND").await.body;
    assert_eq!(refunds["data"].as_array().unwrap().len(), 1, "once: {refunds}");
}

/// The provider is another site to the browser (`localhost`, and not 127.0.0.1), so that it keeps cookies apart as it must.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn somebody_signs_in_at_another_site_and_comes_back_to_the_page_they_wanted_in_a_browser() {
    let mut app = TestApp::start(Kind::Sqlite).await;
    let provider = Provider::start();
    provider.keep_time_with(&app.clock);
    provider.is_known_as_localhost();
    let (issuer, url) = (provider.url.replace("127.0.0.1", "localhost"), app.url.clone());
    app.restart_with(&signing_in_elsewhere::settings(&issuer, &url)).await;
    let id = paid(&app, "order-1").await;
    browse(&app, "elsewhere", "", &json!({ "id": id, "who": "marta@xk7.example" }), quietly).await;
    let ledger = app.get(&format!("/v1/payments/{id}/events")).await.body.to_string();
    assert!(ledger.contains("she called") && ledger.contains("marta@xk7.example"), "{ledger}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser: tools/browser"]
async fn every_page_is_for_everybody_in_a_browser() {
    let app = TestApp::start_with(Kind::Sqlite, &NO_NEWS).await;
    let pages = everything(&app).await;
    let shown: Vec<&str> = pages.as_object().unwrap().values().filter_map(Value::as_str).collect();
    let unseen: Vec<&str> = ROUTES
        .iter()
        .filter(|route| route.method == Method::GET && !NO_PAGES.contains(&route.path))
        .map(|route| route.path)
        .filter(|route| !shown.iter().any(|path| is_at(path, route)))
        .collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
    browse(&app, "pages", on_call(&app).await, &json!({ "pages": pages }), quietly).await;
}

/// What is no page: where one is led on, here or elsewhere, and files.
const NO_PAGES: [&str; 8] = [
    "",
    "/console.css",
    "/console.js",
    "/icon.svg",
    "/stuck.csv",
    "/exports/{id}/file",
    "/sign-in/openid",
    "/sign-in/openid/callback",
];

/// Whether a path is one of a route's.
fn is_at(path: &str, route: &str) -> bool {
    let path = path.split('?').next().unwrap().strip_prefix("/console").unwrap();
    let (path, route): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len() && path.iter().zip(&route).all(|(part, name)| name.starts_with('{') || part == name)
}

/// Something of each kind, and every page that there is of it.
async fn everything(app: &TestApp) -> Value {
    let begun = app.moment();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut held = order("rent-2026-11");
    held["preAuth"] = json!(true);
    let held = text(&app.post("/v1/payments", &held).await.body["id"]);
    app.pay("rent-2026-11").await;
    let completed = paid(app, "order-1002").await;
    app.pass(MINUTE, 10 * SECOND).await;
    let part = json!({ "referenceId": "order-1002-refund-1", "amount": "4" });
    app.post(&format!("/v1/payments/{completed}/refunds"), &part).await;
    app.fault("payout-7", Fault::Held);
    let withdrawal = text(&app.post("/v1/payments", &payout("payout-7")).await.body["id"]);
    app.make_elsewhere("stranger-1").await;
    deliver(app, &json!({ "id": "strangerwithoutapayment", "state": "COMPLETED", "amount": 7, "currency": "EUR" }))
        .await;
    for _ in 0..10 {
        app.serving().sampler().step(orchestrator::Clock::now(&app.clock)).await.unwrap();
        app.serving().watch().await.unwrap();
        app.pass(10 * MINUTE, 5 * MINUTE).await;
        app.take(&format!("order-{}", app.moment())).await;
    }
    let run = app.reconcile(&begun).await;
    let lost = text(&lose(app, "order-of-a-customer-who-waits-1001").await["id"]);
    app.pass(16 * MINUTE, 4 * MINUTE).await;
    let note = json!({ "note": "The customer called; they see the charge in their bank.", "ticket": "OPS-7" });
    app.post(&format!("/v1/payments/{lost}/note"), &note).await;
    app.post(&format!("/v1/payments/{lost}/assign"), &json!({ "assignee": "the night shift" })).await;
    app.advance(61 * MINUTE);
    app.run_workers_until_idle().await;
    deliver(app, &json!({ "id": "anotherwithoutapayment", "state": "COMPLETED", "amount": 7, "currency": "EUR" }))
        .await;
    let dismissed = app.get("/v1/webhooks-in?verdict=unmatched").await.body["data"][0].clone();
    let theirs = json!({ "reason": "of another system" });
    app.post(&format!("/v1/webhooks-in/{}/dismiss", text(&dismissed["id"])), &theirs).await;
    let one = app.get("/v1/breaks?state=open").await.body["data"][0].clone();
    let window = json!({ "report": "transactions", "format": "csv", "from": begun, "to": post_lines(app).await });
    let export = app.post("/v1/exports", &window).await.body;
    assert!(app.serving().exporter().export_due().await.unwrap());
    app.post("/v1/exports", &window).await;
    let bulk = json!({ "action": "assign", "assignee": "the night shift", "reason": "after the outage" });
    let bulk = app.post("/v1/bulk-actions", &bulk).await.body;
    json!({
        "sign-in": "/console/sign-in",
        "stuck": "/console/stuck",
        "stuck-by-reason": "/console/stuck?reason=unknown-outcome",
        "stuck-put-off": "/console/stuck?snoozed=true",
        "stuck-webhooks": "/console/stuck?reason=unmatched-webhook",
        "bulk-order": "/console/bulk-actions/order?reason=unknown-outcome",
        "bulk-order-of-all": "/console/bulk-actions/order",
        "bulk-actions": "/console/bulk-actions",
        "bulk-action": format!("/console/bulk-actions/{}", text(&bulk["id"])),
        "payments": "/console/payments",
        "payments-filtered": "/console/payments?state=COMPLETED&state=CHECKOUT&createdFrom=2020-01-01",
        "payments-none": "/console/payments?q=nobody-has-this-name",
        "payment-lost": format!("/console/payments/{lost}"),
        "payment-held": format!("/console/payments/{held}"),
        "payment-withdrawal": format!("/console/payments/{withdrawal}"),
        "payment-completed": format!("/console/payments/{completed}"),
        "gateway": format!("/console/payments/{completed}/gateway"),
        "refund": format!("/console/payments/{completed}/refund"),
        "capture": format!("/console/payments/{held}/capture"),
        "void": format!("/console/payments/{held}/void"),
        "approve": format!("/console/payments/{withdrawal}/approve"),
        "reject": format!("/console/payments/{withdrawal}/reject"),
        "webhooks-in": "/console/webhooks-in",
        "webhooks-in-dismissed": "/console/webhooks-in?dismissed=true",
        "reconciliations": "/console/reconciliations",
        "reconciliation": format!("/console/reconciliations/{}", text(&run["id"])),
        "breaks": "/console/breaks",
        "break": format!("/console/breaks/{}", text(&one["id"])),
        "exports": "/console/exports",
        "export": format!("/console/exports/{}", text(&export["id"])),
        "health": "/console/health",
        "runbook": "/console/runbook",
        "refused": "/console/payments?state=NO_STATE",
        "not-found": "/console/nothing-is-here",
        "not-possible": format!("/console/payments/{completed}/void"),
    })
}

/// Posts what is booked; answers a moment behind all of it.
async fn post_lines(app: &TestApp) -> String {
    app.advance(SECOND);
    let now = orchestrator::Clock::now(&app.clock);
    app.database().await.books.post(now, 1_000).await.unwrap();
    app.advance(SECOND);
    let to = app.moment();
    app.advance(2 * MINUTE);
    to
}
