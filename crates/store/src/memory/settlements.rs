//! Settlement files in memory, as the databases hold them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{BreakKind, PaymentId, PaymentState, ShopName, Time};
use uuid::Uuid;

use super::MemoryStore;
use super::reconciliations::walk;
use crate::{BreakState, Settlement, Settlements, StoreError};

/// As the databases' tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    kept: BTreeMap<Uuid, Settlement>,
    lines: BTreeMap<(Uuid, u64), String>,
    settled: BTreeMap<PaymentId, Uuid>,
}

#[async_trait]
impl Settlements for MemoryStore {
    async fn keep_lines(&self, settlement: Uuid, lines: &[(u64, String)]) -> Result<(), StoreError> {
        let kept = &mut self.tables().settlements.lines;
        for (number, line) in lines {
            kept.entry((settlement, *number)).or_insert_with(|| line.clone());
        }
        Ok(())
    }

    async fn keep_settlement(&self, settlement: &Settlement) -> Result<bool, StoreError> {
        let files = &mut self.tables().settlements.kept;
        let is_new = !files.contains_key(&settlement.id);
        files.entry(settlement.id).or_insert_with(|| settlement.clone());
        Ok(is_new)
    }

    async fn settlement(&self, id: Uuid) -> Result<Option<Settlement>, StoreError> {
        Ok(self.tables().settlements.kept.get(&id).cloned())
    }

    async fn settlement_lines(
        &self,
        settlement: Uuid,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        let tables = self.tables();
        let behind = tables.settlements.lines.range((settlement, after + 1)..=(settlement, u64::MAX));
        Ok(behind.take(limit as usize).map(|((_, number), line)| (*number, line.clone())).collect())
    }

    async fn note_settled(&self, settlement: Uuid, payments: &[PaymentId]) -> Result<(), StoreError> {
        let settled = &mut self.tables().settlements.settled;
        for payment in payments {
            settled.entry(*payment).or_insert(settlement);
        }
        Ok(())
    }

    async fn open_settlement_breaks(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(Uuid, BreakKind, String)>, StoreError> {
        let tables = self.tables();
        let open = tables.reconciliations.all_breaks().filter(|one| {
            one.state == BreakState::Open
                && BreakKind::OF_SETTLEMENTS.contains(&one.finding.kind)
                && one.finding.payment.is_some_and(|payment| payments.contains(&payment))
        });
        Ok(open.map(|one| (one.id, one.finding.kind, one.finding.subject.clone())).collect())
    }

    async fn unsettled(
        &self,
        shop: &ShopName,
        [from, to]: [Time; 2],
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<(Time, PaymentId)>, StoreError> {
        let tables = self.tables();
        let unsettled = tables.payments.values().map(|row| &row.stored.payment).filter(|payment| {
            payment.opening.shop == *shop
                && (from..to).contains(&payment.created_at)
                && payment.state == PaymentState::Completed
                && payment.settled.is_some_and(|money| !money.is_zero())
                && !tables.settlements.settled.contains_key(&payment.id())
        });
        let all = unsettled.map(|payment| (payment.created_at, payment.id()));
        Ok(walk(all, |(at, id)| (*at, id.uuid()), after, limit))
    }
}
