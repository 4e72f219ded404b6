//! Money that goes back: once for each reference, never more than was captured.

use fault_catalogue::struck;
use std::time::Duration;

use gateway_simulator::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, on_every_store};

const MINUTE: Duration = Duration::from_mins(1);

/// 11.12 EUR were captured, and confirmed by a look; the path of the payment's refunds.
async fn paid(app: &TestApp, reference: &str) -> String {
    app.take(reference).await;
    app.pay(reference).await;
    let paid = app.end_of(reference).await;
    assert_eq!(paid["state"], "COMPLETED", "{paid}");
    format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap())
}

async fn refund(app: &TestApp, path: &str, reference: &str, amount: &str) -> Answer {
    app.post(path, &json!({ "referenceId": reference, "amount": amount })).await
}

/// Lets the gateway process what waits, and the notices arrive.
async fn settle(app: &TestApp) {
    app.pass(MINUTE * 3, Duration::from_secs(10)).await;
}

on_every_store! {
    async fn a_deposit_is_refunded_in_parts_until_nothing_is_left(app: TestApp) {
        let path = paid(&app, "order-1").await;
        let first = refund(&app, &path, "refund-1", "4").await;
        assert_eq!(first.status, 201, "{first:?}");
        assert_eq!((&first.body["paymentType"], &first.body["amount"]), (&json!("REFUND"), &json!("4.00")));
        assert_eq!(first.body["parentPaymentId"], app.payment("order-1").await["id"]);
        assert_eq!(app.payment("order-1").await["refundableAmount"], "7.12", "reserved at once");
        assert_eq!(app.payment("order-1").await["refundedAmount"], "0.00", "and not gone yet");

        settle(&app).await;
        assert_eq!(app.payment("refund-1").await["state"], "COMPLETED");
        assert_eq!(app.payment("order-1").await["refundedAmount"], "4.00");
        let too_much = refund(&app, &path, "refund-2", "7.13").await;
        assert_eq!((too_much.status, too_much.pointers()), (422, vec!["/amount"]));
        assert!(too_much.body["detail"].as_str().unwrap().contains("7.12 EUR"), "{too_much:?}");

        // Without an amount: all that is left.
        let rest = app.post(&path, &json!({ "referenceId": "refund-2" })).await;
        assert_eq!((rest.status, &rest.body["amount"]), (201, &json!("7.12")), "{rest:?}");
        settle(&app).await;
        let deposit = app.payment("order-1").await;
        assert_eq!((&deposit["refundedAmount"], &deposit["refundableAmount"]), (&json!("11.12"), &json!("0.00")));
        assert_eq!(deposit["state"], "COMPLETED");
        refund(&app, &path, "refund-3", "0.01").await.assert_problem("invalid-request");
        app.prove_the_books().await;
    }

    async fn the_same_refund_again_is_the_same_refund(app: TestApp) {
        let path = paid(&app, "order-1").await;
        let first = app.post(&path, &json!({ "referenceId": "refund-1" })).await;
        let again = app.post(&path, &json!({ "referenceId": "refund-1" })).await;
        assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        let other = refund(&app, &path, "refund-1", "3").await;
        other.assert_problem("reference-taken");
        assert_eq!(other.pointers(), ["/amount"]);
        // Deposits, withdrawals and refunds of a shop share their references.
        refund(&app, &path, "order-1", "1").await.assert_problem("reference-taken");
        assert_eq!(app.posts_of("refund-1"), 1);
        app.prove_the_books().await;
    }

    async fn a_refund_whose_answer_is_lost_keeps_its_money_until_it_is_known(app: TestApp) {
        let path = paid(&app, "order-1").await;
        app.fault("lost-1", Fault::LostAfter);
        let unknown = refund(&app, &path, "lost-1", "11.12").await;
        assert_eq!((unknown.status, &unknown.body["state"]), (202, &json!("SUBMITTED")), "{unknown:?}");
        refund(&app, &path, "refund-2", "0.01").await.assert_problem("invalid-request");
        settle(&app).await;
        let found = app.payment("lost-1").await;
        assert_eq!((&found["state"], app.posts_of("lost-1")), (&json!("COMPLETED"), 1), "{found}");
        assert_eq!(app.payment("order-1").await["refundedAmount"], "11.12");
        app.prove_the_books().await;
    }

    async fn a_refund_that_was_lost_on_its_way_is_never_sent_again_and_its_money_never_freed(app: TestApp) {
        let path = paid(&app, "order-1").await;
        app.fault("lost-1", Fault::LostBefore);
        assert_eq!(refund(&app, &path, "lost-1", "11.12").await.status, 202);
        app.pass(Duration::from_hours(80), Duration::from_hours(1)).await;
        let waiting = app.payment("lost-1").await;
        assert_eq!((&waiting["state"], app.posts_of("lost-1")), (&json!("SUBMITTED"), 1), "{waiting}");
        assert_eq!(app.payment("order-1").await["refundableAmount"], "0.00", "age is no evidence");
        app.prove_the_books().await;
        struck(57, app.faults_struck());
    }

    async fn a_refund_that_is_refused_or_declined_frees_its_money(app: TestApp) {
        let path = paid(&app, "order-1").await;
        app.fault("refused-1", Fault::StatusBefore(400));
        refund(&app, &path, "refused-1", "11.12").await.assert_problem("gateway-refused");
        assert_eq!(app.payment("order-1").await["refundableAmount"], "11.12", "at once");
        assert_eq!(app.payment("refused-1").await["state"], "REJECTED");

        // The sandbox declines refunds above its ceiling only; so the deposit is a large one.
        let mut order = crate::app::order("large-1");
        order["amount"] = json!("20000");
        app.post("/v1/payments", &order).await;
        app.pay("large-1").await;
        let id = app.end_of("large-1").await["id"].as_str().unwrap().to_owned();
        let declined = refund(&app, &format!("/v1/payments/{id}/refunds"), "declined-1", "10000.01").await;
        assert_eq!(declined.status, 201, "{declined:?}");
        settle(&app).await;
        assert_eq!(app.payment("declined-1").await["state"], "DECLINED");
        assert_eq!(app.payment("large-1").await["refundableAmount"], "20000.00");
        app.prove_the_books().await;
    }

    async fn fifty_who_refund_at_once_never_get_more_than_was_captured(app: TestApp) {
        let path = paid(&app, "order-1").await;
        // Eleven of these fit into 11.12.
        let answers = futures::future::join_all((0..50).map(|number| {
            let (app, path) = (&app, &path);
            async move { refund(app, path, &format!("refund-{number}"), "1").await }
        }))
        .await;
        let taken = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.status == 422).count();
        assert_eq!((taken, refused), (11, 39), "{answers:?}");
        settle(&app).await;
        let deposit = app.payment("order-1").await;
        assert_eq!((&deposit["refundedAmount"], &deposit["refundableAmount"]), (&json!("11.00"), &json!("0.12")));
        assert_eq!(app.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Create)), 12);
        app.prove_the_books().await;
    }

    async fn only_a_paid_deposit_is_refunded_and_what_is_wrong_is_told(app: TestApp) {
        let open = app.take("open-1").await.body["id"].as_str().unwrap().to_owned();
        refund(&app, &format!("/v1/payments/{open}/refunds"), "refund-1", "1").await.assert_problem("not-in-this-state");
        let path = paid(&app, "order-1").await;
        for (body, pointers) in [
            (json!({}), vec!["/referenceId"]),
            (json!({ "referenceId": "r", "amount": "0" }), vec!["/amount"]),
            (json!({ "referenceId": "r", "amount": "1.001" }), vec!["/amount"]),
            (json!({ "referenceId": "r", "amount": "-1" }), vec!["/amount"]),
            (json!({ "referenceId": "r", "currency": "EUR" }), vec!["/currency"]),
            (json!({ "referenceId": "\u{0}", "amount": "1" }), vec!["/referenceId"]),
        ] {
            let refused = app.post(&path, &body).await;
            assert_eq!((refused.status, refused.pointers()), (422, pointers), "{body}");
        }
        assert_eq!(app.payment("order-1").await["refundableAmount"], "11.12");
        let made = refund(&app, &path, "refund-1", "1").await;
        let of_a_refund = format!("/v1/payments/{}/refunds", made.body["id"].as_str().unwrap());
        refund(&app, &of_a_refund, "refund-2", "1").await.assert_problem("not-in-this-state");
        app.prove_the_books().await;
    }

    async fn a_refund_is_found_under_its_deposit_and_tells_its_parent(app: TestApp) {
        let path = paid(&app, "order-1").await;
        refund(&app, &path, "refund-1", "1").await;
        let deposit = app.payment("order-1").await;
        let listed = app.get(&format!("/v1/payments?parentPaymentId={}", deposit["id"].as_str().unwrap())).await;
        assert_eq!(listed.body["data"][0]["referenceId"], "refund-1", "{listed:?}");
        let events = app.get(&format!("/v1/payments/{}/events", deposit["id"].as_str().unwrap())).await;
        let kinds: Vec<&Value> =
            events.body["data"].as_array().unwrap().iter().map(|event| &event["seen"]["kind"]).collect();
        assert!(kinds.contains(&&json!("refund-opened")), "{kinds:?}");
    }
}
