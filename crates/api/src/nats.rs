//! The way to a stream of `NATS JetStream`.

use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{Context, ContextBuilder, GetStreamErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, RawMessageErrorKind, RetentionPolicy, Stream};
use async_trait::async_trait;
use orchestrator::{EventStream, LastMessage, StreamEnd, StreamError, event_id, event_type};
use store::Event;
use tokio::sync::OnceCell;

use crate::http::event_body;
use crate::settings;
use crate::traces::TRACEPARENT;

/// The header that says which place in the feed an event has: the stream itself then knows how far it came.
const CURSOR: &str = "Payments-Cursor";

/// For how long the stream knows a message again: longer than anything is on its way.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// A stream on a server that is connected to when it is first needed; the connection comes back by itself.
pub(crate) struct NatsStream {
    settings: settings::Nats,
    context: OnceCell<Context>,
}

impl NatsStream {
    /// As the settings say.
    pub(crate) fn new(settings: settings::Nats) -> Self {
        Self { settings, context: OnceCell::new() }
    }

    async fn context(&self) -> Result<&Context, StreamError> {
        self.context.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Context, StreamError> {
        let settings = &self.settings;
        let patience = Duration::from_secs(settings.answer_seconds);
        let mut options = ConnectOptions::new()
            .name("payments")
            .connection_timeout(patience)
            .request_timeout(Some(patience))
            .require_tls(settings.url.starts_with("tls://"));
        if !settings.ca_path.as_os_str().is_empty() {
            options = options.add_root_certificates(settings.ca_path.clone());
        }
        if settings.credentials.is_set() {
            let credentials = options.credentials(settings.credentials.expose());
            options = credentials.map_err(|_| StreamError("nats.credentials cannot be read".to_owned()))?;
        } else if !settings.user.is_empty() {
            options = options.user_and_password(settings.user.clone(), settings.password.expose().to_owned());
        }
        let client = options.connect(settings.url.as_str()).await.map_err(|error| broken("no connection", &error))?;
        Ok(ContextBuilder::new().timeout(patience).ack_timeout(patience).build(client))
    }

    /// The stream; made if it is not there, and never changed.
    async fn stream(&self) -> Result<Stream, StreamError> {
        let (context, wanted) = (self.context().await?, self.wanted());
        let stream = match context.get_stream(&wanted.name).await {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(why) if why.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    let made = context.create_stream(wanted.clone()).await;
                    made.map_err(|error| broken("the stream cannot be made", &error))?
                }
                _ => return Err(broken("the stream cannot be read", &error)),
            },
        };
        let wrong = differences(&stream.cached_info().config, &wanted);
        if wrong.is_empty() {
            return Ok(stream);
        }
        let problem = format!("it is not as [nats] has it, and is left as it is: {}", wrong.join(", "));
        Err(StreamError(problem))
    }

    /// What the settings make of it.
    fn wanted(&self) -> Config {
        let settings = &self.settings;
        Config {
            name: settings.stream.clone(),
            description: Some("Every change of a payment's state".to_owned()),
            subjects: vec![format!("{}.>", settings.subject_prefix)],
            max_age: Duration::from_secs(settings.max_age_days.saturating_mul(24 * 60 * 60)),
            num_replicas: settings.replicas,
            duplicate_window: DUPLICATE_WINDOW,
            ..Config::default()
        }
    }

    fn message(&self, event: &Event, after: u64) -> (String, PublishMessage) {
        let subject = format!("{}.{}.{}", self.settings.subject_prefix, event.shop.as_str(), event_type(event));
        let message = PublishMessage::build()
            .payload(event_body(event, None).into())
            .message_id(event_id(event))
            .header(CURSOR, event.position.to_string())
            .expected_stream(&self.settings.stream)
            .expected_last_sequence(after);
        let message = match event.trace {
            Some(place) => message.header(TRACEPARENT, place.to_string()),
            None => message,
        };
        (subject, message)
    }
}

#[async_trait]
impl EventStream for NatsStream {
    fn name(&self) -> &str {
        &self.settings.stream
    }

    async fn end(&self) -> Result<StreamEnd, StreamError> {
        let stream = self.stream().await?;
        let sequence = stream.cached_info().state.last_sequence;
        if sequence == 0 {
            return Ok(StreamEnd { sequence, last: LastMessage::Never });
        }
        let last = match stream.get_raw_message(sequence).await {
            Ok(message) => {
                let cursor = message.headers.get(CURSOR).and_then(|cursor| cursor.as_str().parse().ok());
                cursor.map_or(LastMessage::Unknown, LastMessage::Event)
            }
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => LastMessage::Unknown,
                RawMessageErrorKind::JetStream(why) if why.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                    LastMessage::Unknown
                }
                _ => return Err(broken("its last message cannot be read", &error)),
            },
        };
        Ok(StreamEnd { sequence, last })
    }

    async fn publish(&self, after: u64, events: &[Event]) -> (usize, Option<StreamError>) {
        let context = match self.context().await {
            Ok(context) => context,
            Err(error) => return (0, Some(error)),
        };
        let mut acknowledgements = Vec::with_capacity(events.len());
        let mut failed = None;
        for (event, after) in events.iter().zip(after..) {
            let (subject, message) = self.message(event, after);
            match context.send_publish(subject, message).await {
                Ok(acknowledgement) => acknowledgements.push(acknowledgement),
                Err(error) => {
                    failed = Some(broken("a message cannot be sent", &error));
                    break;
                }
            }
        }
        let mut taken = 0;
        for acknowledgement in acknowledgements {
            match acknowledgement.await {
                Ok(_) => taken += 1,
                Err(error) => return (taken, Some(broken("a message was not acknowledged", &error))),
            }
        }
        (taken, failed)
    }
}

fn broken(what: &str, error: &dyn std::error::Error) -> StreamError {
    StreamError(format!("{what}: {error}"))
}

/// How a stream is not as it should be, in words.
fn differences(there: &Config, wanted: &Config) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    for subject in &wanted.subjects {
        must(there.subjects.contains(subject), format!("its subjects lack {subject}"));
    }
    must(there.retention == RetentionPolicy::Limits, "its retention is not by limits".to_owned());
    let lasts = there.max_age.is_zero() || (there.max_age >= wanted.max_age && !wanted.max_age.is_zero());
    must(lasts, "its messages live shorter than nats.max_age_days".to_owned());
    must(there.num_replicas >= wanted.num_replicas, "it has fewer replicas than nats.replicas".to_owned());
    must(there.duplicate_window >= wanted.duplicate_window, "it forgets within two minutes what it has".to_owned());
    must(!there.no_ack && !there.sealed, "it acknowledges or takes nothing".to_owned());
    must(there.mirror.is_none() && there.sources.as_ref().is_none_or(Vec::is_empty), "it is fed by others".to_owned());
    wrong
}
