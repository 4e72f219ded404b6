//! Answers and webhooks beside the contract's example bodies: same names, same JSON types.

use gateway_simulator::{Request, Switches, Which};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, ShopFloor, with};

macro_rules! example {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../gateway-client/tests/examples/", $name, ".json")))
            .unwrap()
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

fn act(floor: &mut ShopFloor, id: &str, action: &str, body: &Value) -> Value {
    let (status, answer) =
        floor.ask(&Request::post(&format!("/api/v1/payments/{id}/{action}"), AUTH, body.to_string().as_bytes()));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn id_of(answer: &Value) -> String {
    answer["result"]["id"].as_str().unwrap().to_owned()
}

/// A card's issuer is known to a provider only, and a token is given out by a list of its own.
const UNSAID_OF_A_CARD: [&str; 2] = ["cardToken", "cardIssuingCountryCode"];

#[test]
fn a_withdrawal_and_one_that_is_held_and_rejected() {
    let mut floor = ShopFloor::open();
    let created = post(&mut floor, &example!("04-withdrawal-create.request"));
    same_shape(&created, &example!("04-withdrawal-create.response"));

    let mut floor = ShopFloor::with(Switches { hold_withdrawals: true, ..Switches::default() });
    let order = json!({
        "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 9000, "referenceId": "pay-out-3390-1",
        "paymentMethod": "BASIC_CARD",
        "card": { "cardNumber": "4000000000000002", "cardholderName": "Ivo Marin", "expiryMonth": "01",
                  "expiryYear": "2030" },
    });
    let id = id_of(&post(&mut floor, &order));
    let (_, held) = floor.get(&format!("/api/v1/payments/{id}"));
    let example = example!("05-withdrawal-awaiting-approval.response");
    covers(&held, &example, &UNSAID_OF_A_CARD, "held");
    assert_eq!(held["result"]["paymentMethodDetails"]["customerAccountNumber"], "400000***0002");

    let rejected = act(&mut floor, &id, "reject", &example!("05-withdrawal-reject.request"));
    let example = example!("05-withdrawal-reject.response");
    covers(&rejected, &example, &UNSAID_OF_A_CARD, "rejected");
    for field in ["state", "amount", "errorCode", "errorMessage", "externalResultCode"] {
        assert_eq!(rejected["result"][field], example["result"][field], "{field}");
    }
}

#[test]
fn an_authorization_and_its_capture_in_part() {
    let mut floor = ShopFloor::open();
    let card = json!({ "card": { "cardNumber": "5555000000000107", "cardholderName": "Jo Hale", "expiryMonth": "11",
                                 "expiryYear": "2029" } });
    let id = id_of(&post(&mut floor, &with(example!("07-preauth-create.request"), card)));
    floor.engine.pay(floor.now, Which::Reference("rent-551-1"), None).unwrap();
    let told = floor.engine.take_due_deliveries(floor.now).pop().unwrap();
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    let example = example!("07-preauth-authorized.webhook");
    covers(&told, &example, &UNSAID_OF_A_CARD, "authorized");
    assert_eq!((&told["state"], &told["amount"]), (&example["state"], &example["amount"]));

    let captured = act(&mut floor, &id, "capture", &json!({ "amount": 180.5 }));
    let example = example!("07-preauth-capture.response");
    covers(&captured, &example, &UNSAID_OF_A_CARD, "captured");
    for field in ["state", "amount", "currency", "preAuth"] {
        assert_eq!(captured["result"][field], example["result"][field], "{field}");
    }
}

#[test]
fn the_trail_the_balances_and_a_chargeback() {
    let mut floor = ShopFloor::open();
    let created = post(&mut floor, &example!("01-deposit-create.request"));
    let id = id_of(&created);
    let reference = created["result"]["referenceId"].as_str().unwrap();
    floor.engine.pay(floor.now, Which::Reference(reference), None).unwrap();
    let disputed = act(&mut floor, &id, "chargebacks", &example!("18-chargeback.request"));
    covers(&disputed, &example!("18-chargeback.response"), &[], "disputed");

    let (_, mut trail) = floor.get(&format!("/api/v1/payments/{id}/operations"));
    let mut example = example!("16-operations.response");
    // Which steps there are is the engine's own affair; each of them has the sample's form.
    let sample = example["result"][1].take();
    for step in trail["result"].as_array_mut().unwrap() {
        covers(step, &sample, &["outgoingMessages", "incomingMessages"], "step");
    }

    let (_, balances) = floor.get("/api/v1/balances");
    covers(&balances, &example!("17-balances.response"), &[], "balances");
}

/// Which test brings the simulator to say it; requests are what those tests send.
const PRODUCED_BY: [(&str, &str); 30] = [
    ("01-deposit-create.request", "the_answers_to_a_creation"),
    ("01-deposit-create.response", "the_answers_to_a_creation"),
    ("02-deposit-sparse.response", "the_answers_to_a_creation"),
    ("03-h2h-create.request", "the_answer_to_a_patch"),
    ("03-h2h-patch.request", "the_answer_to_a_patch"),
    ("03-h2h-patch.response", "the_answer_to_a_patch"),
    ("04-withdrawal-create.request", "a_withdrawal_and_one_that_is_held_and_rejected"),
    ("04-withdrawal-create.response", "a_withdrawal_and_one_that_is_held_and_rejected"),
    ("05-withdrawal-awaiting-approval.response", "a_withdrawal_and_one_that_is_held_and_rejected"),
    ("05-withdrawal-reject.request", "a_withdrawal_and_one_that_is_held_and_rejected"),
    ("05-withdrawal-reject.response", "a_withdrawal_and_one_that_is_held_and_rejected"),
    ("06-refund-create.request", "the_answer_to_a_refund"),
    ("06-refund-create.response", "the_answer_to_a_refund"),
    ("07-preauth-authorized.webhook", "an_authorization_and_its_capture_in_part"),
    ("07-preauth-capture.response", "an_authorization_and_its_capture_in_part"),
    ("07-preauth-create.request", "an_authorization_and_its_capture_in_part"),
    ("08-get-declined-card.response", "a_declined_card"),
    ("09-cancelled-timeout.webhook", "the_webhooks"),
    ("10-completed-fx.webhook", "the_webhooks"),
    ("11-completed-amount-drift.webhook", "the_webhooks"),
    ("12-list-page.response", "a_page_of_a_list"),
    ("13-error-400-validation", "the_errors"),
    ("14-error-401", "the_errors"),
    ("15-error-404", "the_errors"),
    ("16-operations.response", "the_trail_the_balances_and_a_chargeback"),
    ("17-balances.response", "the_trail_the_balances_and_a_chargeback"),
    ("18-chargeback.request", "the_trail_the_balances_and_a_chargeback"),
    ("18-chargeback.response", "the_trail_the_balances_and_a_chargeback"),
    // A body that no engine sends: it is there for those who read.
    ("20-tolerance-odd.webhook", ""),
    ("90-signature-vectors", "webhooks::signatures_equal_the_computed_vectors"),
];

#[test]
fn every_example_is_produced_by_a_test_that_there_is() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway-client/tests/examples");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".json", ""))
        .collect();
    files.sort();
    assert_eq!(files, PRODUCED_BY.map(|(file, _)| file));
    let tests = crate::names_of_tests();
    for (file, test) in PRODUCED_BY {
        let name = if test.contains("::") { test.to_owned() } else { format!("examples::{test}") };
        assert!(test.is_empty() || tests.contains(&name), "{file}: there is no test {name}");
    }
}
