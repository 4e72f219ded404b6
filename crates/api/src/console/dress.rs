use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;

use super::{Shell, Trouble, html};
use crate::http::problem::{FieldError, Problem};
use crate::http::{App, RequestId};

/// What every answer below `/console` says. Nothing comes from elsewhere, nothing is written into a page that a browser
/// would run or draw by, and no other site puts a page of ours into one of its own.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// Two years, as browsers' makers ask for.
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Around every answer of the console: trouble becomes a page, nothing is kept by the way, and the headers are strict.
pub(super) async fn dress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let plain = request.app_data::<Data<App>>().is_none_or(|app| app.console.plain_cookies);
    let response = next.call(request).await?.map_into_boxed_body();
    let trouble = response.response().error().and_then(|error| page_of(error, response.request()));
    let mut response = match trouble {
        Some(page) => ServiceResponse::new(response.into_parts().0, page),
        None => response,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if !plain {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// The page that tells of trouble; none for what is no trouble of ours, and where the browser goes elsewhere.
fn page_of(error: &Error, request: &HttpRequest) -> Option<HttpResponse> {
    let (title, detail, problem, status) = match error.as_error::<Trouble>() {
        Some(Trouble::SignIn { .. }) => return None,
        Some(trouble @ Trouble::Forged) => {
            let detail = "It was made for another session, or for none. Go back, load the page again, and send it anew; \
                          nothing was done.";
            ("The form is not yours", detail, None, trouble.status_code())
        }
        Some(Trouble::Problem(problem)) => (problem.title(), problem.detail(), Some(problem), problem.status_code()),
        None => {
            let problem = error.as_error::<Problem>()?;
            (problem.title(), problem.detail(), Some(problem), problem.status_code())
        }
    };
    let extensions = request.extensions();
    let shell = extensions.get::<Shell>().cloned().unwrap_or_default();
    let page = TroublePage {
        shell: Shell { title: title.to_owned(), ..shell },
        detail,
        errors: problem.map(Problem::errors).unwrap_or_default(),
        payment: problem.and_then(Problem::payment).map(|id| id.to_string()),
        unknown: problem.is_some_and(Problem::is_unknown),
        request_id: extensions.get::<RequestId>().map(|name| name.0.as_str()).unwrap_or_default(),
    };
    let mut response = html(&page).ok()?;
    *response.status_mut() = status;
    if let Some(allowed) = problem.and_then(Problem::allowed).and_then(|allowed| HeaderValue::from_str(allowed).ok()) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    Some(response)
}

#[derive(Template)]
#[template(path = "console/trouble.html")]
struct TroublePage<'a> {
    shell: Shell,
    detail: &'a str,
    errors: &'a [FieldError],
    payment: Option<String>,
    unknown: bool,
    request_id: &'a str,
}
