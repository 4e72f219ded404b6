use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::Time;
use export::{Format, Report};
use store::{Export, ExportState, Scope};
use strum::VariantArray as _;

use super::fields::Fields;
use super::given::Given;
use super::moment::Moment;
use super::said::Said;
use super::sign_in::go_to;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::App;
use crate::http::exports::{self, Asked, ExportView};
use crate::http::query::Query;
use crate::http::window_fields::WindowFields;

/// `GET /console/exports`: what was ordered, the last one first, and the form for another one.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceRead)?;
    let (found, next) = exports::page(Query::of_page(&request), visitor.caller(), &app).await?;
    let now = app.desk.now();
    let day = |back: u64| now.minus(std::time::Duration::from_secs(back * 86_400)).utc().format("%Y-%m-%d").to_string();
    html(&ExportsPage {
        shell: visitor.shell("Exports", Some(Tab::Exports)).live(),
        next: next.map(|cursor| Given::of(&request).with("cursor", &cursor)),
        reports: Report::VARIANTS.iter().map(ToString::to_string).collect(),
        formats: Format::VARIANTS.iter().map(ToString::to_string).collect(),
        yesterday: day(1),
        today: day(0),
        rows: found.iter().map(|export| Row::of(export, now)).collect(),
    })
}

/// `POST /console/exports`.
pub(super) async fn order(
    visitor: Visitor,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceRead)?;
    let mut fields = Fields::of(&request, payload, Some(visitor.token()), &app).await?;
    let report = fields.word("report");
    let format = fields.word("format");
    let window = WindowFields { from: fields.need("from"), to: fields.need("to"), zone: fields.text("zone") };
    let mut errors = fields.into_errors();
    let export =
        exports::place(Asked { report, format, window, shops: None }, &mut errors, visitor.caller(), &app).await?;
    Ok(go_to(&Said::Ordered.at(&format!("/console/exports/{}", export.id))))
}

/// `GET /console/exports/{id}`: how far it is, what is in it, and who took it.
pub(super) async fn show(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceRead)?;
    let mut query = Query::of_page(&request);
    let said: Option<Said> = query.one("said", Said::OTHERWISE);
    query.finish()?;
    let export = exports::visible(&id, visitor.caller(), &app).await?;
    let downloads = exports::downloads(export.id, &app).await?;
    let now = app.desk.now();
    html(&ExportPage {
        shell: visitor.shell(format!("Export: {}", export.report), Some(Tab::Exports)).saying(said).live(),
        row: Row::of(&export, now),
        manifest: export.manifest.as_deref().map(pretty),
        downloads: downloads.iter().map(|one| (one.by.name.clone(), Moment::of(one.at, now))).collect(),
        view: ExportView::of(&export, &[]),
    })
}

/// `GET /console/exports/{id}/file`: the same bytes as over HTTP. Who takes them is noted.
pub(super) async fn file(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceRead)?;
    Query::of_page(&request).finish()?;
    let export = exports::visible(&id, visitor.caller(), &app).await?;
    Ok(exports::hand_out(&export, visitor.caller(), &app).await?)
}

/// The manifest, broken into lines.
fn pretty(manifest: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(manifest).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_default()
}

struct Row {
    id: String,
    report: String,
    format: String,
    from: Moment,
    to: Moment,
    state: String,
    tone: &'static str,
    done: u64,
    expected: Option<u64>,
    is_open: bool,
    is_there: bool,
    ordered: Moment,
    ordered_by: Option<String>,
    finished: Option<Moment>,
}

impl Row {
    fn of(export: &Export, now: Time) -> Self {
        let tone = match export.state {
            ExportState::Waiting | ExportState::Running => "open",
            ExportState::Completed => "good",
            ExportState::Failed => "unknown",
            ExportState::Expired => "dead",
        };
        Self {
            id: export.id.to_string(),
            report: export.report.clone(),
            format: export.format.clone(),
            from: Moment::of(export.from, now),
            to: Moment::of(export.to, now),
            state: export.state.to_string(),
            tone,
            done: export.rows_done,
            expected: export.rows_expected,
            is_open: export.finished_at.is_none(),
            is_there: export.state == ExportState::Completed,
            ordered: Moment::of(export.ordered_at, now),
            ordered_by: export.ordered_by.as_ref().map(|by| by.name.clone()),
            finished: Moment::of_any(export.finished_at, now),
        }
    }
}

#[derive(Template)]
#[template(path = "console/exports.html")]
struct ExportsPage {
    shell: Shell,
    reports: Vec<String>,
    formats: Vec<String>,
    yesterday: String,
    today: String,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "console/export.html")]
struct ExportPage<'a> {
    shell: Shell,
    row: Row,
    view: ExportView<'a>,
    manifest: Option<String>,
    downloads: Vec<(String, Moment)>,
}
