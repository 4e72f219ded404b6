//! The edge: carries requests to the gateway, and says what came of them. It decides nothing else.

mod failure;
mod settings;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Response, redirect, retry};
use secrecy::ExposeSecret;
use url::Url;

pub use settings::{ClientError, Settings};

use crate::answer::{Failure, NotSentReason, RawAnswer, Received, UnknownReason, read_date, read_retry_after};
use crate::request::{Kind, Method, Request};

/// Speaks to one gateway with one shop's API key.
///
/// Redirects, proxies, automatic retries and HTTP/2 are off, because each of them breaks the proof
/// that a request which found no connection was never seen (protocols, section 1).
#[derive(Clone)]
pub struct Client {
    base_url: Url,
    /// Reuses connections for a short while: for reads and for POSTs that move no money.
    pooled: reqwest::Client,
    /// A new connection for each request: for everything that moves money.
    fresh: reqwest::Client,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    read_timeout: Duration,
    post_timeout: Duration,
    command_timeout: Duration,
    answer_bytes: usize,
    list_answer_bytes: usize,
}

impl Client {
    /// Checks the settings and prepares both kinds of connection; connects to nothing yet.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let base_url = settings.checked_base_url()?;
        let headers = headers(settings)?;
        let roots = settings.checked_extra_roots()?;
        let base = |settings: &Settings| builder(settings, &base_url, headers.clone()).tls_certs_merge(roots.clone());
        Ok(Self {
            pooled: base(settings).pool_idle_timeout(settings.idle_timeout).build().map_err(ClientError::build)?,
            fresh: base(settings).pool_max_idle_per_host(0).build().map_err(ClientError::build)?,
            limits: Limits {
                read_timeout: settings.read_timeout,
                post_timeout: settings.post_timeout,
                command_timeout: settings.command_timeout,
                answer_bytes: settings.answer_bytes,
                list_answer_bytes: settings.list_answer_bytes,
            },
            base_url,
        })
    }

    /// Sends once. Dropping the returned future leaves the outcome unknown, like any other loss.
    pub async fn send(&self, request: Request) -> Received {
        let answer_bytes = self.limits.answer_bytes(request.kind);
        let request = self.built(request).ok_or(Failure::NotSent(NotSentReason::Unbuildable))?;
        let response = request.send().await.map_err(|error| failure::of(&error))?;
        receive(response, answer_bytes).await
    }

    fn built(&self, request: Request) -> Option<reqwest::RequestBuilder> {
        // Without its slash a path could continue the host name, and our key would go elsewhere.
        if !request.path.starts_with('/') {
            return None;
        }
        let url = self.base_url.as_str().trim_end_matches('/').to_owned() + &request.path;
        let client = match request.kind {
            Kind::Read | Kind::List | Kind::InertPost => &self.pooled,
            Kind::MovingPost | Kind::Command => &self.fresh,
        };
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let built = client.request(method, Url::parse(&url).ok()?).timeout(self.limits.timeout(request.kind));
        let built = match request.traceparent {
            Some(place) => built.header("traceparent", place),
            None => built,
        };
        Some(match request.body {
            Some(body) => built.header(CONTENT_TYPE, "application/json").body(body),
            None => built,
        })
    }
}

fn builder(settings: &Settings, base_url: &Url, headers: HeaderMap) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .default_headers(headers)
        .user_agent(&settings.user_agent)
        .https_only(base_url.scheme() == "https")
        .connect_timeout(settings.connect_timeout)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        // Not asked for even if another crate of the house switches their features on: an answer that
        // unpacks itself has no size that could be bounded.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate();
    // After our own time is up the kernel must not go on trying to deliver what we have given up.
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(settings.post_timeout);
    builder
}

fn headers(settings: &Settings) -> Result<HeaderMap, ClientError> {
    let key = settings.api_key.expose_secret();
    if key.trim().is_empty() {
        return Err(ClientError::ApiKey);
    }
    let bearer = format!("Bearer {key}");
    let mut bearer = HeaderValue::try_from(bearer).map_err(|_| ClientError::ApiKey)?;
    bearer.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, bearer), (ACCEPT, HeaderValue::from_static("application/json"))]))
}

async fn receive(mut response: Response, answer_bytes: usize) -> Received {
    let date = text(&response, &DATE).and_then(read_date);
    let retry_after = text(&response, &RETRY_AFTER).and_then(|header| read_retry_after(header, date));
    let status = response.status().as_u16();
    let body = bounded_body(&mut response, answer_bytes).await?;
    Ok(RawAnswer { status, date, retry_after, body })
}

/// The limit is checked while the body streams in, so an announced length proves nothing.
async fn bounded_body(response: &mut Response, answer_bytes: usize) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::of(&error))? {
        if answer_bytes - body.len() < chunk.len() {
            return Err(Failure::Unknown(UnknownReason::AnswerTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn text<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

impl Limits {
    fn timeout(self, kind: Kind) -> Duration {
        match kind {
            Kind::Read | Kind::List => self.read_timeout,
            Kind::InertPost | Kind::MovingPost => self.post_timeout,
            Kind::Command => self.command_timeout,
        }
    }

    fn answer_bytes(self, kind: Kind) -> usize {
        match kind {
            Kind::List => self.list_answer_bytes,
            Kind::Read | Kind::InertPost | Kind::MovingPost | Kind::Command => self.answer_bytes,
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_is_never_printed_with_the_headers() {
        let headers = headers(&Settings::new("https://gateway.example", "very-secret".into())).unwrap();
        assert!(headers[AUTHORIZATION] == "Bearer very-secret");
        assert!(!format!("{headers:?}").contains("very-secret"));
    }
}
