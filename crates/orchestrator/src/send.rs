//! The only place from which a POST leaves.

use std::time::Duration;

use domain::{Attempt, Evidence, Kind, Seen, Source};
use gateway_client::answer::{CreateOutcome, NotSentReason, classify_create};
use gateway_client::request::{self, Class, CreatePayment};
use store::{Lease, Name, Outcome, StoreError, Stored, Write};

use crate::gateway::{invalid, rejection, sighting};
use crate::record::{Recorded, Under};
use crate::{DeedError, Desk, Trouble};

impl Desk {
    /// Sends the request whose entry is durable, and records what came back. `leased_at` is the uptime at which the
    /// lease was asked for.
    pub(crate) async fn send(
        &self,
        stored: Stored,
        request: &CreatePayment,
        leased_at: Duration,
    ) -> Result<Recorded, DeedError> {
        let attempt = stored.payment.submission.attempts().len();
        let seen = if self.clock.uptime().saturating_sub(leased_at) > self.rules.send_guard {
            // The lease may be over before an answer comes, and somebody else would be on it.
            Seen::NotSent { attempt, reason: "its lease had grown too old before it could leave".to_owned() }
        } else {
            self.exchange(&stored, request, attempt).await
        };
        let evidence = Evidence { source: Source::Response, at: self.now(), begun_at: None, seen };
        let under = Under { epoch: Some(stored.epoch), lease: Lease::Release, notice: None, look: None };
        self.record(stored, evidence, under).await
    }

    async fn exchange(&self, stored: &Stored, request: &CreatePayment, attempt: usize) -> Seen {
        let class = match stored.payment.opening.kind {
            Kind::Inert => Class::Inert,
            Kind::Moving => Class::Moving,
        };
        let request = match request::create_payment(request, class) {
            Ok(request) => request,
            Err(broken) => return Seen::Refused { attempt, rejection: invalid(&broken) },
        };
        let shop = &stored.payment.opening.shop;
        let outcome = classify_create(self.gateway.exchange(shop, request).await);
        self.feel(shop, &outcome);
        match outcome {
            CreateOutcome::Accepted { payment, .. } => match sighting(&payment) {
                Some(sighting) => Seen::Accepted { attempt, sighting },
                None => Seen::OutcomeUnknown { attempt, reason: "the answer's id has no form of an id".to_owned() },
            },
            CreateOutcome::Refused(refusal) => Seen::Refused { attempt, rejection: rejection(&refusal) },
            CreateOutcome::NotSent(reason) => Seen::NotSent { attempt, reason: reason.to_string() },
            CreateOutcome::Unknown(reason) => Seen::OutcomeUnknown { attempt, reason: reason.to_string() },
        }
    }

    /// What an answer tells about the gateway itself.
    fn feel(&self, shop: &domain::ShopName, outcome: &CreateOutcome) {
        match outcome {
            CreateOutcome::Accepted { .. } | CreateOutcome::Refused(_) => self.breaker.succeeded(shop),
            CreateOutcome::NotSent(NotSentReason::Misconfigured(_)) => {
                self.breaker.failed(shop, Trouble::Misconfigured, self.clock.uptime());
            }
            CreateOutcome::NotSent(_) | CreateOutcome::Unknown(_) => {
                self.breaker.failed(shop, Trouble::Unavailable, self.clock.uptime());
            }
        }
    }

    /// Makes the entry without which nothing leaves, under a lease of its own. None if it may not leave, or somebody
    /// else was faster.
    pub(crate) async fn permit(&self, stored: &Stored, reason: String) -> Result<Option<Stored>, DeedError> {
        let now = self.now();
        let attempt = stored.payment.submission.next_number();
        let seen = Seen::AboutToSend { attempt, reason };
        let evidence = Evidence { source: Source::Request, at: now, begun_at: None, seen };
        let decision = stored.payment.apply(&evidence);
        let Some((payment, entry)) = stored.payment.after(&evidence, &decision) else { return Ok(None) };
        let mut progress = stored.progress.renewed(false);
        progress.next_check_at = payment.next_check_at(&progress, now, &self.rules.intervals);
        let until = now.plus(self.rules.intervals.lease);
        let moves = store::Move {
            payment: payment.clone(),
            expected_version: stored.payment.version,
            expected_epoch: Some(stored.epoch),
            entry: Some(entry),
            claim: None,
            progress,
            lease: Lease::Take(self.owner, until),
        };
        let permitted = Stored { payment, progress, epoch: stored.epoch + 1, leased_until: Some(until) };
        let write = Write { moves: Some(moves), ..Write::default() };
        match Box::pin(self.store.commit(write)).await {
            Ok(Outcome::Won) => Ok(Some(permitted)),
            Ok(Outcome::Poison(reason)) => Err(DeedError::Poison(reason)),
            Ok(_) => Ok(None),
            Err(error) if matches!(*error, StoreError::OutcomeUnknown(_)) => self.read_back(permitted).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The commit's answer was lost. Only this process could have raised the epoch from the one that it held, so a row
    /// with the next epoch and our very attempt is ours.
    async fn read_back(&self, permitted: Stored) -> Result<Option<Stored>, DeedError> {
        let found = self.find(Name::Id(permitted.payment.id())).await?;
        let attempt = |stored: &Stored| stored.payment.submission.last().map(Attempt::sent_at);
        Ok(found.filter(|found| found.epoch == permitted.epoch && attempt(found) == attempt(&permitted)))
    }
}
