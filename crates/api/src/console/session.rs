use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::settings::Console;

/// Browsers take a name with this beginning only with `Secure`, from the host itself and for all of it: nobody beside or
/// below us can plant one.
const NAME: &str = "__Host-console";
/// Where the settings allow a cookie without TLS.
const PLAIN_NAME: &str = "console";
/// Digits of a token.
const LENGTH: usize = 64;

/// What a browser holds: 256 random bits in hexadecimal digits. Only their digest is stored. A form of the page that it was
/// sent with repeats what follows from it and nobody else can know.
pub(super) struct Token(Zeroizing<String>);

impl Token {
    /// A new one.
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(hex::encode(rand::random::<[u8; 32]>())))
    }

    /// The one that came with a request, if it has the form of one.
    pub(super) fn of(request: &HttpRequest, settings: &Console) -> Option<Self> {
        let cookie = request.cookie(name(settings))?;
        let token = Zeroizing::new(cookie.value().to_owned());
        let is_token = token.len() == LENGTH && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_token.then_some(Self(token))
    }

    /// What is stored of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// What every form says that was made for whoever has this token.
    pub(super) fn form_mark(&self) -> String {
        hex::encode(Sha256::digest(format!("form {}", self.0.as_str())))
    }

    /// Whether a form was made for whoever has this token.
    pub(super) fn made(&self, form_mark: &str) -> bool {
        self.form_mark().as_bytes().ct_eq(form_mark.as_bytes()).into()
    }

    /// As a cookie for this browser: not for scripts, and not along with what other sites have it send.
    pub(super) fn cookie(&self, settings: &Console) -> Cookie<'static> {
        let minutes = i64::try_from(settings.session_minutes).unwrap_or(i64::MAX / 60);
        cookie(self.0.to_string(), settings).max_age(CookieDuration::minutes(minutes)).finish()
    }

    /// Has the browser forget it.
    pub(super) fn no_cookie(settings: &Console) -> Cookie<'static> {
        cookie(String::new(), settings).max_age(CookieDuration::ZERO).finish()
    }
}

fn cookie(value: String, settings: &Console) -> actix_web::cookie::CookieBuilder<'static> {
    let secure = !settings.plain_cookies;
    Cookie::build(name(settings), value).path("/").secure(secure).http_only(true).same_site(SameSite::Strict)
}

fn name(settings: &Console) -> &'static str {
    if settings.plain_cookies { PLAIN_NAME } else { NAME }
}
