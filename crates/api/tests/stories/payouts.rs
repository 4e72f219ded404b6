//! Money that goes out.

use std::time::Duration;

use gateway_simulator::Fault;
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Kind, TestApp, admit, on_every_store, order};
use crate::orders::{payout, payout_to_card};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn a_payout_is_ordered_and_seen_completed(app: TestApp) {
        let taken = app.post("/v1/payments", &payout("payout-1")).await;
        assert_eq!((taken.status, &taken.body["state"]), (201, &json!("PENDING")), "{taken:?}");
        assert_eq!(taken.body["paymentType"], "WITHDRAWAL");
        assert_eq!(taken.body["nextAction"], Value::Null, "nobody has to do anything");
        app.pass(2 * SECOND, SECOND).await;
        let paid = app.end_of("payout-1").await;
        assert_eq!((&paid["state"], &paid["settledAmount"]), (&json!("COMPLETED"), &json!("11.12")), "{paid}");
        assert_eq!(paid["refundableAmount"], Value::Null, "what went out is not refunded");
        app.pass(MINUTE, 10 * SECOND).await;
        app.prove_the_books().await;
    }

    async fn a_payout_that_the_shop_holds_back_asks_for_approval(app: TestApp) {
        app.fault("payout-1", Fault::Held);
        let taken = app.post("/v1/payments", &payout("payout-1")).await;
        assert_eq!((taken.status, &taken.body["state"]), (201, &json!("AWAITING_APPROVAL")), "{taken:?}");
        assert_eq!(taken.body["nextAction"], json!({ "type": "approve" }));
        assert!(taken.body["why"].as_str().unwrap().contains("waits for our approval"), "{taken:?}");
        let replayed = app.post("/v1/payments", &payout("payout-1")).await;
        assert_eq!((replayed.status, &replayed.body["nextAction"]["type"]), (200, &json!("approve")));
        app.pass(24 * 60 * MINUTE, 30 * MINUTE).await;
        assert_eq!(app.payment("payout-1").await["state"], "AWAITING_APPROVAL", "for as long as it takes");
        app.prove_the_books().await;
    }

    async fn a_payout_above_the_limit_is_declined_with_the_gateways_reason(app: TestApp) {
        let mut order = payout("payout-1");
        order["amount"] = json!("10000.01");
        assert_eq!(app.post("/v1/payments", &order).await.status, 201);
        app.pass(2 * SECOND, SECOND).await;
        let end = app.end_of("payout-1").await;
        assert_eq!((&end["state"], &end["error"]["code"]), (&json!("DECLINED"), &json!("3.28")), "{end}");
    }

    /// Deposits, withdrawals and refunds of a shop share one namespace.
    async fn a_payout_under_a_deposits_reference_is_another_order(app: TestApp) {
        app.take("order-1").await;
        let mut payout = order("order-1");
        payout["paymentType"] = json!("WITHDRAWAL");
        let refused = app.post("/v1/payments", &payout).await;
        refused.assert_problem("reference-taken");
        assert_eq!(refused.pointers(), ["/paymentType"]);
        assert_eq!(app.posts_of("order-1"), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_bring_money_in_may_not_send_it_out_and_the_other_way_round() {
    let app = TestApp::start(Kind::Sqlite).await;
    admit(app.serving().keys(), "pk_in", &[Scope::DepositsWrite], &[]).await;
    admit(app.serving().keys(), "pk_out", &[Scope::PayoutsWrite], &[]).await;
    admit(app.serving().keys(), "pk_approve", &[Scope::PayoutsApprove, Scope::RefundsWrite], &[]).await;
    let post =
        |key: &'static str, order: &Value| app.send(app.http.post(app.at("/v1/payments")).json(order).bearer_auth(key));
    for (key, taken, refused, scope) in [
        ("pk_in", order("in"), payout_to_card("out"), "payouts:write"),
        ("pk_out", payout_to_card("out"), order("in"), "deposits:write"),
    ] {
        let answer = post(key, &refused).await;
        answer.assert_problem("missing-scope");
        assert_eq!(answer.body["detail"], format!("the key has not the scope {scope}"));
        // Whatever else is wrong with it: who may not order it learns no more.
        let mut broken = refused;
        broken["amount"] = json!("a");
        broken["card"] = json!({ "cardNumber": "1" });
        post(key, &broken).await.assert_problem("missing-scope");
        assert_eq!(post(key, &taken).await.status, 201);
    }
    let neither = post("pk_approve", &json!({})).await;
    neither.assert_problem("missing-scope");
    assert_eq!(neither.body["detail"], "the key has not the scope deposits:write or payouts:write");
    assert_eq!((app.posts_of("in"), app.posts_of("out")), (1, 1));
}
