//! The sixteen calls of the contract (section 5): method, path, body, and who reads the answer.

use chrono::{DateTime, Utc};
use gateway_client::GatewayId;
use gateway_client::answer::{
    self, Balance, CardToken, CommandOutcome, Cycle, Items, Operation, RawAnswer, ReadOutcome, Received, Subscription,
    SubscriptionRetry, TerminalToken, WithdrawalBalance,
};
use gateway_client::request::{
    self, Card, CardSource, Chargeback, Class, CreatePayment, CustomerReference, Expiry, Instrument, Kind, ListQuery,
    NewSubscription, PatchPayment, Request, RetryStrategy,
};
use gateway_client::vocabulary::{
    CardBrand, ChargebackState, CycleType, FrequencyUnit, Open, OperationType, PaymentState, PaymentType,
    SubscriptionState,
};
use serde_json::{Value, json};

use crate::examples;

const ID: &str = "3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0";

fn id() -> GatewayId {
    ID.parse().unwrap()
}

fn customer() -> CustomerReference {
    "cust-880".parse().unwrap()
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

fn body(request: &Request) -> Option<Value> {
    request.body.as_ref().map(|body| serde_json::from_slice(body).unwrap())
}

#[test]
fn every_endpoint_of_the_contract_is_called_as_it_says() {
    let order = CreatePayment::new(PaymentType::Deposit, "EUR");
    let patch = PatchPayment::new("81.4.178.167".parse().unwrap());
    let chargeback = Chargeback {
        description: Some("Dispute for order 10245".to_owned()),
        created: time("2026-04-11T00:00:00Z"),
        webhook_url: Some("https://shop.example/hooks/gateway".to_owned()),
        ..Chargeback::default()
    };
    let reason = Some("Source of funds not confirmed");
    let calls: [(Request, &str, Option<Value>, Kind); 16] = [
        (
            request::create_payment(&order, Class::Inert).unwrap(),
            "POST /api/v1/payments",
            Some(json!({"paymentType": "DEPOSIT", "currency": "EUR"})),
            Kind::InertPost,
        ),
        (request::list_payments(&ListQuery::default()).unwrap(), "GET /api/v1/payments", None, Kind::List),
        (request::get_payment(&id()), "GET /api/v1/payments/{id}", None, Kind::Read),
        (
            request::patch_payment(&id(), &patch).unwrap(),
            "PATCH /api/v1/payments/{id}",
            Some(examples::json("03-h2h-patch.request.json")),
            Kind::Command,
        ),
        (
            request::capture_payment(&id(), "180.50".parse().ok()).unwrap(),
            "POST /api/v1/payments/{id}/capture",
            Some(json!({"amount": 180.5})),
            Kind::Command,
        ),
        (request::void_payment(&id()), "POST /api/v1/payments/{id}/void", None, Kind::Command),
        (
            request::register_chargeback(&id(), &chargeback).unwrap(),
            "POST /api/v1/payments/{id}/chargebacks",
            Some(examples::json("18-chargeback.request.json")),
            Kind::Command,
        ),
        (request::approve_withdrawal(&id()), "POST /api/v1/payments/{id}/approve", None, Kind::Command),
        (
            request::reject_withdrawal(&id(), reason),
            "POST /api/v1/payments/{id}/reject",
            Some(examples::json("05-withdrawal-reject.request.json")),
            Kind::Command,
        ),
        (request::list_operations(&id()), "GET /api/v1/payments/{id}/operations", None, Kind::List),
        (request::list_card_tokens(&customer(), None), "GET /api/v1/customers/cust-880/card-tokens", None, Kind::List),
        (
            request::list_terminal_tokens(&customer(), 17),
            "GET /api/v1/customers/cust-880/terminals/17/tokens",
            None,
            Kind::List,
        ),
        (request::get_subscription(&id()), "GET /api/v1/subscriptions/{id}", None, Kind::Read),
        (
            request::cancel_subscription(&id()),
            "PATCH /api/v1/subscriptions/{id}",
            Some(json!({"state": "CANCELLED"})),
            Kind::Command,
        ),
        (request::list_balances(), "GET /api/v1/balances", None, Kind::List),
        (request::list_withdrawal_balances(), "GET /api/v1/available-withdrawal-balances", None, Kind::List),
    ];
    for (request, line, expected, kind) in calls {
        assert_eq!(format!("{} {}", request.method.as_str(), request.path), line.replace("{id}", ID));
        assert_eq!((body(&request), request.kind), (expected, kind), "{line}");
    }
}

#[test]
fn optional_parts_may_be_left_out() {
    assert_eq!(request::capture_payment(&id(), None).unwrap().body, None);
    assert_eq!(request::reject_withdrawal(&id(), None).body, None);
    let empty = request::register_chargeback(&id(), &Chargeback::default()).unwrap();
    assert_eq!(empty.body.as_deref(), Some(&b"{}"[..]), "the body itself must be there");
    let lost = Chargeback { state: Some(ChargebackState::Completed), ..Chargeback::default() };
    assert_eq!(body(&request::register_chargeback(&id(), &lost).unwrap()), Some(json!({"state": "COMPLETED"})));
    for (saved, query) in [(true, "?savedByCustomer.eq=true"), (false, "?savedByCustomer.eq=false")] {
        let request = request::list_card_tokens(&customer(), Some(saved));
        assert_eq!(request.path, format!("/api/v1/customers/cust-880/card-tokens{query}"));
        assert!(!format!("{request:?}").contains("cust-880"), "{request:?}");
    }
}

#[test]
fn a_card_goes_out_with_the_order_and_is_not_stored_with_it() {
    let card = Card {
        cardholder_name: Some("Ivo Marin".into()),
        security_code: Some("123".into()),
        expiry: Expiry::new(1, 2030).ok(),
        ..Card::new(CardSource::Number("4000 0000 0000 0002".into()))
    };
    let order = CreatePayment {
        amount: "49.90".parse().ok(),
        instrument: Some(Instrument::Card(card)),
        ..CreatePayment::new(PaymentType::Deposit, "EUR")
    };
    let sent = body(&request::create_payment(&order, Class::Moving).unwrap()).unwrap();
    let expected = json!({
        "paymentType": "DEPOSIT", "amount": 49.9, "currency": "EUR",
        "card": {"cardNumber": "4000 0000 0000 0002", "cardholderName": "Ivo Marin", "cardSecurityCode": "123",
            "expiryMonth": "01", "expiryYear": "2030"},
    });
    assert_eq!(sent, expected);

    let stored = serde_json::to_string(&order).unwrap();
    assert_eq!(stored, r#"{"paymentType":"DEPOSIT","amount":49.9,"currency":"EUR"}"#);
    let again: CreatePayment = serde_json::from_str(&stored).unwrap();
    assert_eq!(again, CreatePayment { instrument: None, ..order });

    let saved = Instrument::Card(Card::new(CardSource::Token("3529d42227424875af8722cbf54d7073".into())));
    let order = CreatePayment { instrument: Some(saved), ..again };
    let sent = body(&request::create_payment(&order, Class::Moving).unwrap()).unwrap();
    assert_eq!(sent["card"], json!({"cardToken": "3529d42227424875af8722cbf54d7073"}));
}

#[test]
fn a_subscription_goes_out_with_the_order_that_starts_it() {
    let subscription = NewSubscription {
        amount: "9.99".parse().ok(),
        start_time: time("2026-05-01T10:00:00Z"),
        number_of_cycles: Some(12),
        description: Some("Monthly".to_owned()),
        retry_strategy: Some(RetryStrategy {
            frequency: 2,
            number_of_cycles: 3,
            frequency_unit: Some(Open::Known(FrequencyUnit::Day)),
            amount_adjustments: vec![100, 50],
        }),
        ..NewSubscription::every(1, FrequencyUnit::Month)
    };
    let order = CreatePayment {
        start_recurring: Some(true),
        subscription: Some(subscription),
        ..CreatePayment::new(PaymentType::Deposit, "EUR")
    };
    let request = request::create_payment(&order, Class::Inert).unwrap();
    let expected = json!({
        "frequency": 1, "frequencyUnit": "MONTH", "amount": 9.99, "startTime": "2026-05-01T10:00:00",
        "numberOfCycles": 12, "description": "Monthly",
        "retryStrategy": {"frequency": 2, "numberOfCycles": 3, "frequencyUnit": "DAY", "amountAdjustments": [100, 50]},
    });
    assert_eq!(body(&request).unwrap()["subscription"], expected);
    let again: CreatePayment = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap();
    assert_eq!(request::create_payment(&again, Class::Inert), Ok(request));
}

#[expect(clippy::unnecessary_wraps, reason = "what every reader takes")]
fn success(result: &str) -> Received {
    Ok(RawAnswer::new(200, format!(r#"{{"status": 200, "result": {result}}}"#)))
}

fn items<T>(outcome: ReadOutcome<Items<T>>) -> Vec<T> {
    match outcome {
        ReadOutcome::Found { result, .. } if result.unreadable == 0 => result.items,
        ReadOutcome::Found { result, .. } => panic!("{} entries cannot be read", result.unreadable),
        _ => panic!("not found"),
    }
}

#[test]
fn operations_are_read_newest_first_and_their_messages_are_not_shown() {
    use OperationType::{Checkout, CreatePayment, Deposit, DetectFraud, TriggerWebhook};
    let trail = items(answer::read_operations(Ok(examples::answer(200, "16-operations.response.json"))));
    let kinds: Vec<_> = trail.iter().map(|step| step.operation.clone().unwrap()).collect();
    assert_eq!(kinds, [TriggerWebhook, Deposit, DetectFraud, Checkout, CreatePayment].map(Open::Known));
    let expected = Operation {
        id: Some(900_440),
        operation: Some(Open::Known(Deposit)),
        started: time("2026-03-02T09:17:01.480Z"),
        completed: time("2026-03-02T09:17:03.900Z"),
        payment_state: Some(Open::Known(PaymentState::Declined)),
        outgoing_messages: Some("authorize".into()),
        incoming_messages: Some("result=51".into()),
        oddities: vec![],
    };
    assert_eq!(trail[1], expected);
    assert!(!format!("{trail:?}").contains("result=51"));
}

#[test]
fn saved_cards_are_read_and_not_shown() {
    let cards = items(answer::read_card_tokens(success(
        r#"[{"id": "3529d42227424875af8722cbf54d7073", "cardholderName": "John Doe", "panMasked": "400000***0002",
            "expiryMonth": "1", "expiryYear": "2030", "brand": "VISA", "updated": "2024-10-07T13:32:19.444+00:00",
            "savedByCustomer": true}, {"id": "t2", "brand": "NEWCARD"}]"#,
    )));
    let visa = CardToken {
        token: "3529d42227424875af8722cbf54d7073".into(),
        cardholder_name: Some("John Doe".to_owned()),
        pan_masked: Some("400000***0002".to_owned()),
        expiry_month: Some("1".to_owned()),
        expiry_year: Some("2030".to_owned()),
        brand: Some(Open::Known(CardBrand::Visa)),
        updated: time("2024-10-07T13:32:19.444Z"),
        saved_by_customer: Some(true),
        oddities: vec![],
    };
    assert!(cards[0] == visa);
    assert_eq!(cards[1].brand, Some(Open::Unknown("NEWCARD".to_owned())));
    let printed = format!("{cards:?}");
    for secret in ["3529d4", "John", "400000", "2030"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn terminal_tokens_are_read_and_not_shown() {
    let tokens = items(answer::read_terminal_tokens(success(
        r#"[{"key": "tokenType:APPLEPAY,lastDigits:1234", "value": "s3"}]"#,
    )));
    let key = Some("tokenType:APPLEPAY,lastDigits:1234".into());
    assert_eq!(tokens, [TerminalToken { key, value: "s3".into(), oddities: vec![] }]);
    assert!(!format!("{tokens:?}").contains("1234"));
}

#[test]
fn balances_are_read_to_the_last_digit() {
    let balances = items(answer::read_balances(Ok(examples::answer(200, "17-balances.response.json"))));
    let amounts: Vec<_> = balances
        .iter()
        .map(|balance| {
            let kind = balance.account_type.as_ref().unwrap().as_str();
            (kind, balance.currency.as_deref().unwrap(), balance.amount.unwrap().to_string())
        })
        .collect();
    let expected = [("PROCESSING", "EUR", "1020.12"), ("AVAILABLE", "EUR", "780"), ("WITHDRAWAL", "USDT", "0")];
    assert_eq!(amounts, expected.map(|(kind, currency, amount)| (kind, currency, amount.to_owned())));

    let odd = items(answer::read_balances(success(r#"[{"id": 1, "accountType": "CUSTOM", "amount": -5E-1}, {}]"#)));
    let custom = Open::Unknown("CUSTOM".to_owned());
    let expected = Balance { account_type: Some(custom), amount: "-0.5".parse().ok(), ..Balance::default() };
    assert_eq!(odd, [expected, Balance::default()]);

    let payable = items(answer::read_withdrawal_balances(success(r#"[{"currency": "EUR", "amount": 0}]"#)));
    let expected = WithdrawalBalance {
        currency: Some("EUR".to_owned()),
        amount: Some(rust_decimal::Decimal::ZERO),
        oddities: vec![],
    };
    assert_eq!(payable, [expected]);
}

const SUBSCRIPTION: &str = r#"{
    "id": "3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0", "customerReferenceId": "cust-880", "description": "Monthly",
    "amount": 9.99, "currency": "EUR", "createTime": "2026-04-01T10:00:00", "startTime": "2026-05-01T10:00:00",
    "frequency": 1, "frequencyUnit": "MONTH", "requestedNumberOfCycles": 12, "state": "ACTIVE",
    "recurringToken": "very-secret", "retryStrategy": {"frequency": 2, "frequencyUnit": "DAY", "numberOfCycles": 3,
    "amountAdjustments": [100, 50]}, "cycles": [{"sequence": 1, "type": "REGULAR", "startTime": "2026-05-01T10:00:00",
    "paymentId": "a1", "paymentState": "COMPLETED", "amount": 9.99}]
}"#;

fn subscription() -> Subscription {
    let text = |text: &str| Some(text.to_owned());
    Subscription {
        id: id(),
        customer_reference_id: text("cust-880"),
        description: text("Monthly"),
        amount: "9.99".parse().ok(),
        currency: text("EUR"),
        create_time: time("2026-04-01T10:00:00Z"),
        start_time: time("2026-05-01T10:00:00Z"),
        frequency: Some(1),
        frequency_unit: Some(Open::Known(FrequencyUnit::Month)),
        requested_number_of_cycles: Some(12),
        state: Some(Open::Known(SubscriptionState::Active)),
        recurring_token: Some("very-secret".into()),
        retry_strategy: Some(SubscriptionRetry {
            frequency: Some(2),
            frequency_unit: Some(Open::Known(FrequencyUnit::Day)),
            number_of_cycles: Some(3),
            amount_adjustments: vec![100, 50],
        }),
        cycles: vec![Cycle {
            sequence: Some(1),
            cycle_type: Some(Open::Known(CycleType::Regular)),
            start_time: time("2026-05-01T10:00:00Z"),
            payment_id: "a1".parse().ok(),
            payment_state: Some(Open::Known(PaymentState::Completed)),
            amount: "9.99".parse().ok(),
        }],
        oddities: vec![],
    }
}

#[test]
fn a_subscription_is_read_and_cancelled() {
    let expected = Box::new(subscription());
    let found = answer::read_subscription(success(SUBSCRIPTION));
    assert_eq!(found, ReadOutcome::Found { result: expected.clone(), gateway_time: None });
    let cancelled = answer::classify_subscription_command(success(SUBSCRIPTION));
    assert_eq!(cancelled, CommandOutcome::Accepted { result: expected, gateway_time: None });
    let printed = format!("{found:?}");
    assert!(!printed.contains("secret") && !printed.contains("cust-880"), "{printed}");
}

#[test]
fn what_is_odd_in_a_subscription_costs_only_itself() {
    let odd = SUBSCRIPTION
        .replace(r#""frequency": 1,"#, r#""frequency": -1,"#)
        .replace("[100, 50]", r#"[100, "half"]"#)
        .replace(r#""sequence": 1"#, r#""sequence": "one""#);
    let ReadOutcome::Found { result, .. } = answer::read_subscription(success(&odd)) else { panic!("not found") };
    assert_eq!((result.frequency, result.cycles[0].sequence), (None, None));
    assert_eq!(result.cycles[0].amount, "9.99".parse().ok());
    assert_eq!(result.retry_strategy.unwrap().amount_adjustments, [100]);
    assert_eq!(result.oddities, ["frequency", "amountAdjustments", "cycles"]);
}

#[test]
fn a_list_says_how_many_of_its_entries_it_could_not_read() {
    let some = r#"[{"id": "t1", "value": "v"}, {"id": null}, 7, null, "x", []]"#;
    let counts = |outcome: ReadOutcome<Items<CardToken>>| match outcome {
        ReadOutcome::Found { result, .. } => (result.items.len(), result.unreadable),
        _ => panic!("not found"),
    };
    assert_eq!(counts(answer::read_card_tokens(success(some))), (1, 5));
    assert_eq!(counts(answer::read_card_tokens(success("null"))), (0, 0));
    assert!(matches!(answer::read_card_tokens(success("{}")), ReadOutcome::Unavailable(_)));
    assert!(matches!(answer::read_card_tokens(Ok(RawAnswer::new(200, "{}"))), ReadOutcome::Unavailable(_)));
    let unknown = Ok(examples::answer(404, "15-error-404.json"));
    assert_eq!(answer::read_card_tokens(unknown), ReadOutcome::NotFound);
}
