use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{PaymentState, PaymentType};
use orchestrator::{DeedError, Desk, Taken};
use store::{Scope, Stored};

use super::order::{OrderRules, read_order};
use super::payment_view::PaymentView;
use super::problem::{FieldError, Problem};
use super::query::Query;
use super::{App, Caller, body, idempotency, wait};
use crate::traces;

/// The largest body of a request (REST contract).
pub(crate) const BODY_MAX: usize = 64 * 1024;

/// `POST /v1/payments`: the work runs on our own runtime, so a caller who hangs up does not interrupt it.
pub(super) async fn take_payment(
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of_any(&request, &app, &[Scope::DepositsWrite, Scope::PayoutsWrite]).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let order = read_order(
        &body,
        &OrderRules {
            may_order: &|payment_type| caller.check(scope_of(payment_type)),
            default_shop: app.default_shop.as_ref(),
            may_use: &|shop| app.shops.contains(shop) && caller.may_see(shop),
            unknown_methods: app.unknown_methods,
            flows: &app.flows,
        },
    )?;
    let (name, repeater) = (idempotency::name_of(&request, &caller, &app)?, app.repeater.clone());
    let (desk, id, by, trace) = (app.desk.clone(), app.ids.payment(), caller.actor(), traces::here());
    let taking = async move {
        if let Some(name) = name {
            repeater.name_order(&name, &order).await?;
        }
        let taken = desk.take(id, order, Some(by), trace).await?;
        answered(&desk, taken).await
    };
    let taken = app.works.run(taking).await??;
    Ok(answer(&request, &taken))
}

/// What was taken, with its answer: somebody else's request for it may be on its way, and that one's answer is this
/// caller's answer too.
pub(super) async fn answered(desk: &Desk, taken: Taken) -> Result<Taken, DeedError> {
    if !taken.replay || wait::is_answered(&taken.stored.payment) {
        return Ok(taken);
    }
    let id = taken.stored.payment.id();
    let stored = wait::until(desk, id, wait::REPLAY_PATIENCE, wait::is_answered).await?;
    Ok(Taken { stored, ..taken })
}

/// Who may bring money in may not send it out, and the other way round.
fn scope_of(payment_type: PaymentType) -> Scope {
    match payment_type {
        PaymentType::Deposit => Scope::DepositsWrite,
        PaymentType::Withdrawal => Scope::PayoutsWrite,
        PaymentType::Refund => Scope::RefundsWrite,
    }
}

/// The answer to who has something taken.
pub(super) fn answer(request: &HttpRequest, taken: &Taken) -> HttpResponse {
    let Taken { stored, replay } = taken;
    let (payment, replay) = (&stored.payment, *replay);
    let id = payment.id();
    traces::about(id);
    let mut response = match (payment.state, replay) {
        (PaymentState::Rejected, _) => refused(request, stored),
        (PaymentState::Submitted, _) => HttpResponse::build(StatusCode::ACCEPTED).json(PaymentView::from(stored)),
        (_, false) => HttpResponse::build(StatusCode::CREATED).json(PaymentView::from(stored)),
        (_, true) => HttpResponse::build(StatusCode::OK).json(PaymentView::from(stored)),
    };
    let headers = response.headers_mut();
    if let Ok(location) = format!("/v1/payments/{id}").parse() {
        headers.insert(LOCATION, location);
    }
    if replay {
        replayed(headers);
    }
    response
}

/// Says that the gateway was not called for this request.
pub(super) fn replayed(headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
}

fn refused(request: &HttpRequest, stored: &Stored) -> HttpResponse {
    let payment = &stored.payment;
    let fields = payment.error.iter().flat_map(|error| &error.fields);
    let errors = fields
        .map(|(field, detail)| FieldError { pointer: format!("/{}", field.replace('.', "/")), detail: detail.clone() })
        .collect();
    let problem = Problem::refused(payment.id(), payment.why(&stored.progress), errors);
    super::answer_problem(&problem, request)
}
