//! How much one key may ask for, and how it learns what is left.

use std::time::Duration;

use serde_json::json;
use store::Scope;

use crate::app::{Answer, CALLER_KEY, Kind, TestApp, admit, order};

const SECOND: Duration = Duration::from_secs(1);

/// Two in a second, four after a silence.
async fn bounded() -> TestApp {
    let limits = [("CALLERS__REQUESTS_PER_SECOND", "2"), ("CALLERS__REQUESTS_BURST", "4")];
    TestApp::start_with(Kind::Sqlite, &limits).await
}

fn left(answer: &Answer) -> &str {
    answer.headers["ratelimit"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_too_much_is_told_when_to_come_again_and_nobody_else_is() {
    let app = bounded().await;
    admit(app.serving().keys(), "pk_other", &[Scope::PaymentsRead], &[]).await;
    for standing in ["\"key\";r=3;t=1", "\"key\";r=2;t=1", "\"key\";r=1;t=2", "\"key\";r=0;t=2"] {
        let answer = app.get("/v1/payments").await;
        assert_eq!((answer.status, left(&answer)), (200, standing), "{answer:?}");
        assert_eq!(answer.headers["ratelimit-policy"], "\"key\";q=4;w=2");
    }
    let refused = app.take("order-1").await;
    refused.assert_problem("rate-limited");
    assert_eq!((refused.headers["retry-after"].to_str().unwrap(), left(&refused)), ("1", "\"key\";r=0;t=1"));
    assert_eq!((app.posts_of("order-1"), app.count("select count(*) from payments").await), (0, 0));

    // Another key, nobody's, those who need none, and the gateway.
    let other = app.http.get(app.at("/v1/payments")).bearer_auth("pk_other");
    assert_eq!(left(&app.send(other).await), "\"key\";r=3;t=1");
    for _ in 0..10 {
        let nobody = app.send(app.http.get(app.at("/v1/payments")).bearer_auth("pk_nobody")).await;
        nobody.assert_problem("unauthorized");
        assert!(!nobody.headers.contains_key("ratelimit"));
        assert_eq!(app.send(app.http.get(app.at("/livez"))).await.status, 200);
        app.notify("{}", None).await.assert_problem("invalid-signature");
    }

    app.advance(SECOND);
    assert_eq!(app.take("order-1").await.status, 201, "as it says");
    assert_eq!(app.get("/v1/payments").await.status, 200);
    app.get("/v1/payments").await.assert_problem("rate-limited");
    app.advance(100 * SECOND);
    assert_eq!(left(&app.get("/v1/payments").await), "\"key\";r=3;t=1", "a silence fills it, and no further");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_counts_once_also_if_it_has_a_name_or_may_not_be_done() {
    let app = bounded().await;
    let named = app.http.post(app.at("/v1/exports")).json(&json!({})).bearer_auth(CALLER_KEY);
    let named = app.send(named.header("Idempotency-Key", "\"a-name\"")).await;
    named.assert_problem("invalid-request");
    assert_eq!(left(&named), "\"key\";r=3;t=1");
    admit(app.serving().keys(), "pk_reader", &[Scope::PaymentsRead], &[]).await;
    let unfit = app.http.post(app.at("/v1/payments")).json(&order("order-1")).bearer_auth("pk_reader");
    let unfit = app.send(unfit).await;
    unfit.assert_problem("missing-scope");
    assert_eq!(left(&unfit), "\"key\";r=3;t=1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_limit_there_is_none() {
    let app = TestApp::start(Kind::Sqlite).await;
    for _ in 0..50 {
        let answer = app.get("/v1/payments").await;
        assert_eq!((answer.status, answer.headers.contains_key("ratelimit")), (200, false));
    }
}
