#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! The pay.tech gateway as a deterministic engine, and an HTTP face on it.
//!
//! Written from the gateway's contract and from nothing else of this house, so that a client's idea of the
//! contract and this one can disagree, and a test notices.
//!
//! [`Engine`] is the whole gateway without a clock or a socket; [`serve`] puts it behind sockets. What the contract
//! leaves open is a field of [`Switches`]. What goes wrong is a [`Fault`], planned by prefix of `referenceId`; some
//! prefixes are reserved and need no planning: see [`Fault::well_known`].

mod contract;
mod counters;
mod delivery;
mod engine;
mod envelope;
mod exchange;
mod face;
mod faults;
mod field;
mod json_object;
mod ledger;
mod list_query;
mod order;
mod order_field;
mod payment;
mod shop;
mod switch_list;
mod switches;
mod trail;
mod view;

pub use contract::amount::{Amount, NotAnAmount};
pub use contract::card::{CardOutcome, DECLINED_CARD, SANDBOX_CARDS, SUCCESS_CARD, SandboxCard};
pub use contract::error_code::ErrorCode;
pub use contract::signature::{SignatureMode, sign};
pub use counters::{Counters, Endpoint};
pub use delivery::Delivery;
pub use engine::{Correction, DeedRefused, Engine, Outcome, OutcomeRefused, ResumeError, Setup, Which};
pub use exchange::{Answer, Handled, Method, Request, Response};
pub use face::{Clock, FaceOptions, ManualClock, RecordsError, Running, load, serve};
pub use faults::{Fault, FaultPlan, FaultRule};
pub use order_field::{NotAnOrderField, OrderField};
pub use payment::{NotAPaymentId, Payment, PaymentId, PaymentState, PaymentType};
pub use shop::Shop;
pub use switches::{
    ApproveBehaviour, CaptureBehaviour, ChargebackAnswer, DuplicateReference, Exchange, IdForm, ListWindow,
    PatchBehaviour, RateLimit, RefundAboveParent, ReleaseBehaviour, Switches, UnknownFields, UnknownKey,
    UnknownPayment, WebhookDelivery, WrongState,
};
