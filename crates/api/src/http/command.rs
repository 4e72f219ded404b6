//! `POST /v1/payments/{id}/capture`, `/void`, `/approve`, `/reject`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{Command, CommandOutcome, Money, Payment, PaymentId, Text};
use orchestrator::{Commanded, GivenCommand};
use store::Scope;
use zeroize::Zeroizing;

use super::form::Form;
use super::payment_view::PaymentView;
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::read_payment::{by_id, visible};
use super::resolve::{DryRunView, dry_run};
use super::stray_card;
use super::take_payment::{BODY_MAX, replayed};
use super::version::if_match;
use super::{App, Caller, body};
use crate::traces;

/// `{amount?}`: the whole of what is held, or a part.
pub(super) async fn capture(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    give(
        &request,
        &id,
        payload,
        &app,
        Scope::DepositsWrite,
        |payment, form, errors| {
            let amount = form.amount("amount", errors)?;
            let money = Money::requested(amount, payment.opening.requested.currency());
            money.map_err(|error| errors.push(form.error("amount", error.to_string()))).ok()
        },
        |amount| Command::Capture { amount },
    )
    .await
}

/// No body, or an empty one.
pub(super) async fn void(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    give(&request, &id, payload, &app, Scope::DepositsWrite, |_, _, _| None, |_: Option<()>| Command::Void).await
}

/// No body, or an empty one.
pub(super) async fn approve(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    give(&request, &id, payload, &app, Scope::PayoutsApprove, |_, _, _| None, |_: Option<()>| Command::Approve).await
}

/// `{reason?}`: kept by the gateway.
pub(super) async fn reject(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    give(
        &request,
        &id,
        payload,
        &app,
        Scope::PayoutsApprove,
        |_, form, errors| {
            let reason: Option<Text<256>> = form.text("reason", errors);
            stray_card::refuse_in_text("/reason", reason.as_ref().map(Text::as_str), errors);
            reason
        },
        |reason| Command::Reject { reason },
    )
    .await
}

/// Reads what a command says, gives it on our own runtime, and answers with the payment as it then is.
async fn give<Said>(
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    app: &Data<App>,
    scope: Scope,
    read: impl FnOnce(&Payment, &mut Form<'_>, &mut Vec<FieldError>) -> Option<Said>,
    say: impl FnOnce(Option<Said>) -> Command,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(request, app, scope).await?;
    Query::of(request).finish()?;
    let body = optional_body(request, payload, app).await?;
    let payment = visible(by_id(id)?, &caller, app).await?.payment;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let said = read(&payment, &mut form, errors);
    let is_dry_run = dry_run(&mut form, errors);
    form.finish(errors);
    if !errors.is_empty() {
        return Err(Problem::fields(std::mem::take(errors)));
    }
    let version = if_match(request)?;
    if is_dry_run {
        let (desk, id, command) = (app.desk.clone(), payment.id(), say(said));
        let preview = app.works.run(async move { desk.preview_command(id, &command).await }).await??;
        return Ok(HttpResponse::Ok().json(DryRunView::from(preview)));
    }
    answer(&command(payment.id(), say(said), version, &caller, app).await?)
}

/// Gives a command on our own runtime; only to the payment as it is in `version`, if there is one.
pub(crate) async fn command(
    payment: PaymentId,
    command: Command,
    version: Option<u64>,
    caller: &Caller,
    app: &App,
) -> Result<Commanded, Problem> {
    traces::about(payment);
    let given = GivenCommand { id: app.ids.next(), command, by: caller.actor(), expected_version: version };
    let desk = app.desk.clone();
    Ok(app.works.run(async move { desk.command(payment, given).await }).await??)
}

/// A command needs no body; one that is there must be JSON.
pub(super) async fn optional_body(
    request: &HttpRequest,
    payload: Payload,
    app: &Data<App>,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    if body.is_empty() {
        return Ok(Zeroizing::new(b"{}".to_vec()));
    }
    body::check_json(request)?;
    Ok(body)
}

/// 200 once the payment has gone on, 202 while nobody knows.
fn answer(commanded: &Commanded) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::build(status(commanded)?).json(PaymentView::from(&commanded.stored));
    if commanded.replay {
        replayed(response.headers_mut());
    }
    Ok(response)
}

/// What to say of a command that was given; a problem if it came to nothing.
pub(crate) fn status(commanded: &Commanded) -> Result<StatusCode, Problem> {
    let payment = &commanded.stored.payment;
    match payment.commands.issued().last().map(|issued| &issued.outcome) {
        Some(CommandOutcome::InFlight | CommandOutcome::Unknown { .. } | CommandOutcome::Denied { .. }) => {
            Ok(StatusCode::ACCEPTED)
        }
        Some(CommandOutcome::Refused { reason }) => {
            let detail = format!("the gateway refused it: {reason}");
            Err(Problem::about(payment.id(), Kind::CommandRefused, detail))
        }
        Some(CommandOutcome::NotSent { reason }) => {
            let detail = format!("the gateway was not reached, nothing was done: {reason}");
            Err(Problem::about(payment.id(), Kind::GatewayUnavailable, detail).retry_soon())
        }
        Some(CommandOutcome::Done) | None => Ok(StatusCode::OK),
    }
}
