//! A deposit by the redirect flow, from the order to its end.

use fault_catalogue::struck;
use std::time::Duration;

use gateway_simulator::Fault;
use serde_json::json;

use crate::app::{on_every_store, order};

const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn a_deposit_is_ordered_paid_and_seen_completed(app: TestApp) {
        let taken = app.take("order-1001").await;
        assert_eq!(taken.status, 201, "{taken:?}");
        assert_eq!(taken.body["state"], "CHECKOUT");
        assert_eq!(taken.body["final"], false);
        assert_eq!(taken.body["amount"], "11.12");
        assert_eq!(taken.body["nextAction"]["type"], "redirect");
        assert!(taken.body["nextAction"]["url"].as_str().unwrap().contains("/checkout/"));
        assert!(taken.body["why"].as_str().unwrap().contains("waiting for the customer"));
        let id = taken.body["id"].as_str().unwrap();
        assert_eq!(taken.headers["location"], format!("/v1/payments/{id}"));

        app.pay("order-1001").await;
        let paid = app.end_of("order-1001").await;
        assert_eq!(paid["state"], "COMPLETED", "{paid}");
        assert_eq!(paid["settledAmount"], "11.12");
        assert_eq!(paid["settledCurrency"], "EUR");
        assert_eq!(paid["id"], id);
        assert_eq!(app.posts_of("order-1001"), 1);

        // What is booked is read by id once more, and then nothing is left to do.
        app.pass(MINUTE, Duration::from_secs(10)).await;
        let confirmed = app.payment("order-1001").await;
        assert_eq!(confirmed["refundableAmount"], "11.12", "{confirmed}");
        app.prove_the_books().await;
    }

    async fn a_declined_card_ends_as_declined_with_the_gateways_reason(app: TestApp) {
        app.take("order-1").await;
        app.customer("order-1", "pay", &[("cardNumber", "4242424242424242")]).await;
        let end = app.end_of("order-1").await;
        assert_eq!(end["state"], "DECLINED");
        assert_eq!(end["error"]["code"], "4.00");
        assert_eq!(end["nextAction"], serde_json::Value::Null);
    }

    async fn a_customer_who_cancels_or_never_comes_ends_as_cancelled(app: TestApp) {
        app.take("leaves").await;
        app.customer("leaves", "cancel", &[]).await;
        let left = app.end_of("leaves").await;
        assert_eq!((left["state"].as_str(), left["error"]["code"].as_str()), (Some("CANCELLED"), Some("2.00")));

        app.take("stays-away").await;
        app.customer("stays-away", "timeout", &[]).await;
        let away = app.end_of("stays-away").await;
        assert_eq!((away["state"].as_str(), away["error"]["code"].as_str()), (Some("CANCELLED"), Some("1.04")));
    }

    async fn a_payment_whose_answer_was_lost_is_found_and_sent_once(app: TestApp) {
        app.fault("order-1001", Fault::LostAfter);
        let taken = app.take("order-1001").await;
        assert_eq!(taken.status, 202);
        assert_eq!(taken.body["state"], "SUBMITTED");
        assert!(taken.body["why"].as_str().unwrap().contains("outcome is not known"));

        app.pass(Duration::from_secs(5), Duration::from_secs(1)).await;
        let found = app.payment("order-1001").await;
        assert_eq!(found["state"], "CHECKOUT", "{found}");
        assert_eq!(app.posts_of("order-1001"), 1);
        app.pay("order-1001").await;
        assert_eq!(app.end_of("order-1001").await["state"], "COMPLETED");
        app.prove_the_books().await;
        struck(14, app.faults_struck());
    }

    async fn an_inert_payment_that_the_gateway_never_got_is_sent_a_second_time_after_the_quarantine(app: TestApp) {
        app.fault("order-1001", Fault::LostBefore);
        assert_eq!(app.take("order-1001").await.status, 202);
        app.pass(Duration::from_secs(290), Duration::from_secs(10)).await;
        assert_eq!(app.posts_of("order-1001"), 1, "an empty look-up inside the quarantine means nothing");
        assert_eq!(app.payment("order-1001").await["state"], "SUBMITTED");

        app.pass(5 * MINUTE, Duration::from_secs(10)).await;
        assert_eq!(app.posts_of("order-1001"), 2);
        assert_eq!(app.payment("order-1001").await["state"], "CHECKOUT");
        assert_eq!(app.gateway_payments_of("order-1001"), 1);
        app.prove_the_books().await;
        struck(13, app.faults_struck());
    }

    async fn the_same_order_again_is_the_same_payment_and_another_order_is_refused(app: TestApp) {
        let first = app.take("order-1001").await;
        let again = app.take("order-1001").await;
        assert_eq!(again.status, 200);
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(again.body["id"], first.body["id"]);
        assert_eq!(again.body["nextAction"], first.body["nextAction"]);

        let mut same = order("order-1001");
        same["amount"] = json!(11.120);
        assert_eq!(app.post("/v1/payments", &same).await.status, 200, "11.12 equals 11.120");

        let mut other = order("order-1001");
        other["amount"] = json!("11.13");
        other["description"] = json!("Order 1001");
        let refused = app.post("/v1/payments", &other).await;
        assert_eq!(refused.status, 409);
        assert_eq!(refused.body["code"], "reference-taken");
        let pointers: Vec<&str> =
            refused.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, ["/amount", "/description"]);
        assert!(!refused.body.to_string().contains("11.1"), "values are never shown: {}", refused.body);
        assert_eq!(app.posts_of("order-1001"), 1);
    }

    async fn what_the_gateway_refuses_is_rejected_with_the_callers_fields(app: TestApp) {
        app.fault("order-1001", Fault::StatusBefore(400));
        let refused = app.take("order-1001").await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert_eq!(refused.body["code"], "gateway-refused");
        assert_eq!(refused.body["retry"], "new-reference");
        assert_eq!(app.payment("order-1001").await["state"], "REJECTED");
        let again = app.take("order-1001").await;
        assert_eq!((again.status, app.posts_of("order-1001")), (422, 1));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(again.body["paymentId"], refused.body["paymentId"]);
    }
}
