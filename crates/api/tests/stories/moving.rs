//! What moves money by itself, of every kind: taken once, found if its answer was lost, and never sent a second time.

use std::time::Duration;

use gateway_simulator::Fault;
use serde_json::{Value, json};

use crate::app::{Answer, on_every_store};
use crate::orders::{HOLDER, MOVING, SECURITY_CODE, by_card};
use crate::secrets::shows_the_code;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// What makes another order of one, of each kind: the field and another value, valid in its place.
fn other(kind: &str) -> (&'static str, Value) {
    match kind {
        "card" | "payout-to-card" => ("/card/cardNumber", json!("5555 0000 0000 0107")),
        "token" => ("/card/cardToken", json!("another-token")),
        "google-pay" => ("/googlePay", json!({ "apiVersion": 2 })),
        "apple-pay" => ("/applePay", json!({ "transactionIdentifier": "bb22" })),
        "recurring" => ("/recurringToken", json!("another-chain")),
        _ => ("/customer/accountNumber", json!("DE02120300000000202051")),
    }
}

on_every_store! {
    async fn every_kind_is_taken_once_and_the_same_order_again_is_the_same_payment(app: TestApp) {
        for (kind, made, state) in MOVING {
            let first = app.post("/v1/payments", &made(kind)).await;
            assert_eq!((first.status, &first.body["state"]), (201, &json!(state)), "{first:?}");
            let again = app.post("/v1/payments", &made(kind)).await;
            assert_eq!((again.status, &again.headers["idempotent-replayed"]), (200, &"true".parse().unwrap()), "{kind}");
            assert_eq!(again.body["id"], first.body["id"]);
            assert_eq!((app.posts_of(kind), app.gateway_payments_of(kind)), (1, 1), "{kind}");
        }
        app.prove_the_books().await;
    }

    async fn another_order_under_a_taken_reference_is_refused_by_the_field_and_never_by_its_value(app: TestApp) {
        for (kind, made, _) in MOVING {
            app.post("/v1/payments", &made(kind)).await;
            let (pointer, value) = other(kind);
            let mut changed = made(kind);
            *changed.pointer_mut(pointer).unwrap() = value.clone();
            let refused = app.post("/v1/payments", &changed).await;
            refused.assert_problem("reference-taken");
            assert_eq!(refused.pointers(), [pointer], "{kind}");
            for value in [value.as_str().unwrap_or("bb22"), "0107", "0002", HOLDER, "Xk7"] {
                assert!(!refused.body.to_string().contains(value), "{value} is told: {refused:?}");
            }
            assert_eq!(app.posts_of(kind), 1);
        }
    }

    /// A caller who repeats from elsewhere, or asks its customer for the code again, asks for the same payment.
    async fn a_security_code_a_browser_and_an_ip_make_no_other_order(app: TestApp) {
        let first = app.post("/v1/payments", &by_card("order-1")).await;
        let mut again = by_card("order-1");
        again["card"]["cardSecurityCode"] = json!("1111");
        again["card"]["cardNumber"] = json!("4000 0000-0000 0002");
        again["customer"] = json!({ "ip": "81.4.178.167" });
        again["browser"] = json!({ "customerUserAgent": "Xk7Browser", "browserTimezoneOffset": -120 });
        let replayed = app.post("/v1/payments", &again).await;
        assert_eq!((replayed.status, &replayed.body["id"]), (200, &first.body["id"]), "{replayed:?}");

        let mut by_token = again.clone();
        by_token["card"] = json!({ "cardToken": "a-token", "cardholderName": HOLDER, "expiryMonth": "06", "expiryYear": "2071" });
        let refused = app.post("/v1/payments", &by_token).await;
        refused.assert_problem("reference-taken");
        assert_eq!(refused.pointers(), ["/card/cardNumber", "/card/cardToken"]);
    }

    async fn one_whose_answer_was_lost_is_found_and_was_sent_once(app: TestApp) {
        for (kind, made, state) in MOVING {
            app.fault(kind, Fault::LostAfter);
            let taken = app.post("/v1/payments", &made(kind)).await;
            assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "{taken:?}");
            app.pass(5 * SECOND, SECOND).await;
            let found = app.payment(kind).await;
            // What the gateway works on by itself may be over by now.
            let on_its_way = found["state"] != "SUBMITTED" && (state == "PENDING" || found["state"] == state);
            assert!(on_its_way, "{kind}: {found}");
            assert_eq!((app.posts_of(kind), app.gateway_payments_of(kind)), (1, 1), "{kind}");
        }
        app.prove_the_books().await;
    }

    async fn one_that_the_gateway_never_got_stays_unknown_and_is_never_sent_again(app: TestApp) {
        for (kind, made, _) in MOVING {
            app.fault(kind, Fault::LostBefore);
            assert_eq!(app.post("/v1/payments", &made(kind)).await.status, 202, "{kind}");
        }
        app.pass(14 * MINUTE, 10 * SECOND).await;
        for (kind, ..) in MOVING {
            assert_eq!(app.payment(kind).await["flags"], json!([]), "{kind}");
        }
        app.pass(6 * MINUTE, 10 * SECOND).await;
        for (kind, ..) in MOVING {
            assert_eq!(app.payment(kind).await["flags"], json!(["unknown-outcome"]), "{kind}");
        }
        app.pass(80 * 60 * MINUTE, 20 * MINUTE).await;
        for (kind, made, _) in MOVING {
            let payment = app.payment(kind).await;
            assert_eq!(payment["state"], "SUBMITTED", "no timer ends it: {payment}");
            assert_eq!(payment["flags"], json!(["unknown-outcome"]), "a person is told: {payment}");
            assert!(payment["why"].as_str().unwrap().contains("outcome is not known"), "{payment}");
            assert_eq!(app.post("/v1/payments", &made(kind)).await.status, 202, "{kind}: a replay");
            assert_eq!(app.posts_of(kind), 1, "{kind}");
        }
        app.prove_the_books().await;
    }

    /// The gateway refused our key, so nothing was made; what is paid with is gone, or can be sent again.
    async fn one_that_is_proven_unsent_is_sent_again_only_if_nothing_of_a_card_is_in_it(app: TestApp) {
        for (kind, made, state) in MOVING {
            app.fault(kind, Fault::Unauthorized);
            let taken = app.post("/v1/payments", &made(kind)).await;
            assert_eq!((taken.status, &taken.body["state"]), (202, &json!("SUBMITTED")), "{taken:?}");
            let has_card = made(kind).as_object().unwrap().keys().any(|name| matches!(name.as_str(), "card" | "googlePay" | "applePay"));
            assert_eq!(app.count("select count(*) from kept_requests").await, i64::from(!has_card), "{kind}");
            app.pass(2 * MINUTE, 5 * SECOND).await;
            let payment = app.payment(kind).await;
            if has_card {
                assert_eq!((&payment["state"], &payment["error"]["code"]), (&json!("REJECTED"), &json!("not-sent")));
                let again = app.post("/v1/payments", &made(kind)).await;
                again.assert_problem("gateway-refused");
                assert_eq!(app.posts_of(kind), 1, "{kind}");
            } else {
                assert!(payment["state"] != "SUBMITTED" && state == "PENDING", "{payment}");
                assert_eq!((app.posts_of(kind), app.gateway_payments_of(kind)), (2, 1), "{kind}");
            }
            // What is over needs no request any more.
            app.pass(2 * MINUTE, 10 * SECOND).await;
            assert_eq!(app.count("select count(*) from kept_requests").await, 0, "{kind}");
        }
        app.prove_the_books().await;
    }

    async fn a_code_is_not_even_told_when_everything_is_wrong_with_it(app: TestApp) {
        let mut order = by_card("never-taken");
        order["card"]["expiryYear"] = json!("2001");
        order["card"]["cardSecurityCode"] = json!(SECURITY_CODE);
        let past: Answer = app.post("/v1/payments", &order).await;
        past.assert_problem("invalid-request");
        assert_eq!(past.pointers(), ["/card/expiryYear"]);
        assert!(!shows_the_code(&past.body.to_string()), "{past:?}");
        assert_eq!(app.get("/v1/payments/by-reference/never-taken").await.status, 404);
    }
}
