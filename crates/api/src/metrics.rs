//! What is counted, in the text that Prometheus reads. No id is ever a label, and no scrape asks the database.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::{ShopName, Time};
use orchestrator::{Desk, Heard};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use strum::VariantArray as _;

use crate::http::App;
use crate::sampling::{FullSample, Latest, OpenSample, Taken};
use crate::trend::Asked;

/// A request that was answered, under the names of OpenTelemetry's conventions for HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(clippy::struct_field_names, reason = "the labels are called so")]
struct Answered {
    http_request_method: String,
    http_route: String,
    http_response_status_code: u16,
}

/// A request to the gateway, likewise; without an answer the status is 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exchanged {
    http_request_method: &'static str,
    url_template: String,
    http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verdict {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateAndType {
    state: &'static str,
    r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    state: &'static str,
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rule {
    rule: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sample {
    sample: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shop {
    shop: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stop {
    switch: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
}

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    answered: Family<Answered, Histogram>,
    exchanged: Family<Exchanged, Histogram>,
    outcomes: Family<Outcome, Counter>,
    asked: Mutex<Asked>,
    notices: Family<Verdict, Counter>,
    lateness: Histogram,
    ends: Family<End, Counter>,
    breakers: Family<Shop, Gauge>,
    batch_sizes: Family<Lane, Histogram>,
    batch_durations: Family<Lane, Histogram>,
    waiting: Family<Lane, Gauge>,
    sweeps: Sweeps,
    stopped: Family<Stop, Gauge>,
    spans_exported: Counter,
    spans_lost: Family<Reason, Counter>,
    sampled: Sampled,
    latest: Arc<Latest>,
}

/// Those of the sweep, each by shop.
#[derive(Debug, Default)]
struct Sweeps {
    passes: Family<Shop, Counter>,
    pages: Family<Shop, Counter>,
    items: Family<Shop, Counter>,
    failures: Family<Shop, Counter>,
    age: Family<Shop, Gauge>,
}

/// Those that the database is asked for, by one process for all of them.
#[derive(Debug, Default)]
struct Sampled {
    payments: Family<StateAndType, Gauge>,
    open: Family<State, Gauge>,
    oldest: Family<State, Gauge>,
    stuck: Family<Reason, Gauge>,
    stuck_oldest: Family<Reason, Gauge>,
    notices_waiting: Gauge,
    notices_oldest: Gauge,
    events_unstamped: Gauge,
    events_behind: Gauge,
    events_unpublished: Gauge,
    violations: Family<Rule, Gauge>,
    age: Family<Sample, Gauge>,
}

/// Those of RFC 9110 and RFC 5789.
const KNOWN_METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// A caller may send any word as a method, and each would stay for ever where it is counted.
pub(crate) fn known_method(method: &str) -> &'static str {
    KNOWN_METHODS.iter().find(|known| **known == method).copied().unwrap_or("_OTHER")
}

/// Upper bounds in seconds: from a replay to a request that waits for the gateway.
const DURATION_BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0];

/// The same for what comes late.
const LATENESS_BOUNDS: [f64; 8] = [0.0, 1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0];

/// Items of a batch.
const SIZE_BOUNDS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

fn durations() -> Histogram {
    Histogram::new(DURATION_BOUNDS)
}

fn sizes() -> Histogram {
    Histogram::new(SIZE_BOUNDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let answered = Family::new_with_constructor(durations as fn() -> Histogram);
        let help = "From the head of a request to its answer";
        registry.register_with_unit("http_server_request_duration", help, Unit::Seconds, answered.clone());
        let exchanged = Family::new_with_constructor(durations as fn() -> Histogram);
        let help = "From a request to the gateway to the end of its answer, or until none was waited for any more";
        registry.register_with_unit("http_client_request_duration", help, Unit::Seconds, exchanged.clone());
        let outcomes = Family::default();
        registry.register("gateway_outcomes", "Requests to the gateway by what came of them", outcomes.clone());
        let notices = Family::default();
        registry.register("gateway_notices", "Notices of the gateway by what became of them", notices.clone());
        let lateness = Histogram::new(LATENESS_BOUNDS);
        let help =
            "How long after this service had seen a payment's end by itself a notice of it came; 0 if it was first";
        registry.register_with_unit("gateway_notice_lateness", help, Unit::Seconds, lateness.clone());
        let ends = Family::default();
        let help = "Ends of payments by who told them first: response, webhook, poll, sweep, operator";
        registry.register("payment_ends", help, ends.clone());
        let breakers = Family::default();
        registry.register("gateway_breaker_open", "1 while a shop's gateway is left alone", breakers.clone());
        let batch_sizes = Family::new_with_constructor(sizes as fn() -> Histogram);
        registry.register("store_batch_size", "What a commit held", batch_sizes.clone());
        let batch_durations = Family::new_with_constructor(durations as fn() -> Histogram);
        let help = "How long a commit took";
        registry.register_with_unit("store_batch_duration", help, Unit::Seconds, batch_durations.clone());
        let waiting = Family::default();
        registry.register("store_waiting", "What waits for the commit before it to end", waiting.clone());
        let sweeps = Sweeps::registered_in(&mut registry);
        let stopped = Family::default();
        registry.register("stopped", "1 while it is stopped by hand", stopped.clone());
        let spans_exported = Counter::default();
        registry.register("spans_exported", "Spans that the collector took", spans_exported.clone());
        let spans_lost = Family::default();
        let help = "Spans that no collector has: it did not take them, or too many waited for it";
        registry.register("spans_lost", help, spans_lost.clone());
        let sampled = Sampled::registered_in(&mut registry);
        Self {
            registry,
            answered,
            exchanged,
            outcomes,
            notices,
            lateness,
            ends,
            breakers,
            batch_sizes,
            batch_durations,
            waiting,
            sweeps,
            stopped,
            spans_exported,
            spans_lost,
            sampled,
            asked: Mutex::default(),
            latest: Arc::default(),
        }
    }
}

impl Sweeps {
    fn registered_in(registry: &mut Registry) -> Self {
        let sweeps = Self::default();
        let here = "by this process since it began";
        for (name, help, counter) in [
            ("gateway_sweep_passes", "Complete passes over the gateway's list", &sweeps.passes),
            ("gateway_sweep_pages", "Pages of the gateway's list that were read", &sweeps.pages),
            ("gateway_sweep_items", "Gateway payments that stood on them", &sweeps.items),
            (
                "gateway_sweep_failures",
                "Turns that ended because the gateway's list could not be read",
                &sweeps.failures,
            ),
        ] {
            registry.register(name, format!("{help}, {here}"), counter.clone());
        }
        let help = "Since the last complete pass over the gateway's list, by whichever process";
        registry.register_with_unit("gateway_sweep_age", help, Unit::Seconds, sweeps.age.clone());
        sweeps
    }
}

impl Sampled {
    fn registered_in(registry: &mut Registry) -> Self {
        let sampled = Self::default();
        registry.register("payments", "Payments by state and type", sampled.payments.clone());
        registry.register("payments_open", "Payments that have not ended, by state", sampled.open.clone());
        let help = "Since the oldest payment that has not ended was made, by state";
        registry.register_with_unit("payments_unresolved_oldest_age", help, Unit::Seconds, sampled.oldest.clone());
        registry.register("payments_stuck", "What needs a person, by reason", sampled.stuck.clone());
        let help = "Since what was first to need a person is so, by reason";
        registry.register_with_unit("payments_stuck_oldest_age", help, Unit::Seconds, sampled.stuck_oldest.clone());
        let help = "Notices of the gateway that are durable and not filed yet";
        registry.register("gateway_notices_waiting", help, sampled.notices_waiting.clone());
        let help = "Since the oldest of them came";
        registry.register_with_unit(
            "gateway_notices_waiting_oldest_age",
            help,
            Unit::Seconds,
            sampled.notices_oldest.clone(),
        );
        let help = "Changes that have no place in the feed of events yet";
        registry.register("events_unstamped", help, sampled.events_unstamped.clone());
        let help = "Events that the endpoint which is farthest behind has not been told of";
        registry.register("events_behind", help, sampled.events_behind.clone());
        let help = "Events that were not published to the stream of the settings yet; 0 if they name none";
        registry.register("events_unpublished", help, sampled.events_unpublished.clone());
        registry.register("violations", "What must not be, by rule; at most 100 of each", sampled.violations.clone());
        let help = "Since the database was asked for what is sampled: open and stuck payments, and all of them";
        registry.register_with_unit("samples_age", help, Unit::Seconds, sampled.age.clone());
        sampled
    }

    fn tell_open(&self, taken: &Taken<OpenSample>, now: Time) {
        let OpenSample { open, stuck, waiting_notices, oldest_notice, .. } = &taken.sample;
        self.open.clear();
        self.oldest.clear();
        for (state, payments, oldest) in open {
            let state = State { state: state.into() };
            self.open.get_or_create(&state).set(gauge(*payments));
            self.oldest.get_or_create(&state).set(seconds(now.since(*oldest)));
        }
        self.stuck_oldest.clear();
        for reason in domain::StuckReason::VARIANTS {
            let label = Reason { reason: reason.into() };
            let found = stuck.iter().find(|(known, ..)| known == reason);
            self.stuck.get_or_create(&label).set(gauge(found.map_or(0, |(_, items, _)| *items)));
            if let Some((_, _, oldest)) = found {
                self.stuck_oldest.get_or_create(&label).set(seconds(now.since(*oldest)));
            }
        }
        self.notices_waiting.set(gauge(*waiting_notices));
        self.events_unstamped.set(gauge(taken.sample.unstamped_events));
        self.events_behind.set(gauge(taken.sample.events_behind));
        self.events_unpublished.set(gauge(taken.sample.unpublished_events));
        self.notices_oldest.set(oldest_notice.map_or(0, |oldest| seconds(now.since(oldest))));
        self.age.get_or_create(&Sample { sample: "open" }).set(seconds(now.since(taken.at)));
    }

    fn tell_all(&self, taken: &Taken<FullSample>, now: Time) {
        let FullSample { payments, violations } = &taken.sample;
        self.payments.clear();
        for (state, payment_type, count) in payments {
            let label = StateAndType { state: state.into(), r#type: payment_type.into() };
            self.payments.get_or_create(&label).set(gauge(*count));
        }
        for (rule, found) in violations {
            self.violations.get_or_create(&Rule { rule: rule.clone() }).set(gauge(*found));
        }
        self.age.get_or_create(&Sample { sample: "all" }).set(seconds(now.since(taken.at)));
    }
}

impl Metrics {
    /// The collector took spans.
    pub(crate) fn spans_exported(&self, spans: usize) {
        self.spans_exported.inc_by(spans as u64);
    }

    /// Spans are lost, for a reason.
    pub(crate) fn spans_lost(&self, reason: &'static str, spans: usize) {
        self.spans_lost.get_or_create(&Reason { reason }).inc_by(spans as u64);
    }

    /// A request was answered.
    pub fn answered(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let labels = Answered {
            http_request_method: known_method(method).to_owned(),
            http_route: route.to_owned(),
            http_response_status_code: status,
        };
        self.answered.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// The gateway was asked for something; `status` is 0 where no answer came.
    pub(crate) fn exchanged(
        &self,
        method: &'static str,
        url_template: String,
        status: u16,
        outcome: &'static str,
        duration: Duration,
    ) {
        let labels = Exchanged { http_request_method: method, url_template, http_response_status_code: status };
        self.exchanged.get_or_create(&labels).observe(duration.as_secs_f64());
        self.outcomes.get_or_create(&Outcome { outcome }).inc();
        let mut asked = self.asked.lock();
        asked.requests += 1;
        asked.failed += u64::from(status == 0 || status >= 500);
        asked.milliseconds += u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    }

    /// All that the gateway was asked so far.
    pub(crate) fn asked(&self) -> Asked {
        *self.asked.lock()
    }

    /// A batch was committed, or was not.
    pub(crate) fn committed(&self, lane: &'static str, size: usize, duration: Duration) {
        let lane = Lane { lane };
        self.batch_sizes.get_or_create(&lane).observe(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
        self.batch_durations.get_or_create(&lane).observe(duration.as_secs_f64());
    }

    /// A notice came; `verdict` is what became of it.
    pub fn heard(&self, verdict: &'static str) {
        self.notices.get_or_create(&Verdict { verdict }).inc();
    }

    /// The same for one that was taken.
    pub(crate) fn taken(&self, heard: &Heard) {
        match heard {
            Heard::Filed { verdict, late } => {
                self.heard(verdict.into());
                if let Some(late) = late {
                    self.lateness.observe(late.as_secs_f64());
                }
            }
            Heard::Repeat => self.heard("repeat"),
            Heard::Waiting => self.heard("waiting"),
        }
    }

    /// Where samples of the database come to.
    pub(crate) fn latest(&self) -> &Arc<Latest> {
        &self.latest
    }

    /// Everything as it is now, in the text that Prometheus reads.
    fn told<'s>(&self, desk: &Desk, shops: impl Iterator<Item = &'s ShopName>) -> String {
        let now = desk.now();
        let open = desk.breaker().open();
        for shop in shops {
            let is_open = open.iter().any(|(known, _)| known == shop);
            self.breakers.get_or_create(&Shop { shop: shop.to_string() }).set(i64::from(is_open));
        }
        for switch in domain::Switch::VARIANTS {
            let is_stopped = i64::from(desk.stops().is_stopped(*switch));
            self.stopped.get_or_create(&Stop { switch: switch.into() }).set(is_stopped);
        }
        let counts = desk.batches().counts();
        for (lane, counts) in [("open", counts.open), ("commit", counts.commit), ("receive", counts.receive)] {
            self.waiting.get_or_create(&Lane { lane }).set(i64::try_from(counts.waiting).unwrap_or(i64::MAX));
        }
        for ((source, state), count) in desk.ends().counts() {
            count_up(&self.ends, &End { state: state.into(), source: source.into() }, count);
        }
        for (shop, swept) in desk.swept() {
            let shop = Shop { shop: shop.to_string() };
            count_up(&self.sweeps.passes, &shop, swept.passes);
            count_up(&self.sweeps.pages, &shop, swept.pages);
            count_up(&self.sweeps.items, &shop, swept.items);
            count_up(&self.sweeps.failures, &shop, swept.failed);
        }
        if let Some(taken) = self.latest.open() {
            self.sampled.tell_open(&taken, now);
            self.sweeps.age.clear();
            for (shop, completed_at) in &taken.sample.swept {
                let shop = Shop { shop: shop.to_string() };
                self.sweeps.age.get_or_create(&shop).set(seconds(now.since(*completed_at)));
            }
        }
        if let Some(taken) = self.latest.full() {
            self.sampled.tell_all(&taken, now);
        }
        self.text()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
            let _ = text.write_str("# the metrics could not be written\n# EOF\n");
        }
        text
    }
}

/// `GET /metrics`.
pub(crate) async fn scrape(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(app.metrics.told(&app.desk, app.shops.iter()))
}

/// A count that is kept elsewhere, and only ever grows.
fn count_up<L>(family: &Family<L, Counter>, label: &L, count: u64)
where
    L: Clone + std::hash::Hash + Eq,
{
    family.get_or_create(label).inner().store(count, Ordering::Relaxed);
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(age: Duration) -> i64 {
    gauge(age.as_secs())
}
