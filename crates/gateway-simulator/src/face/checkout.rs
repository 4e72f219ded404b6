//! The checkout: for a person with a browser, and for curl (gateway contract, section 10).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use url::{Url, form_urlencoded};

use super::{Desk, page};
use crate::contract::{card::DECLINED_CARD, error_code::ErrorCode};
use crate::engine::{DeedRefused, Engine, Which};
use crate::payment::{Payment, PaymentId, PaymentState};
use chrono::{DateTime, Utc};

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("", web::get().to(list))
        .route("/{id}", web::get().to(show))
        .route("/{id}/{deed}", web::post().to(do_by_id))
        .route("/by-reference/{reference}/{deed}", web::post().to(do_by_reference));
}

/// What curl reads of a payment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: PaymentId,
    reference_id: Option<String>,
    state: PaymentState,
}

/// What a customer does on the page.
enum Deed {
    Pay { card_number: Option<String> },
    Decline { code: Option<ErrorCode> },
    Cancel,
    TimeOut,
}

async fn list(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    desk.with(|engine, now| {
        engine.tick(now);
        let open = engine.payments().iter().rev().filter(|payment| payment.standing.is_open());
        if wants_html(&request) {
            html(StatusCode::OK, page::list(open))
        } else {
            HttpResponse::Ok().json(open.map(Summary::of).collect::<Vec<_>>())
        }
    })
}

async fn show(request: HttpRequest, id: web::Path<String>, desk: web::Data<Desk>) -> HttpResponse {
    desk.with(|engine, now| {
        engine.tick(now);
        match id.parse().ok().and_then(|id| engine.payment(id)) {
            None => refused(&request, DeedRefused::NotFound),
            Some(payment) if !wants_html(&request) => HttpResponse::Ok().json(Summary::of(payment)),
            Some(payment) if payment.standing.is_open() => html(StatusCode::OK, page::open(payment)),
            Some(payment) => html(StatusCode::OK, page::result(payment, return_address(payment).as_ref())),
        }
    })
}

async fn do_by_id(
    request: HttpRequest,
    target: web::Path<(String, String)>,
    body: web::Bytes,
    desk: web::Data<Desk>,
) -> HttpResponse {
    let (id, deed) = target.into_inner();
    match id.parse() {
        Ok(id) => work(&request, &desk, Which::Id(id), Deed::read(&deed, &body)),
        Err(_) => refused(&request, DeedRefused::NotFound),
    }
}

async fn do_by_reference(
    request: HttpRequest,
    target: web::Path<(String, String)>,
    body: web::Bytes,
    desk: web::Data<Desk>,
) -> HttpResponse {
    let (reference, deed) = target.into_inner();
    work(&request, &desk, Which::Reference(&reference), Deed::read(&deed, &body))
}

fn work(request: &HttpRequest, desk: &Desk, which: Which<'_>, deed: Option<Deed>) -> HttpResponse {
    let Some(deed) = deed else { return refused(request, DeedRefused::NotFound) };
    desk.with(|engine, now| match deed.happen(engine, now, which) {
        Ok(payment) if wants_html(request) => onwards(payment),
        Ok(payment) => HttpResponse::Ok().json(Summary::of(payment)),
        Err(reason) => refused(request, reason),
    })
}

impl Deed {
    /// The last part of the path, with the fields of the form.
    fn read(name: &str, form: &[u8]) -> Option<Self> {
        let field = |wanted: &str| {
            let mut fields = form_urlencoded::parse(form);
            fields.find(|(name, value)| name == wanted && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        match name {
            "pay" => Some(Self::Pay { card_number: field("cardNumber") }),
            "decline" => Some(Self::Decline { code: field("errorCode").and_then(|code| ErrorCode::named(&code)) }),
            "cancel" => Some(Self::Cancel),
            "timeout" => Some(Self::TimeOut),
            _ => None,
        }
    }

    fn happen<'e>(
        self,
        engine: &'e mut Engine,
        now: DateTime<Utc>,
        which: Which<'_>,
    ) -> Result<&'e Payment, DeedRefused> {
        match self {
            Self::Pay { card_number } => engine.pay(now, which, card_number.as_deref()),
            Self::Decline { code: Some(code) } => engine.decline(now, which, code),
            Self::Decline { code: None } => engine.pay(now, which, Some(DECLINED_CARD)),
            Self::Cancel => engine.cancel(now, which),
            Self::TimeOut => engine.time_out(now, which),
        }
    }
}

impl Summary {
    fn of(payment: &Payment) -> Self {
        Self { id: payment.id(), reference_id: payment.reference_id().map(ToOwned::to_owned), state: payment.state() }
    }
}

fn wants_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    accept.and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// The browser goes back to the merchant, or to the result where the merchant gave no address.
fn onwards(payment: &Payment) -> HttpResponse {
    let target = match return_address(payment) {
        Some(url) if payment.state() != PaymentState::Pending => url.to_string(),
        _ => format!("/checkout/{}", payment.id()),
    };
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
}

/// `returnUrl` with its placeholders filled, each value encoded so that it cannot break out of its place
/// (section 6.1). Only web addresses are followed.
fn return_address(payment: &Payment) -> Option<Url> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fill = |part: &str| match part {
        "id" => Some(payment.id().to_string()),
        "referenceId" => Some(encoded(payment.reference_id().unwrap_or_default())),
        "state" => Some(payment.state().name().to_owned()),
        "type" => Some(payment.payment_type().name().to_owned()),
        _ => None,
    };
    let url = Url::parse(&fill_placeholders(payment.return_url()?, fill)).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Fills in one pass, so that a filled-in value that looks like a placeholder stays what it is.
fn fill_placeholders(template: &str, fill: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let placeholder = after.split_once('}').and_then(|(name, after)| Some((fill(name)?, after)));
        let (value, after) = placeholder.unwrap_or_else(|| ("{".to_owned(), after));
        filled.push_str(&value);
        rest = after;
    }
    filled + rest
}

fn refused(request: &HttpRequest, reason: DeedRefused) -> HttpResponse {
    let status = match reason {
        DeedRefused::NotFound => StatusCode::NOT_FOUND,
        DeedRefused::NotOpen(_) => StatusCode::CONFLICT,
    };
    if wants_html(request) {
        html(status, page::refused(reason))
    } else {
        HttpResponse::build(status).json(serde_json::json!({ "error": reason.to_string() }))
    }
}

/// Nothing on these pages runs or is fetched, whatever a merchant's texts hold.
fn html(status: StatusCode, page: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(page)
}
