//! Events are published to a stream of a messaging system.
//!
//! The stream itself says how far it came: each message bears its event's place in the feed, and is published only right behind
//! the one before it. So nothing is left out and nothing overtakes, whatever was lost, sent twice or restored meanwhile. What is
//! recorded here counts where the stream holds nothing any more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use store::{Event, Events, EventsPage, StoreError, StreamClaim, StreamPlace, Streams};

use crate::{DeedError, Desk};

/// The way to a stream.
#[async_trait]
pub trait EventStream: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Where it ends. Makes it if it is not there; one that is not as the settings have it is left as it is.
    async fn end(&self) -> Result<StreamEnd, StreamError>;

    /// Publishes these, one right behind the other and the first one right behind the message `after`; answers how many
    /// of them are safely there, and why it is not all of them.
    async fn publish(&self, after: u64, events: &[Event]) -> (usize, Option<StreamError>);
}

/// Where a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamEnd {
    /// The stream's own number of its last message; 0 if there never was one.
    pub sequence: u64,
    /// What that message is.
    pub last: LastMessage,
}

/// The last message of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastMessage {
    /// There never was one: the stream is new.
    Never,
    /// The event at this place in the feed.
    Event(u64),
    /// It is gone by age, or none of ours.
    Unknown,
}

/// Why nothing could be published, in our words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StreamError(pub String);

/// Why a step came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream.
    #[error("the stream cannot be published to: {0}")]
    Stream(#[from] StreamError),
    /// Everything else.
    #[error(transparent)]
    Deed(#[from] DeedError),
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Deed(error.into())
    }
}

/// Where events are published from.
pub struct Publisher {
    desk: Arc<Desk>,
    events: Arc<dyn Events>,
    streams: Arc<dyn Streams>,
    stream: Arc<dyn EventStream>,
}

/// For how long a process has a stream to itself; renewed with every batch.
const LEASE: Duration = Duration::from_mins(1);

/// Events that are on their way at the same time.
const BATCH: u32 = 256;

impl Publisher {
    /// Over a desk, the feed, the places of streams, and the way to one.
    pub fn new(
        desk: Arc<Desk>,
        events: Arc<dyn Events>,
        streams: Arc<dyn Streams>,
        stream: Arc<dyn EventStream>,
    ) -> Self {
        Self { desk, events, streams, stream }
    }

    /// Publishes all that there is. Answers whether there was anything; nothing is done while another process is on it.
    pub async fn step(&self) -> Result<bool, PublishError> {
        if self.streams.unpublished_events(self.stream.name()).await? == 0 {
            return Ok(false);
        }
        let now = self.desk.clock.now();
        let name = self.stream.name().to_owned();
        let claim = StreamClaim { name, now, owner: self.desk.owner, until: now.plus(LEASE) };
        let Some(mut place) = self.streams.claim_stream(&claim).await? else { return Ok(false) };
        let published = self.publish(&mut place).await;
        self.streams.record_stream(&place, None).await?;
        published
    }

    async fn publish(&self, place: &mut StreamPlace) -> Result<bool, PublishError> {
        let end = self.stream.end().await?;
        let mut sequence = end.sequence;
        place.position = match end.last {
            LastMessage::Never => 0,
            LastMessage::Event(position) => position,
            LastMessage::Unknown => place.position,
        };
        let fed = self.events.feed_end().await?;
        if fed < place.position {
            let ahead =
                format!("it has events up to {}, and the feed ends at {fed}: the database is older", place.position);
            return Err(StreamError(ahead).into());
        }
        let mut anything = false;
        loop {
            let events = self.next(place.position).await?;
            if events.is_empty() {
                return Ok(anything);
            }
            let (taken, error) = self.stream.publish(sequence, &events).await;
            let taken = taken.min(events.len());
            if let Some(last) = events.get(..taken).and_then(<[Event]>::last) {
                place.position = last.position;
                sequence = sequence.saturating_add(taken as u64);
                anything = true;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
            let until = self.desk.clock.now().plus(LEASE);
            if taken == 0 || !self.streams.record_stream(place, Some(until)).await? {
                tracing::warn!(stream = place.name, "another process publishes meanwhile");
                return Ok(anything);
            }
        }
    }

    async fn next(&self, after: u64) -> Result<Vec<Event>, StoreError> {
        let through = self.events.feed_end().await?;
        if through <= after {
            return Ok(Vec::new());
        }
        let page = EventsPage { after, through, shops: std::collections::BTreeSet::new(), payment: None, limit: BATCH };
        self.events.events(&page).await
    }
}
