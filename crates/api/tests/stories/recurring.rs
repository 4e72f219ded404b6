//! Chains of charges: begun with a customer, gone on with without one.

use std::time::Duration;

use gateway_simulator::Fault;
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Kind, SECOND_API_KEY, SECOND_SIGNING_KEY, TestApp, admit, on_every_store, order};
use crate::orders::{by_card, payout};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn first(reference: &str) -> Value {
    let mut order = order(reference);
    order["startRecurring"] = json!(true);
    order
}

/// The token that the simulated gateway makes for a chain.
fn token_of(payment: &Value) -> String {
    format!("rt{}", payment["gatewayPaymentId"].as_str().unwrap())
}

fn next(reference: &str, first: &Value) -> Value {
    let mut order = order(reference);
    order["recurringToken"] = json!(token_of(first));
    order["parentPaymentId"] = first["id"].clone();
    order
}

on_every_store! {
    async fn a_chain_is_begun_by_the_customer_and_goes_on_without(app: TestApp) {
        app.post("/v1/payments", &first("month-1")).await;
        app.pay("month-1").await;
        let begun = app.end_of("month-1").await;

        let charged = app.post("/v1/payments", &next("month-2", &begun)).await;
        assert_eq!((charged.status, &charged.body["state"]), (201, &json!("PENDING")), "{charged:?}");
        assert_eq!(charged.body["parentPaymentId"], begun["id"], "always our name");
        assert_eq!(charged.body["nextAction"], Value::Null);
        app.pass(2 * SECOND, SECOND).await;
        let paid = app.end_of("month-2").await;
        assert_eq!(paid["state"], "COMPLETED", "the gateway knows the chain by its own names: {paid}");
        let children = app.get(&format!("/v1/payments?parentPaymentId={}", begun["id"].as_str().unwrap())).await;
        assert_eq!(children.body["data"].as_array().unwrap().len(), 1);

        // The same chain by the gateway's name, as whoever began it elsewhere knows it.
        let mut elsewhere = next("month-3", &begun);
        elsewhere.as_object_mut().unwrap().remove("parentPaymentId");
        elsewhere["gatewayParentPaymentId"] = begun["gatewayPaymentId"].clone();
        let charged = app.post("/v1/payments", &elsewhere).await;
        assert_eq!((charged.status, &charged.body["parentPaymentId"]), (201, &Value::Null), "{charged:?}");
        app.pass(2 * SECOND, SECOND).await;
        assert_eq!(app.end_of("month-3").await["state"], "COMPLETED");

        let mut unknown = next("month-4", &begun);
        unknown["recurringToken"] = json!("of-nobody");
        app.post("/v1/payments", &unknown).await;
        app.pass(2 * SECOND, SECOND).await;
        let end = app.end_of("month-4").await;
        assert_eq!((&end["state"], &end["error"]["code"]), (&json!("DECLINED"), &json!("1.06")), "{end}");
        app.pass(MINUTE, 10 * SECOND).await;
        app.prove_the_books().await;
    }

    /// The gateway tells it once the payment is made; whoever may charge reads it where one payment is read, and nowhere
    /// else is it to be seen.
    async fn what_was_paid_with_is_told_with_its_payment_alone(app: TestApp) {
        let mut order = first("month-1");
        order["card"] = by_card("x")["card"].clone();
        let ordered = app.post("/v1/payments", &order).await.body;
        assert_eq!(app.payment("month-1").await["paymentMethodDetails"], Value::Null, "nothing is told yet");
        app.pay("month-1").await;
        app.end_of("month-1").await;
        let id = ordered["id"].as_str().unwrap();
        let token = format!("rt{}", ordered["gatewayPaymentId"].as_str().unwrap());
        let told = json!({
            "customerAccountNumber": "400000***0002", "cardBrand": "VISA",
            "cardExpiryMonth": "06", "cardExpiryYear": "2071",
        });
        for again in [false, true] {
            if again {
                app.restart().await;
            }
            for path in ["/v1/payments/by-reference/month-1".to_owned(), format!("/v1/payments/{id}?wait=1")] {
                let alone = app.get(&path).await;
                assert_eq!((&alone.body["recurringToken"], &alone.body["paymentMethodDetails"]), (&json!(token), &told));
                assert_eq!(alone.headers["cache-control"], "no-store");
            }
        }
        admit(app.serving().keys(), "pk_reader", &[Scope::PaymentsRead, Scope::PayoutsWrite], &[]).await;
        let read = app.send(app.http.get(app.at(&format!("/v1/payments/{id}"))).bearer_auth("pk_reader")).await;
        assert_eq!((&read.body["recurringToken"], &read.body["paymentMethodDetails"]), (&Value::Null, &told));

        app.pass(MINUTE, 10 * SECOND).await;
        for answer in [
            app.get("/v1/payments").await,
            app.get(&format!("/v1/payments/{id}/events")).await,
            app.post("/v1/payments", &order).await,
            app.post(&format!("/v1/payments/{id}/check"), &json!({})).await,
        ] {
            assert!(answer.status == 200 && !answer.body.to_string().contains(&token), "{answer:?}");
            assert!(!answer.body.to_string().contains("***0002"), "{answer:?}");
        }
        assert_eq!(app.count("select count(*) from payment_means").await, 1);
        for (table, row) in app.data.everything().await {
            assert!(!row.contains(&token) && !row.contains("***0002"), "{table}: {row}");
        }
    }

    /// A notice may never come, or bring nothing of it: the look that follows every end brings it.
    async fn what_no_notice_tells_is_learnt_by_the_look(app: TestApp) {
        app.fault("month-1", Fault::HookNever);
        app.post("/v1/payments", &first("month-1")).await;
        app.pay("month-1").await;
        assert_eq!(app.payment("month-1").await["recurringToken"], Value::Null);
        app.pass(MINUTE, 10 * SECOND).await;
        let payment = app.payment("month-1").await;
        assert_eq!((&payment["state"], &payment["recurringToken"]), (&json!("COMPLETED"), &json!(token_of(&payment))));
        // With the token that is told, the chain goes on.
        assert_eq!(app.post("/v1/payments", &next("month-2", &payment)).await.status, 201);
    }

    async fn a_parent_must_be_a_deposit_of_the_same_shop_that_the_gateway_has(app: TestApp) {
        app.fault("refused", Fault::StatusBefore(400));
        app.take("refused").await;
        app.post("/v1/payments", &payout("payout-1")).await;
        let (refused, payout) = (app.payment("refused").await, app.payment("payout-1").await);
        for parent in [json!("01a20e77-5156-724b-9903-41490f448b66"), refused["id"].clone(), payout["id"].clone()] {
            let mut order = order("never-taken");
            order["parentPaymentId"] = parent;
            let answer = app.post("/v1/payments", &order).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.pointers(), ["/parentPaymentId"]);
        }
        assert_eq!(app.posts_of("never-taken"), 0);
    }

    async fn a_parent_that_is_not_confirmed_yet_is_waited_for(app: TestApp) {
        app.fault("month-1", Fault::LostAfter);
        let begun = app.post("/v1/payments", &first("month-1")).await.body;
        let mut second = order("month-2");
        second["parentPaymentId"] = begun["id"].clone();
        let early = app.post("/v1/payments", &second).await;
        early.assert_problem("parent-not-ready");
        assert_eq!(app.posts_of("month-2"), 0);
        app.get("/v1/payments/by-reference/month-2").await.assert_problem("not-found");

        app.pass(5 * SECOND, SECOND).await;
        let taken = app.post("/v1/payments", &second).await;
        assert_eq!((taken.status, &taken.body["parentPaymentId"]), (201, &begun["id"]), "the same request is taken");
        // What was taken is answered, whatever its parent would say now.
        let mut other = second.clone();
        other["parentPaymentId"] = json!("01a20e77-5156-724b-9903-41490f448b66");
        let refused = app.post("/v1/payments", &other).await;
        refused.assert_problem("reference-taken");
        assert_eq!(refused.pointers(), ["/parentPaymentId"]);
    }

    async fn a_subscription_begins_with_a_chain_and_is_compared_field_by_field(app: TestApp) {
        let mut order = first("month-1");
        order["subscription"] = json!({
            "frequency": 1, "frequencyUnit": "MONTH", "amount": "9.90", "startTime": "2071-01-01T00:00:00+02:00",
            "numberOfCycles": 12, "description": "Every month",
            "retryStrategy": { "frequency": 2, "numberOfCycles": 3, "frequencyUnit": "DAY", "amountAdjustments": [100, 50] },
        });
        let taken = app.post("/v1/payments", &order).await;
        assert_eq!((taken.status, &taken.body["state"]), (201, &json!("CHECKOUT")), "{taken:?}");
        let mut same = order.clone();
        same["subscription"]["amount"] = json!(9.9);
        same["subscription"]["startTime"] = json!("2070-12-31T22:00:00Z");
        assert_eq!(app.post("/v1/payments", &same).await.status, 200);
        let mut other = order.clone();
        other["subscription"]["amount"] = json!("9.91");
        other["subscription"]["frequencyUnit"] = json!("WEEK");
        other["subscription"]["retryStrategy"]["amountAdjustments"] = json!([100, 51]);
        let refused = app.post("/v1/payments", &other).await;
        refused.assert_problem("reference-taken");
        assert_eq!(
            refused.pointers(),
            ["/subscription/amount", "/subscription/frequencyUnit", "/subscription/retryStrategy/amountAdjustments/1"]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_stays_in_its_shop() {
    let pairs = [
        ("SHOPS__SECOND__API_KEY", SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ];
    let app = TestApp::start_with(Kind::Sqlite, &pairs).await;
    app.post("/v1/payments", &first("month-1")).await;
    app.pay("month-1").await;
    let begun = app.end_of("month-1").await;
    let mut order = next("month-2", &begun);
    order["shop"] = json!("second");
    let (foreign, nobodys) = (app.post("/v1/payments", &order).await, {
        order["parentPaymentId"] = json!("01a20e77-5156-724b-9903-41490f448b66");
        app.post("/v1/payments", &order).await
    });
    for refused in [&foreign, &nobodys] {
        refused.assert_problem("invalid-request");
        assert_eq!(refused.pointers(), ["/parentPaymentId"]);
    }
    assert_eq!(foreign.body["errors"], nobodys.body["errors"], "whether another shop has it is not told");
    assert_eq!(app.posts_of("month-2"), 0);
}
