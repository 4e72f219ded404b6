//! The settings: what stands in `deploy/settings.toml`, then a file, then the environment.

mod load;
mod open_id;
mod secret;
mod secret_file;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use domain::{FlowRules, Intervals, Patience, PaymentMethod, ShopName, parse_amount};
use ipnet::IpNet;
pub(crate) use load::keeps_secrets;
pub use load::{InvalidSettings, load, refuse_proxies};
pub use open_id::{Group, OpenId};
use orchestrator::{
    BreakerSettings, BucketAccess, ExportRules, InvalidBucket, PushRules, ReconciliationRules, RequestRate,
    ResolveRules, Rules, Shelf, SweepRules,
};
pub use secret::Secret;
use serde::{Deserialize, Serialize};

use crate::http::Rate;

/// All of them. The comments stand in `deploy/settings.toml`, which is also where the defaults come from.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the settings file is their documentation, and a test holds the two together")]
pub struct Settings {
    pub public_url: String,
    pub master_key: Secret,
    pub default_shop: String,
    pub http: Http,
    pub callers: Callers,
    pub database: Database,
    pub gateway: Gateway,
    #[serde(default)]
    pub shops: BTreeMap<ShopName, Shop>,
    pub payments: Payments,
    pub stuck: Stuck,
    pub resolve: Resolve,
    pub sweep: Sweep,
    pub reconciliation: Reconciliation,
    pub settlements: Settlements,
    pub exports: Exports,
    pub webhook_endpoints: WebhookEndpoints,
    pub nats: Nats,
    pub metrics: Metrics,
    pub tracing: Tracing,
    pub console: Console,
    pub sandbox: Sandbox,
    pub workers: Workers,
    pub log: Log,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Http {
    pub listen: SocketAddr,
    pub workers: usize,
    pub connections_max: usize,
    pub head_seconds: u64,
    pub body_seconds: u64,
    pub drain_seconds: u64,
}

/// `[callers]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Callers {
    pub idempotency_days: u64,
    pub requests_per_second: u32,
    pub requests_burst: u32,
    pub trusted_proxies: Vec<IpNet>,
}

impl Callers {
    /// How much each key may ask for; none if it is not bounded.
    pub fn rate(&self) -> Option<Rate> {
        let per_second = NonZeroU32::new(self.requests_per_second)?;
        Some(Rate { per_second, burst: NonZeroU32::new(self.requests_burst).unwrap_or(per_second) })
    }

    /// How long a request is remembered by its `Idempotency-Key`.
    pub fn idempotency_kept(&self) -> Duration {
        Duration::from_secs(self.idempotency_days.saturating_mul(24 * 60 * 60))
    }
}

/// `[database]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Database {
    pub url: Secret,
    pub migrate: bool,
    pub request_connections: u32,
    pub webhook_connections: u32,
    pub worker_connections: u32,
    pub read_connections: u32,
    pub batch_max: usize,
}

/// `[gateway]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Gateway {
    pub base_url: String,
    pub connect_seconds: u64,
    pub answer_seconds: u64,
    pub command_seconds: u64,
    pub idle_seconds: u64,
    pub signature: SignatureEncoding,
    pub breaker_failures: u32,
    pub breaker_seconds: u64,
    pub requests_per_second: u32,
    pub requests_burst: u32,
}

/// How the gateway writes its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "see Settings")]
pub enum SignatureEncoding {
    Hex,
    Base64,
    Auto,
}

/// `[shops.NAME]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Shop {
    #[serde(default)]
    pub api_key: Secret,
    #[serde(default)]
    pub signing_key: Secret,
    #[serde(default)]
    pub previous_signing_key: Secret,
}

/// `[payments]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Payments {
    pub moving_methods: BTreeSet<PaymentMethod>,
    pub unknown_methods: bool,
    pub flow_rules: FlowRules,
    pub fall_back_to_redirect: bool,
    pub lease_seconds: u64,
    pub command_lease_seconds: u64,
    pub submit_deadline_seconds: u64,
    pub quarantine_seconds: u64,
    pub empty_look_up_pause_seconds: u64,
    pub look_up_seconds: Vec<u64>,
    pub poll_seconds: Vec<u64>,
    pub confirm_seconds: u64,
}

/// `[stuck]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Stuck {
    pub moving_outcome_seconds: u64,
    pub outcome_seconds: u64,
    pub command_outcome_seconds: u64,
    pub customer_seconds: u64,
    pub gateway_seconds: u64,
    pub refund_seconds: u64,
    pub withdrawal_seconds: u64,
    pub approval_seconds: u64,
    pub authorization_seconds: u64,
    pub failures: u32,
    pub bulk_items_max: u32,
    pub runbook_url: String,
}

/// `[resolve]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Resolve {
    pub two_people_above: String,
    pub moving_after_seconds: u64,
    pub inert_after_seconds: u64,
}

/// `[sweep]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Sweep {
    pub enabled: bool,
    pub interval_seconds: u64,
    pub page_items: u16,
    pub poll_seconds: Vec<u64>,
}

/// `[reconciliation]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Reconciliation {
    pub enabled: bool,
    pub day_interval_seconds: u64,
    pub week_interval_seconds: u64,
    pub week_offset_seconds: u64,
    pub margin_seconds: u64,
    pub page_items: u16,
    pub window_days_max: u64,
    pub failures_max: u32,
    pub retry_seconds: u64,
}

/// `[settlements]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Settlements {
    pub bytes_max: usize,
    pub lag_days: u64,
    pub csv: SettlementColumns,
}

/// `[settlements.csv]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct SettlementColumns {
    pub delimiter: String,
    pub decimal_mark: String,
    pub gateway_payment_id: String,
    pub reference_id: String,
    pub amount: String,
    pub fee: String,
    pub currency: String,
    pub date: String,
    pub date_format: String,
}

/// `[exports]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Exports {
    pub folder: PathBuf,
    pub bucket: Bucket,
    pub retention_days: u64,
    pub window_days_max: u64,
    pub margin_seconds: u64,
    pub lease_seconds: u64,
    pub failures_max: u32,
    pub retry_seconds: u64,
}

/// `[webhook_endpoints]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct WebhookEndpoints {
    pub senders: usize,
    pub allowed_networks: Vec<IpNet>,
    pub allow_http: bool,
    pub connect_seconds: u64,
    pub answer_seconds: u64,
    pub lease_seconds: u64,
    pub batch: u32,
    pub in_flight: usize,
    pub retry_seconds: Vec<u64>,
    pub pause_after: u32,
    pub pause_seconds_max: u64,
    pub give_up_hours: u64,
    pub kept_days: u64,
    pub endpoints_max: u32,
}

/// `[nats]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Nats {
    pub url: String,
    pub stream: String,
    pub subject_prefix: String,
    pub max_age_days: u64,
    pub replicas: usize,
    pub answer_seconds: u64,
    pub user: String,
    pub password: Secret,
    pub credentials: Secret,
    pub ca_path: PathBuf,
}

impl Nats {
    /// Whether events are published there.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Metrics {
    pub interval_seconds: u64,
    pub full_interval_seconds: u64,
}

/// `[tracing]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Tracing {
    pub endpoint: String,
    pub headers: Secret,
    pub ratio: f64,
    pub tell_gateway: bool,
    pub queue_max: usize,
    pub answer_seconds: u64,
}

impl Tracing {
    /// Whether spans are sent anywhere.
    pub fn is_on(&self) -> bool {
        !self.endpoint.is_empty()
    }
}

/// `[console]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Console {
    pub session_minutes: u64,
    pub plain_cookies: bool,
    pub keys: bool,
    pub public_url: String,
    pub openid: OpenId,
}

/// `[sandbox]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Sandbox {
    pub enabled: bool,
}

/// `[exports.bucket]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Bucket {
    pub name: String,
    pub endpoint: String,
    pub region: String,
    pub prefix: String,
    pub access_key_id: Secret,
    pub secret_access_key: Secret,
}

/// `[workers]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Workers {
    pub count: usize,
    pub batch: u32,
    pub idle_milliseconds: u64,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "see Settings")]
pub enum LogFormat {
    Json,
    Text,
}

impl Settings {
    /// The shop of a request that names none: the one that is set, else the only one.
    pub fn default_shop(&self) -> Option<ShopName> {
        if !self.default_shop.is_empty() {
            return self.default_shop.parse().ok();
        }
        let mut names = self.shops.keys();
        names.next().filter(|_| names.next().is_none()).cloned()
    }

    /// How our records are held against the gateway's.
    pub fn reconciliation_rules(&self) -> ReconciliationRules {
        let settings = &self.reconciliation;
        let seconds = Duration::from_secs;
        let interval = |interval| Some(seconds(interval)).filter(|interval| settings.enabled && !interval.is_zero());
        ReconciliationRules {
            day_interval: interval(settings.day_interval_seconds),
            week_interval: interval(settings.week_interval_seconds),
            week_offset: seconds(settings.week_offset_seconds),
            margin: seconds(settings.margin_seconds),
            page_items: settings.page_items,
            failures_max: settings.failures_max,
            retry_pause: seconds(settings.retry_seconds),
            settlement_lag: seconds(self.settlements.lag_days.saturating_mul(24 * 60 * 60)),
            ..ReconciliationRules::default()
        }
    }

    /// Which column of a settlement file is what.
    pub fn settlement_columns(&self) -> settlement::Columns {
        let csv = self.settlements.csv.clone();
        settlement::Columns {
            delimiter: csv.delimiter,
            decimal_mark: csv.decimal_mark,
            gateway_payment_id: csv.gateway_payment_id,
            reference_id: csv.reference_id,
            amount: csv.amount,
            fee: csv.fee,
            currency: csv.currency,
            date: csv.date,
            date_format: csv.date_format,
        }
    }

    /// Where files for finance are kept.
    pub fn shelf(&self) -> Result<Shelf, InvalidBucket> {
        let (folder, bucket) = (self.exports.folder.clone(), &self.exports.bucket);
        if bucket.name.is_empty() {
            return Ok(Shelf::in_folder(folder));
        }
        let access = BucketAccess {
            name: bucket.name.clone(),
            endpoint: Some(bucket.endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            region: bucket.region.clone(),
            prefix: bucket.prefix.clone(),
            access_key_id: bucket.access_key_id.expose().to_owned(),
            secret_access_key: bucket.secret_access_key.secret().clone(),
        };
        Ok(Shelf::in_bucket(folder, orchestrator::Bucket::new(&access)?))
    }

    /// When files for finance are written, and for how long they are kept.
    pub fn export_rules(&self) -> ExportRules {
        let settings = &self.exports;
        ExportRules {
            retention: Duration::from_secs(settings.retention_days.saturating_mul(24 * 60 * 60)),
            lease: Duration::from_secs(settings.lease_seconds),
            margin: Duration::from_secs(settings.margin_seconds),
            failures_max: settings.failures_max,
            retry_pause: Duration::from_secs(settings.retry_seconds),
        }
    }

    /// How events are sent to those who want to be told.
    pub fn push_rules(&self) -> PushRules {
        let settings = &self.webhook_endpoints;
        let hours = |hours: u64| Duration::from_secs(hours.saturating_mul(60 * 60));
        PushRules {
            lease: Duration::from_secs(settings.lease_seconds),
            batch: settings.batch,
            in_flight: settings.in_flight,
            retries: settings.retry_seconds.iter().copied().map(Duration::from_secs).collect(),
            pause_after: settings.pause_after,
            pause_max: Duration::from_secs(settings.pause_seconds_max),
            give_up_after: hours(settings.give_up_hours),
            kept: hours(settings.kept_days.saturating_mul(24)),
            endpoints_max: settings.endpoints_max,
        }
    }

    /// How long each thing may take before a person is to know.
    pub fn patience(&self) -> Patience {
        let (stuck, seconds) = (&self.stuck, Duration::from_secs);
        Patience {
            moving_outcome: seconds(stuck.moving_outcome_seconds),
            outcome: seconds(stuck.outcome_seconds),
            command_outcome: seconds(stuck.command_outcome_seconds),
            customer: seconds(stuck.customer_seconds),
            gateway: seconds(stuck.gateway_seconds),
            refund: seconds(stuck.refund_seconds),
            withdrawal: seconds(stuck.withdrawal_seconds),
            approval: seconds(stuck.approval_seconds),
            authorization: seconds(stuck.authorization_seconds),
            failures: stuck.failures,
        }
    }

    /// When two people are needed, and how long is waited.
    pub fn resolve_rules(&self) -> ResolveRules {
        let settings = &self.resolve;
        ResolveRules {
            // An amount that is none was refused before (`Settings::check_for_serving`).
            two_people_above: parse_amount(&settings.two_people_above).ok(),
            moving_after: Duration::from_secs(settings.moving_after_seconds),
            inert_after: Duration::from_secs(settings.inert_after_seconds),
        }
    }

    /// The settings of the deeds.
    pub fn rules(&self) -> Rules {
        let (payments, sweep, gateway) = (&self.payments, &self.sweep, &self.gateway);
        let seconds = |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect();
        // None is below 1 (`Settings::check_for_serving`).
        let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let lease = Duration::from_secs(payments.lease_seconds);
        Rules {
            send_guard: lease / 3,
            patience: self.patience(),
            intervals: Intervals {
                lease,
                command_lease: Duration::from_secs(payments.command_lease_seconds),
                empty_look_up_pause: Duration::from_secs(payments.empty_look_up_pause_seconds),
                quarantine: Duration::from_secs(payments.quarantine_seconds),
                submit_deadline: Duration::from_secs(payments.submit_deadline_seconds),
                look_ups: seconds(&payments.look_up_seconds),
                polls: seconds(if sweep.enabled { &sweep.poll_seconds } else { &payments.poll_seconds }),
                confirm: Duration::from_secs(payments.confirm_seconds),
                ..Intervals::default()
            },
            fall_back_to_redirect: payments.fall_back_to_redirect,
            moving_methods: payments.moving_methods.clone(),
            public_url: Some(self.public_url.clone()).filter(|url| !url.is_empty()),
            breaker: BreakerSettings {
                failures: gateway.breaker_failures,
                pause: Duration::from_secs(gateway.breaker_seconds),
            },
            rate: RequestRate {
                per_second: number(gateway.requests_per_second),
                burst: number(gateway.requests_burst),
            },
            sweep: sweep.enabled.then(|| SweepRules {
                interval: Duration::from_secs(sweep.interval_seconds),
                page_items: sweep.page_items,
                ..SweepRules::default()
            }),
            ..Rules::default()
        }
    }
}
