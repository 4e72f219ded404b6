use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{Text, Time};
use store::{Holder, KeyRecord, Proof, Scope, Session};

use super::fields::Fields;
use super::session::Token;
use super::visitor::caller_of;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::problem::{Kind, Problem};
use crate::http::query::Query;
use crate::http::{App, Caller, digest};

/// A key is shorter than this.
const KEY_LENGTH_MAX: usize = 200;
/// A page that is wanted afterwards has a shorter address than this.
const NEXT_LENGTH_MAX: usize = 2_000;

/// `GET /console`: what needs a person comes first.
pub(super) async fn home(_visitor: Visitor) -> Result<HttpResponse, Trouble> {
    // Whoever may sign in may see it.
    Ok(go_to(Tab::Stuck.path()))
}

/// `GET /console/sign-in`.
pub(super) async fn page(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    let mut query = Query::of_page(&request);
    let next: Option<String> = query.one("next", "must be a page of the console");
    query.finish()?;
    let next = next.filter(|next| is_page_of_ours(next)).unwrap_or_default();
    let known = Token::of(&request, &app.console);
    if let Some(token) = &known
        && caller_of(token, &app).await?.is_some()
    {
        return Ok(go_to_wanted(&next));
    }
    // Another window may show this page as well: its form stays good.
    ask(&known.unwrap_or_else(Token::new), next, None, &app)
}

fn ask(token: &Token, next: String, wrong: Option<&'static str>, app: &App) -> Result<HttpResponse, Trouble> {
    let shell = Shell { title: "Sign in".to_owned(), form_mark: token.form_mark(), ..Shell::default() };
    let provider = app.openid.as_ref().map(|openid| openid.name());
    let mut response = html(&SignInPage { shell, next, wrong, provider, keys: app.console.keys })?;
    *response.status_mut() = if wrong.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    response.add_cookie(&token.cookie(&app.console)).map_err(|_| cookie_lost())?;
    Ok(response)
}

/// `POST /console/sign-in`: whoever shows a key that may look after payments. The session has a token of its own, so that
/// none that was there before is good for anything.
pub(super) async fn sign_in(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Trouble> {
    let token = Token::of(&request, &app.console);
    let mut fields = Fields::of(&request, payload, token.as_ref(), &app).await?;
    let key: Option<Text<KEY_LENGTH_MAX>> = fields.text("key");
    let next: Option<String> = fields.text("next");
    let is_whole = fields.into_errors().is_empty();
    let next = next.filter(|next| is_page_of_ours(next)).unwrap_or_default();
    if !app.console.keys {
        return ask(&token.unwrap_or_else(Token::new), next, Some("No key is taken here."), &app);
    }
    let key = match key.filter(|_| is_whole) {
        Some(key) => live_key(key.as_str(), &app).await?,
        None => None,
    };
    let token = token.unwrap_or_else(Token::new);
    let Some(key) = key else {
        return ask(&token, next, Some("This key is unknown or revoked, or has expired."), &app);
    };
    if ![Scope::OpsRead, Scope::Admin].iter().any(|scope| key.scopes.contains(scope)) {
        return ask(&token, next, Some("This key has not the scope ops:read, which the console needs."), &app);
    }
    let id = key.id;
    Caller::with(Holder::Key(key)).check_network(&request, &app)?;
    let token = begin_session(Proof::Key(id), &app).await?;
    tracing::info!(key = %id, "somebody signed in at the console");
    let mut response = go_to_wanted(&next);
    response.add_cookie(&token.cookie(&app.console)).map_err(|_| cookie_lost())?;
    Ok(response)
}

/// Begins a session of somebody who has shown who they are.
pub(super) async fn begin_session(proof: Proof, app: &App) -> Result<Token, Problem> {
    let (token, begun_at) = (Token::new(), app.desk.now());
    let session = Session { digest: token.digest().to_vec(), proof, begun_at, expires_at: end_of(begun_at, app) };
    let sessions = app.sessions.clone();
    app.works.run(async move { sessions.begin_session(&session).await }).await??;
    Ok(token)
}

/// `POST /console/sign-out`: the session is over, wherever else its token may lie.
pub(super) async fn sign_out(
    visitor: Visitor,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    Fields::of(&request, payload, Some(visitor.token()), &app).await?.finish()?;
    let (sessions, digest) = (app.sessions.clone(), visitor.token().digest());
    app.works.run(async move { sessions.end_session(&digest).await }).await??;
    let mut response = go_to("/console/sign-in");
    response.add_cookie(&Token::no_cookie(&app.console)).map_err(|_| cookie_lost())?;
    Ok(response)
}

/// Looked up past what is remembered of keys, so that a revoked one begins nothing.
async fn live_key(key: &str, app: &App) -> Result<Option<KeyRecord>, Trouble> {
    let (keys, digest) = (app.keys.clone(), digest(key));
    let found = app.works.run(async move { keys.key_by_digest(&digest).await }).await??;
    Ok(found.filter(|key| key.opens(&digest, app.desk.now())))
}

fn end_of(begun_at: Time, app: &App) -> Time {
    begun_at.plus(Duration::from_secs(app.console.session_minutes.saturating_mul(60)))
}

/// Whether an address leads nowhere else.
pub(super) fn is_page_of_ours(next: &str) -> bool {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    next.starts_with("/console/") && is_plain && next.len() <= NEXT_LENGTH_MAX
}

/// Has the browser go to another page, with a GET.
pub(super) fn go_to(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// Has it go to the page that was wanted, if there was one.
pub(super) fn go_to_wanted(next: &str) -> HttpResponse {
    go_to(if next.is_empty() { "/console" } else { next })
}

/// The browser would hold nothing.
pub(super) fn cookie_lost() -> Problem {
    Problem::new(Kind::Internal, "the cookie could not be written")
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'a> {
    shell: Shell,
    next: String,
    wrong: Option<&'static str>,
    provider: Option<&'a str>,
    keys: bool,
}
