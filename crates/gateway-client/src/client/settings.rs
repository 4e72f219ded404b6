use std::time::Duration;

use reqwest::Certificate;
use secrecy::SecretString;
use url::{Host, Url};

/// What a [`super::Client`] is made of. [`Settings::new`] fills in the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the gateway is: `https`, or `http` for this machine only.
    pub base_url: String,
    /// The shop's API key.
    pub api_key: SecretString,
    /// Sent with each request; the gateway's edge may refuse what calls itself a library.
    pub user_agent: String,
    /// How long a connection may take to come about. Part of the total times below.
    pub connect_timeout: Duration,
    /// The total time of a GET, from before connecting to the last byte of the answer.
    pub read_timeout: Duration,
    /// The total time of a POST.
    pub post_timeout: Duration,
    /// The total time of a command (PATCH, capture, void, …); longer, since the gateway calls its
    /// provider inside it.
    pub command_timeout: Duration,
    /// How long an unused connection is kept. Short: the other side must not close it first.
    pub idle_timeout: Duration,
    /// Certificates, in PEM, that are trusted besides the system's: for a gateway behind a proxy that
    /// opens TLS. Empty for everybody else.
    pub extra_roots: Vec<u8>,
    /// The largest answer that is read, in bytes.
    pub answer_bytes: usize,
    /// The largest page of a list that is read, in bytes.
    pub list_answer_bytes: usize,
}

/// Why a client cannot be made. Never shows the key, nor an address that may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No URL, no host, or something that a base address has no use for.
    #[error("the gateway's base URL must be an absolute URL without user, query or fragment")]
    BaseUrl,
    /// Money does not travel in the clear.
    #[error("the gateway's base URL must be https, unless it is on this machine")]
    Insecure,
    /// The key would break the header it stands in.
    #[error("the gateway's API key is empty or holds characters that a header cannot")]
    ApiKey,
    /// They are not certificates in PEM.
    #[error("the extra root certificates cannot be read")]
    ExtraRoots,
    /// The HTTP library refuses, for example because no root certificates can be read.
    #[error("the HTTP client cannot be built")]
    Build(#[source] reqwest::Error),
}

impl Settings {
    /// The defaults of protocols, section 1: 3 s to connect, 30 s in all, 75 s for a command.
    pub fn new(base_url: impl Into<String>, api_key: SecretString) -> Self {
        Self {
            base_url: base_url.into(),
            api_key,
            user_agent: concat!("payment-orchestrator/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(30),
            post_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(75),
            idle_timeout: Duration::from_secs(5),
            extra_roots: Vec::new(),
            answer_bytes: 1024 * 1024,
            list_answer_bytes: 16 * 1024 * 1024,
        }
    }

    pub(super) fn checked_base_url(&self) -> Result<Url, ClientError> {
        let url = Url::parse(&self.base_url).map_err(|_| ClientError::BaseUrl)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() || !url.has_host() {
            return Err(ClientError::BaseUrl);
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => Err(ClientError::Insecure),
            _ => Err(ClientError::BaseUrl),
        }
    }

    /// Text that holds no certificate at all is a mistake too: it would trust nobody more.
    pub(super) fn checked_extra_roots(&self) -> Result<Vec<Certificate>, ClientError> {
        let roots = Certificate::from_pem_bundle(&self.extra_roots).map_err(|_| ClientError::ExtraRoots)?;
        if roots.is_empty() && !self.extra_roots.is_empty() { Err(ClientError::ExtraRoots) } else { Ok(roots) }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl ClientError {
    pub(super) fn build(error: reqwest::Error) -> Self {
        Self::Build(error.without_url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base_url: &str) -> Result<Url, ClientError> {
        Settings::new(base_url, "key".into()).checked_base_url()
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for good in [
            "https://engine.pay.tech",
            "https://gateway.example:8443/prefix/",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:80",
            "http://localhost:8080",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for insecure in ["http://engine.pay.tech", "http://10.0.0.1", "http://localhost.example", "http://0.0.0.0"] {
            assert!(matches!(check(insecure), Err(ClientError::Insecure)), "{insecure}");
        }
    }

    #[test]
    fn a_base_url_holds_nothing_but_an_address() {
        for bad in [
            "",
            "engine.pay.tech",
            "/api",
            "ftp://engine.pay.tech",
            "file:///etc/passwd",
            "https://user@engine.pay.tech",
            "https://user:password@engine.pay.tech",
            "https://engine.pay.tech/?key=1",
            "https://engine.pay.tech/#x",
        ] {
            assert!(matches!(check(bad), Err(ClientError::BaseUrl)), "{bad}");
        }
    }
}
