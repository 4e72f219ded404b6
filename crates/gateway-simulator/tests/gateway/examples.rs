//! Answers and webhooks beside the contract's example bodies: same names, same JSON types.

use gateway_simulator::{Request, Switches, Which};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, ShopFloor, with};

macro_rules! example {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../examples/", $name, ".json"))).unwrap()
    };
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Everything that the example has is there, with the same type; `but` names what the simulator never says.
fn covers(ours: &Value, example: &Value, but: &[&str], at: &str) {
    assert_eq!(kind(ours), kind(example), "{at}: {ours}");
    match (ours, example) {
        (Value::Object(ours), Value::Object(example)) => {
            for (name, value) in example.iter().filter(|(name, _)| !but.contains(&name.as_str())) {
                let found = ours.get(name).unwrap_or_else(|| panic!("{at}.{name} is missing"));
                covers(found, value, but, &format!("{at}.{name}"));
            }
        }
        (Value::Array(ours), Value::Array(example)) => {
            for (index, value) in example.iter().enumerate() {
                covers(&ours[index], value, but, &format!("{at}[{index}]"));
            }
        }
        _ => {}
    }
}

/// The same names and types on both sides, nothing more and nothing less.
fn same_shape(ours: &Value, example: &Value) {
    covers(ours, example, &[], "ours");
    covers(example, ours, &[], "example");
}

fn post(floor: &mut ShopFloor, body: &Value) -> Value {
    let (status, answer) = floor.post(body);
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn the_answers_to_a_creation() {
    let request = example!("01-deposit-create.request");
    same_shape(&post(&mut ShopFloor::open(), &request), &example!("01-deposit-create.response"));

    let mut sparse = ShopFloor::with(Switches { sparse_creation: true, ..Switches::default() });
    same_shape(&post(&mut sparse, &request), &example!("02-deposit-sparse.response"));
}

#[test]
fn the_answer_to_a_refund() {
    let mut floor = ShopFloor::open();
    let deposit = floor.paid_deposit("order-1");
    let request = with(example!("06-refund-create.request"), json!({ "parentPaymentId": deposit.to_string() }));
    same_shape(&post(&mut floor, &request), &example!("06-refund-create.response"));
}

#[test]
fn the_answer_to_a_patch() {
    let mut floor = ShopFloor::open();
    let created = post(&mut floor, &example!("03-h2h-create.request"));
    let target = format!("/api/v1/payments/{}", created["result"]["id"].as_str().unwrap());
    let body = example!("03-h2h-patch.request").to_string();
    let (_, answer) = floor.ask(&Request::patch(&target, AUTH, body.as_bytes()));
    // The example's provider says until when its code is good; the keys are the provider's own.
    covers(&answer, &example!("03-h2h-patch.response"), &["expiresAt"], "patch");
}

#[test]
fn a_declined_card() {
    let mut floor = ShopFloor::open();
    let card = json!({ "cardNumber": "4242424242424242", "cardholderName": "John Doe",
                       "expiryMonth": "01", "expiryYear": "2030" });
    let example = example!("08-get-declined-card.response");
    let order = json!({
        "paymentType": "DEPOSIT", "currency": "EUR", "amount": 15, "referenceId": "payment-123", "card": card,
        "description": "Deposit via TEST shop",
        "customer": example["result"]["customer"], "billingAddress": example["result"]["billingAddress"],
    });
    let created = post(&mut floor, &order);
    floor.engine.pay(floor.now, Which::Reference("payment-123"), None).unwrap();
    let (_, read) = floor.get(&format!("/api/v1/payments/{}", created["result"]["id"].as_str().unwrap()));
    let unsaid = ["cardToken", "cardIssuingCountryCode", "customerAmount", "customerCurrency", "externalResultCode"];
    covers(&read, &example, &unsaid, "read");
    assert_eq!(read["result"]["customer"], example["result"]["customer"]);
    assert_eq!(read["result"]["billingAddress"], example["result"]["billingAddress"]);
}

#[test]
fn the_webhooks() {
    let told = |switches: &str, order: &Value, end: fn(&mut ShopFloor)| {
        let mut floor = ShopFloor::with(serde_json::from_str(switches).unwrap());
        post(&mut floor, order);
        end(&mut floor);
        let delivery = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
        serde_json::from_slice::<Value>(&delivery.body).unwrap()
    };
    let order = |amount: u32, currency: &str, method: &str| {
        json!({ "paymentType": "DEPOSIT", "currency": currency, "amount": amount, "paymentMethod": method,
                "referenceId": "order-1", "webhookUrl": "https://shop.example/hook",
                "card": { "cardNumber": "4000000000000408", "cardholderName": "Lee Tan",
                          "expiryMonth": "07", "expiryYear": "2031" } })
    };
    let pay = |floor: &mut ShopFloor| {
        floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap();
    };

    let timed_out = told(r#"{"webhookWithoutReference":true}"#, &order(2000, "CLP", "BANKTRANSFER"), |floor| {
        floor.wait(60 * 60);
    });
    let example = example!("09-cancelled-timeout.webhook");
    covers(&timed_out, &example, &[], "timed out");
    for field in ["state", "paymentMethod", "amount", "currency", "errorCode", "errorMessage"] {
        assert_eq!(timed_out[field], example[field], "{field}");
    }
    assert!(timed_out.get("referenceId").is_none());

    let exchanged = told(r#"{"exchange":{"currency":"EUR","rate":0.9237}}"#, &order(100, "USD", "BASIC_CARD"), pay);
    let example = example!("10-completed-fx.webhook");
    let unsaid = [
        "cardIssuingCountryCode",
        "cardIssuingOrganization",
        "externalResultCode",
        "externalFeeAmount",
        "externalFeeCurrency",
    ];
    covers(&exchanged, &example, &unsaid, "exchanged");
    for field in ["amount", "currency", "customerAmount", "customerCurrency"] {
        assert_eq!(exchanged[field], example[field], "{field}");
    }

    let drifted = told(r#"{"amountDrift":0.9875}"#, &order(120, "BRL", "PIX"), pay);
    let example = example!("11-completed-amount-drift.webhook");
    covers(&drifted, &example, &["externalRefs"], "drifted");
    assert_eq!((&drifted["amount"], &drifted["currency"]), (&example["amount"], &example["currency"]));
}

#[test]
fn a_page_of_a_list() {
    let mut floor = ShopFloor::open();
    let order = with(
        example!("01-deposit-create.request"),
        json!({ "customer": example!("12-list-page.response")["result"][0]["customer"] }),
    );
    for _ in 0..3 {
        post(&mut floor, &order);
        floor.wait(1);
    }
    let ids: Vec<_> = floor.engine.payments().iter().map(gateway_simulator::Payment::id).collect();
    floor.engine.cancel(floor.now, Which::Id(ids[1])).unwrap();
    floor.engine.pay(floor.now, Which::Id(ids[2]), None).unwrap();
    let (_, page) = floor.get("/api/v1/payments?limit=2&referenceId.eq=po-7f3a2c-1");
    covers(&page, &example!("12-list-page.response"), &[], "page");
    assert_eq!(page["hasMore"], true);
}

#[test]
fn the_errors() {
    let mut floor = ShopFloor::open();
    let order = json!({ "paymentType": "DEPOSIT", "amount": 1, "customer": { "locale": "deu" } });
    let (_, mut refused) = floor.post(&order);
    let mut example = example!("13-error-400-validation");
    same_shape(&refused, &example);
    refused["timestamp"].take();
    example["timestamp"].take();
    assert_eq!(refused, example, "here even the words are the example's");

    let (_, unknown) = floor.ask(&Request::get("/api/v1/payments", "Bearer nobody"));
    same_shape(&unknown, &example!("14-error-401"));
    let (_, missing) = floor.get("/api/v1/payments/00000000000000000000000000000000");
    let example = example!("15-error-404");
    same_shape(&missing, &example);
    assert_eq!((&missing["message"], &missing["path"]), (&example["message"], &example["path"]));
}
