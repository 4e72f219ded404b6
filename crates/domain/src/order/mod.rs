//! What a caller asks for, checked against the gateway's limits (gateway contract, section 6.1).

mod billing_address;
mod browser;
mod card;
mod customer;
mod flow;
mod instrument;
mod subscription;

use std::collections::BTreeMap;

pub use billing_address::{BillingAddress, CountryCode};
pub use browser::Browser;
pub use card::{Card, CardNumber, CardSource, Expiry, ExpiryMonth, ExpiryYear, SecurityCode, passes_luhn};
pub use customer::{Customer, DateText, Email, Locale, Phone};
pub use flow::{Flow, FlowRule, FlowRules, MethodPattern};
pub use instrument::{Instrument, WalletData};
pub use subscription::{RetryStrategy, Subscription};

use crate::{GatewayPaymentId, Money, PaymentId, PaymentMethod, PaymentType, ReferenceId, SecretText, ShopName, Text};

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
    /// What is paid with, or paid out to, if the merchant has collected it.
    pub instrument: Option<Box<Instrument>>,
    /// Goes on with a chain of recurring charges: money moves without the customer.
    pub recurring_token: Option<SecretText<512>>,
    /// The first payment of that chain.
    pub parent: Option<Parent>,
    /// Charges that follow by themselves; only with `start_recurring`.
    pub subscription: Option<Box<Subscription>>,
    /// What a host-to-host payment tells of the customer's browser.
    pub browser: Option<Box<Browser>>,
    /// Passed on.
    pub additional_parameters: AdditionalParameters,
    /// Ours alone.
    pub metadata: Metadata,
}

/// The payment that another one belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// One of ours, in the same shop, by our name.
    Ours(PaymentId),
    /// One that was begun elsewhere, by the gateway's name.
    AtGateway(GatewayPaymentId),
}

impl Order {
    /// With what every order has; everything else is left open.
    pub fn new(shop: ShopName, reference_id: ReferenceId, payment_type: PaymentType, money: Money) -> Self {
        Self {
            shop,
            reference_id,
            payment_type,
            money,
            payment_method: None,
            flow: Flow::Redirect,
            flow_asked: None,
            pre_auth: false,
            start_recurring: false,
            description: None,
            return_url: None,
            checkout_style: None,
            customer: None,
            billing_address: None,
            instrument: None,
            recurring_token: None,
            parent: None,
            subscription: None,
            browser: None,
            additional_parameters: AdditionalParameters::new(),
            metadata: Metadata::new(),
        }
    }

    /// Whether its POST moves money without anything that the customer must still do, whatever the method (protocols,
    /// section 1).
    pub fn moves_by_itself(&self) -> bool {
        self.payment_type != PaymentType::Deposit
            || self.instrument.is_some()
            || self.recurring_token.is_some()
            || self.parent.is_some()
    }
}
