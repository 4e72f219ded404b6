//! What the world sees of a payment, so that a column can change without the API noticing.

use std::collections::BTreeMap;

use domain::{
    CommandOutcome, Currency, Elsewhere, Flow, IssuedCommand, Money, OtherPayment, Payment, PaymentState, PaymentType,
};
use gateway_client::Secret;
use orchestrator::PaidWith;
use serde::Serialize;
use store::{Reconciled, Stored};

/// A payment, as the REST contract has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
pub(crate) struct PaymentView<'a> {
    pub id: String,
    pub reference_id: &'a str,
    pub shop: &'a str,
    pub payment_type: PaymentType,
    pub state: PaymentState,
    pub r#final: bool,
    pub why: String,
    pub flow: &'static str,
    pub amount: String,
    pub currency: Currency,
    pub settled_amount: Option<String>,
    pub settled_currency: Option<Currency>,
    pub captured_amount: Option<String>,
    pub refunded_amount: String,
    pub refundable_amount: Option<String>,
    pub pending_command: Option<PendingCommandView<'a>>,
    pub surplus: Vec<SurplusView<'a>>,
    pub next_action: Option<NextAction<'a>>,
    pub payment_method: Option<&'a str>,
    pub payment_method_details: Option<PaidWithView<'a>>,
    /// Only where one payment is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring_token: Option<&'a str>,
    pub gateway_payment_id: Option<&'a str>,
    pub error: Option<ErrorView<'a>>,
    pub external_refs: Option<&'a BTreeMap<String, String>>,
    pub parent_payment_id: Option<String>,
    pub metadata: BTreeMap<&'a str, &'a str>,
    pub flags: Vec<String>,
    pub reconciled_at: Option<String>,
    pub version: u64,
    pub created_at: String,
    pub updated_at: String,
}

/// What was paid with, under the gateway's names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
pub(crate) struct PaidWithView<'a> {
    pub customer_account_number: Option<&'a str>,
    pub card_brand: Option<&'a str>,
    pub card_expiry_month: Option<&'a str>,
    pub card_expiry_year: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_token: Option<&'a str>,
}

/// What the customer or the merchant has to do next.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
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
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
pub(crate) struct PendingCommandView<'a> {
    pub kind: &'static str,
    pub since: String,
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// Another gateway payment under the same reference.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
pub(crate) struct SurplusView<'a> {
    pub gateway_payment_id: &'a str,
    pub state: &'a domain::SeenState,
    pub amount: Option<String>,
    pub currency: Option<Currency>,
}

/// Why a payment is dead.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the REST contract documents the fields")]
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
