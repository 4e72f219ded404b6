//! A caller's order: one durable row that says that a request is about to leave (orchestrator, `take.rs`).

use std::sync::Arc;

use domain::{Payment, Progress};

use super::database::{Statement, Stored};
use super::hand::{Deed, Hand, Step};
use super::protocol::Protocol;
use super::world::{Reply, World};

impl Protocol {
    pub(super) fn order(&self, world: &mut World, process: usize) {
        let now = world.now;
        let (payment, entry) = Payment::open(self.orders[process].clone(), now);
        let next_check_at = payment.next_check_at(&Progress::default(), now, &self.intervals);
        let (payment, leased_until) = (Arc::new(payment), now.plus(self.intervals.lease));
        let stored = Stored::born(Arc::clone(&payment), next_check_at, leased_until);
        let birth = Statement::Birth { payment, entry: Arc::new(entry), next_check_at, leased_until };
        world.processes[process].ordered = true;
        world.take_up(process, Hand { deed: Deed::Take, leased_at: now, stored, step: Step::Open(birth) });
    }

    #[allow(clippy::unused_self, reason = "it stands beside the other steps and is called as they are")]
    pub(super) fn opened(&self, world: &mut World, process: usize, mut hand: Hand, reply: Reply) {
        let Some(row) = world.database.row.clone() else { return };
        match reply {
            Reply::Lost => return world.tell(&row),
            // Sent only if the row is ours for certain; else the caller gets an error.
            Reply::Unknown if row.payment.id() != hand.stored.payment.id() => return,
            Reply::Won | Reply::Unknown => {}
        }
        hand.step = Step::Send;
        world.take_up(process, hand);
    }
}
