use std::io;
use std::time::Duration;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{NextStep, Patience, StuckReason, Time};
use futures::stream;
use store::{Scope, StuckItem, StuckTally};
use strum::VariantArray as _;

use super::given::Given;
use super::moment::{Moment, span};
use super::payments::shops;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::problem::{Kind, Problem};
use crate::http::query::Query;
use crate::http::stuck::{self, COUNT_MAX, StuckView};
use crate::http::{App, Caller};

/// `GET /console/stuck`: what needs a person, whatever was first in that first, by the filters of `GET /v1/stuck`.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    let found = stuck::page(Query::of_page(&request), visitor.caller(), &app).await?;
    let given = Given::of(&request);
    let now = app.desk.now();
    let shown = Shown { now, patience: &app.desk.rules().patience, runbook: &app.runbook_url };
    html(&StuckPage {
        shell: visitor.shell("Stuck", Some(Tab::Stuck)).live(),
        tabs: tabs(&found.tallies, &given, now),
        export: format!("/console/stuck.csv{}", given.with("limit", "200")),
        bulk: (visitor.caller().may(Scope::OpsWrite) && !given.has("snoozed", "true"))
            .then(|| format!("/console/bulk-actions/order{}", given.with("cursor", ""))),
        next: found.next_cursor.map(|cursor| given.with("cursor", &cursor)),
        shops: shops(&visitor, &app),
        rows: found.items.iter().filter_map(|item| Row::of(item, &shown)).collect(),
        may_write: visitor.caller().may(Scope::OpsWrite),
        given,
    })
}

/// One reason as a tab, with how many there are and the age of the oldest.
struct ReasonTab {
    label: String,
    query: String,
    here: bool,
    items: u64,
    more: bool,
    oldest: Option<String>,
}

fn tabs(tallies: &[StuckTally], given: &Given, now: Time) -> Vec<ReasonTab> {
    let all = tallies.iter().map(|tally| tally.items.min(COUNT_MAX.into())).sum();
    let more = tallies.iter().any(|tally| tally.items > COUNT_MAX.into());
    let oldest = tallies.iter().map(|tally| tally.oldest).min().map(|oldest| span(now.since(oldest)));
    let here = given.value("reason").is_empty() && !given.has("snoozed", "true");
    let everything =
        ReasonTab { label: "All".to_owned(), query: given.with("reason", ""), here, items: all, more, oldest };
    let one = |reason: &StuckReason| {
        let tally = tallies.iter().find(|tally| tally.reason == *reason)?;
        Some(ReasonTab {
            label: label(*reason),
            query: given.with("reason", (*reason).into()),
            here: given.has("reason", (*reason).into()),
            items: tally.items.min(COUNT_MAX.into()),
            more: tally.items > COUNT_MAX.into(),
            oldest: Some(span(now.since(tally.oldest))),
        })
    };
    std::iter::once(everything).chain(StuckReason::VARIANTS.iter().filter_map(one)).collect()
}

/// A reason's name as a person would write it.
pub(super) fn label(reason: StuckReason) -> String {
    let word: &str = reason.into();
    let words = word.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What a row is shown by.
struct Shown<'a> {
    now: Time,
    patience: &'a Patience,
    runbook: &'a str,
}

struct Row {
    reason: String,
    age: String,
    link: Option<String>,
    name: String,
    state: Option<String>,
    why: Option<String>,
    money: Option<String>,
    shop: String,
    gateway_id: Option<String>,
    payment_type: Option<String>,
    next_check: Option<Moment>,
    tried: Option<String>,
    assignee: Option<String>,
    snoozed_until: Option<String>,
    step: &'static str,
    runbook: String,
    /// A payment that may be asked about at once.
    check: Option<String>,
    /// A notice that may be run again at once.
    rerun: Option<String>,
}

impl Row {
    fn of(item: &StuckItem, shown: &Shown<'_>) -> Option<Self> {
        let view = StuckView::of(item, shown.now, shown.patience, shown.runbook)?;
        let next_check = match item {
            StuckItem::Payment(stored) => Moment::of_any(stored.progress.next_check_at, shown.now),
            StuckItem::Notice(_) => None,
        };
        let name = view.reference_id.or(view.gateway_payment_id).unwrap_or("a notice without an id").to_owned();
        let link = view.payment_id.as_ref().map(|id| format!("/console/payments/{id}")).or_else(|| {
            let query =
                |id| url::form_urlencoded::Serializer::new(String::new()).append_pair("gatewayPaymentId", id).finish();
            view.gateway_payment_id.map(|id| format!("/console/webhooks-in?{}", query(id)))
        });
        let is_asked = view.next_step.action == NextStep::Check;
        Some(Self {
            reason: label(view.reason),
            age: span(Duration::from_secs(view.age_seconds)),
            link,
            name,
            state: view.state.clone(),
            money: view
                .amount_at_risk
                .as_ref()
                .zip(view.currency)
                .map(|(amount, currency)| format!("{amount} {currency}")),
            shop: view.shop.to_owned(),
            gateway_id: view.gateway_payment_id.map(str::to_owned),
            payment_type: view.payment_type.map(|payment_type| payment_type.to_string()),
            next_check,
            tried: view.tried.as_ref().map(|tried| {
                format!("{} sent, {} looks, {} of them failed", tried.requests, tried.checks, tried.failures)
            }),
            assignee: view.assignee.map(str::to_owned),
            snoozed_until: view.snoozed_until.clone(),
            step: view.next_step.text,
            // The one of this release is at hand here, whatever lies elsewhere.
            runbook: format!("/console/runbook#{}", view.reason.anchor()),
            check: view.payment_id.clone().filter(|_| is_asked),
            rerun: view.webhook_id.clone(),
            why: view.why,
        })
    }
}

/// `GET /console/stuck.csv`: all that fits the same filter, page after page, as it is read.
pub(super) async fn file(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    // What is wrong with the filter is said before anything is sent.
    let first = stuck::page(Query::of_page(&request), visitor.caller(), &app).await?;
    let writing =
        Writing { given: Given::of(&request), caller: visitor.caller().clone(), app, next: Some(Part::First(first)) };
    // A file that breaks off is none: whoever takes it is told by the missing end.
    let rows = stream::try_unfold(writing, |writing| async move {
        writing.go_on().await.map_err(|problem| io::Error::other(problem.to_string()))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"stuck.csv\""))
        .streaming(Box::pin(rows)))
}

/// What is to be written next.
enum Part {
    First(stuck::Found),
    Behind(String),
}

/// A file that is being written.
struct Writing {
    given: Given,
    caller: Caller,
    app: Data<App>,
    next: Option<Part>,
}

impl Writing {
    async fn go_on(mut self) -> Result<Option<(Bytes, Self)>, Problem> {
        let (found, is_first) = match self.next.take() {
            None => return Ok(None),
            Some(Part::First(found)) => (found, true),
            Some(Part::Behind(cursor)) => {
                let query = self.given.with("cursor", &cursor);
                let query = Query::of_text(query.trim_start_matches('?'));
                (stuck::page(query, &self.caller, &self.app).await?, false)
            }
        };
        let bytes = self.lines(&found.items, is_first)?;
        self.next = found.next_cursor.map(Part::Behind);
        Ok(Some((bytes, self)))
    }

    fn lines(&self, items: &[StuckItem], with_heading: bool) -> Result<Bytes, Problem> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let written = self.write(&mut writer, items, with_heading);
        let bytes = written.ok().and_then(|()| writer.into_inner().ok());
        bytes.map(Bytes::from).ok_or_else(|| Problem::new(Kind::Internal, "the file could not be written"))
    }

    fn write(&self, writer: &mut csv::Writer<Vec<u8>>, items: &[StuckItem], with_heading: bool) -> csv::Result<()> {
        if with_heading {
            writer.write_record(COLUMNS)?;
        }
        let (now, patience) = (self.app.desk.now(), &self.app.desk.rules().patience);
        for view in items.iter().filter_map(|item| StuckView::of(item, now, patience, &self.app.runbook_url)) {
            let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
            let currency = view.currency.map(|currency| currency.to_string()).unwrap_or_default();
            writer.write_record([
                view.reason.to_string(),
                view.since.clone(),
                view.age_seconds.to_string(),
                view.shop.to_owned(),
                text(view.payment_id.as_deref()),
                text(view.webhook_id.as_deref()),
                harmless(text(view.reference_id)),
                harmless(text(view.gateway_payment_id)),
                text(view.state.as_deref()),
                text(view.amount_at_risk.as_deref()),
                currency,
                harmless(text(view.assignee)),
                text(view.snoozed_until.as_deref()),
                view.next_step.action.to_string(),
            ])?;
        }
        Ok(())
    }
}

/// The columns of the file: those of `GET /v1/stuck`.
const COLUMNS: [&str; 14] = [
    "reason",
    "since",
    "ageSeconds",
    "shop",
    "paymentId",
    "webhookId",
    "referenceId",
    "gatewayPaymentId",
    "state",
    "amountAtRisk",
    "currency",
    "assignee",
    "snoozedUntil",
    "nextStep",
];

/// A text of others that a spreadsheet would take for a formula is one no more.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[derive(Template)]
#[template(path = "console/stuck.html")]
struct StuckPage {
    shell: Shell,
    given: Given,
    tabs: Vec<ReasonTab>,
    shops: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
    export: String,
    /// Where something is done to all of it.
    bulk: Option<String>,
    may_write: bool,
}
