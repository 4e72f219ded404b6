//! The client against the gateway's contract: its example bodies, its signatures, and everything that
//! can happen to an answer on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod authority;
mod classification;
mod cuts;
mod endpoints;
mod error_codes;
mod examples;
mod fields;
mod limits;
mod mutations;
mod odd_answers;
mod requests;
mod server;
mod signatures;
mod tls;
mod tolerance;
mod transport;
mod vocabulary;
