//! What people decide about a payment: `POST /v1/payments/{id}/assign`, `/note`, `/snooze`, `/settle`.

use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{Deed, Operator, PaymentId, Text, Time, Via};
use store::{Scope, Stored};

use super::form::Form;
use super::payment_view::PaymentView;
use super::problem::{FieldError, Problem};
use super::query::Query;
use super::read_payment::{by_id, visible};
use super::stray_card;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body};

/// How far away the end of a snooze may be.
pub(crate) const SNOOZE_MAX: Duration = Duration::from_hours(31 * 24);

/// What a person says with it.
#[derive(Default)]
struct Said {
    reason: Option<String>,
    ticket: Option<String>,
}

/// `{assignee?, reason?}`: who looks after it; nobody any more without one.
pub(super) async fn assign(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    care(&request, &id, payload, &app, |form, errors, _| {
        let to: Option<Text<100>> = form.text("assignee", errors);
        stray_card::refuse_in_text("/assignee", to.as_ref().map(Text::as_str), errors);
        (Some(Deed::Assign { to: to.map(String::from) }), said(form, errors, false))
    })
    .await
}

/// `{note, ticket?}`
pub(super) async fn note(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    care(&request, &id, payload, &app, |form, errors, _| {
        let note = text(form, "note", true, errors);
        let ticket = text(form, "ticket", false, errors);
        (Some(Deed::Note), Said { reason: note, ticket })
    })
    .await
}

/// `{until?, reason}`: it is listed no more until then; without an end, it is listed again at once.
pub(super) async fn snooze(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    care(&request, &id, payload, &app, |form, errors, now| {
        let until = form.has("until").then(|| until(form, now, errors));
        let deed = match until {
            Some(None) => None,
            Some(until @ Some(_)) => Some(Deed::Snooze { until }),
            None => Some(Deed::Snooze { until: None }),
        };
        (deed, said(form, errors, true))
    })
    .await
}

/// `{reason, ticket?}`: what it is flagged for has been dealt with.
pub(super) async fn settle(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    care(&request, &id, payload, &app, |form, errors, _| (Some(Deed::Settle), said(form, errors, true))).await
}

async fn care(
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    app: &Data<App>,
    read: impl FnOnce(&mut Form<'_>, &mut Vec<FieldError>, Time) -> (Option<Deed>, Said),
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(request, app, Scope::OpsWrite).await?;
    Query::of(request).finish()?;
    body::check_json(request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let payment = visible(by_id(id)?, &caller, app).await?.payment.id();
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let (deed, said) = read(&mut form, errors, app.desk.now());
    form.finish(errors);
    let Some(deed) = deed.filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let operator =
        Operator { by: caller.actor(), approved_by: None, via: Via::Api, reason: said.reason, ticket: said.ticket };
    let stored = decide(payment, deed, operator, app).await?;
    Ok(HttpResponse::Ok().json(PaymentView::from(&stored)))
}

/// Records what a person decided, on our own runtime.
pub(crate) async fn decide(payment: PaymentId, deed: Deed, operator: Operator, app: &App) -> Result<Stored, Problem> {
    let desk = app.desk.clone();
    Ok(app.works.run(async move { desk.care(payment, deed, operator).await }).await??)
}

fn said(form: &mut Form<'_>, errors: &mut Vec<FieldError>, needs_reason: bool) -> Said {
    let reason = text(form, "reason", needs_reason, errors);
    Said { reason, ticket: text(form, "ticket", false, errors) }
}

/// A person's own words, without a card in them.
pub(super) fn text(form: &mut Form<'_>, name: &str, needed: bool, errors: &mut Vec<FieldError>) -> Option<String> {
    let text: Option<Text<500>> = form.text(name, errors);
    stray_card::refuse_in_text(&format!("/{name}"), text.as_ref().map(Text::as_str), errors);
    let text = if needed { form.require(name, text, errors) } else { text };
    text.map(String::from)
}

pub(super) fn until(form: &mut Form<'_>, now: Time, errors: &mut Vec<FieldError>) -> Option<Time> {
    const OTHERWISE: &str =
        "must be a moment such as 2026-11-23T10:11:12Z (RFC 3339), later than now and within 31 days";
    let text: String = form.value("until", OTHERWISE, errors)?;
    let until = chrono::DateTime::parse_from_rfc3339(&text).ok().map(|time| Time::new(time.to_utc()));
    let until = until.filter(|until| *until > now && *until <= now.plus(SNOOZE_MAX));
    if until.is_none() {
        errors.push(form.error("until", OTHERWISE));
    }
    until
}
