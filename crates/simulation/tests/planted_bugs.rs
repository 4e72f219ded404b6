//! Deliberate mistakes: a judge who never found one proves nothing.

#![allow(clippy::print_stdout, reason = "which seed told of which mistake")]

use simulation::{Plan, PlantedBug, Run, Tracing, run};

/// The rarest mistake needs a third of them.
const SEEDS_MAX: u64 = 800;

/// The rules that a mistake breaks (protocols, section 5): only one of these may tell of it.
fn rules_broken_by(bug: PlantedBug) -> &'static [&'static str] {
    use PlantedBug as B;
    match bug {
        // What a deposit was told of its refund may be lost as well.
        B::LosesCommits => &["I1", "I6", "I10"],
        B::UnknownOpenIsDone => &["I1", "I6"],
        B::BooksNothing => &["I11"],
        B::LastWriterWins => &["I7", "I9"],
        B::IgnoresEpochs | B::NoNextCheck => &["I7"],
        B::ForgetsGatewayIds | B::NoCreatedFromInTheSweep | B::UpdatedBeforeInTheSweep | B::CursorBeforeTheEnd => {
            &["I8"]
        }
        B::AcknowledgesFirst => &["I6"],
        B::SkipsSignatures => &["I5", "I13"],
        B::BindsTwins => &["I5", "I8"],
        // What is inert is sent again and leaves a twin; what moves money by itself is never found.
        B::NoCreatedFrom => &["I5", "I7", "I8"],
        B::UnknownIsNotSent => &["I1", "I5"],
        // An empty page ends a pass as well.
        B::FailureIsEmpty => &["I1", "I8"],
        B::ClientRepeats | B::NoQuarantine | B::MovingIsInert => &["I1"],
        B::ReservesNothing => &["I10"],
        B::KeepsEveryRequest => &["I12"],
        B::AnyOrderIsTheSame => &["I3"],
    }
}

/// The first seed that breaks a rule.
fn first_broken(bug: PlantedBug) -> Option<Run> {
    let plan = |seed| Plan { seed, tracing: Tracing::Counted, bug: Some(bug) };
    (0..SEEDS_MAX).map(|seed| run(&plan(seed))).find(|run| run.violation.is_some())
}

#[test]
fn every_planted_bug_breaks_its_own_rule_in_some_seed() {
    let mut unnoticed = Vec::new();
    for bug in PlantedBug::ALL {
        let Some((seed, violation)) = first_broken(*bug).and_then(|run| Some((run.seed, run.violation?))) else {
            unnoticed.push(bug.to_string());
            continue;
        };
        println!("{:<22} seed {seed:>3}: {violation}", bug.to_string());
        assert!(rules_broken_by(*bug).contains(&violation.invariant), "{bug} was noticed by accident: {violation}");
    }
    assert!(unnoticed.is_empty(), "no seed below {SEEDS_MAX} noticed: {}", unnoticed.join(", "));
}
