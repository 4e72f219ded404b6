//! The create protocol, exhaustively within bounds: no world that can be reached breaks a rule, and mistakes are found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "a figure counts only with its states and depth beside it")]

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use domain::Kind;
use simulation::model::{Action, Bounds, Manners, Policy, Protocol, Reach, Rule, World};
use stateright::{Checker, HasDiscoveries, Model, Property};

/// Most of what a step takes is memory that is asked for and given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The protocol as the checker walks through it.
struct Checked(Protocol);

impl Model for Checked {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.0.start()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.0.actions(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(self.0.after(world, action))
    }

    /// The checker takes functions and no closures, so each is written out.
    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! rules {
            ($($rule:ident)*) => { [$(
                Property::always(Rule::$rule.name(), |model: &Self, world| Rule::$rule.holds(&model.0, world))
            ),*] };
        }
        macro_rules! reaches {
            ($($reach:ident)*) => { [$(
                Property::sometimes(Reach::$reach.name(), |_: &Self, world| Reach::$reach.is_here(world))
            ),*] };
        }
        let rules = rules![
            OneRequestAnAttempt NoMoreThanAllowed SentTwiceInHaste OneIsMade OneIsShown OneIsPaid OnePayment NoticesBindNothing NoRegress
            NoInvention SomebodyLooks ItEnds AllIsKnownAtTheEnd NothingHidden LedgerIsRow
        ];
        let reaches = reaches![Completed CompletedAfterACrash CompletedByTheSecond Rejected Surplus Corrected];
        rules.into_iter().chain(reaches).collect()
    }
}

fn model(kind: Kind, manners: Manners, policy: Policy, bounds: Bounds) -> Checked {
    Checked(Protocol::new(kind, manners, policy, bounds).unwrap())
}

fn bounds(ticks: u32, faults: u32, notices: usize) -> Bounds {
    Bounds { ticks, faults, notices }
}

const WORLDS: [(Kind, Manners); 4] = [
    (Kind::Moving, Manners::Punctual),
    (Kind::Moving, Manners::Any),
    (Kind::Inert, Manners::Punctual),
    (Kind::Inert, Manners::Any),
];

/// Ticks, faults and notices of models that are walked through to their end, all four worlds of each, until there were
/// states enough.
const ROUNDS: [(u32, u32, usize); 7] = [(5, 0, 0), (2, 0, 1), (3, 1, 0), (3, 0, 1), (6, 0, 0), (5, 1, 0), (2, 1, 1)];

/// How many states at least; `make gate` asks for more.
fn states_asked_for() -> usize {
    std::env::var("MODEL_STATES").map_or(150_000, |states| states.parse().expect("MODEL_STATES must be a number"))
}

/// Walks through a whole model; answers how many states it has.
fn walk_through(kind: Kind, manners: Manners, bounds: Bounds) -> usize {
    let begun = Instant::now();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let checker = model(kind, manners, Policy::Sound, bounds).checker().threads(cores);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let discoveries = checker.discoveries();
    for rule in Rule::ALL {
        if let Some(path) = discoveries.get(rule.name()) {
            let actions = path.clone().into_actions();
            panic!("{kind} {manners:?} {bounds:?}: {rule} is broken\n{actions:#?}\n{:#?}", path.last_state());
        }
    }
    println!(
        "{:<6} {:<8} {} ticks, {} faults, {} notices: {:>7} unique states of {:>7}, depth {:>2}, in {:.1?}",
        kind.to_string(),
        format!("{manners:?}"),
        bounds.ticks,
        bounds.faults,
        bounds.notices,
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed(),
    );
    checker.unique_state_count()
}

#[test]
fn no_world_that_can_be_reached_breaks_a_rule() {
    let (begun, asked_for) = (Instant::now(), states_asked_for());
    let mut states = 0;
    for (ticks, faults, notices) in ROUNDS {
        if states >= asked_for {
            break;
        }
        for (kind, manners) in WORLDS {
            states += walk_through(kind, manners, bounds(ticks, faults, notices));
        }
    }
    println!("{states} unique states in {:.1?}, each model to its end", begun.elapsed());
    assert!(states >= asked_for, "{states} states in all rounds, {asked_for} asked for");
}

/// Walks on until it is there.
fn assert_reached(reach: Reach, kind: Kind, manners: Manners, bounds: Bounds) {
    let found = HasDiscoveries::AnyOf(BTreeSet::from([reach.name()]));
    let checker = model(kind, manners, Policy::Sound, bounds).checker().finish_when(found).spawn_bfs().join();
    let Some(path) = checker.discovery(reach.name()) else {
        panic!("{kind} {manners:?}: {} is not in {} states", reach.name(), checker.unique_state_count());
    };
    println!("{kind} {manners:?}: {} after {} steps", reach.name(), path.into_actions().len());
}

#[test]
fn each_end_can_be_reached_also_after_a_crash() {
    for (kind, manners) in WORLDS {
        assert_reached(Reach::Completed, kind, manners, bounds(2, 0, 0));
        assert_reached(Reach::CompletedAfterACrash, kind, manners, bounds(3, 1, 0));
        assert_reached(Reach::Rejected, kind, manners, bounds(2, 0, 0));
    }
    assert_reached(Reach::CompletedByTheSecond, Kind::Inert, Manners::Punctual, bounds(5, 0, 0));
    assert_reached(Reach::Surplus, Kind::Inert, Manners::Any, bounds(6, 0, 0));
    assert_reached(Reach::Corrected, Kind::Moving, Manners::Any, bounds(2, 1, 1));
}

/// The shortest way to a broken rule; a policy that is wrong must have one.
fn assert_found_out(policy: Policy, kind: Kind, manners: Manners, rule: Rule) {
    let begun = Instant::now();
    let checker = model(kind, manners, policy, bounds(4, 1, 0)).checker();
    let found = HasDiscoveries::AnyOf(BTreeSet::from([rule.name()]));
    let checker = checker.finish_when(found).spawn_bfs().join();
    let Some(path) = checker.discovery(rule.name()) else {
        panic!("{policy:?}, {kind}: nothing breaks {rule} in {} states", checker.unique_state_count());
    };
    let actions = path.into_actions();
    println!(
        "{policy:?}, {kind}: {rule} is broken after {} steps, found in {} states and {:.1?}",
        actions.len(),
        checker.unique_state_count(),
        begun.elapsed(),
    );
    for action in &actions {
        println!("  {action:?}");
    }
}

#[test]
fn a_lease_that_ran_out_proves_nothing() {
    assert_found_out(Policy::LeaseOverIsNotSent, Kind::Moving, Manners::Punctual, Rule::NoMoreThanAllowed);
    assert_found_out(Policy::LeaseOverIsNotSent, Kind::Moving, Manners::Any, Rule::OneIsPaid);
    assert_found_out(Policy::LeaseOverIsNotSent, Kind::Inert, Manners::Punctual, Rule::SentTwiceInHaste);
}

#[test]
fn one_empty_look_up_without_quarantine_proves_nothing() {
    assert_found_out(Policy::NoQuarantine, Kind::Inert, Manners::Punctual, Rule::SentTwiceInHaste);
    assert_found_out(Policy::NoQuarantine, Kind::Inert, Manners::Punctual, Rule::OneIsMade);
}

#[test]
fn a_moving_payment_that_is_not_found_may_have_moved_all_the_same() {
    assert_found_out(Policy::EmptyLookUpIsNotSent, Kind::Moving, Manners::Punctual, Rule::NoMoreThanAllowed);
    assert_found_out(Policy::EmptyLookUpIsNotSent, Kind::Moving, Manners::Any, Rule::OneIsPaid);
}

/// Of worlds that count as the same only one is walked on from, and which one it is depends on the order. If they were
/// not the same, another order would come to another number of worlds.
#[test]
fn worlds_that_count_as_the_same_have_the_same_future() {
    let ticks = if states_asked_for() < 1_000_000 { 3 } else { 5 };
    for bounds in [bounds(ticks, 1, 0), bounds(1, 1, 1)] {
        for (kind, manners) in WORLDS {
            let walk = move || model(kind, manners, Policy::Sound, bounds).checker();
            let broad = thread::spawn(move || walk().spawn_bfs().join().unique_state_count());
            let deep = walk().spawn_dfs().join().unique_state_count();
            assert_eq!(broad.join().unwrap(), deep, "{kind} {manners:?} {bounds:?}");
        }
    }
}

#[test]
fn the_checker_is_told_every_rule_and_every_end() {
    let told = model(Kind::Inert, Manners::Any, Policy::Sound, bounds(1, 0, 0)).properties();
    let told: Vec<&str> = told.into_iter().map(|property| property.name).collect();
    let rules = Rule::ALL.iter().map(|rule| rule.name());
    let all: Vec<&str> = rules.chain(Reach::ALL.iter().map(|reach| reach.name())).collect();
    assert_eq!(told, all);
}
