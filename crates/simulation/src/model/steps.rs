//! Which steps can be taken, within the bounds.

use domain::{GatewayState, Kind, Time};

use super::action::{Action, Fate};
use super::database::Notice;
use super::hand::{Deed, Hand, PROCESSES, Step};
use super::policy::QUARANTINE;
use super::protocol::{Manners, Protocol, TICK};
use super::world::World;

impl Protocol {
    /// Every step that can be taken.
    pub fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for process in 0..PROCESSES {
            match &world.processes[process].hand {
                Some(hand) => steps_of(process, hand, world, actions),
                None => self.beginnings(process, world, actions),
            }
        }
        self.steps_of_the_gateway(world, actions);
        if world.database.late.is_some() {
            actions.push(Action::HappensLate);
        }
        if self.time_may_pass(world) {
            actions.push(Action::TimePasses);
        }
        if world.faults_left == 0 {
            actions.retain(|action| !world.is_fault(*action));
        }
    }

    #[allow(clippy::unused_self, reason = "it stands beside the other steps and is called as they are")]
    fn beginnings(&self, process: usize, world: &World, actions: &mut Vec<Action>) {
        if !world.processes[process].ordered && world.database.row.is_none() {
            actions.push(Action::Orders(process));
        }
        let Some(row) = &world.database.row else { return };
        if row.is_due(world.now) {
            actions.push(Action::Claims(process));
        }
        for (place, made) in world.gateway.payments.iter().enumerate() {
            for state in TOLD_BY_NOTICE.into_iter().filter(|state| made.had(*state)) {
                if world.may_hear(Notice { place, state }, self.bounds.notices) {
                    actions.push(Action::Hears(process, place, state));
                }
            }
        }
    }

    fn steps_of_the_gateway(&self, world: &World, actions: &mut Vec<Action>) {
        for place in 0..world.gateway.posts.len() {
            actions.extend([
                Action::IsLost(place),
                Action::IsRefused(place),
                Action::TakesEffect(place, true),
                Action::TakesEffect(place, false),
            ]);
        }
        for (place, made) in world.gateway.payments.iter().enumerate() {
            if !made.listed {
                actions.push(Action::IsListed(place));
            }
            let shown =
                self.kind() == Kind::Moving || self.name(place).is_some_and(|id| world.witness.shown.contains(id));
            let next = made.next_states(shown, self.manners == Manners::Any);
            actions.extend(next.iter().map(|state| Action::Turns(place, *state)));
        }
    }

    /// Time ends at the bound, stands still while there is nothing, and does not pass what a punctual gateway owes.
    fn time_may_pass(&self, world: &World) -> bool {
        let then = world.now.plus(TICK);
        let owed = |left_at: Time| self.manners == Manners::Punctual && left_at.plus(QUARANTINE) <= then;
        let nothing = world.database.row.is_none() && world.processes.iter().all(|process| process.hand.is_none());
        then <= Time::EPOCH.plus(TICK * self.bounds.ticks)
            && !nothing
            && !world.gateway.posts.iter().any(|post| owed(post.left_at))
            && !world.gateway.payments.iter().any(|made| !made.listed && owed(made.left_at))
    }
}

/// That a payment waits for its customer is told by the answer alone.
const TOLD_BY_NOTICE: [GatewayState; 4] =
    [GatewayState::Pending, GatewayState::Completed, GatewayState::Declined, GatewayState::Cancelled];

fn steps_of(process: usize, hand: &Hand, world: &World, actions: &mut Vec<Action>) {
    match &hand.step {
        Step::Open(_) | Step::Permit(_) | Step::Record(_) | Step::Note(_) => {
            actions.extend([Fate::Told, Fate::Untold, Fate::Never].map(|fate| Action::Commits(process, fate)));
            if world.database.late.is_none() {
                actions.push(Action::Commits(process, Fate::Late));
            }
        }
        Step::Send => {
            actions.push(Action::Sends(process, false));
            if !hand.is_too_old(world.now) {
                actions.push(Action::Sends(process, true));
            }
        }
        Step::Wait(answer) => {
            if answer.is_some() {
                actions.push(Action::GetsItsAnswer(process));
            }
            actions.push(Action::LosesItsAnswer(process));
        }
        Step::Look(_) => actions.extend([Action::Sees(process), Action::LooksInVain(process)]),
    }
    actions.push(Action::Dies(process));
}

impl World {
    /// A notice is filed once, by one process at a time.
    fn may_hear(&self, notice: Notice, notices_max: usize) -> bool {
        let inbox = &self.database.inbox;
        let hands = self.processes.iter().filter_map(|process| process.hand.as_ref());
        let in_hand = hands.into_iter().any(|hand| hand.deed == Deed::Hear(notice));
        match inbox.get(&notice) {
            Some(kept) => kept.filed.is_none() && !in_hand,
            None => inbox.len() < notices_max,
        }
    }

    /// Whether a step is one of those that are bounded. A step takes less than a tick unless something is wrong.
    pub(super) fn is_fault(&self, action: Action) -> bool {
        match action {
            Action::Dies(_) | Action::LooksInVain(_) | Action::Commits(_, Fate::Untold | Fate::Never | Fate::Late) => {
                true
            }
            Action::TimePasses => {
                let busy = self.processes.iter().any(|process| process.hand.is_some());
                busy || self.database.row.as_ref().is_some_and(|row| row.is_due(self.now))
            }
            _ => false,
        }
    }
}
