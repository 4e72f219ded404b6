//! `/v1/breaks`: the differences that somebody owns.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{BreakKind, Currency, Finding, PaymentId, Side, Text, Time};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Break, BreakFilter, BreakState, BreaksPage, Resolution, Scope};
use uuid::Uuid;

use super::cursor::Cursor;
use super::document::{Amount, As, Id, Moment};
use super::form::Form;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body};

/// `GET /v1/breaks`: the one that was seen first last; filters `kind`, `state`, `shop`, `owner`, `payment`.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    let (breaks, next_cursor) = page(Query::of(&request), &caller, &app).await?;
    let now = app.desk.now();
    let data = breaks.iter().map(|one| BreakView::of(one, now)).collect();
    Ok(HttpResponse::Ok().json(BreaksView { data, next_cursor }))
}

/// The breaks of a page that the caller may see, and the cursor of the next page.
pub(crate) async fn page(
    mut query: Query,
    caller: &Caller,
    app: &App,
) -> Result<(Vec<Break>, Option<String>), Problem> {
    let limit = query.limit();
    let before = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| (cursor.at, cursor.id));
    let shops = query.shops(caller);
    let filter = BreakFilter {
        shops: shops.clone().unwrap_or_default(),
        kind: query.one::<BreakKind>("kind", "must be the name of a kind of break"),
        state: query.one::<BreakState>("state", "must be open, resolved or closed"),
        owner: query.proven::<Text<100>>("owner").map(String::from),
        payment: query.one::<PaymentId>("payment", "must be the id of a payment"),
    };
    query.finish()?;
    if shops.is_none() {
        return Ok((Vec::new(), None));
    }
    let page = BreaksPage { filter, before, limit: limit + 1 };
    let records = app.reconciler.records().clone();
    let mut breaks = app.works.run(async move { records.breaks(&page).await }).await??;
    let next_cursor = Cursor::behind(&mut breaks, limit, |one| Cursor { at: one.first_seen_at, id: one.id });
    Ok((breaks, next_cursor))
}

/// `GET /v1/breaks/{id}`.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    Query::of(&request).finish()?;
    let one = visible(&id, &caller, &app).await?;
    Ok(HttpResponse::Ok().json(BreakView::of(&one, app.desk.now())))
}

/// `POST /v1/breaks/{id}/assign` `{owner}`.
pub(super) async fn assign(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (one, owner, _) = read_word::<100>(&request, &id, payload, &app, "owner").await?;
    Ok(changed(&give_to(one.id, owner, &app).await?, &app))
}

/// Gives an open break to somebody.
pub(crate) async fn give_to(id: Uuid, owner: Text<100>, app: &App) -> Result<Break, Problem> {
    let records = app.reconciler.records().clone();
    let assigned = app.works.run(async move { records.assign_break(id, owner.as_str()).await }).await??;
    assigned.ok_or_else(not_open)
}

/// `POST /v1/breaks/{id}/resolve` `{reason}`: it stays resolved for as long as both sides say the same.
pub(super) async fn resolve(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (one, reason, caller) = read_word::<500>(&request, &id, payload, &app, "reason").await?;
    Ok(changed(&end(one.id, reason, &caller, &app).await?, &app))
}

/// Ends an open break by a person's word.
pub(crate) async fn end(id: Uuid, reason: Text<500>, caller: &Caller, app: &App) -> Result<Break, Problem> {
    let resolution = Resolution { reason: reason.into(), by: caller.actor(), at: app.desk.now() };
    let records = app.reconciler.records().clone();
    let resolved = app.works.run(async move { records.resolve_break(id, &resolution).await }).await??;
    resolved.ok_or_else(not_open)
}

/// The break that is meant, and the one word that is said of it.
async fn read_word<const MAX: usize>(
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    app: &Data<App>,
    field: &str,
) -> Result<(Break, Text<MAX>, Caller), Problem> {
    let caller = Caller::of(request, app, Scope::FinanceWrite).await?;
    Query::of(request).finish()?;
    body::check_json(request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let one = visible(id, &caller, app).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let word: Option<Text<MAX>> = form.text(field, errors);
    let word = form.require(field, word, errors);
    form.finish(errors);
    match word {
        Some(word) if errors.is_empty() => Ok((one, word, caller)),
        _ => Err(Problem::fields(std::mem::take(errors))),
    }
}

fn changed(one: &Break, app: &App) -> HttpResponse {
    HttpResponse::Ok().json(BreakView::of(one, app.desk.now()))
}

fn not_open() -> Problem {
    Problem::new(Kind::NotInThisState, "the break is not open any more")
}

/// The break with this id, if the caller may see it.
pub(crate) async fn visible(id: &str, caller: &Caller, app: &App) -> Result<Break, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let records = app.reconciler.records().clone();
    let found = app.works.run(async move { records.one_break(id).await }).await??;
    found.filter(|one| caller.may_see(&one.shop)).ok_or_else(Problem::not_found)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Breaks")]
pub(super) struct BreaksView<'a> {
    data: Vec<BreakView<'a>>,
    next_cursor: Option<String>,
}

/// A break, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the page on reconciliation documents the fields")]
#[schemars(rename = "Break")]
pub(crate) struct BreakView<'a> {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "As<BreakKind>")]
    pub kind: BreakKind,
    pub shop: &'a str,
    #[schemars(with = "As<BreakState>")]
    pub state: BreakState,
    #[schemars(with = "Option<Id>")]
    pub payment_id: Option<String>,
    pub gateway_payment_id: Option<&'a str>,
    pub reference_id: Option<&'a str>,
    pub ours: SideView<'a>,
    pub theirs: SideView<'a>,
    /// What the gateway has more; negative if it has less.
    #[schemars(with = "Option<Amount>")]
    pub difference: Option<String>,
    #[schemars(with = "Option<As<Currency>>")]
    pub difference_currency: Option<Currency>,
    #[schemars(with = "Moment")]
    pub first_seen_at: String,
    #[schemars(with = "Moment")]
    pub last_seen_at: String,
    pub age_seconds: u64,
    pub owner: Option<&'a str>,
    #[schemars(with = "Option<Moment>")]
    pub ended_at: Option<String>,
    pub reason: Option<&'a str>,
    pub resolved_by: Option<&'a str>,
    #[schemars(with = "Id")]
    pub first_run: String,
    #[schemars(with = "Id")]
    pub last_run: String,
    #[schemars(with = "Option<Id>")]
    pub closed_run: Option<String>,
}

/// What one of the two records says.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the page on reconciliation documents the fields")]
#[schemars(rename = "Side")]
pub(crate) struct SideView<'a> {
    pub state: Option<&'a str>,
    #[schemars(with = "Option<Amount>")]
    pub amount: Option<String>,
    #[schemars(with = "Option<As<Currency>>")]
    pub currency: Option<Currency>,
}

impl<'a> BreakView<'a> {
    /// As it is `now`: what is open grows older.
    pub(crate) fn of(one: &'a Break, now: Time) -> Self {
        let finding = &one.finding;
        let difference = Finding::difference(&finding.ours, &finding.theirs);
        Self {
            id: one.id.to_string(),
            kind: finding.kind,
            shop: one.shop.as_str(),
            state: one.state,
            payment_id: finding.payment.map(|id| id.to_string()),
            gateway_payment_id: finding.gateway_payment.as_ref().map(domain::GatewayPaymentId::as_str),
            reference_id: finding.reference.as_deref(),
            ours: SideView::from(&finding.ours),
            theirs: SideView::from(&finding.theirs),
            difference: difference.map(|(total, _)| total.to_string()),
            difference_currency: difference.map(|(_, currency)| currency),
            first_seen_at: one.first_seen_at.to_string(),
            last_seen_at: one.last_seen_at.to_string(),
            age_seconds: one.ended_at.unwrap_or(now).since(one.first_seen_at).as_secs(),
            owner: one.owner.as_deref(),
            ended_at: one.ended_at.map(|at| at.to_string()),
            reason: one.reason.as_deref(),
            resolved_by: one.resolved_by.as_ref().map(|by| by.name.as_str()),
            first_run: one.first_run.to_string(),
            last_run: one.last_run.to_string(),
            closed_run: one.closed_run.map(|run| run.to_string()),
        }
    }
}

impl<'a> From<&'a Side> for SideView<'a> {
    fn from(side: &'a Side) -> Self {
        Self {
            state: side.state.as_deref(),
            amount: side.money.map(|money| money.amount_text()),
            currency: side.money.map(|money| money.currency()),
        }
    }
}
