//! The shipped binary.

use std::process::ExitCode;

use api::cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    api::cli::run(Cli::parse())
}
