//! What is said of the interface: an `OpenAPI` 3.1 document, made of the routes and of the types that requests are read with and
//! answers are made of.

mod examples;
mod explorer;
mod fields;
mod operation;
mod operations;
mod wire;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
pub(super) use explorer::{explorer, explorer_file};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use strum::VariantArray as _;
pub(super) use wire::{Amount, As, Id, Moment, Object};

use self::operation::Tag;
use super::ROUTES;
use super::problem::ProblemBody;

const ABOUT: &str = "Payments through the gateway, each made exactly once and brought to a proven end.\n\n\
    Send `Authorization: Bearer KEY`. Amounts are exact decimals, as text. Times are RFC 3339 in UTC. Unknown fields and \
    parameters of a request are refused; unknown fields of an answer may appear. Every error is a `Problem` (RFC 9457), whose \
    `type` leads to a page about it. An answer of 202 says that something was taken whose outcome is not known yet: it resolves \
    itself; never order it again under another reference. A request that is given an `Idempotency-Key` is done once, where it says \
    that it takes one. A key may be bounded in how much it asks for: `RateLimit` says what is left, and 429 when to come again. \
    A `traceparent` (W3C Trace Context) is taken up: the payment keeps it, and whoever is told of the payment is sent one of the same \
    trace; one that is malformed counts as none.";

/// `GET /openapi.json`.
pub(super) async fn read() -> HttpResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type("application/json").body(TEXT.as_str())
}

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    schemas.subschema_for::<ProblemBody<'static>>();
    let mut paths = Map::new();
    for route in &ROUTES {
        if let Some(operation) = operations::operation(&route.method, route.path) {
            let path = paths.entry(route.path).or_insert_with(|| json!({}));
            path[route.method.as_str().to_lowercase()] = operation.named(route.key_use).write(&mut schemas);
        }
    }
    let told = operations::told().write(&mut schemas);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Payments", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": "/" }],
        "tags": Tag::VARIANTS.iter().map(|tag| json!({ "name": <&str>::from(tag), "description": tag.told() })).collect::<Vec<_>>(),
        "paths": paths,
        "webhooks": { "paymentChanged": { "post": told } },
        "components": {
            "securitySchemes": { "key": {
                "type": "http", "scheme": "bearer",
                "description": "A key with one of the scopes that are named, or `admin`. What lies outside of its shops is not found.",
            } },
            "headers": headers(),
            "schemas": schemas.take_definitions(true),
        },
    });
    examples::put_into(&mut document);
    document
}

/// Those that many answers have.
fn headers() -> Value {
    json!({
        "X-Request-Id": {
            "description": "The name of the request: its own `X-Request-Id`, or a new one.",
            "required": true, "schema": { "type": "string" },
        },
        "Idempotent-Replayed": {
            "description": "`true` if this is what the first request of this name was answered, or nothing was done for this one.",
            "schema": { "type": "string" },
        },
        "RateLimit": {
            "description": "How many requests the key has left, and in how many seconds it has more; only if it is bounded.",
            "schema": { "type": "string" },
        },
        "RateLimit-Policy": {
            "description": "How many requests the key may make at once, and in how many seconds it is given as many anew.",
            "schema": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_has_its_operation_and_every_operation_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        let document = document();
        for route in &ROUTES {
            let method = route.method.as_str().to_lowercase();
            let operation = &document["paths"][route.path][&method];
            let name = operation["operationId"].as_str();
            assert!(name.is_some_and(|name| names.insert(name.to_owned())), "{method} {}: {operation}", route.path);
            for member in ["summary", "tags", "security", "responses"] {
                assert!(!operation[member].is_null(), "{method} {} has no {member}", route.path);
            }
        }
    }

    #[test]
    fn what_stands_in_braces_is_what_is_told_as_a_part_of_the_path() {
        let document = document();
        for route in &ROUTES {
            let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let told: Vec<&str> =
                parameters.iter().filter(|one| one["in"] == "path").filter_map(|one| one["name"].as_str()).collect();
            let in_braces: Vec<&str> =
                route.path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
            assert_eq!(told, in_braces, "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(value: &Value, document: &Value) {
            if let Some(to) = value["$ref"].as_str() {
                assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
            }
            let members = value.as_object().into_iter().flat_map(Map::values);
            members.chain(value.as_array().into_iter().flatten()).for_each(|one| check(one, document));
        }
        let document = document();
        check(&document, &document);
    }
}
