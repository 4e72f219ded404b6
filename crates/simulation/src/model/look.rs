//! What a look at the gateway brings (orchestrator, `look_up.rs`).

use std::time::Duration;

use domain::{Evidence, LookUp, Seen, Sighting, Source, choose};

use super::hand::{Hand, Look, Step};
use super::protocol::Protocol;
use super::world::World;

impl Protocol {
    /// The gateway answers as it is now; the look may have begun long before.
    pub(super) fn see(&self, world: &mut World, process: usize, mut hand: Hand, look: Look) {
        if !look.by_id {
            return self.see_under_reference(world, process, hand, look);
        }
        let found = self.see_by_id(world, &hand, &look);
        if hand.stored.payment.needs_look_up(world.now, &self.intervals) {
            hand.step = Step::Look(Look { begun_at: world.now, by_id: false, found });
            return world.take_up(process, hand);
        }
        self.record_looked(world, process, hand, found, None);
    }

    /// The gateway could not be asked. What a look by id had brought before is true all the same.
    pub(super) fn see_nothing(&self, world: &mut World, process: usize, hand: Hand, look: Look) {
        self.record_looked(world, process, hand, look.found, None);
    }

    fn see_by_id(&self, world: &World, hand: &Hand, look: &Look) -> Vec<Evidence> {
        let payments = world.gateway.payments.iter().enumerate();
        let ours = hand.stored.payment.gateway_payment_id.as_ref();
        let made = payments.into_iter().find(|(place, _)| self.name(*place) == ours);
        let sighting = made.and_then(|(place, made)| self.sighting(place, made, made.state));
        let evidence = |sighting| Evidence {
            source: Source::Poll,
            at: world.now,
            begun_at: Some(look.begun_at),
            seen: Seen::Reported { sighting },
        };
        sighting.map(evidence).into_iter().collect()
    }

    fn see_under_reference(&self, world: &mut World, process: usize, hand: Hand, look: Look) {
        let Look { begun_at, mut found, .. } = look;
        let listed = world.gateway.payments.iter().enumerate().filter(|(_, made)| made.listed);
        let candidates: Vec<Sighting> =
            listed.filter_map(|(place, made)| self.sighting(place, made, made.state)).collect();
        let evidence = |seen| Evidence { source: Source::Sweep, at: world.now, begun_at: None, seen };
        let reported = |sighting: &Sighting| evidence(Seen::Reported { sighting: sighting.clone() });
        if candidates.is_empty() {
            world.witness.saw_nothing(begun_at);
        }
        if hand.stored.payment.gateway_payment_id.is_some() {
            found.extend(candidates.iter().map(reported));
            return self.record_looked(world, process, hand, found, None);
        }
        let nothing_as_of = match choose(&hand.stored.payment, &candidates, Duration::ZERO) {
            LookUp::Nothing => Some(begun_at),
            LookUp::Adopt { chosen, rest } => {
                found.push(evidence(Seen::Found { sighting: chosen.clone() }));
                found.extend(rest.into_iter().map(reported));
                None
            }
            LookUp::Undecided(all) => {
                found.extend(all.into_iter().map(|sighting| evidence(Seen::Undecided { sighting: sighting.clone() })));
                None
            }
        };
        self.record_looked(world, process, hand, found, nothing_as_of);
    }
}
