//! `/v1/switches`: what is stopped by hand.

use std::collections::BTreeSet;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{Switch, Via};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Scope, SwitchChange};
use strum::VariantArray as _;

use super::document::{As, Moment};
use super::form::Form;
use super::listed::Listed;
use super::operate::text;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body};

/// How many changes of a switch are shown.
const CHANGES: u32 = 50;

/// `GET /v1/switches`: how each stands, and who turned it last.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    Caller::of(&request, &app, Scope::OpsRead).await?;
    Query::of(&request).finish()?;
    let turned = read(&app).await?;
    let data: Vec<SwitchView> = Switch::VARIANTS
        .iter()
        .map(|switch| SwitchView::of(*switch, turned.iter().find(|change| change.switch == *switch)))
        .collect();
    Ok(HttpResponse::Ok().json(Listed { data }))
}

/// `GET /v1/switches/{name}`: its changes, the latest first.
pub(super) async fn changes(request: HttpRequest, name: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    Caller::of(&request, &app, Scope::OpsRead).await?;
    Query::of(&request).finish()?;
    let switch: Switch = name.parse().map_err(|_| Problem::not_found())?;
    let switches = app.switches.clone();
    let found = app.works.run(async move { switches.switch_changes(switch, CHANGES).await }).await??;
    let data: Vec<SwitchView> = found.iter().map(|change| SwitchView::of(switch, Some(change))).collect();
    Ok(HttpResponse::Ok().json(Listed { data }))
}

/// `POST /v1/switches/{name}` `{stopped, reason}`. Every replica knows it within two seconds.
pub(super) async fn turn(
    request: HttpRequest,
    name: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsWrite).await?;
    Query::of(&request).finish()?;
    let switch: Switch = name.parse().map_err(|_| Problem::not_found())?;
    if !caller.shops().is_empty() {
        return Err(Problem::new(Kind::MissingScope, "a switch is for all shops, and the key is bound to some"));
    }
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let stopped: Option<bool> = form.value("stopped", "must be true or false", errors);
    let stopped = form.require("stopped", stopped, errors);
    let reason = text(&mut form, "reason", true, errors);
    form.finish(errors);
    let (Some(stopped), Some(reason)) = (stopped, reason) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    if !errors.is_empty() {
        return Err(Problem::fields(std::mem::take(errors)));
    }
    let sequence = read(&app).await?.iter().find(|change| change.switch == switch).map_or(0, |last| last.sequence) + 1;
    let change =
        SwitchChange { switch, sequence, stopped, at: app.desk.now(), by: caller.actor(), via: Via::Api, reason };
    let (switches, turned) = (app.switches.clone(), change.clone());
    if !app.works.run(async move { switches.turn_switch(&turned).await }).await?? {
        return Err(Problem::new(Kind::VersionChanged, "somebody else has turned it meanwhile; look again"));
    }
    // This process need not wait to be told.
    read(&app).await?;
    Ok(HttpResponse::Ok().json(SwitchView::of(switch, Some(&change))))
}

/// How each stands that was ever turned; the desk knows it from then on.
async fn read(app: &Data<App>) -> Result<Vec<SwitchChange>, Problem> {
    let switches = app.switches.clone();
    let turned = app.works.run(async move { switches.switches().await }).await??;
    app.desk.stops().set(stopped(&turned));
    Ok(turned)
}

/// Those that are stopped.
pub(crate) fn stopped(turned: &[SwitchChange]) -> BTreeSet<Switch> {
    turned.iter().filter(|change| change.stopped).map(|change| change.switch).collect()
}

/// A switch, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "Switch")]
pub(crate) struct SwitchView {
    #[schemars(with = "As<Switch>")]
    pub name: Switch,
    pub stopped: bool,
    #[schemars(with = "Option<Moment>")]
    pub at: Option<String>,
    pub by: Option<String>,
    #[schemars(with = "Option<As<Via>>")]
    pub via: Option<Via>,
    pub reason: Option<String>,
}

impl SwitchView {
    /// As it stands after its latest change; one that was never turned is not stopped.
    pub(crate) fn of(name: Switch, change: Option<&SwitchChange>) -> Self {
        Self {
            name,
            stopped: change.is_some_and(|change| change.stopped),
            at: change.map(|change| change.at.to_string()),
            by: change.map(|change| change.by.name.clone()),
            via: change.map(|change| change.via),
            reason: change.map(|change| change.reason.clone()),
        }
    }
}
