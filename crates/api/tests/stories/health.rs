//! Whether it lives, whether it can serve, and what it does while its database is away.

use fault_catalogue::struck;
use std::collections::BTreeSet;
use std::time::Duration;

use gateway_simulator::{Fault, SignatureMode, sign};
use serde_json::{Value, json};
use test_postgres::Cluster;

use crate::app::{Data, Kind, SIGNING_KEY, TestApp, eventually, on_every_store};

const SECOND: Duration = Duration::from_secs(1);

on_every_store! {
    async fn it_is_ready_when_the_database_and_the_clocks_say_so(app: TestApp) {
        assert_eq!(app.get("/livez").await.status, 200);
        let ready = app.get("/readyz").await;
        let fine = json!({ "status": "ready", "database": "ok", "schema": "ok", "clock": "ok", "stopping": false });
        assert_eq!((ready.status, ready.body), (200, fine));

        app.advance(10 * SECOND);
        let apart = app.get("/readyz").await;
        assert_eq!((apart.status, &apart.body["clock"]), (503, &json!("apart")));
        assert_eq!(app.get("/livez").await.status, 200, "another process would have no better clock");
    }

    async fn what_is_counted_can_be_read_by_a_machine_and_names_nobody(app: TestApp) {
        let taken = app.take("order-Xk7").await.body;
        app.pay("order-Xk7").await;
        app.end_of("order-Xk7").await;
        app.get("/v1/payments/by-reference/order-Xk7").await;
        app.get("/v1/payments/Xk7").await;
        app.get("/Xk7").await;
        let brew = reqwest::Method::from_bytes(b"XK7").unwrap();
        app.send(app.http.request(brew, app.at("/v1/payments"))).await;
        app.notify("{}", Some("Xk7")).await;

        let text = app.metrics().await;
        let samples = parse(&text);
        assert!(text.ends_with("# EOF\n"));
        for wanted in [
            "http_server_request_duration_seconds_count{http_request_method=\"POST\",http_route=\"/v1/payments\",http_response_status_code=\"201\"} 1",
            "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/v1/payments/by-reference/{reference}\",http_response_status_code=\"200\"} 2",
            "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",http_route=\"/v1/payments\",http_response_status_code=\"405\"} 1",
            "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"none\",http_response_status_code=\"404\"} 1",
            "gateway_notices_total{verdict=\"moves\"} 1",
            "gateway_notices_total{verdict=\"forged\"} 1",
            "payments{state=\"COMPLETED\",type=\"DEPOSIT\"} 1",
            "payment_ends_total{state=\"COMPLETED\",source=\"webhook\"} 1",
            "gateway_notice_lateness_seconds_bucket{le=\"0.0\"} 1",
            "gateway_outcomes_total{outcome=\"answered\"} 1",
            "violations{rule=\"I9 outbox has gaps\"} 0",
            "payments_stuck{reason=\"surplus\"} 0",
        ] {
            assert!(samples.contains(wanted), "{wanted} is not in\n{text}");
        }
        let ids = [&taken["id"], &taken["gatewayPaymentId"], &json!("xk7")].map(|id| id.as_str().unwrap().to_owned());
        for id in ids {
            assert!(!text.to_lowercase().contains(&id), "{id} in\n{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_gone_nothing_is_taken_and_everything_goes_on_when_it_is_back() {
    let cluster = Cluster::start_private().await.unwrap();
    let app = TestApp::start_on(Data::Server(cluster), &[]).await;
    let before = app.take("before").await;
    assert_eq!(before.status, 201, "{before:?}");
    // The gateway is still answering this one when the database goes.
    app.fault("in-flight", Fault::Slow { millis: 1_000 });
    let in_flight = async { app.take("in-flight").await };
    let outage = async {
        eventually("the request at the gateway", async || app.posts_of("in-flight") > 0).await;
        let Data::Server(cluster) = &app.data else { unreachable!() };
        cluster.stop_immediate().await.unwrap();
        app.advance(SECOND);
    };
    let (taken, ()) = tokio::join!(in_flight, outage);
    assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "it has left: {taken:?}");

    let ready = app.get("/readyz").await;
    assert_eq!((ready.status, &ready.body["database"]), (503, &json!("unreachable")), "{ready:?}");
    assert_eq!(app.get("/livez").await.status, 200);
    assert!(
        app.metrics().await.contains("http_server_request_duration_seconds"),
        "the counters are worth more than ever"
    );
    let body = notice(&before.body).to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
    let (refused, read, listed, notified) = tokio::join!(
        app.take("during"),
        app.get("/v1/payments/by-reference/before"),
        app.get("/v1/payments"),
        app.notify(&body, signature.as_deref()),
    );
    let answers = [refused, read, listed, notified];
    for answer in &answers {
        answer.assert_problem("store-unavailable");
    }
    struck(44, answers.len());
    // Its memory of keys is over as well.
    app.advance(6 * SECOND);
    app.get("/v1/payments").await.assert_problem("store-unavailable");
    assert_eq!(app.posts_of("during"), 0, "nothing is sent that is not durable");

    let Data::Server(cluster) = &app.data else { unreachable!() };
    cluster.start_again().await.unwrap();
    assert_eq!(app.take("during").await.status, 201, "without a restart, and with the same reference");
    assert_eq!(app.notify(&body, signature.as_deref()).await.status, 200);
    assert_eq!(app.payment("before").await["state"], "DECLINED");
    assert_eq!(app.get("/readyz").await.body["database"], "ok");
    app.pass(5 * 60 * SECOND, 10 * SECOND).await;
    let found = app.payment("in-flight").await;
    assert_eq!((&found["state"], app.posts_of("in-flight")), (&json!("CHECKOUT"), 1), "{found}");
    app.prove_the_books().await;
}

fn notice(payment: &Value) -> Value {
    json!({ "id": payment["gatewayPaymentId"], "state": "DECLINED", "errorCode": "4.01" })
}

/// The samples of an `OpenMetrics` text, each checked for its form.
fn parse(text: &str) -> BTreeSet<&str> {
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
    };
    let mut samples = BTreeSet::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let known = ["HELP ", "TYPE ", "UNIT "].iter().any(|word| comment.starts_with(word));
            assert!(known || comment == "EOF", "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value == "+Inf" || value.parse::<f64>().is_ok(), "{line}");
        let (metric, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(name(metric), "{line}");
        let labels = labels.strip_suffix('}').unwrap();
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once("=\"").unwrap();
            assert!(name(label) && !value.trim_end_matches('"').contains('"'), "{line}");
        }
        assert!(samples.insert(line), "twice: {line}");
    }
    samples
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_acknowledges_nothing_and_everything_goes_on_when_there_is_room() {
    let app = TestApp::start(Kind::Postgres).await;
    let before = app.take("before").await;
    assert_eq!(before.status, 201, "{before:?}");
    app.data.fill_the_disk().await;
    let mut refused = 0_u64;
    for count in 0..5 {
        app.take(&format!("full-{count}")).await.assert_problem("store-unavailable");
        assert_eq!(app.posts_of(&format!("full-{count}")), 0, "nothing leaves that is not durable");
        refused += 1;
    }
    let body = notice(&before.body).to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
    app.notify(&body, signature.as_deref()).await.assert_problem("store-unavailable");
    assert_eq!(app.payment("before").await["state"], "CHECKOUT", "what is there can be read");
    assert_eq!(app.get("/livez").await.status, 200);

    app.data.make_room().await;
    for count in 0..5 {
        assert_eq!(app.take(&format!("full-{count}")).await.status, 201, "without a restart");
    }
    assert_eq!(app.notify(&body, signature.as_deref()).await.status, 200);
    assert_eq!(app.payment("before").await["state"], "DECLINED");
    app.prove_the_books().await;
    struck(48, refused);
}

/// One connection takes all orders, and the tables that they need are locked by somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_held_up_is_not_waited_for_for_ever_and_nothing_is_sent() {
    let app = TestApp::start_with(Kind::Postgres, &[("DATABASE__REQUEST_CONNECTIONS", "1")]).await;
    let before = app.take("before").await;
    let body = notice(&before.body).to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
    let held = app.data.hold_up("lock table payments in exclusive mode").await;
    let orders = futures::future::join_all((0..200).map(|count| {
        let app = &app;
        async move { app.take(&format!("order-{count}")).await }
    }));
    let begun = std::time::Instant::now();
    let (answers, heard) = tokio::join!(orders, app.notify(&body, signature.as_deref()));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(heard.status, 200, "webhooks have a way of their own: {heard:?}");
    for answer in &answers {
        answer.assert_problem("store-unavailable");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    held.let_go().await;
    assert!((0..200).all(|count| app.posts_of(&format!("order-{count}")) == 0));
    let again = app.take("order-0").await;
    assert!(matches!(again.status, 200 | 201), "{again:?}");
    app.prove_the_books().await;
    struck(45, answers.len());
    struck(49, answers.len());
}

/// Those who ask whether it is ready wait for what somebody else has locked, and take the one connection for reading along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_readers_is_turned_away_and_nobody_else_waits_for_it() {
    let app = TestApp::start_with(Kind::Postgres, &[("DATABASE__READ_CONNECTIONS", "1")]).await;
    app.fault("due", Fault::LostAfter);
    assert_eq!(app.take("due").await.status, 202);
    app.advance(3 * SECOND);
    let held = app.data.hold_up("lock table _sqlx_migrations in access exclusive mode").await;
    let hogs = futures::future::join_all((0..8).map(|_| app.get("/readyz")));
    let others = async {
        const WAITING: &str = "select count(*) from pg_stat_activity
                               where datname = current_database() and wait_event_type = 'Lock'";
        eventually("somebody who waits for the lock", async || app.count(WAITING).await > 0).await;
        let readers = futures::future::join_all((0..200).map(|_| app.get("/v1/payments")));
        let order = app.take("order-1");
        let look = app.serving().desk().check_due(10);
        let begun = std::time::Instant::now();
        let (readers, taken, checked) = tokio::join!(readers, order, look);
        (readers, taken.status, checked.unwrap(), begun.elapsed())
    };
    let (hogs, (readers, taken, checked, waited)) = tokio::join!(hogs, others);
    assert!(hogs.iter().any(|hog| hog.status == 503), "{hogs:?}");
    let refused: Vec<_> = readers.iter().filter(|reader| reader.status != 200).collect();
    for reader in &refused {
        reader.assert_problem("store-unavailable");
        assert!(reader.headers.contains_key("retry-after"), "{reader:?}");
    }
    assert!(refused.len() > 50 && waited < Duration::from_secs(20), "{} of 200 after {waited:?}", refused.len());
    assert_eq!((taken, checked.payments, checked.failed), (201, 1, 0), "orders and workers have their own");
    assert_eq!(app.payment("due").await["state"], "CHECKOUT");
    held.let_go().await;
    assert_eq!(
        (app.get("/v1/payments").await.status, app.get("/readyz").await.body["database"].clone()),
        (200, json!("ok"))
    );
    app.prove_the_books().await;
    struck(49, refused.len());
}
