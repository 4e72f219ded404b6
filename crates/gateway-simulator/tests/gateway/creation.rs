//! POST payments: what is created, what is refused, and how it is said (sections 6.1, 2.2, 13 and 15).

use gateway_simulator::{
    DuplicateReference, IdForm, PaymentId, RefundAboveParent, Request, Switches, UnknownFields, Which,
};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, ShopFloor, deposit, with};

/// The fields complained about, with the name of the broken rule.
fn complaints(floor: &mut ShopFloor, body: &Value) -> Vec<(String, String)> {
    let (status, answer) = floor.post(body);
    assert_eq!(status, 400, "{body} was answered with {answer}");
    assert_eq!(floor.engine.payments().len(), 0, "a 400 creates nothing");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = answer["errors"].as_array().unwrap();
    errors.iter().map(|error| (text(&error["field"]), text(&error["codes"][2]))).collect()
}

#[test]
fn a_deposit_waits_for_its_customer_on_a_page_of_its_own() {
    let mut floor = ShopFloor::open();
    let (status, answer) = floor.post(&deposit("order-1"));
    assert_eq!(status, 200);
    let result = &answer["result"];
    let id = result["id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(result["state"], "CHECKOUT");
    assert_eq!(result["redirectUrl"], format!("https://checkout.gateway.example/payment/{id}"));
    assert_eq!(answer["timestamp"], "2026-03-02T12:00:00.250+00:00");
    assert_eq!(result["created"], "2026-03-02T12:00:00");
}

#[test]
fn no_digit_of_an_amount_is_lost_or_added() {
    for digits in ["49.90", "120", "0.000010000000000001", "999999999.999999999999999999", "1000000000"] {
        let mut floor = ShopFloor::open();
        let body = format!(r#"{{"paymentType":"DEPOSIT","currency":"BTC","amount":{digits}}}"#);
        let handled = floor.handle(&Request::post("/api/v1/payments", AUTH, body.as_bytes()));
        let answer = String::from_utf8(handled.answer.response().unwrap().body.to_vec()).unwrap();
        assert!(answer.contains(&format!("\"amount\":{digits},")), "{digits} became {answer}");
    }
}

#[test]
fn each_broken_rule_is_named_with_its_field() {
    let long = "x".repeat(600);
    let cases = [
        (json!({ "currency": null }), "currency", "NotNull"),
        (json!({ "paymentType": "GIFT" }), "paymentType", "typeMismatch"),
        (json!({ "paymentMethod": "SHELLS" }), "paymentMethod", "typeMismatch"),
        (json!({ "amount": "12.5" }), "amount", "typeMismatch"),
        (json!({ "amount": -1 }), "amount", "DecimalMin"),
        (json!({ "amount": 0 }), "amount", "DecimalMin"),
        (json!({ "amount": 1_000_000_001 }), "amount", "DecimalMax"),
        (json!({ "referenceId": long }), "referenceId", "Size"),
        (json!({ "returnUrl": long }), "returnUrl", "Size"),
        (json!({ "preAuth": "yes" }), "preAuth", "typeMismatch"),
        (json!({ "customer": "Marta" }), "customer", "typeMismatch"),
        (json!({ "customer": { "locale": "de-DE" } }), "customer.locale", "Size"),
        (json!({ "customer": { "email": "nobody" } }), "customer.email", "Email"),
        (json!({ "customer": { "documentType": "XX" } }), "customer.documentType", "typeMismatch"),
        (json!({ "customer": { "depositsCnt": 1.5 } }), "customer.depositsCnt", "typeMismatch"),
        (json!({ "billingAddress": { "countryCode": "de" } }), "billingAddress.countryCode", "Pattern"),
        (json!({ "card": { "expiryYear": "30" } }), "card.expiryYear", "Size"),
        (json!({ "additionalParameters": { "n": 1 } }), "additionalParameters", "typeMismatch"),
        (json!({ "paymentType": "REFUND" }), "parentPaymentId", "NotNull"),
        (json!({ "paymentType": "WITHDRAWAL", "amount": null }), "amount", "NotNull"),
    ];
    for (change, field, rule) in cases {
        let body = with(deposit("order-1"), change);
        assert_eq!(complaints(&mut ShopFloor::open(), &body), [(field.to_owned(), rule.to_owned())], "{body}");
    }
}

#[test]
fn numbers_that_no_money_has_are_refused() {
    let between_the_digits_we_keep = "0.00001000000000000000000000000000000001";
    let the_same_with_an_exponent = "1.000000000000000000000000000000000001e0";
    let too_small = "0.0000000000000000001";
    let too_large = "99999999999999999999999999999999";
    for digits in ["1e400", too_small, too_large, between_the_digits_we_keep, the_same_with_an_exponent] {
        let mut floor = ShopFloor::open();
        let body = format!(r#"{{"paymentType":"DEPOSIT","currency":"BTC","amount":{digits}}}"#);
        let (status, answer) = floor.ask(&Request::post("/api/v1/payments", AUTH, body.as_bytes()));
        assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("amount")), "{digits}");
    }
}

#[test]
fn an_exponent_is_another_way_to_write_the_same_number() {
    let cases = [("1E-5", "0.00001"), ("1.25e2", "125"), ("12.5e+1", "125"), ("10e-2", "0.1"), ("1e9", "1000000000")];
    for (sent, read) in cases {
        let mut floor = ShopFloor::open();
        let body = format!(r#"{{"paymentType":"DEPOSIT","currency":"BTC","amount":{sent},"referenceId":"order-1"}}"#);
        floor.handle(&Request::post("/api/v1/payments", AUTH, body.as_bytes()));
        let amount = floor.engine.payments_of("order-1").next().unwrap().money().0.unwrap();
        assert_eq!(amount.value().normalize().to_string(), read, "{sent}");
    }
}

#[test]
fn zero_is_an_amount_only_for_a_pre_authorization() {
    let mut floor = ShopFloor::open();
    let (status, _) = floor.post(&with(deposit("order-1"), json!({ "amount": 0, "preAuth": true })));
    assert_eq!(status, 200);
}

#[test]
fn what_is_no_json_is_refused_without_field_errors() {
    for body in ["", "{", "[]", "null", "\u{feff}{}"] {
        let (status, answer) = ShopFloor::open().ask(&Request::post("/api/v1/payments", AUTH, body.as_bytes()));
        assert_eq!((status, answer.get("errors")), (400, None), "{body:?}");
    }
}

#[test]
fn a_body_that_is_not_declared_as_json_is_not_read() {
    let body = deposit("order-1").to_string();
    let request = Request { content_type: None, ..Request::post("/api/v1/payments", AUTH, body.as_bytes()) };
    assert_eq!(ShopFloor::open().ask(&request).0, 415);
}

#[test]
fn an_unknown_field_is_passed_over_unless_the_switch_refuses_it() {
    let body = with(deposit("order-1"), json!({ "colour": "red", "customer": { "shoeSize": 44, "firstName": "Ana" } }));
    let mut floor = ShopFloor::open();
    assert_eq!(floor.post(&body).0, 200);
    let id = floor.engine.payments()[0].id();
    assert_eq!(floor.read(id)["customer"], json!({ "firstName": "Ana" }));

    let mut strict = ShopFloor::with(Switches { unknown_fields: UnknownFields::Refused, ..Switches::default() });
    let unknown = |field: &str| (field.to_owned(), "unknown".to_owned());
    assert_eq!(complaints(&mut strict, &body), [unknown("customer.shoeSize"), unknown("colour")]);
    let body = with(body, json!({ "referenceId": "strict-1" }));
    assert_eq!(complaints(&mut ShopFloor::open(), &body), [unknown("customer.shoeSize"), unknown("colour")]);
}

#[test]
fn a_value_of_the_wrong_kind_is_repeated_as_the_framework_does() {
    let (_, answer) = ShopFloor::open().post(&with(deposit("order-1"), json!({ "paymentMethod": "SHELLS" })));
    let error = &answer["errors"][0];
    assert_eq!((&error["rejectedValue"], &error["bindingFailure"]), (&json!("SHELLS"), &json!(true)));
    assert!(error["defaultMessage"].as_str().unwrap().contains("SHELLS"), "{error}");
}

#[test]
fn a_shop_may_ask_more_of_deposits() {
    let switches = r#"{"requiredForDeposits":["customer.lastName","billingAddress.city","description"]}"#;
    let strict = || ShopFloor::with(serde_json::from_str(switches).unwrap());
    let missing = |field: &str| (field.to_owned(), "NotBlank".to_owned());
    let whole =
        json!({ "customer": { "lastName": "Rojas" }, "billingAddress": { "city": "Lima" }, "description": "x" });
    for (change, field) in [
        (json!({ "customer": null }), "customer.lastName"),
        (json!({ "customer": { "firstName": "Ana" } }), "customer.lastName"),
        (json!({ "billingAddress": { "city": "" } }), "billingAddress.city"),
        (json!({ "description": null }), "description"),
    ] {
        let body = with(with(deposit("order-1"), whole.clone()), change);
        assert_eq!(complaints(&mut strict(), &body), [missing(field)], "{body}");
    }
    let mut floor = strict();
    assert_eq!(floor.post(&with(deposit("order-1"), whole)).0, 200);
    let payout = json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 5 });
    assert_eq!(floor.post(&payout).0, 200, "payouts are not asked");
    let by_prefix = complaints(&mut ShopFloor::open(), &deposit("demanding-1"));
    assert_eq!(by_prefix, [missing("customer.lastName")]);

    for stranger in ["customer.lastNme", "lastName", "description.text", ""] {
        let switches = json!({ "requiredForDeposits": [stranger] });
        let refused = serde_json::from_value::<Switches>(switches).unwrap_err().to_string();
        assert_eq!(refused, format!("`{stranger}` is not a field of POST payments"));
    }
}

#[test]
fn the_same_reference_twice_makes_two_payments_unless_the_switch_says_conflict() {
    let mut floor = ShopFloor::open();
    let (first, second) = (floor.deposit("order-1"), floor.deposit("order-1"));
    assert_ne!(first, second);
    assert_eq!(floor.engine.payments_of("order-1").count(), 2);
    assert_eq!(floor.engine.counters().posts_of("order-1"), 2);

    floor.engine.switches_mut().duplicate_reference = DuplicateReference::Conflict;
    let (status, answer) = floor.post(&deposit("order-1"));
    assert_eq!((status, &answer["error"]), (409, &json!("Conflict")));
    assert_eq!(floor.engine.payments_of("order-1").count(), 2);

    let mut floor = ShopFloor::open();
    floor.deposit("duplicate-409-1");
    assert_eq!(floor.post(&deposit("duplicate-409-1")).0, 409);
    assert_eq!(floor.engine.payments_of("duplicate-409-1").count(), 1);
}

#[test]
fn payouts_are_pending_and_end_by_themselves() {
    let mut floor = ShopFloor::open();
    let deposit = floor.paid_deposit("order-1");
    let payout = |kind: &str, amount: u32, parent: &str| json!({ "paymentType": kind, "currency": "EUR", "amount": amount, "parentPaymentId": parent });
    let parent = deposit.to_string();
    let cases = [
        ("REFUND", 10_000, "COMPLETED"),
        ("REFUND", 10_001, "DECLINED"),
        ("WITHDRAWAL", 10_000, "COMPLETED"),
        ("WITHDRAWAL", 10_001, "DECLINED"),
    ];
    for (kind, amount, end) in cases {
        let (status, answer) = floor.post(&payout(kind, amount, &parent));
        assert_eq!((status, &answer["result"]["state"]), (200, &json!("PENDING")));
        assert!(answer["result"].get("redirectUrl").is_none());
        floor.wait(1);
        let id = answer["result"]["id"].as_str().unwrap().parse().unwrap();
        let read = floor.read(id);
        assert_eq!(read["state"], end, "{kind} of {amount}");
        assert_eq!(read.get("errorCode").is_some_and(|code| code == "3.28"), end == "DECLINED");
    }
    assert_eq!(floor.state(deposit), "COMPLETED", "a refund does not move its parent");
}

#[test]
fn a_refund_needs_a_completed_deposit_of_the_same_shop() {
    let mut floor = ShopFloor::open();
    let open = floor.deposit("order-1");
    let refund =
        |parent: &str| json!({ "paymentType": "REFUND", "currency": "EUR", "amount": 1, "parentPaymentId": parent });
    assert_eq!(floor.post(&refund(&open.to_string())).0, 400);
    assert_eq!(floor.post(&refund("nonsense")).0, 400);
    floor.engine.pay(floor.now, Which::Id(open), None).unwrap();
    assert_eq!(floor.post(&refund(&open.to_string())).0, 200);
}

/// Refunds of a deposit of 120, one after the other, and how each ends.
fn refunds(floor: &mut ShopFloor, parent: PaymentId, asked: &[(&str, u32)]) -> Vec<String> {
    let mut refund = |&(reference, amount): &(&str, u32)| {
        let (_, answer) = floor.post(&json!({
            "paymentType": "REFUND", "currency": "EUR", "amount": amount, "parentPaymentId": parent,
            "referenceId": reference,
        }));
        floor.wait(1);
        let read = floor.read(answer["result"]["id"].as_str().unwrap().parse().unwrap());
        format!("{} {}", read["state"].as_str().unwrap(), read["errorCode"].as_str().unwrap_or_default())
    };
    asked.iter().map(&mut refund).collect()
}

#[test]
fn a_refund_above_what_is_left_of_its_deposit_is_paid_unless_the_switch_or_the_prefix_declines_it() {
    let mut floor = ShopFloor::open();
    let parent = floor.paid_deposit("order-1");
    assert_eq!(refunds(&mut floor, parent, &[("back-1", 200)]), ["COMPLETED "]);

    let declined = RefundAboveParent::Declined;
    let mut by_switch = ShopFloor::with(Switches { refund_above_parent: declined, ..Switches::default() });
    for (floor, prefix) in [(&mut by_switch, "back"), (&mut ShopFloor::open(), "refund-capped")] {
        let parent = floor.paid_deposit("order-1");
        let names: Vec<String> = (1..=4).map(|number| format!("{prefix}-{number}")).collect();
        let asked = [(names[0].as_str(), 121), (&names[1], 100), (&names[2], 21), (&names[3], 20)];
        let ends = ["DECLINED 1.08", "COMPLETED ", "DECLINED 1.08", "COMPLETED "];
        assert_eq!(refunds(floor, parent, &asked), ends, "what was declined gave nothing back");
    }
}

#[test]
fn ids_are_hex_unless_the_switch_or_the_prefix_says_letters() {
    let is_hex = |id: PaymentId| id.to_string().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut plain = ShopFloor::open();
    let id = plain.deposit("order-1");
    assert!(is_hex(id));

    let by_switch = ShopFloor::with(Switches { ids: IdForm::Letters, ..Switches::default() });
    for (mut floor, reference) in [(by_switch, "order-1"), (ShopFloor::open(), "letters-1")] {
        let id = floor.deposit(reference);
        let text = id.to_string();
        assert!(text.len() == 32 && text.bytes().all(|b| b.is_ascii_alphanumeric()) && !is_hex(id), "{text}");
        assert_eq!(floor.read(id)["id"], text);
        let other_case = if text == text.to_uppercase() { text.to_lowercase() } else { text.to_uppercase() };
        assert_eq!(floor.get(&format!("/api/v1/payments/{other_case}")).0, 404, "upper and lower case differ");
    }
}

#[test]
fn a_payout_takes_as_long_as_the_switch_or_the_prefix_says() {
    let mut floor = ShopFloor::with(Switches { payout_processing_millis: 5_000, ..Switches::default() });
    floor.post(&json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 5, "referenceId": "pay-out-1" }));
    let id = floor.engine.payments()[0].id();
    floor.wait(4);
    assert_eq!(floor.state(id), "PENDING");
    floor.wait(1);
    assert_eq!(floor.state(id), "COMPLETED");

    let mut floor = ShopFloor::open();
    floor.post(&json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 5, "referenceId": "processing-1" }));
    let id = floor.engine.payments()[0].id();
    floor.wait(9);
    assert_eq!(floor.state(id), "PENDING");
    floor.wait(1);
    assert_eq!(floor.state(id), "COMPLETED");
}
