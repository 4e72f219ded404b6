use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{Elsewhere, Entry, OtherPayment, Payment, PaymentId, Refund, Time};
use store::{NoticeRecord, Scope, Stored};
use strum::VariantArray as _;

use super::action::Action;
use super::fields::Fields;
use super::moment::Moment;
use super::payments::tone;
use super::said::Said;
use super::sign_in::go_to;
use super::timeline::{Line, timeline};
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::cli::gateway_state_in_words;
use crate::http::App;
use crate::http::payment_view::PaymentView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::read_payment::{self, by_id, reconciled, visible};

/// Entries of a ledger on one page.
const ENTRIES: u32 = 200;

/// `GET /console/payments/{id}`: where it stands and why, what can be done, and all that happened.
pub(super) async fn show(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::PaymentsRead)?;
    let mut query = Query::of_page(&request);
    let said: Option<Said> = query.one("said", Said::OTHERWISE);
    let after: Option<u64> = query.one("after", "must be the number of an entry");
    query.finish()?;
    let stored = visible(by_id(&id)?, visitor.caller(), &app).await?;
    let (ledger, more, notices) = happened(stored.payment.id(), after, &app).await?;
    let proven = reconciled(&stored, &app).await?;
    let now = app.desk.now();
    let payment = &stored.payment;
    let view = PaymentView::from(&stored).reconciled(&stored, &proven);
    let title = format!("{} {}", payment.opening.payment_type, payment.opening.reference_id);
    html(&PaymentPage {
        shell: visitor.shell(title, Some(Tab::Payments)).saying(said).live(),
        tone: tone(payment.state),
        may_check: visitor.caller().may(Scope::OpsWrite),
        actions: actions(payment, &visitor),
        created: Moment::of(payment.created_at, now),
        updated: Moment::of(payment.updated_at, now),
        state_since: Moment::of(payment.state_at, now),
        checked: Moment::of_any(stored.progress.checked_at, now),
        next_check: Moment::of_any(stored.progress.next_check_at, now),
        checks: stored.progress.checks,
        assignee: payment.care.assignee.clone(),
        snoozed_until: Moment::of_any(payment.care.snoozed_until.filter(|until| *until > now), now),
        refunds: payment.refunds.all().iter().map(RefundRow::from).collect(),
        others: payment.others.iter().map(OtherRow::from).collect(),
        lines: timeline(&ledger, &notices, now),
        more,
        later: after.is_some(),
        view,
    })
}

/// A page of the ledger, the place behind it if there is more, and what notices came.
async fn happened(
    id: PaymentId,
    after: Option<u64>,
    app: &App,
) -> Result<(Vec<Entry>, Option<u64>, Vec<NoticeRecord>), Problem> {
    let reads = app.reads.clone();
    let reading = async move {
        let ledger = reads.ledger(id, after.unwrap_or_default(), ENTRIES + 1).await?;
        // They stand on the first page; a later one is about what came after them.
        let notices = if after.is_none() { reads.notices(id).await? } else { Vec::new() };
        Ok::<_, store::StoreError>((ledger, notices))
    };
    let (mut ledger, notices) = app.works.run(reading).await??;
    let is_longer = ledger.len() > ENTRIES as usize;
    ledger.truncate(ENTRIES as usize);
    let more = ledger.last().filter(|_| is_longer).map(|last| last.sequence);
    Ok((ledger, more, notices))
}

/// What can be done now by this visitor.
fn actions(payment: &Payment, visitor: &Visitor) -> Vec<ActionLink> {
    let possible = |action: &&Action| visitor.caller().may(action.scope()) && action.check(payment).is_ok();
    let link = |action: &Action| ActionLink { path: action.into(), label: action.label() };
    Action::VARIANTS.iter().filter(possible).map(link).collect()
}

/// `POST /console/payments/{id}/check`: asks the gateway now.
pub(super) async fn check(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    Fields::of(&request, payload, Some(visitor.token()), &app).await?.finish()?;
    let stored = visible(by_id(&id)?, visitor.caller(), &app).await?;
    let stored = read_payment::check(stored.payment.id(), &app).await?;
    Ok(go_to(&Said::Checked.at(&path(&stored))))
}

/// Where a payment is shown.
pub(super) fn path(stored: &Stored) -> String {
    format!("/console/payments/{}", stored.payment.id())
}

struct ActionLink {
    path: &'static str,
    label: &'static str,
}

struct RefundRow {
    id: String,
    money: String,
    standing: String,
}

impl From<&Refund> for RefundRow {
    fn from(refund: &Refund) -> Self {
        Self { id: refund.id.to_string(), money: refund.money.to_string(), standing: refund.standing.to_string() }
    }
}

struct OtherRow {
    id: String,
    relation: &'static str,
    state: String,
    money: Option<String>,
}

impl From<&OtherPayment> for OtherRow {
    fn from(other: &OtherPayment) -> Self {
        let relation = match other.relation {
            Elsewhere::Unbound => "not known to be ours",
            Elsewhere::Surplus => "a second one under our reference",
            Elsewhere::Cascade => "a retry that the gateway made",
            Elsewhere::Foreign => "a refund or chargeback that we did not make",
        };
        let state = gateway_state_in_words(&other.state);
        Self { id: other.id.to_string(), relation, state, money: other.money.map(|money| money.to_string()) }
    }
}

#[derive(Template)]
#[template(path = "console/payment.html")]
struct PaymentPage<'a> {
    shell: Shell,
    view: PaymentView<'a>,
    tone: &'static str,
    may_check: bool,
    actions: Vec<ActionLink>,
    created: Moment,
    updated: Moment,
    state_since: Moment,
    checked: Option<Moment>,
    next_check: Option<Moment>,
    checks: u32,
    assignee: Option<String>,
    snoozed_until: Option<Moment>,
    refunds: Vec<RefundRow>,
    others: Vec<OtherRow>,
    lines: Vec<Line>,
    more: Option<u64>,
    later: bool,
}

/// What is different from what a page showed, for whoever wanted to do something on the strength of it.
pub(super) async fn since(stored: &Stored, version: u64, now: Time, app: &App) -> Result<Vec<Line>, Problem> {
    let (reads, id) = (app.reads.clone(), stored.payment.id());
    let ledger = app.works.run(async move { reads.ledger(id, version, ENTRIES).await }).await??;
    Ok(timeline(&ledger, &[], now))
}
