//! What is counted, in the text that Prometheus reads. No id is ever a label.

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::http::App;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
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
struct Shop {
    shop: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
}

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    durations: Family<Route, Histogram>,
    notices: Family<Verdict, Counter>,
    payments: Family<State, Gauge>,
    breakers: Family<Shop, Gauge>,
    batches: Family<Lane, Gauge>,
    items: Family<Lane, Gauge>,
    sweeps: Sweeps,
}

/// Those of the sweep, each by shop.
#[derive(Debug, Default)]
struct Sweeps {
    passes: Family<Shop, Gauge>,
    pages: Family<Shop, Gauge>,
    items: Family<Shop, Gauge>,
    failures: Family<Shop, Gauge>,
    age: Family<Shop, Gauge>,
}

/// Those of RFC 9110 and RFC 5789.
const KNOWN_METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Upper bounds in seconds: from a replay to a request that waits for the gateway.
const DURATION_BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let answered = Family::default();
        registry.register("http_server_requests", "Requests answered", answered.clone());
        let durations = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(DURATION_BOUNDS));
        let help = "From the head of a request to its answer";
        registry.register_with_unit("http_server_request_duration", help, Unit::Seconds, durations.clone());
        let notices = Family::default();
        registry.register("gateway_notices", "Notices of the gateway by what became of them", notices.clone());
        let payments = Family::default();
        registry.register("payments", "Payments by state", payments.clone());
        let breakers = Family::default();
        registry.register("gateway_breaker_open", "1 while a shop's gateway is left alone", breakers.clone());
        let batches = Family::default();
        registry.register("store_batches", "Commits so far", batches.clone());
        let items = Family::default();
        registry.register("store_batched", "What these commits held", items.clone());
        let sweeps = Sweeps::registered_in(&mut registry);
        Self { registry, answered, durations, notices, payments, breakers, batches, items, sweeps }
    }
}

impl Sweeps {
    fn registered_in(registry: &mut Registry) -> Self {
        let sweeps = Self::default();
        let here = "by this process since it began";
        for (name, help, gauge) in [
            ("gateway_sweep_passes", "Complete passes over the gateway's list", &sweeps.passes),
            ("gateway_sweep_pages", "Pages of the gateway's list that were read", &sweeps.pages),
            ("gateway_sweep_items", "Gateway payments that stood on them", &sweeps.items),
            (
                "gateway_sweep_failures",
                "Turns that ended because the gateway's list could not be read",
                &sweeps.failures,
            ),
        ] {
            registry.register(name, format!("{help}, {here}"), gauge.clone());
        }
        let help = "Since the last complete pass over the gateway's list, by whichever process";
        registry.register_with_unit("gateway_sweep_age", help, Unit::Seconds, sweeps.age.clone());
        sweeps
    }
}

impl Metrics {
    /// A request was answered.
    pub fn answered(&self, method: &str, route: &str, status: u16, duration: Duration) {
        // A caller may send any word as a method, and each would stay here for ever.
        let method = if KNOWN_METHODS.contains(&method) { method } else { "other" };
        let labels = Answered { method: method.to_owned(), route: route.to_owned(), status };
        self.answered.get_or_create(&labels).inc();
        self.durations.get_or_create(&Route { route: route.to_owned() }).observe(duration.as_secs_f64());
    }

    /// A notice came; `verdict` is what became of it.
    pub fn heard(&self, verdict: &'static str) {
        self.notices.get_or_create(&Verdict { verdict }).inc();
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
    let reads = app.reads.clone();
    // When the database is away, the counters are worth more than ever.
    if let Ok(Ok(counts)) = app.works.run(async move { reads.counts().await }).await {
        app.metrics.payments.clear();
        for (state, count) in counts {
            let gauge = app.metrics.payments.get_or_create(&State { state: state.into() }).clone();
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    app.metrics.breakers.clear();
    for (shop, _) in app.desk.breaker().open() {
        app.metrics.breakers.get_or_create(&Shop { shop: shop.to_string() }).set(1);
    }
    let counts = app.desk.batches().counts();
    for (lane, counts) in [("open", counts.open), ("commit", counts.commit), ("receive", counts.receive)] {
        app.metrics.batches.get_or_create(&Lane { lane }).set(i64::try_from(counts.batches).unwrap_or(i64::MAX));
        app.metrics.items.get_or_create(&Lane { lane }).set(i64::try_from(counts.items).unwrap_or(i64::MAX));
    }
    tell_of_sweeps(&app).await;
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(app.metrics.text())
}

async fn tell_of_sweeps(app: &Data<App>) {
    let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (sweeps, desk) = (&app.metrics.sweeps, app.desk.clone());
    for (shop, swept) in desk.swept() {
        let shop = Shop { shop: shop.to_string() };
        sweeps.passes.get_or_create(&shop).set(gauge(swept.passes));
        sweeps.pages.get_or_create(&shop).set(gauge(swept.pages));
        sweeps.items.get_or_create(&shop).set(gauge(swept.items));
        sweeps.failures.get_or_create(&shop).set(gauge(swept.failed));
    }
    let now = desk.now();
    sweeps.age.clear();
    if let Ok(Ok(known)) = app.works.run(async move { desk.sweeps().await }).await {
        for (shop, completed_at) in known.into_iter().filter_map(|sweep| Some((sweep.shop, sweep.completed_at?))) {
            let shop = Shop { shop: shop.to_string() };
            sweeps.age.get_or_create(&shop).set(gauge(now.since(completed_at).as_secs()));
        }
    }
}
