//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that its caller has named is done once, and whoever
//! sends it again is answered as the first time. A request without one goes by untouched.

use std::future::ready;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, IF_MATCH, LOCATION};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, rt};
use orchestrator::{Attempt, Begun, RequestName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Scope;
use strum::VariantArray as _;
use tracing::Instrument as _;

use super::problem::{FieldError, Kind, Problem};
use super::routes::{ROUTES, Route};
use super::take_payment::{BODY_MAX, replayed};
use super::{App, Caller, RequestId, answer_problem, body};

/// What an `Idempotency-Key` is to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Nothing: it reads, or what it takes in is recognised by itself.
    None,
    /// Another name of the reference in the body: whose handler looks after it.
    OfReference,
    /// The name of the request: the same again is answered as the first one was.
    OfRequest,
    /// Not taken: the answer shows a secret, and is kept nowhere.
    Refused,
}

const NAME: &str = "Idempotency-Key";
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key.
const LENGTH_MAX: usize = 255;

/// The headers that belong to an answer, beside those of every answer.
const KEPT_HEADERS: [HeaderName; 2] = [CONTENT_TYPE, LOCATION];

/// The request's name, if it has one.
pub(super) fn name_of(request: &HttpRequest, caller: &Caller, app: &App) -> Result<Option<RequestName>, Problem> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|_| values.next().is_none()).and_then(read);
    let key = key.ok_or_else(|| wrong("must be a string of 1 to 255 visible characters in quotation marks"))?;
    Ok(Some(RequestName { client: caller.actor().key, key, attempt: app.ids.next() }))
}

fn wrong(detail: &str) -> Problem {
    Problem::fields(vec![FieldError { pointer: NAME.to_owned(), detail: detail.to_owned() }])
}

/// A string of RFC 8941, as the draft has it; or without quotation marks, as many clients send it.
fn read(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted.strip_suffix('"')?)?,
        None => text.to_owned(),
    };
    let is_bare = |byte: u8| byte.is_ascii_graphic() && !b"\"\\,;".contains(&byte);
    let legal = text.starts_with('"') || key.bytes().all(is_bare);
    (legal && (1..=LENGTH_MAX).contains(&key.len())).then_some(key)
}

/// What stands between the quotation marks (RFC 8941, section 4.2.5).
fn unquoted(text: &str) -> Option<String> {
    let (mut key, mut characters) = (String::new(), text.chars());
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => characters.next().filter(|escaped| ['"', '\\'].contains(escaped))?,
            '"' => return None,
            ' '..='~' => character,
            _ => return None,
        });
    }
    Some(key)
}

/// Around every request: what has a name that is the request's own is done once.
pub(super) async fn once(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.headers().contains_key(HEADER) {
        match key_use(&request) {
            KeyUse::None | KeyUse::OfReference => {}
            KeyUse::Refused => {
                let problem = wrong("is not taken here: the answer shows a secret, which is kept nowhere");
                return Ok(request.error_response(problem));
            }
            KeyUse::OfRequest => {
                return match begin(&mut request).await {
                    Ok(Begun::Answered(answer)) => Ok(again(request, &answer)),
                    // It goes on when its caller hangs up, so that whoever comes again finds its answer.
                    Ok(Begun::Ours(attempt)) => {
                        let doing = do_and_keep(request, next, attempt).in_current_span();
                        #[allow(clippy::disallowed_methods, reason = "the handler is bound to its thread")]
                        let done = rt::spawn(doing).await;
                        done.unwrap_or_else(|_| Err(lost().into()))
                    }
                    Err(problem) => Ok(request.error_response(problem)),
                };
            }
        }
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn key_use(request: &ServiceRequest) -> KeyUse {
    let pattern = request.match_pattern().unwrap_or_default();
    let is_meant = |route: &&Route| route.path == pattern && route.method == *request.method();
    let key_use = ROUTES.iter().find(is_meant).map(|route| route.key_use);
    key_use.unwrap_or(KeyUse::None)
}

fn lost() -> Problem {
    Problem::new(Kind::Internal, "the work ended without an outcome; send the same request again")
}

/// Whoever calls is known, and the body read, before the name is held against what is remembered.
async fn begin(request: &mut ServiceRequest) -> Result<Begun, Problem> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(lost)?;
    let caller = Caller::of_any(request.request(), &app, Scope::VARIANTS).await?;
    let name = name_of(request.request(), &caller, &app)?.ok_or_else(lost)?;
    let body = body::read(request.take_payload(), BODY_MAX, app.body_patience).await?;
    let again = Bytes::copy_from_slice(&body);
    request.set_payload(Payload::Stream { payload: Box::pin(futures::stream::once(ready(Ok(again)))) });
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let (query, condition) = (request.query_string().to_owned(), request.headers().get(IF_MATCH).cloned());
    let repeater = app.repeater.clone();
    let beginning = async move {
        let condition = condition.as_ref().map_or(&b""[..], |value| value.as_bytes());
        let parts = [method.as_str().as_bytes(), path.as_bytes(), query.as_bytes(), condition];
        repeater.begin(&name, &parts, &body).await
    };
    Ok(app.works.run(beginning).await??)
}

async fn do_and_keep(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    attempt: Attempt,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(lost)?;
    let (request, response) = next.call(request).await?.map_into_boxed_body().into_parts();
    let problem = response.error().and_then(|error| error.as_error::<Problem>());
    let is_kept = problem.map_or(response.status().is_success(), Problem::is_an_outcome);
    if !is_kept {
        let repeater = app.repeater.clone();
        note(app.works.run(async move { repeater.let_go(&attempt).await }).await);
        return Ok(ServiceResponse::new(request, response));
    }
    let told = problem.map(|problem| answer_problem(problem, &request));
    let (head, body) = told.unwrap_or(response).into_parts();
    let bytes = to_bytes(body).await.map_err(|_| lost())?;
    let kept = Kept::of(head.head(), &bytes);
    let repeater = app.repeater.clone();
    note(app.works.run(async move { repeater.keep(&attempt, &kept).await }).await);
    Ok(ServiceResponse::new(request, head.set_body(BoxBody::new(bytes))))
}

/// What was done is done: its answer goes out, and a repeat before the lease is over is told to wait.
fn note<Lost: std::error::Error, Failure: std::error::Error + 'static>(kept: Result<Result<(), Failure>, Lost>) {
    match kept {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the answer to a named request could not be kept");
        }
        Err(_) => tracing::warn!("the answer to a named request could not be kept"),
    }
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Kept {
    fn of(head: &ResponseHead, body: &[u8]) -> Vec<u8> {
        let header = |name: &HeaderName| {
            let value = head.headers().get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        let kept = Self {
            status: head.status.as_u16(),
            headers: KEPT_HEADERS.iter().filter_map(header).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        serde_json::to_vec(&kept).unwrap_or_default()
    }
}

/// The answer that the first one had. A problem names the request that it answers now.
fn again(request: ServiceRequest, answer: &[u8]) -> ServiceResponse<BoxBody> {
    let kept: Option<Kept> = serde_json::from_slice(answer).ok();
    let status = kept.as_ref().and_then(|kept| StatusCode::from_u16(kept.status).ok());
    let (Some(kept), Some(status)) = (kept, status) else { return request.error_response(lost()) };
    let name = request.extensions().get::<RequestId>().map(|name| name.0.clone());
    let body = if status.is_success() { kept.body } else { named(kept.body, name) };
    let mut response = HttpResponse::build(status);
    for header in kept.headers {
        response.insert_header(header);
    }
    let mut response = response.body(body);
    replayed(response.headers_mut());
    request.into_response(response)
}

fn named(problem: String, request: Option<String>) -> String {
    match serde_json::from_str::<Value>(&problem) {
        Ok(mut read) if read.is_object() => {
            read["requestId"] = request.into();
            read.to_string()
        }
        _ => problem,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_of_structured_fields_or_the_same_without_quotation_marks() {
        for (text, key) in [
            (r#""8e03978e-40d5-43e8-bc93-6894a57f9324""#, "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            (r#"  "with a blank" "#, "with a blank"),
            (r#""\"quoted\" \\""#, r#""quoted" \"#),
            ("KG5LxwFBepaKHyUD", "KG5LxwFBepaKHyUD"),
            ("a:b/c=", "a:b/c="),
        ] {
            assert_eq!(read(text).as_deref(), Some(key), "{text}");
        }
        assert_eq!(read(&"k".repeat(255)).unwrap().len(), 255);
    }

    #[test]
    fn whatever_else_is_malformed() {
        let long = "k".repeat(256);
        for text in [
            "",
            " ",
            r#""""#,
            r#"""#,
            r#""open"#,
            r#"shut""#,
            r#""a"b""#,
            r#""a\b""#,
            r#""a\""#,
            r#""a";p=1"#,
            r#""a", "b""#,
            "a b",
            "a,b",
            "a;b",
            "\"gr\u{fc}n\"",
            "\"tab\there\"",
            &long,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
