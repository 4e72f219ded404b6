use std::collections::BTreeSet;

use domain::Switch;
use parking_lot::Mutex;

/// What is stopped by hand, as this process knows it: whoever reads the switches tells it.
#[derive(Debug, Default)]
pub struct Stops(Mutex<BTreeSet<Switch>>);

impl Stops {
    /// From now on these are stopped, and nothing else.
    pub fn set(&self, stopped: BTreeSet<Switch>) {
        *self.0.lock() = stopped;
    }

    /// Whether this is stopped.
    pub fn is_stopped(&self, switch: Switch) -> bool {
        self.0.lock().contains(&switch)
    }
}
