use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{Entry, GatewayPaymentId, PaymentId, ReferenceId, ShopName};
use orchestrator::DeedError;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Name, Reconciled, Scope, Stored};

use super::command::optional_body;
use super::document::{As, Moment, Object};
use super::form::Form;
use super::payment_view::PaymentView;
use super::problem::Problem;
use super::query::Query;
use super::resolve::{DryRunView, dry_run};
use super::version::{if_match, is_known, tag_of};
use super::{App, Caller, wait};

/// `GET /v1/payments/{id}`, with `?wait=SECONDS` until it is final, or with `&after=VERSION` until it changed.
pub(super) async fn read_payment(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let name = id.parse::<PaymentId>().map(Name::Id).ok();
    read(request, |_| name, app).await
}

/// `GET /v1/payments/by-reference/{referenceId}`, likewise; `?shop=` if the key sees several.
pub(super) async fn read_by_reference(
    request: HttpRequest,
    reference: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let reference = reference.parse::<ReferenceId>().ok();
    read(request, |shop| Some(Name::Reference(shop?, reference?)), app).await
}

/// `GET /v1/payments/by-gateway-id/{gatewayPaymentId}`, likewise.
pub(super) async fn read_by_gateway_id(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse::<GatewayPaymentId>().ok();
    read(request, |shop| Some(Name::Gateway(shop?, id?)), app).await
}

async fn read(
    request: HttpRequest,
    name: impl FnOnce(Option<ShopName>) -> Option<Name>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::PaymentsRead).await?;
    let mut query = Query::of(&request);
    let seconds: Option<u64> = query.one("wait", "must be a whole number of seconds, at most 60");
    let after: Option<u64> = query.one("after", "must be a version");
    let shop: Option<ShopName> = query.proven("shop");
    query.check(seconds.is_none_or(|seconds| seconds <= wait::WAIT_MAX.as_secs()), "wait", "must be at most 60");
    query.check(after.is_none() || seconds.is_some(), "after", "goes with wait");
    query.finish()?;
    let name = name(shop.or_else(|| app.default_shop.clone())).ok_or_else(Problem::not_found)?;
    let stored = visible(name, &caller, &app).await?;
    let Some(seconds) = seconds else { return alone(&request, &stored, &caller, &app).await };
    let (desk, id) = (app.desk.clone(), stored.payment.id());
    let enough = move |payment: &domain::Payment| match after {
        Some(version) => payment.version > version,
        None => payment.state.is_final(),
    };
    let patience = Duration::from_secs(seconds);
    let waiting = async move { wait::until(&desk, id, patience, enough).await };
    let stored = app.works.run(waiting).await??;
    alone(&request, &stored, &caller, &app).await
}

/// One payment, with what it was paid with. The tokens in it pay, so they are for those who may take deposits, and for no
/// cache on the way. Whoever has it as it is already is told so.
async fn alone(
    request: &HttpRequest,
    stored: &Stored,
    caller: &Caller,
    app: &Data<App>,
) -> Result<HttpResponse, Problem> {
    let (desk, id) = (app.desk.clone(), stored.payment.id());
    let paid_with = app.works.run(async move { desk.paid_with(id).await }).await??;
    let reconciled = reconciled(stored, app).await?;
    let view = PaymentView::alone(stored, paid_with.as_ref(), caller.may(Scope::DepositsWrite));
    let view = view.reconciled(stored, &reconciled);
    let told = serde_json::to_vec(&view).unwrap_or_default();
    let tag = tag_of(stored.payment.version, &told);
    let is_known = is_known(request, &tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag.to_string()));
    if paid_with.is_some() {
        response.insert_header((CACHE_CONTROL, "no-store"));
    }
    Ok(if is_known { response.finish() } else { response.insert_header((CONTENT_TYPE, "application/json")).body(told) })
}

/// What is known of one payment's proof; nothing is, before it has ended.
pub(crate) async fn reconciled(stored: &Stored, app: &App) -> Result<Vec<Reconciled>, Problem> {
    if !stored.payment.state.is_final() {
        return Ok(Vec::new());
    }
    let (records, id) = (app.reconciler.records().clone(), stored.payment.id());
    Ok(app.works.run(async move { records.reconciled(&[id]).await }).await??)
}

/// `GET /v1/payments/{id}/events`: the ledger, oldest first.
pub(super) async fn read_events(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::PaymentsRead).await?;
    let mut query = Query::of(&request);
    let limit = query.limit();
    let after: u64 = query.one("cursor", "must be a cursor of this list").unwrap_or(0);
    query.finish()?;
    let stored = visible(by_id(&id)?, &caller, &app).await?;
    let (reads, id) = (app.reads.clone(), stored.payment.id());
    let mut entries = app.works.run(async move { reads.ledger(id, after, limit + 1).await }).await??;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next_cursor = entries.last().filter(|_| more).map(|last| last.sequence.to_string());
    Ok(HttpResponse::Ok().json(EventsPage { data: entries.iter().map(EventView::from).collect(), next_cursor }))
}

/// `POST /v1/payments/{id}/check` `{dryRun?}`: asks the gateway now.
pub(super) async fn check_payment(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsWrite).await?;
    Query::of(&request).finish()?;
    let body = optional_body(&request, payload, &app).await?;
    let stored = visible(by_id(&id)?, &caller, &app).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let is_dry_run = dry_run(&mut form, errors);
    form.finish(errors);
    if !errors.is_empty() {
        return Err(Problem::fields(std::mem::take(errors)));
    }
    let expected = if_match(&request)?;
    if is_dry_run {
        let (desk, id) = (app.desk.clone(), stored.payment.id());
        let preview = app.works.run(async move { desk.preview_check(id).await }).await??;
        return Ok(HttpResponse::Ok().json(DryRunView::from(preview)));
    }
    let version = stored.payment.version;
    if expected.is_some_and(|expected| expected != version) {
        return Err(DeedError::VersionChanged { version }.into());
    }
    let stored = check(stored.payment.id(), &app).await?;
    let reconciled = reconciled(&stored, &app).await?;
    Ok(HttpResponse::Ok().json(PaymentView::from(&stored).reconciled(&stored, &reconciled)))
}

/// Looks at a payment now, and answers with it as it then is.
pub(crate) async fn check(id: PaymentId, app: &App) -> Result<Stored, Problem> {
    let desk = app.desk.clone();
    Ok(app.works.run(async move { desk.check_now(id).await }).await??)
}

pub(crate) fn by_id(id: &str) -> Result<Name, Problem> {
    id.parse().map(Name::Id).map_err(|_| Problem::not_found())
}

/// The payment with this name, if the caller may see it. What it may not see is not found, like what is not there.
pub(crate) async fn visible(name: Name, caller: &Caller, app: &App) -> Result<Stored, Problem> {
    let desk = app.desk.clone();
    let found = app.works.run(async move { desk.find(name).await }).await??;
    found.filter(|stored| caller.may_see(&stored.payment.opening.shop)).ok_or_else(Problem::not_found)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Ledger")]
pub(super) struct EventsPage<'a> {
    data: Vec<EventView<'a>>,
    next_cursor: Option<String>,
}

/// One line of the ledger.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LedgerEntry")]
pub(crate) struct EventView<'a> {
    sequence: u64,
    #[schemars(with = "Moment")]
    at: String,
    #[schemars(with = "As<domain::Source>")]
    source: domain::Source,
    #[schemars(with = "As<domain::Verdict>")]
    verdict: domain::Verdict,
    #[schemars(with = "Object")]
    seen: serde_json::Value,
    #[schemars(with = "Object")]
    change: &'a domain::Change,
}

impl<'a> From<&'a Entry> for EventView<'a> {
    fn from(entry: &'a Entry) -> Self {
        let mut seen = serde_json::to_value(&entry.seen).unwrap_or_default();
        // Digests of the request are for comparing, and nobody's business.
        if let Some(members) = seen.as_object_mut() {
            members.remove("fingerprint");
        }
        Self {
            sequence: entry.sequence,
            at: entry.at.to_string(),
            source: entry.source,
            verdict: entry.verdict,
            seen,
            change: &entry.change,
        }
    }
}
