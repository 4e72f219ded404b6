//! The gateway simulator against the gateway's contract: each module tells one chapter of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod actions;
mod answers;
mod checkout;
mod creation;
mod examples;
mod face;
mod faults;
mod lists;
mod patch;
mod records;
mod shop_floor;
mod webhooks;
