//! Our record held against what a settlement file says that was paid out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reconcile::seen_as;
use super::{BreakKind, Finding, Payment, PaymentState, Side};
use crate::{GatewayPaymentId, Money, ReferenceId, Time};

/// What a settlement file says of one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementLine {
    /// The line of the file on which it begins, from 1.
    pub number: u64,
    /// What may be the gateway's name of the payment, the likeliest first.
    pub ids: Vec<GatewayPaymentId>,
    /// What may be its reference, likewise.
    pub references: Vec<ReferenceId>,
    /// What was paid out, or taken back: which of the two is known from the payment.
    pub money: Money,
    /// What was kept for it, where the file tells.
    pub fee: Option<Money>,
    /// Of which day it is.
    pub at: Time,
}

/// The state of what stands in a settlement file.
const SETTLED: &str = "SETTLED";

impl SettlementLine {
    /// No payment of ours has any of its names.
    pub fn unknown(&self) -> Finding {
        let reference = self.references.first().map(ToString::to_string);
        let subject = self.ids.first().map(ToString::to_string).or_else(|| reference.clone());
        Finding {
            kind: BreakKind::SettledUnknown,
            subject: subject.unwrap_or_default(),
            subject_at: self.at,
            payment: None,
            gateway_payment: self.ids.first().cloned(),
            reference,
            ours: Side::default(),
            theirs: settled_as(self.money),
        }
    }
}

fn settled_as(money: Money) -> Side {
    Side { state: Some(SETTLED.to_owned()), money: Some(money) }
}

impl Payment {
    /// Where a settlement file says otherwise than we do: about this payment, or about the gateway payment beside it that the
    /// line names. A fee that we have not been told is no second figure to hold one against.
    pub fn settlement_findings(&self, told: &SettlementLine) -> Vec<Finding> {
        let finding = |kind, subject: String, ours| Finding {
            kind,
            subject,
            subject_at: told.at,
            ours,
            theirs: settled_as(told.money),
            ..self.missing_at_gateway()
        };
        let beside = self.others.iter().find(|other| told.ids.contains(&other.id));
        if let Some(other) = beside.filter(|other| self.gateway_payment_id.as_ref() != Some(&other.id)) {
            if other.is_paid() && other.money == Some(told.money) {
                return Vec::new();
            }
            let ours = seen_as(&other.state, other.money);
            let found = finding(BreakKind::SettledDiffers, other.id.to_string(), ours);
            return vec![Finding { gateway_payment: Some(other.id.clone()), ..found }];
        }
        let mut findings = Vec::new();
        if self.state != PaymentState::Completed || self.settled != Some(told.money) {
            findings.push(finding(BreakKind::SettledDiffers, self.id().to_string(), self.side()));
        }
        if let (Some(ours), Some(theirs)) = (self.fee, told.fee)
            && ours != theirs
        {
            let side = Side { money: Some(ours), ..self.side() };
            let found = finding(BreakKind::FeeDiffers, self.id().to_string(), side);
            findings.push(Finding { theirs: settled_as(theirs), ..found });
        }
        findings
    }

    /// It was paid, and no settlement file tells of it although one should by now: `lag` after it was made.
    pub fn not_settled(&self, lag: Duration) -> Finding {
        Finding { kind: BreakKind::NotSettled, subject_at: self.created_at.plus(lag), ..self.missing_at_gateway() }
    }
}
