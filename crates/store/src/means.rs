use async_trait::async_trait;
use domain::{PaymentId, Time};

use crate::StoreError;

/// What payments were paid with, encrypted by whoever keeps it here. It stands apart from the payments, so that no list,
/// no ledger and no event can hold it by accident.
#[async_trait]
pub trait Means: Send + Sync {
    /// Keeps what one payment was paid with, in place of what was kept of it before.
    async fn keep_means(&self, payment: PaymentId, sealed: &[u8], at: Time) -> Result<(), StoreError>;

    /// What one payment was paid with, if that was told.
    async fn means(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError>;
}
