use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::caller::{disturb, go_down};
use crate::executor::Owner;
use crate::fault::{Fault, FaultCounts};
use crate::process::PROCESSES;
use crate::trace::Tracing;
use crate::world::World;
use crate::{Mover, PlantedBug, Violation};

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Tells everything that happens.
    pub seed: u64,
    /// What is kept of it.
    pub tracing: Tracing,
    /// A deliberate mistake.
    pub bug: Option<PlantedBug>,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Run {
    /// The seed that it came from.
    pub seed: u64,
    /// Things that happened: a statement in the database, an exchange with the gateway, a webhook, a customer's deed, a
    /// process that dies. Polls of tasks are not counted.
    pub steps: u64,
    /// Those of them that happened before faults ended.
    pub steps_under_faults: u64,
    /// What went wrong on purpose.
    pub faults: FaultCounts,
    /// Payments that were opened.
    pub payments: usize,
    /// POSTs that left and move money by themselves, by what makes them so.
    pub posted: BTreeMap<Mover, u64>,
    /// How much time went by in it.
    pub simulated: Duration,
    /// Over all lines of the trace, unless they were only counted.
    pub trace_hash: u64,
    /// The lines, if they were kept.
    pub trace: Vec<String>,
    /// The rule that was broken, if one was.
    pub violation: Option<Violation>,
}

/// How long the world stays quiet at the end: longer than the last look-up of an unknown outcome (72 hours, and a day
/// for one that comes late).
const QUIET: Duration = Duration::from_hours(5 * 24);

/// No run of a sound service comes near; one that turns in circles is stopped.
const STEPS_MAX: u64 = 100_000;

/// One seed, one run: a while in which everything may go wrong, then five quiet days, then the judgement.
pub fn run(plan: &Plan) -> Run {
    let Some(world) = World::new(plan) else { unreachable!("the fixed names and keys of a run are valid") };
    let chance = &world.chance;
    for slot in 0..PROCESSES {
        world.start_process(slot);
    }
    let orders_until = chance.pick([Duration::from_mins(2), Duration::from_mins(20), Duration::from_hours(2)]);
    for number in 0..4 + chance.below(13) {
        let sent = world.send_callers(number, orders_until);
        if sent.is_none() {
            world.violate(Violation::of_the_simulation("an order is not valid"));
        }
    }
    let faults_until =
        orders_until + chance.pick([Duration::from_mins(10), Duration::from_mins(40), Duration::from_hours(3)]);
    world.send_strangers(faults_until);
    world.executor.spawn(Owner::World, disturb(Arc::clone(&world), faults_until));
    let faults_until = plan_outage(&world, faults_until);

    drive(&world, faults_until);
    let steps_under_faults = world.steps();
    world.calm_down();
    world.step("world", format_args!("faults end"));
    let end = faults_until + QUIET;
    drive_and_inspect(&world, end);
    judge_end(&world);

    world.executor.clear();
    world.processes.lock().clear();
    let trace = world.take_trace();
    let judge = world.judge.lock();
    Run {
        seed: plan.seed,
        steps: trace.steps,
        steps_under_faults,
        faults: world.faults(),
        payments: judge.payments(),
        posted: judge.posted(),
        simulated: world.executor.now(),
        trace_hash: trace.hash(),
        trace: trace.lines,
        violation: judge.verdict.clone(),
    }
}

/// A run with an outage lasts longer than it: when it is over, faults go on for a while.
fn plan_outage(world: &Arc<World>, faults_until: Duration) -> Duration {
    if !world.strikes(Fault::Outage) {
        return faults_until;
    }
    let begins = world.chance.between(Duration::ZERO, faults_until);
    let pause = world.chance.between(Duration::from_hours(25), Duration::from_hours(45));
    world.executor.spawn(Owner::World, go_down(Arc::clone(world), begins, pause));
    faults_until + pause
}

/// Lets everything happen that happens until `until`.
fn drive(world: &Arc<World>, until: Duration) {
    loop {
        while let Some(owner) = world.executor.step(&world.chance) {
            if let Owner::Process(slot) = owner {
                world.endanger(slot);
            }
            if world.is_decided() {
                return;
            }
            if world.steps() > STEPS_MAX {
                return world.violate(Violation::new("I14", format!("more than {STEPS_MAX} steps in one run")));
            }
        }
        if !world.executor.advance(until) {
            return world.executor.pass_to(until);
        }
    }
}

/// The quiet days, with a look at everybody's progress now and then.
fn drive_and_inspect(world: &Arc<World>, end: Duration) {
    // What was under way when faults ended may take this long: a process that stands still, a breaker, a lease.
    let mut at = world.executor.now() + Duration::from_mins(30);
    while at < end && !world.is_decided() {
        drive(world, at);
        let found = world.judge.lock().check_progress(world.time());
        found.unwrap_or_else(|violation| world.violate(violation));
        at += Duration::from_hours(5);
    }
    drive(world, end);
}

fn judge_end(world: &Arc<World>) {
    if world.is_decided() {
        return;
    }
    let found = world.with_engine(|engine, now| {
        engine.tick(now);
        world.judge.lock().check_end(&world.memory, engine, world.time())
    });
    found.unwrap_or_else(|violation| world.violate(violation));
}
