use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{
    Entry, Flag, GatewayPaymentId, Movement, PaymentId, PaymentState, PaymentType, ReferenceId, ShopName, Time,
};

use crate::{NoticeId, StoreError, Stored, StuckItem, StuckPage, StuckTally, UnmatchedPayment};

/// What is read and never written: lists, ledgers, proofs. It may come from a replica.
#[async_trait]
pub trait Reads: Send + Sync {
    /// One page of payments, newest first by (created, id).
    async fn list(&self, page: &Page) -> Result<Vec<Stored>, StoreError>;

    /// Payments that have this text as any of their three names, in any shop; at most 20.
    async fn find(&self, text: &str) -> Result<Vec<Stored>, StoreError>;

    /// A payment's ledger, oldest first, from behind the sequence `after`, at most `limit` entries.
    async fn ledger(&self, payment: PaymentId, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError>;

    /// The notices about a payment, oldest first, without their bodies; at most 200.
    async fn notices(&self, payment: PaymentId) -> Result<Vec<NoticeRecord>, StoreError>;

    /// Payments in the order of their ids from behind `after`, each with its whole ledger, for proofs.
    async fn audit(&self, after: Option<PaymentId>, limit: u32) -> Result<Vec<Audited>, StoreError>;

    /// Gateway payments that belong to no payment of ours, the ones that were seen first last.
    async fn unmatched(&self, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError>;

    /// One page of what needs a person.
    async fn stuck(&self, page: &StuckPage) -> Result<Vec<StuckItem>, StoreError>;

    /// How many need a person in these shops (empty means all), by reason, each counted to no more than `count_max`.
    async fn stuck_tallies(
        &self,
        shops: &BTreeSet<ShopName>,
        now: Time,
        count_max: u32,
    ) -> Result<Vec<StuckTally>, StoreError>;

    /// What breaks an invariant, as the database sees it; empty when all is well.
    async fn violations(&self) -> Result<Vec<Violation>, StoreError>;

    /// The names of what is looked for by [`Reads::violations`], each beginning with the invariant that it watches.
    fn rules(&self) -> Vec<&'static str>;

    /// What could have been begun before and was not (protocols, invariant I7); a hundred at most, the oldest first.
    async fn overdue(&self, before: Time) -> Result<Vec<Violation>, StoreError>;

    /// Whether the database answers, what time it has, and whether its schema is ours.
    async fn health(&self) -> Result<Health, StoreError>;
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What must fit.
    pub filter: Filter,
    /// The last item of the page before; none for the first page.
    pub before: Option<Position>,
    /// No more than this many.
    pub limit: u32,
}

/// Where an item stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When it was made.
    pub created_at: Time,
    /// Its id, for those made at the same moment.
    pub id: PaymentId,
}

/// What payments must fit; empty or absent fits all. Bounds: from is inclusive, to is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The caller's name.
    pub reference_id: Option<ReferenceId>,
    /// The gateway's name, adopted or beside the payment.
    pub gateway_payment_id: Option<GatewayPaymentId>,
    /// Any of these states.
    pub states: BTreeSet<PaymentState>,
    /// Which way the money goes.
    pub payment_type: Option<PaymentType>,
    /// How the customer pays.
    pub payment_method: Option<String>,
    /// The requested currency.
    pub currency: Option<String>,
    /// Any of these shops; empty means all.
    pub shops: BTreeSet<ShopName>,
    /// Made at or after.
    pub created_from: Option<Time>,
    /// Made before.
    pub created_to: Option<Time>,
    /// Last changed at or after.
    pub updated_from: Option<Time>,
    /// Last changed before.
    pub updated_to: Option<Time>,
    /// A flag that it has.
    pub flag: Option<Flag>,
    /// The payment that it belongs to.
    pub parent: Option<PaymentId>,
    /// A pair of its metadata.
    pub metadata: Vec<(String, String)>,
}

/// One payment with its whole ledger.
#[derive(Debug, Clone)]
pub struct Audited {
    /// As its row says.
    pub stored: Stored,
    /// Its entries, oldest first.
    pub ledger: Ledger,
    /// The lines that are booked under it, each with the sequence of its entry, in their order.
    pub lines: Vec<(u64, Movement)>,
}

/// The entries of one payment, oldest first.
pub type Ledger = Vec<Entry>;

/// A notice in the inbox, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRecord {
    /// Our name for it.
    pub id: NoticeId,
    /// Whose.
    pub shop: ShopName,
    /// When it came first.
    pub received_at: Time,
    /// How often the same body came.
    pub deliveries: u64,
    /// The gateway payment that it is about.
    pub gateway_payment_id: Option<String>,
    /// The state that it tells.
    pub state: Option<String>,
    /// What it came to; none while it waits.
    pub verdict: Option<String>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule: the invariant's number and name.
    pub rule: String,
    /// Whose: a payment's id, a notice's id.
    pub of: String,
    /// What is wrong.
    pub detail: String,
}

impl Violation {
    /// The rule that nothing is due and untouched.
    pub const OVERDUE: &'static str = "I7 due and untouched";

    pub(crate) fn overdue(kind: &str, of: String, since: Time) -> Self {
        Self { rule: Self::OVERDUE.to_owned(), of, detail: format!("{kind}, due since {since}") }
    }
}

/// How the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Its clock.
    pub now: Time,
    /// Whether every migration that this program knows is applied, and no other.
    pub migrated: bool,
}
