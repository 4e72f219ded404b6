//! `simulation --seeds 20000` runs many, `simulation --seed 7 --trace` shows one.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use simulation::{Fault, FaultCounts, Mover, Plan, PlantedBug, Run, Tracing, run};

/// Runs the service's deeds over a simulated gateway and a database in memory, with everything going wrong that a seed
/// decides, and watches the invariants.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// One seed, exactly as it was.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Show each step of it.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// A deliberate mistake, which some seed must notice.
    #[arg(long)]
    bug: Option<PlantedBug>,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments, seed: u64) -> io::Result<ExitCode> {
    let tracing = if arguments.trace { Tracing::Kept } else { Tracing::Hashed };
    let run = run(&Plan { seed, tracing, bug: arguments.bug });
    let mut out = io::stdout().lock();
    for line in &run.trace {
        writeln!(out, "{line}")?;
    }
    let struck = Fault::ALL.iter().filter(|fault| run.faults.of(**fault) > 0);
    let faults: Vec<String> = struck.map(|fault| format!("{fault} {}", run.faults.of(*fault))).collect();
    writeln!(
        out,
        "seed {seed}: {} steps, {} under faults, {} payments",
        run.steps, run.steps_under_faults, run.payments
    )?;
    writeln!(out, "faults: {}", faults.join(", "))?;
    writeln!(out, "hash of the trace: {:016x}", run.trace_hash)?;
    verdict(&mut out, arguments, &run)
}

fn many(arguments: &Arguments) -> io::Result<ExitCode> {
    let begun = Instant::now();
    let mut total = Total::default();
    let mut out = io::stdout().lock();
    for seed in (arguments.from..).take(usize::try_from(arguments.seeds).unwrap_or(usize::MAX)) {
        let run = run(&Plan { seed, tracing: Tracing::Counted, bug: arguments.bug });
        total.add(&run);
        if run.violation.is_some() {
            total.print(&mut out, begun.elapsed())?;
            return verdict(&mut out, arguments, &run);
        }
    }
    total.print(&mut out, begun.elapsed())?;
    Ok(ExitCode::SUCCESS)
}

fn verdict(out: &mut impl io::Write, arguments: &Arguments, run: &Run) -> io::Result<ExitCode> {
    let Some(violation) = &run.violation else { return Ok(ExitCode::SUCCESS) };
    writeln!(out, "seed {}: {violation}", run.seed)?;
    if !arguments.trace {
        let bug = arguments.bug.map_or_else(String::new, |bug| format!(" --bug {bug}"));
        writeln!(out, "replay it: cargo run -p simulation -- --seed {} --trace{bug}", run.seed)?;
    }
    Ok(ExitCode::FAILURE)
}

#[derive(Default)]
struct Total {
    runs: u64,
    steps: u64,
    steps_under_faults: u64,
    payments: usize,
    posted: BTreeMap<Mover, u64>,
    simulated: Duration,
    faults: FaultCounts,
}

impl Total {
    fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.steps += run.steps;
        self.steps_under_faults += run.steps_under_faults;
        self.payments += run.payments;
        for (mover, count) in &run.posted {
            *self.posted.entry(*mover).or_default() += count;
        }
        self.simulated += run.simulated;
        self.faults.add(&run.faults);
    }

    fn print(&self, out: &mut impl io::Write, took: Duration) -> io::Result<()> {
        let runs = self.runs.max(1);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        writeln!(out, "runs                {}", self.runs)?;
        writeln!(out, "steps               {} ({} a run)", self.steps, self.steps / runs)?;
        writeln!(out, "steps under faults  {} ({} a run)", self.steps_under_faults, self.steps_under_faults / runs)?;
        writeln!(out, "payments            {}", self.payments)?;
        writeln!(out, "moving POSTs        by")?;
        for mover in Mover::ALL {
            writeln!(out, "  {:<24}{}", mover.to_string(), self.posted.get(mover).copied().unwrap_or_default())?;
        }
        writeln!(out, "simulated           {} days", self.simulated.as_secs() / 86_400)?;
        writeln!(out, "seeds a second      {}", self.runs * 1_000 / millis)?;
        writeln!(out, "faults injected     {}", self.faults.total())?;
        for fault in Fault::ALL {
            writeln!(out, "  {:<24}{}", fault.to_string(), self.faults.of(*fault))?;
        }
        Ok(())
    }
}
