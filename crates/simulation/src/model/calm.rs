//! What comes of a world once nothing goes wrong any more.

use domain::{PaymentState, Submission};

use super::action::{Action, Fate};
use super::hand::Step;
use super::protocol::Protocol;
use super::world::World;

/// No sound world needs as many steps.
const STEPS_MAX: usize = 500;

impl Protocol {
    /// Whether the payment comes to a proven end, though no notice ever comes. A payment whose requests are all used up
    /// and that the gateway does not have stays unknown, and is looked at for ever: that is no end, and no mistake.
    pub(super) fn ends_calmly(&self, world: &World) -> bool {
        let mut world = world.clone();
        for _ in 0..STEPS_MAX {
            if world.has_ended() || world.waits_for_a_person() {
                return true;
            }
            let step = world.calm_step();
            self.act(&mut world, step);
        }
        false
    }
}

impl World {
    fn has_ended(&self) -> bool {
        let Some(row) = &self.database.row else { return true };
        let ours = row.payment.gateway_payment_id.is_some();
        let proven = ours || row.payment.state == PaymentState::Rejected;
        row.payment.state.is_final() && proven && row.progress.next_check_at.is_none()
    }

    fn waits_for_a_person(&self) -> bool {
        let Some(row) = &self.database.row else { return false };
        let (payment, nothing_left) = (&row.payment, self.gateway.posts.is_empty());
        payment.state == PaymentState::Submitted
            && payment.submission.possibly_sent() == Submission::sent_max(payment.opening.kind)
            && self.gateway.payments.is_empty()
            && nothing_left
            && row.progress.next_check_at.is_some()
            && self.processes.iter().all(|process| process.hand.is_none())
    }

    /// Everything goes well, and at once; time passes when there is nothing to do.
    fn calm_step(&self) -> Action {
        let due = self.database.row.as_ref().is_some_and(|row| row.is_due(self.now));
        if !self.gateway.posts.is_empty() {
            return Action::TakesEffect(0, true);
        }
        if let Some(place) = self.gateway.payments.iter().position(|made| !made.listed) {
            return Action::IsListed(place);
        }
        for (place, made) in self.gateway.payments.iter().enumerate() {
            if let Some(state) = made.next_states(true, false).first() {
                return Action::Turns(place, *state);
            }
        }
        let hands = self.processes.iter().enumerate();
        if let Some((process, hand)) = hands.into_iter().find_map(|(at, it)| Some((at, it.hand.as_ref()?))) {
            return match &hand.step {
                Step::Open(_) | Step::Permit(_) | Step::Record(_) | Step::Note(_) => {
                    Action::Commits(process, Fate::Told)
                }
                Step::Send => Action::Sends(process, true),
                Step::Wait(Some(_)) => Action::GetsItsAnswer(process),
                Step::Wait(None) => Action::LosesItsAnswer(process),
                Step::Look(_) => Action::Sees(process),
            };
        }
        if due { Action::Claims(0) } else { Action::TimePasses }
    }
}
