//! `POST /v1/payments/{id}/refunds`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{Metadata, PaymentId, ReferenceId};
use orchestrator::{RefundOrder, Taken};
use store::Scope;

use super::form::Form;
use super::order::METADATA_MAX;
use super::problem::Problem;
use super::query::Query;
use super::read_payment::{by_id, visible};
use super::resolve::{DryRunView, dry_run};
use super::stray_card;
use super::take_payment::{self, BODY_MAX};
use super::version::if_match;
use super::{App, Caller, body, idempotency};
use crate::traces;

/// `{referenceId, amount?, metadata?}`: a part of what was captured, or all that is left. Answers as an order does.
pub(super) async fn refund(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::RefundsWrite).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let deposit = visible(by_id(&id)?, &caller, &app).await?.payment;
    let (order, is_dry_run) = read_order(&body, app.ids.payment(), deposit.id(), &caller)?;
    let order = RefundOrder { expected_version: if_match(&request)?, ..order };
    let name = idempotency::name_of(&request, &caller, &app)?;
    if is_dry_run {
        let desk = app.desk.clone();
        let preview = app.works.run(async move { desk.preview_refund(&order).await }).await??;
        return Ok(HttpResponse::Ok().json(DryRunView::from(preview)));
    }
    if let Some(name) = name {
        let (repeater, shop, order) = (app.repeater.clone(), deposit.opening.shop, order.clone());
        app.works.run(async move { repeater.name_refund(&name, &shop, &order).await }).await??;
    }
    Ok(take_payment::answer(&request, &give_back(order, &app).await?))
}

/// Makes a refund on our own runtime.
pub(crate) async fn give_back(order: RefundOrder, app: &App) -> Result<Taken, Problem> {
    let desk = app.desk.clone();
    let taking = async move {
        let taken = desk.refund(order).await?;
        take_payment::answered(&desk, taken).await
    };
    Ok(app.works.run(taking).await??)
}

fn read_order(body: &[u8], id: PaymentId, deposit: PaymentId, caller: &Caller) -> Result<(RefundOrder, bool), Problem> {
    let mut form = Form::read(body)?;
    let errors = &mut Vec::new();
    let reference_id: Option<ReferenceId> = form.text("referenceId", errors);
    let reference_id = form.require("referenceId", reference_id, errors);
    let amount = form.amount("amount", errors);
    let metadata: Metadata = form.pairs("metadata", METADATA_MAX, errors);
    let is_dry_run = dry_run(&mut form, errors);
    form.finish(errors);
    stray_card::refuse_in_text("/referenceId", reference_id.as_ref().map(ReferenceId::as_str), errors);
    stray_card::refuse_in_pairs("/metadata", &metadata, errors);
    match reference_id {
        Some(reference_id) if errors.is_empty() => {
            let (by, expected_version, trace) = (caller.actor(), None, traces::here());
            let order = RefundOrder { id, deposit, reference_id, amount, metadata, by, expected_version, trace };
            Ok((order, is_dry_run))
        }
        _ => Err(Problem::fields(std::mem::take(errors))),
    }
}
