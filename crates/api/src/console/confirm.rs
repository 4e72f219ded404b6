use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{Command, Deed, Metadata, Money, NotAllowed, Operator, Payment, ReferenceId, Text, Via};
use orchestrator::{Preview, RefundOrder};
use rust_decimal::Decimal;
use store::{Scope, Stored};

use super::action::Action;
use super::fields::Fields;
use super::payment::{path, since};
use super::payments::tone;
use super::said::Said;
use super::sign_in::go_to;
use super::timeline::Line;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::operate::decide;
use crate::http::problem::{FieldError, Kind, Problem};
use crate::http::query::Query;
use crate::http::read_payment::{self, by_id, visible};
use crate::http::{App, command, refund, stray_card};
use crate::traces;

/// `GET /console/payments/{id}/{action}`: what would be sent and where it would lead. Nothing is done.
pub(super) async fn ask(
    visitor: Visitor,
    request: HttpRequest,
    names: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    let (stored, action) = what(&visitor, &names, &app).await?;
    Query::of_page(&request).finish()?;
    action.check(&stored.payment)?;
    let page = confirmation(&visitor, &stored, action, Vec::new(), &app).await?;
    html(&page)
}

/// `POST /console/payments/{id}/{action}`: does it, unless the payment is not what the page showed.
pub(super) async fn give(
    visitor: Visitor,
    request: HttpRequest,
    names: Path<(String, String)>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    let (stored, action) = what(&visitor, &names, &app).await?;
    let fields = Fields::of(&request, payload, Some(visitor.token()), &app).await?;
    let said = Words::read(fields, action, &stored)?;
    if said.version != stored.payment.version {
        return changed(&visitor, &stored, action, said.version, &app).await;
    }
    let stored = note(&visitor, &stored, action, &said, &app).await?;
    if stored.payment.version != said.version + 1 {
        // Somebody was faster in this very moment.
        return changed(&visitor, &stored, action, said.version, &app).await;
    }
    let stored = confirmed(stored, action, &app).await?;
    match action.command() {
        Some(meant) => give_command(&visitor, &stored, said.of(meant), &app).await,
        None => Box::pin(give_refund(&visitor, &stored, said, &app)).await,
    }
}

/// The payment and the action that are meant, if the visitor may see the one and do the other.
async fn what(visitor: &Visitor, names: &(String, String), app: &App) -> Result<(Stored, Action), Trouble> {
    visitor.check(Scope::PaymentsRead)?;
    let (id, action) = names;
    let action: Action = action.parse().map_err(|_| Problem::not_found())?;
    let stored = visible(by_id(id)?, visitor.caller(), app).await?;
    visitor.check(action.scope())?;
    Ok((stored, action))
}

/// Why it is done stands in the ledger before it is: who, in their own words, from here.
async fn note(visitor: &Visitor, stored: &Stored, action: Action, said: &Words, app: &App) -> Result<Stored, Trouble> {
    let word: &str = action.into();
    let reason = said.reason.as_ref().map(|reason| format!("{word}: {}", reason.as_str()));
    let ticket = said.ticket.as_ref().map(|ticket| ticket.as_str().to_owned());
    let operator = Operator { by: visitor.caller().actor(), approved_by: None, via: Via::Console, reason, ticket };
    Ok(decide(stored.payment.id(), Deed::Note, operator, app).await?)
}

/// What has not been read by its id yet is read now: that is news of our own making, and what is then given is given to the
/// payment as it was read.
async fn confirmed(stored: Stored, action: Action, app: &App) -> Result<Stored, Problem> {
    let allowed = action.command().map(|command| stored.payment.allows(&command));
    match allowed {
        Some(Err(NotAllowed::Unconfirmed)) => read_payment::check(stored.payment.id(), app).await,
        _ => Ok(stored),
    }
}

async fn give_command(visitor: &Visitor, stored: &Stored, meant: Command, app: &App) -> Result<HttpResponse, Trouble> {
    let version = Some(stored.payment.version);
    let commanded = command::command(stored.payment.id(), meant, version, visitor.caller(), app).await?;
    let said = if command::status(&commanded)? == StatusCode::OK { Said::Given } else { Said::Unknown };
    Ok(go_to(&said.at(&path(&commanded.stored))))
}

async fn give_refund(visitor: &Visitor, stored: &Stored, said: Words, app: &App) -> Result<HttpResponse, Trouble> {
    let reference_id = said.reference.ok_or_else(|| missing("reference"))?;
    let order = RefundOrder {
        id: app.ids.payment(),
        deposit: stored.payment.id(),
        reference_id,
        amount: said.amount,
        metadata: Metadata::default(),
        by: visitor.caller().actor(),
        expected_version: None,
        trace: traces::here(),
    };
    let taken = refund::give_back(order, app).await?;
    Ok(go_to(&Said::Refunded.at(&path(&taken.stored))))
}

/// Somebody or something was faster: what is different now, and the same question again.
async fn changed(
    visitor: &Visitor,
    stored: &Stored,
    action: Action,
    version: u64,
    app: &App,
) -> Result<HttpResponse, Trouble> {
    let news = since(stored, version, app.desk.now(), app).await?;
    let mut response = html(&confirmation(visitor, stored, action, news, app).await?)?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

async fn confirmation(
    visitor: &Visitor,
    stored: &Stored,
    action: Action,
    news: Vec<Line>,
    app: &App,
) -> Result<ConfirmPage, Trouble> {
    let payment = &stored.payment;
    let possible = action.check(payment);
    let sent = sent(visitor, stored, action, app).await?;
    Ok(ConfirmPage {
        shell: visitor.shell(format!("{} {}", action.label(), payment.opening.reference_id), Some(Tab::Payments)),
        path: path(stored),
        reference: payment.opening.reference_id.to_string(),
        state: payment.state.to_string(),
        tone: tone(payment.state),
        why: payment.why(&stored.progress),
        version: payment.version,
        word: action.into(),
        label: action.label(),
        meaning: action.meaning(),
        leads_to: action.leads_to(),
        amount: action.has_amount().then(|| most(stored, action)).flatten(),
        refund_reference: (action == Action::Refund)
            .then(|| proposed_reference(payment).map(|name| name.to_string()))
            .transpose()?,
        is_told: action == Action::Reject,
        impossible: possible.err().map(|why| why.to_string()),
        sent,
        news,
    })
}

/// A request to the gateway, as a page shows it.
struct Sent {
    line: String,
    body: Option<String>,
}

/// What would be sent if nothing more was said; none while it cannot be told yet.
async fn sent(visitor: &Visitor, stored: &Stored, action: Action, app: &App) -> Result<Option<Sent>, Problem> {
    let (desk, id) = (app.desk.clone(), stored.payment.id());
    let order = RefundOrder {
        id: app.ids.payment(),
        deposit: id,
        reference_id: proposed_reference(&stored.payment)?,
        amount: None,
        metadata: Metadata::default(),
        by: visitor.caller().actor(),
        expected_version: None,
        trace: traces::here(),
    };
    let asking = async move {
        match action.command() {
            Some(command) => desk.preview_command(id, &command).await,
            None => desk.preview_refund(&order).await,
        }
    };
    let preview: Option<Preview> = app.works.run(asking).await?.ok();
    let pretty = |body: &serde_json::Value| serde_json::to_string_pretty(body).unwrap_or_default();
    Ok(preview.and_then(|preview| {
        let (method, path) = preview.request?;
        Some(Sent { line: format!("{method} {path}"), body: preview.body.as_ref().map(pretty) })
    }))
}

/// The most that can be taken or given back.
fn most(stored: &Stored, action: Action) -> Option<Money> {
    match action {
        Action::Refund => stored.payment.refundable().ok(),
        _ => Some(stored.payment.opening.requested),
    }
}

/// A name for a refund that nobody has to think of; it can be changed.
fn proposed_reference(payment: &Payment) -> Result<ReferenceId, Problem> {
    let end = format!("-refund-{}", payment.refunds.all().len() + 1);
    let room = ReferenceId::LENGTH_MAX.saturating_sub(end.chars().count());
    let name: String = payment.opening.reference_id.as_str().chars().take(room).chain(end.chars()).collect();
    name.parse().map_err(|_| Problem::new(Kind::Internal, "the refund has no name"))
}

/// What a form says.
struct Words {
    version: u64,
    amount: Option<Decimal>,
    money: Option<Money>,
    reference: Option<ReferenceId>,
    reason: Option<Text<256>>,
    ticket: Option<Text<100>>,
}

impl Words {
    fn read(mut fields: Fields, action: Action, stored: &Stored) -> Result<Self, Problem> {
        let version = fields.need("version");
        let amount = if action.has_amount() { fields.amount("amount") } else { None };
        let reference = if action == Action::Refund { fields.need("reference") } else { None };
        let reason: Option<Text<256>> = fields.need("reason");
        let ticket: Option<Text<100>> = fields.text("ticket");
        let errors = fields.errors();
        stray_card::refuse_in_text("reference", reference.as_ref().map(ReferenceId::as_str), errors);
        stray_card::refuse_in_text("reason", reason.as_ref().map(Text::as_str), errors);
        stray_card::refuse_in_text("ticket", ticket.as_ref().map(Text::as_str), errors);
        let currency = stored.payment.opening.requested.currency();
        let money = amount.filter(|_| action == Action::Capture).and_then(|amount| {
            let refuse = |error: domain::InvalidAmount| {
                errors.push(FieldError { pointer: "amount".to_owned(), detail: error.to_string() });
            };
            Money::requested(amount, currency).map_err(refuse).ok()
        });
        fields.finish()?;
        let version = version.ok_or_else(|| missing("version"))?;
        Ok(Self { version, amount, money, reference, reason, ticket })
    }

    /// A command with what the form adds to it.
    fn of(self, meant: Command) -> Command {
        match meant {
            Command::Capture { .. } => Command::Capture { amount: self.money },
            Command::Reject { .. } => Command::Reject { reason: self.reason },
            other => other,
        }
    }
}

fn missing(field: &str) -> Problem {
    Problem::fields(vec![FieldError { pointer: field.to_owned(), detail: "is missing".to_owned() }])
}

#[derive(Template)]
#[template(path = "console/confirm.html")]
struct ConfirmPage {
    shell: Shell,
    path: String,
    reference: String,
    state: String,
    tone: &'static str,
    why: String,
    version: u64,
    word: &'static str,
    label: &'static str,
    meaning: &'static str,
    leads_to: &'static str,
    amount: Option<Money>,
    refund_reference: Option<String>,
    is_told: bool,
    impossible: Option<String>,
    sent: Option<Sent>,
    news: Vec<Line>,
}
