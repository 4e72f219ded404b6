//! Whose time it is.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// The face's clock.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that a test moves.
    Manual(ManualClock),
}

/// A clock that stands still until it is moved; clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<watch::Sender<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(Arc::new(watch::Sender::new(time)))
    }

    /// The time that it shows.
    pub fn now(&self) -> DateTime<Utc> {
        *self.0.borrow()
    }

    /// Moves it on; whoever waits for a time that is now past wakes up.
    pub fn advance(&self, by: TimeDelta) {
        self.0.send_modify(|time| *time += by);
    }
}

impl Clock {
    pub(super) fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => machine_time(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Waits until the clock shows at least `time`.
    pub(super) async fn wait_until(&self, time: DateTime<Utc>) {
        match self {
            Self::System => tokio::time::sleep((time - machine_time()).to_std().unwrap_or_default()).await,
            Self::Manual(clock) => {
                let mut seen = clock.0.subscribe();
                // The clock itself holds the sender, so this cannot end before the time has come.
                let _ = seen.wait_for(|now| time <= *now).await;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock at the edge")]
fn machine_time() -> DateTime<Utc> {
    Utc::now()
}
