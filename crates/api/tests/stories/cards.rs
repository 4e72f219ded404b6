//! Cards and wallets that the merchant has collected.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::on_every_store;
use crate::orders::{SANDBOX_CARDS, by_apple_pay, by_card, by_google_pay, by_token, payout_to_card};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn every_card_of_the_sandbox_ends_as_the_contract_says(app: TestApp) {
        for (count, (number, end)) in SANDBOX_CARDS.into_iter().enumerate() {
            let reference = format!("deposit-{count}");
            let mut order = by_card(&reference);
            order["card"]["cardNumber"] = json!(number);
            let taken = app.post("/v1/payments", &order).await;
            assert_eq!((taken.status, &taken.body["state"]), (201, &json!("CHECKOUT")), "{taken:?}");
            assert_eq!(taken.body["nextAction"]["type"], "redirect", "the page asks for nothing, and proves the customer");
            app.pay(&reference).await;
            let paid = app.end_of(&reference).await;
            assert_eq!(paid["state"], end, "{number}: {paid}");
            assert_eq!(paid["error"]["code"], if end == "DECLINED" { json!("4.00") } else { Value::Null }, "{paid}");

            let reference = format!("payout-{count}");
            let mut order = payout_to_card(&reference);
            order["card"]["cardNumber"] = json!(number);
            let taken = app.post("/v1/payments", &order).await;
            assert_eq!((taken.status, &taken.body["state"]), (201, &json!("PENDING")), "{taken:?}");
            app.pass(2 * SECOND, SECOND).await;
            assert_eq!(app.end_of(&reference).await["state"], end, "{number}");
        }
        app.pass(MINUTE, 10 * SECOND).await;
        app.prove_the_books().await;
    }

    async fn saved_cards_and_wallets_are_paid_with_like_cards(app: TestApp) {
        for (reference, order) in [
            ("saved", by_token("saved")),
            ("google", by_google_pay("google")),
            ("apple", by_apple_pay("apple")),
        ] {
            let taken = app.post("/v1/payments", &order).await;
            assert_eq!(taken.status, 201, "{taken:?}");
            app.pay(reference).await;
            assert_eq!(app.end_of(reference).await["state"], "COMPLETED", "{reference}");
        }
    }

    /// Written in another order, with blanks, with a name that is escaped: what was given is the same.
    async fn a_wallets_data_is_compared_by_what_it_says(app: TestApp) {
        let order = by_apple_pay("order-1");
        assert_eq!(app.post("/v1/payments", &order).await.status, 201);
        let wallet = &order["applePay"];
        let mut rewritten = order.clone();
        rewritten["applePay"] = json!("place");
        let (data, method) = (&wallet["paymentData"], &wallet["paymentMethod"]);
        let other_way = format!(
            r#"{{ "paymentMethod" : {method}, "payment\u0044ata": {data},
                  "transactionIdentifier" : "aa11" }}"#
        );
        let body = rewritten.to_string().replace("\"place\"", &other_way);
        let replayed = crate::bad_input::post_bytes(&app, body.into_bytes()).await;
        assert_eq!(replayed.status, 200, "{replayed:?}");
    }
}
