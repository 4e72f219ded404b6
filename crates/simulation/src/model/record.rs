//! The one door through which a payment changes (orchestrator, `record.rs`).

use std::sync::Arc;

use domain::{Decision, Elsewhere, Entry, Evidence, Payment, Progress};

use super::database::{Lease, Move, Statement, Stored};
use super::hand::{Hand, Looked, Note, Record, Step, Then, Under};
use super::protocol::Protocol;
use super::world::{Reply, World};

impl Protocol {
    /// Decides on the first piece of evidence that is worth a commit, and hands that to the database; the deed goes on
    /// when nothing is left. `under` says what becomes of lease and look with the last of it.
    pub(super) fn record(
        &self,
        world: &mut World,
        process: usize,
        mut hand: Hand,
        mut evidence: Vec<Evidence>,
        under: Under,
        then: Then,
    ) {
        while let Some(first) = evidence.first() {
            let now = if evidence.len() == 1 { under } else { Under { lease: Lease::Keep, look: None, ..under } };
            if let Some((statement, after)) = self.write(world, &hand.stored, first, now) {
                hand.step = Step::Record(Box::new(Record { evidence, under, statement, after, then }));
                return world.take_up(process, hand);
            }
            evidence.remove(0);
        }
        self.go_on(world, process, hand, then);
    }

    pub(super) fn recorded(&self, world: &mut World, process: usize, mut hand: Hand, record: Record, reply: Reply) {
        let Record { mut evidence, mut under, after, then, .. } = record;
        if reply == Reply::Won {
            hand.stored = after;
            evidence.remove(0);
        } else {
            // Somebody was faster, or nobody knows: decide again on what is true by now.
            let Some(row) = world.database.row.clone() else { return };
            hand.stored = row;
            if under.epoch != Some(hand.stored.epoch) {
                under = Under { epoch: None, lease: Lease::Keep, ..under };
            }
        }
        self.record(world, process, hand, evidence, under, then);
    }

    /// Writes that somebody looked and saw nothing new.
    pub(super) fn record_look(&self, world: &mut World, process: usize, mut hand: Hand, under: Under, then: Then) {
        let stored = &hand.stored;
        let progress = self.progressed(world, &stored.payment, stored.progress, under.look, false);
        let after = Stored { progress, ..stored.clone() };
        let statement = moves(stored, Arc::clone(&stored.payment), None, progress, under);
        hand.step = Step::Note(Note { statement, after, then });
        world.take_up(process, hand);
    }

    /// Losing is no failure: whoever was faster has written its own next check.
    pub(super) fn noted(&self, world: &mut World, process: usize, mut hand: Hand, note: Note, reply: Reply) {
        if reply == Reply::Unknown {
            return;
        }
        hand.stored = note.after;
        self.go_on(world, process, hand, note.then);
    }

    /// The statement that records a decision, and the payment as it is then; none if there is nothing to write.
    fn write(&self, world: &World, stored: &Stored, evidence: &Evidence, under: Under) -> Option<(Statement, Stored)> {
        let decision = stored.payment.apply(evidence);
        let waits = matches!(decision, Decision::Elsewhere(Elsewhere::Unbound, _));
        let notice = under.notice.filter(|_| !waits);
        let (payment, entry) = match stored.payment.after(evidence, &decision) {
            Some((payment, entry)) => (Arc::new(payment), Some(Arc::new(entry))),
            None => (Arc::clone(&stored.payment), None),
        };
        let beside = under.look.is_some() || under.lease != Lease::Keep || waits;
        if entry.is_none() && !beside {
            return notice.map(|notice| (Statement::File(notice), stored.clone()));
        }
        let anew = entry.as_ref().is_some_and(|entry| entry.change.state.is_some() || entry.change.attempt.is_some());
        let mut progress = self.progressed(world, &payment, stored.progress, under.look, anew);
        if waits {
            progress.next_check_at = Some(evidence.at);
        }
        let after = Stored { payment: Arc::clone(&payment), progress, ..stored.clone() };
        Some((moves(stored, payment, entry, progress, Under { notice, ..under }), after))
    }

    /// What lies beside the ledger after a look, or after a change.
    fn progressed(
        &self,
        world: &World,
        payment: &Payment,
        before: Progress,
        look: Option<Looked>,
        anew: bool,
    ) -> Progress {
        let mut progress = if anew { before.renewed(false) } else { before };
        if let Some(look) = look {
            progress.checked_at = Some(look.at);
            if !anew {
                progress.checks = progress.checks.saturating_add(1);
                progress.empty_look_ups = progress.empty_look_ups.saturating_add(u32::from(look.proves_absence));
            }
        }
        progress.next_check_at = payment.next_check_at(&progress, world.now, &self.intervals);
        progress
    }
}

fn moves(
    stored: &Stored,
    payment: Arc<Payment>,
    entry: Option<Arc<Entry>>,
    progress: Progress,
    under: Under,
) -> Statement {
    Statement::Move(Box::new(Move {
        payment,
        entry,
        expected_version: stored.payment.version,
        expected_epoch: under.epoch,
        progress,
        lease: under.lease,
        notice: under.notice,
    }))
}
