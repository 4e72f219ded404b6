//! What people decide about a payment beside commands: each an entry of the ledger with who, why and from here.

use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{Deed, Operator, Text, Via};
use store::{Scope, Stored};

use super::fields::Fields;
use super::payment::path;
use super::said::Said;
use super::sign_in::go_to;
use super::{Trouble, Visitor};
use crate::http::operate::{SNOOZE_MAX, decide};
use crate::http::problem::FieldError;
use crate::http::read_payment::{by_id, visible};
use crate::http::{App, stray_card};

/// `POST /console/payments/{id}/assign`: who looks after it; nobody any more without a name.
pub(super) async fn assign(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    care(&visitor, &request, &id, payload, &app, |fields| {
        let to: Option<Text<100>> = fields.text("assignee");
        stray_card::refuse_in_text("assignee", to.as_ref().map(Text::as_str), fields.errors());
        (Some(Deed::Assign { to: to.map(String::from) }), words(fields, false))
    })
    .await
}

/// `POST /console/payments/{id}/note`.
pub(super) async fn note(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    care(&visitor, &request, &id, payload, &app, |fields| (Some(Deed::Note), words(fields, true))).await
}

/// `POST /console/payments/{id}/snooze`: it is listed no more for so many hours; listed again at once for none.
pub(super) async fn snooze(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    let now = app.desk.now();
    care(&visitor, &request, &id, payload, &app, |fields| {
        let hours: Option<u64> = fields.word("hours");
        let longest = SNOOZE_MAX.as_secs() / 3600;
        let deed = match hours {
            None => None,
            Some(0) => Some(Deed::Snooze { until: None }),
            Some(hours) if hours <= longest => {
                Some(Deed::Snooze { until: Some(now.plus(Duration::from_hours(hours))) })
            }
            Some(_) => {
                let detail = format!("must be at most {longest}");
                fields.errors().push(FieldError { pointer: "hours".to_owned(), detail });
                None
            }
        };
        (deed, words(fields, true))
    })
    .await
}

/// `POST /console/payments/{id}/settle`: what it is flagged for has been dealt with.
pub(super) async fn settle(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    care(&visitor, &request, &id, payload, &app, |fields| (Some(Deed::Settle), words(fields, true))).await
}

/// What a person says with it.
struct Words {
    reason: Option<Text<500>>,
    ticket: Option<Text<100>>,
}

fn words(fields: &mut Fields, needs_reason: bool) -> Words {
    let reason: Option<Text<500>> = if needs_reason { fields.need("reason") } else { fields.text("reason") };
    let ticket: Option<Text<100>> = fields.text("ticket");
    stray_card::refuse_in_text("reason", reason.as_ref().map(Text::as_str), fields.errors());
    stray_card::refuse_in_text("ticket", ticket.as_ref().map(Text::as_str), fields.errors());
    Words { reason, ticket }
}

async fn care(
    visitor: &Visitor,
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    app: &App,
    read: impl FnOnce(&mut Fields) -> (Option<Deed>, Words),
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    let mut fields = Fields::of(request, payload, Some(visitor.token()), app).await?;
    let stored: Stored = visible(by_id(id)?, visitor.caller(), app).await?;
    let (deed, Words { reason, ticket }) = read(&mut fields);
    fields.finish()?;
    let (reason, ticket) = (reason.map(String::from), ticket.map(String::from));
    let operator = Operator { by: visitor.caller().actor(), approved_by: None, via: Via::Console, reason, ticket };
    if let Some(deed) = deed {
        decide(stored.payment.id(), deed, operator, app).await?;
    }
    Ok(go_to(&Said::Noted.at(&path(&stored))))
}
