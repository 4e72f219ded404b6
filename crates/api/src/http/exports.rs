//! `/v1/exports`: files for finance.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ShopName;
use export::{Format, Report, Zone};
use orchestrator::ExportOrder;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Download, Export, ExportState, ExportsPage, Scope};
use strum::VariantArray;
use uuid::Uuid;

use super::cursor::Cursor;
use super::document::{As, Id, Moment, Object};
use super::form::Form;
use super::problem::{FieldError, Kind, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::window_fields::WindowFields;
use super::{App, Caller, body};

/// `POST /v1/exports` `{report, format, from, to, zone?, shops?}`: 202, since it takes as long as the file is.
pub(super) async fn order(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    Query::of(&request).finish()?;
    body::check_json(&request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let errors = &mut Vec::new();
    let asked = read_order(&body, errors)?;
    let export = place(asked, errors, &caller, &app).await?;
    let location = format!("/v1/exports/{}", export.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(ExportView::of(&export, &[])))
}

/// An export as somebody asks for it; what is missing is told once all is read.
pub(crate) struct Asked {
    /// What it tells.
    pub(crate) report: Option<Report>,
    /// How it is written.
    pub(crate) format: Option<Format>,
    /// From when, until when, in which zone.
    pub(crate) window: WindowFields,
    /// About which shops; none for all that the caller may see.
    pub(crate) shops: Option<Vec<ShopName>>,
}

fn read_order(body: &[u8], errors: &mut Vec<FieldError>) -> Result<Asked, Problem> {
    let mut form = Form::read(body)?;
    let report = word::<Report>(&mut form, "report", errors);
    let format = word::<Format>(&mut form, "format", errors);
    let window = WindowFields::take(&mut form, errors);
    let shops: Option<Vec<ShopName>> = form.value("shops", "must be an array of names of shops", errors);
    form.finish(errors);
    Ok(Asked { report, format, window, shops })
}

/// Orders an export, if nothing is wrong with what is asked for.
pub(crate) async fn place(
    asked: Asked,
    errors: &mut Vec<FieldError>,
    caller: &Caller,
    app: &App,
) -> Result<Export, Problem> {
    let order = check_order(asked, errors, caller, app)?;
    let exporter = app.exporter.clone();
    Ok(app.works.run(async move { exporter.order(&order).await }).await??)
}

fn check_order(asked: Asked, errors: &mut Vec<FieldError>, caller: &Caller, app: &App) -> Result<ExportOrder, Problem> {
    let Asked { report, format, window: fields, shops } = asked;
    let window = fields.read(app.desk.now(), app.export_window_max, errors);
    let zone = fields.zone.map_or_else(|| Ok(Zone::utc()), |name| Zone::named(&name));
    let (Some(report), Some(format), Some(window), Ok(zone)) = (report, format, window, zone) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    if !errors.is_empty() {
        return Err(Problem::fields(std::mem::take(errors)));
    }
    let visible: BTreeSet<ShopName> = app.shops.iter().filter(|shop| caller.may_see(shop)).cloned().collect();
    let shops = match shops {
        Some(named) if named.iter().all(|shop| visible.contains(shop)) => named.into_iter().collect(),
        Some(_) => return Err(Problem::not_found()),
        None => visible,
    };
    if shops.is_empty() {
        let detail = "must name a shop at least".to_owned();
        return Err(Problem::fields(vec![FieldError { pointer: "/shops".to_owned(), detail }]));
    }
    Ok(ExportOrder { id: app.ids.next(), report, format, shops, window, zone, by: Some(caller.actor()) })
}

/// One of the words that there are; which, is said to whoever takes another.
pub(super) fn word<T: FromStr + VariantArray + Display>(
    form: &mut Form<'_>,
    name: &str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let text: Option<String> = form.value(name, "must be a string", errors);
    let text = form.require(name, text, errors)?;
    let read = text.parse().ok();
    if read.is_none() {
        let words: Vec<String> = T::VARIANTS.iter().map(ToString::to_string).collect();
        errors.push(form.error(name, format!("must be one of {}", words.join(", "))));
    }
    read
}

/// `GET /v1/exports`: the one that was ordered last first.
pub(super) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    let (exports, next_cursor) = page(Query::of(&request), &caller, &app).await?;
    let data = exports.iter().map(|export| ExportView::of(export, &[])).collect();
    Ok(HttpResponse::Ok().json(ExportsView { data, next_cursor }))
}

/// The exports of a page that the caller may see, and the cursor of the next page.
pub(crate) async fn page(
    mut query: Query,
    caller: &Caller,
    app: &App,
) -> Result<(Vec<Export>, Option<String>), Problem> {
    let limit = query.limit();
    let before = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| (cursor.at, cursor.id));
    let shops = query.shops(caller);
    query.finish()?;
    let Some(shops) = shops else { return Ok((Vec::new(), None)) };
    let page = ExportsPage { shops, before, limit: limit + 1 };
    let records = app.exporter.records().clone();
    let mut exports = app.works.run(async move { records.exports(&page).await }).await??;
    let next_cursor = Cursor::behind(&mut exports, limit, |one| Cursor { at: one.ordered_at, id: one.id });
    Ok((exports, next_cursor))
}

/// `GET /v1/exports/{id}`: how far it is, its manifest, and who took the file.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    Query::of(&request).finish()?;
    let export = visible(&id, &caller, &app).await?;
    Ok(HttpResponse::Ok().json(ExportView::of(&export, &downloads(export.id, &app).await?)))
}

/// Who took a file.
pub(crate) async fn downloads(export: Uuid, app: &App) -> Result<Vec<Download>, Problem> {
    let records = app.exporter.records().clone();
    Ok(app.works.run(async move { records.downloads(export).await }).await??)
}

/// `GET /v1/exports/{id}/file`: the bytes that the manifest names. Who takes them is noted first.
pub(super) async fn file(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    Query::of(&request).finish()?;
    hand_out(&visible(&id, &caller, &app).await?, &caller, &app).await
}

/// The file of an export, once it is noted who takes it.
pub(crate) async fn hand_out(export: &Export, caller: &Caller, app: &App) -> Result<HttpResponse, Problem> {
    if export.state == ExportState::Expired {
        return Err(Problem::new(Kind::FileGone, "the file is not kept any longer; order the export once more"));
    }
    let manifest = export.manifest.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let Some(manifest) = manifest else {
        return Err(Problem::new(Kind::NotInThisState, format!("the export is {}: there is no file", export.state)));
    };
    let (exporter, asked) = (app.exporter.clone(), export.clone());
    let opened = app.works.run(async move { exporter.open(&asked).await }).await?;
    let kept = match opened {
        Ok(kept) if manifest["bytes"] == kept.length => kept,
        opened => {
            let error = opened.err();
            tracing::error!(export = %export.id, ?error, "the file of an export is not where files are kept, or not whole");
            let detail = "the file is not where this process keeps files; another process may have it";
            return Err(Problem::new(Kind::FileNotHere, detail).retry_soon());
        }
    };
    let (exporter, id, by) = (app.exporter.clone(), export.id, caller.actor());
    app.works.run(async move { exporter.note_download(id, by).await }).await??;
    let name = manifest["fileName"].as_str().unwrap_or_default();
    let digest = hex::decode(manifest["sha256"].as_str().unwrap_or_default()).unwrap_or_default();
    let format: Option<Format> = export.format.parse().ok();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, format.map_or("application/octet-stream", Format::media_type)))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        // RFC 9530.
        .insert_header(("Repr-Digest", format!("sha-256=:{}:", STANDARD.encode(digest))))
        .no_chunking(kept.length)
        .streaming(kept.bytes))
}

/// The export with this id, if the caller may see it.
pub(crate) async fn visible(id: &str, caller: &Caller, app: &App) -> Result<Export, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let records = app.exporter.records().clone();
    let found = app.works.run(async move { records.export(id).await }).await??;
    found.filter(|one| one.shops.iter().all(|shop| caller.may_see(shop))).ok_or_else(Problem::not_found)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Exports")]
pub(super) struct ExportsView<'a> {
    data: Vec<ExportView<'a>>,
    next_cursor: Option<String>,
}

/// An export, as callers and the command line see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the page on finance documents the fields")]
#[schemars(rename = "Export")]
pub(crate) struct ExportView<'a> {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "As<Report>")]
    pub report: &'a str,
    #[schemars(with = "As<Format>")]
    pub format: &'a str,
    pub shops: Vec<&'a str>,
    #[schemars(with = "Moment")]
    pub from: String,
    #[schemars(with = "Moment")]
    pub to: String,
    pub zone: &'a str,
    #[schemars(with = "As<ExportState>")]
    pub state: String,
    pub failure: Option<&'a str>,
    pub rows_done: u64,
    pub rows_expected: Option<u64>,
    pub ordered_by: Option<&'a str>,
    #[schemars(with = "Moment")]
    pub ordered_at: String,
    #[schemars(with = "Option<Moment>")]
    pub begun_at: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub finished_at: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub next_at: Option<String>,
    /// As it was written with the file.
    #[schemars(with = "Option<Object>")]
    pub manifest: Option<&'a RawValue>,
    pub downloads: Vec<DownloadView<'a>>,
}

/// Who took the file.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the page on finance documents the fields")]
#[schemars(rename = "Download")]
pub(crate) struct DownloadView<'a> {
    pub by: &'a str,
    #[schemars(with = "Moment")]
    pub at: String,
}

impl<'a> ExportView<'a> {
    /// With who took its file, if that was looked for.
    pub(crate) fn of(export: &'a Export, downloads: &'a [Download]) -> Self {
        let is_open = export.finished_at.is_none();
        Self {
            id: export.id.to_string(),
            report: &export.report,
            format: &export.format,
            shops: export.shops.iter().map(ShopName::as_str).collect(),
            from: export.from.to_string(),
            to: export.to.to_string(),
            zone: &export.zone,
            state: export.state.to_string(),
            failure: export.failure.as_deref(),
            rows_done: export.rows_done,
            rows_expected: export.rows_expected,
            ordered_by: export.ordered_by.as_ref().map(|by| by.name.as_str()),
            ordered_at: export.ordered_at.to_string(),
            begun_at: export.begun_at.map(|at| at.to_string()),
            finished_at: export.finished_at.map(|at| at.to_string()),
            next_at: is_open.then(|| export.next_at.to_string()),
            manifest: export.manifest.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            downloads: downloads.iter().map(|one| DownloadView { by: &one.by.name, at: one.at.to_string() }).collect(),
        }
    }
}
