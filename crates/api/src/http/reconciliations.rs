//! `/v1/reconciliations`: our payments held against the gateway's list.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{BreakKind, ShopName, Time};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Against, Cause, Run, RunState, RunStep, RunsPage, Scope};
use uuid::Uuid;

use super::cursor::Cursor;
use super::document::{As, Id, Moment};
use super::form::Form;
use super::problem::{FieldError, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::window_fields::WindowFields;
use super::{App, Caller, body};

/// `POST /v1/reconciliations` `{shop?, from, to, zone?}`: 202, since it takes as long as the gateway's list is.
pub(super) async fn order(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceWrite).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let errors = &mut Vec::new();
    let (shop, window) = read_order(&body, errors)?;
    let run = place(shop, &window, errors, &caller, &app).await?;
    let location = format!("/v1/reconciliations/{}", run.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(RunView::from(&run)))
}

fn read_order(body: &[u8], errors: &mut Vec<FieldError>) -> Result<(Option<ShopName>, WindowFields), Problem> {
    let mut form = Form::read(body)?;
    let named: Option<ShopName> = form.text("shop", errors);
    let fields = WindowFields::take(&mut form, errors);
    form.finish(errors);
    Ok((named, fields))
}

/// Orders a run, if nothing is wrong with what is asked for; without a name, of the default shop.
pub(crate) async fn place(
    named: Option<ShopName>,
    fields: &WindowFields,
    errors: &mut Vec<FieldError>,
    caller: &Caller,
    app: &App,
) -> Result<Run, Problem> {
    let (shop, window) = check_order(named, fields, errors, caller, app)?;
    let (reconciler, id, by) = (app.reconciler.clone(), app.ids.next(), caller.actor());
    let ordering = async move { reconciler.order(id, shop, window, Cause::Ordered, Some(by)).await };
    Ok(app.works.run(ordering).await??)
}

fn check_order(
    named: Option<ShopName>,
    fields: &WindowFields,
    errors: &mut Vec<FieldError>,
    caller: &Caller,
    app: &App,
) -> Result<(ShopName, [Time; 2]), Problem> {
    let Some(window) = fields.read(app.desk.now(), app.window_max, errors).filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let shop = named.or_else(|| app.default_shop.clone());
    let shop = shop.filter(|shop| app.shops.contains(shop) && caller.may_see(shop)).ok_or_else(Problem::not_found)?;
    Ok((shop, window))
}

/// `GET /v1/reconciliations`: the one that was ordered last first; filters `shop`, `state`.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    let (runs, next_cursor) = page(Query::of(&request), &caller, &app).await?;
    Ok(HttpResponse::Ok().json(RunsView { data: runs.iter().map(RunView::from).collect(), next_cursor }))
}

/// The runs of a page that the caller may see, and the cursor of the next page.
pub(crate) async fn page(mut query: Query, caller: &Caller, app: &App) -> Result<(Vec<Run>, Option<String>), Problem> {
    let limit = query.limit();
    let before = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| (cursor.at, cursor.id));
    let shops = query.shops(caller);
    let state = query.one::<RunState>("state", "must be waiting, running, completed or failed");
    query.finish()?;
    let Some(shops) = shops else { return Ok((Vec::new(), None)) };
    let page = RunsPage { shops, state, before, limit: limit + 1 };
    let records = app.reconciler.records().clone();
    let mut runs = app.works.run(async move { records.runs(&page).await }).await??;
    let next_cursor = Cursor::behind(&mut runs, limit, |run| Cursor { at: run.ordered_at, id: run.id });
    Ok((runs, next_cursor))
}

/// `GET /v1/reconciliations/{id}`.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    Query::of(&request).finish()?;
    Ok(HttpResponse::Ok().json(RunView::from(&visible(&id, &caller, &app).await?)))
}

/// The run with this id, if the caller may see it.
pub(crate) async fn visible(id: &str, caller: &Caller, app: &App) -> Result<Run, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let records = app.reconciler.records().clone();
    let run = app.works.run(async move { records.run(id).await }).await??;
    run.filter(|run| caller.may_see(&run.shop)).ok_or_else(Problem::not_found)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Reconciliations")]
pub(super) struct RunsView<'a> {
    data: Vec<RunView<'a>>,
    next_cursor: Option<String>,
}

/// A run, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the page on reconciliation documents the fields")]
#[schemars(rename = "Reconciliation")]
pub(crate) struct RunView<'a> {
    #[schemars(with = "Id")]
    pub id: String,
    pub shop: &'a str,
    #[schemars(with = "Moment")]
    pub from: String,
    #[schemars(with = "Moment")]
    pub to: String,
    #[schemars(with = "As<Cause>")]
    pub cause: Cause,
    #[schemars(with = "As<Against>")]
    pub against: Against,
    pub ordered_by: Option<&'a str>,
    #[schemars(with = "As<RunState>")]
    pub state: RunState,
    pub failure: Option<&'a str>,
    #[schemars(with = "Option<As<RunStep>>")]
    pub step: Option<RunStep>,
    pub pages: u64,
    pub items: u64,
    pub payments: u64,
    /// Breaks that it found and that are open, by kind.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub found: BTreeMap<BreakKind, u64>,
    pub opened: Option<u64>,
    pub resolved: Option<u64>,
    pub closed: Option<u64>,
    #[schemars(with = "Moment")]
    pub ordered_at: String,
    #[schemars(with = "Option<Moment>")]
    pub begun_at: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub finished_at: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub next_at: Option<String>,
}

impl<'a> From<&'a Run> for RunView<'a> {
    fn from(run: &'a Run) -> Self {
        let is_open = !run.state.is_over();
        let tally = run.tally.as_ref();
        Self {
            id: run.id.to_string(),
            shop: run.shop.as_str(),
            from: run.from.to_string(),
            to: run.to.to_string(),
            cause: run.cause,
            against: run.against,
            ordered_by: run.ordered_by.as_ref().map(|by| by.name.as_str()),
            state: run.state,
            failure: run.failure.as_deref(),
            step: is_open.then_some(run.progress.step),
            pages: run.progress.pages,
            items: run.progress.items,
            payments: run.progress.payments,
            found: tally.map(|tally| tally.open.clone()).unwrap_or_default(),
            opened: tally.map(|tally| tally.opened),
            resolved: tally.map(|tally| tally.resolved),
            closed: tally.map(|tally| tally.closed),
            ordered_at: run.ordered_at.to_string(),
            begun_at: run.begun_at.map(|at| at.to_string()),
            finished_at: run.finished_at.map(|at| at.to_string()),
            next_at: is_open.then(|| run.next_at.to_string()),
        }
    }
}

/// The longest window of a run, from the settings.
pub(crate) fn window_max(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(24 * 60 * 60))
}
