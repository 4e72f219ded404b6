use std::collections::BTreeMap;

use domain::{Payment, PaymentState, Source};
use parking_lot::Mutex;

/// By whom this process learned first how payments ended: whether notices come, or the machine has to look.
#[derive(Debug, Default)]
pub struct Ends(Mutex<BTreeMap<(Source, PaymentState), u64>>);

impl Ends {
    /// A payment that was `before` is `after`, as `source` told.
    pub(crate) fn count(&self, before: &Payment, after: &Payment, source: Source) {
        if after.state.is_final() && !before.state.is_final() {
            let mut counts = self.0.lock();
            let count = counts.entry((source, after.state)).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// How many ends of each kind each source told first, since this process began.
    pub fn counts(&self) -> BTreeMap<(Source, PaymentState), u64> {
        self.0.lock().clone()
    }
}
