//! Signing in elsewhere, by OIDC: somebody else says who a person is and what groups they are in, and the settings say
//! what a group may do.
//!
//! The browser is sent to the provider, and comes back with a code. The code is exchanged for an ID token, by which the
//! provider tells us, and nobody else, about this one sign-in.

mod begun;
mod id_token;
mod pages;
mod person;
mod provider;
mod refusal;

use std::time::Duration;

use begun::Begun;
use domain::Time;
use id_token::Expected;
use orchestrator::{InvalidMasterKey, Vault};
pub(super) use pages::{begin, come_back};
use provider::Provider;
use refusal::Refusal;
use store::Person;
use url::Url;

use crate::settings::{self, Settings};

/// Where the browser comes back to, below the public address of the console.
const CALLBACK: &str = "/console/sign-in/openid/callback";

/// What it takes to sign people in, put together once at the start.
pub struct OpenId {
    settings: settings::OpenId,
    callback: String,
    vault: Vault,
    provider: Provider,
}

/// Why nobody could be signed in with these settings.
#[derive(Debug, thiserror::Error)]
pub enum OpenIdError {
    /// `master_key`.
    #[error("what is under way cannot be sealed")]
    MasterKey(#[from] InvalidMasterKey),
    /// The client that asks the provider.
    #[error("nothing can be sent")]
    Client(#[from] reqwest::Error),
}

impl OpenId {
    /// As the settings say; none if they name nobody who signs people in.
    pub(crate) fn of(settings: &Settings) -> Result<Option<Self>, OpenIdError> {
        let openid = settings.console.openid.clone();
        if !openid.is_on() {
            return Ok(None);
        }
        let callback = format!("{}{CALLBACK}", settings.console.public_url.trim_end_matches('/'));
        let vault = Vault::new(settings.master_key.secret())?;
        let provider = Provider::new(&openid, callback.clone())?;
        Ok(Some(Self { settings: openid, callback, vault, provider }))
    }

    /// What the provider is called on the button.
    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where the browser is sent for a sign-in that was begun.
    async fn way(&self, begun: &Begun, uptime: Duration) -> Result<Url, Refusal> {
        let mut url = self.provider.metadata(uptime).await?.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.callback)
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", &begun.state())
            .append_pair("nonce", &begun.nonce())
            .append_pair("code_challenge", &begun.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who has come back with a code.
    async fn person(&self, begun: &Begun, code: &str, now: Time, uptime: Duration) -> Result<Person, Refusal> {
        let metadata = self.provider.metadata(uptime).await?;
        let token = self.provider.exchange(&metadata, code, &begun.verifier()).await?;
        let header = id_token::header(&token)?;
        let key = self.provider.key(&metadata, &header, uptime).await?;
        let (issuer, client_id) = (&self.settings.issuer, &self.settings.client_id);
        let expected = Expected { issuer, client_id, nonce: &begun.nonce(), now };
        let claims = id_token::read(&token, &key, &expected)?;
        person::of(&claims, &self.settings)
    }
}
