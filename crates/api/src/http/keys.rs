//! `/v1/keys`: who may call, and what for.

use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{ShopName, Text, Time};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;
use store::{KeyRecord, Scope};
use strum::VariantArray as _;
use uuid::Uuid;

use super::command::optional_body;
use super::document::{As, Id, Moment};
use super::form::Form;
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::stray_card;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body, digest};
use crate::keys::{GRACE, GRACE_MAX, Rotation, RotationError, Stays, new_key, rotate};

/// The most networks of one key.
pub(super) const NETWORKS_MAX: usize = 50;

/// `POST /v1/keys` `{name, scopes, shops?, networks?, expiresAt?}`. The key is shown this once.
pub(super) async fn add(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::Admin).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let key = new_key();
    let record = read_order(&body, &key, &caller, &app)?;
    let (keys, stored) = (app.keys.clone(), record.clone());
    app.works.run(async move { keys.add_key(&stored).await }).await??;
    tracing::info!(key = %record.id, by = %caller.actor().key, "a key was made");
    let location = format!("/v1/keys/{}", record.id);
    let view = WithKey { key: &key, about: KeyView::of(&record, app.desk.now()) };
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(view))
}

fn read_order(body: &[u8], key: &str, caller: &Caller, app: &App) -> Result<KeyRecord, Problem> {
    let mut form = Form::read(body)?;
    let errors = &mut Vec::new();
    let name: Option<Text<100>> = form.text("name", errors);
    stray_card::refuse_in_text("/name", name.as_ref().map(Text::as_str), errors);
    let name = form.require("name", name, errors);
    let scopes = scopes(&mut form, errors);
    let shops = shops(&mut form, caller, app, errors);
    let networks = networks(&mut form, errors);
    let expires_at = moment(&mut form, "expiresAt", app.desk.now(), errors);
    form.finish(errors);
    let (Some(name), Some(scopes), true) = (name, scopes, errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let record = KeyRecord::new(app.ids.next(), name, digest(key).to_vec(), app.desk.now());
    Ok(KeyRecord { scopes, shops, networks, expires_at, ..record })
}

fn scopes(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<BTreeSet<Scope>> {
    let words: Option<Vec<String>> = form.value("scopes", "must be an array of strings", errors);
    let words = form.require("scopes", words, errors)?;
    let scopes: Option<BTreeSet<Scope>> = words.iter().map(|word| Scope::from_str(word).ok()).collect();
    let scopes = scopes.filter(|scopes| !scopes.is_empty());
    if scopes.is_none() {
        let known: Vec<String> = Scope::VARIANTS.iter().map(Scope::to_string).collect();
        errors.push(form.error("scopes", format!("must be some of {}", known.join(", "))));
    }
    scopes
}

/// Nobody gives away what it may not see.
fn shops(form: &mut Form<'_>, caller: &Caller, app: &App, errors: &mut Vec<FieldError>) -> BTreeSet<ShopName> {
    let names: Option<Vec<ShopName>> = form.value("shops", "must be an array of names of shops", errors);
    let shops = names.map_or_else(|| caller.shops().clone(), |names| names.into_iter().collect());
    if shops.iter().any(|shop| !app.shops.contains(shop) || !caller.may_see(shop)) {
        errors.push(form.error("shops", "must be names of shops that this key may see"));
    }
    if shops.is_empty() && !caller.shops().is_empty() {
        errors.push(form.error("shops", "must not be empty: this key may not see all shops"));
    }
    shops
}

fn networks(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> BTreeSet<IpNet> {
    const OTHERWISE: &str = "must be an array of networks such as 10.1.0.0/16, at most 50";
    let networks: Option<Vec<IpNet>> = form.value("networks", OTHERWISE, errors);
    let networks = networks.unwrap_or_default();
    if networks.len() > NETWORKS_MAX {
        errors.push(form.error("networks", OTHERWISE));
    }
    networks.iter().map(IpNet::trunc).collect()
}

fn moment(form: &mut Form<'_>, name: &str, now: Time, errors: &mut Vec<FieldError>) -> Option<Time> {
    const OTHERWISE: &str = "must be a moment such as 2026-11-23T10:11:12Z (RFC 3339), later than now";
    let text: String = form.value(name, OTHERWISE, errors)?;
    let read = chrono::DateTime::parse_from_rfc3339(&text).ok().map(|time| Time::new(time.to_utc()));
    let later = read.filter(|time| *time > now);
    if later.is_none() {
        errors.push(form.error(name, OTHERWISE));
    }
    later
}

/// `GET /v1/keys`: all that the caller may give, the oldest first; the keys themselves are stored nowhere.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::Admin).await?;
    Query::of(&request).finish()?;
    let (keys, now) = (all(&app).await?, app.desk.now());
    let data = keys.iter().filter(|key| may_give(&caller, key)).map(|key| KeyView::of(key, now)).collect();
    Ok(HttpResponse::Ok().json(KeysView { data, next_cursor: None }))
}

/// `GET /v1/keys/{id}`.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::Admin).await?;
    Query::of(&request).finish()?;
    Ok(HttpResponse::Ok().json(KeyView::of(&visible(&id, &caller, &app).await?, app.desk.now())))
}

/// `POST /v1/keys/{id}/rotate` `{graceSeconds?, stays?}`: a new one, shown this once; the one before is taken for a while.
pub(super) async fn rotate_one(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::Admin).await?;
    Query::of(&request).finish()?;
    let body = optional_body(&request, payload, &app).await?;
    let record = visible(&id, &caller, &app).await?;
    let rotation = read_rotation(&body)?;
    let (keys, key, now) = (app.keys.clone(), new_key(), app.desk.now());
    let new = key.clone();
    let rotated = app.works.run(async move { rotate(keys.as_ref(), &record, &new, rotation, now).await }).await??;
    app.known_keys.forget(rotated.id);
    tracing::info!(key = %rotated.id, by = %caller.actor().key, "a key was changed over");
    let view = WithKey { key: &key, about: KeyView::of(&rotated, now) };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(view))
}

fn read_rotation(body: &[u8]) -> Result<Rotation, Problem> {
    let mut form = Form::read(body)?;
    let errors = &mut Vec::new();
    let seconds: Option<u64> = form.value("graceSeconds", "must be a whole number of seconds", errors);
    let grace = seconds.map_or(GRACE, Duration::from_secs);
    if grace > GRACE_MAX {
        errors.push(form.error("graceSeconds", "must be at most 604800, seven days"));
    }
    let word: Option<String> = form.value("stays", "must be a string", errors);
    let stays = word.as_deref().map(Stays::from_str);
    if let Some(Err(_)) = stays {
        errors.push(form.error("stays", "must be current or previous"));
    }
    form.finish(errors);
    match stays.transpose() {
        Ok(stays) if errors.is_empty() => Ok(Rotation { grace, stays }),
        _ => Err(Problem::fields(std::mem::take(errors))),
    }
}

/// `DELETE /v1/keys/{id}`: it is good for nothing any more, wherever it is remembered within seconds.
pub(super) async fn revoke(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::Admin).await?;
    Query::of(&request).finish()?;
    let id = visible(&id, &caller, &app).await?.id;
    let (keys, now) = (app.keys.clone(), app.desk.now());
    if app.works.run(async move { keys.revoke_key(id, now).await }).await?? {
        app.known_keys.forget(id);
        tracing::info!(key = %id, by = %caller.actor().key, "a key was revoked");
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn all(app: &App) -> Result<Vec<KeyRecord>, Problem> {
    let keys = app.keys.clone();
    Ok(app.works.run(async move { keys.keys().await }).await??)
}

/// The key with this id, if the caller might have given it.
async fn visible(id: &str, caller: &Caller, app: &App) -> Result<KeyRecord, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let found = all(app).await?.into_iter().find(|key| key.id == id);
    found.filter(|key| may_give(caller, key)).ok_or_else(Problem::not_found)
}

/// Whoever sees some shops only looks after keys that see no others.
fn may_give(caller: &Caller, key: &KeyRecord) -> bool {
    caller.shops().is_empty() || (!key.shops.is_empty() && key.shops.is_subset(caller.shops()))
}

impl From<RotationError> for Problem {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Ended | RotationError::TwoLive(_) => Self::new(Kind::NotInThisState, error.to_string()),
            RotationError::Changed => Self::new(Kind::VersionChanged, error.to_string()),
            RotationError::Store(error) => error.into(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Keys")]
pub(super) struct KeysView<'a> {
    data: Vec<KeyView<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeyShownOnce")]
pub(super) struct WithKey<'a> {
    key: &'a str,
    #[serde(flatten)]
    about: KeyView<'a>,
}

/// A key, without the key.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Key")]
pub(super) struct KeyView<'a> {
    #[schemars(with = "Id")]
    id: String,
    name: &'a str,
    #[schemars(with = "Vec<As<Scope>>")]
    scopes: &'a BTreeSet<Scope>,
    /// The shops that it sees; all of them if there are none here.
    #[schemars(with = "Vec<As<ShopName>>")]
    shops: Vec<&'a str>,
    /// Where it may be used from; anywhere if there are none here.
    #[schemars(with = "Vec<As<IpNet>>")]
    networks: &'a BTreeSet<IpNet>,
    #[schemars(with = "Moment")]
    created_at: String,
    #[schemars(with = "Option<Moment>")]
    expires_at: Option<String>,
    /// About when it was used last.
    #[schemars(with = "Option<Moment>")]
    used_at: Option<String>,
    /// Until when the one before is taken too.
    #[schemars(with = "Option<Moment>")]
    previous_until: Option<String>,
    #[schemars(with = "Option<Moment>")]
    revoked_at: Option<String>,
}

impl<'a> KeyView<'a> {
    fn of(key: &'a KeyRecord, now: Time) -> Self {
        let moment = |time: Option<Time>| time.map(|time| time.to_string());
        Self {
            id: key.id.to_string(),
            name: &key.name,
            scopes: &key.scopes,
            shops: key.shops.iter().map(ShopName::as_str).collect(),
            networks: &key.networks,
            created_at: key.created_at.to_string(),
            expires_at: moment(key.expires_at),
            used_at: moment(key.used_at),
            previous_until: moment(key.previous(now).map(|previous| previous.until)),
            revoked_at: moment(key.revoked_at),
        }
    }
}
