//! The document beside what the service does: each request and each answer of each story is held against it, and some of them
//! become its examples.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use api::http::{ROUTES, Route, document};
use jsonschema::Validator;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use crate::app::{Answer, CALLER_KEY, Kind, TestApp};
use crate::examples;

/// The document, with every object closed: what an answer may hold beyond it is for later releases, and nothing that this one may say.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = document();
    close(&mut document["components"]["schemas"]);
    document
});

/// What was sent.
pub(crate) struct Sent {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Sent {
    pub(crate) fn of(request: &reqwest::Request) -> Self {
        Self {
            method: request.method().as_str().to_owned(),
            path: request.url().path().to_owned(),
            query: request.url().query_pairs().into_owned().collect(),
            body: request.body().and_then(reqwest::Body::as_bytes).map(<[u8]>::to_vec),
        }
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }
}

/// Fails the story if what was sent and answered is not what the document says.
pub(crate) fn hold_against(sent: &Sent, status: u16, headers: &HeaderMap, body: &[u8]) {
    let Some(path) = path_of(sent) else { return };
    let operation = &DOCUMENT["paths"][path][sent.method.to_lowercase()];
    let place = format!("{} {path} answered {status}", sent.method);
    let response = &operation["responses"][status.to_string()];
    assert!(!response.is_null(), "{place}, which is not documented: {}", String::from_utf8_lossy(body));
    check_headers(&place, response, headers);
    let media_type = headers.get("content-type").and_then(|value| value.to_str().ok());
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    let Some(media_type) = media_type.filter(|_| !body.is_empty()) else {
        assert!(response["content"].is_null() || status == 304, "{place} without a body");
        examples::keep_empty(operation, status);
        return;
    };
    let content = response["content"].get(media_type).or_else(|| response["content"].get("*/*"));
    let content = content.unwrap_or_else(|| panic!("{place} with {media_type}, which is not documented"));
    let told = if media_type == "application/json" || media_type.ends_with("+json") {
        serde_json::from_slice(body).unwrap_or_else(|error| panic!("{place} with what is no JSON: {error}"))
    } else {
        json!(String::from_utf8_lossy(body))
    };
    assert_fits(&format!("{place} {media_type}"), &content["schema"], &told);
    if media_type == "application/problem+json" {
        let codes = response["x-problem-codes"].as_array().expect("codes");
        assert!(codes.contains(&told["code"]), "{place} with {}, which is not documented", told["code"]);
        examples::keep_problem(&told);
    } else {
        check_request(&place, operation, sent);
        examples::keep(operation, status, sent.json().as_ref(), media_type, &told);
    }
}

/// What was taken is what may be sent.
fn check_request(place: &str, operation: &Value, sent: &Sent) {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(given) = sent.json().filter(|_| !body.is_null()) {
        assert_fits(&format!("{place} for a body"), body, &given);
    }
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    for (name, value) in &sent.query {
        let name = name.split_once("metadata.").map_or(name.as_str(), |_| "metadata");
        let known = parameters.iter().find(|one| one["in"] == "query" && one["name"] == name);
        let schema = &known.unwrap_or_else(|| panic!("{place} for {name}, which is not documented"))["schema"];
        match schema["type"].as_str() {
            Some("object") => {}
            Some("array") => value.split(',').for_each(|one| assert_fits(place, &schema["items"], &json!(one))),
            Some("integer" | "boolean") => {
                assert_fits(place, schema, &serde_json::from_str(value).unwrap_or(Value::Null));
            }
            _ => assert_fits(place, schema, &json!(value)),
        }
    }
}

/// A header that an answer has, and that only some answers have, is one that is told of.
fn check_headers(place: &str, response: &Value, headers: &HeaderMap) {
    assert!(headers.contains_key("x-request-id"), "{place} without X-Request-Id");
    let told = response["headers"].as_object().cloned().unwrap_or_default();
    for name in [
        "location",
        "idempotent-replayed",
        "www-authenticate",
        "retry-after",
        "etag",
        "repr-digest",
        "ratelimit",
        "ratelimit-policy",
    ] {
        if headers.contains_key(name) {
            assert!(
                told.keys().any(|known| known.eq_ignore_ascii_case(name)),
                "{place} with {name}, which is not documented"
            );
        }
    }
}

/// The path of the route that a request takes: the one with the fewest names in braces, as it is with paths.
fn path_of(sent: &Sent) -> Option<&'static str> {
    let segments: Vec<&str> = sent.path.split('/').collect();
    let fits = |route: &Route| {
        let named: Vec<&str> = route.path.split('/').collect();
        route.method.as_str() == sent.method
            && named.len() == segments.len()
            && named.iter().zip(&segments).all(|(name, segment)| name == segment || name.starts_with('{'))
    };
    let paths = ROUTES.into_iter().filter(fits).map(|route| route.path);
    paths.min_by_key(|path| path.matches('{').count())
}

fn assert_fits(place: &str, schema: &Value, value: &Value) {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let known = KNOWN.lock().unwrap().entry(schema.to_string()).or_insert_with(|| Arc::new(validator(schema))).clone();
    let wrong: Vec<String> =
        known.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(wrong.is_empty(), "{place} with what is not documented:\n{}\n{value}", wrong.join("\n"));
}

fn validator(schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = DOCUMENT["components"].clone();
    jsonschema::options().should_validate_formats(true).build(&root).unwrap()
}

/// Lets no object have members beside its properties.
fn close(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        if members.contains_key("properties")
            && !members.contains_key("additionalProperties")
            && members.contains_key("type")
        {
            members.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        members.values_mut().for_each(close);
    } else if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(close);
    }
}

/// A body with nothing but one field that is documented is not refused for having it, and one with a field that is not, is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_that_is_documented_is_read_and_no_other() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let is_unknown = |answer: &Answer, pointer: &str| {
        let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().any(|error| error["pointer"] == pointer && error["detail"] == "is not a field of this request")
    };
    let mut fields = 0;
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(properties) = schema["properties"].as_object() else { continue };
            let mut left: BTreeSet<String> =
                properties.iter().flat_map(|(name, field)| pointers(name, field)).collect();
            fields += left.len();
            let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{id}", &id).replace("{name}", "payouts");
            // Some fields go with one action only.
            let actions =
                schema["properties"]["action"]["enum"].as_array().cloned().unwrap_or_else(|| vec![Value::Null]);
            for action in actions {
                let mut whole: Map<String, Value> =
                    properties.iter().map(|(name, field)| (name.clone(), nonsense(field))).collect();
                whole.insert("curency".to_owned(), json!("EUR"));
                if properties.contains_key("action") {
                    whole.insert("action".to_owned(), action);
                }
                let request = app.http.request(method.clone(), app.at(&path)).bearer_auth(CALLER_KEY);
                let answer = app.send(request.json(&whole)).await;
                if answer.status == 404 {
                    left.clear();
                    continue;
                }
                answer.assert_problem("invalid-request");
                left.retain(|pointer| is_unknown(&answer, pointer));
                assert!(is_unknown(&answer, "/curency"), "{path} takes whatever comes: {answer:?}");
            }
            assert!(left.is_empty(), "{path} does not know {left:?}");
        }
    }
    assert!(fields > 100, "{fields}");
}

/// A field, and those within it.
fn pointers(name: &str, field: &Value) -> Vec<String> {
    let within = field["properties"].as_object().into_iter().flat_map(Map::keys);
    std::iter::once(format!("/{name}")).chain(within.map(|inner| format!("/{name}/{inner}"))).collect()
}

/// What no field takes.
fn nonsense(field: &Value) -> Value {
    let within = field["properties"].as_object().into_iter().flat_map(Map::keys);
    let within: Map<String, Value> = within.map(|name| (name.clone(), json!([[]]))).collect();
    if within.is_empty() { json!([[]]) } else { within.into() }
}

/// The document is served to everybody, and so is the page on which it is read, which fetches nothing from elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_and_the_page_about_it_are_served_by_the_program_alone() {
    let app = TestApp::start(Kind::Sqlite).await;
    let served = app.send(app.http.get(app.at("/openapi.json"))).await;
    assert_eq!((served.status, served.body), (200, document()));
    let page = app.send(app.http.get(app.at("/docs"))).await;
    let text = page.body.as_str().unwrap();
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
    let sources = text.split(['"']).filter(|part| part.starts_with('/') && part.len() > 1);
    let mut files = 0;
    for source in sources {
        let file = app.http.get(app.at(source)).send().await.unwrap();
        assert_eq!(file.status(), 200, "{source}");
        assert!(!file.bytes().await.unwrap().is_empty(), "{source}");
        files += 1;
    }
    assert_eq!(files, 5, "{text}");
    assert!(!text.contains("http:") && !text.contains("https:"), "{text}");
    let starter = app.send(app.http.get(app.at("/docs/swagger-initializer.js"))).await.body;
    assert!(starter.as_str().unwrap().contains("/openapi.json"), "{starter}");
    app.send(app.http.get(app.at("/docs/nothing.js"))).await.assert_problem("not-found");
}
