//! Looking after a payment that is due (orchestrator, `check.rs`).

use domain::{Attempt, Evidence, PaymentState, Progress, Seen, Source};

use super::database::Lease;
use super::hand::{Deed, Hand, Look, Looked, Step, Then, Under};
use super::policy::Policy;
use super::protocol::Protocol;
use super::world::World;

impl Protocol {
    pub(super) fn claim(&self, world: &mut World, process: usize) {
        let now = world.now;
        let Some(stored) = world.database.claim(now, now.plus(self.intervals.lease)) else { return };
        // What comes next is chosen below.
        let hand = Hand { deed: Deed::Check, leased_at: now, stored, step: Step::Send };
        self.check_claimed(world, process, hand);
    }

    fn check_claimed(&self, world: &mut World, process: usize, mut hand: Hand) {
        let (now, payment) = (world.now, &hand.stored.payment);
        if payment.is_unsent() {
            return self.send_again(world, process, hand);
        }
        let in_flight = match payment.submission.last() {
            Some(Attempt::InFlight { sent_at }) if payment.state == PaymentState::Submitted => Some(*sent_at),
            _ => None,
        };
        if in_flight.is_some_and(|sent_at| now < sent_at.plus(self.intervals.lease)) {
            return self.release(world, process, hand);
        }
        if in_flight.is_some() && self.policy == Policy::LeaseOverIsNotSent {
            return self.back_to_not_sent(world, process, hand);
        }
        let by_id = !payment.state.is_final() || payment.needs_confirmation();
        let by_id = by_id && payment.gateway_payment_id.is_some();
        if by_id || payment.needs_look_up(now, &self.intervals) {
            hand.step = Step::Look(Look { begun_at: now, by_id, found: Vec::new() });
            return world.take_up(process, hand);
        }
        self.record_looked(world, process, hand, Vec::new(), None);
    }

    /// Records what a look brought, the lease given up with the last of it. While a second attempt may follow, the lease
    /// is kept for it.
    pub(super) fn record_looked(
        &self,
        world: &mut World,
        process: usize,
        hand: Hand,
        evidence: Vec<Evidence>,
        nothing_as_of: Option<domain::Time>,
    ) {
        let stored = &hand.stored;
        if nothing_as_of.is_some() && self.policy == Policy::EmptyLookUpIsNotSent {
            return self.back_to_not_sent(world, process, hand);
        }
        let proves_absence =
            nothing_as_of.is_some_and(|begun_at| stored.payment.is_past_quarantine(begun_at, &self.intervals));
        let look = Some(Looked { at: world.now, proves_absence });
        let epoch = Some(stored.epoch);
        let release = Under { epoch, lease: Lease::Release, notice: None, look };
        if !evidence.is_empty() {
            return self.record(world, process, hand, evidence, release, Then::PerhapsTwice);
        }
        let empty_look_ups = stored.progress.empty_look_ups + u32::from(proves_absence);
        let would_be = Progress { empty_look_ups, ..stored.progress };
        let goes_on = stored.payment.may_try_twice(&would_be, &self.intervals);
        let lease = if goes_on { Lease::Keep } else { Lease::Release };
        self.record_look(world, process, hand, Under { lease, ..release }, Then::PerhapsTwice);
    }

    /// What a deed does when nothing is left to record.
    pub(super) fn go_on(&self, world: &mut World, process: usize, mut hand: Hand, then: Then) {
        match hand.deed {
            Deed::Take => return world.tell(&hand.stored),
            Deed::Hear(notice) => return self.heard(world, notice),
            Deed::Check => {}
        }
        let twice = hand.stored.payment.may_try_twice(&hand.stored.progress, &self.intervals);
        if then == Then::Done || !twice {
            return;
        }
        match self.permit(world, &hand.stored, true) {
            Some(step) => {
                hand.step = step;
                world.take_up(process, hand);
            }
            None => self.release(world, process, hand),
        }
    }

    /// Nothing has left so far: send it again, or give up when its time is over.
    fn send_again(&self, world: &mut World, process: usize, mut hand: Hand) {
        if hand.stored.payment.is_past_submitting(world.now, &self.intervals) {
            let seen = Seen::GivenUp { reason: String::new() };
            return self.request(world, process, hand, seen);
        }
        if let Some(step) = self.permit(world, &hand.stored, false) {
            hand.step = step;
            world.take_up(process, hand);
        }
    }

    /// Nothing is known, and it is called a fact: the mistake of two policies.
    fn back_to_not_sent(&self, world: &mut World, process: usize, hand: Hand) {
        let attempt = hand.stored.payment.submission.attempts().len();
        self.request(world, process, hand, Seen::NotSent { attempt, reason: String::new() });
    }

    /// What we say ourselves.
    fn request(&self, world: &mut World, process: usize, hand: Hand, seen: Seen) {
        let evidence = Evidence { source: Source::Request, at: world.now, begun_at: None, seen };
        let under = Under { epoch: Some(hand.stored.epoch), lease: Lease::Release, notice: None, look: None };
        self.record(world, process, hand, vec![evidence], under, Then::Done);
    }

    pub(super) fn release(&self, world: &mut World, process: usize, hand: Hand) {
        let under = Under { epoch: Some(hand.stored.epoch), lease: Lease::Release, notice: None, look: None };
        self.record_look(world, process, hand, under, Then::Done);
    }
}
