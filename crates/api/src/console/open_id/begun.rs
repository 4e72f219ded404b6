use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, CookieBuilder, SameSite};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Time;
use orchestrator::Vault;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::settings::Console;

const NAME: &str = "__Host-console-openid";
/// Where the settings allow a cookie without TLS.
const PLAIN_NAME: &str = "console-openid";
/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_mins(10);
/// What the seal is made for.
const LABEL: &[u8] = b"a sign-in that was begun";

/// A sign-in that was begun in a browser, which keeps it until it comes back from the provider. It holds 256 random bits, and
/// whatever the provider is told or shown follows from them; the seal says that it was begun here, and until when it is good.
pub(super) struct Begun {
    secret: Zeroizing<String>,
    until: i64,
    next: String,
}

impl Begun {
    /// Begins one; `next` is the page that is wanted afterwards.
    pub(super) fn new(next: String, now: Time) -> Self {
        let secret = Zeroizing::new(hex::encode(rand::random::<[u8; 32]>()));
        Self { secret, until: now.plus(PATIENCE).utc().timestamp(), next }
    }

    /// The one that came with a request, if it was begun here and is not too old.
    pub(super) fn of(request: &HttpRequest, vault: &Vault, settings: &Console, now: Time) -> Option<Self> {
        let cookie = request.cookie(name(settings))?;
        let (content, seal) = cookie.value().rsplit_once('.')?;
        let is_ours: bool = seal_of(content, vault).as_bytes().ct_eq(seal.as_bytes()).into();
        let mut parts = content.split('.');
        let (secret, until, next) = (parts.next()?, parts.next()?, parts.next()?);
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let begun = Self { secret: Zeroizing::new(secret.to_owned()), until: until.parse().ok()?, next };
        (is_ours && now.utc().timestamp() < begun.until).then_some(begun)
    }

    /// As a cookie for this browser. The provider sends the browser back from another site, so it is the one cookie here
    /// that goes along then.
    pub(super) fn cookie(&self, vault: &Vault, settings: &Console) -> Cookie<'static> {
        let next = URL_SAFE_NO_PAD.encode(&self.next);
        let content = format!("{}.{}.{next}", self.secret.as_str(), self.until);
        let seal = seal_of(&content, vault);
        let age = CookieDuration::seconds(i64::try_from(PATIENCE.as_secs()).unwrap_or_default());
        cookie(format!("{content}.{seal}"), settings).max_age(age).finish()
    }

    /// Has the browser forget it.
    pub(super) fn no_cookie(settings: &Console) -> Cookie<'static> {
        cookie(String::new(), settings).max_age(CookieDuration::ZERO).finish()
    }

    /// The page that is wanted afterwards; empty if none is.
    pub(super) fn next(&self) -> &str {
        &self.next
    }

    /// What the provider sends along with the browser.
    pub(super) fn state(&self) -> String {
        self.derive("state")
    }

    /// Whether the browser has come back from this sign-in, and no other.
    pub(super) fn is_of(&self, state: &str) -> bool {
        self.state().as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// What the provider repeats in the ID token.
    pub(super) fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// What is shown when the code is exchanged (RFC 7636): a code alone is good for nobody.
    pub(super) fn verifier(&self) -> Zeroizing<String> {
        Zeroizing::new(self.derive("verifier"))
    }

    /// What the provider knows of it before.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier().as_bytes()))
    }

    fn derive(&self, what: &str) -> String {
        hex::encode(Sha256::digest(format!("{what} {}", self.secret.as_str())))
    }
}

fn seal_of(content: &str, vault: &Vault) -> String {
    URL_SAFE_NO_PAD.encode(vault.digest(&[LABEL, content.as_bytes()]))
}

fn cookie(value: String, settings: &Console) -> CookieBuilder<'static> {
    let secure = !settings.plain_cookies;
    Cookie::build(name(settings), value).path("/").secure(secure).http_only(true).same_site(SameSite::Lax)
}

fn name(settings: &Console) -> &'static str {
    if settings.plain_cookies { PLAIN_NAME } else { NAME }
}
