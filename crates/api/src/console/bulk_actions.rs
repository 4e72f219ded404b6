//! The same deed for everything that is stuck and fits a filter: asked about with its count, then watched, and stopped.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{ShopName, StuckReason, Text, Time, Via};
use orchestrator::BulkDeed;
use store::{BulkAction, BulkState, Scope};
use strum::VariantArray as _;

use super::fields::Fields;
use super::given::Given;
use super::moment::Moment;
use super::said::Said;
use super::sign_in::go_to;
use super::stuck::label;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::bulk_actions::{self, Asked, BulkActionView, BulkName, BulkPreviewView};
use crate::http::operate::SNOOZE_MAX;
use crate::http::problem::FieldError;
use crate::http::query::Query;
use crate::http::{App, stray_card};

/// `GET /console/bulk-actions/order`: what can be done to all that fits the filter of *Stuck*, and to how many.
pub(super) async fn ask(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    let mut query = Query::of_page(&request);
    let reasons: BTreeSet<StuckReason> = query.several("reason", "must be the name of a reason").into_iter().collect();
    let shops: BTreeSet<ShopName> = query.several("shop", "must be the name of a shop").into_iter().collect();
    // What else the filter has is of its page alone.
    let _ = (query.limit(), query.one::<String>("cursor", "must be a cursor"));
    query.finish()?;
    let mut offers = Vec::new();
    for (name, deed) in [(BulkName::Check, BulkDeed::Check), (BulkName::Rerun, BulkDeed::Rerun)] {
        if deed.reasons(&reasons).is_empty() {
            continue;
        }
        let asked = Asked { deed: Some(deed), reasons: reasons.clone(), shops: shops.clone(), filter_at: "only" };
        let (deed, reasons, shops) = bulk_actions::check(asked, &mut Vec::new(), visitor.caller())?;
        let preview = bulk_actions::preview(&deed, &reasons, &shops, &app).await?;
        offers.push(Offer::of(name, &preview, &visitor));
    }
    html(&BulkOrderPage {
        shell: visitor.shell("Do something to all of them", Some(Tab::Stuck)),
        back: format!("/console/stuck{}", Given::of(&request).with("cursor", "")),
        reasons: reasons.iter().map(|reason| ((*reason).into(), label(*reason))).collect(),
        shops: shops.iter().map(ToString::to_string).collect(),
        offers,
    })
}

/// `POST /console/bulk-actions`.
pub(super) async fn order(
    visitor: Visitor,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    let mut fields = Fields::of(&request, payload, Some(visitor.token()), &app).await?;
    let deed = deed(&mut fields, app.desk.now());
    let (mut reasons, mut shops) = (BTreeSet::new(), BTreeSet::new());
    while let Some(reason) = fields.text::<StuckReason>("only") {
        reasons.insert(reason);
    }
    while let Some(shop) = fields.text::<ShopName>("shop") {
        shops.insert(shop);
    }
    let reason: Option<Text<500>> = fields.need("reason");
    let ticket: Option<Text<100>> = fields.text("ticket");
    stray_card::refuse_in_text("reason", reason.as_ref().map(Text::as_str), fields.errors());
    stray_card::refuse_in_text("ticket", ticket.as_ref().map(Text::as_str), fields.errors());
    let asked = Asked { deed, reasons, shops, filter_at: "only" };
    let said = bulk_actions::Said {
        reason: reason.map(String::from),
        ticket: ticket.map(|ticket| ticket.as_str().to_owned()),
        via: Via::Console,
    };
    let action = bulk_actions::place(asked, said, &mut fields.into_errors(), visitor.caller(), &app).await?;
    Ok(go_to(&Said::Ordered.at(&format!("/console/bulk-actions/{}", action.id))))
}

fn deed(fields: &mut Fields, now: Time) -> Option<BulkDeed> {
    let name: BulkName = fields.word("action")?;
    let hours: Option<u64> = fields.text("hours");
    let to: Option<Text<100>> = fields.text("assignee");
    stray_card::refuse_in_text("assignee", to.as_ref().map(Text::as_str), fields.errors());
    let longest = SNOOZE_MAX.as_secs() / 3600;
    match name {
        BulkName::Check => Some(BulkDeed::Check),
        BulkName::Rerun => Some(BulkDeed::Rerun),
        BulkName::ResendEvents => Some(BulkDeed::ResendEvents),
        BulkName::Assign => Some(BulkDeed::Assign { to: to.map(String::from) }),
        BulkName::Snooze => match hours {
            Some(hours) if (1..=longest).contains(&hours) => {
                Some(BulkDeed::Snooze { until: now.plus(Duration::from_hours(hours)) })
            }
            _ => {
                let detail = format!("must be from 1 to {longest}");
                fields.errors().push(FieldError { pointer: "hours".to_owned(), detail });
                None
            }
        },
    }
}

/// `GET /console/bulk-actions`: what was ordered, the last one first.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    let (found, next) = bulk_actions::page(Query::of_page(&request), visitor.caller(), &app).await?;
    let now = app.desk.now();
    html(&BulkActionsPage {
        shell: visitor.shell("Bulk actions", Some(Tab::Stuck)).live(),
        next: next.map(|cursor| Given::of(&request).with("cursor", &cursor)),
        rows: found.iter().map(|action| Row::of(action, now)).collect(),
    })
}

/// `GET /console/bulk-actions/{id}`: how far it is, and a stop.
pub(super) async fn show(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    let mut query = Query::of_page(&request);
    let said: Option<Said> = query.one("said", Said::OTHERWISE);
    query.finish()?;
    let action = bulk_actions::visible(&id, visitor.caller(), &app).await?;
    let row = Row::of(&action, app.desk.now());
    html(&BulkActionPage {
        shell: visitor.shell(format!("Bulk action: {}", row.action), Some(Tab::Stuck)).saying(said).live(),
        may_stop: row.is_open && action.stopped_by.is_none() && visitor.caller().may(Scope::OpsWrite),
        reasons: action.reasons.iter().map(|reason| label(*reason)).collect(),
        view: BulkActionView::from(&action),
        row,
    })
}

/// `POST /console/bulk-actions/{id}/stop`.
pub(super) async fn stop(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    Fields::of(&request, payload, Some(visitor.token()), &app).await?.finish()?;
    let action = bulk_actions::stopped(&id, visitor.caller(), &app).await?;
    Ok(go_to(&Said::Stopped.at(&format!("/console/bulk-actions/{}", action.id))))
}

/// What can be done to those of one kind, and how many of them there are.
struct Offer {
    is_for_webhooks: bool,
    items: u64,
    more: bool,
    items_max: u64,
    /// Each by its word and in words.
    actions: Vec<(&'static str, &'static str)>,
}

impl Offer {
    fn of(name: BulkName, preview: &BulkPreviewView, visitor: &Visitor) -> Self {
        let BulkPreviewView { items, more, items_max } = *preview;
        let is_for_webhooks = name == BulkName::Rerun;
        let is_offered = |one: &&BulkName| {
            let is_allowed = **one != BulkName::ResendEvents || visitor.caller().may(Scope::WebhooksWrite);
            (**one == BulkName::Rerun) == is_for_webhooks && is_allowed
        };
        let actions = BulkName::VARIANTS.iter().filter(is_offered).map(|one| ((*one).into(), in_words(*one))).collect();
        Self { is_for_webhooks, items, more, items_max, actions }
    }
}

const fn in_words(name: BulkName) -> &'static str {
    match name {
        BulkName::Check => "ask the gateway about each",
        BulkName::Rerun => "run each again",
        BulkName::Snooze => "put each off",
        BulkName::Assign => "have somebody look after each",
        BulkName::ResendEvents => "send the events of each again",
    }
}

struct Row {
    id: String,
    action: String,
    state: &'static str,
    tone: &'static str,
    gone_through: u64,
    expected: u64,
    failed: u64,
    is_open: bool,
    ordered: Moment,
    ordered_by: String,
    finished: Option<Moment>,
}

impl Row {
    fn of(action: &BulkAction, now: Time) -> Self {
        let tone = match action.state {
            BulkState::Waiting | BulkState::Running => "open",
            BulkState::Completed if action.failed == 0 => "good",
            BulkState::Completed | BulkState::Failed => "unknown",
            BulkState::Stopped => "dead",
        };
        Self {
            id: action.id.to_string(),
            action: BulkActionView::from(action).action().replace('-', " "),
            state: action.state.into(),
            tone,
            gone_through: action.done + action.failed,
            // What was counted may have got less since.
            expected: action.expected.max(action.done + action.failed),
            failed: action.failed,
            is_open: action.finished_at.is_none(),
            ordered: Moment::of(action.ordered_at, now),
            ordered_by: action.ordered_by.name.clone(),
            finished: Moment::of_any(action.finished_at, now),
        }
    }
}

#[derive(Template)]
#[template(path = "console/bulk_order.html")]
struct BulkOrderPage {
    shell: Shell,
    back: String,
    /// Each by its word and in words; all if there is none.
    reasons: Vec<(&'static str, String)>,
    shops: Vec<String>,
    offers: Vec<Offer>,
}

#[derive(Template)]
#[template(path = "console/bulk_actions.html")]
struct BulkActionsPage {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "console/bulk_action.html")]
struct BulkActionPage<'a> {
    shell: Shell,
    row: Row,
    view: BulkActionView<'a>,
    reasons: Vec<String>,
    may_stop: bool,
}
