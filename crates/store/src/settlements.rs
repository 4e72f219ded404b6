use async_trait::async_trait;
use domain::{Actor, BreakKind, PaymentId, ShopName, Time};
use uuid::Uuid;

use crate::StoreError;

/// Settlement files, and which payments they tell of. What a line says is the reader's own word here.
#[async_trait]
pub trait Settlements: Send + Sync {
    /// Keeps lines of a file, each with its number, before the file itself is kept. One that is there already is the same.
    async fn keep_lines(&self, settlement: Uuid, lines: &[(u64, String)]) -> Result<(), StoreError>;

    /// Keeps a file, now that its lines are; answers whether it was not there before.
    async fn keep_settlement(&self, settlement: &Settlement) -> Result<bool, StoreError>;

    /// A file by its name.
    async fn settlement(&self, id: Uuid) -> Result<Option<Settlement>, StoreError>;

    /// Lines of a file in the order of their numbers, from behind `after`.
    async fn settlement_lines(
        &self,
        settlement: Uuid,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, String)>, StoreError>;

    /// Notes that a file tells of payments.
    async fn note_settled(&self, settlement: Uuid, payments: &[PaymentId]) -> Result<(), StoreError>;

    /// The open breaks of the kinds that are found in settlement files about payments: their names, kinds and subjects.
    async fn open_settlement_breaks(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(Uuid, BreakKind, String)>, StoreError>;

    /// Payments of a shop that were made in a window and paid, and that no file tells of, in the order of (created, id) from
    /// behind `after`.
    async fn unsettled(
        &self,
        shop: &ShopName,
        window: [Time; 2],
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<(Time, PaymentId)>, StoreError>;
}

/// A file that says what was paid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Our name for it, and for its comparison.
    pub id: Uuid,
    /// Whose payments it tells of.
    pub shop: ShopName,
    /// The SHA-256 of the file, in hex.
    pub digest: String,
    /// How it was written.
    pub format: String,
    /// Its length.
    pub bytes: u64,
    /// Payments that it tells of.
    pub lines: u64,
    /// Entries without a name that a payment could have.
    pub unnamed: u64,
    /// The day of its earliest line, and the end of that of its latest.
    pub window: [Time; 2],
    /// Who brought it; none on the command line.
    pub uploaded_by: Option<Actor>,
    /// When it came.
    pub uploaded_at: Time,
}
