//! What the console refuses, and what its pages keep out.

use actix_web::http::Method;
use api::console::ROUTES;
use serde_json::json;
use store::Scope;
use strum::VariantArray as _;

use super::person::Person;
use crate::app::{Kind, SECOND_API_KEY, SECOND_SIGNING_KEY, TestApp, order};

/// What neither asks who comes, nor tells anything.
const OPEN: [&str; 6] =
    ["/sign-in", "/console.css", "/console.js", "/icon.svg", "/sign-in/openid", "/sign-in/openid/callback"];

/// A path with names that there could be.
fn path_of(route: &str, id: &str) -> String {
    let path = route.replace("{id}", id).replace("{action}", "void");
    format!("/console{path}")
}

async fn app_with_two_shops() -> TestApp {
    let second = [
        ("SHOPS__SECOND__API_KEY", SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ];
    TestApp::start_with(Kind::Sqlite, &second).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shown_or_done_for_somebody_who_is_not_signed_in() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let mut stranger = Person::at(&app);
    stranger.cookie = Some(format!("console={}", "a".repeat(64)));
    for route in ROUTES.iter().filter(|route| !OPEN.contains(&route.path)) {
        let path = path_of(route.path, &id);
        let answer = match route.method {
            Method::GET => stranger.get(&path).await,
            _ => stranger.post(&path, &[]).await,
        };
        assert_eq!(answer.status, 303, "{} {path}: {answer:?}", route.method);
        assert!(answer.location().starts_with("/console/sign-in?next="), "{answer:?}");
        assert_eq!(answer.text, "", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_strict_about_where_it_comes_from_and_who_may_frame_it() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    let pages: Vec<String> =
        ROUTES.iter().filter(|route| route.method == Method::GET).map(|route| path_of(route.path, &id)).collect();
    let others =
        ["/console/nothing-here".to_owned(), format!("/console/payments/{id}/nothing"), "/console/sign-out".to_owned()];
    for path in pages.into_iter().chain(others) {
        let page = person.get(&path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(page.headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(page.headers["referrer-policy"], "same-origin", "{path}");
        assert!(page.headers.contains_key("cross-origin-opener-policy"), "{path}");
        let is_asset = OPEN[1..4].iter().any(|asset| path.ends_with(asset));
        let cached = page.headers["cache-control"].to_str().unwrap();
        assert_eq!(cached == "no-store", !is_asset, "{path}: {cached}");
        // What the policy forbids is not even tried.
        let is_page =
            page.headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
        if is_page {
            for forbidden in ["<style", " style=", "onclick=", "onload=", "javascript:", "src=\"http"] {
                assert!(!page.text.contains(forbidden), "{forbidden} in {path}");
            }
            assert_eq!(page.text.matches("<script").count(), 1, "{path}");
            assert!(page.text.contains("<script src=\"/console/console.js?"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_was_not_made_for_the_session_does_nothing() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    let id = app.payment("order-1").await["id"].as_str().unwrap().to_owned();
    let person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    let mut other = Person::signed_in(&app, "pk_other", Scope::VARIANTS, &[]).await;
    let path = format!("/console/payments/{id}/check");
    let page = other.get(&format!("/console/payments/{id}")).await;
    let of_other = page.hidden(&path);
    let asked = || app.gateway.with(|engine, _| engine.counters().requests_to(gateway_simulator::Endpoint::Read));
    let before = asked();
    for fields in
        [vec![], vec![("form".to_owned(), String::new())], vec![("form".to_owned(), "0".repeat(64))], of_other.clone()]
    {
        for route in ROUTES.iter().filter(|route| route.method == Method::POST && route.path != "/sign-in") {
            let refused = person.post(&path_of(route.path, &id), &fields).await;
            assert_eq!(refused.status, 403, "{}: {refused:?}", route.path);
            assert!(refused.words().contains("nothing was done"), "{}", refused.words());
        }
    }
    assert_eq!(asked(), before, "nobody asked the gateway");
    assert_eq!(app.payment("order-1").await["version"], 2, "and nothing was written");
    let done = other.post(&path, &of_other).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert!(asked() > before);
    // Not even a sign-in, lest somebody works in another one's name.
    let stranger = Person::at(&app);
    let forged = stranger.post("/console/sign-in", &[("key".to_owned(), "pk_all".to_owned())]).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_and_queries_that_make_no_sense_are_refused_by_field() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    for (path, field) in [
        ("/console/payments?state=ODD", "state"),
        ("/console/payments?createdFrom=soon", "createdFrom"),
        ("/console/payments?q=a&state=COMPLETED", "state"),
        ("/console/payments?typo=1", "typo"),
        ("/console/payments?cursor=x", "cursor"),
        ("/console/stuck?reason=odd", "reason"),
        ("/console/stuck.csv?reason=odd", "reason"),
        ("/console/webhooks-in?verdict=odd", "verdict"),
        ("/console/webhooks-in?said=nonsense", "said"),
        ("/console/breaks?kind=odd", "kind"),
        ("/console/exports?limit=1000", "limit"),
        ("/console/reconciliations?state=odd", "state"),
        ("/console/health?a=b", "a"),
    ] {
        let refused = person.get(path).await;
        assert_eq!(refused.status, 422, "{path}");
        assert!(refused.text.contains(&format!("<strong>{field}</strong>")), "{path}: {}", refused.words());
    }
    // What a form leaves blank is not asked for, and days are as good as moments.
    let blank = "/console/payments?state=CHECKOUT&paymentType=&currency=&createdFrom=2020-01-01&createdTo=&flag=";
    assert!(person.get(blank).await.words().contains("order-1"));

    let page = person.get(&format!("/console/payments/{id}")).await;
    let note = format!("/console/payments/{id}/note");
    let long = "a".repeat(501);
    for (fields, field) in [
        (vec![], "reason"),
        (vec![("reason", " ")], "reason"),
        (vec![("reason", long.as_str())], "reason"),
        (vec![("reason", "card 4111 1111 1111 1111")], "reason"),
        (vec![("reason", "a"), ("colour", "red")], "colour"),
        (vec![("reason", "a"), ("ticket", "a\u{1}b")], "ticket"),
    ] {
        let refused = person.submit(&page, &note, &fields).await;
        assert_eq!(refused.status, 422, "{fields:?}");
        assert!(refused.text.contains(&format!("<strong>{field}</strong>")), "{fields:?}: {}", refused.words());
        assert!(!refused.text.contains("4111"), "what was refused is not repeated");
    }
    let orders = person.get("/console/exports").await;
    for (fields, field) in [
        (vec![("from", "x"), ("to", "2026-01-01"), ("report", "breaks"), ("format", "csv")], "/from"),
        (vec![("from", "2026-01-01"), ("to", "2026-01-02"), ("report", "odd"), ("format", "csv")], "report"),
        (vec![("to", "2026-01-02"), ("report", "breaks"), ("format", "csv")], "from"),
    ] {
        let refused = person.submit(&orders, "/console/exports", &fields).await;
        assert_eq!(refused.status, 422, "{fields:?}: {refused:?}");
        assert!(refused.text.contains(&format!("<strong>{field}</strong>")), "{fields:?}: {}", refused.words());
    }
    let large = person.submit(&page, &note, &[("reason", "a".repeat(100_000).as_str())]).await;
    assert_eq!(large.status, 413);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let no_form = person.send(client.post(app.at(&note)).json(&json!({}))).await;
    assert_eq!(no_form.status, 415);
    let nothing = person.get("/console/payments?q=%00").await;
    assert_eq!(nothing.status, 200);
    assert_eq!(person.get("/console/payments/no-id").await.status, 404);
    let wrong_method = person.get("/console/sign-out").await;
    assert_eq!((wrong_method.status, wrong_method.headers["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn script_in_every_text_is_a_text() {
    let app = TestApp::start(Kind::Sqlite).await;
    let script = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let mut order = order(script);
    order["metadata"] = json!({ "cart": script });
    let taken = app.post("/v1/payments", &order).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    let id = taken.body["id"].as_str().unwrap().to_owned();
    app.post(&format!("/v1/payments/{id}/note"), &json!({ "note": script, "ticket": script })).await;
    app.post(&format!("/v1/payments/{id}/assign"), &json!({ "assignee": script })).await;
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    let query = url::form_urlencoded::byte_serialize(script.as_bytes()).collect::<String>();
    let mut seen = 0;
    for path in [
        format!("/console/payments/{id}"),
        format!("/console/payments/{id}/gateway"),
        "/console/payments".to_owned(),
        format!("/console/payments?q=none{query}"),
        format!("/console/payments?currency={query}"),
        format!("/console/payments?{query}={query}"),
        format!("/console/breaks?owner={query}"),
        format!("/console/webhooks-in?gatewayPaymentId={query}"),
        format!("/console/sign-in?next={query}"),
        format!("/console/{query}"),
    ] {
        let page = person.get(&path).await;
        assert!(!page.text.contains("<script>") && !page.text.contains("<img"), "{path}: {}", page.text);
        seen += usize::from(page.text.contains("&lt;script&gt;") || page.text.contains("&#60;script&#62;"));
    }
    assert!(seen >= 4, "it stands on the pages, as a text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_shop_is_not_there() {
    let app = app_with_two_shops().await;
    let ours = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let window = json!({ "from": "2026-01-01", "to": "2026-01-02" });
    let run = app.post("/v1/reconciliations", &window).await.body["id"].as_str().unwrap().to_owned();
    let export = json!({ "report": "breaks", "format": "csv", "from": "2026-01-01", "to": "2026-01-02" });
    let export = app.post("/v1/exports", &export).await.body["id"].as_str().unwrap().to_owned();
    let mut person = Person::signed_in(&app, "pk_second", Scope::VARIANTS, &["second"]).await;
    for path in [
        format!("/console/payments/{ours}"),
        format!("/console/payments/{ours}/gateway"),
        format!("/console/payments/{ours}/void"),
        format!("/console/reconciliations/{run}"),
        format!("/console/exports/{export}"),
        format!("/console/exports/{export}/file"),
    ] {
        assert_eq!(person.get(&path).await.status, 404, "{path}");
    }
    for path in
        ["/console/payments", "/console/payments?shop=main", "/console/payments?q=order-1", "/console/stuck?shop=main"]
    {
        let page = person.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains(&ours), "{path}");
    }
    // A form of one's own, sent to what one may not see.
    let page = person.get("/console/stuck").await;
    let mark = page.hidden("/console/sign-out");
    for deed in ["check", "note", "assign", "snooze", "settle", "void", "refund"] {
        let refused = person.post(&format!("/console/payments/{ours}/{deed}"), &mark).await;
        assert_eq!(refused.status, 404, "{deed}: {refused:?}");
    }
    assert!(!person.get("/console/health").await.words().contains("main"), "nor how others' gateways are");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_only_read_finds_nothing_to_press() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    app.pay("order-1").await;
    let id = app.end_of("order-1").await["id"].as_str().unwrap().to_owned();
    let mut reader = Person::signed_in(&app, "pk_reader", &[Scope::OpsRead, Scope::PaymentsRead], &[]).await;
    let page = reader.get(&format!("/console/payments/{id}")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text.matches("<form").count(), 1, "only the one to sign out");
    assert!(!page.words().contains("Refund…"), "{}", page.words());
    let mark = page.hidden("/console/sign-out");
    for deed in ["check", "note", "assign", "snooze", "settle", "void", "refund", "capture", "approve", "reject"] {
        let refused = reader.post(&format!("/console/payments/{id}/{deed}"), &mark).await;
        assert_eq!(refused.status, 403, "{deed}: {refused:?}");
        assert!(refused.words().contains("scope"), "{deed}: {}", refused.words());
    }
    for path in
        ["/console/exports", "/console/breaks", "/console/reconciliations", &format!("/console/payments/{id}/refund")]
    {
        assert_eq!(reader.get(path).await.status, 403, "{path}");
    }
    assert!(!page.text.contains("href=\"/console/exports\""), "nor a way there");
}
