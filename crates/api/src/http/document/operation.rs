//! One operation of the document: what is said of a route.

use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use store::Scope;
use strum::VariantArray as _;

use super::wire::{IdempotencyKey, Limit, Version, Wire};
use crate::http::KeyUse;
use crate::http::problem::Kind;

/// The chapters of the document, in their order.
#[derive(Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
pub(super) enum Tag {
    Payments,
    Events,
    Finance,
    #[strum(serialize = "On-call")]
    OnCall,
    Keys,
    Gateway,
    Service,
}

impl Tag {
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Payments => "Take payments, follow them, give them back.",
            Self::Events => "Hear of every change of a payment's state, by asking or by being told.",
            Self::Finance => "Hold our records against the gateway's, and export them.",
            Self::OnCall => "Find out what needs a person, and decide it.",
            Self::Keys => "Who may call, what for, and from where.",
            Self::Gateway => "What the gateway calls, and what only it knows.",
            Self::Service => "The service itself: its health, its figures, this document.",
        }
    }
}

/// What is said of a route.
pub(super) struct Operation {
    id: &'static str,
    tag: Tag,
    summary: &'static str,
    about: &'static str,
    /// One of these opens it; empty where no key is asked for.
    scopes: Vec<Scope>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Answer>,
    /// By status, name, and what they say.
    headers: Vec<(u16, &'static str, &'static str)>,
    problems: Vec<Kind>,
    /// The same request under the same name is answered as the first one was.
    is_repeated: bool,
}

struct Answer {
    told: &'static str,
    /// By media type.
    content: Vec<(&'static str, SchemaOf)>,
}

/// A body in JSON, by its media type.
fn in_json(schema: Value) -> Value {
    let within = |name: &str, value| Value::Object([(name.to_owned(), value)].into_iter().collect());
    within("application/json", within("schema", schema))
}

/// What makes the schema of a type.
type SchemaOf = fn(&mut SchemaGenerator) -> Value;

/// What any request with a key may meet.
const WITH_A_KEY: [Kind; 7] = [
    Kind::InvalidRequest,
    Kind::Unauthorized,
    Kind::MissingScope,
    Kind::NetworkNotAllowed,
    Kind::RateLimited,
    Kind::StoreUnavailable,
    Kind::Internal,
];
/// What any request with a name of its own may meet. Its body is read before the name is held against what is remembered,
/// whether anything is made of it or not.
const WITH_A_NAME: [Kind; 4] =
    [Kind::IdempotencyKeyInFlight, Kind::MalformedBody, Kind::BodyTooLarge, Kind::BodyTooSlow];
/// What any request with a body may meet.
const WITH_A_BODY: [Kind; 5] =
    [Kind::MalformedBody, Kind::InvalidRequest, Kind::UnsupportedMediaType, Kind::BodyTooLarge, Kind::BodyTooSlow];

impl Operation {
    /// For whoever has a key with one of these scopes.
    pub(super) fn with_key(id: &'static str, tag: Tag, scopes: &[Scope], summary: &'static str) -> Self {
        Self { scopes: scopes.to_vec(), ..Self::open(id, tag, summary) }.problems(&WITH_A_KEY)
    }

    /// For everybody.
    pub(super) fn open(id: &'static str, tag: Tag, summary: &'static str) -> Self {
        Self {
            id,
            tag,
            summary,
            about: "",
            scopes: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            headers: Vec::new(),
            problems: Vec::new(),
            is_repeated: false,
        }
    }

    /// More than fits into its summary.
    pub(super) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// A part of its path. What cannot be one is not found.
    pub(super) fn path<T: Wire>(self, name: &'static str, told: &str) -> Self {
        self.parameter(
            json!({ "name": name, "in": "path", "required": true, "description": told, "schema": T::schema() }),
        )
        .problems(&[Kind::NotFound])
    }

    /// The id in its path.
    pub(super) fn of(self, told: &str) -> Self {
        self.path::<uuid::Uuid>("id", told)
    }

    /// A parameter of its query.
    pub(super) fn query<T: Wire>(self, name: &'static str, told: &str) -> Self {
        self.parameter(json!({ "name": name, "in": "query", "description": told, "schema": T::schema() }))
    }

    /// One that may have several values, with commas between them or one by one.
    pub(super) fn several<T: Wire>(self, name: &'static str, told: &str) -> Self {
        self.parameter(json!({
            "name": name, "in": "query", "description": told, "style": "form", "explode": false,
            "schema": { "type": "array", "minItems": 1, "maxItems": 50, "items": T::schema() },
        }))
    }

    /// A header of the request.
    pub(super) fn header(self, name: &'static str, needed: bool, told: &str, schema: &Value) -> Self {
        self.parameter(
            json!({ "name": name, "in": "header", "required": needed, "description": told, "schema": schema }),
        )
    }

    /// It may be bound to a version, as `ETag` names it.
    pub(super) fn of_a_version(self, told: &str) -> Self {
        self.header("If-Match", false, told, &Version::schema()).problems(&[Kind::VersionChanged])
    }

    /// What an `Idempotency-Key` is to it, as its route says.
    pub(super) fn named(self, key_use: KeyUse) -> Self {
        match key_use {
            KeyUse::None | KeyUse::Refused => self,
            KeyUse::OfReference => self.takes_a_name("another name of `referenceId`: it goes with no other order"),
            KeyUse::OfRequest => {
                let told = "names the request: it is done once, and the same again is answered as the first one was";
                Self { is_repeated: true, ..self.takes_a_name(told).problems(&WITH_A_NAME) }
            }
        }
    }

    fn takes_a_name(self, told: &str) -> Self {
        self.header("Idempotency-Key", false, told, &IdempotencyKey::schema()).problems(&[Kind::IdempotencyKeyReused])
    }

    /// The parameters of a list that has pages.
    pub(super) fn paged<Cursor: Wire>(self) -> Self {
        self.query::<Limit>("limit", "how many items a page may have")
            .query::<Cursor>("cursor", "`nextCursor` of the page before")
    }

    /// Its body, in JSON.
    pub(super) fn body(self, schema: Value) -> Self {
        self.content(true, in_json(schema))
    }

    /// A body that may be left out.
    pub(super) fn optional_body(self, schema: Value) -> Self {
        self.content(false, in_json(schema))
    }

    /// A body by its media types.
    pub(super) fn content(self, needed: bool, content: Value) -> Self {
        self.raw_body(needed, content).problems(&WITH_A_BODY)
    }

    /// A body that is taken as it comes.
    pub(super) fn raw_body(self, needed: bool, content: Value) -> Self {
        let body = [("required".to_owned(), needed.into()), ("content".to_owned(), content)];
        Self { body: Some(Value::Object(body.into_iter().collect())), ..self }
    }

    /// It is answered like this with a `View`.
    pub(super) fn answers<View: JsonSchema>(self, status: u16, told: &'static str) -> Self {
        let schema: SchemaOf = |schemas| schemas.subschema_for::<View>().to_value();
        self.answer(status, told).also(status, "application/json", schema)
    }

    /// It is answered with something else than JSON.
    pub(super) fn answers_as(self, media_type: &'static str, status: u16, told: &'static str) -> Self {
        self.answer(status, told).answers_also_as(media_type, status)
    }

    /// Or with this.
    pub(super) fn answers_also_as(self, media_type: &'static str, status: u16) -> Self {
        self.also(status, media_type, |_| json!({ "type": "string" }))
    }

    /// It is answered with nothing.
    pub(super) fn answers_empty(self, status: u16, told: &'static str) -> Self {
        self.answer(status, told)
    }

    fn answer(mut self, status: u16, told: &'static str) -> Self {
        self.answers.insert(status, Answer { told, content: Vec::new() });
        self
    }

    fn also(mut self, status: u16, media_type: &'static str, schema: SchemaOf) -> Self {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer.content.push((media_type, schema));
        }
        self
    }

    /// The answer of this status has this header, or may have it.
    pub(super) fn saying(mut self, status: u16, name: &'static str, told: &'static str) -> Self {
        self.headers.push((status, name, told));
        self
    }

    /// What else it may meet.
    pub(super) fn problems(mut self, kinds: &[Kind]) -> Self {
        self.problems.extend(kinds);
        self
    }

    /// A parameter of an unusual kind.
    pub(super) fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// As the document has it.
    pub(super) fn write(self, schemas: &mut SchemaGenerator) -> Value {
        let repeated = self.repeated();
        let mut operation = json!({
            "operationId": self.id,
            "tags": [<&str>::from(self.tag)],
            "summary": self.summary,
        });
        if !self.about.is_empty() {
            operation["description"] = self.about.into();
        }
        // One of several scopes opens it, so each is a requirement of its own.
        operation["security"] = self.scopes.iter().map(|scope| json!({ "key": [scope.to_string()] })).collect();
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        let mut responses = problem_responses(&self.problems);
        for (status, answer) in self.answers {
            // The same status may be an answer and a problem: what the two have in common is the status alone.
            let problem = responses.remove(&status.to_string());
            responses.insert(status.to_string(), answer.write(problem, schemas));
        }
        for status in repeated {
            if let Some(response) = responses.get_mut(&status.to_string()) {
                refer(response, "Idempotent-Replayed");
            }
        }
        if !self.scopes.is_empty() {
            tell_what_is_left(&mut responses);
        }
        for (status, name, told) in self.headers {
            if let Some(response) = responses.get_mut(&status.to_string()) {
                response["headers"][name] = json!({ "description": told, "schema": { "type": "string" } });
            }
        }
        operation["responses"] = responses.into();
        operation
    }

    /// The statuses of what is kept, and answered again.
    fn repeated(&self) -> Vec<u16> {
        if !self.is_repeated {
            return Vec::new();
        }
        let outcomes = self.problems.iter().filter(|kind| kind.is_an_outcome()).map(|kind| kind.status().as_u16());
        self.answers.keys().copied().chain(outcomes).collect()
    }
}

/// Whoever is known by a key is told what it has left, if it is bounded.
fn tell_what_is_left(responses: &mut Map<String, Value>) {
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.as_str() != "401") {
        refer(response, "RateLimit");
        refer(response, "RateLimit-Policy");
    }
}

/// A header that many answers have.
fn refer(response: &mut Value, header: &str) {
    response["headers"][header] = json!({ "$ref": format!("#/components/headers/{header}") });
}

impl Answer {
    fn write(self, problem: Option<Value>, schemas: &mut SchemaGenerator) -> Value {
        let mut response = problem.unwrap_or_else(|| json!({ "headers": request_id() }));
        response["description"] = self.told.into();
        for (media_type, schema) in self.content {
            response["content"][media_type] = json!({ "schema": schema(schemas) });
        }
        response
    }
}

/// The problems by their statuses, each with the codes that it may have here.
fn problem_responses(kinds: &[Kind]) -> Map<String, Value> {
    let mut responses = Map::new();
    for kind in Kind::VARIANTS.iter().filter(|kind| kinds.contains(kind)) {
        let status = kind.status().as_u16();
        let response = responses.entry(status.to_string()).or_insert_with(problem_response);
        let line = format!("[`{}`]({}): {}\n", kind.code(), kind.page(), kind.told().when);
        let told = response["description"].as_str().unwrap_or_default().to_owned();
        response["description"] = if told.is_empty() { line } else { format!("{told}\n{line}") }.into();
        if let Some(codes) = response["x-problem-codes"].as_array_mut() {
            codes.push(kind.code().into());
        }
        if let Some((name, header)) = header_of(*kind) {
            response["headers"][name] = header;
        }
    }
    responses
}

fn problem_response() -> Value {
    json!({
        "description": "",
        "headers": request_id(),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        "x-problem-codes": [],
    })
}

/// What a kind of problem says in a header.
fn header_of(kind: Kind) -> Option<(&'static str, Value)> {
    let comes_again = matches!(kind, Kind::IdempotencyKeyInFlight | Kind::RateLimited);
    match kind.status().as_u16() {
        401 => Some((
            "WWW-Authenticate",
            json!({ "schema": { "type": "string" }, "description": "`Bearer`, where a key is missing" }),
        )),
        status if comes_again || status == 503 => {
            Some(("Retry-After", json!({ "schema": { "type": "integer", "minimum": 1 }, "description": "seconds" })))
        }
        _ => None,
    }
}

fn request_id() -> Value {
    json!({ "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } })
}
