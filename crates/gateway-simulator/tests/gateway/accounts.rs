//! What can be read besides payments: trail, cards, balances, subscriptions (sections 6.10 to 6.14).

use gateway_simulator::{Amount, PaymentId, Request, Switches, Which};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, ShopFloor, deposit, with};

fn result(floor: &mut ShopFloor, target: &str) -> Value {
    let (status, mut answer) = floor.get(target);
    assert_eq!(status, 200, "{answer}");
    answer["result"].take()
}

fn created(floor: &mut ShopFloor, body: &Value) -> PaymentId {
    let (status, answer) = floor.post(body);
    assert_eq!(status, 200, "{answer}");
    answer["result"]["id"].as_str().unwrap().parse().unwrap()
}

fn pay(floor: &mut ShopFloor, id: PaymentId, card: &str) {
    floor.engine.pay(floor.now, Which::Id(id), Some(card)).unwrap();
}

#[test]
fn the_trail_of_a_payment_is_read_newest_first() {
    let mut floor = ShopFloor::open();
    let id = created(&mut floor, &with(deposit("order-1"), json!({ "webhookUrl": "https://shop.example/h" })));
    floor.wait(5);
    pay(&mut floor, id, "4242424242424242");
    let trail = result(&mut floor, &format!("/api/v1/payments/{id}/operations"));
    let steps: Vec<(&str, &str)> = trail
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["operation"].as_str().unwrap(), step["paymentState"].as_str().unwrap()))
        .collect();
    assert_eq!(steps, [("TRIGGER_WEBHOOK", "DECLINED"), ("DEPOSIT", "DECLINED"), ("CREATE_PAYMENT", "CHECKOUT")]);
    assert_eq!(trail[0]["outgoingMessages"], "POST https://shop.example/h");
    assert_eq!(trail[1]["incomingMessages"], "result=4.00");
    assert_eq!(trail[2]["started"], "2026-03-02T12:00:00.250+00:00");
    assert!(trail[0]["id"].as_u64() > trail[1]["id"].as_u64());
    let (status, _) = floor.get(&format!("/api/v1/payments/{}/operations", "0".repeat(32)));
    assert_eq!(status, 404);
}

#[test]
fn the_cards_of_a_customer_are_those_that_they_paid_with() {
    let mut floor = ShopFloor::open();
    let of =
        |reference: &str, customer: &str| with(deposit(reference), json!({ "customer": { "referenceId": customer } }));
    let first = created(&mut floor, &of("order-1", "cust-1"));
    let (again, declined) =
        (created(&mut floor, &of("order-2", "cust-1")), created(&mut floor, &of("order-3", "cust-1")));
    let other = created(&mut floor, &of("order-4", "cust-2"));
    for (id, card) in [
        (first, "4000000000000002"),
        (again, "4000000000000002"),
        (declined, "4242424242424242"),
        (other, "5555000000000008"),
    ] {
        pay(&mut floor, id, card);
    }
    let cards = result(&mut floor, "/api/v1/customers/cust-1/card-tokens");
    assert_eq!(cards.as_array().unwrap().len(), 1, "{cards}");
    assert_eq!((&cards[0]["panMasked"], &cards[0]["brand"]), (&json!("400000***0002"), &json!("VISA")));
    assert_eq!((&cards[0]["id"], &cards[0]["savedByCustomer"]), (&json!(first), &json!(true)));
    let tokens = result(&mut floor, "/api/v1/customers/cust-1/terminals/7/tokens");
    assert_eq!(tokens, json!([{ "key": "tokenType:CARD,lastDigits:0002", "value": first }]));

    for nothing in ["cust-1/card-tokens?savedByCustomer.eq=false", "nobody/card-tokens", "nobody/terminals/7/tokens"] {
        assert_eq!(result(&mut floor, &format!("/api/v1/customers/{nothing}")), json!([]));
    }
    for (wrong, expected) in [
        ("cust%2F1/card-tokens", 404),
        ("/card-tokens", 404),
        ("cust-1/terminals/x/tokens", 404),
        ("cust-1/card-tokens?savedByCustomer.eq=yes", 400),
    ] {
        assert_eq!(floor.get(&format!("/api/v1/customers/{wrong}")).0, expected, "{wrong}");
    }
}

#[test]
fn balances_follow_the_payments() {
    let opening_balance = "1000".parse::<serde_json::Number>().unwrap().to_string();
    let opening_balance = Amount::from_json_number(&opening_balance).unwrap();
    let mut floor = ShopFloor::with(Switches { opening_balance, ..Switches::default() });
    floor.paid_deposit("order-1");
    let body = json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 20.5, "referenceId": "pay-out-1" });
    created(&mut floor, &body);
    let amounts = |balances: &Value| -> Vec<(String, Value)> {
        let row = |row: &Value| (row["accountType"].as_str().unwrap().to_owned(), row["amount"].clone());
        balances.as_array().unwrap().iter().map(row).collect()
    };
    let named = |rows: [(&str, Value); 3]| rows.map(|(name, amount)| (name.to_owned(), amount)).to_vec();
    let before = result(&mut floor, "/api/v1/balances");
    let expected = [("PROCESSING", json!(120)), ("AVAILABLE", json!(1120)), ("WITHDRAWAL", json!(1099.5))];
    assert_eq!(amounts(&before), named(expected));
    assert_eq!(before[1]["name"], "Available Balance(EUR) of shop \"shop-a\"");
    floor.wait(2);
    let after = result(&mut floor, "/api/v1/balances");
    let expected = [("PROCESSING", json!(99.5)), ("AVAILABLE", json!(1099.5)), ("WITHDRAWAL", json!(1099.5))];
    assert_eq!(amounts(&after), named(expected));
    let available = result(&mut floor, "/api/v1/available-withdrawal-balances");
    assert_eq!(available, json!([{ "currency": "EUR", "amount": 1099.5 }]));
}

#[test]
fn a_chain_goes_on_without_the_customer_by_the_token_of_its_first_payment() {
    let mut floor = ShopFloor::open();
    let asked = json!({ "startRecurring": true, "subscription": { "frequency": 1, "frequencyUnit": "MONTH" } });
    let first = created(&mut floor, &with(deposit("order-1"), asked));
    let subscription = format!("/api/v1/subscriptions/{first}");
    assert_eq!(floor.get(&subscription).0, 404, "nothing is paid yet");
    pay(&mut floor, first, "4000000000000002");
    let begun = floor.read(first);
    assert_eq!(begun["startRecurring"], true);
    let token = begun["recurringToken"].clone();

    let next = |token: &Value| json!({ "recurringToken": token, "parentPaymentId": first });
    let charged = created(&mut floor, &with(deposit("order-2"), next(&token)));
    let wrong = created(&mut floor, &with(deposit("order-3"), next(&json!("rt-of-nobody"))));
    assert_eq!((floor.state(charged), floor.state(wrong)), ("PENDING", "PENDING"));
    floor.wait(2);
    assert_eq!((floor.state(charged), floor.state(wrong)), ("COMPLETED", "DECLINED"));
    assert_eq!(floor.read(wrong)["errorCode"], "1.06");

    let read = result(&mut floor, &subscription);
    assert_eq!((&read["state"], &read["recurringToken"]), (&json!("ACTIVE"), &token));
    assert_eq!((&read["frequency"], &read["amount"]), (&json!(1), &json!(120)));
    let mut patch = |body: &str| floor.ask(&Request::patch(&subscription, AUTH, body.as_bytes()));
    assert_eq!(patch(r#"{"state":"ACTIVE"}"#).0, 400);
    assert_eq!(patch(r#"{"state":"CANCELLED"}"#).1["result"]["state"], "CANCELLED");
    assert_eq!(patch(r#"{"state":"CANCELLED"}"#).1["message"], "Illegal Workflow State");
    assert_eq!(floor.post(&with(deposit("order-4"), json!({ "subscription": { "frequency": 1 } }))).0, 400);
}

#[test]
fn a_path_that_is_known_takes_its_own_method_only() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    for (path, expected) in [
        (format!("/api/v1/payments/{id}/capture"), 405),
        ("/api/v1/balances/1".to_owned(), 404),
        (format!("/api/v1/payments/{id}/refund"), 404),
        (format!("/api/v1/payments/{id}/approve/now"), 404),
    ] {
        assert_eq!(floor.get(&path).0, expected, "{path}");
    }
    let post = floor.ask(&Request::post("/api/v1/balances", AUTH, b"{}"));
    assert_eq!(post.0, 405);
}
