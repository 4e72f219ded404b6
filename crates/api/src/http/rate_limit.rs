//! How much each key may ask for: a token bucket for each, and headers that say how full it is
//! (draft-ietf-httpapi-ratelimit-headers).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest};
use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use orchestrator::Clock;
use uuid::Uuid;

use super::problem::{Kind, Problem};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The buckets of all keys that this process has seen lately.
pub struct RateLimit {
    buckets: RateLimiter<Uuid, HashMapStateStore<Uuid>, Uptime, StateInformationMiddleware>,
    clock: Uptime,
    rate: Rate,
}

/// How much a key may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Over time.
    pub per_second: NonZeroU32,
    /// At once, after a silence.
    pub burst: NonZeroU32,
}

impl Rate {
    /// How long it takes to be given so many.
    fn time_for(self, requests: u32) -> u64 {
        u64::from(requests.div_ceil(self.per_second.get()))
    }
}

/// The clock that does not jump, as the buckets ask for it.
#[derive(Clone)]
struct Uptime(Arc<dyn Clock>);

impl GovernorClock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.uptime()
    }
}

/// How a key's bucket stands after a request; it goes with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    rate: Rate,
    left: u32,
    /// Until it is full, or, if it is empty, until there is something in it.
    seconds: u64,
}

impl RateLimit {
    /// A full bucket for each.
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let clock = Uptime(clock);
        let buckets = RateLimiter::hashmap_with_clock(quota, clock.clone()).with_middleware();
        Self { buckets, clock, rate }
    }

    /// Counts a request, once however often it is asked for. Refuses it if there were too many.
    pub(super) fn count(&self, request: &HttpRequest, key: Uuid) -> Result<(), Problem> {
        if request.extensions().get::<Standing>().is_some() {
            return Ok(());
        }
        let counted = self.buckets.check_key(&key);
        let standing = match &counted {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let spent = self.rate.burst.get().saturating_sub(left);
                Standing { rate: self.rate, left, seconds: self.rate.time_for(spent) }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Standing { rate: self.rate, left: 0, seconds: seconds.max(1) }
            }
        };
        request.extensions_mut().insert(standing);
        counted.map(drop).map_err(|_| {
            let detail =
                format!("this key may ask for {} requests in a second; come again later", self.rate.per_second);
            Problem::new(Kind::RateLimited, detail).retry_after(Duration::from_secs(standing.seconds))
        })
    }

    /// Forgets the keys whose buckets are full again.
    pub(crate) fn forget(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

/// Says in an answer how the bucket stands, if there is one.
pub(super) fn tell<Body>(response: &mut ServiceResponse<Body>) {
    let standing = response.request().extensions().get::<Standing>().copied();
    let Some(Standing { rate, left, seconds }) = standing else { return };
    let policy = format!("\"key\";q={};w={}", rate.burst, rate.time_for(rate.burst.get()));
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, format!("\"key\";r={left};t={seconds}"))] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;
    use domain::Time;
    use parking_lot::Mutex;

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
    fn whoever_is_silent_for_long_enough_is_forgotten() {
        let hand = Arc::new(Hand::default());
        let rate = Rate { per_second: NonZeroU32::new(2).unwrap(), burst: NonZeroU32::new(4).unwrap() };
        let limit = RateLimit::new(rate, hand.clone());
        let count = |key: u128| limit.count(&TestRequest::default().to_http_request(), Uuid::from_u128(key));
        for key in 0..1_000 {
            assert!(count(key).is_ok());
        }
        *hand.0.lock() += Duration::from_secs(2);
        assert!(count(7).is_ok() && count(7).is_ok());
        limit.forget();
        assert_eq!(limit.buckets.len(), 1, "one bucket is not full");
        *hand.0.lock() += Duration::from_secs(10);
        limit.forget();
        assert!(limit.buckets.is_empty());
    }
}
