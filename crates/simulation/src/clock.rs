use std::sync::Arc;
use std::time::Duration;

use domain::Time;
use orchestrator::Clock;

use crate::chance::Chance;
use crate::world::World;

/// When every run begins, as days since 1970: 2026-03-01.
const START_DAYS: u64 = 20_513;

/// When every run begins.
pub(crate) fn start() -> Time {
    Time::EPOCH.plus(Duration::from_hours(24 * START_DAYS))
}

/// By how much a clock is wrong, all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skew {
    Fast(Duration),
    Slow(Duration),
}

impl Skew {
    pub(crate) const NONE: Self = Self::Fast(Duration::ZERO);

    /// Fast or slow, by up to one of `bounds`.
    pub(crate) fn draw<const COUNT: usize>(chance: &Chance, bounds: [Duration; COUNT]) -> Self {
        let by = chance.between(Duration::ZERO, chance.pick(bounds));
        chance.pick([Self::Fast(by), Self::Slow(by)])
    }

    /// What the clock shows at this time.
    pub(crate) fn applied_to(self, time: Time) -> Time {
        match self {
            Self::Fast(by) => time.plus(by),
            Self::Slow(by) => time.minus(by),
        }
    }

    /// The time at which the clock shows this.
    pub(crate) fn taken_from(self, shown: Time) -> Time {
        match self {
            Self::Fast(by) => shown.minus(by),
            Self::Slow(by) => shown.plus(by),
        }
    }
}

/// The clocks of a process. The one that measures leases goes on while the process stands still.
pub(crate) struct ProcessClock {
    pub(crate) world: Arc<World>,
    pub(crate) skew: Skew,
}

impl Clock for ProcessClock {
    fn now(&self) -> Time {
        self.skew.applied_to(self.world.time())
    }

    fn uptime(&self) -> Duration {
        self.world.executor.now()
    }
}
