use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Actor, GatewayPaymentId, PaymentId, ShopName, Time, Via};
use serde::{Deserialize, Serialize};

use crate::{DueNotice, NoticeId, NoticeRecord, StoreError};

/// The inbox of notices, for people.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// One page of notices, newest first, without their bodies.
    async fn list_notices(&self, page: &InboxPage) -> Result<Vec<FiledNotice>, StoreError>;

    /// Takes a notice's verdict back, so that it waits again, and leases it until `leased_until` for whoever files it
    /// now. None if there is no such notice. Should that one die, a worker files it.
    async fn reopen_notice(&self, id: NoticeId, by: &str, leased_until: Time) -> Result<Option<DueNotice>, StoreError>;

    /// Records what somebody did with a notice, and dismisses or restores it with that. False, and nothing is recorded, if
    /// it is not so: what nothing matched is dismissed, once, and what is dismissed is restored.
    async fn do_with_notice(&self, deed: &NoticeDeed) -> Result<bool, StoreError>;

    /// What people did with a notice, in the order of time.
    async fn notice_deeds(&self, id: NoticeId) -> Result<Vec<NoticeDeed>, StoreError>;
}

/// What somebody did with a notice. Rows are only added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeDeed {
    /// Which notice.
    pub notice: NoticeId,
    /// What.
    pub kind: NoticeDeedKind,
    /// When.
    pub at: Time,
    /// Whose key it was.
    pub by: Actor,
    /// From where.
    pub via: Via,
    /// Why, in their own words.
    pub reason: String,
}

/// What can be done with a notice for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum NoticeDeedKind {
    /// Nothing will ever match it: it is not listed as stuck any more.
    Dismissed,
    /// It is listed again.
    Restored,
    /// It was run again, with others.
    Rerun,
}

/// Who dismissed a notice, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissal {
    /// When.
    pub at: Time,
    /// Whose key it was.
    pub by: Actor,
    /// From where.
    pub via: Via,
    /// Why, in their own words.
    pub reason: String,
}

impl NoticeDeed {
    /// What stands beside the notice afterwards, if this dismisses it.
    pub(crate) fn dismissal(&self) -> Option<Dismissal> {
        let Self { at, by, via, reason, .. } = self.clone();
        (self.kind == NoticeDeedKind::Dismissed).then_some(Dismissal { at, by, via, reason })
    }
}

/// One page of the inbox; what is empty or absent fits all. Bounds: from is inclusive, to is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboxPage {
    /// This notice alone.
    pub id: Option<NoticeId>,
    /// Any of these shops; empty means all.
    pub shops: BTreeSet<ShopName>,
    /// What it came to: a verdict's word, `unmatched`, or `waiting` for none yet.
    pub verdict: Option<String>,
    /// The payment that it was filed under.
    pub payment: Option<PaymentId>,
    /// The gateway payment that it is about.
    pub gateway_payment_id: Option<GatewayPaymentId>,
    /// Whether somebody has dismissed it.
    pub dismissed: Option<bool>,
    /// Came at or after.
    pub received_from: Option<Time>,
    /// Came before.
    pub received_to: Option<Time>,
    /// The last notice of the page before.
    pub before: Option<NoticeId>,
    /// No more than this many.
    pub limit: u32,
}

/// A notice with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledNotice {
    /// What it told.
    pub record: NoticeRecord,
    /// The payment that it was filed under.
    pub payment: Option<PaymentId>,
    /// Since when.
    pub filed_at: Option<Time>,
    /// How often a person had it run again.
    pub reruns: u64,
    /// Whose key asked for that last.
    pub rerun_by: Option<String>,
    /// Who dismissed it and why, if somebody did.
    pub dismissal: Option<Dismissal>,
}
