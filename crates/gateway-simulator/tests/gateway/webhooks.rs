//! Webhooks: what they say, where they go, how they are signed and how they travel (section 9).

use gateway_simulator::{PaymentState, Request, SignatureMode, Switches, WebhookDelivery, Which, sign};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, HOOK, OTHER_AUTH, SIGNING_KEY, ShopFloor, deposit, with};

#[test]
fn the_body_is_byte_for_byte_the_result_of_a_read() {
    let mut floor = ShopFloor::open();
    let customer = json!({ "firstName": "Zoë", "accountNumber": "77", "email": "zoe@shop.example" });
    floor.post(&with(deposit("order-1"), json!({ "customer": customer, "description": "Order 1" })));
    let id = floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap().id();
    let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();

    let read = floor.handle(&Request::get(&format!("/api/v1/payments/{id}"), AUTH));
    let read = String::from_utf8(read.answer.response().unwrap().body.to_vec()).unwrap();
    let told = std::str::from_utf8(&told.body).unwrap();
    assert!(told.starts_with("{\"id\":") && read.ends_with(&format!("\"result\":{told}}}")), "{told}\n{read}");
}

#[test]
fn it_is_signed_over_its_raw_bytes_with_the_shops_key() {
    let mut floor = ShopFloor::open();
    floor.paid_deposit("order-1");
    let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
    assert_eq!(told.signature, sign(SignatureMode::HexLower, SIGNING_KEY, &told.body));
    assert_eq!(told.signature.unwrap().len(), 64);
}

#[test]
fn signatures_equal_the_computed_vectors() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../gateway-client/tests/examples/90-signature-vectors.json")).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let signed = |mode| sign(mode, text("signingKey"), text("rawBody").as_bytes()).unwrap();
        assert_eq!(signed(SignatureMode::HexLower), text("hexLower"), "{}", text("name"));
        assert_eq!(signed(SignatureMode::HexUpper), text("hexLower").to_uppercase());
        assert_eq!(signed(SignatureMode::Base64), text("base64"));
        assert_ne!(signed(SignatureMode::WrongKey), text("hexLower"));
        assert_eq!(signed(SignatureMode::WrongKey).len(), 64);
    }
    assert_eq!(sign(SignatureMode::Absent, "key", b"{}"), None);
}

#[test]
fn it_is_signed_as_the_switch_or_the_prefix_says() {
    let modes = [
        (SignatureMode::HexUpper, "hook-upper-case-1"),
        (SignatureMode::Base64, "hook-base64-1"),
        (SignatureMode::WrongKey, "hook-forged-1"),
        (SignatureMode::Absent, "hook-unsigned-1"),
    ];
    for (signature, prefixed) in modes {
        let by_switch = ShopFloor::with(Switches { signature, ..Switches::default() });
        for (mut floor, reference) in [(by_switch, "order-1"), (ShopFloor::open(), prefixed)] {
            floor.paid_deposit(reference);
            let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
            assert_eq!(told.signature, sign(signature, SIGNING_KEY, &told.body), "{reference}");
            assert_ne!(told.signature, sign(SignatureMode::HexLower, SIGNING_KEY, &told.body), "{reference}");
        }
    }
}

#[test]
fn it_names_no_reference_if_the_switch_or_the_prefix_says_so() {
    let by_switch = ShopFloor::with(Switches { webhook_without_reference: true, ..Switches::default() });
    for (mut floor, reference) in [(by_switch, "order-1"), (ShopFloor::open(), "hook-nameless-1")] {
        let id = floor.paid_deposit(reference);
        let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
        let told: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!((told.get("referenceId"), &told["id"]), (None, &json!(id)));
        assert_eq!(floor.read(id)["referenceId"], reference, "reads name it still");
    }
}

#[test]
fn it_goes_to_the_payments_own_place_before_the_shops() {
    let mut floor = ShopFloor::open();
    floor.paid_deposit("order-1");
    floor.post(&with(deposit("order-2"), json!({ "webhookUrl": "https://elsewhere.example/hook" })));
    floor.engine.cancel(floor.now, Which::Reference("order-2")).unwrap();
    let urls: Vec<_> = floor.engine.take_due_deliveries(floor.now).into_iter().map(|it| it.url).collect();
    assert_eq!(urls, [HOOK, "https://elsewhere.example/hook"]);

    let body = deposit("order-3").to_string();
    floor.ask(&Request::post("/api/v1/payments", OTHER_AUTH, body.as_bytes()));
    floor.engine.pay(floor.now, Which::Reference("order-3"), None).unwrap();
    assert!(floor.engine.take_due_deliveries(floor.now).is_empty(), "the other shop names no place");
}

#[test]
fn every_end_is_told_once_and_nothing_else_is() {
    let mut floor = ShopFloor::open();
    floor.deposit("left-open");
    floor.paid_deposit("paid");
    let declined = floor.deposit("declined");
    floor.engine.pay(floor.now, Which::Id(declined), Some("4242424242424242")).unwrap();
    let cancelled = floor.deposit("cancelled");
    floor.engine.cancel(floor.now, Which::Id(cancelled)).unwrap();
    let states: Vec<_> = floor.engine.take_due_deliveries(floor.now).iter().map(|it| it.state).collect();
    assert_eq!(states, [PaymentState::Completed, PaymentState::Declined, PaymentState::Cancelled]);
    assert!(floor.engine.take_due_deliveries(floor.now).is_empty());
}

#[test]
fn the_switches_say_how_it_travels() {
    let leaves_after = |webhooks| {
        let mut floor = ShopFloor::with(Switches { webhooks, ..Switches::default() });
        floor.paid_deposit("order-1");
        let all = floor.engine.take_all_deliveries();
        all.iter().map(|it| (it.due_at - floor.now).num_milliseconds()).collect::<Vec<_>>()
    };
    assert_eq!(leaves_after(WebhookDelivery::Once), [0]);
    assert_eq!(leaves_after(WebhookDelivery::Twice), [0, 200]);
    assert_eq!(leaves_after(WebhookDelivery::Delayed { millis: 700 }), [700]);
    assert!(leaves_after(WebhookDelivery::Dropped).is_empty());
    assert!(matches!(leaves_after(WebhookDelivery::Shuffled { millis: 700 })[..], [0..=700]));
}

#[test]
fn shuffled_webhooks_overtake_one_another() {
    let webhooks = WebhookDelivery::Shuffled { millis: 60_000 };
    let mut floor = ShopFloor::with(Switches { webhooks, ..Switches::default() });
    let caused: Vec<_> = (0..20).map(|number| floor.paid_deposit(&format!("order-{number}"))).collect();
    floor.wait(60);
    let told: Vec<_> = floor.engine.take_due_deliveries(floor.now).iter().map(|it| it.payment_id).collect();
    assert_eq!(told.len(), caused.len());
    assert_ne!(told, caused);

    let mut floor = ShopFloor::open();
    let caused: Vec<_> = (0..20).map(|number| floor.paid_deposit(&format!("hook-shuffled-{number}"))).collect();
    floor.wait(10);
    let told: Vec<_> = floor.engine.take_due_deliveries(floor.now).iter().map(|it| it.payment_id).collect();
    assert_eq!(told.len(), caused.len());
    assert_ne!(told, caused);
}

#[test]
fn a_refused_one_comes_again_only_if_the_switch_says_so() {
    let mut floor = ShopFloor::open();
    floor.paid_deposit("order-1");
    let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
    assert!(!floor.engine.delivery_failed(floor.now, told.clone()));

    floor.engine.switches_mut().webhook_retries = 1;
    floor.engine.switches_mut().webhook_retry_pause_millis = 3_000;
    assert!(floor.engine.delivery_failed(floor.now, told.clone()));
    floor.wait(2);
    assert!(floor.engine.take_due_deliveries(floor.now).is_empty());
    floor.wait(1);
    let again = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
    assert_eq!((again.attempt, &again.body, &again.signature), (2, &told.body, &told.signature));
    assert!(!floor.engine.delivery_failed(floor.now, again), "one retry is one retry");

    let mut floor = ShopFloor::open();
    floor.paid_deposit("hook-retried-1");
    for _ in 0..3 {
        let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
        assert!(floor.engine.delivery_failed(floor.now, told));
        floor.wait(1);
    }
    let last = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
    assert_eq!(last.attempt, 4);
    assert!(!floor.engine.delivery_failed(floor.now, last));
}

#[test]
fn conversion_and_drift_change_the_figures() {
    let exchange = serde_json::from_str(r#"{"exchange":{"currency":"EUR","rate":0.9237}}"#).unwrap();
    let mut floor = ShopFloor::with(exchange);
    floor.post(&with(deposit("order-1"), json!({ "amount": 100, "currency": "USD" })));
    let id = floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap().id();
    let read = floor.read(id);
    assert_eq!((&read["amount"], &read["currency"]), (&serde_json::from_str("92.37").unwrap(), &json!("EUR")));
    assert_eq!((&read["customerAmount"], &read["customerCurrency"]), (&json!(100), &json!("USD")));

    let mut floor = ShopFloor::with(serde_json::from_str(r#"{"amountDrift":0.9875}"#).unwrap());
    let id = floor.paid_deposit("order-2");
    let read = floor.read(id);
    assert_eq!((&read["amount"], &read["currency"]), (&serde_json::from_str("118.5").unwrap(), &json!("EUR")));
    assert!(read.get("customerAmount").is_none());
}
