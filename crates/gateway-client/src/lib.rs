//! The pay.tech gateway's words: requests as bytes, answers read from bytes, signatures, and the
//! HTTP client that carries them.
//!
//! The core does no I/O. [`request`] makes the bytes of a call, [`answer`] turns whatever came back
//! (or did not) into one of a few outcomes, [`signature`] checks a webhook. [`client`] is the thin
//! edge that moves the bytes; a simulation can stand in its place by producing [`answer::Received`]
//! values of its own.
//!
//! The one rule behind the outcomes: **not knowing is an outcome, not an error**. Only what proves
//! that no request arrived is called "not sent", only the gateway's own words are called "refused",
//! and everything else that is not a readable success is "unknown".
//!
//! ```no_run
//! use gateway_client::answer::{self, CreateOutcome};
//! use gateway_client::client::{Client, Settings};
//! use gateway_client::request::{self, Class, CreatePayment};
//! use gateway_client::vocabulary::PaymentType;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(&Settings::new(
//!     "https://engine-sandbox.pay.tech",
//!     "the shop's API key".into(),
//! ))?;
//!
//! let order = CreatePayment {
//!     amount: Some("49.90".parse()?),
//!     reference_id: Some("order-1001".to_owned()),
//!     return_url: Some("https://shop.example/return?payment={id}".to_owned()),
//!     ..CreatePayment::new(PaymentType::Deposit, "EUR")
//! };
//! let received = client.send(request::create_payment(&order, Class::Inert)).await;
//! match answer::classify_create(received) {
//!     CreateOutcome::Accepted { payment, .. } => println!("registered as {}", payment.id),
//!     CreateOutcome::Refused(refusal) => println!("refused: {refusal}"),
//!     CreateOutcome::NotSent(reason) => println!("nothing was taken: {reason}"),
//!     CreateOutcome::Unknown(reason) => println!("look it up by reference: {reason}"),
//! }
//! # Ok(())
//! # }
//! ```

pub mod answer;
pub mod client;
pub mod request;
pub mod signature;
pub mod vocabulary;

mod amount;
mod id;
mod token;

pub use id::{GatewayId, InvalidGatewayId};
pub use token::Token;
