use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{BreakKind, Text, Time};
use store::{Break, BreakState, Scope};
use strum::VariantArray as _;

use super::fields::Fields;
use super::given::Given;
use super::moment::{Moment, span};
use super::payments::shops;
use super::said::Said;
use super::sign_in::go_to;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::breaks::{self, BreakView};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::{App, stray_card};

/// `GET /console/breaks`: the differences that somebody owns, the one that was seen first last.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::FinanceRead)?;
    let (found, next) = breaks::page(Query::of_page(&request), visitor.caller(), &app).await?;
    let given = Given::of(&request);
    let now = app.desk.now();
    html(&BreaksPage {
        shell: visitor.shell("Breaks", Some(Tab::Breaks)),
        next: next.map(|cursor| given.with("cursor", &cursor)),
        given,
        kinds: BreakKind::VARIANTS.iter().map(|kind| (*kind).into()).collect(),
        states: [BreakState::Open, BreakState::Resolved, BreakState::Closed].map(Into::into),
        shops: shops(&visitor, &app),
        rows: found.iter().map(|one| Row::of(one, now)).collect(),
    })
}

/// `GET /console/breaks/{id}`.
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
    let one = breaks::visible(&id, visitor.caller(), &app).await?;
    let now = app.desk.now();
    html(&BreakPage {
        shell: visitor.shell(format!("Break: {}", one.finding.kind), Some(Tab::Breaks)).saying(said),
        may_write: visitor.caller().may(Scope::FinanceWrite) && one.state == BreakState::Open,
        age: span(one.ended_at.unwrap_or(now).since(one.first_seen_at)),
        first_seen: Moment::of(one.first_seen_at, now),
        last_seen: Moment::of(one.last_seen_at, now),
        ended: Moment::of_any(one.ended_at, now),
        tone: tone(one.state),
        state: one.state.into(),
        view: BreakView::of(&one, now),
    })
}

/// `POST /console/breaks/{id}/assign`.
pub(super) async fn assign(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    let (one, owner) = meant::<100>(&visitor, &request, &id, payload, "owner", &app).await?;
    let one = breaks::give_to(one.id, owner, &app).await?;
    Ok(go_to(&Said::Assigned.at(&path(&one))))
}

/// `POST /console/breaks/{id}/resolve`.
pub(super) async fn resolve(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    let (one, reason) = meant::<500>(&visitor, &request, &id, payload, "reason", &app).await?;
    let one = breaks::end(one.id, reason, visitor.caller(), &app).await?;
    Ok(go_to(&Said::Resolved.at(&path(&one))))
}

/// The break that is meant, and the one word that is said of it.
async fn meant<const MAX: usize>(
    visitor: &Visitor,
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    field: &'static str,
    app: &App,
) -> Result<(Break, Text<MAX>), Trouble> {
    visitor.check(Scope::FinanceWrite)?;
    let mut fields = Fields::of(request, payload, Some(visitor.token()), app).await?;
    let one = breaks::visible(id, visitor.caller(), app).await?;
    let word: Option<Text<MAX>> = fields.need(field);
    stray_card::refuse_in_text(field, word.as_ref().map(Text::as_str), fields.errors());
    fields.finish()?;
    Ok((one, word.ok_or_else(Problem::not_found)?))
}

fn path(one: &Break) -> String {
    format!("/console/breaks/{}", one.id)
}

fn tone(state: BreakState) -> &'static str {
    match state {
        BreakState::Open => "unknown",
        BreakState::Resolved => "good",
        BreakState::Closed => "dead",
    }
}

struct Row {
    id: String,
    kind: &'static str,
    state: &'static str,
    tone: &'static str,
    shop: String,
    reference: Option<String>,
    ours: String,
    theirs: String,
    age: String,
    owner: Option<String>,
}

impl Row {
    fn of(one: &Break, now: Time) -> Self {
        let finding = &one.finding;
        Self {
            id: one.id.to_string(),
            kind: finding.kind.into(),
            state: one.state.into(),
            tone: tone(one.state),
            shop: one.shop.to_string(),
            reference: finding.reference.clone(),
            ours: side(&finding.ours),
            theirs: side(&finding.theirs),
            age: span(one.ended_at.unwrap_or(now).since(one.first_seen_at)),
            owner: one.owner.clone(),
        }
    }
}

fn side(side: &domain::Side) -> String {
    let state = side.state.as_deref().unwrap_or("not there");
    side.money.map_or_else(|| state.to_owned(), |money| format!("{state}, {money}"))
}

#[derive(Template)]
#[template(path = "console/breaks.html")]
struct BreaksPage {
    shell: Shell,
    given: Given,
    kinds: Vec<&'static str>,
    states: [&'static str; 3],
    shops: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "console/break.html")]
struct BreakPage<'a> {
    shell: Shell,
    view: BreakView<'a>,
    state: &'static str,
    tone: &'static str,
    may_write: bool,
    age: String,
    first_seen: Moment,
    last_seen: Moment,
    ended: Option<Moment>,
}
