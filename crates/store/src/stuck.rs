use std::collections::BTreeSet;

use domain::{ShopName, StuckReason, Time};
use uuid::Uuid;

use crate::{FiledNotice, Stored};

/// One page of what needs a person, whatever was first in that first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckPage {
    /// Any of these reasons; empty means all.
    pub reasons: BTreeSet<StuckReason>,
    /// Any of these shops; empty means all.
    pub shops: BTreeSet<ShopName>,
    /// What is due by then.
    pub now: Time,
    /// Instead, what somebody put off until later, in the order of the payments' ids.
    pub snoozed: bool,
    /// The last item of the page before.
    pub after: Option<(Time, Uuid)>,
    /// No more than this many.
    pub limit: u32,
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StuckItem {
    /// A payment; how it is stuck stands in its progress.
    Payment(Box<Stored>),
    /// A notice that no payment matches.
    Notice(Box<FiledNotice>),
}

/// How many need a person for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StuckTally {
    /// Why.
    pub reason: StuckReason,
    /// How many; the most that were asked for means that there may be more.
    pub items: u64,
    /// Since when the one that was first to need somebody is so.
    pub oldest: Time,
}

impl StuckItem {
    /// Its place among all of them; none for a payment that has gone on.
    pub fn place(&self) -> Option<(Time, Uuid)> {
        match self {
            Self::Payment(stored) => stored.progress.stuck.map(|stuck| (stuck.at, stored.payment.id().uuid())),
            Self::Notice(notice) => Some((notice.record.received_at, notice.record.id)),
        }
    }
}

impl StuckPage {
    /// The reasons that payments may have.
    pub(crate) fn of_payments(&self) -> Vec<&'static str> {
        let all = <StuckReason as strum::VariantArray>::VARIANTS;
        let asked = all.iter().filter(|reason| self.reasons.is_empty() || self.reasons.contains(reason));
        asked.filter(|reason| **reason != StuckReason::UnmatchedWebhook).map(Into::into).collect()
    }

    /// Whether notices are asked for as well.
    pub(crate) fn of_notices(&self) -> bool {
        !self.snoozed && (self.reasons.is_empty() || self.reasons.contains(&StuckReason::UnmatchedWebhook))
    }

    /// What comes behind the page before.
    pub(crate) fn begin(&self) -> (Time, Uuid) {
        self.after.unwrap_or((Time::EPOCH, Uuid::nil()))
    }

    /// Payments and notices as one page.
    pub(crate) fn merged(&self, payments: Vec<Stored>, notices: Vec<FiledNotice>) -> Vec<StuckItem> {
        let payments = payments.into_iter().map(|stored| StuckItem::Payment(Box::new(stored)));
        let notices = notices.into_iter().map(|notice| StuckItem::Notice(Box::new(notice)));
        let mut items: Vec<StuckItem> = payments.chain(notices).collect();
        if !self.snoozed {
            items.sort_by_key(StuckItem::place);
        }
        items.truncate(self.limit as usize);
        items
    }
}
