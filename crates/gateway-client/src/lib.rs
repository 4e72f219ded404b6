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
//! A command on a payment, without any network: its bytes, and what an answer to them means.
//!
//! ```
//! use gateway_client::answer::{self, CommandOutcome, RawAnswer, UnknownReason};
//! use gateway_client::request;
//!
//! let id = "7a1dd0b34f9e4b53931c6c0e2f84ad70".parse()?;
//! let request = request::capture_payment(&id, Some("180.50".parse()?))?;
//! assert_eq!(request.path, "/api/v1/payments/7a1dd0b34f9e4b53931c6c0e2f84ad70/capture");
//!
//! // The gateway says no. That can be read, and proves nothing: a GET by id decides.
//! let answer = r#"{"status": 400, "path": "/", "message": "Illegal Workflow State"}"#;
//! let outcome = answer::classify_command(Ok(RawAnswer::new(400, answer)));
//! assert!(matches!(
//!     outcome,
//!     CommandOutcome::Unknown(UnknownReason::Refused(no)) if no.message.as_deref() == Some("Illegal Workflow State")
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A payment that is taken, over the network:
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
//! let received = client.send(request::create_payment(&order, Class::Inert)?).await;
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
pub mod error_code;
pub mod request;
pub mod signature;
pub mod vocabulary;

mod amount;
mod id;
mod secret;
mod time;

pub use id::{GatewayId, InvalidGatewayId};
pub use secret::Secret;
