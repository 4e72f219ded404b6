use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

use crate::Clock;

/// One token bucket towards the gateway, whichever shop asks. What can wait asks it first and is postponed while it is
/// empty. What a caller waits for is never held up: it takes a token if there is one, and the rest goes slower for it.
pub(crate) struct Throttle {
    bucket: RateLimiter<NotKeyed, InMemoryState, Uptime, NoOpMiddleware<Duration>>,
    clock: Uptime,
    /// Until then nobody needs to ask.
    empty_until: Mutex<Duration>,
}

/// How many requests the gateway is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRate {
    /// Over time.
    pub per_second: NonZeroU32,
    /// At once, after a silence.
    pub burst: NonZeroU32,
}

impl Default for RequestRate {
    fn default() -> Self {
        const FIFTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);
        Self { per_second: FIFTY, burst: FIFTY.saturating_add(50) }
    }
}

/// The clock that does not jump, as the bucket asks for it.
#[derive(Clone)]
struct Uptime(Arc<dyn Clock>);

impl GovernorClock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.uptime()
    }
}

impl Throttle {
    /// A full bucket.
    pub(crate) fn new(rate: RequestRate, clock: Arc<dyn Clock>) -> Self {
        let clock = Uptime(clock);
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { bucket: RateLimiter::direct_with_clock(quota, clock.clone()), clock, empty_until: Mutex::default() }
    }

    /// A token for a request that can wait; else how long it has to.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        self.bucket.check().map_err(|not_until| {
            let now = self.clock.now();
            let wait = not_until.wait_time_from(now).max(Duration::from_millis(1));
            *self.empty_until.lock() = now.saturating_add(wait);
            wait
        })
    }

    /// A request that cannot wait, or belongs to a look that has begun, leaves in any case.
    pub(crate) fn take(&self) {
        // Nothing is owed for a token that was not there.
        let _ = self.bucket.check();
    }

    /// Whether somebody was turned away, and no token has come since: there is no sense in claiming work.
    pub(crate) fn is_empty(&self) -> bool {
        self.clock.now() < *self.empty_until.lock()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use domain::Time;

    use super::*;

    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> Time {
            Time::EPOCH
        }

        fn uptime(&self) -> Duration {
            *self.0.lock()
        }
    }

    #[test]
    fn an_empty_bucket_postpones_what_can_wait_and_holds_up_nothing_else() {
        let hand = Arc::new(Hand::default());
        let rate = RequestRate { per_second: NonZeroU32::new(2).unwrap(), burst: NonZeroU32::new(3).unwrap() };
        let throttle = Throttle::new(rate, hand.clone());
        assert_eq!([throttle.admit(), throttle.admit(), throttle.admit()], [Ok(()); 3]);
        assert!(!throttle.is_empty());
        assert_eq!(throttle.admit(), Err(Duration::from_millis(500)));
        assert!(throttle.is_empty());
        throttle.take();

        *hand.0.lock() += Duration::from_millis(500);
        assert!(!throttle.is_empty());
        throttle.take();
        assert!(throttle.admit().is_err(), "whoever could not wait had the token");
        *hand.0.lock() += Duration::from_hours(1);
        assert_eq!([throttle.admit(), throttle.admit(), throttle.admit()], [Ok(()); 3]);
        assert!(throttle.admit().is_err(), "a silence fills it, and no further");
    }
}
