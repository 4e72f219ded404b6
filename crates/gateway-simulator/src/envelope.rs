//! What stands around every answer: the success envelope and the error envelope (section 2).

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::contract::stamp::EnvelopeStamp;
use crate::exchange::Response;
use crate::field::FieldError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Success<T> {
    timestamp: EnvelopeStamp,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
    result: T,
}

/// 200 with one thing.
pub(crate) fn success(now: DateTime<Utc>, result: impl Serialize) -> Response {
    written(200, &Success { timestamp: EnvelopeStamp(now), status: 200, has_more: None, result })
}

/// 200 with a page.
pub(crate) fn page(now: DateTime<Utc>, has_more: bool, result: impl Serialize) -> Response {
    written(200, &Success { timestamp: EnvelopeStamp(now), status: 200, has_more: Some(has_more), result })
}

/// What is wrong with a request, and where it went.
pub(crate) struct Refusal<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) path: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    timestamp: EnvelopeStamp,
    status: u16,
    error: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldErrorView<'a>>>,
    path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldErrorView<'a> {
    codes: Vec<String>,
    arguments: Vec<Argument<'a>>,
    default_message: &'a str,
    object_name: &'a str,
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_value: Option<&'a RawValue>,
    binding_failure: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Argument<'a> {
    #[serde(rename_all = "camelCase")]
    Field {
        codes: [String; 2],
        default_message: &'a str,
    },
    Limit(Box<RawValue>),
}

impl Refusal<'_> {
    /// An error of the envelope's form, with the status's usual name.
    pub(crate) fn answer(&self, status: u16, message: &str) -> Response {
        self.failure(status, message, None)
    }

    /// 400 with one entry a broken field.
    pub(crate) fn validation(&self, object: &str, errors: &[FieldError]) -> Response {
        let message = format!("Validation failed for object='{object}'. Error count: {}", errors.len());
        let views = errors.iter().map(|error| FieldErrorView::new(object, error)).collect();
        self.failure(400, &message, Some(views))
    }

    fn failure(&self, status: u16, message: &str, errors: Option<Vec<FieldErrorView<'_>>>) -> Response {
        written(
            status,
            &Failure {
                timestamp: EnvelopeStamp(self.now),
                status,
                error: reason(status),
                message,
                errors,
                path: self.path,
            },
        )
    }
}

impl<'a> FieldErrorView<'a> {
    fn new(object: &'a str, error: &'a FieldError) -> Self {
        let FieldError { code, field, message, limits, rejected } = error;
        let whose = Argument::Field { codes: [format!("{object}.{field}"), field.clone()], default_message: field };
        let limits = limits.iter().filter_map(|limit| RawValue::from_string(limit.clone()).ok().map(Argument::Limit));
        Self {
            codes: vec![format!("{code}.{object}.{field}"), format!("{code}.{field}"), (*code).to_owned()],
            arguments: std::iter::once(whose).chain(limits).collect(),
            default_message: message,
            object_name: object,
            field,
            rejected_value: rejected.as_deref(),
            binding_failure: rejected.is_some(),
        }
    }
}

fn written(status: u16, body: &impl Serialize) -> Response {
    // Every key is a text and nothing in a body can refuse to be written, so the default is out of reach.
    Response::json(status, serde_json::to_vec(body).unwrap_or_default())
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        425 => "Too Early",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
