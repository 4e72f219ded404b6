use std::sync::Arc;

use domain::{Entry, Payment, UnfoldableLedger};

/// A ledger whose earlier pages are shared by all the worlds that have them in common.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ledger(Option<Arc<Page>>);

#[derive(Debug, PartialEq)]
struct Page {
    entry: Arc<Entry>,
    before: Ledger,
}

impl Ledger {
    pub(super) fn with(&self, entry: Arc<Entry>) -> Self {
        Self(Some(Arc::new(Page { entry, before: self.clone() })))
    }

    pub(super) fn fold(&self) -> Result<Payment, UnfoldableLedger> {
        let mut entries = Vec::new();
        let mut page = &self.0;
        while let Some(here) = page {
            entries.push((*here.entry).clone());
            page = &here.before.0;
        }
        entries.reverse();
        Payment::fold(&entries)
    }
}
