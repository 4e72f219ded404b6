use actix_web::http::StatusCode;
use domain::{PaymentId, TraceParent};
use opentelemetry::trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use super::{Traces, behind, now, payment_id, place_of, span_context};
use crate::http::NO_ROUTE;
use crate::metrics::known_method;

/// A request that somebody makes to us, as a span.
pub(crate) struct Call {
    told: Option<TraceParent>,
    state: State,
}

enum State {
    /// It is on its way.
    Begun(Context),
    /// The gateway knows nothing of our traces: which one its notice belongs to is known when it has been heard.
    Waits(SpanBuilder),
}

/// What a notice turned out to be about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) payment: PaymentId,
    /// Where that payment began.
    pub(crate) trace: Option<TraceParent>,
}

impl Traces {
    /// Begins a request by its `method` and the pattern of its `route`, behind the place that its caller `told`.
    pub(crate) fn call(&self, method: &str, route: &str, request_id: &str, told: Option<TraceParent>) -> Call {
        // Whoever asks each second whether we live follows no trace.
        if matches!(route, "/livez" | "/readyz" | "/metrics") {
            return Call { told, state: State::Begun(behind(told)) };
        }
        let method = known_method(method);
        let shown = if method == "_OTHER" { "HTTP" } else { method };
        let name = if route == NO_ROUTE { shown.to_owned() } else { format!("{shown} {route}") };
        let attributes = [
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("request.id", request_id.to_owned()),
        ];
        let span =
            SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_start_time(now()).with_attributes(attributes);
        let state = if route.starts_with("/webhooks/") {
            State::Waits(span)
        } else {
            State::Begun(self.begin(span, behind(told)))
        };
        Call { told, state }
    }

    /// Ends it with its answer; `about` is what a notice was about. Answers its place in its trace.
    pub(crate) fn answered(&self, call: Call, status: StatusCode, about: Option<Told>) -> Option<TraceParent> {
        let context = match call.state {
            State::Begun(context) => context,
            State::Waits(span) => {
                let payments = about.and_then(|about| about.trace);
                let links = call.told.filter(|_| payments.is_some()).map(|told| Link::with_context(span_context(told)));
                self.begin(span.with_links(links.into_iter().collect()), behind(payments.or(call.told)))
            }
        };
        let span = context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if let Some(about) = about {
            span.set_attribute(payment_id(about.payment));
        }
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
        span.end();
        place_of(&context)
    }
}

impl Call {
    /// What is done for it is done in this context.
    pub(crate) fn context(&self) -> Context {
        match &self.state {
            State::Begun(context) => context.clone(),
            State::Waits(_) => Context::new(),
        }
    }

    /// Its place in its trace, if that is known by now.
    pub(crate) fn place(&self) -> Option<TraceParent> {
        place_of(&self.context())
    }
}
