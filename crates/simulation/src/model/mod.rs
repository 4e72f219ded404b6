//! The create protocol (protocols, section 1) for one reference, as far as it can be walked through exhaustively: every
//! order in which two processes, the database and the gateway can take their steps, within a bound on time.
//!
//! What is real: [`domain::Payment`] with `open`, `apply`, `after`, `fold`, `next_check_at`, `may_try_twice`,
//! `needs_look_up`, `is_past_quarantine`, and [`domain::choose`]. What a payment becomes and when it is looked at is not
//! told a second time here, so the model cannot drift from the code there. What is written down again is the order of
//! the deeds' steps, since a future cannot be copied: `take`, `check`, `look`, `send`, `record` and `hear` follow the
//! orchestrator's files line by line, and `database` follows the store in memory.
//!
//! A step is what nobody can look into: one statement, one request that leaves, one answer. Between any two of them
//! the process may die. Values are canonical: a tick is a day, the longest pause that the domain has of its own, and
//! every interval is some ticks. A step of ours takes less than a tick, or that is one of the faults that are bounded.
//! Two worlds count as the same where they differ only in what no decision looks at (`sameness`): versions and epochs
//! beyond being the row's, wordings, which of the two processes it is.
//!
//! Left out, and known to the simulation: the breaker (it only puts off), the purge of kept requests after a day, a
//! person's look, cascades, sums that differ, gateway ids that two payments claim.

mod act;
mod action;
mod calm;
mod check;
mod database;
mod gateway;
mod hand;
mod hear;
mod ledger;
mod look;
mod policy;
mod protocol;
mod reach;
mod record;
mod rule;
mod sameness;
mod send;
mod steps;
mod take;
mod witness;
mod world;

pub use action::{Action, Fate};
pub use policy::Policy;
pub use protocol::{Bounds, Manners, Protocol};
pub use reach::Reach;
pub use rule::Rule;
pub use world::World;
