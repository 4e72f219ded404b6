//! The only place from which a POST leaves (orchestrator, `send.rs`).

use std::sync::Arc;

use domain::{Attempt, Evidence, GatewayState, Rejection, Seen, Source};

use super::database::{Lease, Move, Statement, Stored};
use super::gateway::Post;
use super::hand::{Answer, Hand, Permit, Step, Then, Under};
use super::protocol::Protocol;
use super::world::{Reply, World};

impl Protocol {
    /// Makes the entry without which nothing leaves, under a lease of its own; `None` if it may not leave.
    pub(super) fn permit(&self, world: &World, stored: &Stored, second: bool) -> Option<Step> {
        let now = world.now;
        let attempt = stored.payment.submission.next_number();
        let seen = Seen::AboutToSend { attempt, reason: String::new() };
        let evidence = Evidence { source: Source::Request, at: now, begun_at: None, seen };
        let decision = stored.payment.apply(&evidence);
        let (payment, entry) = stored.payment.after(&evidence, &decision)?;
        let mut progress = stored.progress.renewed(false);
        progress.next_check_at = payment.next_check_at(&progress, now, &self.intervals);
        let (payment, until) = (Arc::new(payment), now.plus(self.intervals.lease));
        let moves = Move {
            payment: Arc::clone(&payment),
            entry: Some(Arc::new(entry)),
            expected_version: stored.payment.version,
            expected_epoch: Some(stored.epoch),
            progress,
            lease: Lease::Take(until),
            notice: None,
        };
        let permitted = Stored { payment, progress, epoch: stored.epoch + 1, leased_until: Some(until) };
        Some(Step::Permit(Permit { statement: Statement::Move(Box::new(moves)), permitted, second }))
    }

    pub(super) fn permitted(&self, world: &mut World, process: usize, mut hand: Hand, permit: Permit, reply: Reply) {
        let permitted = match reply {
            Reply::Won => Some(permit.permitted),
            Reply::Lost => None,
            Reply::Unknown => world.database.row.clone().filter(|found| is_ours(found, &permit.permitted)),
        };
        match permitted {
            Some(stored) => {
                hand.stored = stored;
                hand.step = Step::Send;
                world.take_up(process, hand);
            }
            None if permit.second => self.release(world, process, hand),
            None => {}
        }
    }

    /// The request leaves, unless its lease has grown too old.
    pub(super) fn send(&self, world: &mut World, process: usize, mut hand: Hand, connects: bool) {
        let attempt = number(&hand);
        if !connects || hand.is_too_old(world.now) {
            let seen = Seen::NotSent { attempt, reason: String::new() };
            return self.respond(world, process, hand, seen);
        }
        let left_at = world.now;
        world.gateway.posts.push(Post { attempt, left_at });
        world.witness.post_leaves(attempt, left_at);
        hand.step = Step::Wait(None);
        world.take_up(process, hand);
    }

    /// An answer, or none that could be read.
    pub(super) fn answered(&self, world: &mut World, process: usize, hand: Hand, answer: Option<Answer>) {
        let attempt = number(&hand);
        let seen = match answer {
            None => Seen::OutcomeUnknown { attempt, reason: String::new() },
            Some(Answer::Refused) => Seen::Refused { attempt, rejection: Rejection::default() },
            Some(Answer::Made { place }) => {
                let Some(made) = world.gateway.payments.get(place) else { return };
                // What it was when it was made; what happened since is told by others.
                let state =
                    if made.had(GatewayState::Checkout) { GatewayState::Checkout } else { GatewayState::Pending };
                let Some(sighting) = self.sighting(place, made, state) else { return };
                Seen::Accepted { attempt, sighting }
            }
        };
        self.respond(world, process, hand, seen);
    }

    fn respond(&self, world: &mut World, process: usize, hand: Hand, seen: Seen) {
        let evidence = Evidence { source: Source::Response, at: world.now, begun_at: None, seen };
        let under = Under { epoch: Some(hand.stored.epoch), lease: Lease::Release, notice: None, look: None };
        self.record(world, process, hand, vec![evidence], under, Then::Done);
    }
}

/// The attempt whose request a sender has in hand.
fn number(hand: &Hand) -> usize {
    hand.stored.payment.submission.attempts().len()
}

/// The commit's answer was lost: a row with the next epoch and our very attempt is ours.
fn is_ours(found: &Stored, permitted: &Stored) -> bool {
    let attempt = |stored: &Stored| stored.payment.submission.last().map(Attempt::sent_at);
    found.epoch == permitted.epoch && attempt(found) == attempt(permitted)
}
