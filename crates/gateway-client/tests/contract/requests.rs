use std::str::FromStr;

use chrono::{DateTime, Utc};
use gateway_client::request::{
    self, BillingAddress, Card, CardSource, Class, CreatePayment, Customer, Instrument, Kind, ListQuery, Method,
    PatchPayment, Request,
};
use gateway_client::vocabulary::{Open, PaymentType};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::examples;

const HOOK: &str = "https://shop.example/hooks/gateway";

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

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body.as_ref().unwrap()).unwrap()
}

fn redirect_deposit() -> CreatePayment {
    CreatePayment {
        payment_method: word("BASIC_CARD"),
        amount: amount("49.90"),
        reference_id: text("po-7f3a2c-1"),
        description: text("Order 10245"),
        customer: Some(Customer {
            reference_id: text("cust-880"),
            first_name: text("Marta"),
            last_name: text("Keller"),
            email: text("marta.keller@shop.example"),
            phone: text("49 3055501234"),
            locale: text("de"),
            ip: text("203.0.113.24"),
            ..Customer::default()
        }),
        billing_address: Some(BillingAddress {
            address_line1: text("Lindenweg 4"),
            city: text("Berlin"),
            country_code: text("DE"),
            postal_code: text("10115"),
            ..BillingAddress::default()
        }),
        return_url: text("https://shop.example/pay/return?payment={id}&ref={referenceId}&state={state}"),
        webhook_url: text(HOOK),
        ..CreatePayment::new(PaymentType::Deposit, "EUR")
    }
}

fn withdrawal() -> CreatePayment {
    CreatePayment {
        payment_method: word("BANKTRANSFER_CL"),
        amount: amount("250000"),
        reference_id: text("pay-out-3381-1"),
        customer: Some(Customer {
            reference_id: text("cust-77"),
            first_name: text("Diego"),
            last_name: text("Rojas"),
            email: text("diego.rojas@shop.example"),
            document_type: word("CL_RUT"),
            document_number: text("11111111-1"),
            account_type: word("CHECKING"),
            account_number: text("0007712345"),
            bank_code: text("012"),
            ..Customer::default()
        }),
        webhook_url: text(HOOK),
        ..CreatePayment::new(PaymentType::Withdrawal, "CLP")
    }
}

fn example_orders() -> Vec<(&'static str, CreatePayment)> {
    let host_to_host = CreatePayment {
        payment_method: word("PIX"),
        amount: amount("120"),
        reference_id: text("po-90aa1e-1"),
        customer: Some(Customer {
            reference_id: text("cust-412"),
            first_name: text("Ana"),
            last_name: text("Souza"),
            email: text("ana.souza@shop.example"),
            document_type: word("BR_CPF"),
            document_number: text("12345678909"),
            ..Customer::default()
        }),
        webhook_url: text(HOOK),
        ..CreatePayment::new(PaymentType::Deposit, "BRL")
    };
    let refund = CreatePayment {
        parent_payment_id: Some("3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0".parse().unwrap()),
        amount: amount("15.25"),
        reference_id: text("po-7f3a2c-refund-1"),
        description: text("Returned item, order 10245"),
        webhook_url: text(HOOK),
        ..CreatePayment::new(PaymentType::Refund, "EUR")
    };
    let two_phase = CreatePayment {
        payment_method: word("BASIC_CARD"),
        amount: amount("300.00"),
        pre_auth: Some(true),
        reference_id: text("rent-551-1"),
        customer: Some(Customer {
            reference_id: text("cust-9"),
            email: text("j.hale@shop.example"),
            ..Customer::default()
        }),
        return_url: text("https://shop.example/pay/return/{id}/{state}"),
        webhook_url: text(HOOK),
        ..CreatePayment::new(PaymentType::Deposit, "GBP")
    };
    vec![
        ("01-deposit-create.request.json", redirect_deposit()),
        ("03-h2h-create.request.json", host_to_host),
        ("04-withdrawal-create.request.json", withdrawal()),
        ("06-refund-create.request.json", refund),
        ("07-preauth-create.request.json", two_phase),
    ]
}

#[test]
fn an_order_is_written_as_in_the_contracts_examples() {
    for (name, order) in example_orders() {
        let request = request::create_payment(&order, Class::Moving).unwrap();
        assert_eq!(body(&request), examples::json(name), "{name}");
        assert_eq!((request.method, request.path.as_str()), (Method::Post, "/api/v1/payments"));
    }
}

#[test]
fn a_stored_order_makes_the_same_bytes_again() {
    for (name, order) in example_orders() {
        let stored = serde_json::to_string(&order).unwrap();
        let again: CreatePayment = serde_json::from_str(&stored).unwrap();
        let requests = [&order, &again].map(|order| request::create_payment(order, Class::Inert).unwrap());
        assert_eq!(requests[0], requests[1], "{name}");
    }
}

#[test]
fn every_field_of_the_contract_has_its_name() {
    let order = CreatePayment {
        start_recurring: Some(true),
        recurring_token: Some("token-1".to_owned().into()),
        checkout_style: text("dark"),
        additional_parameters: [("bankCode", "012"), ("a", "b")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        customer: Some(Customer {
            citizenship_country_code: text("AU"),
            date_of_birth: text("2001-12-03"),
            account_name: text("x"),
            bank: text("x"),
            bank_branch: text("x"),
            bank_branch_code: text("x"),
            routing_group: text("x"),
            kyc_status: Some(true),
            payment_instrument_kyc_status: Some(false),
            date_of_first_deposit: text("2024-01-01"),
            deposits_amount: Some(1),
            withdrawals_amount: Some(2),
            deposits_cnt: Some(3),
            withdrawals_cnt: Some(4),
            ..Customer::default()
        }),
        billing_address: Some(BillingAddress {
            address_line2: text("x"),
            state: text("CA"),
            ..BillingAddress::default()
        }),
        ..CreatePayment::new(PaymentType::Deposit, "USDT")
    };
    let expected = serde_json::json!({
        "paymentType": "DEPOSIT", "currency": "USDT", "startRecurring": true, "recurringToken": "token-1",
        "checkoutStyle": "dark", "additionalParameters": {"a": "b", "bankCode": "012"},
        "customer": {
            "citizenshipCountryCode": "AU", "dateOfBirth": "2001-12-03", "accountName": "x", "bank": "x",
            "bankBranch": "x", "bankBranchCode": "x", "routingGroup": "x", "kycStatus": true,
            "paymentInstrumentKycStatus": false, "dateOfFirstDeposit": "2024-01-01", "depositsAmount": 1,
            "withdrawalsAmount": 2, "depositsCnt": 3, "withdrawalsCnt": 4,
        },
        "billingAddress": {"addressLine2": "x", "state": "CA"},
    });
    assert_eq!(body(&request::create_payment(&order, Class::Inert).unwrap()), expected);
}

#[test]
fn an_amount_is_written_to_the_last_digit() {
    for (value, written) in [
        ("999999999.999999999999999999", "999999999.999999999999999999"),
        ("0.000010000000000001", "0.000010000000000001"),
        ("49.90", "49.9"),
        ("300.00", "300"),
        ("1000000000", "1000000000"),
        ("0.00", "0"),
    ] {
        let order = CreatePayment {
            amount: amount(value),
            pre_auth: Some(true),
            ..CreatePayment::new(PaymentType::Deposit, "EUR")
        };
        let request = request::create_payment(&order, Class::Inert).unwrap();
        let body = String::from_utf8(request.body.unwrap().to_vec()).unwrap();
        assert!(body.contains(&format!(r#""amount":{written},"#)), "{value} became {body}");
    }
}

proptest! {
    #[test]
    fn an_amount_survives_being_stored(mantissa in 0..=i128::from(u64::MAX), scale in 0..=28_u32) {
        let value = Decimal::from_i128_with_scale(mantissa, scale);
        let order = CreatePayment { amount: Some(value), ..CreatePayment::new(PaymentType::Deposit, "EUR") };
        let again: CreatePayment = serde_json::from_slice(&serde_json::to_vec(&order).unwrap()).unwrap();
        prop_assert_eq!(again.amount, Some(value));
    }

    #[test]
    fn a_reference_survives_the_query(reference in "\\PC{1,64}") {
        let query = ListQuery { reference_id: Some(reference.clone()), ..ListQuery::default() };
        let url = url::Url::parse(&format!("http://localhost{}", request::list_payments(&query).unwrap().path)).unwrap();
        let encoded = url.query().unwrap().strip_prefix("referenceId.eq=").unwrap();
        prop_assert!(!encoded.contains(['&', '=', '+', '#', ' ']));
        let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        prop_assert_eq!(decoded.as_ref(), reference.as_str());
    }
}

#[test]
fn a_class_decides_how_a_post_travels() {
    let kind = |order: &CreatePayment, class| request::create_payment(order, class).unwrap().kind;
    assert_eq!(kind(&redirect_deposit(), Class::Inert), Kind::InertPost);
    assert_eq!(kind(&redirect_deposit(), Class::Moving), Kind::MovingPost);
}

#[test]
fn what_moves_money_by_itself_is_never_called_inert() {
    let card = Instrument::Card(Card::new(CardSource::Token("t1".into())));
    let recurring = Some("token-1".into());
    for order in [
        withdrawal(),
        CreatePayment::new(PaymentType::Refund, "EUR"),
        CreatePayment { instrument: Some(card), ..redirect_deposit() },
        CreatePayment { recurring_token: recurring, ..redirect_deposit() },
        CreatePayment { parent_payment_id: "a1".parse().ok(), ..redirect_deposit() },
    ] {
        assert!(order.moves_by_itself());
        assert_eq!(request::create_payment(&order, Class::Inert).unwrap().kind, Kind::MovingPost, "{order:?}");
    }
}

#[test]
fn a_payment_is_read_and_started_under_its_id() {
    let id = "b81e0d6c94a34f2e8c7755d0a1f39e62".parse().unwrap();
    let read = request::get_payment(&id);
    assert_eq!(
        (read.method, read.path.as_str(), read.body, read.kind),
        (Method::Get, "/api/v1/payments/b81e0d6c94a34f2e8c7755d0a1f39e62", None, Kind::Read)
    );
    let patch = request::patch_payment(&id, &PatchPayment::new("81.4.178.167".parse().unwrap())).unwrap();
    assert_eq!(body(&patch), examples::json("03-h2h-patch.request.json"));
    assert_eq!(
        (patch.method, patch.path.as_str(), patch.kind),
        (Method::Patch, "/api/v1/payments/b81e0d6c94a34f2e8c7755d0a1f39e62", Kind::Command)
    );
}

#[test]
fn a_patch_carries_what_the_browser_says() {
    let patch = PatchPayment {
        ip_country_code: text("CY"),
        customer_user_agent: text("Mozilla/5.0"),
        browser_window_width: Some(1),
        browser_window_height: Some(2),
        browser_screen_width: Some(3),
        browser_screen_height: Some(4),
        browser_screen_color_depth: Some(24),
        browser_language: text("en-GB"),
        browser_java_enabled: Some(false),
        browser_timezone_offset: Some(-120),
        ..PatchPayment::new("2001:db8::1".parse().unwrap())
    };
    let expected = serde_json::json!({
        "customerIp": "2001:db8::1", "ipCountryCode": "CY", "customerUserAgent": "Mozilla/5.0",
        "browserWindowWidth": 1, "browserWindowHeight": 2, "browserScreenWidth": 3, "browserScreenHeight": 4,
        "browserScreenColorDepth": 24, "browserLanguage": "en-GB", "browserJavaEnabled": false,
        "browserTimezoneOffset": -120,
    });
    assert_eq!(body(&request::patch_payment(&"a1".parse().unwrap(), &patch).unwrap()), expected);
}

#[test]
fn a_list_query_is_encoded_in_a_fixed_order() {
    let time = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    let query = ListQuery {
        offset: Some(1000),
        limit: Some(500),
        created_gte: time("2026-03-02T09:15:27Z"),
        created_lt: time("2026-03-03T00:00:00Z"),
        updated_gte: time("2026-03-02T09:15:28Z"),
        updated_lt: time("2026-03-02T09:15:29Z"),
        reference_id: text("a=b;c&d/ü 1"),
    };
    assert_eq!(
        request::list_payments(&query).unwrap().path,
        "/api/v1/payments?offset=1000&limit=500&created.gte=2026-03-02T09%3A15%3A27\
         &created.lt=2026-03-03T00%3A00%3A00&updated.gte=2026-03-02T09%3A15%3A28\
         &updated.lt=2026-03-02T09%3A15%3A29&referenceId.eq=a%3Db%3Bc%26d%2F%C3%BC%201"
    );
    let everything = request::list_payments(&ListQuery::default()).unwrap();
    assert_eq!((everything.path.as_str(), everything.kind), ("/api/v1/payments", Kind::List));
}

#[test]
fn a_window_in_whole_seconds_is_never_narrower_than_asked_for() {
    let within = "2026-03-02T09:15:27.4Z".parse::<DateTime<Utc>>().ok();
    let query = ListQuery { created_gte: within, created_lt: within, ..ListQuery::default() };
    assert_eq!(
        request::list_payments(&query).unwrap().path,
        "/api/v1/payments?created.gte=2026-03-02T09%3A15%3A27&created.lt=2026-03-02T09%3A15%3A28"
    );
}

#[test]
fn nothing_personal_is_printed() {
    let mut order = redirect_deposit();
    order.recurring_token = Some("very-secret-token".to_owned().into());
    let query = ListQuery { reference_id: text("po-7f3a2c-1"), ..ListQuery::default() };
    let patch = PatchPayment::new("203.0.113.24".parse().unwrap());
    let printed = format!(
        "{order:?} {:?} {:?} {:?} {:?} {patch:?} {:?} {:?}",
        order.customer,
        order.billing_address,
        order.recurring_token,
        request::create_payment(&order, Class::Inert).unwrap(),
        request::list_payments(&query).unwrap(),
        request::patch_payment(&"a1".parse().unwrap(), &patch).unwrap(),
    );
    for secret in ["Marta", "Keller", "marta", "3055501234", "Lindenweg", "203.0.113", "very-secret", "referenceId.eq"]
    {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
