//! What a payment is. Values in, values out: no async, no clock, no input or output.
//!
//! [`Payment::apply`] is the one place where evidence becomes a state; everything else here is
//! what it needs: names ([`ReferenceId`], [`PaymentId`], [`GatewayPaymentId`]), money
//! ([`Money`], [`Total`]), what was asked ([`Order`]) and what was seen ([`Evidence`]).

mod actor;
mod currency;
mod fingerprint;
mod gateway_payment_id;
mod money;
mod order;
mod payment;
mod payment_id;
mod payment_method;
mod payment_type;
mod reference_id;
mod shop_name;
mod switch;
mod text;
mod time;
mod total;
mod trace_parent;

pub use actor::Actor;
pub use currency::{Currency, InvalidCurrency};
pub use fingerprint::Fingerprint;
pub use gateway_payment_id::{GatewayPaymentId, InvalidGatewayPaymentId};
pub use money::{InvalidAmount, Money, parse_amount};
pub use order::{
    AdditionalParameters, BillingAddress, Browser, Card, CardNumber, CardSource, CountryCode, Customer, DateText,
    Email, Expiry, ExpiryMonth, ExpiryYear, Flow, FlowRule, FlowRules, Instrument, Locale, Metadata, MethodPattern,
    Order, Parent, Phone, RetryStrategy, SecurityCode, Subscription, WalletData, passes_luhn,
};
pub use payment::{
    Attempt, BreakKind, Care, Change, Command, CommandKind, CommandOutcome, Commands, Decision, Deed, Elsewhere, Entry,
    Evidence, Finding, Flag, GatewayState, Intervals, IssuedCommand, Kind, LookUp, Movement, MovementKind, NextStep,
    NotAllowed, NotForcible, NotOurs, NotRefundable, Opening, Operation, Operator, OtherPayment, Patience, Payment,
    PaymentError, PaymentState, Progress, Refund, RefundStanding, Refunds, Rejection, Seen, SeenState, SettlementLine,
    Side, Sighting, Source, Stuck, StuckReason, Submission, UnfoldableLedger, Verdict, Via, choose, never_adoptable,
};
pub use payment_id::PaymentId;
pub use payment_method::{InvalidPaymentMethod, PaymentMethod};
pub use payment_type::PaymentType;
pub use reference_id::{InvalidReferenceId, ReferenceId};
pub use shop_name::{InvalidShopName, ShopName};
pub use switch::Switch;
pub use text::{InvalidText, PersonalText, SecretText, Text};
pub use time::Time;
pub use total::{Total, TotalOverflow};
pub use trace_parent::{InvalidTraceParent, TraceParent};
