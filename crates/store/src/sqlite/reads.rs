use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Entry, PaymentId, ShopName, Time};

use super::{SqliteStore, health, ledger, list, stuck, unmatched};
use crate::{
    Audited, Health, NoticeRecord, Page, Reads, StoreError, Stored, StuckItem, StuckPage, StuckTally, UnmatchedPayment,
    Violation,
};

#[async_trait]
impl Reads for SqliteStore {
    async fn list(&self, page: &Page) -> Result<Vec<Stored>, StoreError> {
        list::list(&self.readers, page).await
    }

    async fn find(&self, text: &str) -> Result<Vec<Stored>, StoreError> {
        list::find(&self.readers, text).await
    }

    async fn ledger(&self, payment: PaymentId, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        ledger::ledger(&self.readers, payment, after, limit).await
    }

    async fn notices(&self, payment: PaymentId) -> Result<Vec<NoticeRecord>, StoreError> {
        ledger::notices(&self.readers, payment).await
    }

    async fn audit(&self, after: Option<PaymentId>, limit: u32) -> Result<Vec<Audited>, StoreError> {
        ledger::audit(&self.readers, after, limit).await
    }

    async fn unmatched(&self, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        unmatched::list(&self.readers, limit).await
    }

    async fn stuck(&self, page: &StuckPage) -> Result<Vec<StuckItem>, StoreError> {
        stuck::list(&self.readers, page).await
    }

    async fn stuck_tallies(
        &self,
        shops: &BTreeSet<ShopName>,
        now: Time,
        count_max: u32,
    ) -> Result<Vec<StuckTally>, StoreError> {
        stuck::tally(&self.readers, shops, now, count_max).await
    }

    async fn violations(&self) -> Result<Vec<Violation>, StoreError> {
        health::violations(&self.readers).await
    }

    fn rules(&self) -> Vec<&'static str> {
        health::VIOLATIONS.iter().map(|(rule, _)| *rule).collect()
    }

    async fn overdue(&self, before: Time) -> Result<Vec<Violation>, StoreError> {
        health::overdue(&self.readers, before).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        health::health(&self.readers).await
    }
}
