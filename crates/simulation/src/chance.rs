use std::time::Duration;

use parking_lot::Mutex;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// All chance of a run. One thread asks it in an order that itself comes from here, so a seed tells the whole run.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<ChaCha8Rng>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// True so often in ten thousand.
    pub(crate) fn happens(&self, in_ten_thousand: u32) -> bool {
        in_ten_thousand > 0 && self.0.lock().random_range(0..10_000) < in_ten_thousand
    }

    /// A number below `count`; 0 if there is none.
    pub(crate) fn below(&self, count: usize) -> usize {
        if count < 2 { 0 } else { self.0.lock().random_range(0..count) }
    }

    /// One of `choices`, each as likely as the others.
    pub(crate) fn pick<T: Copy, const COUNT: usize>(&self, choices: [T; COUNT]) -> T {
        choices[self.below(COUNT)]
    }

    /// A time between the two, to the microsecond.
    pub(crate) fn between(&self, shortest: Duration, longest: Duration) -> Duration {
        let (shortest, longest) = (micros(shortest), micros(longest));
        Duration::from_micros(self.0.lock().random_range(shortest..=longest.max(shortest)))
    }

    pub(crate) fn millis(&self, shortest: u64, longest: u64) -> Duration {
        self.between(Duration::from_millis(shortest), Duration::from_millis(longest))
    }

    pub(crate) fn seconds(&self, shortest: u64, longest: u64) -> Duration {
        self.between(Duration::from_secs(shortest), Duration::from_secs(longest))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.lock().next_u64()
    }

    pub(crate) fn ten_bytes(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.0.lock().fill_bytes(&mut bytes);
        bytes
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
