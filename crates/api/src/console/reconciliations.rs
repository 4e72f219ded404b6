use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::Time;
use store::{Run, RunState, Scope};

use super::fields::Fields;
use super::given::Given;
use super::moment::Moment;
use super::payments::shops;
use super::said::Said;
use super::sign_in::go_to;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::App;
use crate::http::query::Query;
use crate::http::reconciliations::{self, RunView};
use crate::http::window_fields::WindowFields;

/// `GET /console/reconciliations`: our payments held against the gateway's list, the last run first.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceRead)?;
    let (runs, next) = reconciliations::page(Query::of_page(&request), visitor.caller(), &app).await?;
    let given = Given::of(&request);
    let now = app.desk.now();
    let day = |back: u64| now.minus(std::time::Duration::from_secs(back * 86_400)).utc().format("%Y-%m-%d").to_string();
    html(&RunsPage {
        shell: visitor.shell("Reconciliation", Some(Tab::Reconciliations)).live(),
        next: next.map(|cursor| given.with("cursor", &cursor)),
        given,
        states: [RunState::Waiting, RunState::Running, RunState::Completed, RunState::Failed].map(Into::into),
        shops: shops(&visitor, &app),
        may_order: visitor.caller().may(Scope::FinanceWrite),
        yesterday: day(1),
        today: day(0),
        rows: runs.iter().map(|run| Row::of(run, now)).collect(),
    })
}

/// `POST /console/reconciliations`.
pub(super) async fn order(
    visitor: Visitor,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceWrite)?;
    let mut fields = Fields::of(&request, payload, Some(visitor.token()), &app).await?;
    let shop = fields.text("shop");
    let window = WindowFields { from: fields.need("from"), to: fields.need("to"), zone: fields.text("zone") };
    let mut errors = fields.into_errors();
    let run = reconciliations::place(shop, &window, &mut errors, visitor.caller(), &app).await?;
    Ok(go_to(&Said::Ordered.at(&format!("/console/reconciliations/{}", run.id))))
}

/// `GET /console/reconciliations/{id}`.
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
    let run = reconciliations::visible(&id, visitor.caller(), &app).await?;
    let now = app.desk.now();
    html(&RunPage {
        shell: visitor.shell("Run of reconciliation", Some(Tab::Reconciliations)).saying(said).live(),
        row: Row::of(&run, now),
        view: RunView::from(&run),
    })
}

struct Row {
    id: String,
    shop: String,
    cause: &'static str,
    from: Moment,
    to: Moment,
    state: &'static str,
    tone: &'static str,
    items: u64,
    payments: u64,
    found: u64,
    ordered: Moment,
    finished: Option<Moment>,
}

impl Row {
    fn of(run: &Run, now: Time) -> Self {
        let tone = match run.state {
            RunState::Waiting | RunState::Running => "open",
            RunState::Completed => "good",
            RunState::Failed => "unknown",
        };
        Self {
            id: run.id.to_string(),
            shop: run.shop.to_string(),
            cause: run.cause.into(),
            from: Moment::of(run.from, now),
            to: Moment::of(run.to, now),
            state: run.state.into(),
            tone,
            items: run.progress.items,
            payments: run.progress.payments,
            found: run.tally.as_ref().map(|tally| tally.open.values().sum()).unwrap_or_default(),
            ordered: Moment::of(run.ordered_at, now),
            finished: Moment::of_any(run.finished_at, now),
        }
    }
}

#[derive(Template)]
#[template(path = "console/reconciliations.html")]
struct RunsPage {
    shell: Shell,
    given: Given,
    states: [&'static str; 4],
    shops: Vec<String>,
    may_order: bool,
    yesterday: String,
    today: String,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "console/reconciliation.html")]
struct RunPage<'a> {
    shell: Shell,
    row: Row,
    view: RunView<'a>,
}
