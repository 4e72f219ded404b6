//! Comparisons in memory, as the databases hold them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{BreakKind, Finding, GatewayPaymentId, PaymentId, Time};
use uuid::Uuid;

use super::{MemoryStore, NoticeRow, Tables};
use crate::{
    Against, Break, BreakState, BreaksPage, Covered, Met, Reconciled, Reconciliations, Resolution, Run, RunClaim,
    RunState, RunsPage, Step, StoreError, Tally, Unfound, UnmatchedNotice,
};

/// As the databases' tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    /// Each with the end of its lease.
    runs: BTreeMap<Uuid, (Run, Option<Time>)>,
    met: BTreeMap<(Uuid, GatewayPaymentId), Met>,
    reconciled: BTreeMap<PaymentId, Reconciled>,
    breaks: BTreeMap<Uuid, Break>,
}

#[async_trait]
impl Reconciliations for MemoryStore {
    async fn order_run(&self, run: &Run) -> Result<Run, StoreError> {
        let runs = &mut self.tables().reconciliations.runs;
        if let Some((there, _)) = runs.get(&run.id) {
            return Ok(there.clone());
        }
        let same = |there: &&Run| {
            [there.against, run.against] == [Against::List; 2]
                && !there.state.is_over()
                && there.shop == run.shop
                && there.from == run.from
                && there.to == run.to
        };
        if let Some(there) = runs.values().map(|(there, _)| there).find(same) {
            return Ok(there.clone());
        }
        runs.insert(run.id, (run.clone(), None));
        Ok(run.clone())
    }

    async fn claim_run(&self, claim: &RunClaim) -> Result<Option<Run>, StoreError> {
        let runs = &mut self.tables().reconciliations.runs;
        let waiting = runs.values_mut().filter(|(run, _)| run.shop == claim.shop && !run.state.is_over());
        let Some((run, leased_until)) = waiting.min_by_key(|(run, _)| (run.ordered_at, run.id)) else {
            return Ok(None);
        };
        if run.next_at > claim.now || leased_until.is_some_and(|until| until > claim.now) {
            return Ok(None);
        }
        run.state = RunState::Running;
        run.begun_at = run.begun_at.or(Some(claim.now));
        run.epoch += 1;
        *leased_until = Some(claim.until);
        Ok(Some(run.clone()))
    }

    async fn run(&self, id: Uuid) -> Result<Option<Run>, StoreError> {
        Ok(self.tables().reconciliations.runs.get(&id).map(|(run, _)| run.clone()))
    }

    async fn runs(&self, page: &RunsPage) -> Result<Vec<Run>, StoreError> {
        let tables = self.tables();
        let fits = |run: &&Run| {
            (page.shops.is_empty() || page.shops.contains(&run.shop))
                && page.state.is_none_or(|state| run.state == state)
                && page.before.is_none_or(|before| (run.ordered_at, run.id) < before)
        };
        let mut runs: Vec<Run> =
            tables.reconciliations.runs.values().map(|(run, _)| run).filter(fits).cloned().collect();
        runs.sort_by_key(|run| std::cmp::Reverse((run.ordered_at, run.id)));
        runs.truncate(page.limit as usize);
        Ok(runs)
    }

    async fn met(&self, run: Uuid, ids: &[GatewayPaymentId]) -> Result<Vec<bool>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().map(|id| tables.reconciliations.met.contains_key(&(run, id.clone()))).collect())
    }

    async fn record_step(&self, step: &Step) -> Result<bool, StoreError> {
        Ok(self.tables().reconciliations.record(&step.clean()))
    }

    async fn covered_payments(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Covered>, StoreError> {
        let tables = self.tables();
        let covered = |row: &std::sync::Arc<super::Row>| {
            let payment = &row.stored.payment;
            let gateway_id = payment.gateway_payment_id.clone()?;
            let is_covered = payment.opening.shop == run.shop && (run.from..run.to).contains(&payment.created_at);
            let agrees = tables.reconciliations.met.get(&(run.id, gateway_id)).is_some_and(|met| met.agrees);
            is_covered.then(|| Covered { id: payment.id(), created_at: payment.created_at, agrees })
        };
        let all = tables.payments.values().filter_map(covered);
        Ok(walk(all, |covered| (covered.created_at, covered.id.uuid()), after, limit))
    }

    async fn unmatched_notices(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<UnmatchedNotice>, StoreError> {
        let tables = self.tables();
        let all = tables.notices.values().filter(|row| tables.is_unmatched(row, run)).map(|row| UnmatchedNotice {
            id: row.notice.id,
            received_at: row.notice.received_at,
            gateway_payment_id: row.notice.gateway_payment_id.clone(),
            reference_id: row.notice.reference_id.as_ref().map(ToString::to_string),
            state: row.notice.state.clone(),
        });
        Ok(walk(all, |notice| (notice.received_at, notice.id), after, limit))
    }

    async fn unfound_breaks(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Unfound>, StoreError> {
        let tables = self.tables();
        let unfound = |one: &&Break| {
            one.shop == run.shop
                && one.state == BreakState::Open
                && (run.from..run.to).contains(&one.finding.subject_at)
                && one.last_run != run.id
                && !BreakKind::OF_SETTLEMENTS.contains(&one.finding.kind)
        };
        let said = |one: &Break| {
            let key = (run.id, one.finding.gateway_payment.clone()?);
            tables.reconciliations.met.get(&key).map(|met| met.said.clone())
        };
        let all = tables.reconciliations.breaks.values().filter(unfound);
        let all = all.map(|one| Unfound { of: one.clone(), said: said(one) });
        Ok(walk(all, |unfound| (unfound.of.finding.subject_at, unfound.of.id), after, limit))
    }

    async fn forget_met(&self, run: Uuid, limit: u32) -> Result<u64, StoreError> {
        let met = &mut self.tables().reconciliations.met;
        let gone: Vec<_> = met.keys().filter(|(of, _)| *of == run).take(limit as usize).cloned().collect();
        for key in &gone {
            met.remove(key);
        }
        Ok(gone.len() as u64)
    }

    async fn tally(&self, run: Uuid) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        for one in self.tables().reconciliations.breaks.values() {
            let was_found = one.last_run == run && one.state != BreakState::Closed;
            if was_found || one.closed_run == Some(run) {
                tally.add(one.finding.kind, one.state, one.first_run == run, 1);
            }
        }
        Ok(tally)
    }

    async fn reconciled(&self, payments: &[PaymentId]) -> Result<Vec<Reconciled>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<_> =
            payments.iter().filter_map(|id| tables.reconciliations.reconciled.get(id)).cloned().collect();
        found.sort_by_key(|one| one.payment);
        found.dedup();
        Ok(found)
    }

    async fn one_break(&self, id: Uuid) -> Result<Option<Break>, StoreError> {
        Ok(self.tables().reconciliations.breaks.get(&id).cloned())
    }

    async fn breaks(&self, page: &BreaksPage) -> Result<Vec<Break>, StoreError> {
        let filter = &page.filter;
        let fits = |one: &&Break| {
            (filter.shops.is_empty() || filter.shops.contains(&one.shop))
                && filter.kind.is_none_or(|kind| one.finding.kind == kind)
                && filter.state.is_none_or(|state| one.state == state)
                && (filter.owner.is_none() || one.owner == filter.owner)
                && (filter.payment.is_none() || one.finding.payment == filter.payment)
                && page.before.is_none_or(|before| (one.first_seen_at, one.id) < before)
        };
        let mut breaks: Vec<Break> = self.tables().reconciliations.breaks.values().filter(fits).cloned().collect();
        breaks.sort_by_key(|one| std::cmp::Reverse((one.first_seen_at, one.id)));
        breaks.truncate(page.limit as usize);
        Ok(breaks)
    }

    async fn assign_break(&self, id: Uuid, owner: &str) -> Result<Option<Break>, StoreError> {
        Ok(self.tables().reconciliations.change_open(id, |one| one.owner = Some(owner.to_owned())))
    }

    async fn resolve_break(&self, id: Uuid, resolution: &Resolution) -> Result<Option<Break>, StoreError> {
        Ok(self.tables().reconciliations.change_open(id, |one| {
            one.state = BreakState::Resolved;
            one.ended_at = Some(resolution.at);
            one.reason = Some(resolution.reason.clone());
            one.resolved_by = Some(resolution.by.clone());
        }))
    }
}

/// The next ones of a walk.
pub(super) fn walk<T>(
    all: impl Iterator<Item = T>,
    place: impl Fn(&T) -> (Time, Uuid),
    after: Option<(Time, Uuid)>,
    limit: u32,
) -> Vec<T> {
    let mut all: Vec<T> = all.filter(|one| after.is_none_or(|after| place(one) > after)).collect();
    all.sort_by_key(&place);
    all.truncate(limit as usize);
    all
}

impl Tables {
    fn is_unmatched(&self, row: &NoticeRow, run: &Run) -> bool {
        let notice = &row.notice;
        let is_unmatched = row.filed.as_ref().is_some_and(|filed| filed.verdict == "unmatched");
        let is_known = notice.gateway_payment_id.as_ref().is_some_and(|id| {
            self.gateway_payments.contains_key(&(notice.shop.clone(), id.clone()))
                || self.reconciliations.met.contains_key(&(run.id, id.clone()))
        });
        is_unmatched && !is_known && notice.shop == run.shop && (run.from..run.to).contains(&notice.received_at)
    }
}

impl Records {
    pub(super) fn all_breaks(&self) -> impl Iterator<Item = &Break> {
        self.breaks.values()
    }

    fn record(&mut self, step: &Step) -> bool {
        let Some((run, leased_until)) = self.runs.get_mut(&step.run.id) else { return false };
        if run.epoch != step.run.epoch || run.state.is_over() {
            return false;
        }
        *run = step.run.clone();
        if step.release {
            *leased_until = None;
        }
        for met in &step.met {
            self.met.insert((step.run.id, met.id.clone()), met.clone());
        }
        for (id, finding) in &step.findings {
            self.find(*id, finding, step);
        }
        for one in &step.reconciled {
            let known = self.reconciled.get(&one.payment);
            if known.is_none_or(|known| (known.state, known.money) != (one.state, one.money)) {
                self.reconciled.insert(one.payment, Reconciled { at: step.at, run: step.run.id, ..one.clone() });
            }
        }
        for (id, reason) in &step.closed {
            self.change_open(*id, |one| {
                one.state = BreakState::Closed;
                one.ended_at = Some(step.at);
                one.reason = Some(reason.clone());
                one.closed_run = Some(step.run.id);
            });
        }
        true
    }

    /// Of the breaks about the same, the latest one counts.
    fn find(&mut self, id: Uuid, finding: &Finding, step: &Step) {
        let about_the_same = |one: &&mut Break| {
            one.shop == step.run.shop && one.finding.kind == finding.kind && one.finding.subject == finding.subject
        };
        let latest = self.breaks.values_mut().filter(about_the_same);
        let latest = latest.max_by_key(|one| (one.first_seen_at, one.state == BreakState::Open, one.id));
        match latest {
            Some(one) if one.state == BreakState::Open => {
                (one.finding.ours, one.finding.theirs) = (finding.ours.clone(), finding.theirs.clone());
                (one.last_seen_at, one.last_run) = (step.at, step.run.id);
            }
            Some(one) if one.state == BreakState::Resolved && one.says(&finding.ours, &finding.theirs) => {
                (one.last_seen_at, one.last_run) = (step.at, step.run.id);
            }
            Some(_) | None => {
                self.breaks.entry(id).or_insert_with(|| Break::born(id, finding.clone(), &step.run, step.at));
            }
        }
    }

    fn change_open(&mut self, id: Uuid, change: impl FnOnce(&mut Break)) -> Option<Break> {
        let one = self.breaks.get_mut(&id).filter(|one| one.state == BreakState::Open)?;
        change(one);
        Some(one.clone())
    }
}
