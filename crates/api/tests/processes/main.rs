//! The built program as processes: killed at every step, stopped, raced against a second one, run by hand. Nothing is
//! mocked and time is the machine's, so the settings are short, and what is waited for is asked for until a deadline.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "a figure counts only with what it was counted on beside it")]

mod caller;
mod command_line;
mod crashes;
mod deployment;
mod export_speed;
mod exporting;
mod floods;
mod guide;
mod kills;
mod limits;
mod local;
mod on_call;
mod outages;
mod port;
mod process;
mod publishing;
mod races;
#[path = "../receiver/mod.rs"]
#[allow(dead_code, reason = "stories ask it for more")]
mod receiver;
mod reconciling;
mod sandbox;
mod settings_file;
mod sleeps;
mod stops;
mod telling;
mod traffic;
mod upgrades;
mod waiting;
