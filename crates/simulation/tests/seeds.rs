//! Seeds: many without a violation, and one exactly again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "a figure counts only with its steps and faults beside it")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fault_catalogue::{CATALOGUE, Proof};
use simulation::{Fault, FaultCounts, Mover, Plan, Run, Tracing, run};

/// Most of what a step takes is memory that is asked for and given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn plan(seed: u64) -> Plan {
    Plan { seed, tracing: Tracing::Hashed, bug: None }
}

/// How many; `make gate` asks for more.
fn seeds() -> u64 {
    std::env::var("SIMULATION_SEEDS").map_or(1_000, |seeds| seeds.parse().expect("SIMULATION_SEEDS must be a number"))
}

/// Runs seeds on all cores, each of them on one thread; stops early where `enough` says so.
fn run_all(seeds: u64, enough: impl Fn(&Run) -> bool + Sync) -> Vec<Run> {
    let next = AtomicU64::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work = || {
            let mut runs = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return runs;
                }
                let done = run(&plan(seed));
                if enough(&done) {
                    next.store(seeds, Ordering::Relaxed);
                }
                runs.push(done);
            }
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Runs that came upon something that few others come upon, each with what it was.
const REMEMBERED: [(u64, &str); 1] = [(
    23_484,
    "a process sleeps between its entry and the wire, and the repeated command is answered before it wakes up",
)];

#[test]
fn what_few_seeds_come_upon_is_looked_at_each_time() {
    for (seed, what) in REMEMBERED {
        let run = run(&plan(seed));
        assert!(run.violation.is_none(), "seed {seed}, where {what}: {:?}", run.violation);
    }
}

#[test]
fn no_seed_breaks_an_invariant_and_every_fault_strikes() {
    let seeds = seeds();
    let runs = run_all(seeds, |run| run.violation.is_some());
    if let Some(broken) = runs.iter().find(|run| run.violation.is_some()) {
        let (seed, violation) = (broken.seed, broken.violation.as_ref().unwrap());
        panic!("seed {seed}: {violation:?}\nreplay: cargo run -p simulation -- --seed {seed} --trace");
    }
    let mut faults = FaultCounts::default();
    let (mut steps, mut under_faults) = (0, 0);
    for run in &runs {
        faults.add(&run.faults);
        steps += run.steps;
        under_faults += run.steps_under_faults;
    }
    let payments: usize = runs.iter().map(|run| run.payments).sum();
    println!("{seeds} seeds, {steps} steps, {under_faults} of them under faults, {payments} payments");
    for fault in Fault::ALL {
        println!("  {:<24}{}", fault.to_string(), faults.of(*fault));
    }
    for mover in Mover::ALL {
        let posted: u64 = runs.iter().filter_map(|run| run.posted.get(mover)).sum();
        println!("  moving by {:<16}{posted}", mover.to_string());
        assert!(posted > 0, "nothing left that moves money by {mover}");
    }
    assert!(under_faults >= 300 * seeds, "{under_faults} steps under faults in {seeds} seeds, fewer than 300 in each");
    for fault in Fault::ALL {
        assert!(faults.of(*fault) > 0, "{fault:?} never struck");
    }
}

#[test]
fn the_catalogue_names_faults_that_seeds_inject() {
    let injected: Vec<String> = Fault::ALL.iter().map(Fault::to_string).collect();
    for fault in CATALOGUE {
        for proof in fault.proofs {
            let Proof::Seeds(names) = proof else { continue };
            for name in *names {
                assert!(injected.iter().any(|known| known == name), "fault {}: seeds do not know {name}", fault.number);
            }
        }
    }
}

#[test]
fn a_seed_is_the_same_run_again() {
    for seed in 0..20 {
        let (one, other) = (run(&plan(seed)), run(&plan(seed)));
        assert_eq!((one.trace_hash, one.steps), (other.trace_hash, other.steps), "seed {seed}");
    }
    assert_ne!(run(&plan(1)).trace_hash, run(&plan(2)).trace_hash);
}
