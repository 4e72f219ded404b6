use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use gateway_client::answer::{
    self, CreateOutcome, ListOutcome, Payment, PaymentMethodDetails, ReadOutcome, UnreadableBody, read_webhook,
};
use gateway_client::vocabulary::{Open, PaymentState, PaymentType};
use rust_decimal::Decimal;

use crate::examples;

#[expect(clippy::unnecessary_wraps, reason = "every field it fills is optional")]
fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "every field it fills is optional")]
fn word<Word: FromStr>(value: &str) -> Option<Open<Word>> {
    Some(value.into())
}

fn amount(value: &str) -> Option<Decimal> {
    value.parse().ok()
}

fn time(value: &str) -> Option<DateTime<Utc>> {
    value.parse().ok()
}

fn payment(id: &str, payment_type: PaymentType, state: PaymentState) -> Payment {
    Payment { payment_type: Some(Open::Known(payment_type)), state: Some(Open::Known(state)), ..only_id(id) }
}

/// A payment of which nothing else is known.
fn only_id(id: &str) -> Payment {
    read_webhook(format!(r#"{{"id": "{id}"}}"#).as_bytes()).unwrap()
}

/// Reads a single answer with both readers of such answers, which must agree.
fn single(name: &str) -> (Payment, Option<DateTime<Utc>>) {
    let CreateOutcome::Accepted { payment: created, gateway_time } =
        answer::classify_create(Ok(examples::answer(200, name)))
    else {
        panic!("{name} is not accepted");
    };
    let found = answer::read_payment(Ok(examples::answer(200, name)));
    assert_eq!(found, ReadOutcome::Found { result: created.clone(), gateway_time }, "{name}");
    (*created, gateway_time)
}

fn visa_of_ivo() -> PaymentMethodDetails {
    PaymentMethodDetails {
        customer_account_number: text("400000***0002"),
        cardholder_name: text("Ivo Marin"),
        card_expiry_month: text("01"),
        card_expiry_year: text("2030"),
        card_brand: word("VISA"),
        card_issuing_country_code: text("CY"),
        ..PaymentMethodDetails::default()
    }
}

fn mastercard_of_jo() -> PaymentMethodDetails {
    PaymentMethodDetails {
        customer_account_number: text("555500***0107"),
        card_token: Some("8c5b2f7d40a14e6f9d3c7b11e2a6f054".to_owned().into()),
        cardholder_name: text("Jo Hale"),
        card_expiry_month: text("11"),
        card_expiry_year: text("2029"),
        card_brand: word("MASTERCARD"),
        card_issuing_country_code: text("GB"),
        ..PaymentMethodDetails::default()
    }
}

#[test]
fn answers_about_deposits_are_read_as_the_contract_means_them() {
    use PaymentState::{Checkout, Completed, Declined, Pending};
    use PaymentType::Deposit;
    let redirect = Payment {
        description: text("Order 10245"),
        reference_id: text("po-7f3a2c-1"),
        created: time("2026-03-02T09:15:27Z"),
        payment_method: word("BASIC_CARD"),
        amount: amount("49.9"),
        currency: text("EUR"),
        redirect_url: text("https://checkout.gateway.example/payment/3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0"),
        ..payment("3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0", Deposit, Checkout)
    };
    let charged_back = Payment { state: Some(Open::Known(Completed)), redirect_url: None, ..redirect.clone() };
    let sparse = Payment {
        currency: text("GBP"),
        redirect_url: text("https://gateway-domain.com/payment/96365a23dca04a5a9bcbb0031e7b06ac"),
        ..payment("96365a23dca04a5a9bcbb0031e7b06ac", Deposit, Checkout)
    };
    let host_to_host = Payment {
        reference_id: text("po-90aa1e-1"),
        created: time("2026-03-02T10:02:11Z"),
        payment_method: word("PIX"),
        amount: amount("120"),
        currency: text("BRL"),
        external_id: text("px_5512098"),
        terminal_name: text("pix-main"),
        external_refs: refs(&[
            ("qrCode", "00020126580014br.gov.bcb.pix0136example-key-5204000053039865406120.005802BR6304ABCD"),
            ("expiresAt", "2026-03-02T10:32:14"),
            ("txId", "11483992398383"),
        ]),
        ..payment("b81e0d6c94a34f2e8c7755d0a1f39e62", Deposit, Pending)
    };
    let captured = Payment {
        reference_id: text("rent-551-1"),
        created: time("2026-03-05T17:21:09Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(mastercard_of_jo()),
        amount: amount("180.5"),
        currency: text("GBP"),
        pre_auth: Some(true),
        terminal_name: text("cards-uk"),
        ..payment("7a1dd0b34f9e4b53931c6c0e2f84ad70", Deposit, Completed)
    };
    let declined = Payment {
        description: text("Deposit via TEST shop"),
        reference_id: text("payment-123"),
        created: time("2030-12-25T10:11:12Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(PaymentMethodDetails {
            card_token: Some("3529d42227424875af8722cbf54d7073".to_owned().into()),
            cardholder_name: text("John Doe"),
            ..visa_of_ivo()
        }),
        amount: amount("11.12"),
        currency: text("EUR"),
        customer_amount: amount("15"),
        customer_currency: text("USD"),
        error_code: text("4.01"),
        error_message: text("Insufficient Funds"),
        external_result_code: text("03"),
        ..payment("91d27876e87f4b22b3ecd53924bf973d", Deposit, Declined)
    };
    assert_answers([
        ("01-deposit-create.response.json", redirect, "2026-03-02T09:15:27.418Z"),
        ("02-deposit-sparse.response.json", sparse, "2024-09-24T20:29:11.632Z"),
        ("03-h2h-patch.response.json", host_to_host, "2026-03-02T10:02:14.902Z"),
        ("07-preauth-capture.response.json", captured, "2026-03-07T10:00:00.250Z"),
        ("08-get-declined-card.response.json", declined, "2020-10-07T13:36:32.595Z"),
        ("18-chargeback.response.json", charged_back, "2026-04-11T14:02:55.700Z"),
    ]);
}

#[test]
fn answers_about_payouts_and_refunds_are_read_as_the_contract_means_them() {
    use PaymentState::{AwaitingApproval, Cancelled, Pending};
    use PaymentType::{Refund, Withdrawal};
    let payout = Payment {
        reference_id: text("pay-out-3381-1"),
        created: time("2026-03-02T11:40:03Z"),
        payment_method: word("BANKTRANSFER_CL"),
        amount: amount("250000"),
        currency: text("CLP"),
        ..payment("5d20c7be913f4d06b7ce8f3aa6401b95", Withdrawal, Pending)
    };
    let held = Payment {
        reference_id: text("pay-out-3390-1"),
        created: time("2026-03-02T12:05:44Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(visa_of_ivo()),
        amount: amount("9000"),
        currency: text("EUR"),
        ..payment("c0a4f91b2e6d47d1a3fb60d87e52c918", Withdrawal, AwaitingApproval)
    };
    let rejected = Payment {
        state: Some(Open::Known(Cancelled)),
        error_code: text("8.00"),
        error_message: text("Rejected by Merchant"),
        external_result_code: text("Source of funds not confirmed"),
        ..held.clone()
    };
    let refund = Payment {
        description: text("Returned item, order 10245"),
        reference_id: text("po-7f3a2c-refund-1"),
        created: time("2026-03-04T08:00:19Z"),
        parent_payment_id: Some("3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0".parse().unwrap()),
        amount: amount("15.25"),
        currency: text("EUR"),
        ..payment("e97b5a0834c84f7fa2d1160bd35f7c42", Refund, Pending)
    };
    assert_answers([
        ("04-withdrawal-create.response.json", payout, "2026-03-02T11:40:03.118Z"),
        ("05-withdrawal-awaiting-approval.response.json", held, "2026-03-02T12:05:51.006Z"),
        ("05-withdrawal-reject.response.json", rejected, "2026-03-02T12:31:20.554Z"),
        ("06-refund-create.response.json", refund, "2026-03-04T08:00:19.377Z"),
    ]);
}

fn assert_answers<const N: usize>(expected: [(&str, Payment, &str); N]) {
    for (name, expected, gateway_time) in expected {
        let (read, at) = single(name);
        assert_whole(name, &read, &expected);
        assert_eq!(at, time(gateway_time), "{name}");
    }
}

#[test]
fn webhooks_are_read_as_the_contract_means_them() {
    use PaymentState::{Authorized, Cancelled, Completed};
    let authorized = Payment {
        reference_id: text("rent-551-1"),
        created: time("2026-03-05T17:21:09Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(mastercard_of_jo()),
        amount: amount("300"),
        currency: text("GBP"),
        pre_auth: Some(true),
        terminal_name: text("cards-uk"),
        ..payment("7a1dd0b34f9e4b53931c6c0e2f84ad70", PaymentType::Deposit, Authorized)
    };
    let timed_out = Payment {
        payment_method: word("BANKTRANSFER"),
        amount: amount("2000"),
        currency: text("CLP"),
        error_code: text("1.04"),
        error_message: text("Cancelled by Timeout"),
        ..payment("9e9003d7f3324fc6828481c665d8bab5", PaymentType::Deposit, Cancelled)
    };
    let converted = Payment {
        reference_id: text("po-51bb02-1"),
        created: time("2026-03-06T06:30:00Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(PaymentMethodDetails {
            customer_account_number: text("400000***0408"),
            cardholder_name: text("Lee Tan"),
            card_expiry_month: text("07"),
            card_expiry_year: text("2031"),
            card_issuing_country_code: text("SG"),
            card_issuing_organization: text("EXAMPLE BANK"),
            ..visa_of_ivo()
        }),
        amount: amount("92.37"),
        currency: text("EUR"),
        customer_amount: amount("100"),
        customer_currency: text("USD"),
        external_id: text("order_23733jd3u892"),
        external_result_code: text("00"),
        terminal_name: text("cards-eu"),
        shop_name: text("shop-example"),
        external_fee_amount: amount("1.21"),
        external_fee_currency: text("EUR"),
        ..payment("14ef7d3360b24f7b8c95a0d81b6ce2f7", PaymentType::Deposit, Completed)
    };
    let drifted = Payment {
        reference_id: text("po-90aa1e-1"),
        created: time("2026-03-02T10:02:11Z"),
        payment_method: word("PIX"),
        amount: amount("118.5"),
        currency: text("BRL"),
        external_id: text("px_5512098"),
        external_refs: refs(&[("txId", "11483992398383")]),
        terminal_name: text("pix-main"),
        ..payment("b81e0d6c94a34f2e8c7755d0a1f39e62", PaymentType::Deposit, Completed)
    };
    let odd = Payment {
        created: time("2026-03-08T21:04:22.552859857Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(PaymentMethodDetails {
            customer_account_number: text("424242***4242"),
            card_brand: word("VISA"),
            ..PaymentMethodDetails::default()
        }),
        amount: amount("15"),
        currency: text("EUR"),
        customer_amount: amount("15"),
        customer_currency: text("EUR"),
        external_refs: refs(&[("orderId", "123456"), ("final", "true")]),
        terminal_name: text("test"),
        ..payment("6c0d2f4b8e1a4d9390f7ab5512cd7e38", PaymentType::Deposit, Completed)
    };
    for (name, expected) in [
        ("07-preauth-authorized.webhook.json", authorized),
        ("09-cancelled-timeout.webhook.json", timed_out),
        ("10-completed-fx.webhook.json", converted),
        ("11-completed-amount-drift.webhook.json", drifted),
        ("20-tolerance-odd.webhook.json", odd),
    ] {
        assert_whole(name, &read_webhook(&examples::bytes(name)).unwrap(), &expected);
    }
}

#[test]
fn a_page_holds_both_payments_of_one_reference() {
    let page = answer::read_list(Ok(examples::answer(200, "12-list-page.response.json")));
    let ListOutcome::Page { payments, unreadable, has_more, gateway_time } = page else { panic!("{page:?}") };
    let completed = Payment {
        description: text("Order 10245"),
        reference_id: text("po-7f3a2c-1"),
        created: time("2026-03-02T09:15:27Z"),
        payment_method: word("BASIC_CARD"),
        payment_method_details: Some(PaymentMethodDetails {
            customer_account_number: text("400000***0002"),
            card_brand: word("VISA"),
            ..PaymentMethodDetails::default()
        }),
        amount: amount("49.9"),
        currency: text("EUR"),
        terminal_name: text("cards-eu"),
        ..payment("3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0", PaymentType::Deposit, PaymentState::Completed)
    };
    let cancelled = Payment {
        reference_id: text("po-7f3a2c-1"),
        created: time("2026-03-02T09:14:58Z"),
        payment_method: word("BASIC_CARD"),
        amount: amount("49.9"),
        currency: text("EUR"),
        error_code: text("2.00"),
        error_message: text("Cancelled by Customer"),
        ..payment("2b9e6a1577d84d6cbf7a90cf0c5513ee", PaymentType::Deposit, PaymentState::Cancelled)
    };
    assert_eq!((payments.len(), unreadable, has_more), (2, 0, true));
    assert_whole("first", &payments[0], &completed);
    assert_whole("second", &payments[1], &cancelled);
    assert_eq!(gateway_time, time("2026-03-02T09:40:00.001Z"));
}

#[test]
fn other_lists_of_the_gateway_are_not_payments() {
    for (name, items) in [("16-operations.response.json", 5), ("17-balances.response.json", 3)] {
        let outcome = answer::read_list(Ok(examples::answer(200, name)));
        let ListOutcome::Page { payments, unreadable, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((payments.len(), unreadable), (0, items), "{name}");
    }
}

#[test]
fn wrong_types_cost_only_the_field_they_stand_in() {
    let body = r#"{
        "id": "abc1", "state": "AWAITING_RETURN", "paymentType": "CHARGEBACK", "referenceId": 7, "created": "soon",
        "paymentMethod": ["X"], "paymentMethodDetails": "none", "amount": "12.50", "currency": false,
        "customerAmount": 1E-5, "customerCurrency": "USDT", "externalFeeAmount": 0.12345678901234567890123456789,
        "errorCode": 4.01, "preAuth": "yes", "parentPaymentId": "../1", "externalRefs": [1, "two"],
        "additionalParameters": 5, "customer": [[[]]], "billingAddress": 1, "new": {"deep": [{}]}
    }"#;
    let expected = Payment {
        state: Some(Open::Unknown("AWAITING_RETURN".to_owned())),
        payment_type: Some(Open::Unknown("CHARGEBACK".to_owned())),
        amount: amount("12.5"),
        customer_amount: amount("0.00001"),
        customer_currency: text("USDT"),
        external_refs: refs(&[("0", "1"), ("1", "two")]),
        oddities: vec![
            "referenceId",
            "created",
            "parentPaymentId",
            "paymentMethod",
            "paymentMethodDetails",
            "currency",
            "errorCode",
            "externalFeeAmount",
            "preAuth",
            "additionalParameters",
        ],
        ..only_id("abc1")
    };
    assert_whole("odd types", &read_webhook(body.as_bytes()).unwrap(), &expected);
}

#[test]
fn a_byte_that_is_not_utf8_does_not_cost_the_id() {
    let mut body = br#"{"id": "abc1", "state": "COMPLETED", "customer": {"firstName": "Zo"#.to_vec();
    body.extend_from_slice(b"\xeb\"}}");
    let read = read_webhook(&body).unwrap();
    assert_eq!(read, Payment { state: Some(Open::Known(PaymentState::Completed)), ..only_id("abc1") });
}

#[test]
fn a_body_without_a_usable_id_is_no_payment() {
    for body in ["", "null", "7", "[]", "\"id\"", "{", "<html>", r#"{"id": "a"} x"#] {
        assert_eq!(read_webhook(body.as_bytes()), Err(UnreadableBody::NotAnObject), "{body}");
    }
    let too_long = format!(r#"{{"id": "{}"}}"#, "a".repeat(33));
    for body in ["{}", r#"{"id": null}"#, r#"{"id": 7}"#, r#"{"id": ""}"#, r#"{"id": "a/b"}"#, too_long.as_str()] {
        assert_eq!(read_webhook(body.as_bytes()), Err(UnreadableBody::NoId), "{body}");
    }
}

#[test]
fn depth_does_not_overflow_the_stack() {
    let deep = "[".repeat(500_000);
    assert_eq!(read_webhook(deep.as_bytes()), Err(UnreadableBody::NotAnObject));
    let nested = format!(
        r#"{{"id": "abc1", "x": {deep}{}, "externalRefs": {{"a": {deep}{}}}}}"#,
        "]".repeat(500_000),
        "]".repeat(500_000)
    );
    assert_eq!(read_webhook(nested.as_bytes()).unwrap().oddities, ["externalRefs"]);
}

#[test]
fn nothing_personal_is_printed() {
    let (declined, _) = single("08-get-declined-card.response.json");
    let (host_to_host, _) = single("03-h2h-patch.response.json");
    let (redirect, _) = single("01-deposit-create.response.json");
    let raw = examples::answer(200, "08-get-declined-card.response.json");
    let printed = format!("{declined:?} {:?} {host_to_host:?} {redirect:?} {raw:?}", declined.payment_method_details);
    for secret in ["John", "Smith", "my@email", "400000", "3529d4", "2030", "Sunny", "qrCode", "br.gov", "https://"] {
        // The year of creation is no secret, the expiry of the card is.
        let printed = printed.replace("2030-12-25T", "");
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

fn refs(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// `Debug` leaves out what is personal, so a plain `assert_eq!` might show two equal texts.
fn assert_whole(name: &str, read: &Payment, expected: &Payment) {
    assert!(read.payment_method_details == expected.payment_method_details, "{name}: the payment method's details");
    assert!(read.external_refs == expected.external_refs, "{name}: {:?}", read.external_refs);
    assert!(read.redirect_url == expected.redirect_url, "{name}: {:?}", read.redirect_url);
    assert_eq!(read, expected, "{name}");
}
