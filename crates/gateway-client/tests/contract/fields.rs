//! Every field of every example body, missing, null, or of another type: only what names the payment is needed, and
//! nothing else is made up or lost.

use gateway_client::answer::{
    CreateOutcome, ListOutcome, RawAnswer, ReadOutcome, classify_command, classify_create, read_balances, read_list,
    read_operations, read_payment, read_webhook,
};
use serde_json::{Value, json};

use crate::examples;

/// The JSON pointers of everything within a body.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, child) in children {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        into.push(pointer.clone());
        pointers(child, &pointer, into);
    }
}

/// What may stand where something else should.
fn strangers() -> Vec<Value> {
    let long = "x".repeat(5_000);
    vec![
        json!(null),
        json!(true),
        json!(7),
        json!(-1.5e300),
        json!("CARRIER_PIGEON"),
        json!(""),
        json!(long),
        json!([]),
        json!([[1], null, {}]),
        json!({}),
        json!({ "id": 7, "deep": { "deeper": [null] } }),
    ]
}

fn with(body: &Value, pointer: &str, stranger: Value) -> Vec<u8> {
    let mut body = body.clone();
    *body.pointer_mut(pointer).unwrap() = stranger;
    serde_json::to_vec(&body).unwrap()
}

fn without(body: &Value, pointer: &str) -> Option<Vec<u8>> {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut body = body.clone();
    body.pointer_mut(parent).unwrap().as_object_mut()?.remove(name)?;
    Some(serde_json::to_vec(&body).unwrap())
}

fn bodies(ending: &str) -> impl Iterator<Item = (String, Value)> + '_ {
    examples::names().into_iter().filter(move |name| name.ends_with(ending)).map(|name| {
        let body = examples::json(&name);
        (name, body)
    })
}

/// Reads a body by every reader that answers are read by, and answers what a creating POST makes of it.
fn read_by_all(body: &[u8]) -> CreateOutcome {
    let answer = || Ok(RawAnswer::new(200, body.to_vec()));
    let _ = (classify_command(answer()), read_operations(answer()), read_balances(answer()));
    if let ReadOutcome::Found { result, .. } = read_payment(answer()) {
        assert!(!result.id.as_str().is_empty());
    }
    if let ListOutcome::Page { payments, .. } = read_list(answer()) {
        assert!(payments.iter().all(|payment| !payment.id.as_str().is_empty()));
    }
    classify_create(answer())
}

#[test]
fn an_answer_is_read_as_long_as_it_names_the_payment() {
    let mut tried = 0;
    for (name, body) in bodies(".response.json").filter(|(_, body)| body["result"].is_object()) {
        let mut all = Vec::new();
        pointers(&body, "", &mut all);
        for pointer in all {
            let needed = ["/result", "/result/id"].contains(&pointer.as_str());
            let absent = without(&body, &pointer).map(|body| read_by_all(&body));
            for stranger in strangers() {
                tried += 1;
                let what = format!("{name}{pointer} is {}", stranger.to_string().get(..40).unwrap_or("short"));
                let outcome = read_by_all(&with(&body, &pointer, stranger.clone()));
                let accepted = matches!(outcome, CreateOutcome::Accepted { .. });
                assert!(accepted || needed, "{what}: {outcome:?}");
                if stranger.is_null() && absent.is_some() {
                    assert_eq!(Some(&outcome), absent.as_ref(), "absent and null are one: {what}");
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[test]
fn a_webhook_is_read_as_long_as_it_names_the_payment() {
    let mut tried = 0;
    for (name, body) in bodies(".webhook.json") {
        let mut all = Vec::new();
        pointers(&body, "", &mut all);
        for pointer in all {
            let absent = without(&body, &pointer).map(|body| read_webhook(&body));
            for stranger in strangers() {
                tried += 1;
                let read = read_webhook(&with(&body, &pointer, stranger.clone()));
                assert!(read.is_ok() || pointer == "/id", "{name}{pointer}: {read:?}");
                if stranger.is_null() && absent.is_some() {
                    assert_eq!(Some(&read), absent.as_ref(), "absent and null are one: {name}{pointer}");
                }
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn what_is_no_amount_is_none_and_takes_nothing_else_with_it() {
    let whole = examples::json("10-completed-fx.webhook.json");
    let expected = read_webhook(&examples::bytes("10-completed-fx.webhook.json")).unwrap();
    for stranger in [json!(true), json!([7]), json!({ "value": 7 }), json!("seven"), json!(-1.5e300), json!("NaN")] {
        let read = read_webhook(&with(&whole, "/amount", stranger.clone())).unwrap();
        assert_eq!(read.amount, None, "{stranger}");
        assert_eq!((read.currency, read.state), (expected.currency.clone(), expected.state.clone()), "{stranger}");
        assert_eq!(read.customer_amount, expected.customer_amount, "{stranger}");
    }
}
