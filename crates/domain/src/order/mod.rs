//! What a caller asks for, checked against the gateway's limits (gateway contract, section 6.1).

mod billing_address;
mod customer;
mod flow;

use std::collections::BTreeMap;

pub use billing_address::{BillingAddress, CountryCode};
pub use customer::{Customer, DateText, Email, Locale, Phone};
pub use flow::{Flow, FlowRule, FlowRules};

use crate::{Money, PaymentMethod, PaymentType, ReferenceId, ShopName, Text};

/// The caller's own pairs, echoed and never sent to the gateway.
pub type Metadata = BTreeMap<Text<40>, Text<500>>;

/// Provider-specific pairs, passed on to the gateway as they are.
pub type AdditionalParameters = BTreeMap<Text<128>, Text<1024>>;

/// One payment as a caller orders it. Holding an `Order` is the proof that each field is within the
/// gateway's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Whose keys are used.
    pub shop: ShopName,
    /// The caller's name for the payment.
    pub reference_id: ReferenceId,
    /// Which way the money goes.
    pub payment_type: PaymentType,
    /// How much.
    pub money: Money,
    /// Absent: the checkout page offers what the shop has.
    pub payment_method: Option<PaymentMethod>,
    /// How the customer gets to pay; already chosen by [`FlowRules`] where the caller left it open.
    pub flow: Flow,
    /// What the caller asked for; none if it was left open. Only this is compared when the order is repeated, since
    /// the rules may have changed meanwhile.
    pub flow_asked: Option<Flow>,
    /// Hold the money only; a capture takes it later.
    pub pre_auth: bool,
    /// Begin a chain of recurring charges.
    pub start_recurring: bool,
    /// Shown to the customer; may leave the gateway.
    pub description: Option<Text<512>>,
    /// Where the browser lands after the checkout page.
    pub return_url: Option<Text<512>>,
    /// The name of a custom checkout theme.
    pub checkout_style: Option<Text<64>>,
    /// Who pays.
    pub customer: Option<Box<Customer>>,
    /// Where the payer's bills go.
    pub billing_address: Option<Box<BillingAddress>>,
    /// Passed on.
    pub additional_parameters: AdditionalParameters,
    /// Ours alone.
    pub metadata: Metadata,
}
