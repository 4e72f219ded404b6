//! What is said of each route, beside the tables and types that it is made of.

mod events;
mod finance;
mod gateway;
mod keys;
mod on_call;
mod order;
mod payments;
mod service;

use actix_web::http::Method;

use super::operation::Operation;

/// What is said of a route; none if nobody has said anything, which a test does not let pass.
pub(super) fn operation(method: &Method, path: &str) -> Option<Operation> {
    let deed = (method.as_str(), path);
    payments::operation(deed)
        .or_else(|| events::operation(deed))
        .or_else(|| finance::operation(deed))
        .or_else(|| on_call::operation(deed))
        .or_else(|| keys::operation(deed))
        .or_else(|| gateway::operation(deed))
        .or_else(|| service::operation(deed))
}

pub(super) use events::told;
