use std::time::Duration;

use domain::Time;
use orchestrator::Clock;

/// The clocks of this machine: the one place in the program that reads them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock at the edge")]
    fn now(&self) -> Time {
        Time::new(chrono::Utc::now())
    }

    fn uptime(&self) -> Duration {
        // The boot-time clock goes on while the machine is suspended; the usual monotonic one does not, and a lease
        // would look younger than it is.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
        Duration::new(seconds, nanos)
    }
}
