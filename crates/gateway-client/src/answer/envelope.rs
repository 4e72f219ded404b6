use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::fields::Fields;

/// The most field errors that are kept of one refusal.
const FIELD_ERRORS_MAX: usize = 32;
/// The longest message that is kept, in characters; longer ones are cut, since they are only read by
/// people.
const MESSAGE_MAX: usize = 512;

/// A refusal in the gateway's own words (gateway contract, section 2.2), bounded and printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The summary, if there is one.
    pub message: Option<String>,
    /// What is wrong with single fields.
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path in the request, such as `customer.email`.
    pub field: Option<String>,
    /// The readable reason.
    pub message: Option<String>,
    /// The name of the rule that was broken, such as `NotNull`.
    pub code: Option<String>,
}

/// The success envelope around a result (gateway contract, section 2.1).
pub(super) struct Envelope<'a> {
    pub(super) gateway_time: Option<DateTime<Utc>>,
    pub(super) result: EnvelopeResult<'a>,
    pub(super) has_more: Option<bool>,
}

pub(super) enum EnvelopeResult<'a> {
    Missing,
    Null,
    Json(&'a str),
}

/// A body as text. Bytes that are not UTF-8 become U+FFFD: one bad byte in a customer's name must not
/// cost us the id of a payment.
pub(super) fn body_text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// `None` if the body is not a JSON object at all.
pub(super) fn read_success(body: &str) -> Option<Envelope<'_>> {
    let mut fields = Fields::read(body)?;
    let result = match fields.raw("result") {
        Some(json) => EnvelopeResult::Json(json),
        None if fields.is_null("result") => EnvelopeResult::Null,
        None => EnvelopeResult::Missing,
    };
    Some(Envelope { gateway_time: fields.time("timestamp"), result, has_more: fields.flag("hasMore") })
}

/// The gateway's error envelope, and nobody else's: the body repeats the HTTP status, and names the
/// path or lists field errors. A firewall's or a proxy's error page does not look like that.
pub(super) fn read_refusal(status: u16, body: &str) -> Option<Refusal> {
    let fields = Fields::read(body)?;
    let repeated: u16 = serde_json::from_str(fields.raw("status")?).ok()?;
    let path = fields.raw("path").filter(|raw| raw.starts_with('"'));
    let errors = fields.raw("errors").filter(|raw| raw.starts_with('['));
    if repeated != status || (path.is_none() && errors.is_none()) {
        return None;
    }
    Some(Refusal {
        status,
        message: message(&fields, "message").or_else(|| message(&fields, "error")),
        errors: errors.map(field_errors).unwrap_or_default(),
    })
}

fn field_errors(raw: &str) -> Vec<FieldError> {
    items(raw).into_iter().filter_map(|item| field_error(item.get())).take(FIELD_ERRORS_MAX).collect()
}

fn field_error(raw: &str) -> Option<FieldError> {
    let fields = Fields::read(raw)?;
    let error = FieldError {
        field: message(&fields, "field"),
        message: message(&fields, "defaultMessage"),
        code: message(&fields, "code").or_else(|| fields.raw("codes").and_then(rule)),
    };
    (error.field.is_some() || error.message.is_some() || error.code.is_some()).then_some(error)
}

/// Codes go from the most specific (`NotNull.paymentRequest.currency`) to the bare rule (`NotNull`).
fn rule(codes: &str) -> Option<String> {
    items(codes).last().and_then(|code| printable(code.get()))
}

fn items(raw: &str) -> Vec<&RawValue> {
    serde_json::from_str(raw).unwrap_or_default()
}

fn message(fields: &Fields<'_>, name: &str) -> Option<String> {
    fields.raw(name).and_then(printable)
}

fn printable(raw: &str) -> Option<String> {
    let text: String = serde_json::from_str(raw).ok()?;
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_MAX).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "HTTP {}", self.status)?;
        if let Some(message) = &self.message {
            write!(out, ", {message}")?;
        }
        for error in &self.errors {
            let field = error.field.as_deref().unwrap_or("request");
            let reason = error.message.as_deref().or(error.code.as_deref()).unwrap_or("not valid");
            write!(out, "; {field}: {reason}")?;
        }
        Ok(())
    }
}
