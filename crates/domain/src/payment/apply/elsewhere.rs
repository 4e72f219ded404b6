//! Evidence about gateway payments that are not ours, and have to do with ours.

use super::super::{Change, Decision, Elsewhere, Evidence, Flag, OtherPayment, Payment, Sighting};
use super::{Binding, S};

impl Payment {
    /// A notice or a list that comes while no id is ours binds none. Yet it tells that something stands under our
    /// reference, which forbids another POST until a look-up has told whose it is (protocols, section 1).
    pub(super) fn unbound(&self, sighting: &Sighting) -> Decision {
        let change = self.beside(sighting, Elsewhere::Unbound);
        Decision::Elsewhere(Elsewhere::Unbound, change.map(|other| Change { other: Some(other), ..Change::default() }))
    }

    /// What is known of a gateway payment that is not ours, once this was seen of it too; none if that is no news.
    fn beside(&self, sighting: &Sighting, relation: Elsewhere) -> Option<OtherPayment> {
        let seen = OtherPayment {
            id: sighting.id.clone(),
            relation,
            payment_type: sighting.payment_type.clone(),
            state: sighting.state.clone(),
            money: sighting.money,
            created: sighting.created,
        };
        match self.others.iter().find(|known| known.id == seen.id) {
            Some(known) => Some(known.joined_by(&seen)).filter(|other| other != known),
            None => Some(seen),
        }
    }

    /// While none is ours, a candidate that cannot be chosen stands beside us until a person chooses. Once one is ours,
    /// or none can be, there is nothing to choose.
    pub(super) fn undecided(&self, evidence: &Evidence, sighting: &Sighting) -> Decision {
        if self.gateway_payment_id.is_some() || self.state != S::Submitted {
            return self.sighted(evidence, sighting, None);
        }
        match self.elsewhere(sighting, Some(Binding::LookUp)) {
            Decision::Elsewhere(relation, change) if !self.flags.contains(&Flag::UndecidedCandidates) => {
                let mut change = change.unwrap_or_default();
                change.flags.insert(Flag::UndecidedCandidates);
                Decision::Elsewhere(relation, Some(change))
            }
            decision => decision,
        }
    }

    /// Evidence about a gateway payment that is not ours: kept beside ours, and ours stays as it is.
    pub(super) fn elsewhere(&self, sighting: &Sighting, binding: Option<Binding>) -> Decision {
        let news = self.beside(sighting, self.relation(sighting));
        let known = self.others.iter().find(|known| known.id == sighting.id);
        let Some(other) = news.as_ref().or(known) else { return Decision::Stale };
        let relation = other.relation;
        let mut change = Change::default();
        if relation == Elsewhere::Surplus {
            change.flags.insert(Flag::Surplus);
            if other.is_paid() && self.state.is_dead() {
                change.flags.insert(Flag::PaidElsewhere);
            }
            if self.state == S::Rejected {
                change.flags.insert(Flag::Contradiction);
            }
        }
        change.flags.retain(|flag| !self.flags.contains(flag));
        change.other = news;
        self.answered(sighting, binding, &mut change);
        Decision::Elsewhere(relation, Some(change).filter(|change| *change != Change::default()))
    }

    fn relation(&self, sighting: &Sighting) -> Elsewhere {
        let child_of_ours = self.gateway_payment_id.is_some() && sighting.parent == self.gateway_payment_id;
        let ours: &'static str = self.opening.payment_type.into();
        let same_type = sighting.payment_type.as_deref().is_none_or(|theirs| theirs == ours);
        match (child_of_ours, same_type) {
            (true, true) => Elsewhere::Cascade,
            (true, false) => Elsewhere::Foreign,
            (false, _) => Elsewhere::Surplus,
        }
    }

    /// The flag of a payment that dies while its twin is paid; the same in whichever order the two are seen.
    pub(super) fn paid_elsewhere_if_dead(&self, ours: Option<&Sighting>) -> Option<Flag> {
        let is_ours = |other: &OtherPayment| ours.is_some_and(|ours| ours.id == other.id);
        let twin = |other: &&OtherPayment| other.relation == Elsewhere::Surplus && !is_ours(other);
        let paid = self.others.iter().filter(twin).any(OtherPayment::is_paid);
        (paid && !self.flags.contains(&Flag::PaidElsewhere)).then_some(Flag::PaidElsewhere)
    }
}
