use std::time::Duration;

use domain::Time;

/// What time it is. Handed in, so that tests and the simulation decide.
pub trait Clock: Send + Sync {
    /// The wall clock, in UTC.
    fn now(&self) -> Time;

    /// A clock that never goes back and does not stop while the machine is suspended: leases are measured by it,
    /// since a process that slept must notice that it did.
    fn uptime(&self) -> Duration;
}
