use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{PaymentState, Time};
use store::{Scope, Stored};

use super::given::Given;
use super::moment::Moment;
use super::sign_in::go_to;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::App;
use crate::http::list_payments;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// A name is not longer than this, whosever it is.
const NAME_LENGTH_MAX: usize = 256;

/// `GET /console/payments`: found by any of the three names (`q`), or listed, newest first, by the filters of
/// `GET /v1/payments`.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::PaymentsRead)?;
    let mut query = Query::of_page(&request);
    let name: Option<String> = query.one("q", "must be a name");
    let (found, next) = match &name {
        Some(name) => {
            query.finish()?;
            (find(name.trim(), &visitor, &app).await?, None)
        }
        None => list_payments::page(query, visitor.caller(), &app).await?,
    };
    if let (Some(_), [only]) = (&name, found.as_slice()) {
        return Ok(go_to(&format!("/console/payments/{}", only.payment.id())));
    }
    let given = Given::of(&request);
    let now = app.desk.now();
    html(&PaymentsPage {
        shell: visitor.shell("Payments", Some(Tab::Payments)),
        next: next.map(|cursor| given.with("cursor", &cursor)),
        given,
        states: STATES.iter().map(ToString::to_string).collect(),
        shops: shops(&visitor, &app),
        rows: found.iter().map(|stored| Row::of(stored, now)).collect(),
    })
}

/// Those that have this as one of their three names, and that the visitor may see.
async fn find(name: &str, visitor: &Visitor, app: &App) -> Result<Vec<Stored>, Problem> {
    if name.contains('\0') || name.chars().count() > NAME_LENGTH_MAX {
        return Ok(Vec::new());
    }
    let (reads, name) = (app.reads.clone(), name.to_owned());
    let mut found = app.works.run(async move { reads.find(&name).await }).await??;
    found.retain(|stored| visitor.caller().may_see(&stored.payment.opening.shop));
    Ok(found)
}

/// The shops to choose from; none if there is but one.
pub(super) fn shops(visitor: &Visitor, app: &App) -> Vec<String> {
    let shops: BTreeSet<String> =
        app.shops.iter().filter(|shop| visitor.caller().may_see(shop)).map(ToString::to_string).collect();
    if shops.len() > 1 { shops.into_iter().collect() } else { Vec::new() }
}

/// All states, in the order in which payments go through them.
pub(super) const STATES: [PaymentState; 9] = [
    PaymentState::Submitted,
    PaymentState::Checkout,
    PaymentState::Pending,
    PaymentState::AwaitingApproval,
    PaymentState::Authorized,
    PaymentState::Completed,
    PaymentState::Declined,
    PaymentState::Cancelled,
    PaymentState::Rejected,
];

/// How a state is drawn: each has its word as well.
pub(super) fn tone(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Submitted => "unknown",
        PaymentState::Checkout | PaymentState::Pending => "open",
        PaymentState::AwaitingApproval | PaymentState::Authorized => "held",
        PaymentState::Completed => "good",
        PaymentState::Declined | PaymentState::Cancelled | PaymentState::Rejected => "dead",
    }
}

/// A payment in a list.
struct Row {
    id: String,
    reference: String,
    state: String,
    tone: &'static str,
    payment_type: String,
    money: String,
    shop: String,
    gateway_id: Option<String>,
    flags: Vec<String>,
    created: Moment,
    state_since: Moment,
}

impl Row {
    fn of(stored: &Stored, now: Time) -> Self {
        let payment = &stored.payment;
        let opening = &payment.opening;
        Self {
            id: payment.id().to_string(),
            reference: opening.reference_id.to_string(),
            state: payment.state.to_string(),
            tone: tone(payment.state),
            payment_type: opening.payment_type.to_string(),
            money: opening.requested.to_string(),
            shop: opening.shop.to_string(),
            gateway_id: payment.gateway_payment_id.as_ref().map(ToString::to_string),
            flags: payment.flags.iter().map(ToString::to_string).collect(),
            created: Moment::of(payment.created_at, now),
            state_since: Moment::of(payment.state_at, now),
        }
    }
}

#[derive(Template)]
#[template(path = "console/payments.html")]
struct PaymentsPage {
    shell: Shell,
    given: Given,
    states: Vec<String>,
    shops: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}
