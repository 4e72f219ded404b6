//! The control endpoint: what a test turns and reads from outside. It asks for no key.

use actix_web::{HttpResponse, http::StatusCode, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::{Clock, Desk, postman::Postman};
use crate::contract::{amount::Amount, error_code::ErrorCode};
use crate::engine::{Engine, OutcomeRefused};
use crate::faults::{Fault, FaultRule};
use crate::payment::{Payment, PaymentId, PaymentState, PaymentType};

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("", web::get().to(who))
        .route("/switches", web::get().to(switches))
        .route("/switches", web::put().to(turn_switches))
        .route("/faults", web::get().to(faults))
        .route("/faults", web::post().to(add_fault))
        .route("/faults", web::delete().to(remove_faults))
        .route("/time", web::get().to(time))
        .route("/advance-time", web::post().to(advance_time))
        .route("/deliver-now", web::post().to(deliver_now))
        .route("/counters", web::get().to(counters))
        .route("/prefixes", web::put().to(reserve))
        .route("/payments", web::get().to(payments))
        .route("/payments/{id}/{outcome}", web::post().to(conclude));
}

/// Why a control request was not followed.
#[derive(Debug, Error)]
enum ControlError {
    #[error("the body does not fit: {0}")]
    Body(#[source] serde_json::Error),
    #[error("this clock is the machine's and cannot be moved")]
    ClockIsNotOurs,
    #[error("no payment ends like this")]
    NoSuchOutcome,
    #[error(transparent)]
    Refused(#[from] OutcomeRefused),
}

impl actix_web::ResponseError for ControlError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchOutcome | Self::Refused(OutcomeRefused::NotFound) => StatusCode::NOT_FOUND,
            Self::ClockIsNotOurs | Self::Refused(_) => StatusCode::CONFLICT,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(serde_json::json!({ "error": self.to_string() }))
    }
}

/// By this whoever calls knows that no real gateway is at the other end.
async fn who() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "simulates": "pay.tech", "version": env!("CARGO_PKG_VERSION") }))
}

async fn switches(desk: web::Data<Desk>) -> HttpResponse {
    HttpResponse::Ok().json(desk.lock().switches())
}

/// Sets every switch: those that the body leaves out go back to their defaults.
async fn turn_switches(body: web::Bytes, desk: web::Data<Desk>) -> Result<HttpResponse, ControlError> {
    let wanted = read(&body)?;
    Ok(desk.with(|engine, _| {
        *engine.switches_mut() = wanted;
        HttpResponse::Ok().json(engine.switches())
    }))
}

#[derive(Serialize)]
struct FaultsView<'a> {
    rules: &'a [FaultRule],
    reserved: &'a [(String, Fault)],
}

async fn faults(desk: web::Data<Desk>) -> HttpResponse {
    let engine = desk.lock();
    HttpResponse::Ok().json(FaultsView { rules: engine.faults().rules(), reserved: engine.reserved() })
}

/// Reserves prefixes: an array of pairs, each a prefix and a fault, as `GET /control/faults` shows those that are.
async fn reserve(body: web::Bytes, desk: web::Data<Desk>) -> Result<HttpResponse, ControlError> {
    let prefixes: Vec<(String, Fault)> = read(&body)?;
    desk.with(|engine, _| engine.reserve(prefixes));
    Ok(HttpResponse::NoContent().finish())
}

async fn add_fault(body: web::Bytes, desk: web::Data<Desk>) -> Result<HttpResponse, ControlError> {
    let rule = read(&body)?;
    desk.with(|engine, _| engine.faults_mut().add_rule(rule));
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
struct PrefixQuery {
    prefix: Option<String>,
}

/// The rules with one prefix, or all.
async fn remove_faults(query: web::Query<PrefixQuery>, desk: web::Data<Desk>) -> HttpResponse {
    desk.with(|engine, _| match &query.prefix {
        Some(prefix) => {
            engine.faults_mut().remove(prefix);
        }
        None => engine.faults_mut().clear(),
    });
    HttpResponse::NoContent().finish()
}

async fn time(desk: web::Data<Desk>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "now": desk.clock.now() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AdvanceTime {
    #[serde(default)]
    seconds: u32,
    #[serde(default)]
    millis: u32,
}

async fn advance_time(body: web::Bytes, desk: web::Data<Desk>) -> Result<HttpResponse, ControlError> {
    let AdvanceTime { seconds, millis } = read(&body)?;
    let Clock::Manual(clock) = &desk.clock else { return Err(ControlError::ClockIsNotOurs) };
    clock.advance(TimeDelta::seconds(i64::from(seconds)) + TimeDelta::milliseconds(i64::from(millis)));
    desk.with(Engine::tick);
    Ok(HttpResponse::Ok().json(serde_json::json!({ "now": desk.clock.now() })))
}

async fn deliver_now(postman: web::Data<Postman>) -> HttpResponse {
    HttpResponse::Ok().json(postman.deliver_all_now().await)
}

async fn counters(desk: web::Data<Desk>) -> HttpResponse {
    HttpResponse::Ok().json(desk.lock().counters())
}

/// A payment as the control endpoint shows it: no customer's data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: PaymentId,
    reference_id: Option<&'a str>,
    payment_type: PaymentType,
    state: PaymentState,
    amount: Option<Amount>,
    currency: &'a str,
    error_code: Option<ErrorCode>,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
}

impl<'a> Row<'a> {
    fn of(payment: &'a Payment) -> Self {
        let (amount, currency) = payment.money();
        Self {
            id: payment.id(),
            reference_id: payment.reference_id(),
            payment_type: payment.payment_type(),
            state: payment.state(),
            amount,
            currency,
            error_code: payment.error_code(),
            created: payment.created(),
            updated: payment.updated(),
        }
    }
}

async fn payments(desk: web::Data<Desk>) -> HttpResponse {
    desk.with(|engine, now| {
        engine.tick(now);
        HttpResponse::Ok().json(engine.payments().iter().map(Row::of).collect::<Vec<_>>())
    })
}

/// Brings a payment to its end, as its provider would.
async fn conclude(target: web::Path<(String, String)>, desk: web::Data<Desk>) -> Result<HttpResponse, ControlError> {
    let (id, outcome) = target.into_inner();
    let outcome = serde_json::from_value(outcome.into()).map_err(|_| ControlError::NoSuchOutcome)?;
    let id = id.parse().map_err(|_| OutcomeRefused::NotFound)?;
    desk.with(|engine, now| Ok(HttpResponse::Ok().json(Row::of(engine.conclude(now, id, outcome)?))))
}

/// By hand and not by the framework's extractor, so that an empty body reads as one without fields.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(ControlError::Body)
}
