use domain::{PaymentId, TraceParent};
use opentelemetry::trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use super::{Traces, behind, payment_id, place_of, span_context};

/// A request of ours to somebody else, as a span.
pub(crate) struct Step {
    context: Context,
}

impl Traces {
    /// Begins a request that is made for a payment that `began` there: under what is done at this moment, else in the
    /// payment's own trace. What belongs to neither is no span: a pass over a list would be a trace of its own each time.
    pub(crate) fn step(
        &self,
        name: String,
        attributes: impl IntoIterator<Item = KeyValue>,
        payment: Option<PaymentId>,
        began: Option<TraceParent>,
    ) -> Step {
        let here = Context::current();
        let (parent, link) = match place_of(&here) {
            Some(place) => (here, began.filter(|began| began.trace() != place.trace())),
            None => (behind(began), None),
        };
        if place_of(&parent).is_none() {
            return Step { context: parent };
        }
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Client)
            .with_attributes(attributes.into_iter().chain(payment.map(payment_id)))
            .with_links(link.map(|began| Link::with_context(span_context(began))).into_iter().collect());
        Step { context: self.begin(span, parent) }
    }
}

impl Step {
    /// Its place in the trace, for whoever is asked.
    pub(crate) fn place(&self) -> Option<TraceParent> {
        place_of(&self.context)
    }

    /// Ends it with the status of its answer, 0 if there was none, and what was wrong with it.
    pub(crate) fn end(self, status: u16, trouble: Option<&'static str>) {
        let span = self.context.span();
        if status > 0 {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        if let Some(trouble) = trouble {
            span.set_attribute(KeyValue::new("error.type", trouble));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}
