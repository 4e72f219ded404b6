//! What the gateway would refuse is refused before it is asked, by field and at the very limit.

use std::str::FromStr;

use gateway_client::request::{
    self, ApplePay, BillingAddress, Card, CardSource, Chargeback, Class, CreatePayment, Customer, CustomerReference,
    Expiry, Flaw, GooglePay, Instrument, InvalidRequest, ListQuery, NewSubscription, PatchPayment, RetryStrategy,
};
use gateway_client::vocabulary::{FrequencyUnit, PaymentType};
use rust_decimal::Decimal;

const ID: &str = "3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0";

fn order() -> CreatePayment {
    CreatePayment::new(PaymentType::Deposit, "EUR")
}

/// The fields that a request was refused for.
fn refused<T>(made: Result<T, InvalidRequest>) -> Vec<&'static str> {
    made.err().map_or_else(Vec::new, |invalid| invalid.fields.iter().map(|field| field.field).collect())
}

fn create(order: &CreatePayment) -> Vec<&'static str> {
    refused(request::create_payment(order, Class::Moving))
}

type Fill<T> = fn(&mut T, String);

/// Texts of the greatest length are taken and longer ones are not, in characters and not in bytes.
fn assert_longest<T: Clone>(
    start: &T,
    limits: &[(&'static str, usize, Fill<T>)],
    ask: impl Fn(&T) -> Vec<&'static str>,
) {
    for (field, longest, fill) in limits {
        for (length, expected) in [(*longest, vec![]), (longest + 1, vec![*field])] {
            for letter in ["x", "\u{fc}"] {
                let mut filled = start.clone();
                fill(&mut filled, letter.repeat(length));
                assert_eq!(ask(&filled), expected, "{field} of {length}");
            }
        }
    }
}

#[test]
fn texts_of_an_order_have_their_longest_length() {
    let limits: &[(&str, usize, Fill<CreatePayment>)] = &[
        ("referenceId", 256, |order, text| order.reference_id = Some(text)),
        ("description", 512, |order, text| order.description = Some(text)),
        ("returnUrl", 512, |order, text| order.return_url = Some(text)),
        ("webhookUrl", 512, |order, text| order.webhook_url = Some(text)),
    ];
    assert_longest(&order(), limits, create);
}

#[test]
fn texts_of_a_customer_have_their_longest_length() {
    let limits: &[(&str, usize, Fill<Customer>)] = &[
        ("customer.referenceId", 128, |customer, text| customer.reference_id = Some(text)),
        ("customer.firstName", 128, |customer, text| customer.first_name = Some(text)),
        ("customer.lastName", 128, |customer, text| customer.last_name = Some(text)),
        ("customer.email", 254, |customer, text| customer.email = Some(format!("{text}@x"))),
        ("customer.accountNumber", 256, |customer, text| customer.account_number = Some(text)),
        ("customer.accountName", 64, |customer, text| customer.account_name = Some(text)),
        ("customer.bank", 64, |customer, text| customer.bank = Some(text)),
        ("customer.bankCode", 64, |customer, text| customer.bank_code = Some(text)),
        ("customer.bankBranch", 64, |customer, text| customer.bank_branch = Some(text)),
        ("customer.bankBranchCode", 64, |customer, text| customer.bank_branch_code = Some(text)),
        ("customer.documentNumber", 64, |customer, text| customer.document_number = Some(text)),
        ("customer.routingGroup", 64, |customer, text| customer.routing_group = Some(text)),
    ];
    assert_longest(&Customer::default(), limits, |customer| {
        create(&CreatePayment { customer: Some(customer.clone()), ..order() })
    });
}

#[test]
fn texts_of_an_address_have_their_longest_length() {
    let limits: &[(&str, usize, Fill<BillingAddress>)] = &[
        ("billingAddress.addressLine1", 300, |address, text| address.address_line1 = Some(text)),
        ("billingAddress.addressLine2", 300, |address, text| address.address_line2 = Some(text)),
        ("billingAddress.city", 50, |address, text| address.city = Some(text)),
        ("billingAddress.postalCode", 12, |address, text| address.postal_code = Some(text)),
        ("billingAddress.state", 40, |address, text| address.state = Some(text)),
    ];
    assert_longest(&BillingAddress::default(), limits, |address| {
        create(&CreatePayment { billing_address: Some(address.clone()), ..order() })
    });
}

#[test]
fn texts_of_commands_have_their_longest_length() {
    let chargeback: &[(&str, usize, Fill<Chargeback>)] = &[
        ("description", 512, |chargeback, text| chargeback.description = Some(text)),
        ("webhookUrl", 512, |chargeback, text| chargeback.webhook_url = Some(text)),
    ];
    let id = ID.parse().unwrap();
    assert_longest(&Chargeback::default(), chargeback, |chargeback| {
        refused(request::register_chargeback(&id, chargeback))
    });
    let patch: &[(&str, usize, Fill<PatchPayment>)] = &[
        ("customerUserAgent", 512, |patch, text| patch.customer_user_agent = Some(text)),
        ("browserLanguage", 32, |patch, text| patch.browser_language = Some(text)),
        ("ipCountryCode", 2, |patch, text| patch.ip_country_code = Some(text)),
    ];
    let start = PatchPayment::new("203.0.113.24".parse().unwrap());
    assert_longest(&start, patch, |patch| refused(request::patch_payment(&id, patch)));
    let short = PatchPayment { ip_country_code: Some("C".to_owned()), ..start };
    assert_eq!(refused(request::patch_payment(&id, &short)), ["ipCountryCode"]);
}

#[test]
fn texts_of_a_form_are_held_to_it() {
    type Row = (&'static str, Fill<Customer>, &'static [&'static str], &'static [&'static str]);
    let rows: &[Row] = &[
        (
            "customer.email",
            |c, t| c.email = Some(t),
            &["a@b", "a+b@c.example", "\"a@b\"@c"],
            &["", "a", "@b", "a@", "a b@c"],
        ),
        (
            "customer.phone",
            |c, t| c.phone = Some(t),
            &["357 123123123", "1 2", "1234567 1234567890"],
            &["+357 123", "357123", "357  123", "357 12 3", " 1", "1 ", "357 12a"],
        ),
        ("customer.locale", |c, t| c.locale = Some(t), &["ru", "en"], &["", "r", "en-GB", "rus"]),
        ("customer.citizenshipCountryCode", |c, t| c.citizenship_country_code = Some(t), &["AU"], &["", "A", "AUS"]),
        (
            "customer.dateOfBirth",
            |c, t| c.date_of_birth = Some(t),
            &["2001-12-03", "2000-02-29"],
            &["", "2001-12-3", "03.12.2001", "2001-02-29", "2001-12-03T00:00:00", "+201-12-03"],
        ),
        (
            "customer.dateOfFirstDeposit",
            |c, t| c.date_of_first_deposit = Some(t),
            &["2024-01-01"],
            &["2024-13-01", "yesterday"],
        ),
    ];
    for (field, fill, good, bad) in rows {
        let made = |text: &str| {
            let mut customer = Customer::default();
            fill(&mut customer, text.to_owned());
            create(&CreatePayment { customer: Some(customer), ..order() })
        };
        for text in *good {
            assert_eq!(made(text), [] as [&str; 0], "{field}: {text}");
        }
        for text in *bad {
            assert_eq!(made(text), [*field], "{field}: {text}");
        }
    }
    for (country, expected) in
        [("CY", vec![]), ("cy", vec!["billingAddress.countryCode"]), ("CYP", vec!["billingAddress.countryCode"])]
    {
        let address = BillingAddress { country_code: Some(country.to_owned()), ..BillingAddress::default() };
        assert_eq!(create(&CreatePayment { billing_address: Some(address), ..order() }), expected);
    }
    // Too long a number has two flaws, and is told once for each.
    let phone = Customer { phone: Some("1".repeat(19)), ..Customer::default() };
    assert_eq!(create(&CreatePayment { customer: Some(phone), ..order() }), ["customer.phone"; 2]);
}

#[test]
fn amounts_have_bounds_and_places() {
    let id = ID.parse().unwrap();
    let subscription = |amount| CreatePayment {
        start_recurring: Some(true),
        subscription: Some(NewSubscription { amount, ..NewSubscription::every(1, FrequencyUnit::Month) }),
        ..order()
    };
    for (text, fits, fits_before_paying) in [
        ("0", false, true),
        ("0.000009999999999999", false, false),
        ("0.00001", true, true),
        ("11.12", true, true),
        ("0.000010000000000001", true, true),
        ("1000000000", true, true),
        ("1000000000.000000000000000001", false, false),
        ("1.0000000000000000001", false, false),
        ("1.00000000000000000000", true, true),
        ("-1", false, false),
        ("-0", false, true),
    ] {
        let amount = Decimal::from_str(text).ok();
        assert!(amount.is_some());
        let plain = CreatePayment { amount, ..order() };
        assert_eq!(create(&plain).is_empty(), fits, "{text}");
        assert_eq!(create(&CreatePayment { pre_auth: Some(true), ..plain }).is_empty(), fits_before_paying, "{text}");
        assert_eq!(refused(request::capture_payment(&id, amount)).is_empty(), fits, "{text}");
        assert_eq!(create(&subscription(amount)).is_empty(), fits, "{text}");
    }
}

#[test]
fn a_currency_is_required_and_may_be_longer_than_three_letters() {
    assert_eq!(create(&CreatePayment::new(PaymentType::Deposit, "")), ["currency"]);
    assert_eq!(create(&CreatePayment::new(PaymentType::Deposit, "USDT")), [] as [&str; 0]);
}

#[test]
fn a_card_is_held_to_its_limits_and_never_shown() {
    let pay = |card: Card| create(&CreatePayment { instrument: Some(Instrument::Card(card)), ..order() });
    let number = |text: &str| Card::new(CardSource::Number(text.into()));
    let none: [&str; 0] = [];
    assert_eq!(pay(number("4000 0000 0000 0002")), none);
    assert_eq!(pay(number(&"4".repeat(23))), none);
    assert_eq!(pay(number(&"4".repeat(24))), ["card.cardNumber"]);
    assert_eq!(pay(number("four thousand")), ["card.cardNumber"]);
    assert_eq!(pay(number("")), ["card.cardNumber"; 2]);
    let token = |length| Card::new(CardSource::Token("t".repeat(length).into()));
    assert_eq!(
        (pay(token(32)), pay(token(33)), pay(token(0))),
        (vec![], vec!["card.cardToken"], vec!["card.cardToken"])
    );
    for (code, expected) in [
        ("12", vec!["card.cardSecurityCode"]),
        ("123", vec![]),
        ("1234", vec![]),
        ("12345", vec!["card.cardSecurityCode"]),
    ] {
        assert_eq!(pay(Card { security_code: Some(code.into()), ..token(1) }), expected);
    }
    let holder = |length| Card { cardholder_name: Some("n".repeat(length).into()), ..token(1) };
    assert_eq!((pay(holder(128)), pay(holder(129))), (vec![], vec!["card.cardholderName"]));
    for (month, year, real) in [(1, 2030, true), (12, 9999, true), (0, 2030, false), (13, 2030, false), (1, 30, false)]
    {
        assert_eq!(Expiry::new(month, year).is_ok(), real);
    }
    let wrong = CreatePayment { instrument: Some(Instrument::Card(number("4111x1111y4111z11114111"))), ..order() };
    let wrong = CreatePayment { reference_id: Some("secret-reference".repeat(20)), ..wrong };
    let error = request::create_payment(&wrong, Class::Moving).unwrap_err();
    let printed = format!("{wrong:?} {:?} {error:?} {error}", wrong.instrument);
    assert!(!printed.contains("4111"), "{printed}");
    assert!(!format!("{error:?} {error}").contains("secret"), "an error never repeats a value");
}

#[test]
fn a_subscription_needs_the_start_of_a_chain() {
    let monthly = NewSubscription::every(1, FrequencyUnit::Month);
    let with = |start_recurring, subscription: &NewSubscription| {
        create(&CreatePayment { start_recurring, subscription: Some(subscription.clone()), ..order() })
    };
    assert_eq!(with(Some(true), &monthly), [] as [&str; 0]);
    assert_eq!(with(Some(false), &monthly), ["subscription"]);
    assert_eq!(with(None, &monthly), ["subscription"]);
    let retry =
        RetryStrategy { frequency: 0, number_of_cycles: 0, frequency_unit: None, amount_adjustments: vec![50, 0] };
    let nothing = NewSubscription {
        frequency: 0,
        number_of_cycles: Some(0),
        description: Some("d".repeat(513)),
        retry_strategy: Some(retry),
        ..monthly
    };
    let expected = [
        "subscription.frequency",
        "subscription.numberOfCycles",
        "subscription.description",
        "subscription.retryStrategy.frequency",
        "subscription.retryStrategy.numberOfCycles",
        "subscription.retryStrategy.amountAdjustments",
    ];
    assert_eq!(with(Some(true), &nothing), expected);
}

#[test]
fn a_list_is_asked_for_within_its_bounds() {
    let ask = |offset, limit| refused(request::list_payments(&ListQuery { offset, limit, ..ListQuery::default() }));
    for (offset, limit, expected) in [
        (Some(0), Some(1), vec![]),
        (Some(1_000_000), Some(1000), vec![]),
        (Some(1_000_001), Some(1), vec!["offset"]),
        (None, Some(0), vec!["limit"]),
        (None, Some(1001), vec!["limit"]),
    ] {
        assert_eq!(ask(offset, limit), expected);
    }
}

#[test]
fn only_a_reference_that_a_path_can_hold_stands_in_one() {
    for good in ["a", "cust-880", "A_b-9", &"x".repeat(128)] {
        assert!(good.parse::<CustomerReference>().is_ok(), "{good}");
    }
    for bad in ["", "a/b", "..", "a b", "\u{fc}", "a%2F", "a?b", &"x".repeat(129)] {
        assert!(bad.parse::<CustomerReference>().is_err(), "{bad}");
    }
}

#[test]
fn every_flaw_is_told_at_once_and_in_words() {
    let order = CreatePayment {
        currency: String::new(),
        amount: Decimal::from_str("0.0000000000000000001").ok(),
        description: Some("d".repeat(513)),
        customer: Some(Customer { email: Some("marta".to_owned()), ..Customer::default() }),
        subscription: Some(NewSubscription::every(1, FrequencyUnit::Day)),
        ..order()
    };
    let invalid = request::create_payment(&order, Class::Inert).unwrap_err();
    assert_eq!(invalid.fields[0].flaw, Flaw::Missing);
    assert_eq!(
        invalid.to_string(),
        "currency is required; amount must be 0.00001 to 1000000000; amount must have at most 18 decimal places; \
         description must have 0 to 512 characters; customer.email must be an e-mail address; \
         subscription is allowed only with startRecurring"
    );
}

/// A value of the right type for each field of a wallet's data, and where it stands.
fn leaves(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    if let serde_json::Value::Object(members) = value {
        for (name, member) in members {
            let path = format!("{path}/{name}");
            leaves(member, &path, found);
            found.push(path);
        }
    }
}

fn google_pay() -> serde_json::Value {
    serde_json::json!({
        "apiVersion": 2, "apiVersionMinor": 0,
        "paymentMethodData": {
            "description": "Visa", "type": "CARD",
            "info": {"cardDetails": "1234", "cardNetwork": "VISA", "billingAddress": {
                "address1": "x", "address2": "x", "address3": "x", "administrativeArea": "x", "countryCode": "CY",
                "locality": "x", "name": "x", "postalCode": "x", "sortingCode": "x"}},
            "tokenizationData": {"token": "very-secret", "type": "PAYMENT_GATEWAY", "decryptedToken": {
                "gatewayMerchantId": "x", "messageExpiration": "1", "messageId": "x", "paymentMethod": "CARD",
                "paymentMethodDetails": {"pan": "4000000000000002", "expirationMonth": 1, "expirationYear": 2030,
                    "authMethod": "CRYPTOGRAM_3DS", "cryptogram": "x", "eciIndicator": "05", "acsTransactionId": "x",
                    "assuranceDetails": {"accountVerified": true, "cardHolderAuthenticated": false}}}},
        },
    })
}

fn apple_pay() -> serde_json::Value {
    serde_json::json!({
        "transactionIdentifier": "x",
        "paymentData": {"version": "EC_v1", "data": "very-secret", "signature": "x",
            "header": {"applicationData": "x", "ephemeralPublicKey": "x", "publicKeyHash": "x", "transactionId": "x"},
            "decryptedData": {"applicationPrimaryAccountNumber": "4000000000000002",
                "applicationExpirationDate": "300131", "currencyCode": "978", "cardholderName": "x",
                "transactionAmount": 1234, "deviceManufacturerIdentifier": "x", "paymentDataType": "3DSecure",
                "paymentData": {"onlinePaymentCryptogram": "x", "eciIndicator": "5", "emvData": "x",
                    "encryptedPINData": "x"}}},
        "paymentMethod": {"displayName": "x", "network": "Visa", "type": "debit"},
        "billingContact": {"countryCode": "CY", "administrativeArea": "x", "subAdministrativeArea": "x",
            "locality": "x", "subLocality": "x", "addressLines": ["x", "y"], "postalCode": "x", "givenName": "x",
            "familyName": "x"},
        "shippingContact": {"phoneNumber": "x", "emailAddress": "x"},
    })
}

#[test]
fn a_wallets_data_is_held_to_its_types_field_by_field() {
    type Make = fn(&serde_json::Value) -> Result<Instrument, InvalidRequest>;
    let google: Make = |json| GooglePay::new(json.to_string()).map(Instrument::GooglePay);
    let apple: Make = |json| ApplePay::new(json.to_string()).map(Instrument::ApplePay);
    for (wallet, whole, make, fields) in [("googlePay", google_pay(), google, 37), ("applePay", apple_pay(), apple, 40)]
    {
        let mut paths = Vec::new();
        leaves(&whole, "", &mut paths);
        assert_eq!(paths.len(), fields, "{wallet}");
        for path in paths {
            let mut odd = whole.clone();
            *odd.pointer_mut(&path).unwrap() = serde_json::json!([[]]);
            let named = format!("{wallet}{}", path.replace('/', "."));
            assert_eq!(refused(make(&odd)), [named]);
            *odd.pointer_mut(&path).unwrap() = serde_json::Value::Null;
            assert_eq!(refused(make(&odd)), [] as [&str; 0], "{path}: nothing is required");
        }
        // What the wallet adds is passed on with the rest, to the last byte.
        let mut newer = whole.clone();
        newer["brandNew"] = serde_json::json!({"deep": [1.50]});
        let instrument = make(&newer).unwrap();
        assert!(!format!("{instrument:?}").contains("secret"));
        let order = CreatePayment { instrument: Some(instrument), ..order() };
        let body = request::create_payment(&order, Class::Moving).unwrap().body.unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(sent[wallet], newer);
        for text in ["", "null", "[]", "7", "{", "{} x"] {
            let made = if wallet == "googlePay" { GooglePay::new(text).err() } else { ApplePay::new(text).err() };
            assert_eq!(made.unwrap().to_string(), format!("{wallet} must be a JSON object"), "{text}");
        }
    }
}
