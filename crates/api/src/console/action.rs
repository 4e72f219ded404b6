use domain::{Command, NotAllowed, NotRefundable, Payment};
use orchestrator::DeedError;
use store::Scope;

/// What a person has the gateway do with a payment, after a page that shows what that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Action {
    Capture,
    Void,
    Refund,
    Approve,
    Reject,
}

impl Action {
    /// What one must be allowed to: what the HTTP API asks for too.
    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Capture | Self::Void => Scope::DepositsWrite,
            Self::Refund => Scope::RefundsWrite,
            Self::Approve | Self::Reject => Scope::PayoutsApprove,
        }
    }

    /// On a button.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Capture => "Capture",
            Self::Void => "Void",
            Self::Refund => "Refund",
            Self::Approve => "Approve",
            Self::Reject => "Reject",
        }
    }

    /// What it does.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Capture => "Takes the held money, all of it or a part. What is not taken is let go.",
            Self::Void => "Lets the held money go. The customer pays nothing.",
            Self::Refund => "Gives money back to the customer, as a payment of its own.",
            Self::Approve => "Lets the withdrawal go on: the money leaves.",
            Self::Reject => "Refuses the withdrawal: the money stays.",
        }
    }

    /// Where it leads if the gateway agrees.
    pub(super) const fn leads_to(self) -> &'static str {
        match self {
            Self::Capture => "COMPLETED",
            Self::Void | Self::Reject => "CANCELLED",
            Self::Refund => "a refund that is SUBMITTED, then PENDING or COMPLETED; this payment stays COMPLETED",
            Self::Approve => "PENDING, then COMPLETED or DECLINED",
        }
    }

    /// Whether it has an amount, which may be left out.
    pub(super) const fn has_amount(self) -> bool {
        matches!(self, Self::Capture | Self::Refund)
    }

    /// Why it cannot be done now. What has not been read by its id yet is read when it is done.
    pub(super) fn check(self, payment: &Payment) -> Result<(), DeedError> {
        let Some(command) = self.command() else {
            return match payment.refundable() {
                Ok(left) if left.is_zero() => Err(NotRefundable::TooMuch(left).into()),
                Ok(_) | Err(NotRefundable::Unconfirmed) => Ok(()),
                Err(why) => Err(why.into()),
            };
        };
        match payment.allows(&command) {
            Ok(()) | Err(NotAllowed::Unconfirmed) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    /// The command without what a form adds to it; none for a refund, which is a payment of its own.
    pub(super) const fn command(self) -> Option<Command> {
        match self {
            Self::Capture => Some(Command::Capture { amount: None }),
            Self::Void => Some(Command::Void),
            Self::Refund => None,
            Self::Approve => Some(Command::Approve),
            Self::Reject => Some(Command::Reject { reason: None }),
        }
    }
}
