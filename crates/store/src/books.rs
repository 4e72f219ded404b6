use async_trait::async_trait;
use domain::{Metadata, Money, Movement, PaymentId, PaymentMethod, PaymentState, ReferenceId, ShopName, Source, Time};

use crate::StoreError;

/// The books: every line of money that moved, in an order that never changes. A line is written with the ledger entry that
/// tells it, and gets its place (it is *posted*) afterwards, since commits do not finish in the order in which they begin.
/// What is posted stays as it is, so that whoever reads up to a place reads the same whenever they do.
#[async_trait]
pub trait Books: Send + Sync {
    /// Posts lines that wait for it, at most `limit`; answers how many. Of several that post at the same time, one does.
    async fn post(&self, now: Time, limit: u32) -> Result<u64, StoreError>;

    /// How far the books go, and whether lines wait behind their end.
    async fn books_end(&self) -> Result<BooksEnd, StoreError>;

    /// The place of the last line that was posted before `time`; 0 if there is none.
    async fn place_before(&self, time: Time) -> Result<u64, StoreError>;

    /// Lines in their order, from behind the place `after` to the place `through`, at most `limit`.
    async fn lines(&self, after: u64, through: u64, limit: u32) -> Result<Vec<Line>, StoreError>;
}

/// How far the books go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BooksEnd {
    /// The place of the last line; 0 if there is none.
    pub place: u64,
    /// When it was posted.
    pub posted_at: Time,
    /// Whether lines wait to be posted.
    pub waits: bool,
}

/// A line that was posted, with what was true of its payment when it was booked, and what is always true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place, counted from 1 without gaps.
    pub place: u64,
    /// When it was posted: the business day that it belongs to is the day of this.
    pub posted_at: Time,
    /// The entry that booked it.
    pub entry: LineEntry,
    /// The money.
    pub movement: Movement,
    /// The line that this one corrects: the first of the same gateway payment and kind.
    pub restates: Option<LineName>,
    /// The payment that it is booked under.
    pub payment: LinePayment,
}

/// The name of a line, which it has before it is posted. Written `payment-entry-number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineName {
    /// Under which payment.
    pub payment: PaymentId,
    /// The ledger entry that booked it.
    pub sequence: u64,
    /// Counted from 1 among the lines of that entry.
    pub number: u32,
}

impl std::fmt::Display for LineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.payment, self.sequence, self.number)
    }
}

/// The ledger entry that booked a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineEntry {
    /// Its number.
    pub sequence: u64,
    /// When its evidence was seen.
    pub at: Time,
    /// Who saw it.
    pub source: Source,
    /// The state that the payment had after it.
    pub state: PaymentState,
}

/// What a payment is from its first moment on, as far as the books tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePayment {
    /// Our name.
    pub id: PaymentId,
    /// Whose keys were used.
    pub shop: ShopName,
    /// The caller's name.
    pub reference_id: ReferenceId,
    /// How much was asked for.
    pub requested: Money,
    /// How the customer paid.
    pub payment_method: Option<PaymentMethod>,
    /// The payment that it belongs to: a refund's deposit.
    pub parent: Option<PaymentId>,
    /// The caller's own pairs.
    pub metadata: Metadata,
}

impl Line {
    /// Its name.
    pub fn name(&self) -> LineName {
        LineName { payment: self.payment.id, sequence: self.entry.sequence, number: self.movement.number }
    }
}
