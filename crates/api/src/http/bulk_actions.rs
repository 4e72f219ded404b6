//! `/v1/bulk-actions`: the same deed for everything that is stuck and fits a filter.

use std::collections::BTreeSet;

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{ShopName, StuckReason, Text, Time, Via};
use orchestrator::{BulkDeed, BulkOrder};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use store::{BulkAction, BulkActionsPage, BulkTrouble, Scope};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

use super::cursor::Cursor;
use super::document::{As, Id, Moment};
use super::exports::word;
use super::form::Form;
use super::operate::{text, until};
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::resolve::dry_run;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body, stray_card};

/// What can be done to many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, strum::Display, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum BulkName {
    /// The gateway is asked about each payment.
    Check,
    /// Each notice that nothing matched is run again.
    Rerun,
    /// Each payment is put off.
    Snooze,
    /// Somebody looks after each payment.
    Assign,
    /// Every event of each payment is sent again.
    ResendEvents,
}

/// What somebody asks for; what is missing is told once all is read.
pub(crate) struct Asked {
    /// What is done to each.
    pub(crate) deed: Option<BulkDeed>,
    /// To what is stuck for one of these reasons; any if there is none.
    pub(crate) reasons: BTreeSet<StuckReason>,
    /// And belongs to one of these shops; any that the caller may see if there is none.
    pub(crate) shops: BTreeSet<ShopName>,
    /// Where a filter that fits nothing is told.
    pub(crate) filter_at: &'static str,
}

/// What somebody says with it.
pub(crate) struct Said {
    /// Why.
    pub(crate) reason: Option<String>,
    /// Where it is written up.
    pub(crate) ticket: Option<String>,
    /// From where they say it.
    pub(crate) via: Via,
}

/// `POST /v1/bulk-actions` `{action, until?, assignee?, filter: {reason?, shop?}, reason, ticket?, dryRun?}`: 202, since it takes
/// as long as there are items.
pub(super) async fn order(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsWrite).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let (mut form, errors) = (Form::read(&body)?, &mut Vec::new());
    let is_dry = dry_run(&mut form, errors);
    let asked = read_order(&mut form, app.desk.now(), errors);
    let reason = text(&mut form, "reason", !is_dry, errors);
    let ticket = text(&mut form, "ticket", false, errors);
    form.finish(errors);
    if is_dry {
        let (deed, reasons, shops) = check(asked, errors, &caller)?;
        let preview = preview(&deed, &reasons, &shops, &app).await?;
        return Ok(HttpResponse::Ok().json(preview));
    }
    let action = place(asked, Said { reason, ticket, via: Via::Api }, errors, &caller, &app).await?;
    let location = format!("/v1/bulk-actions/{}", action.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(BulkActionView::from(&action)))
}

fn read_order(form: &mut Form<'_>, now: Time, errors: &mut Vec<FieldError>) -> Asked {
    let name: Option<BulkName> = word(form, "action", errors);
    // What belongs to another action is not taken, and so refused by its name.
    let deed = match name {
        None => None,
        Some(BulkName::Check) => Some(BulkDeed::Check),
        Some(BulkName::Rerun) => Some(BulkDeed::Rerun),
        Some(BulkName::ResendEvents) => Some(BulkDeed::ResendEvents),
        Some(BulkName::Assign) => {
            let to: Option<Text<100>> = form.text("assignee", errors);
            stray_card::refuse_in_text("/assignee", to.as_ref().map(Text::as_str), errors);
            Some(BulkDeed::Assign { to: to.map(String::from) })
        }
        Some(BulkName::Snooze) => {
            let until = until(form, now, errors);
            form.require("until", until, errors).map(|until| BulkDeed::Snooze { until })
        }
    };
    let (mut reasons, mut shops) = (BTreeSet::new(), BTreeSet::new());
    if let Some(mut filter) = form.form("filter", errors) {
        const REASONS: &str = "must be an array of names of reasons";
        reasons = filter.value("reason", REASONS, errors).unwrap_or_default();
        shops = filter.value("shop", "must be an array of names of shops", errors).unwrap_or_default();
        filter.finish(errors);
    }
    Asked { deed, reasons, shops, filter_at: "/filter/reason" }
}

/// Orders it, if nothing is wrong with what is asked for.
pub(crate) async fn place(
    asked: Asked,
    said: Said,
    errors: &mut Vec<FieldError>,
    caller: &Caller,
    app: &App,
) -> Result<BulkAction, Problem> {
    let (deed, reasons, shops) = check(asked, errors, caller)?;
    let Said { reason, ticket, via } = said;
    let reason = reason.unwrap_or_default();
    let order = BulkOrder { id: app.ids.next(), deed, reasons, shops, reason, ticket, by: caller.actor(), via };
    let bulk = app.bulk.clone();
    Ok(app.works.run(async move { bulk.order(order).await }).await??)
}

/// What is done, to what is stuck for which reasons in which shops, if the caller may.
pub(crate) fn check(
    asked: Asked,
    errors: &mut Vec<FieldError>,
    caller: &Caller,
) -> Result<(BulkDeed, BTreeSet<StuckReason>, BTreeSet<ShopName>), Problem> {
    let Asked { deed, reasons, shops, filter_at } = asked;
    let reasons = deed.as_ref().map(|deed| deed.reasons(&reasons)).unwrap_or_default();
    if deed.is_some() && reasons.is_empty() {
        let detail = "names nothing that this can be done to".to_owned();
        errors.push(FieldError { pointer: filter_at.to_owned(), detail });
    }
    let Some(deed) = deed.filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    if deed == BulkDeed::ResendEvents {
        caller.check(Scope::WebhooksWrite)?;
    }
    if !shops.iter().all(|shop| caller.may_see(shop)) {
        return Err(Problem::not_found());
    }
    let shops = if shops.is_empty() { caller.shops().clone() } else { shops };
    Ok((deed, reasons, shops))
}

/// How many there are that it would be done to.
pub(crate) async fn preview(
    deed: &BulkDeed,
    reasons: &BTreeSet<StuckReason>,
    shops: &BTreeSet<ShopName>,
    app: &App,
) -> Result<BulkPreviewView, Problem> {
    let (bulk, reasons, shops) = (app.bulk.clone(), deed.reasons(reasons), shops.clone());
    let items_max = u64::from(bulk.items_max());
    let found = app.works.run(async move { bulk.count(&reasons, &shops).await }).await??;
    Ok(BulkPreviewView { items: found.min(items_max), more: found > items_max, items_max })
}

/// `GET /v1/bulk-actions`: the one that was ordered last first.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    let (found, next_cursor) = page(Query::of(&request), &caller, &app).await?;
    let data = found.iter().map(BulkActionView::from).collect();
    Ok(HttpResponse::Ok().json(BulkActionsView { data, next_cursor }))
}

/// Those of a page that the caller may see, and the cursor of the next page.
pub(crate) async fn page(
    mut query: Query,
    caller: &Caller,
    app: &App,
) -> Result<(Vec<BulkAction>, Option<String>), Problem> {
    let limit = query.limit();
    let before = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| (cursor.at, cursor.id));
    query.finish()?;
    let page = BulkActionsPage { shops: caller.shops().clone(), before, limit: limit + 1 };
    let records = app.bulk.records().clone();
    let mut found = app.works.run(async move { records.bulk_actions(&page).await }).await??;
    let next_cursor = Cursor::behind(&mut found, limit, |one| Cursor { at: one.ordered_at, id: one.id });
    Ok((found, next_cursor))
}

/// `GET /v1/bulk-actions/{id}`: how far it is.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    Query::of(&request).finish()?;
    Ok(HttpResponse::Ok().json(BulkActionView::from(&visible(&id, &caller, &app).await?)))
}

/// `POST /v1/bulk-actions/{id}/stop`: what was done is done, and nothing more is.
pub(super) async fn stop(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsWrite).await?;
    Query::of(&request).finish()?;
    Ok(HttpResponse::Ok().json(BulkActionView::from(&stopped(&id, &caller, &app).await?)))
}

/// Has it stopped, and answers with it as it is then.
pub(crate) async fn stopped(id: &str, caller: &Caller, app: &App) -> Result<BulkAction, Problem> {
    let action = visible(id, caller, app).await?.id;
    let (bulk, by) = (app.bulk.clone(), caller.actor());
    if !app.works.run(async move { bulk.stop(action, &by).await }).await?? {
        return Err(Problem::new(Kind::NotInThisState, "the bulk action is over, or was stopped already"));
    }
    visible(id, caller, app).await
}

/// The one with this id, if the caller may see it: all of its shops must be theirs.
pub(crate) async fn visible(id: &str, caller: &Caller, app: &App) -> Result<BulkAction, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let records = app.bulk.records().clone();
    let found = app.works.run(async move { records.bulk_action(id).await }).await??;
    let may_see = |one: &BulkAction| {
        caller.shops().is_empty() || (!one.shops.is_empty() && one.shops.iter().all(|shop| caller.may_see(shop)))
    };
    found.filter(may_see).ok_or_else(Problem::not_found)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BulkActions")]
pub(super) struct BulkActionsView<'a> {
    data: Vec<BulkActionView<'a>>,
    next_cursor: Option<String>,
}

/// To how many it would be done.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "BulkPreview")]
pub(crate) struct BulkPreviewView {
    pub items: u64,
    /// Whether there are more than it would be done to.
    pub more: bool,
    pub items_max: u64,
}

/// A bulk action, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "BulkAction")]
pub(crate) struct BulkActionView<'a> {
    #[schemars(with = "Id")]
    pub id: String,
    /// What is done, with what belongs to it.
    #[serde(flatten)]
    #[schemars(with = "As<BulkDeed>")]
    pub deed: Value,
    pub filter: BulkFilterView<'a>,
    pub items_max: u64,
    pub reason: &'a str,
    pub ticket: Option<&'a str>,
    pub ordered_by: &'a str,
    #[schemars(with = "As<Via>")]
    pub via: Via,
    #[schemars(with = "Moment")]
    pub ordered_at: String,
    pub state: &'static str,
    pub expected: u64,
    pub done: u64,
    pub failed: u64,
    #[schemars(with = "Vec<As<BulkTrouble>>")]
    pub troubles: &'a [BulkTrouble],
    pub stopped_by: Option<&'a str>,
    #[schemars(with = "Option<Moment>")]
    pub begun_at: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub finished_at: Option<String>,
}

/// To what it is done.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "BulkFilter")]
pub(crate) struct BulkFilterView<'a> {
    #[schemars(with = "Vec<As<StuckReason>>")]
    pub reason: &'a BTreeSet<StuckReason>,
    #[schemars(with = "Vec<String>")]
    pub shop: &'a BTreeSet<ShopName>,
}

impl BulkActionView<'_> {
    /// What is done, in its word.
    pub(crate) fn action(&self) -> &str {
        self.deed["action"].as_str().unwrap_or_default()
    }
}

impl<'a> From<&'a BulkAction> for BulkActionView<'a> {
    fn from(action: &'a BulkAction) -> Self {
        Self {
            id: action.id.to_string(),
            deed: serde_json::from_str(&action.action).unwrap_or_default(),
            filter: BulkFilterView { reason: &action.reasons, shop: &action.shops },
            items_max: action.items_max,
            reason: &action.reason,
            ticket: action.ticket.as_deref(),
            ordered_by: &action.ordered_by.name,
            via: action.via,
            ordered_at: action.ordered_at.to_string(),
            state: action.state.into(),
            expected: action.expected,
            done: action.done,
            failed: action.failed,
            troubles: &action.troubles,
            stopped_by: action.stopped_by.as_ref().map(|by| by.name.as_str()),
            begun_at: action.begun_at.map(|at| at.to_string()),
            finished_at: action.finished_at.map(|at| at.to_string()),
        }
    }
}
