//! What only people may decide: `POST /v1/payments/{id}/resolve`, and `/v1/proposals` for what another person must approve.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{GatewayPaymentId, PaymentState, Via};
use orchestrator::{Action, ActionPreview, Preview, Resolved, Wanted};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use store::{Proposal, ProposalsPage, Scope};
use strum::EnumString;
use uuid::Uuid;

use super::cursor::Cursor;
use super::document::{As, Id, Moment, Object};
use super::form::Form;
use super::operate::text;
use super::payment_view::PaymentView;
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::read_payment::{by_id, visible};
use super::take_payment::BODY_MAX;
use super::version::if_match;
use super::{App, Caller, body};

/// The actions by their names in a body.
#[derive(Clone, Copy, EnumString)]
#[strum(serialize_all = "kebab-case")]
enum ActionName {
    Force,
    Accept,
    Redrive,
}

/// `{action?, state?, gatewayPaymentId?, reason, ticket, dryRun?}` with `If-Match: "VERSION"`. `action` is force unless it
/// says accept (whatever the gateway shows) or redrive (send again what nobody knows of). What needs two people answers
/// 202 with the proposal.
pub(super) async fn resolve(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsWrite).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let payment = visible(by_id(&id)?, &caller, &app).await?.payment.id();
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let dry_run = dry_run(&mut form, errors);
    let action = action(&mut form, errors);
    let reason = text(&mut form, "reason", !dry_run, errors);
    let ticket = text(&mut form, "ticket", !dry_run, errors);
    form.finish(errors);
    let Some(action) = action.filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let resolver = app.resolver.clone();
    if dry_run {
        let shown = app.works.run(async move { resolver.preview(payment, &action).await }).await??;
        return Ok(HttpResponse::Ok().json(DryRunView::from(shown)));
    }
    let version = if_match(&request)?.ok_or_else(|| {
        Problem::new(Kind::VersionMissing, "send If-Match with the version of the payment that you have seen")
    })?;
    let (reason, ticket) = (reason.unwrap_or_default(), ticket.unwrap_or_default());
    let wanted = Wanted::new(action, caller.actor(), Via::Api, reason, ticket);
    let name = app.ids.next();
    let resolving = async move { Box::pin(resolver.resolve(name, payment, version, wanted)).await };
    match app.works.run(resolving).await?? {
        Resolved::Done(stored) => Ok(HttpResponse::Ok().json(PaymentView::from(stored.as_ref()))),
        Resolved::Proposed(proposal) => Ok(HttpResponse::build(StatusCode::ACCEPTED).json(ProposalView::of(&proposal))),
    }
}

/// `GET /v1/proposals`: what waits for a second person, the latest first; `open=false` for the decided ones as well.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    let mut query = Query::of(&request);
    let limit = query.limit();
    let before = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| (cursor.at, cursor.id));
    let open = query.one("open", "must be true or false").unwrap_or(true);
    let shops = query.shops(&caller);
    query.finish()?;
    let Some(shops) = shops else {
        return Ok(HttpResponse::Ok().json(ProposalsView { data: Vec::new(), next_cursor: None }));
    };
    let page = ProposalsPage { shops, open, before, limit: limit + 1 };
    let proposals = app.resolver.proposals().clone();
    let mut found = app.works.run(async move { proposals.proposals(&page).await }).await??;
    let next_cursor = Cursor::behind(&mut found, limit, |last| Cursor { at: last.asked_at, id: last.id });
    let data = found.iter().map(ProposalView::of).collect();
    Ok(HttpResponse::Ok().json(ProposalsView { data, next_cursor }))
}

/// `POST /v1/proposals/{id}/approve`, by another key than the one that asked.
pub(super) async fn approve(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let (proposal, caller) = asked_for(&request, &id, &app).await?;
    let resolver = app.resolver.clone();
    let stored = app.works.run(async move { resolver.approve(&proposal, caller.actor()).await }).await??;
    Ok(HttpResponse::Ok().json(PaymentView::from(&stored)))
}

/// `POST /v1/proposals/{id}/decline`, by anybody who may approve it, and by whoever asked.
pub(super) async fn decline(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let (proposal, caller) = asked_for(&request, &id, &app).await?;
    let resolver = app.resolver.clone();
    let declined = app.works.run(async move { resolver.decline(&proposal, caller.actor()).await }).await??;
    Ok(HttpResponse::Ok().json(ProposalView::of(&declined)))
}

async fn asked_for(request: &HttpRequest, id: &str, app: &Data<App>) -> Result<(Proposal, Caller), Problem> {
    let caller = Caller::of(request, app, Scope::OpsWrite).await?;
    Query::of(request).finish()?;
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let proposals = app.resolver.proposals().clone();
    let found = app.works.run(async move { proposals.proposal(id).await }).await??;
    let proposal = found.filter(|proposal| caller.may_see(&proposal.shop)).ok_or_else(Problem::not_found)?;
    Ok((proposal, caller))
}

fn action(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Action> {
    const NAMES: &str = "must be force, accept or redrive";
    let wrong = errors.len();
    let name: Option<String> = form.value("action", NAMES, errors);
    if errors.len() > wrong {
        return None;
    }
    let name = name.map_or(Ok(ActionName::Force), |name| name.parse());
    if name.is_err() {
        errors.push(form.error("action", NAMES));
    }
    match name {
        Ok(ActionName::Accept) => Some(Action::Accept),
        Ok(ActionName::Redrive) => Some(Action::Redrive),
        Ok(ActionName::Force) => {
            let state: Option<PaymentState> = form.value("state", "must be the name of a state", errors);
            let gateway_payment_id: Option<GatewayPaymentId> = form.text("gatewayPaymentId", errors);
            let state = form.require("state", state, errors)?;
            Some(Action::Force { state, gateway_payment_id })
        }
        Err(_) => None,
    }
}

/// Whether nothing is to be done, and only to be told what would be.
pub(super) fn dry_run(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> bool {
    form.value("dryRun", "must be true or false", errors).unwrap_or(false)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Proposals")]
pub(super) struct ProposalsView {
    data: Vec<ProposalView>,
    next_cursor: Option<String>,
}

/// What one person asks for and another one must approve, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "Proposal")]
pub(crate) struct ProposalView {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Id")]
    pub payment_id: String,
    pub shop: String,
    #[schemars(with = "Object")]
    pub action: Value,
    pub version: u64,
    pub asked_by: String,
    #[schemars(with = "Moment")]
    pub asked_at: String,
    #[schemars(with = "Moment")]
    pub not_before: String,
    pub state: &'static str,
    pub decided_by: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub decided_at: Option<String>,
}

impl ProposalView {
    /// As it stands.
    pub(crate) fn of(proposal: &Proposal) -> Self {
        let decided = proposal.decided.as_ref();
        Self {
            id: proposal.id.to_string(),
            payment_id: proposal.payment.to_string(),
            shop: proposal.shop.to_string(),
            action: told(&proposal.action),
            version: proposal.version,
            asked_by: proposal.asked_by.name.clone(),
            asked_at: proposal.asked_at.to_string(),
            not_before: proposal.not_before.to_string(),
            state: decided.map_or("open", |decided| if decided.done { "done" } else { "declined" }),
            decided_by: decided.map(|decided| decided.by.name.clone()),
            decided_at: decided.map(|decided| decided.at.to_string()),
        }
    }
}

/// What is wanted, and who wants it, beside each other.
fn told(wanted: &str) -> Value {
    let mut wanted: Value = serde_json::from_str(wanted).unwrap_or_default();
    let (mut action, operator) = (wanted["action"].take(), wanted["operator"].take());
    if let Some(members) = action.as_object_mut() {
        members.insert("operator".to_owned(), operator);
    }
    action
}

/// What would be sent, and where it would lead.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "DryRun")]
pub(crate) struct DryRunView {
    pub dry_run: bool,
    pub request: Option<RequestView>,
    #[schemars(with = "Option<As<PaymentState>>")]
    pub state: Option<PaymentState>,
    pub needs_second_person: bool,
    #[schemars(with = "Option<Moment>")]
    pub not_before: Option<String>,
}

/// A request to the gateway that was not sent.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "UnsentRequest")]
pub(crate) struct RequestView {
    pub method: &'static str,
    pub path: String,
    #[schemars(with = "Option<Object>")]
    pub body: Option<Value>,
}

impl From<Preview> for DryRunView {
    fn from(preview: Preview) -> Self {
        let Preview { request, body, state } = preview;
        let request = request.map(|(method, path)| RequestView { method, path, body });
        Self { dry_run: true, request, state, needs_second_person: false, not_before: None }
    }
}

impl From<ActionPreview> for DryRunView {
    fn from(shown: ActionPreview) -> Self {
        Self {
            needs_second_person: shown.needs_second,
            not_before: shown.not_before.map(|at| at.to_string()),
            ..Self::from(shown.preview)
        }
    }
}
