//! Examples for the document, kept from what stories really sent and were answered. With `WRITE_EXAMPLES=1` they are written; without,
//! nothing is kept.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

static KEPT: LazyLock<Option<Mutex<Value>>> = LazyLock::new(|| {
    std::env::var_os("WRITE_EXAMPLES")?;
    let written = std::fs::read(path()).ok().and_then(|text| serde_json::from_slice(&text).ok());
    Some(Mutex::new(written.unwrap_or_else(|| json!({ "operations": {}, "problems": {} }))))
});

/// Enough of a list.
const ITEMS_MAX: usize = 2;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/http/document/examples.json")
}

/// Keeps an answer that is no problem, with the request that it answers.
pub(crate) fn keep(operation: &Value, status: u16, sent: Option<&Value>, media_type: &str, told: &Value) {
    let answer = match told {
        // The document is no example of itself.
        Value::Object(members) if media_type == "application/json" && !members.contains_key("openapi") => {
            let mut members = members.clone();
            if let Some(items) = members.get_mut("data").and_then(Value::as_array_mut) {
                if items.is_empty() {
                    return;
                }
                items.truncate(ITEMS_MAX);
            }
            Value::Object(members)
        }
        _ => Value::Null,
    };
    if sent.is_some_and(|sent| sent.get("card").is_some()) {
        return;
    }
    put(&["operations", id(operation), &status.to_string()], json!({ "request": sent, "answer": answer }));
}

/// Keeps that an answer has no body.
pub(crate) fn keep_empty(operation: &Value, status: u16) {
    put(&["operations", id(operation), &status.to_string()], json!({ "request": null, "answer": null }));
}

/// Keeps a problem.
pub(crate) fn keep_problem(told: &Value) {
    put(&["problems", told["code"].as_str().unwrap()], told.clone());
}

fn id(operation: &Value) -> &str {
    operation["operationId"].as_str().unwrap()
}

/// The shortest example says enough; one that shows what was sent says more.
fn put(place: &[&str], example: Value) {
    let Some(kept) = KEPT.as_ref() else { return };
    let mut kept = kept.lock().unwrap();
    let mut there = &mut *kept;
    for name in place {
        there = &mut there[*name];
    }
    let (shows, showed) = (!example["request"].is_null(), !there["request"].is_null());
    let is_shorter = example.to_string().len() < there.to_string().len();
    if there.is_null() || (shows && !showed) || (shows == showed && is_shorter) {
        *there = example;
        std::fs::write(path(), serde_json::to_string_pretty(&*kept).unwrap() + "\n").unwrap();
    }
}
