use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{PaymentState, ShopName, Switch, Time};
use orchestrator::{Breaker, Trouble as GatewayTrouble};
use store::{Replica, Scope, Sweep};
use strum::VariantArray as _;

use super::moment::{Moment, span};
use super::payments::{STATES, tone};
use super::plot::{Plot, Series};
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::App;
use crate::http::query::Query;
use crate::trend::{Asked, INTERVAL, Sample};

/// A process that has not said for so long that it serves has most likely stopped.
const SILENCE: Duration = INTERVAL.saturating_mul(3);

/// `GET /console/health`: how things stand, and how they stood in the last hours. Numbers are of all shops, for those who see
/// all; others see the gateways of theirs.
pub(super) async fn show(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    Query::of_page(&request).finish()?;
    let sees_all = visitor.caller().shops().is_empty();
    let (desk, replicas) = (app.desk.clone(), app.replicas.clone());
    let looking = async move { Ok::<_, orchestrator::DeedError>((desk.sweeps().await?, replicas.replicas().await?)) };
    let (sweeps, replicas) = app.works.run(looking).await??;
    let now = app.desk.now();
    html(&HealthPage {
        shell: visitor.shell("Health", Some(Tab::Health)).live(),
        counted: if sees_all { Counted::of(&app, now) } else { None },
        stopped: Switch::VARIANTS
            .iter()
            .filter(|switch| app.desk.stops().is_stopped(**switch))
            .map(Into::into)
            .collect(),
        gateways: gateways(&app, &visitor, &sweeps, now),
        replicas: replicas.iter().map(|replica| ReplicaRow::of(replica, now)).collect(),
        plots: if sees_all { plots(&app.trend.samples()) } else { Vec::new() },
        sees_all,
    })
}

/// What was counted last of all shops together, by one process for all of them.
struct Counted {
    at: Moment,
    states: Vec<StateRow>,
    oldest_open: String,
    waiting: u64,
    unstamped: u64,
    behind: u64,
    stuck: u64,
    /// Rules that were found broken, each with how often.
    broken: Vec<(String, u64)>,
}

impl Counted {
    /// None while nothing was counted yet.
    fn of(app: &App, now: Time) -> Option<Self> {
        let latest = app.metrics.latest();
        let (open, all) = (latest.open()?, latest.full());
        let sample = Sample::of(now, &open.sample, app.metrics.asked());
        let count = |state: PaymentState| match (state.is_final(), &all) {
            (false, _) => Some(sample.open.get(&state).copied().unwrap_or_default()),
            (true, Some(all)) => {
                Some(all.sample.payments.iter().filter(|(known, ..)| *known == state).map(|(_, _, count)| count).sum())
            }
            (true, None) => None,
        };
        let state = |state: &PaymentState| {
            count(*state).map(|payments| StateRow { state: state.to_string(), tone: tone(*state), payments })
        };
        let violations = all.iter().flat_map(|all| &all.sample.violations);
        Some(Self {
            at: Moment::of(open.at, now),
            states: STATES.iter().filter_map(state).collect(),
            oldest_open: span(sample.oldest_open),
            waiting: sample.waiting,
            unstamped: open.sample.unstamped_events,
            behind: open.sample.events_behind,
            stuck: open.sample.stuck.iter().map(|(_, items, _)| items).sum(),
            broken: violations.filter(|(_, found)| **found > 0).map(|(rule, found)| (rule.clone(), *found)).collect(),
        })
    }
}

fn gateways(app: &App, visitor: &Visitor, sweeps: &[Sweep], now: Time) -> Vec<GatewayRow> {
    let seen = app.shops.iter().filter(|shop| visitor.caller().may_see(shop));
    seen.map(|shop| GatewayRow::of(shop, app.desk.breaker(), sweeps, now)).collect()
}

fn plots(samples: &[Sample]) -> Vec<Plot> {
    let times: Vec<Time> = samples.iter().map(|sample| sample.at).collect();
    let one = |name: &str, values: Vec<u64>| vec![Series { name: name.to_owned(), values }];
    let open = STATES.iter().filter(|state| !state.is_final()).map(|state| Series {
        name: state.to_string(),
        values: samples.iter().map(|sample| sample.open.get(state).copied().unwrap_or_default()).collect(),
    });
    // What was asked is told for the time between two moments.
    let later = times.get(1..).unwrap_or_default();
    let asked: Vec<Asked> = samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| b.asked.since(a.asked)).collect();
    let plots = [
        Plot::of("Open payments by state", "payments", &times, open.collect()),
        Plot::of(
            "Age of the oldest open payment",
            "s",
            &times,
            one("oldest", samples.iter().map(|sample| sample.oldest_open.as_secs()).collect()),
        ),
        Plot::of(
            "How long the gateway takes",
            "ms",
            later,
            one("mean of a minute", asked.iter().map(|asked| asked.mean()).collect()),
        ),
        Plot::of(
            "Requests to the gateway",
            "in a minute",
            later,
            vec![
                Series { name: "all".to_owned(), values: asked.iter().map(|asked| asked.requests).collect() },
                Series { name: "failed".to_owned(), values: asked.iter().map(|asked| asked.failed).collect() },
            ],
        ),
        Plot::of(
            "Webhooks that wait to be filed",
            "webhooks",
            &times,
            one("waiting", samples.iter().map(|sample| sample.waiting).collect()),
        ),
    ];
    plots.into_iter().flatten().collect()
}

struct StateRow {
    state: String,
    tone: &'static str,
    payments: u64,
}

struct GatewayRow {
    shop: String,
    trouble: Option<&'static str>,
    swept: Option<Moment>,
}

impl GatewayRow {
    fn of(shop: &ShopName, breaker: &Breaker, sweeps: &[Sweep], now: Time) -> Self {
        let open = breaker.open().into_iter().find(|(name, _)| name == shop);
        let swept = sweeps.iter().find(|sweep| sweep.shop == *shop).and_then(|sweep| sweep.completed_at);
        Self {
            shop: shop.to_string(),
            trouble: open.map(|(_, trouble)| match trouble {
                GatewayTrouble::Unavailable => "left alone: it does not answer",
                GatewayTrouble::Misconfigured => "left alone: it refuses our key",
            }),
            swept: Moment::of_any(swept, now),
        }
    }
}

struct ReplicaRow {
    id: String,
    version: String,
    started: Moment,
    seen: Moment,
    silent: bool,
}

impl ReplicaRow {
    fn of(replica: &Replica, now: Time) -> Self {
        Self {
            id: replica.id.0.to_string(),
            version: replica.version.clone(),
            started: Moment::of(replica.started_at, now),
            seen: Moment::of(replica.seen_at, now),
            silent: now.since(replica.seen_at) > SILENCE,
        }
    }
}

#[derive(Template)]
#[template(path = "console/health.html")]
struct HealthPage {
    shell: Shell,
    sees_all: bool,
    counted: Option<Counted>,
    stopped: Vec<&'static str>,
    gateways: Vec<GatewayRow>,
    replicas: Vec<ReplicaRow>,
    plots: Vec<Plot>,
}
