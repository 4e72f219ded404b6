//! HTTP: one table of routes, one table of problems; the handlers only translate.

mod address;
pub(crate) mod body;
pub(crate) mod breaks;
pub(crate) mod bulk_actions;
mod caller;
pub(crate) mod command;
mod cursor;
mod document;
mod event_view;
mod events;
pub(crate) mod exports;
mod form;
mod gateway_reads;
mod health;
mod idempotency;
mod keys;
pub(crate) mod list_payments;
mod listed;
pub(crate) mod operate;
mod order;
pub(crate) mod payment_view;
pub(crate) mod problem;
mod problem_page;
pub(crate) mod query;
mod rate_limit;
pub(crate) mod read_payment;
pub(crate) mod reconciliations;
pub(crate) mod refund;
mod resolve;
mod routes;
mod settlements;
pub(crate) mod stray_card;
pub(crate) mod stuck;
mod switches;
pub(crate) mod take_payment;
mod unread;
mod version;
mod wait;
mod webhook;
mod webhook_endpoints;
pub(crate) mod webhooks_in;
pub(crate) mod window_fields;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
pub(crate) use breaks::{BreakView, SideView};
pub(crate) use bulk_actions::{BulkActionView, BulkName, BulkPreviewView};
pub use caller::{Caller, KnownKeys, UsedKeys, digest};
pub use document::document;
use domain::{FlowRules, ShopName};
pub(crate) use event_view::event_body;
pub(crate) use exports::ExportView;
pub use idempotency::KeyUse;
use ipnet::IpNet;
use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;
use orchestrator::{BulkWorker, Desk, Exporter, Pusher, Reconciler, Repeater, Resolver};
use problem::Problem;
pub use rate_limit::{Rate, RateLimit};
pub(crate) use reconciliations::{RunView, window_max};
pub(crate) use resolve::{DryRunView, ProposalView};
pub use routes::{ROUTES, Route, routes};
pub(crate) use routes::{get, not_found, post, register};
use store::{Inbox, Keys, Reads, Replicas, Sessions, Switches};
pub(crate) use stuck::{COUNT_MAX as STUCK_COUNT_MAX, CountView, StuckView};
pub(crate) use switches::{SwitchView, stopped};
use tracing::Instrument as _;
use unread::Unread;
pub(crate) use webhooks_in::{VerdictFilter, WebhookInView, refusal};

use crate::console::OpenId;
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::receivers::Reachable;
use crate::settings;
use crate::traces::{Call, Told, Traces, told_by};
use crate::trend::Trend;
use crate::works::Works;

/// What all handlers share.
pub struct App {
    /// Where all deeds are done.
    pub desk: Arc<Desk>,
    /// Where runs of reconciliation are carried out.
    pub reconciler: Arc<Reconciler>,
    /// How long the window of one may be.
    pub window_max: Duration,
    /// How settlement files are read.
    pub settlement_columns: settlement::Columns,
    /// The most bytes of one.
    pub settlement_bytes_max: usize,
    /// Where files for finance are ordered.
    pub exporter: Arc<Exporter>,
    /// The longest window of an export.
    pub export_window_max: Duration,
    /// Where the same is done to many.
    pub bulk: Arc<BulkWorker>,
    /// Where events are told from.
    pub pusher: Arc<Pusher>,
    /// Where they may be sent.
    pub reachable: Arc<Reachable>,
    /// Where requests with names are held against those before.
    pub repeater: Arc<Repeater>,
    /// Where people resolve what the machine may not.
    pub resolver: Arc<Resolver>,
    /// What is stopped by hand.
    pub switches: Arc<dyn Switches>,
    /// Lists and ledgers.
    pub reads: Arc<dyn Reads>,
    /// The inbox of notices, for people.
    pub inbox: Arc<dyn Inbox>,
    /// The callers' keys.
    pub keys: Arc<dyn Keys>,
    /// People who are signed in at the console.
    pub sessions: Arc<dyn Sessions>,
    /// Processes that serve.
    pub replicas: Arc<dyn Replicas>,
    /// What was seen of the whole lately.
    pub trend: Trend,
    /// The settings of the console.
    pub console: settings::Console,
    /// Where people sign in by OIDC, if they do.
    pub openid: Option<Arc<OpenId>>,
    /// Keys that were found a moment ago.
    pub known_keys: KnownKeys,
    /// When keys were used last, until it is written down.
    pub used_keys: UsedKeys,
    /// Whose word is taken for where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// How much each key may ask for, if it is bounded.
    pub rate_limit: Option<Arc<RateLimit>>,
    /// Our own runtime.
    pub works: Works,
    /// Where new names come from.
    pub ids: Ids,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where spans are begun.
    pub(crate) traces: Arc<Traces>,
    /// The shops of the settings.
    pub shops: BTreeSet<ShopName>,
    /// The shop of an order that names none.
    pub default_shop: Option<ShopName>,
    /// Take methods that the contract does not list.
    pub unknown_methods: bool,
    /// Where the runbook is read.
    pub runbook_url: String,
    /// Choose the flow where an order leaves it open.
    pub flows: FlowRules,
    /// How long a body may take.
    pub body_patience: Duration,
    /// Whether the program is about to stop: no new work should be sent here.
    pub stopping: AtomicBool,
}

/// The name of a request: the caller's, or ours.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// What is counted for a request that fits no route.
pub(crate) const NO_ROUTE: &str = "none";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Around every request: it has a name, which stands in its answer, in its problem and in its log line.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let name = request_id(&request);
    request.extensions_mut().insert(RequestId(name.clone()));
    let app = request.app_data::<Data<App>>().cloned();
    let route = request.match_pattern().unwrap_or_else(|| NO_ROUTE.to_owned());
    let method = request.method().clone();
    let unread = Unread::of(request.take_payload());
    request.set_payload(unread.payload());

    // Every line that is logged on the way, on whichever thread, has the request's name.
    let span = tracing::error_span!("request", request_id = name, trace_id = tracing::field::Empty);
    let call = app.as_ref().map(|app| app.traces.call(method.as_str(), &route, &name, told_by(request.headers())));
    if let Some(place) = call.as_ref().and_then(Call::place) {
        span.record("trace_id", place.trace_id());
    }
    let context = call.as_ref().map_or_else(Context::new, Call::context);
    let response = idempotency::once(request, next).instrument(span.clone()).with_context(context).await?;
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    let answer = problem.map(|problem| answer_problem(problem, response.request()));
    let mut response = match answer {
        Some(answer) => ServiceResponse::new(response.into_parts().0, answer),
        None => response,
    };
    response = response.map_body(|_, answer| unread.held_by(answer));
    rate_limit::tell(&mut response);
    if let Ok(value) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status();
    if let Some(app) = app {
        app.metrics.answered(method.as_str(), &route, status.as_u16(), begun.elapsed());
        let about = response.request().extensions().get::<Told>().copied();
        let waits = call.as_ref().is_some_and(|call| call.place().is_none());
        let place = call.and_then(|call| app.traces.answered(call, status, about));
        if let Some(place) = place.filter(|_| waits) {
            span.record("trace_id", place.trace_id());
        }
    }
    // Whoever knows what went wrong has said so: this line is for reading along.
    tracing::debug!(parent: &span, method = method.as_str(), route, status = status.as_u16(), "request");
    Ok(response)
}

/// A problem as the answer to a request, which it names.
fn answer_problem(problem: &Problem, request: &HttpRequest) -> HttpResponse {
    let extensions = request.extensions();
    let name = extensions.get::<RequestId>().map(|name| name.0.as_str());
    problem.response(Some(request.path()), name)
}

/// The caller's own name for its request, if it can stand in a header and a log line; else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let legal = |name: &&str| {
        let short = (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        // It stands in every log line.
        short && !orchestrator::holds_card_number(name)
    };
    given.filter(legal).map_or_else(|| Ids.next().to_string(), str::to_owned)
}
