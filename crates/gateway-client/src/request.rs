//! Bytes out: each call of the gateway's contract as a method, a path and a body. The same input
//! always gives the same bytes.

mod create;
mod list;
mod patch;

use std::fmt;

use bytes::Bytes;
use serde::Serialize;

pub use create::{BillingAddress, CreatePayment, Customer};
pub use list::ListQuery;
pub use patch::PatchPayment;

use crate::GatewayId;

const PAYMENTS: &str = "/api/v1/payments";

/// One call, ready to be carried.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Path and encoded query, below the gateway's base URL.
    pub path: String,
    /// The JSON body, if the call has one.
    pub body: Option<Bytes>,
    /// Which connection and which limits the call needs.
    pub kind: Kind,
}

/// The methods of the contract (gateway contract, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads; safe to repeat.
    Get,
    /// Creates; never safe to repeat blindly.
    Post,
    /// Starts a deposit without the checkout page; never repeated.
    Patch,
}

/// What a call may cost when it is lost, and so how it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A read of one payment. May reuse a connection.
    Read,
    /// A read of a page of payments: as [`Kind::Read`], with room for a larger answer.
    List,
    /// A POST that moves no money by itself. May reuse a connection.
    InertPost,
    /// A POST that moves money. Gets a fresh connection, because a stale one that was kept alive
    /// turns "not sent" into "unknown".
    MovingPost,
    /// A PATCH: moves money, and waits for the gateway's provider. A fresh connection, a long wait.
    Patch,
}

/// The two classes of creating POSTs (protocols, section 1). Which one an order belongs to depends on
/// settings, so the caller says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Moves no money until the customer acts on the checkout page, or we PATCH it.
    Inert,
    /// Moves money by itself.
    Moving,
}

/// `POST /api/v1/payments` (gateway contract, section 6.1).
pub fn create_payment(order: &CreatePayment, class: Class) -> Request {
    let kind = match class {
        Class::Inert => Kind::InertPost,
        Class::Moving => Kind::MovingPost,
    };
    Request { method: Method::Post, path: PAYMENTS.to_owned(), body: Some(json(order)), kind }
}

/// `GET /api/v1/payments/{id}` (gateway contract, section 6.3).
pub fn get_payment(id: &GatewayId) -> Request {
    Request { method: Method::Get, path: format!("{PAYMENTS}/{id}"), body: None, kind: Kind::Read }
}

/// `GET /api/v1/payments` (gateway contract, section 6.2).
pub fn list_payments(query: &ListQuery) -> Request {
    Request { method: Method::Get, path: format!("{PAYMENTS}{}", query.encoded()), body: None, kind: Kind::List }
}

/// `PATCH /api/v1/payments/{id}` (gateway contract, section 6.4).
pub fn patch_payment(id: &GatewayId, patch: &PatchPayment) -> Request {
    Request { method: Method::Patch, path: format!("{PAYMENTS}/{id}"), body: Some(json(patch)), kind: Kind::Patch }
}

#[expect(
    clippy::expect_used,
    reason = "text, numbers, flags and maps with text keys always become JSON; a Result here would burden every caller with a case that does not exist"
)]
fn json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("a request is plain data").into()
}

impl Method {
    /// The method on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        }
    }
}

/// Shows neither the body nor the query: both hold what belongs to a customer.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path);
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &path)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
