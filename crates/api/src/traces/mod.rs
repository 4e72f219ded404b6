//! One trace from a caller's request to the events that tell how it ended (W3C Trace Context, OpenTelemetry).
//!
//! Where a payment began is kept with it, so that whatever is done for it later, by whichever process, is a span of the same
//! trace. A span tells methods, routes, statuses and our own names; never a body, a query, a path as it was sent, nor a header.

mod call;
mod export;
mod step;

use std::time::SystemTime;

use actix_web::http::header::HeaderMap;
pub(crate) use call::{Call, Told};
use domain::{PaymentId, TraceParent};
use export::Export;
pub(crate) use export::{NotTraceable, read_headers};
use opentelemetry::trace::{SpanBuilder, SpanContext, TraceContextExt as _, TraceFlags, TraceState, Tracer as _};
use opentelemetry::{Context, KeyValue};
pub(crate) use step::Step;
use tokio::runtime::Handle;

use crate::metrics::Metrics;
use crate::settings;

/// The header that names a place in a trace.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Where spans are begun.
pub(crate) struct Traces {
    /// None where no collector is named: what callers say is handed on all the same.
    export: Option<Export>,
    tell_gateway: bool,
}

impl Traces {
    /// As the settings say; `metrics` tell what is lost. What is sent is sent on `runtime`.
    pub(crate) fn new(
        settings: &settings::Tracing,
        runtime: Handle,
        metrics: &std::sync::Arc<Metrics>,
    ) -> Result<Self, NotTraceable> {
        let export = settings.is_on().then(|| Export::new(settings, runtime, metrics)).transpose()?;
        Ok(Self { export, tell_gateway: settings.tell_gateway })
    }

    /// For a command that is over in a moment: nothing is recorded.
    pub(crate) fn unrecorded(settings: &settings::Tracing) -> Self {
        Self { export: None, tell_gateway: settings.tell_gateway }
    }

    /// Whether the gateway is told where in a trace its requests stand.
    pub(crate) fn tell_gateway(&self) -> bool {
        self.tell_gateway
    }

    /// Sends what waits, for no longer than the settings say. Nothing is recorded afterwards.
    pub(crate) async fn stop(&self) {
        if let Some(export) = &self.export {
            export.stop().await;
        }
    }

    /// Begins a span behind `parent`. Where nothing is recorded, the place in the trace stays the parent's.
    fn begin(&self, span: SpanBuilder, parent: Context) -> Context {
        match &self.export {
            Some(export) => parent.with_span(export.tracer().build_with_context(span, &parent)),
            None => parent,
        }
    }
}

/// The place that a request names. One that is not as the standard has it, or stands there twice, counts as none.
pub(crate) fn told_by(headers: &HeaderMap) -> Option<TraceParent> {
    let mut given = headers.get_all(TRACEPARENT);
    let only = given.next().filter(|_| given.next().is_none())?;
    only.to_str().ok()?.parse().ok()
}

/// The place of what is done at this moment.
pub(crate) fn here() -> Option<TraceParent> {
    Context::map_current(place_of)
}

/// Says of the present span which payment it is about.
pub(crate) fn about(payment: PaymentId) {
    Context::map_current(|context| context.span().set_attribute(payment_id(payment)));
}

fn payment_id(payment: PaymentId) -> KeyValue {
    KeyValue::new("payment.id", payment.to_string())
}

fn place_of(context: &Context) -> Option<TraceParent> {
    let span = context.span();
    let place = span.span_context();
    let (trace, id) = (place.trace_id().to_bytes(), place.span_id().to_bytes());
    TraceParent::new(u128::from_be_bytes(trace), u64::from_be_bytes(id), place.is_sampled())
}

/// The context of what follows behind a place that was told, by a caller or by a payment's row.
fn behind(place: Option<TraceParent>) -> Context {
    place.map_or_else(Context::new, |place| Context::new().with_remote_span_context(span_context(place)))
}

fn span_context(place: TraceParent) -> SpanContext {
    let flags = if place.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(place.trace().into(), place.span().into(), flags, true, TraceState::NONE)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a collector holds spans against those of other machines: the clock at the edge"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_place_is_the_same_as_a_context_and_back() {
        for text in [PLACE.to_owned(), PLACE.replace("-01", "-00")] {
            let place: TraceParent = text.parse().unwrap();
            assert_eq!(place_of(&behind(Some(place))), Some(place));
        }
        assert_eq!(place_of(&behind(None)), None);
    }

    #[test]
    fn a_header_that_stands_there_twice_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(told_by(&headers), None);
        let name = HeaderName::from_static(TRACEPARENT);
        headers.append(name.clone(), HeaderValue::from_static(PLACE));
        assert_eq!(told_by(&headers).unwrap().to_string(), PLACE);
        headers.append(name, HeaderValue::from_static(PLACE));
        assert_eq!(told_by(&headers), None);
    }
}
