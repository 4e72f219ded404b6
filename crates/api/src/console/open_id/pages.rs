use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use store::{Person, Proof};
use url::form_urlencoded;

use super::{Begun, OpenId, Refusal};
use crate::console::session::Token;
use crate::console::sign_in::{begin_session, cookie_lost, go_to, go_to_wanted, is_page_of_ours};
use crate::console::visitor::caller_of;
use crate::console::{Shell, Trouble, html};
use crate::http::App;
use crate::http::problem::{Kind, Problem};
use crate::http::query::Query;

/// What a provider sends along with a browser is shorter than this.
const WORD_MAX: usize = 4_000;

/// `GET /console/sign-in/openid`: sends the browser to the provider. It is a link and no form, since a browser holds a form's
/// redirects against the policy of the page, too.
pub(in crate::console) async fn begin(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    let openid = open_id(&app)?;
    let mut query = Query::of_page(&request);
    let next: Option<String> = query.one("next", "must be a page of the console");
    query.finish()?;
    let next = next.filter(|next| is_page_of_ours(next)).unwrap_or_default();
    if let Some(token) = Token::of(&request, &app.console)
        && caller_of(&token, &app).await?.is_some()
    {
        return Ok(go_to_wanted(&next));
    }
    let begun = Begun::new(next.clone(), app.desk.now());
    let cookie = begun.cookie(&openid.vault, &app.console);
    let (asking, uptime) = (Arc::clone(&openid), app.desk.uptime());
    match app.works.run(async move { asking.way(&begun, uptime).await }).await? {
        Ok(way) => {
            let mut response = go_to(way.as_str());
            response.add_cookie(&cookie).map_err(|_| cookie_lost())?;
            Ok(response)
        }
        Err(refusal) => refused(refusal, &next, &openid),
    }
}

/// `GET /console/sign-in/openid/callback`: the browser is back. Whatever comes of it, that sign-in is over.
pub(in crate::console) async fn come_back(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    let openid = open_id(&app)?;
    let begun = Begun::of(&request, &openid.vault, &app.console, app.desk.now());
    let next = begun.as_ref().map(|begun| begun.next().to_owned()).unwrap_or_default();
    let mut response = match who(&request, begun, &openid, &app).await? {
        Ok(person) => welcome(person, next, &app).await?,
        Err(refusal) => refused(refusal, &next, &openid)?,
    };
    response.add_cookie(&Begun::no_cookie(&app.console)).map_err(|_| cookie_lost())?;
    Ok(response)
}

/// Who has come back, if the provider says so.
async fn who(
    request: &HttpRequest,
    begun: Option<Begun>,
    openid: &Arc<OpenId>,
    app: &App,
) -> Result<Result<Person, Refusal>, Trouble> {
    let word = |name: &str| word(request, name);
    let Some(begun) = begun.filter(|begun| word("state").is_some_and(|state| begun.is_of(&state))) else {
        return Ok(Err(Refusal::NotBegun));
    };
    // RFC 9207: who says it that the browser comes from there.
    if word("iss").is_some_and(|issuer| issuer != openid.settings.issuer) {
        return Ok(Err(Refusal::Untrusted("the browser came back from another issuer")));
    }
    if let Some(error) = word("error") {
        return Ok(Err(Refusal::of_error(&error)));
    }
    let Some(code) = word("code") else {
        return Ok(Err(Refusal::Failed("it sent no code along")));
    };
    let (openid, now, uptime) = (Arc::clone(openid), app.desk.now(), app.desk.uptime());
    Ok(app.works.run(async move { openid.person(&begun, &code, now, uptime).await }).await?)
}

/// The first word of this name that came along; providers add some that nobody asked for.
fn word(request: &HttpRequest, name: &str) -> Option<String> {
    let mut words = form_urlencoded::parse(request.query_string().as_bytes());
    let found = words.find(|(known, _)| known == name).map(|(_, word)| word.into_owned());
    found.filter(|word| word.len() <= WORD_MAX)
}

/// A page that has the browser go on by itself. A redirect would not do: the provider's site began it, so that the browser would
/// not send the session's cookie along, which is `SameSite=Strict`.
async fn welcome(person: Person, next: String, app: &Data<App>) -> Result<HttpResponse, Trouble> {
    tracing::info!(person = %person.id, "somebody signed in at the console by OpenID Connect");
    let token = begin_session(Proof::Person(person), app).await?;
    let shell = Shell { title: "Signed in".to_owned(), ..Shell::default() };
    let next = if next.is_empty() { "/console".to_owned() } else { next };
    let mut response = html(&WelcomePage { shell, next })?;
    response.add_cookie(&token.cookie(&app.console)).map_err(|_| cookie_lost())?;
    Ok(response)
}

fn refused(refusal: Refusal, next: &str, openid: &OpenId) -> Result<HttpResponse, Trouble> {
    let status = refusal.status();
    if status.is_server_error() {
        tracing::warn!(why = %refusal, "nobody can sign in by OpenID Connect");
    } else {
        tracing::info!(why = %refusal, "somebody was not signed in by OpenID Connect");
    }
    let shell = Shell { title: "You are not signed in".to_owned(), ..Shell::default() };
    let page = RefusedPage { shell, provider: openid.name(), why: refusal.to_string(), next };
    let mut response = html(&page)?;
    *response.status_mut() = status;
    Ok(response)
}

fn open_id(app: &App) -> Result<Arc<OpenId>, Problem> {
    app.openid.clone().ok_or_else(|| Problem::new(Kind::NotFound, "people do not sign in by OpenID Connect here"))
}

#[derive(Template)]
#[template(path = "console/welcome.html")]
struct WelcomePage {
    shell: Shell,
    next: String,
}

#[derive(Template)]
#[template(path = "console/refused.html")]
struct RefusedPage<'a> {
    shell: Shell,
    provider: &'a str,
    why: String,
    next: &'a str,
}
