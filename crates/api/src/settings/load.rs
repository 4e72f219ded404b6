use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use domain::{Flow, MethodPattern, PaymentType};
use url::{Host, Url};

use super::secret_file::read_files;
use super::{Secret, Settings};

/// What stands in the settings file is what the program was built with, so that the two cannot differ.
const DEFAULTS: &str = include_str!("../../../../deploy/settings.toml");

/// Why the program does not start with these settings. One line for whoever starts it; no secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// The file is not there, or is no TOML; a key is unknown or its value has the wrong type.
    #[error("{0}")]
    Unreadable(#[from] config::ConfigError),
    /// A value is well-formed and wrong.
    #[error("{key}: {problem}")]
    Wrong {
        /// Which key, as in the file.
        key: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

/// Loads the settings: defaults, then `file`, then `environment` (pairs as `std::env::vars` gives them).
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, InvalidSettings> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(file) = file {
        builder = builder.add_source(File::from(PathBuf::from(file)).format(FileFormat::Toml).required(true));
    }
    let (lists, plain): (Vec<_>, Vec<_>) =
        read_files(ours(environment))?.into_iter().partition(|(name, _)| list_key(name).is_some());
    // Nothing is parsed on the way in: a key such as `1e5` must not become a number.
    let source = Environment::default().separator("__").source(Some(plain.into_iter().collect()));
    builder = builder.add_source(source);
    for (name, value) in lists {
        let key = list_key(&name).unwrap_or_default();
        if let Some((table, key)) = key.rsplit_once('.').filter(|_| OF_TABLES.contains(&key)) {
            let toml = format!("[{table}]\n{key} = {value}");
            builder = builder.add_source(File::from_str(&toml, FileFormat::Toml));
            continue;
        }
        let items: Vec<String> =
            value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
        builder = builder.set_override(key, items)?;
    }
    let settings = builder.build()?.try_deserialize()?;
    Ok(settings)
}

/// Lists of tables: in the environment they are written as in the file.
const OF_TABLES: [&str; 2] = ["payments.flow_rules", "console.openid.groups"];

/// Keys whose value is a list; in the environment it is written with commas.
fn list_key(name: &str) -> Option<&'static str> {
    match name {
        "PAYMENTS__MOVING_METHODS" => Some("payments.moving_methods"),
        "PAYMENTS__LOOK_UP_SECONDS" => Some("payments.look_up_seconds"),
        "PAYMENTS__POLL_SECONDS" => Some("payments.poll_seconds"),
        "PAYMENTS__FLOW_RULES" => Some("payments.flow_rules"),
        "CONSOLE__OPENID__GROUPS" => Some("console.openid.groups"),
        "CONSOLE__OPENID__SCOPES" => Some("console.openid.scopes"),
        "CALLERS__TRUSTED_PROXIES" => Some("callers.trusted_proxies"),
        "WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS" => Some("webhook_endpoints.allowed_networks"),
        "WEBHOOK_ENDPOINTS__RETRY_SECONDS" => Some("webhook_endpoints.retry_seconds"),
        "SWEEP__POLL_SECONDS" => Some("sweep.poll_seconds"),
        _ => None,
    }
}

/// The tables of the settings, as the environment names them.
const TABLES: [&str; 20] = [
    "HTTP",
    "CALLERS",
    "DATABASE",
    "GATEWAY",
    "SHOPS",
    "PAYMENTS",
    "STUCK",
    "RESOLVE",
    "SWEEP",
    "RECONCILIATION",
    "EXPORTS",
    "WEBHOOK_ENDPOINTS",
    "NATS",
    "METRICS",
    "TRACING",
    "CONSOLE",
    "SANDBOX",
    "SETTLEMENTS",
    "WORKERS",
    "LOG",
];

/// The keys that stand in no table, likewise.
const PLAIN: [&str; 3] = ["PUBLIC_URL", "MASTER_KEY", "DEFAULT_SHOP"];

/// The names of the environment that can only be meant for us: those of our tables and of our plain keys. Everything
/// else there is other programs' business; among ours an unknown key is an error.
fn ours(environment: impl IntoIterator<Item = (String, String)>) -> HashMap<String, String> {
    let (mut ours, mut platforms) = (HashMap::new(), Vec::new());
    for (name, value) in environment {
        let in_a_table = name.split_once("__").is_some_and(|(table, _)| TABLES.contains(&table));
        let is_plain = PLAIN.contains(&name.trim_end_matches("_FILE"));
        if in_a_table || is_plain {
            ours.insert(name, value);
        } else if let Some(file) = name.strip_prefix("DATABASE_URL").filter(|rest| ["", "_FILE"].contains(rest)) {
            platforms.push((format!("DATABASE__URL{file}"), value));
        }
    }
    // What the platforms set; the name of our own wins.
    if !["DATABASE__URL", "DATABASE__URL_FILE"].iter().any(|name| ours.contains_key(*name)) {
        ours.extend(platforms);
    }
    ours
}

/// Refuses to serve where the environment names a proxy: nothing here obeys it, so that nobody reads along, and whoever
/// set it would believe otherwise.
pub fn refuse_proxies(environment: impl IntoIterator<Item = (String, String)>) -> Result<(), InvalidSettings> {
    const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];
    let is_proxy = |(name, value): &(String, String)| {
        PROXIES.iter().any(|proxy| name.eq_ignore_ascii_case(proxy)) && !value.is_empty()
    };
    environment.into_iter().find(is_proxy).map_or(Ok(()), |(name, _)| {
        Err(wrong(
            &name,
            "is set, and this program goes through no proxy; unset it, and let the gateway be reached directly",
        ))
    })
}

impl Settings {
    /// Refuses what the service cannot serve with.
    pub fn check_for_serving(&self) -> Result<(), InvalidSettings> {
        self.check_secrets()?;
        self.check_default_shop()?;
        check_address("gateway.base_url", &self.gateway.base_url)?;
        self.check_bucket()?;
        self.settlement_columns().check().map_err(|error| wrong("settlements.csv", &error.to_string()))?;
        check_public_url(&self.public_url)?;
        self.check_flow_rules()?;
        self.check_console()?;
        self.check_open_id()?;
        self.check_sandbox()?;
        self.check_nats()?;
        self.check_tracing()?;
        self.check_numbers()
    }

    fn check_secrets(&self) -> Result<(), InvalidSettings> {
        if !self.master_key.is_set() {
            return Err(wrong("master_key", "is missing; set MASTER_KEY to a secret of at least 32 characters"));
        }
        if orchestrator::Vault::new(self.master_key.secret()).is_err() {
            return Err(wrong("master_key", "is too short; it must have at least 32 characters"));
        }
        if self.shops.is_empty() {
            return Err(wrong("shops", "there is none; set SHOPS__MAIN__API_KEY and SHOPS__MAIN__SIGNING_KEY"));
        }
        for (name, shop) in &self.shops {
            let secrets: [(&str, &Secret); 2] = [("api_key", &shop.api_key), ("signing_key", &shop.signing_key)];
            for (key, secret) in secrets {
                if !secret.is_set() {
                    let variable = format!("SHOPS__{}__{}", name.as_str().to_uppercase(), key.to_uppercase());
                    return Err(wrong(&format!("shops.{name}.{key}"), &format!("is missing; set {variable}")));
                }
            }
        }
        Ok(())
    }

    fn check_default_shop(&self) -> Result<(), InvalidSettings> {
        let named = self.shops.keys().any(|name| name.as_str() == self.default_shop);
        if self.default_shop.is_empty() || named {
            return Ok(());
        }
        Err(wrong("default_shop", "names no shop of [shops]"))
    }

    /// A cookie that travels without TLS can be read on the way.
    fn check_console(&self) -> Result<(), InvalidSettings> {
        if self.console.plain_cookies && !self.http.listen.ip().is_loopback() {
            let problem =
                "is only for a service that listens on loopback; set it to false, or http.listen to 127.0.0.1";
            return Err(wrong("console.plain_cookies", problem));
        }
        Ok(())
    }

    /// Nobody tries things out with real money. Whatever else is no simulated gateway is noticed when it is asked.
    fn check_sandbox(&self) -> Result<(), InvalidSettings> {
        let url = Url::parse(&self.gateway.base_url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        if self.sandbox.enabled && (host == "pay.tech" || host.ends_with(".pay.tech")) {
            let problem =
                "is only for a simulated gateway, and gateway.base_url names pay.tech's own; set one of the two";
            return Err(wrong("sandbox.enabled", problem));
        }
        Ok(())
    }

    /// A stream is published to over TLS, unless it is on this machine, under names that mean nothing else there.
    fn check_nats(&self) -> Result<(), InvalidSettings> {
        let nats = &self.nats;
        if !nats.is_on() {
            return Ok(());
        }
        let url = Url::parse(&nats.url).map_err(|_| wrong("nats.url", "is no URL"))?;
        // Of a scheme that the web does not know, an address is read as a name.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_local = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if url.scheme() != "tls" && !(url.scheme() == "nats" && is_local) {
            return Err(wrong("nats.url", "must begin with tls://; nats:// is for a server on loopback"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("nats.url", "must hold no user and no password; set nats.user and NATS__PASSWORD"));
        }
        let is_token = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if !is_token(&nats.stream) {
            return Err(wrong("nats.stream", "must be letters, digits, '-' or '_'"));
        }
        if !nats.subject_prefix.split('.').all(is_token) {
            return Err(wrong(
                "nats.subject_prefix",
                "must be words of letters, digits, '-' or '_', with dots between",
            ));
        }
        if nats.credentials.is_set() && !nats.user.is_empty() {
            return Err(wrong("nats.credentials", "is set beside nats.user; set one of the two"));
        }
        Ok(())
    }

    /// Spans tell of no secret, and go wherever a collector listens; the headers are a secret, and do not.
    fn check_tracing(&self) -> Result<(), InvalidSettings> {
        let tracing = &self.tracing;
        if !(0.0..=1.0).contains(&tracing.ratio) {
            return Err(wrong("tracing.ratio", "must be 0 to 1: 0.1 records one request in ten"));
        }
        if tracing.headers.is_set() {
            crate::traces::read_headers(&tracing.headers)
                .map_err(|_| wrong("tracing.headers", "must be pairs such as name=value, with commas between"))?;
        }
        if !tracing.is_on() {
            return if tracing.headers.is_set() {
                Err(wrong("tracing.endpoint", "is missing, and tracing.headers is there"))
            } else {
                Ok(())
            };
        }
        let url =
            Url::parse(&tracing.endpoint).map_err(|error| wrong("tracing.endpoint", &format!("is no URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("tracing.endpoint", "must begin with http:// or https://, as in http://localhost:4318"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("tracing.endpoint", "must hold no user and no password; set TRACING__HEADERS"));
        }
        if url.query().is_some() || url.fragment().is_some() || url.path().trim_end_matches('/').ends_with("/v1/traces")
        {
            return Err(wrong("tracing.endpoint", "must be the collector's address alone; /v1/traces is added to it"));
        }
        if tracing.headers.is_set() && check_address("tracing.endpoint", &tracing.endpoint).is_err() {
            return Err(wrong(
                "tracing.headers",
                "would travel in the clear; let tracing.endpoint begin with https://",
            ));
        }
        Ok(())
    }

    /// A bucket is named with all that it takes to use it, or not at all.
    fn check_bucket(&self) -> Result<(), InvalidSettings> {
        let bucket = &self.exports.bucket;
        let keys = [("access_key_id", &bucket.access_key_id), ("secret_access_key", &bucket.secret_access_key)];
        if bucket.name.is_empty() {
            let is_meant = !bucket.endpoint.is_empty() || keys.iter().any(|(_, key)| key.is_set());
            return if is_meant {
                Err(wrong("exports.bucket.name", "is missing, and the rest of it is there"))
            } else {
                Ok(())
            };
        }
        if let Some((key, _)) = keys.iter().find(|(_, key)| !key.is_set()) {
            let variable = format!("EXPORTS__BUCKET__{}", key.to_uppercase());
            return Err(wrong(&format!("exports.bucket.{key}"), &format!("is missing; set {variable}")));
        }
        if bucket.region.is_empty() {
            return Err(wrong("exports.bucket.region", "is missing; a store that has none takes us-east-1"));
        }
        if bucket.endpoint.is_empty() {
            return Ok(());
        }
        check_address("exports.bucket.endpoint", &bucket.endpoint)
    }

    /// A rule that nothing can fit is a typo, which would send customers another way than somebody meant.
    fn check_flow_rules(&self) -> Result<(), InvalidSettings> {
        for (place, rule) in (1..).zip(self.payments.flow_rules.rules()) {
            let of_deposits = rule.payment_type.is_none_or(|payment_type| payment_type == PaymentType::Deposit);
            let known_method = rule.payment_method.as_ref().is_none_or(MethodPattern::is_known);
            let problem = if rule.shop.as_ref().is_some_and(|shop| !self.shops.contains_key(shop)) {
                "shop names no shop of [shops]"
            } else if !known_method && !self.payments.unknown_methods {
                "payment_method is no payment method of the gateway, nor the beginning of one"
            } else if rule.payment_type == Some(PaymentType::Refund) {
                "payment_type must be DEPOSIT or WITHDRAWAL; a refund goes where its payment came from"
            } else if rule.flow == Flow::HostToHost && !of_deposits {
                "flow must be REDIRECT; only a deposit is made host-to-host"
            } else {
                continue;
            };
            return Err(wrong("payments.flow_rules", &format!("rule {place}: {problem}")));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), InvalidSettings> {
        let (database, payments, webhooks) = (&self.database, &self.payments, &self.webhook_endpoints);
        let at_least_one = [
            ("http.connections_max", self.http.connections_max as u64),
            ("http.head_seconds", self.http.head_seconds),
            ("http.body_seconds", self.http.body_seconds),
            ("callers.idempotency_days", self.callers.idempotency_days),
            ("callers.requests_burst", self.callers.requests_burst.into()),
            ("database.request_connections", database.request_connections.into()),
            ("database.webhook_connections", database.webhook_connections.into()),
            ("database.worker_connections", database.worker_connections.into()),
            ("database.read_connections", database.read_connections.into()),
            ("database.batch_max", database.batch_max as u64),
            ("gateway.connect_seconds", self.gateway.connect_seconds),
            ("gateway.answer_seconds", self.gateway.answer_seconds),
            ("gateway.command_seconds", self.gateway.command_seconds),
            ("gateway.breaker_failures", self.gateway.breaker_failures.into()),
            ("console.session_minutes", self.console.session_minutes),
            ("workers.count", self.workers.count as u64),
            ("workers.batch", self.workers.batch.into()),
            ("workers.idle_milliseconds", self.workers.idle_milliseconds),
            ("payments.lease_seconds", payments.lease_seconds),
            ("payments.empty_look_up_pause_seconds", payments.empty_look_up_pause_seconds),
            ("payments.look_up_seconds", payments.look_up_seconds.len() as u64),
            ("payments.poll_seconds", payments.poll_seconds.len() as u64),
            ("gateway.requests_per_second", self.gateway.requests_per_second.into()),
            ("gateway.requests_burst", self.gateway.requests_burst.into()),
            ("sweep.interval_seconds", self.sweep.interval_seconds),
            ("sweep.page_items", self.sweep.page_items.into()),
            ("sweep.poll_seconds", self.sweep.poll_seconds.len() as u64),
            ("reconciliation.window_days_max", self.reconciliation.window_days_max),
            ("reconciliation.failures_max", self.reconciliation.failures_max.into()),
            ("reconciliation.retry_seconds", self.reconciliation.retry_seconds),
            ("settlements.bytes_max", self.settlements.bytes_max as u64),
            ("exports.retention_days", self.exports.retention_days),
            ("exports.window_days_max", self.exports.window_days_max),
            ("exports.lease_seconds", self.exports.lease_seconds),
            ("exports.failures_max", self.exports.failures_max.into()),
            ("exports.retry_seconds", self.exports.retry_seconds),
            ("webhook_endpoints.senders", webhooks.senders as u64),
            ("webhook_endpoints.connect_seconds", webhooks.connect_seconds),
            ("webhook_endpoints.answer_seconds", webhooks.answer_seconds),
            ("webhook_endpoints.batch", webhooks.batch.into()),
            ("webhook_endpoints.in_flight", webhooks.in_flight as u64),
            ("webhook_endpoints.retry_seconds", webhooks.retry_seconds.len() as u64),
            ("webhook_endpoints.pause_after", webhooks.pause_after.into()),
            ("webhook_endpoints.pause_seconds_max", webhooks.pause_seconds_max),
            ("webhook_endpoints.give_up_hours", webhooks.give_up_hours),
            ("webhook_endpoints.kept_days", webhooks.kept_days),
            ("nats.replicas", self.nats.replicas as u64),
            ("nats.answer_seconds", self.nats.answer_seconds),
            ("stuck.failures", self.stuck.failures.into()),
            ("stuck.bulk_items_max", self.stuck.bulk_items_max.into()),
            ("metrics.interval_seconds", self.metrics.interval_seconds),
            ("tracing.queue_max", self.tracing.queue_max as u64),
            ("tracing.answer_seconds", self.tracing.answer_seconds),
        ];
        if let Some((key, _)) = at_least_one.iter().find(|(_, number)| *number == 0) {
            return Err(wrong(key, "must be at least 1"));
        }
        // A message may leave until half of the lease is over, and must have its answer before the lease is.
        if webhooks.answer_seconds > webhooks.lease_seconds.saturating_mul(2) / 5 {
            let problem = "must be at most two fifths of webhook_endpoints.lease_seconds";
            return Err(wrong("webhook_endpoints.answer_seconds", problem));
        }
        let above = &self.resolve.two_people_above;
        if !above.is_empty() && domain::parse_amount(above).is_err() {
            return Err(wrong("resolve.two_people_above", "must be an amount such as \"1000\", or empty"));
        }
        if self.sweep.page_items > 1_000 {
            return Err(wrong("sweep.page_items", "must be at most 1000, as the gateway has it"));
        }
        // Each page begins with the last item of the one before.
        if !(2..=1_000).contains(&self.reconciliation.page_items) {
            return Err(wrong("reconciliation.page_items", "must be 2 to 1000"));
        }
        // A request may leave until a third of its lease is over, and whoever sent it must be done, its answer recorded
        // too, before the lease is: else a second process would be on the payment.
        let longest_exchange = payments.lease_seconds.saturating_mul(19) / 30;
        if self.gateway.connect_seconds.saturating_add(self.gateway.answer_seconds) > longest_exchange {
            let problem = format!(
                "with connect_seconds it must not be above {longest_exchange} while payments.lease_seconds is {}",
                payments.lease_seconds
            );
            return Err(wrong("gateway.answer_seconds", &problem));
        }
        // A command may leave until a third of that time is over as well, is waited for longer, and is then recorded.
        let exchange = self.gateway.connect_seconds.saturating_add(self.gateway.command_seconds);
        let shortest = (payments.lease_seconds / 3).saturating_add(exchange.saturating_mul(6) / 5);
        if payments.command_lease_seconds < shortest {
            let lease = payments.lease_seconds;
            let detail = format!(
                "must be at least {shortest} while payments.lease_seconds is {lease} and gateway.command_seconds is {}",
                self.gateway.command_seconds
            );
            return Err(wrong("payments.command_lease_seconds", &detail));
        }
        // Before its sender's lease is over, a request may still be on its way.
        if payments.quarantine_seconds < payments.lease_seconds {
            return Err(wrong("payments.quarantine_seconds", "must be at least payments.lease_seconds"));
        }
        Ok(())
    }
}

/// HTTPS, or plain HTTP on loopback: keys and the customers' data go there.
pub(super) fn check_address(key: &str, text: &str) -> Result<(), InvalidSettings> {
    let url = Url::parse(text).map_err(|error| wrong(key, &format!("is no URL: {error}")))?;
    if keeps_secrets(&url) {
        return Ok(());
    }
    Err(wrong(key, "must begin with https:// (plain http:// is for loopback only)"))
}

/// Whether nobody on the way can read what is sent there.
pub(crate) fn keeps_secrets(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    matches!((url.scheme(), loopback), ("https", _) | ("http", true))
}

fn check_public_url(text: &str) -> Result<(), InvalidSettings> {
    if text.is_empty() {
        return Ok(());
    }
    let url = Url::parse(text).map_err(|error| wrong("public_url", &format!("is no URL: {error}")))?;
    // The gateway takes 512 characters (its contract, section 6.1), the path of the webhook included.
    if matches!(url.scheme(), "http" | "https") && text.len() <= 400 {
        Ok(())
    } else {
        Err(wrong("public_url", "must begin with https:// or http:// and have at most 400 characters"))
    }
}

pub(super) fn wrong(key: &str, problem: &str) -> InvalidSettings {
    InvalidSettings::Wrong { key: key.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A table that is forgotten here would be taken for another program's business, and ignored in silence.
    #[test]
    fn whatever_stands_in_the_file_can_be_set_from_the_environment() {
        let file = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build().unwrap();
        let defaults: HashMap<String, config::Value> = file.try_deserialize().unwrap();
        assert!(defaults.len() >= TABLES.len(), "{:?}", defaults.keys());
        for (name, value) in defaults {
            let name = name.to_uppercase();
            let known: &[&str] = if value.into_table().is_ok() { &TABLES } else { &PLAIN };
            assert!(known.contains(&name.as_str()), "{name}");
        }
    }
}
