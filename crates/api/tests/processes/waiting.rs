//! Waiting for what other processes do: asked for again and again, until a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a test waits for one thing. Far beyond what it takes, so that a busy machine fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// A wait that has an end.
pub(crate) struct Waiting {
    what: String,
    last_seen: String,
    deadline: Instant,
    pause: Duration,
}

impl Waiting {
    /// For `what`, which is told when it does not come in time.
    pub(crate) fn until(what: impl Into<String>) -> Self {
        let (what, last_seen) = (what.into(), String::new());
        Self { what, last_seen, deadline: Instant::now() + PATIENCE, pause: Duration::from_millis(10) }
    }

    /// What there is instead so far.
    pub(crate) fn goes_on(&mut self, seen: String) {
        self.last_seen = seen;
    }

    /// The pause before it is asked for again. Many wait at the same time on few cores, so it grows.
    pub(crate) async fn pause(&mut self) {
        let Self { what, last_seen, .. } = &self;
        assert!(Instant::now() < self.deadline, "not within {PATIENCE:?}: {what}; instead: {last_seen}");
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_millis(160));
    }
}
