//! The console at `/console`: what is read and done over HTTP, on pages for people.
//!
//! Every page and every deed goes through the functions of the HTTP API, with its scopes and its shops; nothing here
//! knows the database. Pages are whole without a script; a few lines of one keep them up to date.

mod action;
mod asset;
mod breaks;
mod bulk_actions;
mod care;
mod confirm;
mod dress;
mod exports;
mod fields;
mod gateway_now;
mod given;
mod health;
mod moment;
mod open_id;
mod page;
mod payment;
mod payments;
mod plot;
mod reconciliations;
mod routes;
mod runbook;
mod said;
mod session;
mod sign_in;
mod stuck;
mod timeline;
mod trouble;
mod visitor;
mod webhooks_in;

pub use open_id::{OpenId, OpenIdError};
use page::{Shell, Tab, html};
pub use routes::{ROUTES, routes};
use trouble::Trouble;
use visitor::Visitor;
