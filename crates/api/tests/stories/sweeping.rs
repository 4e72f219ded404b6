//! No webhook ever comes: the gateway's list is read, and what it is asked for grows with the changes.

#![allow(clippy::print_stdout, reason = "a figure counts only when it is shown")]

use fault_catalogue::struck;
use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule, WebhookDelivery};
use serde_json::json;

use crate::app::{TestApp, eventually, on_every_store};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn without_any_webhook_every_payment_reaches_its_end_and_requests_grow_with_the_changes(app: TestApp) {
        app.silence();
        app.take_many("few", 50).await;
        // What is new is read again for a quarter of an hour.
        app.pass(16 * MINUTE, 15 * SECOND).await;
        let with_few = app.requests_in(10 * MINUTE).await;
        app.take_many("many", 450).await;
        app.pass(16 * MINUTE, 15 * SECOND).await;
        let with_many = app.requests_in(10 * MINUTE).await;
        println!("requests an hour: {} with 50 open payments, {} with 500", with_few * 6, with_many * 6);
        println!("so per 1,000 open payments an hour: {} and {}", with_few * 6 * 20, with_many * 6 * 2);
        assert_eq!(with_few, 20, "two passes a minute, a page each");
        assert_eq!(with_many, with_few, "ten times the open payments, not one request more");

        let mut grown = Vec::new();
        for paid in [10, 40] {
            for number in 0..paid {
                app.pay(&format!("many-{paid}-{number}")).await;
            }
            grown.push(app.requests_in(3 * MINUTE).await - 6);
            for number in 0..paid {
                let end = app.payment(&format!("many-{paid}-{number}")).await;
                assert_eq!((&end["state"], &end["refundableAmount"]), (&json!("COMPLETED"), &json!("11.12")), "{end}");
                assert!(end["why"].as_str().unwrap().contains("the gateway's list"), "{end}");
            }
        }
        println!("requests beyond the passes: {grown:?} for 10 and 40 payments that were paid");
        assert_eq!(grown, [10, 40], "one look confirms each");

        // Whoever has not paid by then never will.
        app.pass(30 * MINUTE, 30 * SECOND).await;
        assert_eq!(app.count("select count(*) from payments where state = 'COMPLETED'").await, 50);
        assert_eq!(app.count("select count(*) from payments where state = 'CANCELLED'").await, 450);
        assert!(app.metrics().await.contains("gateway_sweep_age_seconds{shop=\"main\"} 0"));
        app.prove_the_books().await;
        struck(31, app.count("select count(*) from payments where state = 'COMPLETED'").await);
    }

    async fn an_item_that_changes_in_the_middle_of_a_pass_hides_no_neighbour(app: TestApp) {
        app.restart_with(&[("SWEEP__PAGE_ITEMS", "2")]).await;
        app.silence();
        for number in 0..6 {
            app.take(&format!("order-{number}")).await;
            app.advance(SECOND);
        }
        for number in 0..6 {
            app.pay(&format!("order-{number}")).await;
        }
        app.take("late").await;
        app.advance(MINUTE);
        // The list is newest first: behind the first page one that stood on it changes, and so leaves every window that
        // has an end. Whoever asked for one would find its neighbour moved up, and pass it over.
        let rule = FaultRule { prefix: String::new(), fault: Fault::Slow { millis: 5_000 }, on: Endpoint::List, times: Some(1) };
        app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
        let asked = app.gateway_requests(Endpoint::List);
        let meanwhile = async {
            eventually("the first page", async || app.gateway_requests(Endpoint::List) > asked).await;
            app.advance(2 * SECOND);
            app.pay("late").await;
            app.take("latest").await;
            app.advance(3 * SECOND);
        };
        let (swept, ()) = tokio::join!(app.serving().desk().sweep_due(), meanwhile);
        assert_eq!(swept.unwrap().passes, 1);
        for number in 0..6 {
            assert_eq!(app.payment(&format!("order-{number}")).await["state"], "COMPLETED", "{number}");
        }
        assert_eq!(app.payment("late").await["state"], "CHECKOUT", "it changed behind its page");
        app.pass(MINUTE, 30 * SECOND).await;
        assert_eq!(app.payment("late").await["state"], "COMPLETED", "the next pass begins before the end of that one");
        app.prove_the_books().await;
    }

    async fn what_somebody_else_makes_with_our_keys_is_shown_and_a_refund_of_ours_stands_beside_its_payment(app: TestApp) {
        app.silence();
        let taken = app.take("order-1").await.body;
        app.pay("order-1").await;
        let elsewhere = async |body: serde_json::Value| {
            let url = format!("{}/api/v1/payments", app.gateway.url());
            app.send(app.http.post(url).json(&body).bearer_auth(crate::app::API_KEY)).await
        };
        let refund = json!({
            "paymentType": "REFUND", "parentPaymentId": taken["gatewayPaymentId"], "amount": 1, "currency": "EUR",
            "referenceId": "back-office-1",
        });
        assert_eq!(elsewhere(refund).await.status, 200);
        let stranger = json!({ "paymentType": "DEPOSIT", "amount": 7, "currency": "EUR", "referenceId": "not-ours" });
        assert_eq!(elsewhere(stranger).await.status, 200);
        app.pass(MINUTE, 10 * SECOND).await;
        let payment = app.payment("order-1").await;
        assert_eq!(payment["state"], "COMPLETED");
        assert_eq!(app.count("select count(*) from gateway_payments").await, 2, "ours, and the refund beside it");
        let unmatched = "select count(*) from unmatched_gateway_payments where payment_id is null and reference_id = 'not-ours'";
        assert_eq!(app.count(unmatched).await, 1);
        assert_eq!(app.count("select count(*) from unmatched_gateway_payments").await, 1);
        app.prove_the_books().await;
    }
}

impl TestApp {
    /// From now on the gateway tells nothing by itself.
    fn silence(&self) {
        self.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    }

    /// Orders that many payments, some of them under names that tell how many of them will be paid together.
    async fn take_many(&self, name: &str, count: usize) {
        for number in 0..count {
            let reference = match (name, number) {
                ("many", 0..10) => format!("many-10-{number}"),
                ("many", 10..50) => format!("many-40-{}", number - 10),
                _ => format!("{name}-{number}"),
            };
            assert_eq!(self.take(&reference).await.status, 201);
        }
    }

    fn gateway_requests(&self, endpoint: Endpoint) -> u64 {
        self.gateway.with(|engine, _| engine.counters().requests_to(endpoint))
    }

    /// How many requests other than orders the gateway gets while this time passes.
    async fn requests_in(&self, time: Duration) -> u64 {
        let count = || self.gateway_requests(Endpoint::List) + self.gateway_requests(Endpoint::Read);
        let before = count();
        self.pass(time, 15 * SECOND).await;
        count() - before
    }
}
