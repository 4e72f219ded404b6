//! The sandbox: every row of the table in docs/api-guide.md, lived through by a caller.

use std::collections::BTreeSet;
use std::time::Duration;

use api::sandbox::{self, scenarios};
use serde_json::{Value, json};

use crate::app::{TestApp, on_every_store, order};
use crate::orders::payout;

const GUIDE: &str = include_str!("../../../../docs/api-guide.md");

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// The rows of the table, as they stand in the guide.
fn rows() -> Vec<&'static str> {
    GUIDE.lines().filter(|line| line.starts_with("| `sandbox-")).collect()
}

#[test]
fn the_guide_lists_every_scenario_as_the_program_knows_it() {
    let known: Vec<String> =
        scenarios().iter().map(|one| format!("| `{}` | {} | {} |", one.prefix, one.gateway, one.seen)).collect();
    assert_eq!(rows(), known);
    let different: BTreeSet<&str> = scenarios().iter().map(|one| one.prefix).collect();
    assert_eq!(different.len(), known.len());
}

on_every_store! {
    /// One after the other, as somebody would who tries everything.
    async fn each_row_of_the_table_is_what_a_caller_sees(app: TestApp) {
        app.restart_with(&[("SANDBOX__ENABLED", "true")]).await;
        sandbox::open(&app.settings).await.unwrap();
        for scenario in scenarios() {
            let reference = format!("{}1", scenario.prefix);
            live_through(&app, &reference).await;
            app.prove_the_books().await;
        }
        let states = whole_feed(&app).await;
        for scenario in scenarios() {
            let mine: Vec<_> = states.iter().filter(|(reference, ..)| reference.starts_with(scenario.prefix)).collect();
            let told: BTreeSet<_> = mine.iter().map(|(_, state, _)| state).collect();
            assert_eq!(told.len(), mine.len(), "no state is told twice: {mine:?}");
            assert!(mine.iter().map(|(.., sequence)| *sequence).eq(1..=mine.len() as u64), "{mine:?}");
        }
    }

    async fn nothing_goes_wrong_by_these_names_where_the_sandbox_is_closed(app: TestApp) {
        sandbox::open(&app.settings).await.unwrap();
        let taken = app.take("sandbox-timeout-1").await;
        assert_eq!((taken.status, &taken.body["state"]), (201, &json!("CHECKOUT")), "{taken:?}");
        app.pay("sandbox-timeout-1").await;
        assert_eq!(app.end_of("sandbox-timeout-1").await["state"], "COMPLETED");
    }
}

async fn live_through(app: &TestApp, reference: &str) {
    match reference.trim_end_matches('1') {
        "sandbox-timeout-" => {
            assert_unknown(app, reference).await;
            app.pass(20 * SECOND, SECOND).await;
            assert_eq!(app.payment(reference).await["state"], "CHECKOUT");
            assert_eq!((app.posts_of(reference), app.gateway_payments_of(reference)), (1, 1));
        }
        "sandbox-lost-" => {
            assert_unknown(app, reference).await;
            app.pass(9 * MINUTE, 10 * SECOND).await;
            assert_eq!(app.payment(reference).await["state"], "CHECKOUT");
            assert_eq!((app.posts_of(reference), app.gateway_payments_of(reference)), (2, 1));
        }
        "sandbox-refused-" => {
            let refused = app.take(reference).await;
            assert_eq!((refused.status, &refused.body["code"]), (422, &json!("gateway-refused")), "{refused:?}");
            assert_eq!(app.payment(reference).await["state"], "REJECTED");
            assert_eq!(refused.body["retry"], "new-reference");
        }
        "sandbox-declined-" => {
            let end = paid(app, reference).await;
            assert_eq!((&end["state"], &end["error"]["code"]), (&json!("DECLINED"), &json!("4.01")), "{end}");
        }
        "sandbox-amount-" => {
            paid(app, reference).await;
            app.pass(MINUTE, 10 * SECOND).await;
            let end = app.payment(reference).await;
            assert_eq!((&end["state"], &end["settledAmount"]), (&json!("COMPLETED"), &json!("10.98")), "{end}");
            assert_eq!(end["flags"], json!(["amount-differs"]));
        }
        "sandbox-twice-" => {
            paid(app, reference).await;
            app.pass(MINUTE, 10 * SECOND).await;
            assert_eq!(app.payment(reference).await["flags"], json!([]));
            assert_eq!(notices_of(app, reference).await.len(), 1, "the second one is the same");
        }
        "sandbox-late-" => {
            let end = paid_in_silence(app, reference).await;
            app.pass(3 * MINUTE, 10 * SECOND).await;
            let after = app.payment(reference).await;
            assert_eq!((&after["state"], &after["flags"]), (&end["state"], &json!([])), "{after}");
            assert_eq!(notices_of(app, reference).await.len(), 1, "it came at last");
        }
        "sandbox-reordered-" => {
            let mut order = order(reference);
            order["preAuth"] = json!(true);
            let taken = app.take_order(&order).await;
            app.pay(reference).await;
            app.pass(MINUTE, SECOND).await;
            let capture = format!("/v1/payments/{}/capture", taken["id"].as_str().unwrap());
            assert_eq!(app.post(&capture, &json!({})).await.status, 200);
            app.pass(MINUTE, SECOND).await;
            let end = app.payment(reference).await;
            assert_eq!((&end["state"], &end["flags"]), (&json!("COMPLETED"), &json!([])), "{end}");
        }
        "sandbox-never-" => {
            paid_in_silence(app, reference).await;
            assert_eq!(notices_of(app, reference).await, [""; 0]);
        }
        "sandbox-forged-" => {
            paid_in_silence(app, reference).await;
            assert_eq!(notices_of(app, reference).await, [""; 0], "what is forged is not even kept");
        }
        "sandbox-contradiction-" => {
            paid(app, reference).await;
            app.pass(MINUTE, 10 * SECOND).await;
            let end = app.payment(reference).await;
            assert_eq!((&end["state"], &end["flags"]), (&json!("COMPLETED"), &json!(["contradiction"])), "{end}");
            let stuck = app.get("/v1/stuck").await.body;
            assert!(stuck.to_string().contains(reference), "{stuck}");
        }
        "sandbox-pending-" => {
            app.take(reference).await;
            app.pay(reference).await;
            app.pass(9 * MINUTE, 30 * SECOND).await;
            assert_eq!(app.payment(reference).await["state"], "PENDING");
            app.pass(3 * MINUTE, 10 * SECOND).await;
            assert_eq!(app.payment(reference).await["state"], "COMPLETED");
        }
        "sandbox-held-" => {
            let taken = app.take_order(&payout(reference)).await;
            assert_eq!(taken["state"], "AWAITING_APPROVAL", "{taken}");
            assert_eq!(taken["nextAction"], json!({ "type": "approve" }));
        }
        untold => panic!("nobody has lived through {untold}"),
    }
}

/// Its order is taken, and nobody knows more.
async fn assert_unknown(app: &TestApp, reference: &str) {
    let taken = app.take(reference).await;
    assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "{taken:?}");
}

/// Ordered, paid, and over; as a caller sees it who waits.
async fn paid(app: &TestApp, reference: &str) -> Value {
    app.take(reference).await;
    app.pay(reference).await;
    let end = app.end_of(reference).await;
    assert_eq!(end["final"], true, "{end}");
    end
}

/// The same where no notice is of any use: the gateway's list tells it.
async fn paid_in_silence(app: &TestApp, reference: &str) -> Value {
    app.take(reference).await;
    app.pay(reference).await;
    app.pass(MINUTE, 10 * SECOND).await;
    let end = app.payment(reference).await;
    assert_eq!(end["state"], "COMPLETED", "{end}");
    end
}

/// What became of the notices of a payment, the latest last.
async fn notices_of(app: &TestApp, reference: &str) -> Vec<String> {
    let id = app.payment(reference).await["gatewayPaymentId"].clone();
    let inbox = app.get("/v1/webhooks-in?limit=200").await.body;
    let notices = inbox["data"].as_array().unwrap().iter().rev().filter(|one| one["gatewayPaymentId"] == id);
    notices.map(|one| one["verdict"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Reference, state and sequence of every event.
async fn whole_feed(app: &TestApp) -> Vec<(String, String, u64)> {
    let pusher = app.serving().pusher();
    while pusher.stamp().await.unwrap() > 0 {}
    let page = app.get("/v1/events?after=0&limit=200").await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let events = page["data"].as_array().unwrap().iter().map(|event| &event["data"]);
    events.map(|data| (text(&data["referenceId"]), text(&data["state"]), data["sequence"].as_u64().unwrap())).collect()
}
