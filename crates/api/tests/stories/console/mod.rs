//! The console without a browser: who may see and do what, and what every page says.

mod acting;
mod browser;
mod finding;
mod guarding;
mod looking_after;
pub(crate) mod person;
pub(crate) mod provider;
mod signing_in;
pub(crate) mod signing_in_elsewhere;
