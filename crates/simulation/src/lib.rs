//! One seed, one run: the real deeds over the simulator's engine and the memory store, in virtual time on one thread.
//!
//! Two processes work on one database and one gateway. Callers order payments, customers pay, webhooks come in time,
//! late, twice, forged or never; others make payments with
//! our keys, and refunds of ours; statements, requests and answers are lost on either side of their effect; processes
//! stand still and are killed between any two steps. Which of all that a run has is a matter of its seed, and nothing
//! else is: the same seed is the same run, line by line. A judge who sees everything watches the invariants
//! (protocols, section 5) after each step, and at the end, when all has been quiet for days.
//!
//! Beside it stands the [`model`]: not one run of everything, but every run of the create protocol.

mod caller;
mod chance;
mod clock;
mod database;
mod executor;
mod fault;
mod judge;
mod merchant;
pub mod model;
mod network;
mod planted;
mod postman;
mod process;
mod run;
mod show;
mod stranger;
mod trace;
mod worker;
mod world;

pub use fault::{Fault, FaultCounts};
pub use judge::{Mover, Violation};
pub use planted::PlantedBug;
pub use run::{Plan, Run, run};
pub use trace::Tracing;
