//! The gateway simulator against the gateway's contract: each module tells one chapter of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod actions;
mod answers;
mod checkout;
mod creation;
mod decisions;
mod examples;
mod face;
mod faults;
mod lists;
mod outcomes;
mod patch;
mod records;
mod shop_floor;
mod webhooks;

/// Of this very program, as its own list gives them: what a table names must be among them.
fn names_of_tests() -> Vec<String> {
    let this = std::env::current_exe().unwrap();
    let list = std::process::Command::new(this).args(["--list", "--format", "terse"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}
