//! What is counted for the metrics in the database: by one process for all of them, at intervals of the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{PaymentState, PaymentType, ShopName, StuckReason, Time};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Database, Reads, SampleClaim, Samples, Store, StoreError, Streams};

/// Counts, or reads what another process has counted.
pub struct Sampler {
    samples: Arc<dyn Samples>,
    reads: Arc<dyn Reads>,
    store: Arc<dyn Store>,
    streams: Arc<dyn Streams>,
    /// The stream that events are published to, if they are.
    stream: Option<String>,
    interval: Duration,
    /// None if nobody wants it.
    full_interval: Option<Duration>,
    latest: Arc<Latest>,
}

/// The latest of each sample, for those who show it.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<BothTaken>);

type BothTaken = (Option<Taken<OpenSample>>, Option<Taken<FullSample>>);

/// A sample, and when it was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken<S> {
    pub(crate) at: Time,
    pub(crate) sample: S,
}

/// What is open and stuck: from indexes of these alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenSample {
    pub(crate) open: Vec<(PaymentState, u64, Time)>,
    pub(crate) stuck: Vec<(StuckReason, u64, Time)>,
    pub(crate) waiting_notices: u64,
    pub(crate) oldest_notice: Option<Time>,
    /// Changes without a place in the feed of events yet.
    pub(crate) unstamped_events: u64,
    /// How far the endpoint is behind the feed that is farthest.
    pub(crate) events_behind: u64,
    /// Events that were not published yet; 0 if none is.
    pub(crate) unpublished_events: u64,
    /// When the last complete pass over each shop's list ended.
    pub(crate) swept: Vec<(ShopName, Time)>,
}

/// What takes a walk through everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FullSample {
    pub(crate) payments: Vec<(PaymentState, PaymentType, u64)>,
    /// How often each rule was found broken; the database shows a hundred of each at most.
    pub(crate) violations: BTreeMap<String, u64>,
}

/// How long one process may take for a count before another one tries.
const LEASE: Duration = Duration::from_mins(5);

impl Sampler {
    /// Counts into `latest`.
    pub(crate) fn new(
        database: &Database,
        stream: Option<String>,
        interval: Duration,
        full_interval: Option<Duration>,
        latest: Arc<Latest>,
    ) -> Self {
        let (samples, reads, store) = (database.samples.clone(), database.reads.clone(), database.store.clone());
        let streams = database.streams.clone();
        Self { samples, reads, store, streams, stream, interval, full_interval, latest }
    }

    /// How long a process may wait between two steps.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Counts what is due, unless somebody else has or does, and takes over what was counted last.
    pub async fn step(&self, now: Time) -> Result<(), StoreError> {
        let open = self.sample("open", self.interval, now, self.count_open(now)).await?;
        self.latest.0.lock().0 = open;
        if let Some(interval) = self.full_interval {
            let full = self.sample("all", interval, now, self.count_all()).await?;
            self.latest.0.lock().1 = full;
        }
        Ok(())
    }

    async fn sample<S: Serialize + DeserializeOwned>(
        &self,
        name: &'static str,
        interval: Duration,
        now: Time,
        count: impl Future<Output = Result<S, StoreError>>,
    ) -> Result<Option<Taken<S>>, StoreError> {
        let claim = SampleClaim { name, fresh_since: now.minus(interval), now, until: now.plus(LEASE) };
        if self.samples.claim_sample(&claim).await? {
            let sample = count.await?;
            if let Ok(json) = serde_json::to_string(&sample) {
                self.samples.record_sample(name, now, &json).await?;
            }
            return Ok(Some(Taken { at: now, sample }));
        }
        let latest = self.samples.sample(name).await?;
        // What another release has counted may have another form: it is counted anew when it is due.
        Ok(latest.and_then(|(at, json)| Some(Taken { at, sample: serde_json::from_str(&json).ok()? })))
    }

    async fn count_open(&self, now: Time) -> Result<OpenSample, StoreError> {
        let open = self.samples.open_counts().await?;
        let stuck = self.reads.stuck_tallies(&BTreeSet::new(), now, u32::MAX).await?;
        let (waiting_notices, oldest_notice) = self.samples.waiting_notices().await?;
        let (unstamped_events, events_behind) = self.samples.event_backlog().await?;
        let unpublished_events = match &self.stream {
            Some(stream) => self.streams.unpublished_events(stream).await?,
            None => 0,
        };
        let swept = self.store.sweeps().await?;
        Ok(OpenSample {
            open: open.into_iter().map(|count| (count.state, count.payments, count.oldest)).collect(),
            stuck: stuck.into_iter().map(|tally| (tally.reason, tally.items, tally.oldest)).collect(),
            waiting_notices,
            oldest_notice,
            unstamped_events,
            events_behind,
            unpublished_events,
            swept: swept.into_iter().filter_map(|sweep| Some((sweep.shop, sweep.completed_at?))).collect(),
        })
    }

    async fn count_all(&self) -> Result<FullSample, StoreError> {
        let payments = self.samples.counts().await?;
        let mut violations: BTreeMap<String, u64> =
            self.reads.rules().into_iter().map(|rule| (rule.to_owned(), 0)).collect();
        for violation in self.reads.violations().await? {
            *violations.entry(violation.rule).or_default() += 1;
        }
        Ok(FullSample { payments, violations })
    }
}

impl Latest {
    pub(crate) fn open(&self) -> Option<Taken<OpenSample>> {
        self.0.lock().0.clone()
    }

    pub(crate) fn full(&self) -> Option<Taken<FullSample>> {
        self.0.lock().1.clone()
    }
}
