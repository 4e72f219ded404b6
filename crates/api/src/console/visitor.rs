use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures::future::LocalBoxFuture;
use store::{Holder, Scope};

use super::session::Token;
use super::{Shell, Tab, Trouble};
use crate::http::problem::{Kind, Problem};
use crate::http::{App, Caller};

/// Whoever is signed in at the console: a caller who has shown a key at the beginning of the session, or whom another service
/// has signed in.
pub(super) struct Visitor {
    caller: Caller,
    token: Token,
}

impl Visitor {
    /// Who sends a request. The key is looked up each time, so that a session of a revoked key is over at once.
    pub(super) async fn of(request: &HttpRequest) -> Result<Self, Trouble> {
        let app = request.app_data::<Data<App>>().ok_or_else(no_app)?;
        let found = match Token::of(request, &app.console) {
            Some(token) => caller_of(&token, app).await?.map(|caller| (caller, token)),
            None => None,
        };
        // What was to be done is not repeated by itself afterwards; its page is shown.
        let next = if request.method().is_safe() { path_of(request) } else { String::new() };
        let (caller, token) = found.ok_or(Trouble::SignIn { next })?;
        caller.check_network(request, app)?;
        if let Some(key) = caller.key() {
            app.used_keys.note(key, app.desk.now());
        }
        Ok(Self { caller, token })
    }

    /// With what it may do and see.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What its browser holds.
    pub(super) fn token(&self) -> &Token {
        &self.token
    }

    /// Refuses whoever has not this scope.
    pub(super) fn check(&self, scope: Scope) -> Result<(), Trouble> {
        Ok(self.caller.check(scope)?)
    }

    /// What surrounds a page.
    pub(super) fn shell(&self, title: impl Into<String>, tab: Option<Tab>) -> Shell {
        Shell::of(self, title.into(), tab)
    }
}

/// Who has a token, if its session lives, and the settings still let people in as it was begun.
pub(super) async fn caller_of(token: &Token, app: &App) -> Result<Option<Caller>, Problem> {
    let (sessions, digest, now) = (app.sessions.clone(), token.digest(), app.desk.now());
    let holder = app.works.run(async move { sessions.holder_of_session(&digest, now).await }).await??;
    let is_let_in = |holder: &Holder| match holder {
        Holder::Key(_) => app.console.keys,
        Holder::Person(_) => app.openid.is_some(),
    };
    Ok(holder.filter(is_let_in).map(Caller::with))
}

fn no_app() -> Problem {
    Problem::new(Kind::Internal, "the console is not wired")
}

fn path_of(request: &HttpRequest) -> String {
    request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
}

impl FromRequest for Visitor {
    type Error = Trouble;
    type Future = LocalBoxFuture<'static, Result<Self, Trouble>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let visitor = Self::of(&request).await?;
            // Should the page come to nothing, what is said instead has the same surroundings.
            request.extensions_mut().insert(visitor.shell("", None));
            Ok(visitor)
        })
    }
}
