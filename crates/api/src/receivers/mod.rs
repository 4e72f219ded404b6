//! The way to those who are told of events: one signed message, sent once, to an address that may be sent to.
//!
//! No redirect is followed, no proxy obeyed, nothing is sent again by a library, and nothing of an answer is read but its
//! status and how long to wait.

mod address;
mod resolve;
mod signature;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use address::Reachable;
use async_trait::async_trait;
use domain::TraceParent;
use gateway_client::answer::read_retry_after;
use opentelemetry::KeyValue;
use orchestrator::{Message, Receivers, Refusal, event_id, event_type};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use resolve::{Guarded, Lookup, NotReachable, SystemLookup};
pub(crate) use signature::{new_secret, sign};
use url::Url;

use crate::http::event_body;
use crate::outgoing;
use crate::settings;
use crate::traces::{Step, TRACEPARENT, Traces};

/// Sends over HTTP.
pub(crate) struct HttpReceivers {
    client: reqwest::Client,
    reachable: Arc<Reachable>,
    traces: Arc<Traces>,
}

impl HttpReceivers {
    /// As the settings say.
    pub(crate) fn new(settings: &settings::WebhookEndpoints, traces: Arc<Traces>) -> Result<Self, reqwest::Error> {
        Self::with_lookup(settings, SystemLookup, traces)
    }

    fn with_lookup(
        settings: &settings::WebhookEndpoints,
        lookup: impl Lookup,
        traces: Arc<Traces>,
    ) -> Result<Self, reqwest::Error> {
        let reachable = Arc::new(Reachable::new(settings.allowed_networks.clone(), settings.allow_http));
        let client = outgoing::client()
            .connect_timeout(Duration::from_secs(settings.connect_seconds))
            .timeout(Duration::from_secs(settings.answer_seconds))
            .dns_resolver(Arc::new(Guarded::new(lookup, Arc::clone(&reachable))))
            .build()?;
        Ok(Self { client, reachable, traces })
    }

    /// A message as a span of its payment's trace. Its address is somebody's secret, and is not told.
    fn step(&self, message: &Message<'_>) -> Step {
        let event = message.event;
        let attributes = [
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("event.id", event_id(event)),
            KeyValue::new("event.type", event_type(event)),
            KeyValue::new("endpoint.id", message.endpoint.id.to_string()),
        ];
        self.traces.step("send event".to_owned(), attributes, Some(event.payment), event.trace)
    }

    async fn send_once(
        &self,
        url: Url,
        message: Message<'_>,
        place: Option<TraceParent>,
    ) -> (u16, Result<(), Refusal>) {
        let at = message.at;
        let response = match self.request(url, message, place).send().await {
            Ok(response) => response,
            Err(error) => return (0, Err(refusal(why(&error)))),
        };
        let status = response.status();
        if status.is_success() {
            return (status.as_u16(), Ok(()));
        }
        let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).filter(|_| busy);
        let redirects = if status.is_redirection() { ", and no redirect is followed" } else { "" };
        let refusal = Refusal {
            why: format!("it answered {}{redirects}", status.as_u16()),
            gone: status == StatusCode::GONE,
            retry_after: asked.and_then(|header| read_retry_after(header, Some(at.utc()))),
        };
        (status.as_u16(), Err(refusal))
    }

    fn request(&self, url: Url, message: Message<'_>, place: Option<TraceParent>) -> reqwest::RequestBuilder {
        let (id, at) = (event_id(message.event), message.at.utc().timestamp());
        let body = event_body(message.event, message.payment);
        let signatures: Vec<String> =
            message.secrets.iter().filter_map(|secret| sign(secret.expose(), &id, at, &body)).collect();
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        match place {
            Some(place) => request.header(TRACEPARENT, place.to_string()),
            None => request,
        }
    }
}

#[async_trait]
impl Receivers for HttpReceivers {
    async fn send(&self, message: Message<'_>) -> Result<(), Refusal> {
        // Settings may have become narrower since it was registered; a name is looked at when it is resolved.
        let url =
            self.reachable.check(&message.endpoint.url).map_err(|error| refusal(format!("the address {error}")))?;
        let step = self.step(&message);
        let (status, sent) = self.send_once(url, message, step.place()).await;
        step.end(status, sent.as_ref().err().map(|_| if status == 0 { "no-answer" } else { "refused" }));
        sent
    }
}

fn refusal(why: String) -> Refusal {
    Refusal { why, gone: false, retry_after: None }
}

/// What went wrong on the way, in our words: the library's would repeat the address, which may hold somebody's secret.
fn why(error: &reqwest::Error) -> String {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<NotReachable>() {
            return refused.to_string();
        }
        source = cause.source();
    }
    let what = if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "no connection could be made"
    } else {
        "the connection broke before it answered"
    };
    what.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
