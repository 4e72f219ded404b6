//! A collector of spans (OTLP over HTTP, binary protobuf): a small server that notes what it is sent.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, PayloadConfig, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::watch;

pub(crate) const SERVER: i32 = 2;
pub(crate) const CLIENT: i32 = 3;

/// A span that came, its ids as they are written.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The traces that it is linked to.
    pub(crate) links: Vec<String>,
}

pub(crate) struct Collector {
    pub(crate) url: String,
    state: Data<State>,
    server: ServerHandle,
}

struct State {
    spans: Mutex<Vec<Seen>>,
    bodies: Mutex<Vec<u8>>,
    headers: Mutex<Vec<String>>,
    hangs: watch::Sender<bool>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Data::from(Arc::new(State {
            spans: Mutex::default(),
            bodies: Mutex::default(),
            headers: Mutex::default(),
            hangs: watch::Sender::new(false),
        }));
        let shared = state.clone();
        let routes = move || {
            let app = App::new().app_data(shared.clone()).app_data(PayloadConfig::new(16 * 1024 * 1024));
            app.route("/v1/traces", post().to(take))
        };
        let server = HttpServer::new(routes).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, state, server: handle }
    }

    /// From now on it takes everything and answers nothing, or does again.
    pub(crate) fn hangs(&self, hangs: bool) {
        self.state.hangs.send_replace(hangs);
    }

    /// Everything that it was sent so far.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        self.state.spans.lock().unwrap().clone()
    }

    /// The spans of this name.
    pub(crate) fn named(&self, name: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|span| span.name == name).collect()
    }

    /// The only span of this name.
    #[track_caller]
    pub(crate) fn only(&self, name: &str) -> Seen {
        let named = self.named(name);
        assert_eq!(named.len(), 1, "{name}: {:?}", self.spans());
        named.into_iter().next().unwrap()
    }

    /// All bytes that it was sent, as far as they are text.
    pub(crate) fn everything(&self) -> String {
        String::from_utf8_lossy(&self.state.bodies.lock().unwrap()).into_owned()
    }

    /// The values of `x-tenant` that came.
    pub(crate) fn tenants(&self) -> Vec<String> {
        self.state.headers.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.state.hangs.send_replace(false);
        drop(self.server.stop(false));
    }
}

async fn take(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let mut hangs = state.hangs.subscribe();
    hangs.wait_for(|hangs| !hangs).await.unwrap();
    assert_eq!(request.headers().get("content-type").unwrap(), "application/x-protobuf");
    if let Some(tenant) = request.headers().get("x-tenant") {
        state.headers.lock().unwrap().push(tenant.to_str().unwrap().to_owned());
    }
    state.bodies.lock().unwrap().extend_from_slice(&body);
    let told = ExportTraceServiceRequest::decode(body).unwrap();
    let spans = told.resource_spans.into_iter().flat_map(|one| one.scope_spans).flat_map(|one| one.spans);
    state.spans.lock().unwrap().extend(spans.map(Seen::from));
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

impl From<Span> for Seen {
    fn from(span: Span) -> Self {
        Self {
            trace: written(&span.trace_id),
            id: written(&span.span_id),
            parent: written(&span.parent_span_id),
            name: span.name,
            kind: span.kind,
            attributes: span.attributes.into_iter().map(pair).collect(),
            links: span.links.iter().map(|link| written(&link.trace_id)).collect(),
        }
    }
}

fn written(id: &[u8]) -> String {
    hex::encode(id)
}

fn pair(pair: KeyValue) -> (String, String) {
    let value = match pair.value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    (pair.key, value)
}
