//! Looking after payments that are due: the one way in which a payment is looked at, by a worker or a person.

use std::collections::BTreeMap;

use domain::{
    Attempt, CommandOutcome, Evidence, Flow, Payment, PaymentId, PaymentState, Seen, ShopName, Source, Switch, Time,
};
use futures::future::join_all;
use store::{Claim, Lease, Name, Stored};

use crate::look_up::Looked;
use crate::record::{Look, Under};
use crate::{DeedError, Desk};

/// What a round of checks came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Payments that were looked at.
    pub payments: usize,
    /// Payments whose look ended in an error of ours. They are due again when their lease is over, or as their schedule
    /// says if the database refused what was seen.
    pub failed: usize,
}

impl Desk {
    /// Claims up to `limit` payments whose next check is due and looks after them, all at once: one look takes as long
    /// as the gateway takes, and none of them may outlive its lease.
    pub async fn check_due(&self, limit: u32) -> Result<Checked, DeedError> {
        if self.throttle.is_empty() || self.stops.is_stopped(Switch::Polling) {
            // What would be claimed now would only be put off.
            return Ok(Checked::default());
        }
        let now = self.now();
        let claim = Claim { now, owner: self.owner, until: now.plus(self.rules.intervals.lease), limit };
        let claimed = self.store.store().claim_due(&claim).await?;
        let leased_at = self.clock.uptime();
        let swept = &self.swept_at(&claimed).await?;
        let outcomes = join_all(claimed.into_iter().map(|stored| async move {
            // On the heap, since many of them are under way at the same time and each is large.
            let outcome = Box::pin(self.check_claimed(stored.clone(), leased_at, swept)).await;
            if let Err(error) = &outcome {
                let id = stored.payment.id();
                tracing::error!(payment = %id, error = error as &dyn std::error::Error, "check failed");
                self.set_aside(stored, error).await;
            }
            outcome.is_ok()
        }))
        .await;
        let failed = outcomes.iter().filter(|fine| !**fine).count();
        Ok(Checked { payments: outcomes.len(), failed })
    }

    /// Looks at one payment now, for a person. Nothing is sent that could move money, so no lease is needed.
    pub async fn check_now(&self, id: PaymentId) -> Result<Stored, DeedError> {
        self.throttle.take();
        self.look_now(id).await
    }

    /// The same for who has been admitted.
    pub(crate) async fn look_now(&self, id: PaymentId) -> Result<Stored, DeedError> {
        let stored = self.find(Name::Id(id)).await?.ok_or(DeedError::PaymentNotFound)?;
        // Also when it has ended: a person who asks may know of an end that we have not heard of.
        let looked = self.look(&stored, true).await;
        self.record_looked(stored, looked, None).await
    }

    async fn check_claimed(
        &self,
        stored: Stored,
        leased_at: std::time::Duration,
        swept_at: &BTreeMap<ShopName, Time>,
    ) -> Result<(), DeedError> {
        let under = Under { epoch: Some(stored.epoch), lease: Lease::Release, notice: None, look: None };
        let now = self.now();
        let payment = &stored.payment;
        if let Err((_, retry_after)) = self.breaker.check(&payment.opening.shop, self.clock.uptime()) {
            let overdue = payment.is_unsent() && payment.is_past_submitting(now, &self.rules.intervals);
            if !overdue {
                return self.reschedule(stored, now.plus(retry_after), under).await.map(drop);
            }
        }
        if payment.is_unsent() {
            return self.send_again(stored, under, leased_at).await;
        }
        if payment.must_tell_parent() {
            return self.tell_parent(stored, under).await.map(drop);
        }
        if payment.needs_start() {
            let kept = self.kept(payment.id()).await?;
            return self.start(stored, kept.start.as_ref()).await.map(drop);
        }
        if self.is_in_flight(payment, now) {
            return self.record_look(stored, under).await.map(drop);
        }
        let is_swept = self.spares_a_look(&stored) && swept_at.get(&payment.opening.shop) > Some(&payment.state_at);
        if is_swept && !payment.needs_look_up(now, &self.rules.intervals) {
            let look = Some(Look { at: now, proves_absence: false, failed: false });
            return self.record_look(stored, Under { look, ..under }).await.map(drop);
        }
        if let Err(wait) = self.throttle.admit() {
            return self.reschedule(stored, now.plus(wait), under).await.map(drop);
        }
        let by_id = !is_swept && !stored.payment.state.is_final() || stored.payment.needs_confirmation();
        let looked = self.look(&stored, by_id).await;
        let stored = self.record_looked(stored, looked, Some(under)).await?;
        if stored.payment.may_try_twice(&stored.progress, &self.rules.intervals) {
            return self.try_twice(stored, leased_at).await;
        }
        self.repeat_command(stored, leased_at).await
    }

    /// What the database refuses of a payment it would refuse again each time that the lease is over: the look counts all
    /// the same, so that the next ones are as far apart as if it had found nothing. Whatever else failed may be better
    /// when the lease is over.
    async fn set_aside(&self, stored: Stored, error: &DeedError) {
        if !matches!(error, DeedError::Poison(_) | DeedError::Sealed) {
            return;
        }
        let id = stored.payment.id();
        let look = Some(Look { at: self.now(), proves_absence: false, failed: true });
        let under = Under { epoch: Some(stored.epoch), lease: Lease::Release, notice: None, look };
        if let Err(error) = self.record_look(stored, under).await {
            tracing::error!(payment = %id, error = &error as &dyn std::error::Error, "it cannot be set aside");
        }
    }

    /// Whether somebody's request is on its way, or dead and not known to be so: nobody else looks before its lease is
    /// over.
    fn is_in_flight(&self, payment: &Payment, now: Time) -> bool {
        let intervals = &self.rules.intervals;
        let attempt = matches!(payment.submission.last(), Some(Attempt::InFlight { sent_at })
            if payment.state == PaymentState::Submitted && now < sent_at.plus(intervals.lease));
        let command = payment.commands.open().is_some_and(|(_, open)| {
            open.outcome == CommandOutcome::InFlight && now < open.sent_at.plus(intervals.command_lease)
        });
        attempt || command
    }

    /// When the last complete passes over the list began that may have seen what is to be looked at, shop by shop.
    async fn swept_at(&self, claimed: &[Stored]) -> Result<BTreeMap<ShopName, Time>, DeedError> {
        if !claimed.iter().any(|stored| self.spares_a_look(stored)) {
            return Ok(BTreeMap::new());
        }
        let sweeps = self.store.store().sweeps().await?;
        Ok(sweeps.into_iter().filter_map(|sweep| Some((sweep.shop, sweep.swept_at?))).collect())
    }

    /// Whether a complete pass that began after its state was recorded counts as its first look: the sweep works, and
    /// will tell what changes. The later looks are made all the same, since a list may be wrong.
    fn spares_a_look(&self, stored: &Stored) -> bool {
        let Stored { payment, progress, .. } = stored;
        let first_look = self.rules.intervals.polls.first().copied().unwrap_or_default();
        let is_first = progress.checked_at.is_none_or(|checked_at| checked_at.since(payment.state_at) < first_look);
        let is_open = !payment.state.is_final() && payment.gateway_payment_id.is_some();
        // What the customer must know to pay stands in no list (gateway contract, section 7).
        let is_told_by_lists = payment.opening.flow != Flow::HostToHost || !payment.external_refs.is_empty();
        // What became of a command is asked for by the payment's id.
        let waits_for_a_command = payment.commands.open().is_some();
        self.rules.sweep.is_some() && is_first && is_open && is_told_by_lists && !waits_for_a_command
    }

    /// By id where we have one and it can still tell something, by reference where a request is unaccounted for.
    pub(crate) async fn look(&self, stored: &Stored, by_id: bool) -> Looked {
        let payment = &stored.payment;
        let mut looked = Looked::default();
        if payment.gateway_payment_id.is_some() && by_id {
            looked = self.look_by_id(payment).await;
            looked.without_command_as_of = self.look_for_command(payment, &looked).await;
        }
        if !looked.failed && payment.needs_look_up(self.now(), &self.rules.intervals) {
            if !looked.evidence.is_empty() {
                self.throttle.take();
            }
            let under_reference = self.look_up(payment).await;
            looked.evidence.extend(under_reference.evidence);
            looked.nothing_as_of = under_reference.nothing_as_of;
            looked.failed = under_reference.failed;
        }
        looked
    }

    /// Records what a look brought, the lease given up with the last of it. While a second attempt may follow, the
    /// lease is kept for it.
    pub(crate) async fn record_looked(
        &self,
        mut stored: Stored,
        looked: Looked,
        under: Option<Under>,
    ) -> Result<Stored, DeedError> {
        let (payment, intervals) = (&stored.payment, &self.rules.intervals);
        let nothing = looked.nothing_as_of.is_some_and(|begun_at| payment.is_past_quarantine(begun_at, intervals));
        let no_command = looked
            .without_command_as_of
            .is_some_and(|begun_at| payment.is_past_command_quarantine(begun_at, intervals));
        let look = Look { at: self.now(), proves_absence: nothing || no_command, failed: looked.failed };
        let epoch = under.and_then(|under| under.epoch);
        let last_lease = under.map_or(Lease::Keep, |under| under.lease);
        let count = looked.evidence.len();
        for (index, evidence) in looked.evidence.into_iter().enumerate() {
            let last = index + 1 == count;
            let under = Under {
                epoch,
                lease: if last { last_lease } else { Lease::Keep },
                notice: None,
                look: last.then_some(look),
            };
            stored = self.record(stored, evidence, under).await?.stored;
        }
        if count == 0 {
            let would_be = domain::Progress {
                empty_look_ups: stored.progress.empty_look_ups + u32::from(look.proves_absence),
                ..stored.progress
            };
            let goes_on = stored.payment.may_try_twice(&would_be, &self.rules.intervals) && epoch.is_some();
            let lease = if goes_on { Lease::Keep } else { last_lease };
            let under = Under { epoch, lease, notice: None, look: Some(look) };
            let nothing = looked.nothing_as_of.is_some();
            stored = if nothing && stored.payment.is_unknown_for_too_long(self.now()) {
                // Nothing found is evidence by then, for a person.
                let evidence = Evidence { source: Source::Poll, at: self.now(), begun_at: None, seen: Seen::Missing };
                self.record(stored, evidence, under).await?.stored
            } else {
                self.record_look(stored, under).await?
            };
        }
        Ok(stored)
    }

    /// Nothing has left so far: send it again, or give up when its time is over.
    async fn send_again(&self, stored: Stored, under: Under, leased_at: std::time::Duration) -> Result<(), DeedError> {
        let reason = match stored.payment.submission.last() {
            Some(Attempt::NotSent { reason, .. }) => reason.clone(),
            _ => "it was never sent".to_owned(),
        };
        if stored.payment.is_past_submitting(self.now(), &self.rules.intervals) {
            return self.give_up(stored, reason, under).await;
        }
        let Some(request) = self.kept(stored.payment.id()).await?.create else {
            return self.give_up(stored, format!("{reason}; the request is no longer kept"), under).await;
        };
        let why = format!("the one before never reached the gateway ({reason})");
        match self.permit_attempt(&stored, why).await? {
            Some(permitted) => self.send(permitted, &request, leased_at).await.map(drop),
            None => Ok(()),
        }
    }

    pub(crate) async fn permit_attempt(&self, stored: &Stored, reason: String) -> Result<Option<Stored>, DeedError> {
        let seen = Seen::AboutToSend { attempt: stored.payment.submission.next_number(), reason };
        self.permit(stored, seen, self.rules.intervals.lease).await
    }

    async fn give_up(&self, stored: Stored, reason: String, under: Under) -> Result<(), DeedError> {
        let seen = Seen::GivenUp { reason };
        let evidence = Evidence { source: Source::Request, at: self.now(), begun_at: None, seen };
        self.record(stored, evidence, under).await.map(drop)
    }

    /// An inert payment that the gateway was seen not to have is sent a second time, and not a third.
    async fn try_twice(&self, stored: Stored, leased_at: std::time::Duration) -> Result<(), DeedError> {
        let release = Under { epoch: Some(stored.epoch), lease: Lease::Release, notice: None, look: None };
        let Some(request) = self.kept(stored.payment.id()).await?.create else {
            return self.record_look(stored, release).await.map(drop);
        };
        let empties = stored.progress.empty_look_ups;
        let why = format!("{empties} complete look-ups after the quarantine found nothing under its reference");
        match self.permit_attempt(&stored, why).await? {
            Some(permitted) => self.send(permitted, &request, leased_at).await.map(drop),
            None => self.record_look(stored, release).await.map(drop),
        }
    }
}
