//! What the world sees of a payment, so that a column can change without the API noticing.

use std::collections::BTreeMap;

use domain::{
    CommandKind, CommandOutcome, Currency, Elsewhere, Flag, Flow, IssuedCommand, Money, OtherPayment, Payment,
    PaymentState, PaymentType,
};
use gateway_client::Secret;
use orchestrator::PaidWith;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Reconciled, Stored};

use super::document::{Amount, As, Id, Moment};

/// A payment, as the REST contract has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Payment")]
pub(crate) struct PaymentView<'a> {
    /// Ours.
    #[schemars(with = "Id")]
    pub id: String,
    /// Yours.
    pub reference_id: &'a str,
    /// Which shop takes it.
    pub shop: &'a str,
    /// Which way the money goes.
    #[schemars(with = "As<PaymentType>")]
    pub payment_type: PaymentType,
    /// Where it stands.
    #[schemars(with = "As<PaymentState>")]
    pub state: PaymentState,
    /// Whether it has ended: nothing will change its state any more.
    pub r#final: bool,
    /// Why it stands there, in a sentence for people.
    pub why: String,
    /// How the customer gets to pay.
    #[schemars(with = "As<Flow>")]
    pub flow: &'static str,
    /// What was asked for.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// In which currency.
    #[schemars(with = "As<Currency>")]
    pub currency: Currency,
    /// What the gateway says has moved; it may differ from what was asked for.
    #[schemars(with = "Option<Amount>")]
    pub settled_amount: Option<String>,
    /// In which currency.
    #[schemars(with = "Option<As<Currency>>")]
    pub settled_currency: Option<Currency>,
    /// What was taken of what was held, or moved at once; in the settled currency.
    #[schemars(with = "Option<Amount>")]
    pub captured_amount: Option<String>,
    /// What went back, in the settled currency.
    #[schemars(with = "Amount")]
    pub refunded_amount: String,
    /// What may still go back; null where nothing may.
    #[schemars(with = "Option<Amount>")]
    pub refundable_amount: Option<String>,
    /// What was asked of the gateway last, while nobody knows what came of it.
    pub pending_command: Option<PendingCommandView<'a>>,
    /// Other payments of the gateway under the same reference.
    pub surplus: Vec<SurplusView<'a>>,
    /// What has to be done next, by the customer or by you.
    pub next_action: Option<NextAction<'a>>,
    /// The gateway's method.
    pub payment_method: Option<&'a str>,
    /// What was paid with; only where one payment is read.
    pub payment_method_details: Option<PaidWithView<'a>>,
    /// Only where one payment is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring_token: Option<&'a str>,
    /// The gateway's.
    pub gateway_payment_id: Option<&'a str>,
    /// Why it was declined, cancelled or rejected.
    pub error: Option<ErrorView<'a>>,
    /// What the customer must know to pay, where there is no page of the gateway.
    pub external_refs: Option<&'a BTreeMap<String, String>>,
    /// The payment that it follows from, or that it gives back.
    #[schemars(with = "Option<Id>")]
    pub parent_payment_id: Option<String>,
    /// Yours.
    pub metadata: BTreeMap<&'a str, &'a str>,
    /// What a person may want to look at.
    #[schemars(with = "Vec<As<Flag>>")]
    pub flags: Vec<String>,
    /// When two independent records proved what it says.
    #[schemars(with = "Option<Moment>")]
    pub reconciled_at: Option<String>,
    /// The trace that it was ordered in, if somebody follows it (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Grows with every change.
    pub version: u64,
    /// When it was ordered.
    #[schemars(with = "Moment")]
    pub created_at: String,
    /// When it changed last.
    #[schemars(with = "Moment")]
    pub updated_at: String,
}

/// What was paid with, under the gateway's names.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
#[schemars(rename = "PaidWith")]
pub(crate) struct PaidWithView<'a> {
    pub customer_account_number: Option<&'a str>,
    pub card_brand: Option<&'a str>,
    pub card_expiry_month: Option<&'a str>,
    pub card_expiry_year: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_token: Option<&'a str>,
}

/// What the customer or the merchant has to do next.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(rename = "NextAction")]
pub(crate) enum NextAction<'a> {
    /// Send the customer to the checkout page.
    Redirect {
        /// Its address.
        url: &'a str,
    },
    /// Tell the customer what the `externalRefs` say.
    Instructions,
    /// Approve or reject the withdrawal.
    Approve,
    /// Capture the money, or let it go.
    Capture,
}

/// A command whose outcome is not known yet.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
#[schemars(rename = "PendingCommand")]
pub(crate) struct PendingCommandView<'a> {
    #[schemars(with = "As<CommandKind>")]
    pub kind: &'static str,
    #[schemars(with = "Moment")]
    pub since: String,
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// Another gateway payment under the same reference.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
#[schemars(rename = "Surplus")]
pub(crate) struct SurplusView<'a> {
    pub gateway_payment_id: &'a str,
    #[schemars(with = "String")]
    pub state: &'a domain::SeenState,
    #[schemars(with = "Option<Amount>")]
    pub amount: Option<String>,
    #[schemars(with = "Option<As<Currency>>")]
    pub currency: Option<Currency>,
}

/// Why a payment is dead.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
#[schemars(rename = "PaymentError")]
pub(crate) struct ErrorView<'a> {
    pub code: &'a str,
    pub message: Option<&'a str>,
    pub external_result_code: Option<&'a str>,
}

impl<'a> From<&'a Stored> for PaymentView<'a> {
    fn from(stored: &'a Stored) -> Self {
        let payment = &stored.payment;
        let opening = &payment.opening;
        let captured = payment.captured();
        Self {
            id: payment.id().to_string(),
            reference_id: opening.reference_id.as_str(),
            shop: opening.shop.as_str(),
            payment_type: opening.payment_type,
            state: payment.state,
            r#final: payment.state.is_final(),
            why: payment.why(&stored.progress),
            flow: opening.flow.into(),
            amount: opening.requested.amount_text(),
            currency: opening.requested.currency(),
            settled_amount: payment.settled.map(|settled| settled.amount_text()),
            settled_currency: payment.settled.map(|settled| settled.currency()),
            captured_amount: captured.map(|captured| captured.amount_text()),
            refunded_amount: refunded(payment, captured.unwrap_or(opening.requested).currency()),
            refundable_amount: payment.refundable().ok().map(|refundable| refundable.amount_text()),
            pending_command: payment.commands.open().map(|(_, issued)| PendingCommandView::from(issued)),
            surplus: payment.others.iter().filter_map(surplus).collect(),
            next_action: next_action(payment),
            payment_method: payment.payment_method.as_ref().map(domain::PaymentMethod::as_str),
            payment_method_details: None,
            recurring_token: None,
            gateway_payment_id: payment.gateway_payment_id.as_ref().map(domain::GatewayPaymentId::as_str),
            error: payment.error.as_ref().map(|error| ErrorView {
                code: &error.code,
                message: error.message.as_deref(),
                external_result_code: error.external_result_code.as_deref(),
            }),
            external_refs: Some(&payment.external_refs).filter(|refs| !refs.is_empty()),
            parent_payment_id: opening.parent.map(|parent| parent.to_string()),
            metadata: opening.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            flags: payment.flags.iter().map(ToString::to_string).collect(),
            reconciled_at: None,
            trace_id: opening.trace.as_deref().map(|trace| trace.trace_id()),
            version: payment.version,
            created_at: payment.created_at.to_string(),
            updated_at: payment.updated_at.to_string(),
        }
    }
}

/// What went back to the customer, so that it can be compared with what was captured.
fn refunded(payment: &Payment, currency: Currency) -> String {
    let sum = payment.refunded();
    let money = sum.ok().and_then(domain::Total::amount).and_then(|sum| Money::evidenced(sum, currency).ok());
    // A sum that no single amount can hold is told as it is.
    money.map_or_else(|| sum.map(|sum| sum.to_string()).unwrap_or_default(), |money| money.amount_text())
}

impl<'a> From<&'a IssuedCommand> for PendingCommandView<'a> {
    fn from(issued: &'a IssuedCommand) -> Self {
        let outcome = match &issued.outcome {
            CommandOutcome::InFlight => "in-flight",
            CommandOutcome::Unknown { .. } => "unknown",
            CommandOutcome::Denied { .. } => "denied",
            CommandOutcome::NotSent { .. } | CommandOutcome::Refused { .. } | CommandOutcome::Done => "known",
        };
        let reason = match &issued.outcome {
            CommandOutcome::Unknown { reason } | CommandOutcome::Denied { reason, .. } => Some(reason.as_str()),
            CommandOutcome::InFlight
            | CommandOutcome::NotSent { .. }
            | CommandOutcome::Refused { .. }
            | CommandOutcome::Done => None,
        };
        Self { kind: issued.command.kind().into(), since: issued.issued_at.to_string(), outcome, reason }
    }
}

impl<'a> PaymentView<'a> {
    /// With the moment at which two independent sources proved what it says, if that is what it still says.
    pub(crate) fn reconciled(mut self, stored: &Stored, known: &[Reconciled]) -> Self {
        let payment = &stored.payment;
        let proven = known.iter().find(|known| known.payment == payment.id());
        let proven = proven.filter(|known| known.state == payment.state && known.money == payment.settled);
        self.reconciled_at = proven.map(|known| known.at.to_string());
        self
    }

    /// One payment by itself, with what it was paid with. `with_tokens` for those who may charge anyway.
    pub(crate) fn alone(stored: &'a Stored, paid_with: Option<&'a PaidWith>, with_tokens: bool) -> Self {
        let Some(paid_with) = paid_with else { return Self::from(stored) };
        let token = |token: &'a Option<Secret>| token.as_ref().filter(|_| with_tokens).map(Secret::expose);
        let details = PaidWithView {
            customer_account_number: paid_with.account.as_deref(),
            card_brand: paid_with.card_brand.as_deref(),
            card_expiry_month: paid_with.card_expiry_month.as_deref(),
            card_expiry_year: paid_with.card_expiry_year.as_deref(),
            card_token: token(&paid_with.card_token),
        };
        Self {
            payment_method_details: Some(details),
            recurring_token: token(&paid_with.recurring_token),
            ..Self::from(stored)
        }
    }
}

fn surplus(other: &OtherPayment) -> Option<SurplusView<'_>> {
    (other.relation == Elsewhere::Surplus).then(|| SurplusView {
        gateway_payment_id: other.id.as_str(),
        state: &other.state,
        amount: other.money.map(|money| money.amount_text()),
        currency: other.money.map(|money| money.currency()),
    })
}

fn next_action(payment: &Payment) -> Option<NextAction<'_>> {
    if payment.commands.open().is_some() {
        return None;
    }
    match payment.state {
        // Whoever is paid host-to-host is sent to the page only after it is proven that nothing was started.
        PaymentState::Checkout if payment.opening.flow == Flow::HostToHost && !payment.falls_back_to_redirect() => None,
        PaymentState::Checkout => payment.redirect_url.as_deref().map(|url| NextAction::Redirect { url }),
        PaymentState::Pending if !payment.external_refs.is_empty() => Some(NextAction::Instructions),
        PaymentState::AwaitingApproval => Some(NextAction::Approve),
        PaymentState::Authorized => Some(NextAction::Capture),
        PaymentState::Submitted
        | PaymentState::Pending
        | PaymentState::Completed
        | PaymentState::Declined
        | PaymentState::Cancelled
        | PaymentState::Rejected => None,
    }
}
