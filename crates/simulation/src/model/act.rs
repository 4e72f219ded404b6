//! What a step does.

use super::action::Action;
use super::database::Notice;
use super::gateway::{Made, Post};
use super::hand::{Answer, Hand, Step};
use super::protocol::{Protocol, TICK};
use super::world::World;

impl Protocol {
    /// The world after a step that can be taken in it.
    #[must_use]
    pub fn after(&self, world: &World, action: Action) -> World {
        let mut after = world.clone();
        after.faults_left = after.faults_left.saturating_sub(u32::from(world.is_fault(action)));
        self.act(&mut after, action);
        after
    }

    pub(super) fn act(&self, world: &mut World, action: Action) {
        match action {
            Action::Orders(process) => self.order(world, process),
            Action::Claims(process) => self.claim(world, process),
            Action::Hears(process, place, state) => self.hear(world, process, Notice { place, state }),
            Action::Dies(process) => world.processes[process].hand = None,
            Action::Commits(process, _)
            | Action::Sends(process, _)
            | Action::GetsItsAnswer(process)
            | Action::LosesItsAnswer(process)
            | Action::Sees(process)
            | Action::LooksInVain(process) => {
                if let Some(hand) = world.processes[process].hand.take() {
                    self.go_ahead(world, process, *hand, action);
                }
            }
            Action::HappensLate => {
                if let Some(statement) = world.database.late.take() {
                    world.execute(&statement);
                }
            }
            Action::IsLost(post) => drop(world.gateway.posts.remove(post)),
            Action::IsRefused(post) => {
                let post = world.gateway.posts.remove(post);
                world.answer(post, Answer::Refused);
            }
            Action::TakesEffect(post, listed) => {
                let post = world.gateway.posts.remove(post);
                world.answer(post, Answer::Made { place: world.gateway.payments.len() });
                world.gateway.payments.push(Made::new(self.kind(), listed, world.now, post.left_at));
            }
            Action::IsListed(place) => world.gateway.payments[place].listed = true,
            Action::Turns(place, state) => world.gateway.payments[place].turn(state),
            Action::TimePasses => world.now = world.now.plus(TICK),
        }
    }

    /// The next step of a deed.
    fn go_ahead(&self, world: &mut World, process: usize, mut hand: Hand, action: Action) {
        // A place that says nothing; each of the steps below puts its own there.
        let step = std::mem::replace(&mut hand.step, Step::Send);
        match (step, action) {
            (Step::Open(statement), Action::Commits(_, fate)) => {
                let reply = world.run(&statement, fate);
                self.opened(world, process, hand, reply);
            }
            (Step::Permit(permit), Action::Commits(_, fate)) => {
                let reply = world.run(&permit.statement, fate);
                self.permitted(world, process, hand, permit, reply);
            }
            (Step::Record(record), Action::Commits(_, fate)) => {
                let reply = world.run(&record.statement, fate);
                self.recorded(world, process, hand, *record, reply);
            }
            (Step::Note(note), Action::Commits(_, fate)) => {
                let reply = world.run(&note.statement, fate);
                self.noted(world, process, hand, note, reply);
            }
            (Step::Send, Action::Sends(_, connects)) => self.send(world, process, hand, connects),
            (Step::Wait(answer), Action::GetsItsAnswer(_)) => self.answered(world, process, hand, answer),
            (Step::Wait(_), Action::LosesItsAnswer(_)) => self.answered(world, process, hand, None),
            (Step::Look(look), Action::Sees(_)) => self.see(world, process, hand, look),
            (Step::Look(look), Action::LooksInVain(_)) => self.see_nothing(world, process, hand, look),
            (step, _) => {
                hand.step = step;
                world.take_up(process, hand);
            }
        }
    }
}

impl World {
    /// Whoever waits for the answer to this request gets it, or loses it.
    fn answer(&mut self, post: Post, answer: Answer) {
        let hands = self.processes.iter_mut().filter_map(|process| process.hand.as_mut());
        for hand in hands.filter(|hand| hand.stored.payment.submission.attempts().len() == post.attempt) {
            if let Step::Wait(awaited) = &mut hand.step {
                *awaited = Some(answer);
            }
        }
    }
}
