use std::time::Duration;

use domain::Intervals;

use super::protocol::TICK;

/// How the service decides; all but one are known to be wrong, and the rules must tell so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// As it is built.
    Sound,
    /// A lease that ran out is taken for a request that never left.
    LeaseOverIsNotSent,
    /// One complete look-up that finds nothing is taken for a request that never left.
    EmptyLookUpIsNotSent,
    /// A second request leaves after one empty look-up, without quarantine.
    NoQuarantine,
}

/// How long an empty look-up means nothing, whatever a policy says.
pub(super) const QUARANTINE: Duration = Duration::from_hours(2 * 24);

/// How many of them allow a second request, whatever a policy says.
pub(super) const EMPTY_LOOK_UPS: u32 = 3;

impl Policy {
    /// When to look, send again, and give up, in ticks.
    pub(super) fn intervals(self) -> Intervals {
        let (quarantine, empty_look_ups) = match self {
            Self::Sound | Self::LeaseOverIsNotSent | Self::EmptyLookUpIsNotSent => (QUARANTINE, EMPTY_LOOK_UPS),
            Self::NoQuarantine => (Duration::ZERO, 1),
        };
        Intervals {
            lease: TICK,
            command_lease: TICK,
            look_ups: vec![TICK],
            quarantine,
            empty_look_ups,
            empty_look_up_pause: TICK,
            look_up_horizon: TICK * 3,
            resends: vec![TICK],
            submit_deadline: TICK * 2,
            polls: vec![TICK],
            confirm: TICK,
        }
    }
}
