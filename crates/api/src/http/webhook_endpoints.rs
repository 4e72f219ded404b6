//! `/v1/webhook-endpoints`: who is told of events.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{PaymentId, ShopName, Text, Time};
use gateway_client::Secret;
use orchestrator::{EndpointOrder, EventPattern, Pusher, event_id, event_type};
use schemars::JsonSchema;
use serde::Serialize;
use store::{DeliveriesPage, Delivery, DeliveryState, Endpoint, EndpointState, Payload as EventPayload, Scope};
use uuid::Uuid;

use super::document::{As, Id, Moment};
use super::form::Form;
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body};
use crate::receivers::new_secret;

/// The secrets that a receiver may have to change over to are given a day, unless somebody says otherwise, and at most this.
const OVERLAP: u64 = 24 * 60 * 60;
pub(super) const OVERLAP_MAX: u64 = 7 * OVERLAP;

/// `POST /v1/webhook-endpoints` `{url, description?, shops?, eventTypes?, payload?, after?}`. The secret is shown this once.
pub(super) async fn add(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let body = read_body(&request, payload, &app).await?;
    let secret = new_secret();
    let order = read_order(&body, &app, &caller, Secret::from(secret.as_str()))?;
    let pusher = app.pusher.clone();
    let added = app.works.run(async move { pusher.add(order).await }).await??;
    let endpoint = added.ok_or_else(|| {
        Problem::new(Kind::NotInThisState, "there are as many endpoints as there may be; remove one that nobody needs")
    })?;
    let location = format!("/v1/webhook-endpoints/{}", endpoint.id);
    let view = WithSecret { secret: &secret, endpoint: EndpointView::of(&endpoint) };
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(view))
}

/// `GET /v1/webhook-endpoints`: all that the caller may see, the one that was made first first.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let events = app.pusher.events().clone();
    let endpoints = app.works.run(async move { events.endpoints().await }).await??;
    let data = endpoints.iter().filter(|one| may_see(&caller, one)).map(EndpointView::of).collect();
    Ok(HttpResponse::Ok().json(EndpointsView { data, next_cursor: None }))
}

/// `GET /v1/webhook-endpoints/{id}`.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let endpoint = visible(&id, &caller, &app).await?;
    Ok(HttpResponse::Ok().json(EndpointView::of(&endpoint)))
}

/// `PATCH /v1/webhook-endpoints/{id}` `{url?, description?, eventTypes?, payload?, enabled?}`: what is not named stays.
pub(super) async fn change(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let body = read_body(&request, payload, &app).await?;
    let endpoint = visible(&id, &caller, &app).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let fields = Fields::take(&mut form, &app, errors);
    let enabled: Option<bool> = form.value("enabled", "must be true or false", errors);
    form.finish(errors);
    if !errors.is_empty() {
        return Err(Problem::fields(std::mem::take(errors)));
    }
    let (pusher, now) = (app.pusher.clone(), app.desk.now());
    let changed = app.works.run(async move {
        let change = |endpoint: &mut Endpoint| {
            fields.put_into(endpoint);
            if let Some(enabled) = enabled {
                let state = if enabled { EndpointState::Enabled } else { EndpointState::Disabled };
                Pusher::switch(endpoint, state, now);
            }
        };
        pusher.change(endpoint.id, change).await
    });
    told(changed.await??)
}

/// `DELETE /v1/webhook-endpoints/{id}`: it is told of nothing any more, and what waited for it is forgotten.
pub(super) async fn remove(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let endpoint = visible(&id, &caller, &app).await?;
    let pusher = app.pusher.clone();
    let gone = app.works.run(async move { pusher.remove(endpoint.id).await }).await??;
    if gone { Ok(HttpResponse::NoContent().finish()) } else { Err(Problem::not_found()) }
}

/// `POST /v1/webhook-endpoints/{id}/rotate-secret` `{overlapSeconds?}`: signs with a new secret, and until the overlap is over
/// with the present ones too.
pub(super) async fn rotate(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let body = read_body(&request, payload, &app).await?;
    let endpoint = visible(&id, &caller, &app).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let overlap: Option<u64> = form.value("overlapSeconds", "must be a whole number of seconds", errors);
    let overlap = overlap.unwrap_or(OVERLAP);
    if overlap > OVERLAP_MAX {
        errors.push(form.error("overlapSeconds", "must be at most 604800, seven days"));
    }
    form.finish(errors);
    if !errors.is_empty() {
        return Err(Problem::fields(std::mem::take(errors)));
    }
    let (pusher, secret) = (app.pusher.clone(), new_secret());
    let new = Secret::from(secret.as_str());
    let rotating = async move { pusher.rotate(endpoint.id, &new, Duration::from_secs(overlap)).await };
    let endpoint = app.works.run(rotating).await??.ok_or_else(Problem::not_found)?;
    let view = WithSecret { secret: &secret, endpoint: EndpointView::of(&endpoint) };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(view))
}

/// `POST /v1/webhook-endpoints/{id}/replay` `{after}`: tells it once more of everything behind a cursor of the feed.
pub(super) async fn replay(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    Query::of(&request).finish()?;
    let body = read_body(&request, payload, &app).await?;
    let endpoint = visible(&id, &caller, &app).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let after: Option<Place> = form.text("after", errors);
    let after = form.require("after", after, errors);
    form.finish(errors);
    let Some(Place(after)) = after.filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let pusher = app.pusher.clone();
    told(app.works.run(async move { pusher.replay(endpoint.id, after).await }).await??)
}

/// `GET /v1/webhook-endpoints/{id}/deliveries`: what it did not take at once, the latest first; filter `state`.
pub(super) async fn deliveries(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::WebhooksWrite).await?;
    let mut query = Query::of(&request);
    let limit = query.limit();
    let state = query.one::<DeliveryState>("state", "must be waiting, delivered or given-up");
    let before: Option<DeliveryCursor> = query.one("cursor", "must be a cursor of this list");
    query.finish()?;
    let endpoint = visible(&id, &caller, &app).await?.id;
    let before = before.map(|cursor| (cursor.parked_at, cursor.payment, cursor.sequence));
    let page = DeliveriesPage { endpoint, state, before, limit: limit + 1 };
    let events = app.pusher.events().clone();
    let mut found = app.works.run(async move { events.deliveries(&page).await }).await??;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| DeliveryCursor::of(last).to_string());
    Ok(HttpResponse::Ok().json(DeliveriesView { data: found.iter().map(DeliveryView::of).collect(), next_cursor }))
}

/// The endpoint of this name, if the caller may see it.
pub(super) async fn visible(id: &str, caller: &Caller, app: &Data<App>) -> Result<Endpoint, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let events = app.pusher.events().clone();
    let found = app.works.run(async move { events.endpoint(id).await }).await??;
    found.filter(|one| may_see(caller, one)).ok_or_else(Problem::not_found)
}

/// Whoever may see only some shops sees the endpoints that are told of none but these.
fn may_see(caller: &Caller, endpoint: &Endpoint) -> bool {
    let of_all = endpoint.shops.is_empty();
    if of_all { caller.shops().is_empty() } else { endpoint.shops.iter().all(|shop| caller.may_see(shop)) }
}

fn told(endpoint: Option<Endpoint>) -> Result<HttpResponse, Problem> {
    let endpoint = endpoint.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(EndpointView::of(&endpoint)))
}

async fn read_body(request: &HttpRequest, payload: Payload, app: &App) -> Result<Vec<u8>, Problem> {
    body::check_json(request)?;
    Ok(body::read(payload, BODY_MAX, app.body_patience).await?.to_vec())
}

/// What somebody says of an endpoint, now or later.
#[derive(Clone)]
struct Fields {
    url: Option<String>,
    description: Option<Text<200>>,
    event_types: Option<BTreeSet<EventPattern>>,
    payload: Option<EventPayload>,
}

impl Fields {
    fn take(form: &mut Form<'_>, app: &App, errors: &mut Vec<FieldError>) -> Self {
        let url: Option<String> = form.value("url", "must be a string", errors);
        if let Some(Err(wrong)) = url.as_deref().map(|url| app.reachable.check(url)) {
            errors.push(form.error("url", wrong.to_string()));
        }
        let words: Option<Vec<String>> = form.value("eventTypes", "must be an array of types of events", errors);
        let patterns: Option<Result<BTreeSet<EventPattern>, _>> =
            words.map(|words| words.iter().map(|word| word.parse()).collect());
        let event_types = match patterns {
            None => None,
            Some(Ok(patterns)) if patterns.len() <= 50 => Some(patterns),
            Some(Ok(_)) => {
                errors.push(form.error("eventTypes", "must not have more than 50 items"));
                None
            }
            Some(Err(wrong)) => {
                errors.push(form.error("eventTypes", wrong.to_string()));
                None
            }
        };
        let word: Option<String> = form.value("payload", "must be a string", errors);
        let payload = word.as_deref().map(str::parse::<EventPayload>);
        if let Some(Err(_)) = payload {
            errors.push(form.error("payload", "must be thin or full"));
        }
        Self { url, description: form.text("description", errors), event_types, payload: payload.and_then(Result::ok) }
    }

    fn put_into(&self, endpoint: &mut Endpoint) {
        let Self { url, description, event_types, payload } = self;
        if let Some(url) = url {
            endpoint.url.clone_from(url);
        }
        if let Some(description) = description {
            description.as_str().clone_into(&mut endpoint.description);
        }
        if let Some(event_types) = event_types {
            endpoint.event_types = event_types.iter().map(ToString::to_string).collect();
        }
        endpoint.payload = payload.unwrap_or(endpoint.payload);
    }
}

fn read_order(body: &[u8], app: &App, caller: &Caller, secret: Secret) -> Result<EndpointOrder, Problem> {
    let mut form = Form::read(body)?;
    let errors = &mut Vec::new();
    let fields = Fields::take(&mut form, app, errors);
    let url = form.require("url", fields.url, errors);
    let after: Option<Place> = form.text("after", errors);
    let names: Option<Vec<ShopName>> = form.value("shops", "must be an array of names of shops", errors);
    let shops: BTreeSet<ShopName> = match names {
        None => caller.shops().clone(),
        Some(names) => names.into_iter().collect(),
    };
    if shops.iter().any(|shop| !app.shops.contains(shop) || !caller.may_see(shop)) {
        errors.push(form.error("shops", "must be names of shops that this key may see"));
    }
    if shops.is_empty() && !caller.shops().is_empty() {
        errors.push(form.error("shops", "must not be empty: this key may not see all shops"));
    }
    form.finish(errors);
    let Some(url) = url.filter(|_| errors.is_empty()) else { return Err(Problem::fields(std::mem::take(errors))) };
    Ok(EndpointOrder {
        id: app.ids.next(),
        url,
        description: fields.description.map(String::from).unwrap_or_default(),
        shops,
        event_types: fields.event_types.unwrap_or_default(),
        payload: fields.payload.unwrap_or(EventPayload::Thin),
        after: after.map(|Place(after)| after),
        secret,
        by: Some(caller.actor()),
    })
}

/// A place in the feed, as callers write it.
struct Place(u64);

impl std::str::FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be a cursor of the feed of events; \"0\" for its beginning";
        let place: u64 = text.parse().map_err(|_| WRONG)?;
        (place <= i64::MAX.unsigned_abs()).then_some(Self(place)).ok_or(WRONG)
    }
}

/// A place in a list of deliveries.
pub(super) struct DeliveryCursor {
    parked_at: Time,
    payment: PaymentId,
    sequence: u64,
}

impl DeliveryCursor {
    fn of(delivery: &Delivery) -> Self {
        let (payment, sequence) = (delivery.event.payment, delivery.event.sequence);
        Self { parked_at: delivery.parked_at, payment, sequence }
    }
}

impl std::fmt::Display for DeliveryCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.parked_at.unix_micros(), self.payment.uuid().simple(), self.sequence)
    }
}

impl std::str::FromStr for DeliveryCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let [micros, payment, sequence] = text.split('.').collect::<Vec<_>>().try_into().map_err(|_| ())?;
        // What a database takes: after 1970 and before 10000.
        let micros: i64 =
            micros.parse().ok().filter(|micros| (0..253_402_300_800_000_000).contains(micros)).ok_or(())?;
        let sequence: u64 = sequence.parse().map_err(|_| ())?;
        Ok(Self {
            parked_at: Time::from_unix_micros(micros).ok_or(())?,
            payment: Uuid::parse_str(payment).map_err(|_| ())?.into(),
            sequence,
        })
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Endpoints")]
pub(super) struct EndpointsView<'a> {
    data: Vec<EndpointView<'a>>,
    next_cursor: Option<String>,
}

/// An endpoint, and the secret that nobody will ever be shown again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndpointWithSecret")]
pub(super) struct WithSecret<'a> {
    secret: &'a str,
    #[serde(flatten)]
    endpoint: EndpointView<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Endpoint")]
pub(super) struct EndpointView<'a> {
    #[schemars(with = "Id")]
    id: String,
    url: &'a str,
    description: &'a str,
    #[schemars(with = "Vec<String>")]
    shops: &'a BTreeSet<ShopName>,
    event_types: &'a BTreeSet<String>,
    #[schemars(with = "As<EventPayload>")]
    payload: String,
    enabled: bool,
    disabled_reason: Option<&'a str>,
    /// It was told of everything up to here, or that is among its deliveries.
    cursor: String,
    failures: u32,
    #[schemars(with = "Option<Moment>")]
    failing_since: Option<String>,
    last_failure: Option<&'a str>,
    #[schemars(with = "Option<Moment>")]
    last_delivered_at: Option<String>,
    #[schemars(with = "Moment")]
    next_at: String,
    made_by: Option<&'a str>,
    #[schemars(with = "Moment")]
    made_at: String,
}

impl<'a> EndpointView<'a> {
    fn of(endpoint: &'a Endpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: &endpoint.url,
            description: &endpoint.description,
            shops: &endpoint.shops,
            event_types: &endpoint.event_types,
            payload: endpoint.payload.to_string(),
            enabled: endpoint.state == EndpointState::Enabled,
            disabled_reason: endpoint.reason.as_deref(),
            cursor: endpoint.position.to_string(),
            failures: endpoint.failures,
            failing_since: endpoint.failing_since.map(|at| at.to_string()),
            last_failure: endpoint.last_failure.as_deref(),
            last_delivered_at: endpoint.delivered_at.map(|at| at.to_string()),
            next_at: endpoint.next_at.to_string(),
            made_by: endpoint.made_by.as_ref().map(|by| by.name.as_str()),
            made_at: endpoint.made_at.to_string(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Deliveries")]
pub(super) struct DeliveriesView<'a> {
    data: Vec<DeliveryView<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Delivery")]
struct DeliveryView<'a> {
    event_id: String,
    event_type: String,
    #[schemars(with = "Id")]
    payment_id: String,
    sequence: u64,
    cursor: String,
    #[schemars(with = "As<DeliveryState>")]
    state: String,
    attempts: u32,
    #[schemars(with = "Moment")]
    parked_at: String,
    #[schemars(with = "Option<Moment>")]
    next_at: Option<String>,
    #[schemars(with = "Option<Moment>")]
    last_attempt_at: Option<String>,
    last_failure: Option<&'a str>,
    #[schemars(with = "Option<Moment>")]
    finished_at: Option<String>,
}

impl<'a> DeliveryView<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        let text = |time: Option<Time>| time.map(|time| time.to_string());
        Self {
            event_id: event_id(&delivery.event),
            event_type: event_type(&delivery.event),
            payment_id: delivery.event.payment.to_string(),
            sequence: delivery.event.sequence,
            cursor: delivery.event.position.to_string(),
            state: delivery.state.to_string(),
            attempts: delivery.attempts,
            parked_at: delivery.parked_at.to_string(),
            next_at: text(delivery.next_at),
            last_attempt_at: text(delivery.last_attempt_at),
            last_failure: delivery.last_failure.as_deref(),
            finished_at: text(delivery.finished_at),
        }
    }
}
