use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{GatewayPaymentId, PaymentId, ShopName, Time};

use crate::{DueNotice, NoticeId, NoticeRecord, StoreError};

/// The inbox of notices, for people.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// One page of notices, newest first, without their bodies.
    async fn list_notices(&self, page: &InboxPage) -> Result<Vec<FiledNotice>, StoreError>;

    /// Takes a notice's verdict back, so that it waits again, and leases it until `leased_until` for whoever files it
    /// now. None if there is no such notice. Should that one die, a worker files it.
    async fn reopen_notice(&self, id: NoticeId, by: &str, leased_until: Time) -> Result<Option<DueNotice>, StoreError>;
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
}
