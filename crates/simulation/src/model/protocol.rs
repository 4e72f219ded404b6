use std::collections::BTreeMap;
use std::time::Duration;

use domain::{
    Currency, Fingerprint, Flow, GatewayPaymentId, GatewayState, Intervals, Kind, Money, Opening, PaymentType,
    SeenState, Sighting,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::gateway::Made;
use super::hand::PROCESSES;
use super::policy::Policy;

/// The unit of time: a day, since that is the pause which the domain has of its own.
pub(super) const TICK: Duration = Duration::from_hours(24);

/// More payments than this the gateway is never asked to make, not even by the policies that are wrong.
const GATEWAY_PAYMENTS: usize = 10;

/// What can be expected of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Whatever it does with a request is done and listed within the quarantine.
    Punctual,
    /// A request may take effect at any later time, or stand in no list for any time; and what was dead may turn out to
    /// be paid.
    Any,
}

/// How far a model is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// When time stands still.
    pub ticks: u32,
    /// How much goes wrong on our side at most, anywhere: a process that is killed, a commit whose answer is lost, a look
    /// that comes to nothing, a tick that passes while a process is in the middle of something or has not taken up
    /// what is due. What the gateway and the way to it do is not counted.
    pub faults: u32,
    /// How many notices come.
    pub notices: usize,
}

/// The create protocol for one reference, within bounds.
#[derive(Debug, Clone)]
pub struct Protocol {
    pub(super) policy: Policy,
    pub(super) manners: Manners,
    pub(super) intervals: Intervals,
    /// The same order as two callers give it, each to its own process.
    pub(super) orders: [Opening; PROCESSES],
    pub(super) bounds: Bounds,
    names: Vec<GatewayPaymentId>,
}

impl Protocol {
    /// `None` only if the fixed names were no names.
    pub fn new(kind: Kind, manners: Manners, policy: Policy, bounds: Bounds) -> Option<Self> {
        let names = (1..=GATEWAY_PAYMENTS).map(|number| format!("g{number}").parse().ok());
        Some(Self {
            policy,
            manners,
            intervals: policy.intervals(),
            orders: [order(1, kind)?, order(2, kind)?],
            bounds,
            names: names.collect::<Option<_>>()?,
        })
    }

    /// Whether its POST can move money by itself.
    pub fn kind(&self) -> Kind {
        self.orders[0].kind
    }

    /// The gateway's name for the payment that it made in this place.
    pub(super) fn name(&self, place: usize) -> Option<&GatewayPaymentId> {
        self.names.get(place)
    }

    /// What the gateway says of one of its payments, in this state.
    pub(super) fn sighting(&self, place: usize, made: &Made, state: GatewayState) -> Option<Sighting> {
        let order = &self.orders[0];
        let id = self.name(place)?.clone();
        let payment_type: &'static str = order.payment_type.into();
        Some(Sighting {
            redirect_url: (order.kind == Kind::Inert).then(|| format!("https://pay.example/{id}")),
            id,
            state: SeenState::Known(state),
            reference_id: Some(order.reference_id.as_str().to_owned()),
            payment_type: Some(payment_type.to_owned()),
            parent: None,
            money: Some(order.requested),
            customer_money: None,
            fee: None,
            payment_method: None,
            error: None,
            created: Some(made.created),
            external_refs: BTreeMap::new(),
        })
    }
}

fn order(number: u128, kind: Kind) -> Option<Opening> {
    let currency: Currency = "EUR".parse().ok()?;
    Some(Opening {
        // A hundred has no jitter: checks that fall due between two ticks would only add worlds.
        id: Uuid::from_u128(number * 100).into(),
        shop: "main".parse().ok()?,
        reference_id: "order".parse().ok()?,
        payment_type: match kind {
            Kind::Inert => PaymentType::Deposit,
            Kind::Moving => PaymentType::Withdrawal,
        },
        requested: Money::requested(Decimal::from(25), currency).ok()?,
        payment_method: None,
        flow: Flow::Redirect,
        kind,
        pre_auth: false,
        parent: None,
        metadata: BTreeMap::new(),
        fingerprint: Fingerprint::default(),
        ordered_by: None,
        trace: None,
    })
}
