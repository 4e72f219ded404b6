//! The gateway's notices: durable first, then applied (orchestrator, `notice.rs`).

use domain::{Evidence, Seen, Source, Time};

use super::database::{Filed, Kept, Lease, Notice};
use super::hand::{Deed, Hand, Step, Then, Under};
use super::protocol::{Protocol, TICK};
use super::world::World;

impl Protocol {
    /// A notice comes, and is durable; it may have come before.
    pub(super) fn hear(&self, world: &mut World, process: usize, notice: Notice) {
        let kept = Kept { received_at: world.now, filed: None };
        let received_at = world.database.inbox.entry(notice).or_insert(kept).received_at;
        let Some(stored) = world.database.row.clone() else { return };
        let Some(made) = world.gateway.payments.get(notice.place) else { return };
        let Some(sighting) = self.sighting(notice.place, made, notice.state) else { return };
        // The gateway's notices do not carry the checkout page.
        let seen = Seen::Reported { sighting: domain::Sighting { redirect_url: None, ..sighting } };
        let evidence = Evidence { source: Source::Webhook, at: received_at, begun_at: None, seen };
        let under = Under { epoch: None, lease: Lease::Keep, notice: Some(notice), look: None };
        let hand = Hand { deed: Deed::Hear(notice), leased_at: world.now, stored, step: Step::Send };
        self.record(world, process, hand, vec![evidence], under, Then::Done);
    }

    /// It was decided what it means; or it waits for the look-up that it has asked for, and not for ever.
    #[allow(clippy::unused_self, reason = "it stands beside the other steps and is called as they are")]
    pub(super) fn heard(&self, world: &mut World, notice: Notice) {
        let waited_since: Option<Time> = world.database.inbox.get(&notice).map(|kept| kept.received_at);
        if waited_since.is_some_and(|since| world.now.since(since) >= TICK) {
            world.database.file(notice, Filed::Unmatched);
        }
    }
}
