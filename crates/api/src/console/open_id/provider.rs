use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Header};
use reqwest::header::ACCEPT;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::Refusal;
use super::id_token;
use crate::outgoing;
use crate::settings;

/// More than any answer has.
const ANSWER_MAX: usize = 256 * 1024;
/// How long what the provider says of itself is remembered.
const MEMORY: Duration = Duration::from_hours(1);
/// A key that is not known is asked for no more often than this.
const PAUSE: Duration = Duration::from_mins(1);
/// How many codes are exchanged at the same time: whoever sends us many must not have us send many.
const EXCHANGES_MAX: usize = 8;

/// The way to whoever signs people in. No redirect is followed, no proxy obeyed, and nothing of an answer gets into a log.
pub(super) struct Provider {
    http: reqwest::Client,
    settings: settings::OpenId,
    callback: String,
    patience: Duration,
    // Each is asked for by one at a time.
    metadata: Mutex<Option<Remembered<Arc<Metadata>>>>,
    keys: Mutex<Option<Remembered<Vec<Jwk>>>>,
    exchanges: Semaphore,
}

struct Remembered<T> {
    what: T,
    /// An uptime.
    since: Duration,
}

/// What a provider says of itself (OIDC Discovery, section 3).
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    /// Where browsers are sent.
    pub(super) authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct NotExchanged {
    error: String,
}

impl Provider {
    /// As the settings say.
    pub(super) fn new(settings: &settings::OpenId, callback: String) -> Result<Self, reqwest::Error> {
        let http = outgoing::client().build()?;
        Ok(Self {
            http,
            settings: settings.clone(),
            callback,
            patience: Duration::from_secs(settings.answer_seconds),
            metadata: Mutex::new(None),
            keys: Mutex::new(None),
            exchanges: Semaphore::new(EXCHANGES_MAX),
        })
    }

    /// What it says of itself.
    pub(super) async fn metadata(&self, uptime: Duration) -> Result<Arc<Metadata>, Refusal> {
        let asking = async {
            let mut known = self.metadata.lock().await;
            if let Some(known) = known.as_ref().filter(|known| known.age(uptime) < MEMORY) {
                return Ok(Arc::clone(&known.what));
            }
            let issuer = self.settings.issuer.trim_end_matches('/');
            let address = format!("{issuer}/.well-known/openid-configuration");
            let metadata: Metadata = read(ask(self.http.get(address)).await?).await?;
            self.check(&metadata)?;
            let metadata = Arc::new(metadata);
            *known = Some(Remembered { what: Arc::clone(&metadata), since: uptime });
            Ok(metadata)
        };
        self.in_time(asking).await
    }

    /// The key that a token was signed with. One that is not known may be new.
    pub(super) async fn key(
        &self,
        metadata: &Metadata,
        header: &Header,
        uptime: Duration,
    ) -> Result<DecodingKey, Refusal> {
        const UNKNOWN: Refusal = Refusal::Untrusted("the ID token is signed with a key that is not the provider's");
        let asking = async {
            let mut known = self.keys.lock().await;
            let fresh = known.as_ref().filter(|known| known.age(uptime) < MEMORY);
            if let Some(key) = fresh.and_then(|fresh| id_token::key_of(&fresh.what, header)) {
                return Ok(key);
            }
            if fresh.is_some_and(|fresh| fresh.age(uptime) < PAUSE) {
                return Err(UNKNOWN);
            }
            let set: KeySet = read(ask(self.http.get(metadata.jwks_uri.clone())).await?).await?;
            // Keys of kinds that are not known here may stand beside those that are.
            let keys: Vec<Jwk> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
            let key = id_token::key_of(&keys, header);
            *known = Some(Remembered { what: keys, since: uptime });
            key.ok_or(UNKNOWN)
        };
        self.in_time(asking).await
    }

    /// The ID token for a code.
    pub(super) async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
    ) -> Result<Zeroizing<String>, Refusal> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier),
        ];
        let request = self.as_client(metadata, &fields);
        let asking = async {
            let _turn = self.exchanges.acquire().await.map_err(|_| Refusal::Unreachable("this service stops"))?;
            let response = ask_any(request).await?;
            if response.status().is_success() {
                let exchanged: Exchanged = read(response).await?;
                return exchanged
                    .id_token
                    .map(Zeroizing::new)
                    .ok_or(Refusal::Unusable("it gave no ID token; is openid among the scopes?"));
            }
            if response.status().is_server_error() {
                return Err(Refusal::Unreachable("it answers with an error"));
            }
            let refused: NotExchanged = read(response).await?;
            Err(refusal_of(&refused.error))
        };
        self.in_time(asking).await
    }

    /// The request for a token, with who we are: in the header that every provider takes, unless it says that it does not.
    fn as_client(&self, metadata: &Metadata, fields: &[(&str, &str)]) -> RequestBuilder {
        let (id, secret) = (self.settings.client_id.as_str(), self.settings.client_secret.expose());
        let request = self.http.post(metadata.token_endpoint.clone()).header(ACCEPT, "application/json");
        let takes = |method: &str| metadata.token_endpoint_auth_methods_supported.iter().any(|known| known == method);
        if takes("client_secret_post") && !takes("client_secret_basic") {
            let ours = [("client_id", id), ("client_secret", secret)];
            let all: Vec<_> = fields.iter().chain(&ours).collect();
            return request.form(&all);
        }
        let quoted = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        request.basic_auth(quoted(id), Some(quoted(secret))).form(fields)
    }

    /// Secrets go to these addresses, and the issuer is compared letter by letter: else one provider could speak for another.
    fn check(&self, metadata: &Metadata) -> Result<(), Refusal> {
        if metadata.issuer != self.settings.issuer {
            return Err(Refusal::Unusable("it calls itself otherwise than console.openid.issuer"));
        }
        let on_loopback = self.settings.issuer.starts_with("http://");
        let keeps_secrets = |url: &Url| settings::keeps_secrets(url) && (url.scheme() == "https" || on_loopback);
        let addresses = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if addresses.into_iter().all(keeps_secrets) {
            return Ok(());
        }
        Err(Refusal::Unusable("it names an address that does not begin with https://"))
    }

    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let answered = tokio::time::timeout(self.patience, asking).await;
        answered.unwrap_or(Err(Refusal::Unreachable("it did not answer in time")))
    }
}

impl<T> Remembered<T> {
    fn age(&self, uptime: Duration) -> Duration {
        uptime.saturating_sub(self.since)
    }
}

/// What its word for why there is no token means (RFC 6749, section 5.2).
fn refusal_of(error: &str) -> Refusal {
    match error {
        "invalid_grant" => Refusal::Code,
        "invalid_client" => Refusal::Unusable("it does not take console.openid.client_id with its secret"),
        "unauthorized_client" => Refusal::Unusable("it does not let this client sign people in"),
        _ => Refusal::Unusable("it gives no token for the code"),
    }
}

async fn ask(request: RequestBuilder) -> Result<Response, Refusal> {
    let response = ask_any(request.header(ACCEPT, "application/json")).await?;
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    Err(Refusal::Unreachable("it answers with an error"))
}

async fn ask_any(request: RequestBuilder) -> Result<Response, Refusal> {
    request.send().await.map_err(|error| {
        Refusal::Unreachable(if error.is_connect() { "no connection could be made" } else { "the connection broke" })
    })
}

/// An answer, as far as one may be long. What is wrong with it is not said in the library's words, which would repeat it.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Refusal> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(part) =
        response.chunk().await.map_err(|_| Refusal::Unreachable("the connection broke within its answer"))?
    {
        if body.len() + part.len() > ANSWER_MAX {
            return Err(Refusal::Unusable("it is too long"));
        }
        body.extend_from_slice(&part);
    }
    serde_json::from_slice(&body).map_err(|_| Refusal::Unusable("it is not the JSON that OpenID Connect asks for"))
}
