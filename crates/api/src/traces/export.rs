//! The way to the collector. Nobody waits for it: what it does not take in time is lost, and counted.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter, SpanProcessor,
};
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;

use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::outgoing;
use crate::settings::{Secret, Tracing};

/// How long a span waits for others to be sent with.
const INTERVAL: Duration = Duration::from_secs(1);

/// Spans that are sent at once.
const BATCH: usize = 512;

/// As much as is read of an answer, so that its connection can be used again. Nobody looks at it.
const ANSWER_MAX: usize = 64 * 1024;

/// The shortest time between two lines that say that spans are lost.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Why nothing can be sent to the collector.
#[derive(Debug, thiserror::Error)]
pub enum NotTraceable {
    /// `tracing.headers`.
    #[error("the headers cannot be read")]
    Headers,
    /// The HTTP library refuses.
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
    /// What the environment says of OpenTelemetry, or the address.
    #[error("{0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Spans on their way out.
pub(super) struct Export {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    losses: Arc<Losses>,
    patience: Duration,
}

impl Export {
    pub(super) fn new(settings: &Tracing, runtime: Handle, metrics: &Arc<Metrics>) -> Result<Self, NotTraceable> {
        let patience = Duration::from_secs(settings.answer_seconds);
        let collector = Collector { client: client(settings, patience)?, runtime };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(patience)
            .build()?;
        let losses =
            Arc::new(Losses { metrics: Arc::clone(metrics), waiting: AtomicUsize::new(0), said: Mutex::default() });
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue_max)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(INTERVAL);
        let batches = BatchSpanProcessor::builder(Counted { exporter, losses: Arc::clone(&losses) })
            .with_batch_config(config.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_sampler(ParentBasedSampler::new(Sampler::TraceIdRatioBased(settings.ratio)))
            .with_span_processor(Bounded { batches, most: settings.queue_max, losses: Arc::clone(&losses) })
            .build();
        Ok(Self { tracer: provider.tracer("payments"), provider, losses, patience })
    }

    pub(super) fn tracer(&self) -> &SdkTracer {
        &self.tracer
    }

    pub(super) async fn stop(&self) {
        let (provider, patience) = (self.provider.clone(), self.patience);
        let sent = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(patience)).await;
        if !matches!(sent, Ok(Ok(()))) {
            let spans = self.losses.waiting.load(Ordering::Relaxed);
            tracing::warn!(spans, "the collector did not take the last spans in time; they are lost");
        }
    }
}

/// Who we are. `OTEL_RESOURCE_ATTRIBUTES` of the environment may say more, as with every program that is traced.
fn resource() -> Resource {
    Resource::builder()
        .with_service_name("payments")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Ids.next().to_string()))
        .build()
}

fn client(settings: &Tracing, patience: Duration) -> Result<reqwest::Client, NotTraceable> {
    let client = outgoing::client()
        .default_headers(read_headers(&settings.headers)?)
        .connect_timeout(patience)
        .timeout(patience);
    Ok(client.build()?)
}

/// The pairs of `tracing.headers`.
pub(crate) fn read_headers(headers: &Secret) -> Result<HeaderMap, NotTraceable> {
    let pairs = headers.expose().split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let header = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let mut value = HeaderValue::from_str(value.trim()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_str(name.trim()).ok()?, value))
    };
    pairs.map(|pair| header(pair).ok_or(NotTraceable::Headers)).collect()
}

/// Sends on the program's own runtime: the library does its batches on a thread that has none.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        let sending = async move {
            let mut response = client.execute(request).await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let mut read = 0;
            while read < ANSWER_MAX {
                let Some(chunk) = response.chunk().await? else { break };
                read += chunk.len();
            }
            Ok::<_, reqwest::Error>((status, headers))
        };
        let (status, headers) = self.runtime.spawn(sending).await??;
        let mut answer = Response::new(Bytes::new());
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}

/// What no collector has.
#[derive(Debug)]
struct Losses {
    metrics: Arc<Metrics>,
    /// Spans that ended and are not sent yet.
    waiting: AtomicUsize,
    /// When it was said last.
    said: Mutex<Option<Instant>>,
}

impl Losses {
    /// Counts them, and says so now and then: a collector that is away loses some at each moment.
    fn lose(&self, reason: &'static str, spans: usize, why: &str) {
        self.metrics.spans_lost(reason, spans);
        let mut said = self.said.lock();
        if said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            *said = Some(Instant::now());
            drop(said);
            tracing::warn!(reason, why, "spans are lost; no payment waits for them");
        }
    }
}

/// The library's batches with a bound of its own: what it drops itself it does not count where it can be read.
#[derive(Debug)]
struct Bounded {
    batches: BatchSpanProcessor,
    most: usize,
    losses: Arc<Losses>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.losses.waiting.fetch_add(1, Ordering::Relaxed) < self.most {
            return self.batches.on_end(span);
        }
        self.losses.waiting.fetch_sub(1, Ordering::Relaxed);
        self.losses.lose("queue-full", 1, "too many wait for the collector");
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// The library's exporter, its batches counted.
#[derive(Debug)]
struct Counted {
    exporter: opentelemetry_otlp::SpanExporter,
    losses: Arc<Losses>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        self.losses.waiting.fetch_sub(spans, Ordering::Relaxed);
        match &exported {
            Ok(()) => self.losses.metrics.spans_exported(spans),
            Err(error) => self.losses.lose("not-taken", spans, &error.to_string()),
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
