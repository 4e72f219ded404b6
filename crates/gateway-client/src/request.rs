//! Bytes out: each call of the gateway's contract as a method, a path and a body. The same input
//! always gives the same bytes.
//!
//! A call that the gateway would refuse for its form is refused here already, by field and with the
//! gateway's own limits, so that a mistake costs no question about what became of it.
//!
//! ```
//! use gateway_client::request::{self, Class, CreatePayment, Customer};
//! use gateway_client::vocabulary::PaymentType;
//!
//! let order = CreatePayment {
//!     amount: Some("0".parse()?),
//!     customer: Some(Customer { locale: Some("en-GB".to_owned()), ..Customer::default() }),
//!     ..CreatePayment::new(PaymentType::Deposit, "EUR")
//! };
//! let refused = request::create_payment(&order, Class::Inert).err().ok_or("it was taken")?;
//! assert_eq!(
//!     refused.to_string(),
//!     "amount must be 0.00001 to 1000000000; customer.locale must have 2 to 2 characters"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod approval;
mod balance;
mod billing_address;
mod capture;
mod card;
mod chargeback;
mod create;
mod customer;
mod invalid;
mod list;
mod patch;
mod payment;
mod subscription;
mod token;
mod wallet;

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

pub use approval::{approve_withdrawal, reject_withdrawal};
pub use balance::{list_balances, list_withdrawal_balances};
pub use billing_address::BillingAddress;
pub use capture::{capture_payment, void_payment};
pub use card::{Card, CardSource, Expiry, InvalidExpiry};
pub use chargeback::{Chargeback, register_chargeback};
pub use create::{CreatePayment, Instrument, create_payment};
pub use customer::Customer;
pub use invalid::{Flaw, InvalidField, InvalidRequest};
pub use list::{ListQuery, list_payments};
pub use patch::{PatchPayment, patch_payment};
pub use payment::{get_payment, list_operations};
pub use subscription::{NewSubscription, RetryStrategy, cancel_subscription, get_subscription};
pub use token::{CustomerReference, InvalidCustomerReference, list_card_tokens, list_terminal_tokens};
pub use wallet::{ApplePay, GooglePay};

const PAYMENTS: &str = "/api/v1/payments";

/// One call, ready to be carried.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Path and encoded query, below the gateway's base URL.
    pub path: String,
    /// The JSON body, if the call has one. Wiped from memory with its last copy, since it may hold a
    /// card.
    pub body: Option<Bytes>,
    /// Which connection and which limits the call needs.
    pub kind: Kind,
    /// Its place in a trace, if the gateway is to be told (the header `traceparent` of W3C Trace Context).
    pub traceparent: Option<String>,
}

/// The methods of the contract (gateway contract, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads; safe to repeat.
    Get,
    /// Creates or commands; never safe to repeat blindly.
    Post,
    /// Starts a deposit without the checkout page, or cancels a subscription.
    Patch,
}

/// What a call may cost when it is lost, and so how it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A read of one thing. May reuse a connection.
    Read,
    /// A read of many: as [`Kind::Read`], with room for a larger answer.
    List,
    /// A POST that moves no money by itself. May reuse a connection.
    InertPost,
    /// A POST that moves money. Gets a fresh connection, because a stale one that was kept alive
    /// turns "not sent" into "unknown".
    MovingPost,
    /// A command on what exists already (PATCH, capture, void, chargeback, approve, reject): may move
    /// money, and waits for the gateway's provider. A fresh connection, a long wait.
    Command,
}

/// The two classes of creating POSTs (protocols, section 1). Which one an order belongs to depends on
/// settings, so the caller says; only what brings the means to pay along is moving whatever is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Moves no money until the customer acts on the checkout page, or we PATCH it.
    Inert,
    /// Moves money by itself.
    Moving,
}

impl Request {
    /// Its path without what it is about: the same for every payment and customer, so that it can be counted by.
    pub fn template(&self) -> String {
        let path = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path);
        // `/api/v1/payments/ID/capture`: words and names take turns behind the version.
        let segment = |(place, segment)| if place > 3 && place % 2 == 0 { "{id}" } else { segment };
        path.split('/').enumerate().map(segment).collect::<Vec<_>>().join("/")
    }

    fn read(path: String) -> Self {
        Self { method: Method::Get, path, body: None, kind: Kind::Read, traceparent: None }
    }

    fn list(path: String) -> Self {
        Self { kind: Kind::List, ..Self::read(path) }
    }

    fn command(path: String, body: Option<Bytes>) -> Self {
        Self { method: Method::Post, path, body, kind: Kind::Command, traceparent: None }
    }
}

/// The body of a call, in memory that is wiped. It is measured first, because a buffer that grows
/// leaves pieces of itself behind.
#[expect(
    clippy::expect_used,
    reason = "text, numbers, flags and maps with text keys always become JSON; a Result here would burden every caller with a case that does not exist"
)]
fn json(body: &impl Serialize) -> Bytes {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, body).expect("a request is plain data");
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, body).expect("a request is plain data");
    Bytes::from_owner(bytes)
}

struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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

/// Shows neither the body, nor the query, nor who the customer is.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path);
        let path = path.split_once(token::CUSTOMERS).map_or(path, |_| token::CUSTOMERS);
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &path)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
