//! One suite on all three stores: what a store promises, told as stories.
//!
//! Each story runs on memory, on SQLite and on PostgreSQL, and after each one every ledger is folded and every
//! invariant asked for.

#![allow(clippy::large_stack_arrays, reason = "payments are large, and a test has room")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod test_store;

mod booking;
mod bulk;
mod cancelling;
mod claiming;
mod committing;
mod damage;
mod dismissing;
mod embedded;
mod exporting;
mod keys;
mod later;
mod listing;
mod many_stuck;
mod means;
mod naming;
mod opening;
mod poison;
mod publishing;
mod reading;
mod receiving;
mod reconciling;
mod refunding;
mod serving;
mod settling;
mod signing_in;
mod storms;
mod stuck;
mod sweeping;
mod telling;
mod walking;
