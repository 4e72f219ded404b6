//! `/v1/events`: the feed of all changes of state.

use std::str::FromStr;
use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::PaymentId;
use orchestrator::{EventPattern, event_type, read_event_id};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Event, EventsPage, Scope, Stored};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::event_view::{EventView, as_it_was};
use super::form::Form;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body, wait, webhook_endpoints};

/// How many places of the feed one page looks through: most of them may be of no interest to the caller.
const SIGHT: u64 = 10_000;

/// `GET /v1/events`: from behind the cursor `after` on, oldest first; `wait` holds the answer until there is one. `nextCursor` is
/// always there: the place up to which the caller has seen everything.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::PaymentsRead).await?;
    let mut query = Query::of(&request);
    let limit = query.limit();
    let seconds: u64 = query.one("wait", "must be a whole number of seconds, at most 60").unwrap_or(0);
    query.check(seconds <= wait::WAIT_MAX.as_secs(), "wait", "must be at most 60");
    let shops = query.shops(&caller);
    let wanted = Wanted {
        after: query.one("after", After::WRONG).unwrap_or(After::Place(0)),
        types: query.several("type", "must be types of events such as deposit.completed or *.completed"),
        page: EventsPage {
            after: 0,
            through: 0,
            shops: shops.clone().unwrap_or_default(),
            payment: query.one::<PaymentId>("paymentId", "must be the id of a payment"),
            limit,
        },
    };
    query.finish()?;
    if shops.is_none() {
        let next_cursor = behind(wanted.after, &app).await?.to_string();
        return Ok(HttpResponse::Ok().json(EventsView { data: Vec::new(), next_cursor, has_more: false }));
    }
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let after = behind(wanted.after, &app).await?;
    let page = until_there_are_some(wanted, after, deadline, &app).await?;
    let data = page.events.iter().map(|event| EventView::of(event, None)).collect();
    let view = EventsView { data, next_cursor: page.through.to_string(), has_more: page.has_more };
    Ok(HttpResponse::Ok().json(view))
}

/// `GET /v1/events/{id}`: one event, with its payment as it then was.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::PaymentsRead).await?;
    Query::of(&request).finish()?;
    let event = visible(&id, &caller, &app).await?;
    let then = payment_then(&event, &app).await?;
    Ok(HttpResponse::Ok().json(EventView::of(&event, Some(&then))))
}

/// `POST /v1/events/{id}/resend` `{endpointId}`: has it sent to one endpoint again.
pub(super) async fn resend(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let event = visible(&id, &caller, &app).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let endpoint: Option<Uuid> = form.text("endpointId", errors);
    let endpoint = form.require("endpointId", endpoint, errors);
    form.finish(errors);
    let Some(endpoint) = endpoint.filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let endpoint = webhook_endpoints::visible(&endpoint.to_string(), &caller, &app).await?;
    // What an endpoint does not hear of by itself, it is not told by hand either.
    if !endpoint.shops.is_empty() && !endpoint.shops.contains(&event.shop) {
        return Err(Problem::not_found());
    }
    let (pusher, to) = (app.pusher.clone(), event.clone());
    app.works.run(async move { pusher.resend(endpoint.id, &to).await }).await??;
    Ok(HttpResponse::Accepted().json(EventView::of(&event, None)))
}

/// Behind which place.
#[derive(Clone, Copy)]
enum After {
    Place(u64),
    /// What happens from now on.
    Now,
}

impl After {
    const WRONG: &str = "must be a cursor of this feed, 0 for its beginning, or now";
}

impl FromStr for After {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let place: u64 = text.parse().map_err(|_| ())?;
        (place <= i64::MAX.unsigned_abs()).then_some(Self::Place(place)).ok_or(())
    }
}

/// The place that is meant.
async fn behind(after: After, app: &Data<App>) -> Result<u64, Problem> {
    let events = app.pusher.events().clone();
    match after {
        After::Place(place) => Ok(place),
        After::Now => Ok(app.works.run(async move { events.feed_end().await }).await??),
    }
}

/// What a caller wants to hear of.
struct Wanted {
    after: After,
    types: Vec<EventPattern>,
    page: EventsPage,
}

/// A page of the feed.
struct Found {
    events: Vec<Event>,
    /// The place up to which it goes.
    through: u64,
    has_more: bool,
}

/// A page, as soon as something is on it or the patience is over. What this process stamps wakes at once; what another one
/// stamps is seen by looking, with growing pauses. No connection to the database is held.
async fn until_there_are_some(
    wanted: Wanted,
    mut after: u64,
    deadline: Instant,
    app: &Data<App>,
) -> Result<Found, Problem> {
    let mut stamped = app.pusher.stamped();
    let mut pause = Duration::from_millis(100);
    loop {
        stamped.mark_unchanged();
        let found = look(&wanted, after, app).await?;
        if !found.events.is_empty() || (!found.has_more && Instant::now() >= deadline) {
            return Ok(found);
        }
        after = found.through;
        if !found.has_more {
            let look_again = deadline.min(Instant::now() + pause);
            pause = (pause * 2).min(Duration::from_secs(1));
            let stopping = app.works.stopping().clone();
            let woken = async {
                tokio::select! {
                    _ = stamped.changed() => {}
                    () = stopping.cancelled() => {}
                }
            };
            let _ = timeout_at(look_again, woken).await;
            if app.works.stopping().is_cancelled() {
                return Ok(found);
            }
        }
    }
}

async fn look(wanted: &Wanted, after: u64, app: &Data<App>) -> Result<Found, Problem> {
    let (events, mut page) = (app.pusher.events().clone(), wanted.page.clone());
    let limit = page.limit as usize;
    let one_payment = page.payment.is_some();
    let (mut found, through, end) = app
        .works
        .run(async move {
            let end = events.feed_end().await?;
            // Of one payment there are few, wherever they stand.
            let through = if one_payment { end } else { end.min(after.saturating_add(SIGHT)) };
            (page.after, page.through) = (after, through);
            let found = if through > after { events.events(&page).await? } else { Vec::new() };
            Ok::<_, store::StoreError>((found, through, end))
        })
        .await??;
    let is_full = found.len() >= limit;
    let through = found.last().filter(|_| is_full).map_or(through.max(after), |last| last.position);
    found.retain(|event| {
        let name = event_type(event);
        wanted.types.is_empty() || wanted.types.iter().any(|pattern| pattern.fits(&name))
    });
    Ok(Found { events: found, through, has_more: through < end })
}

/// The event of this name, if the caller may see it.
async fn visible(id: &str, caller: &Caller, app: &Data<App>) -> Result<Event, Problem> {
    let (payment, sequence) = read_event_id(id).ok_or_else(Problem::not_found)?;
    let events = app.pusher.events().clone();
    let found = app.works.run(async move { events.event(payment, sequence).await }).await??;
    found.filter(|event| caller.may_see(&event.shop)).ok_or_else(Problem::not_found)
}

async fn payment_then(event: &Event, app: &Data<App>) -> Result<Stored, Problem> {
    let (pusher, event) = (app.pusher.clone(), event.clone());
    let payment = app.works.run(async move { pusher.payment_after(&event).await }).await?;
    match payment {
        Ok(payment) => Ok(as_it_was(payment)),
        Err(orchestrator::DeedError::Poison(why)) => {
            tracing::error!(why, "a payment cannot be folded");
            Err(Problem::new(Kind::Internal, "the payment's ledger cannot be read"))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Events")]
pub(super) struct EventsView<'a> {
    data: Vec<EventView<'a>>,
    next_cursor: String,
    has_more: bool,
}
