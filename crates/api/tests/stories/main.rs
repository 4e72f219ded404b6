//! Stories of the whole service: the real application over the real databases, against the real simulated gateway over
//! real sockets. Time is moved by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod app;
mod bad_input;
mod commands;
mod database;
mod gateway_reads;
mod gateway_trouble;
mod health;
mod keys;
mod line;
mod logging;
mod mutations;
mod notices;
mod problem_shape;
mod problems;
mod reading;
mod refunds;
mod taking;
mod wire;
