//! What only PostgreSQL can show: its schema, several processes at once, lost answers, outages.

#![allow(clippy::cast_possible_truncation, clippy::from_iter_instead_of_collect, reason = "counts of a test are small")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod contention;
mod outage;
mod process;
mod races;
mod round_trips;
mod schema;
mod slowness;
mod storm;
mod wire;
