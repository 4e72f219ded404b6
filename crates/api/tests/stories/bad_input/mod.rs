//! Whatever a caller sends: a problem that names the field, or a closed connection; never a 5xx, never the caller's
//! value in an answer, and never a neighbour's request failing with it.

mod amounts;
mod bodies;
mod fields;
mod heads;
mod means;
mod parameters;
mod paths;

use serde_json::{Value, json};

use crate::app::{Answer, CALLER_KEY, TestApp};

/// Stands in every text that is wrong, and must not come back.
const CANARY: &str = "Xk7CanaryXk7";

/// The order as JSON text, with the member at `pointer` set to what stands in `value`, JSON or not.
pub(crate) fn with(order: &Value, pointer: &str, value: &str) -> String {
    const PLACE: &str = "\u{e000}";
    let mut order = order.clone();
    let mut at = &mut order;
    let names: Vec<String> =
        pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    for name in &names {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name.as_str()];
    }
    *at = json!(PLACE);
    order.to_string().replace(&format!("\"{PLACE}\""), value)
}

pub(crate) async fn post_bytes(app: &TestApp, body: Vec<u8>) -> Answer {
    let request = app.http.post(app.at("/v1/payments")).bearer_auth(CALLER_KEY);
    app.send(request.header("content-type", "application/json").body(body)).await
}
