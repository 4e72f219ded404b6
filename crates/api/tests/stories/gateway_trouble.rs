//! The gateway is down, slow, or talks nonsense; the caller hangs up. The payment goes on, or nothing was sent.

use fault_catalogue::struck;
use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule};
use serde_json::{Value, json};

use crate::app::{Kind, TestApp, eventually, on_every_store, order};
use crate::line::End;
use crate::wire::{Wire, request};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_gateway_is_down_orders_wait_and_soon_none_are_taken() {
    let mut injected = 0_u64;
    let (app, mut line) = TestApp::start_on_a_line(Kind::Sqlite, &[("GATEWAY__BREAKER_FAILURES", "3")]).await;
    line.cut().await;
    for count in 0..3 {
        injected += 1;
        let taken = app.take(&format!("waiting-{count}")).await;
        assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "{taken:?}");
        assert!(taken.body["why"].as_str().unwrap().contains("never reached the gateway"), "{taken:?}");
        assert_eq!(taken.body["error"], Value::Null);
    }
    let refused = app.take("late").await;
    refused.assert_problem("gateway-unavailable");
    app.get("/v1/payments/by-reference/late").await.assert_problem("not-found");
    let replayed = app.take("waiting-0").await;
    assert_eq!((replayed.status, &replayed.headers["idempotent-replayed"]), (202, &"true".parse().unwrap()));
    assert_eq!(app.get("/readyz").await.status, 200, "a load balancer could do nothing about it");
    assert!(app.metrics().await.contains("gateway_breaker_open{shop=\"main\"} 1"));

    // As long as it is down, a look now and then is all that it hears of us.
    app.pass(30 * SECOND, 5 * SECOND).await;
    app.take("late").await.assert_problem("gateway-unavailable");

    line.mend().await;
    app.pass(MINUTE, 5 * SECOND).await;
    for count in 0..3 {
        let reference = format!("waiting-{count}");
        assert_eq!(app.payment(&reference).await["state"], "CHECKOUT");
        assert_eq!(app.posts_of(&reference), 1);
    }
    assert_eq!(app.take("late").await.status, 201, "the same reference may be used");
    assert!(app.metrics().await.contains("gateway_breaker_open{shop=\"main\"} 0"));
    app.prove_the_books().await;
    struck(29, injected);
}

/// Something between us and the gateway repeats a request of ours: that makes two payments, of which one is ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_payments_that_one_request_made_one_is_ours_and_the_other_is_shown() {
    let (app, line) = TestApp::start_on_a_line(Kind::Sqlite, &[]).await;
    line.lead_to(End::Doubling(app.gateway.address()));
    let taken = app.take("order-1").await;
    assert_eq!(taken.status, 201, "{taken:?}");
    line.lead_to(End::Gateway(app.gateway.address()));
    let made = app.gateway_payments_of("order-1");
    assert_eq!((made, app.posts_of("order-1")), (2, 2));
    app.pass(5 * MINUTE, 15 * SECOND).await;
    let payment = app.payment("order-1").await;
    assert_eq!(payment["gatewayPaymentId"], taken.body["gatewayPaymentId"], "once ours, ever ours");
    assert_eq!(payment["surplus"].as_array().map(Vec::len), Some(1), "{payment}");
    assert_eq!(payment["flags"], json!(["surplus"]));
    app.prove_the_books().await;
    struck(16, made - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_never_gets_through_is_rejected_as_not_sent() {
    let (app, mut line) = TestApp::start_on_a_line(Kind::Sqlite, &[]).await;
    line.cut().await;
    assert_eq!(app.take("order-1").await.status, 202);
    app.pass(11 * MINUTE, 10 * SECOND).await;
    let end = app.payment("order-1").await;
    assert_eq!((&end["state"], &end["error"]["code"]), (&json!("REJECTED"), &json!("not-sent")), "{end}");
    assert_eq!(app.posts_of("order-1"), 0);
    line.mend().await;
    app.pass(10 * MINUTE, 10 * SECOND).await;
    assert_eq!(app.posts_of("order-1"), 0, "nothing is sent behind the caller's back");
    app.prove_the_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_instead_of_an_answer_the_outcome_is_unknown_and_resolves_itself() {
    let mut injected = 0_u64;
    let (app, line) = TestApp::start_on_a_line(Kind::Sqlite, &[("GATEWAY__BREAKER_FAILURES", "1000")]).await;
    let ok = |content_type: &str, body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let said: [Vec<u8>; 14] = [
        b"".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"no HTTP at all\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ok("text/html", "<html>Welcome</html>").into_bytes(),
        ok("application/json", "").into_bytes(),
        ok("application/json", "null").into_bytes(),
        ok("application/json", r#"{"status":200,"result":null}"#).into_bytes(),
        ok("application/json", r#"{"status":200,"result":{"state":"COMPLETED"}}"#).into_bytes(),
        ok("application/json", r#"{"status":200,"result":{"id":"../../x"}}"#).into_bytes(),
        ok("application/json", &"[".repeat(200_000)).into_bytes(),
    ];
    for (count, words) in said.iter().enumerate() {
        injected += 1;
        line.lead_to(End::Saying(words.clone()));
        let taken = app.take(&format!("nonsense-{count}")).await;
        assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "{count}: {taken:?}");
        assert!(taken.body["why"].as_str().unwrap().contains("outcome is not known"), "{count}: {taken:?}");
    }
    line.lead_to(End::Gateway(app.gateway.address()));
    // None of them got through, so each is sent a second time when that is certain.
    app.pass(12 * MINUTE, 10 * SECOND).await;
    for count in 0..said.len() {
        let reference = format!("nonsense-{count}");
        assert_eq!(app.payment(&reference).await["state"], "CHECKOUT", "{count}");
        assert_eq!((app.posts_of(&reference), app.gateway_payments_of(&reference)), (1, 1));
    }
    app.prove_the_books().await;
    struck(23, injected);
}

on_every_store! {
    async fn an_error_page_after_the_effect_leads_to_no_second_payment(app: TestApp) {
        let faults = [
            Fault::StatusAfter(500),
            Fault::StatusAfter(502),
            Fault::StatusAfter(503),
            Fault::StatusAfter(409),
            Fault::StatusAfter(422),
            Fault::HtmlAfter,
            Fault::Truncated,
            Fault::LostAfter,
        ];
        for (count, fault) in faults.iter().enumerate() {
            let reference = format!("order-{count}");
            app.fault(&reference, fault.clone());
            let taken = app.take(&reference).await;
            assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "{fault:?}: {taken:?}");
        }
        app.pass(5 * SECOND, SECOND).await;
        for (count, fault) in faults.iter().enumerate() {
            let reference = format!("order-{count}");
            let found = app.payment(&reference).await;
            assert_eq!((&found["state"], app.posts_of(&reference)), (&json!("CHECKOUT"), 1), "{fault:?}: {found}");
        }
        app.prove_the_books().await;
        struck(20, app.faults_struck());
    }

    async fn what_lists_do_not_show_yet_is_not_taken_for_missing(app: TestApp) {
        app.gateway.with(|engine, _| engine.switches_mut().list_lag_millis = 240_000);
        app.fault("order-1", Fault::LostAfter);
        assert_eq!(app.take("order-1").await.status, 202);
        app.pass(3 * MINUTE, 5 * SECOND).await;
        let lists = app.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::List));
        assert_eq!(app.payment("order-1").await["state"], "SUBMITTED");
        app.pass(30 * MINUTE, 10 * SECOND).await;
        assert_eq!((&app.payment("order-1").await["state"], app.posts_of("order-1")), (&json!("CHECKOUT"), 1));
        app.prove_the_books().await;
        struck(27, lists);
    }

    async fn a_gateway_that_refuses_our_key_is_left_alone_until_it_takes_it_again(app: TestApp) {
        assert_eq!(app.take("before").await.status, 201);
        for on in [Endpoint::Create, Endpoint::List] {
            let rule = FaultRule { prefix: String::new(), fault: Fault::Unauthorized, on, times: None };
            app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
        }
        let first = app.take("first").await;
        assert_eq!((first.status, &first.body["state"]), (202, &json!("SUBMITTED")), "{first:?}");
        for reference in ["second", "third"] {
            app.take(reference).await.assert_problem("gateway-misconfigured");
            app.get(&format!("/v1/payments/by-reference/{reference}")).await.assert_problem("not-found");
        }
        let replayed = app.take("before").await;
        assert_eq!((replayed.status, &replayed.body["state"]), (200, &json!("CHECKOUT")), "what was taken is answered");
        let mut other = order("before");
        other["amount"] = json!("1.00");
        app.post("/v1/payments", &other).await.assert_problem("reference-taken");

        app.pass(20 * SECOND, 5 * SECOND).await;
        app.take("second").await.assert_problem("gateway-misconfigured");
        assert_eq!((app.posts_of("first"), app.posts_of("second")), (1, 0), "it is asked by a GET, never by a POST");

        app.gateway.with(|engine, _| engine.faults_mut().clear());
        app.pass(20 * SECOND, 5 * SECOND).await;
        assert_eq!(app.payment("first").await["state"], "CHECKOUT");
        assert_eq!(app.take("second").await.status, 201);
        app.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_with_a_late_clock_made_is_found_and_not_taken_for_an_older_one() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.let_the_gateways_clock_fall_behind(3 * 60 * MINUTE);
    app.fault("order-1", Fault::LostAfter);
    assert_eq!(app.take("order-1").await.status, 202);
    app.pass(10 * SECOND, SECOND).await;
    assert_eq!(app.payment("order-1").await["state"], "CHECKOUT");
    assert_eq!(app.posts_of("order-1"), 1);
    struck(42, app.faults_struck());
}

/// By such a clock the payment that our request made stands outside of every window in which it is looked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_clock_is_days_late_cannot_prove_that_it_has_nothing() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.let_the_gateways_clock_fall_behind(3 * 24 * 60 * MINUTE);
    app.fault("order-1", Fault::LostAfter);
    assert_eq!(app.take("order-1").await.status, 202);
    app.pass(40 * MINUTE, 20 * SECOND).await;
    assert_eq!(app.payment("order-1").await["state"], "SUBMITTED");
    assert_eq!(app.posts_of("order-1"), 1, "nothing is sent a second time");
}

/// The wall's time leaps by a day while a request is on its way, and every lease seems to be over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_sends_nothing_twice() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.fault("order-1", Fault::Slow { millis: 1_000 });
    let mut jumps = 0_u64;
    let leap = async {
        eventually("the request at the gateway", async || app.posts_of("order-1") > 0).await;
        app.let_the_gateways_clock_fall_behind(24 * 60 * MINUTE);
        jumps += 1;
        app.run_workers_until_idle().await;
        app.advance(SECOND);
    };
    let (taken, ()) = tokio::join!(app.take("order-1"), leap);
    assert!(matches!(taken.status, 201 | 202), "{taken:?}");
    app.pass(5 * MINUTE, 10 * SECOND).await;
    let payment = app.payment("order-1").await;
    assert_eq!((&payment["state"], app.posts_of("order-1")), (&json!("CHECKOUT"), 1), "{payment}");
    app.prove_the_books().await;
    struck(41, jumps);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_gateway_is_not_waited_for_for_ever() {
    let app = TestApp::start_with(Kind::Sqlite, &[("GATEWAY__ANSWER_SECONDS", "1")]).await;
    app.fault("order-1", Fault::Slow { millis: 60_000 });
    let (slow, neighbour) = tokio::join!(app.take("order-1"), app.take("neighbour"));
    assert_eq!((slow.status, &slow.body["state"]), (202, &json!("SUBMITTED")), "{slow:?}");
    assert_eq!(neighbour.status, 201);
    app.pass(5 * SECOND, SECOND).await;
    assert_eq!(app.payment("order-1").await["state"], "CHECKOUT");
    assert_eq!(app.posts_of("order-1"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_caller_waits_for_the_first_ones_answer() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.fault("order-1", Fault::Slow { millis: 1_000 });
    let answered = async {
        eventually("the request at the gateway", async || app.posts_of("order-1") > 0).await;
        let (second, ()) = tokio::join!(app.take("order-1"), async { app.advance(SECOND) });
        second
    };
    let (first, second) = tokio::join!(app.take("order-1"), answered);
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.body["nextAction"], second.body["nextAction"]);
    assert_eq!(app.posts_of("order-1"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_at_any_byte_leaves_a_whole_payment_or_none() {
    let mut injected = 0_u64;
    let app = TestApp::start(Kind::Sqlite).await;
    let mut whole = Vec::new();
    for round in 0..20 {
        for (kind, end) in [("fin", Wire::hang_up as fn(Wire) -> _), ("rst", Wire::reset)] {
            injected += 1;
            let reference = format!("{kind}-{round:02}");
            let bytes = post(&reference);
            // The last rounds send all of it.
            let cut = (bytes.len() * (round + 1) / 18).min(bytes.len());
            let mut wire = Wire::to(&app).await;
            wire.send(&bytes[..cut]).await;
            end(wire);
            if cut == bytes.len() && kind == "fin" {
                whole.push(reference);
            }
        }
    }
    assert!(whole.len() >= 3);
    for reference in &whole {
        eventually("the request at the gateway", async || app.posts_of(reference) > 0).await;
    }
    app.pass(5 * SECOND, SECOND).await;
    for payment in app.get("/v1/payments?limit=200").await.body["data"].as_array().unwrap() {
        assert_eq!(payment["state"], "CHECKOUT", "{payment}");
        whole.retain(|reference| payment["referenceId"] != json!(reference));
        assert!(payment["referenceId"].as_str().is_some_and(|reference| reference[4..] >= *"17"), "{payment}");
    }
    assert_eq!(whole, [""; 0], "they were sent to the last byte");
    app.prove_the_books().await;
    struck(10, injected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_while_the_gateway_is_asked_changes_nothing() {
    let app = TestApp::start(Kind::Sqlite).await;
    for (reference, end) in [("fin", Wire::hang_up as fn(Wire) -> _), ("rst", Wire::reset)] {
        app.fault(reference, Fault::Slow { millis: 1_000 });
        let mut wire = Wire::to(&app).await;
        wire.send(&post(reference)).await;
        eventually("the request at the gateway", async || app.posts_of(reference) > 0).await;
        end(wire);
        // The service has noticed: a later connection is served by the same threads.
        assert_eq!(app.payment(reference).await["state"], "SUBMITTED");
        app.advance(SECOND);
        let told = app.get(&format!("/v1/payments/by-reference/{reference}?wait=20&after=1")).await;
        assert_eq!(told.body["state"], "CHECKOUT", "{told:?}");
        assert_eq!(app.posts_of(reference), 1);
    }
    app.prove_the_books().await;
}

fn post(reference: &str) -> Vec<u8> {
    let headers = "content-type: application/json\r\n";
    request("POST", "/v1/payments", headers, order(reference).to_string().as_bytes())
}

/// The house was down for hours, and everything is due when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_at_once_after_an_outage_is_asked_for_no_faster_than_the_settings_say() {
    const DUE: u64 = 150;
    const PER_SECOND: u64 = 5;
    let app = TestApp::start_with(
        Kind::Sqlite,
        &[
            ("GATEWAY__REQUESTS_PER_SECOND", "5"),
            ("GATEWAY__REQUESTS_BURST", "5"),
            ("GATEWAY__BREAKER_FAILURES", "1000"),
            ("SWEEP__ENABLED", "false"),
        ],
    )
    .await;
    let gateway_looks = || {
        app.gateway.with(|engine, _| {
            [Endpoint::List, Endpoint::Read].map(|it| engine.counters().requests_to(it)).iter().sum::<u64>()
        })
    };
    app.gateway.with(|engine, _| engine.switches_mut().webhooks = gateway_simulator::WebhookDelivery::Dropped);
    for number in 0..DUE {
        app.fault(&format!("order-{number}"), Fault::LostAfter);
        assert_eq!(app.take(&format!("order-{number}")).await.status, 202);
    }
    app.advance(3 * 60 * MINUTE);
    let (mut seconds, mut busiest) = (0, 0);
    while app.count("select count(*) from payments where state = 'SUBMITTED'").await > 0 {
        let before = gateway_looks();
        app.run_workers_until_idle().await;
        let looks = gateway_looks() - before;
        busiest = busiest.max(looks);
        assert!(looks <= PER_SECOND, "{looks} requests in second {seconds}");
        assert!(seconds < 2 * DUE / PER_SECOND, "they never come to an end");
        app.advance(SECOND);
        seconds += 1;
    }
    assert_eq!(busiest, PER_SECOND, "and as fast as they say");
    // An order does not wait for its turn.
    assert_eq!(app.take("late").await.status, 201);
    app.prove_the_books().await;
    struck(55, gateway_looks());
}
