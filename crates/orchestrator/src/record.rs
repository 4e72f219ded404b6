//! The one door through which a payment changes: evidence in, decision, one commit.

use domain::{Decision, Elsewhere, Entry, Evidence, Flow, Movement, Payment, Progress, Seen, Time};
use futures::future::BoxFuture;
use store::{Filed, Lease, Move, Name, NoticeId, Outcome, StoreError, Stored, Write};

use crate::{DeedError, Desk};

/// Under what circumstances evidence is recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Under {
    /// The lease that it was gathered under, if any.
    pub epoch: Option<u64>,
    /// What becomes of that lease.
    pub lease: Lease,
    /// The notice that brought it.
    pub notice: Option<NoticeId>,
    /// The look that brought it.
    pub look: Option<Look>,
}

impl Under {
    /// Nobody's lease, notice or look.
    pub(crate) fn nobody() -> Self {
        Self { epoch: None, lease: Lease::Keep, notice: None, look: None }
    }
}

/// A look at the gateway, as far as it counts beside the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// When it was over.
    pub at: Time,
    /// Whether it was a complete look-up that found nothing, after the quarantine.
    pub proves_absence: bool,
    /// Whether it could not be made.
    pub failed: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// The payment afterwards.
    pub stored: Stored,
    /// What the evidence meant.
    pub decision: Decision,
}

/// How often a decision is made again because somebody was faster. Each time means that the payment moved on, which it
/// cannot do for ever.
const TRIES: usize = 16;

impl Desk {
    /// Applies evidence to a payment and records what follows; again, on what is then true, if somebody was faster.
    pub(crate) fn record(
        &self,
        stored: Stored,
        evidence: Evidence,
        under: Under,
    ) -> BoxFuture<'_, Result<Recorded, DeedError>> {
        // On the heap, since every deed ends here and a payment with its change is large.
        Box::pin(self.decide_and_commit(stored, evidence, under))
    }

    async fn decide_and_commit(
        &self,
        mut stored: Stored,
        mut evidence: Evidence,
        mut under: Under,
    ) -> Result<Recorded, DeedError> {
        self.forget_the_page(&stored.payment, &mut evidence.seen);
        for _ in 0..TRIES {
            let decision = stored.payment.apply(&evidence);
            let (write, after) = self.write(&stored, &evidence, &decision, under);
            let Some(write) = write else { return Ok(Recorded { stored, decision }) };
            match self.store.commit(write).await {
                Ok(Outcome::Won) => {
                    if after.payment.version != stored.payment.version {
                        self.wake(after.payment.id());
                        self.ends.count(&stored.payment, &after.payment, evidence.source);
                    }
                    return Ok(Recorded { stored: after, decision });
                }
                // To apply the same evidence twice is to apply it once, so a lost answer needs no other care.
                Err(error) if !matches!(*error, StoreError::OutcomeUnknown(_)) => return Err(error.into()),
                Ok(Outcome::Lost | Outcome::Taken) | Err(_) => {
                    stored = self.find(Name::Id(stored.payment.id())).await?.ok_or(DeedError::PaymentNotFound)?;
                    if under.epoch != Some(stored.epoch) {
                        // Somebody else holds the lease by now. What was seen is true all the same.
                        under = Under { epoch: None, lease: Lease::Keep, ..under };
                    }
                }
                Ok(Outcome::Claimed(other)) => {
                    tracing::error!(payment = %stored.payment.id(), %other, "the gateway gave two payments one id");
                    evidence.seen = claimed_elsewhere(&evidence.seen).ok_or(DeedError::Contended)?;
                }
                Ok(Outcome::Poison(reason)) => return Err(DeedError::Poison(reason)),
            }
        }
        Err(DeedError::Contended)
    }

    /// The customer of a host-to-host deposit is never sent to the checkout page where the settings forbid it: nothing that
    /// does not know the page can hand it out.
    pub(crate) fn forget_the_page(&self, payment: &Payment, seen: &mut Seen) {
        if payment.opening.flow == Flow::HostToHost
            && !self.rules.fall_back_to_redirect
            && let Some(sighting) = seen.sighting_mut()
        {
            sighting.redirect_url = None;
        }
    }

    /// Records that somebody looked and saw nothing new.
    pub(crate) async fn record_look(&self, stored: Stored, under: Under) -> Result<Stored, DeedError> {
        let progress = self.progressed(&stored.payment, stored.progress, under.look, false);
        self.write_beside(stored, progress, under).await
    }

    /// Has a payment looked at `at`, whatever its schedule says.
    pub(crate) async fn reschedule(&self, stored: Stored, at: Time, under: Under) -> Result<Stored, DeedError> {
        let progress = Progress { next_check_at: Some(at), ..stored.progress };
        self.write_beside(stored, progress, under).await
    }

    /// Writes beside the ledger. Losing is no failure: whoever was faster has written its own next check.
    async fn write_beside(&self, stored: Stored, progress: Progress, under: Under) -> Result<Stored, DeedError> {
        let moves = moves(&stored, stored.payment.clone(), None, progress, under);
        let write = Write { moves: Some(moves), ..Write::default() };
        match Box::pin(self.store.commit(write)).await {
            Ok(Outcome::Poison(reason)) => Err(DeedError::Poison(reason)),
            Ok(_) => Ok(Stored { progress, ..stored }),
            Err(error) => Err(error.into()),
        }
    }

    /// The write that records a decision, and the payment as it is then; none if there is nothing to write.
    pub(crate) fn write(
        &self,
        stored: &Stored,
        evidence: &Evidence,
        decision: &Decision,
        under: Under,
    ) -> (Option<Write>, Stored) {
        let notice = under.notice.filter(|_| !waits(decision)).map(|id| Filed {
            id,
            verdict: decision.verdict().to_string(),
            payment: Some(stored.payment.id()),
            at: evidence.at,
        });
        let (payment, entry) = match stored.payment.after(evidence, decision) {
            Some((payment, entry)) => (payment, Some(entry)),
            None => (stored.payment.clone(), None),
        };
        let beside = under.look.is_some() || under.lease != Lease::Keep || waits(decision);
        if entry.is_none() && !beside {
            let write = notice.map(|notice| Write { notice: Some(notice), ..Write::default() });
            return (write, stored.clone());
        }
        let anew = entry.as_ref().is_some_and(|Entry { change, .. }| {
            change.state.is_some() || change.attempt.is_some() || change.command.is_some()
        });
        let mut progress = self.progressed(&payment, stored.progress, under.look, anew);
        if waits(decision) {
            progress.next_check_at = Some(evidence.at);
        }
        let epoch = if matches!(under.lease, Lease::Take(..)) { stored.epoch + 1 } else { stored.epoch };
        let after = Stored { payment: payment.clone(), progress, epoch, leased_until: stored.leased_until };
        let moves = moves(stored, payment, entry, progress, under);
        (Some(Write { moves: Some(moves), birth: None, notice }), after)
    }

    /// What lies beside the ledger after a look, or after a change.
    fn progressed(&self, payment: &Payment, before: Progress, look: Option<Look>, anew: bool) -> Progress {
        let mut progress = if anew { before.renewed(false) } else { before };
        if let Some(look) = look {
            progress.checked_at = Some(look.at);
            progress.failures = if look.failed { progress.failures.saturating_add(1) } else { 0 };
            if !anew {
                progress.checks = progress.checks.saturating_add(1);
                progress.empty_look_ups = progress.empty_look_ups.saturating_add(u32::from(look.proves_absence));
            }
        }
        payment.scheduled(progress, self.now(), &self.rules.intervals, &self.rules.patience)
    }
}

/// Evidence that binds nothing and cannot be filed yet: the payment is looked up, and the notice waits for it.
fn waits(decision: &Decision) -> bool {
    matches!(decision, Decision::Elsewhere(Elsewhere::Unbound, _))
}

fn moves(stored: &Stored, payment: Payment, entry: Option<Entry>, progress: Progress, under: Under) -> Move {
    let change = entry.as_ref().map(|entry| &entry.change);
    let claim = change.and_then(|change| {
        change.gateway_payment_id.clone().or_else(|| change.other.as_ref().map(|other| other.id.clone()))
    });
    let movements = Movement::between(&stored.payment, &payment);
    Move {
        payment,
        expected_version: stored.payment.version,
        expected_epoch: under.epoch,
        entry,
        movements,
        claim,
        progress,
        lease: under.lease,
    }
}

/// The same evidence about an id that cannot be this payment's.
fn claimed_elsewhere(seen: &Seen) -> Option<Seen> {
    let attempt = if let Seen::Accepted { attempt, .. } = seen { Some(*attempt) } else { None };
    seen.sighting().map(|sighting| Seen::ClaimedElsewhere { attempt, id: sighting.id.clone() })
}
