//! The entry without which nothing leaves.

use std::time::Duration;

use domain::{Entry, Evidence, Payment, Seen, Source};
use store::{Lease, Move, Name, Outcome, StoreError, Stored, Write};

use crate::{DeedError, Desk};

impl Desk {
    /// Makes the entry that says that a request is about to leave, under a lease of its own. None if it may not leave, or
    /// somebody else was faster.
    pub(crate) async fn permit(
        &self,
        stored: &Stored,
        seen: Seen,
        lease: Duration,
    ) -> Result<Option<Stored>, DeedError> {
        let now = self.now();
        let evidence = Evidence { source: Source::Request, at: now, begun_at: None, seen };
        let decision = stored.payment.apply(&evidence);
        let Some((payment, entry)) = stored.payment.after(&evidence, &decision) else { return Ok(None) };
        let progress = stored.progress.renewed(false);
        let progress = payment.scheduled(progress, now, &self.rules.intervals, &self.rules.patience);
        let until = now.plus(lease);
        let moves = Move {
            payment: payment.clone(),
            expected_version: stored.payment.version,
            expected_epoch: Some(stored.epoch),
            entry: Some(entry.clone()),
            // What is about to leave has moved nothing.
            movements: Vec::new(),
            claim: None,
            progress,
            lease: Lease::Take(self.owner, until),
        };
        let permitted = Stored { payment, progress, epoch: stored.epoch + 1, leased_until: Some(until) };
        let write = Write { moves: Some(moves), ..Write::default() };
        match Box::pin(self.store.commit(write)).await {
            Ok(Outcome::Won) => {
                self.wake(permitted.payment.id());
                Ok(Some(permitted))
            }
            Ok(Outcome::Poison(reason)) => Err(DeedError::Poison(reason)),
            Ok(_) => Ok(None),
            Err(error) if matches!(*error, StoreError::OutcomeUnknown(_)) => self.read_back(permitted, &entry).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The commit's answer was lost. A row with the next epoch and what our very entry made is ours: only the holder of a
    /// lease could have raised the epoch, and what nobody held a lease for bears a name that was made for this try.
    async fn read_back(&self, permitted: Stored, entry: &Entry) -> Result<Option<Stored>, DeedError> {
        let found = self.find(Name::Id(permitted.payment.id())).await?;
        Ok(found.filter(|found| found.epoch == permitted.epoch && bears(&found.payment, entry)))
    }
}

/// Whether the request that an entry allowed is one of the payment's.
fn bears(payment: &Payment, entry: &Entry) -> bool {
    let attempted = entry.change.attempt.as_ref().is_none_or(|(number, attempt)| {
        payment.submission.attempt(*number).is_some_and(|known| known.sent_at() == attempt.sent_at())
    });
    let commanded = entry.change.command.as_ref().is_none_or(|(number, issued)| {
        payment.commands.get(*number).is_some_and(|known| known.id == issued.id && known.sent_at == issued.sent_at)
    });
    attempted && commanded
}
