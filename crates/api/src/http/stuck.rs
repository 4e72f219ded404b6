//! `GET /v1/stuck`: what needs a person.

use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use domain::{Currency, NextStep, Patience, Payment, PaymentState, PaymentType, Stuck, StuckReason, Time};
use schemars::JsonSchema;
use serde::Serialize;
use store::{FiledNotice, Scope, Stored, StuckItem, StuckPage, StuckTally};

use super::cursor::Cursor;
use super::document::{Amount, As, Id, Moment};
use super::problem::Problem;
use super::query::Query;
use super::{App, Caller};

/// How far each reason is counted for a page; beyond that there are "more".
pub(crate) const COUNT_MAX: u32 = 10_000;

/// Whatever was first to need a person first, page by page; filters `reason`, `shop`; `snoozed=true` for what was put off.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    let Found { items, tallies, next_cursor } = page(Query::of(&request), &caller, &app).await?;
    let now = app.desk.now();
    let (patience, link) = (&app.desk.rules().patience, app.runbook_url.as_str());
    let data = items.iter().filter_map(|item| StuckView::of(item, now, patience, link)).collect();
    let counts = tallies.iter().map(|tally| CountView::of(tally, now)).collect();
    Ok(HttpResponse::Ok().json(StuckListView { counts, data, next_cursor }))
}

/// A page of what needs a person.
#[derive(Default)]
pub(crate) struct Found {
    /// What stands on it.
    pub(crate) items: Vec<StuckItem>,
    /// How many there are of each reason, on all pages.
    pub(crate) tallies: Vec<StuckTally>,
    /// The cursor of the next page.
    pub(crate) next_cursor: Option<String>,
}

/// The page that is asked for, of what the caller may see.
pub(crate) async fn page(mut query: Query, caller: &Caller, app: &App) -> Result<Found, Problem> {
    let limit = query.limit();
    let after = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| (cursor.at, cursor.id));
    let reasons: BTreeSet<StuckReason> = query.several("reason", "must be the name of a reason").into_iter().collect();
    let snoozed = query.one("snoozed", "must be true or false").unwrap_or(false);
    let shops = query.shops(caller);
    query.finish()?;
    let now = app.desk.now();
    let Some(shops) = shops else { return Ok(Found::default()) };
    let page = StuckPage { reasons, shops, now, snoozed, after, limit: limit + 1 };
    let reads = app.reads.clone();
    let (mut items, tallies) = app
        .works
        .run(async move {
            let items = reads.stuck(&page).await?;
            let tallies = reads.stuck_tallies(&page.shops, page.now, COUNT_MAX + 1).await?;
            Ok::<_, store::StoreError>((items, tallies))
        })
        .await??;
    let next_cursor = Cursor::behind(&mut items, limit, |item| {
        let (at, id) = item.place().unwrap_or((now, uuid::Uuid::nil()));
        Cursor { at, id }
    });
    Ok(Found { items, tallies, next_cursor })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StuckList")]
pub(super) struct StuckListView<'a> {
    counts: Vec<CountView>,
    data: Vec<StuckView<'a>>,
    next_cursor: Option<String>,
}

/// How many need a person for one reason.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "StuckCount")]
pub(crate) struct CountView {
    #[schemars(with = "As<StuckReason>")]
    pub reason: StuckReason,
    pub items: u64,
    /// Whether there are more than were counted.
    pub more: bool,
    #[schemars(with = "Moment")]
    pub oldest_since: String,
    pub oldest_age_seconds: u64,
}

/// Something that needs a person, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "Stuck")]
pub(crate) struct StuckView<'a> {
    #[schemars(with = "As<StuckReason>")]
    pub reason: StuckReason,
    #[schemars(with = "Moment")]
    pub since: String,
    pub age_seconds: u64,
    pub shop: &'a str,
    #[schemars(with = "Option<Id>")]
    pub payment_id: Option<String>,
    #[schemars(with = "Option<Id>")]
    pub webhook_id: Option<String>,
    pub reference_id: Option<&'a str>,
    pub gateway_payment_id: Option<&'a str>,
    #[schemars(with = "Option<As<PaymentType>>")]
    pub payment_type: Option<PaymentType>,
    pub state: Option<String>,
    pub why: Option<String>,
    #[schemars(with = "Option<Amount>")]
    pub amount_at_risk: Option<String>,
    #[schemars(with = "Option<As<Currency>>")]
    pub currency: Option<Currency>,
    #[schemars(with = "Option<Moment>")]
    pub next_check_at: Option<String>,
    pub tried: Option<TriedView>,
    pub assignee: Option<&'a str>,
    #[schemars(with = "Option<Moment>")]
    pub snoozed_until: Option<String>,
    pub version: Option<u64>,
    pub next_step: NextStepView,
}

/// What the machine tried so far.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "Tried")]
pub(crate) struct TriedView {
    pub requests: usize,
    pub checks: u32,
    pub failures: u32,
    #[schemars(with = "Option<Moment>")]
    pub checked_at: Option<String>,
}

/// What a person does next.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "NextStep")]
pub(crate) struct NextStepView {
    #[schemars(with = "As<NextStep>")]
    pub action: NextStep,
    pub text: &'static str,
    pub runbook: String,
}

impl CountView {
    /// As it is `now`.
    pub(crate) fn of(tally: &StuckTally, now: Time) -> Self {
        Self {
            reason: tally.reason,
            items: tally.items.min(COUNT_MAX.into()),
            more: tally.items > COUNT_MAX.into(),
            oldest_since: tally.oldest.to_string(),
            oldest_age_seconds: now.since(tally.oldest).as_secs(),
        }
    }
}

impl<'a> StuckView<'a> {
    /// As it is `now`; none if it turns out not to be stuck, because an older release wrote its row last.
    pub(crate) fn of(item: &'a StuckItem, now: Time, patience: &Patience, runbook_url: &str) -> Option<Self> {
        match item {
            StuckItem::Payment(stored) => {
                let stuck = stored.progress.stuck?;
                stored.payment.stuck(&stored.progress, now, patience)?;
                Some(Self::of_payment(stored, stuck, now, runbook_url))
            }
            StuckItem::Notice(notice) => Some(Self::of_notice(notice, now, runbook_url)),
        }
    }

    fn of_payment(stored: &'a Stored, stuck: Stuck, now: Time, runbook_url: &str) -> Self {
        let Payment { opening, care, .. } = &stored.payment;
        let (payment, progress) = (&stored.payment, &stored.progress);
        let at_risk = payment.at_risk(stuck.reason);
        Self {
            reason: stuck.reason,
            since: stuck.since.to_string(),
            age_seconds: now.since(stuck.since).as_secs(),
            shop: opening.shop.as_str(),
            payment_id: Some(payment.id().to_string()),
            webhook_id: None,
            reference_id: Some(opening.reference_id.as_str()),
            gateway_payment_id: payment.gateway_payment_id.as_ref().map(domain::GatewayPaymentId::as_str),
            payment_type: Some(opening.payment_type),
            state: Some(payment.state.to_string()),
            why: Some(payment.why(progress)),
            amount_at_risk: Some(at_risk.amount_text()),
            currency: Some(at_risk.currency()),
            next_check_at: progress.next_check_at.map(|at| at.to_string()),
            tried: Some(TriedView {
                requests: payment.submission.attempts().len() + payment.commands.issued().len(),
                checks: progress.checks,
                failures: progress.failures,
                checked_at: progress.checked_at.map(|at| at.to_string()),
            }),
            assignee: care.assignee.as_deref(),
            snoozed_until: care.snoozed_until.filter(|until| *until > now).map(|until| until.to_string()),
            version: Some(payment.version),
            next_step: NextStepView::of(next_step(payment, stuck.reason), stuck.reason, runbook_url),
        }
    }

    fn of_notice(notice: &'a FiledNotice, now: Time, runbook_url: &str) -> Self {
        let (record, reason) = (&notice.record, StuckReason::UnmatchedWebhook);
        Self {
            reason,
            since: record.received_at.to_string(),
            age_seconds: now.since(record.received_at).as_secs(),
            shop: record.shop.as_str(),
            payment_id: None,
            webhook_id: Some(record.id.to_string()),
            reference_id: None,
            gateway_payment_id: record.gateway_payment_id.as_deref(),
            payment_type: None,
            state: record.state.clone(),
            why: None,
            amount_at_risk: None,
            currency: None,
            next_check_at: None,
            tried: None,
            assignee: None,
            snoozed_until: None,
            version: None,
            next_step: NextStepView::of(reason.next_step(), reason, runbook_url),
        }
    }
}

/// A payment that has ended is not asked about by a schedule any more: what is left to do is to settle it.
fn next_step(payment: &Payment, reason: StuckReason) -> NextStep {
    match (reason, payment.state) {
        (StuckReason::NotFoundAtGateway, state) if state.is_final() && state != PaymentState::Completed => {
            NextStep::Settle
        }
        (reason, _) => reason.next_step(),
    }
}

impl NextStepView {
    fn of(action: NextStep, reason: StuckReason, runbook_url: &str) -> Self {
        Self { action, text: action.in_words(), runbook: format!("{runbook_url}#{}", reason.anchor()) }
    }
}
