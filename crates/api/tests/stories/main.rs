//! Stories of the whole service: the real application over the real databases, against the real simulated gateway over
//! real sockets. Time is moved by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerting;
mod app;
mod approvals;
mod bad_input;
mod bucket;
mod bulk;
mod cards;
#[path = "../collector/mod.rs"]
mod collector;
mod commands;
mod console;
mod database;
mod document;
mod examples;
mod exporting;
mod gateway_reads;
mod gateway_trouble;
mod giving_keys;
mod health;
mod host_to_host;
mod idempotency;
mod inbox;
mod keys;
mod line;
mod logging;
mod month;
mod moving;
mod mutations;
mod notices;
mod orders;
mod payouts;
mod poison;
mod problem_shape;
mod problems;
mod rate_limit;
mod reading;
#[path = "../receiver/mod.rs"]
mod receiver;
mod reconciling;
mod recurring;
mod refunds;
mod resolving;
mod sandbox;
mod secrets;
mod settling;
mod stuck;
mod sweeping;
mod taking;
mod telling;
mod traces;
mod versions;
mod wire;
