//! What this process has seen of the whole lately, for the plots of the console.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::{PaymentState, Time};
use parking_lot::Mutex;

use crate::sampling::OpenSample;

/// The pause between two samples.
pub(crate) const INTERVAL: Duration = Duration::from_mins(1);
/// Six hours of them.
const SAMPLES_MAX: usize = 360;

/// The samples of the last hours, oldest first. Each process has its own, since it began.
#[derive(Debug, Default)]
pub struct Trend(Mutex<VecDeque<Sample>>);

/// How things stood at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When.
    pub(crate) at: Time,
    /// How many payments that had not ended stood in each state.
    pub(crate) open: BTreeMap<PaymentState, u64>,
    /// How old the oldest of them was.
    pub(crate) oldest_open: Duration,
    /// Notices that waited to be filed.
    pub(crate) waiting: u64,
    /// What this process had asked of the gateway so far.
    pub(crate) asked: Asked,
}

/// Requests to the gateway, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// How many.
    pub(crate) requests: u64,
    /// How many of them were not answered, or not as the gateway answers.
    pub(crate) failed: u64,
    /// How long they took, in milliseconds.
    pub(crate) milliseconds: u64,
}

impl Sample {
    /// What was counted last, as it is `now`.
    pub(crate) fn of(now: Time, counted: &OpenSample, asked: Asked) -> Self {
        let oldest = counted.open.iter().map(|(_, _, oldest)| *oldest).min();
        Self {
            at: now,
            open: counted.open.iter().map(|(state, payments, _)| (*state, *payments)).collect(),
            oldest_open: oldest.map(|oldest| now.since(oldest)).unwrap_or_default(),
            waiting: counted.waiting_notices,
            asked,
        }
    }
}

impl Asked {
    /// What was asked since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            failed: self.failed.saturating_sub(earlier.failed),
            milliseconds: self.milliseconds.saturating_sub(earlier.milliseconds),
        }
    }

    /// How long a request took, in milliseconds; nothing if there was none.
    pub(crate) fn mean(self) -> u64 {
        self.milliseconds.checked_div(self.requests).unwrap_or_default()
    }
}

impl Trend {
    /// All of them.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0.lock().iter().cloned().collect()
    }

    /// Keeps a sample, and lets go of the oldest one if there are too many.
    pub(crate) fn keep(&self, sample: Sample) {
        let mut samples = self.0.lock();
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_hours_are_kept() {
        let trend = Trend::default();
        let sample = |minute: u64| Sample {
            at: Time::EPOCH.plus(INTERVAL * u32::try_from(minute).unwrap_or(u32::MAX)),
            open: BTreeMap::new(),
            oldest_open: Duration::ZERO,
            waiting: minute,
            asked: Asked::default(),
        };
        (0..400).for_each(|minute| trend.keep(sample(minute)));
        let kept = trend.samples();
        assert_eq!((kept.len(), kept.first(), kept.last()), (360, Some(&sample(40)), Some(&sample(399))));
    }

    #[test]
    fn what_was_asked_is_told_by_the_minute() {
        let earlier = Asked { requests: 10, failed: 1, milliseconds: 900 };
        let later = Asked { requests: 14, failed: 3, milliseconds: 1_000 };
        assert_eq!(later.since(earlier), Asked { requests: 4, failed: 2, milliseconds: 100 });
        assert_eq!(later.since(earlier).mean(), 25);
        assert_eq!(Asked::default().mean(), 0);
    }
}
