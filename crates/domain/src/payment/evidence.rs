use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Command, GatewayState, Opening, Operation, PaymentState, SeenState};
use crate::{Actor, GatewayPaymentId, Money, PaymentId, PaymentMethod, Time};

/// Who saw it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Source {
    /// We ourselves, before a request leaves.
    Request,
    /// The answer to our request, or its absence.
    Response,
    /// A signed notice of the gateway.
    Webhook,
    /// A look at one payment, by id or by reference; what the latter finds confirms as a list does.
    Poll,
    /// A page of the gateway's list.
    Sweep,
    /// A person.
    Operator,
}

/// Something that was seen, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who saw it.
    pub source: Source,
    /// When it reached us.
    pub at: Time,
    /// When the look began, for a look by id: what it tells cannot be older than that. A look-up by reference has none,
    /// since the gateway's lists may lag behind.
    pub begun_at: Option<Time>,
    /// What was seen.
    pub seen: Seen,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Seen {
    /// A caller ordered the payment, and its first request is about to leave.
    Opened(Box<Opening>),
    /// Another request is about to leave.
    AboutToSend {
        /// Its number, counted from 1.
        attempt: usize,
        /// Why it may.
        reason: String,
    },
    /// The request never reached the gateway: no connection existed, or our key was refused.
    NotSent {
        /// Which one.
        attempt: usize,
        /// What stopped it.
        reason: String,
    },
    /// No request got through within the time that the settings allow, and no more are tried.
    GivenUp {
        /// What stopped the last one.
        reason: String,
    },
    /// The gateway refused the request.
    Refused {
        /// Which one.
        attempt: usize,
        /// What it said.
        rejection: Rejection,
    },
    /// The request left, and no readable answer came.
    OutcomeUnknown {
        /// Which one.
        attempt: usize,
        /// What came instead.
        reason: String,
    },
    /// The gateway's answer to our POST: the payment that it made for us.
    Accepted {
        /// Which one.
        attempt: usize,
        /// The payment.
        sighting: Sighting,
    },
    /// The payment that a look-up by our reference chose ([`choose`](super::choose)).
    Found {
        /// The payment.
        sighting: Sighting,
    },
    /// Candidates stand under our reference, and none can be chosen.
    Undecided {
        /// One of them; each is reported by itself.
        sighting: Sighting,
    },
    /// News about a gateway payment, by its id.
    Reported {
        /// The payment.
        sighting: Sighting,
    },
    /// The gateway told us an id for this payment that belongs to another one of ours already.
    ClaimedElsewhere {
        /// The POST whose answer told it; none for a look-up.
        attempt: Option<usize>,
        /// The id.
        id: GatewayPaymentId,
    },
    /// The gateway does not know the id that it gave us.
    Missing,
    /// A command was given, and its request is about to leave.
    CommandIssued {
        /// Its number, counted from 1.
        number: usize,
        /// A name that was made for this very try to give it, so that an entry with it is ours even if the answer to its
        /// commit was lost; none for what the machine does by itself, under a lease that it holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
        /// What it says.
        command: Command,
        /// Who gave it; none for what the machine does by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// The request of the open command is about to leave once more.
    CommandRepeated {
        /// Which one.
        number: usize,
        /// Which of its requests, counted from 1.
        request: u32,
        /// Why it may.
        reason: String,
    },
    /// The command's request never reached the gateway.
    CommandNotSent {
        /// Which one.
        number: usize,
        /// What stopped it.
        reason: String,
    },
    /// The gateway said no to the command.
    CommandDenied {
        /// Which one.
        number: usize,
        /// What it said.
        reason: String,
    },
    /// The command's request left, and no readable answer came.
    CommandUnknown {
        /// Which one.
        number: usize,
        /// What came instead.
        reason: String,
    },
    /// The gateway's answer to the command: the payment as it stands now.
    CommandAnswered {
        /// Which one.
        number: usize,
        /// The payment.
        sighting: Sighting,
    },
    /// A refund of this deposit was ordered; its own payment is opened together with this entry.
    RefundOpened {
        /// The refund's payment.
        refund: PaymentId,
        /// How much.
        money: Money,
        /// Who ordered it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// A refund of this deposit has come to an end, or to another one.
    RefundEnded {
        /// The refund's payment.
        refund: PaymentId,
        /// Its end.
        state: PaymentState,
        /// What moved, where it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settled: Option<Money>,
    },
    /// The deposit of this refund knows how it ended.
    ParentTold {
        /// The end that it was told.
        state: PaymentState,
    },
    /// A person decided something about it.
    Operated {
        /// What, and who it was.
        operation: Box<Operation>,
    },
}

/// What the gateway said when it refused to make a payment (gateway contract, section 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rejection {
    /// Its message, cleaned and bounded.
    pub message: String,
    /// Its field errors: the gateway's field name and reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// One gateway payment as somebody saw it: the facts that matter to us, without a word about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// The gateway's name for it.
    pub id: GatewayPaymentId,
    /// Where it stands there.
    pub state: SeenState,
    /// The reference that it carries. The gateway echoes ours, and leaves it out of some notices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// Its type, in the gateway's word, since there are more than three inside of its engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_type: Option<String>,
    /// The gateway's id of its parent: of a refund, a recurring charge or a cascade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<GatewayPaymentId>,
    /// What went to the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// What was requested, where it was converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_money: Option<Money>,
    /// What the provider keeps for it (gateway contract, section 8), where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// How the customer paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethod>,
    /// Why it was declined or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<super::PaymentError>,
    /// When the gateway made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// The checkout page. Not repeated in the ledger's evidence: the change holds it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// What the customer must know to pay (host-to-host). Likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_refs: BTreeMap<String, String>,
}

impl Sighting {
    /// The state, if it is one that the contract knows.
    pub fn known_state(&self) -> Option<GatewayState> {
        match self.state {
            SeenState::Known(state) => Some(state),
            SeenState::Unknown(_) => None,
        }
    }

    /// What was requested, as far as the gateway tells: its `customerAmount`, else its `amount`.
    pub fn requested(&self) -> Option<Money> {
        self.customer_money.or(self.money)
    }
}

impl Seen {
    /// The gateway payment that it is about, where somebody saw one.
    pub fn sighting(&self) -> Option<&Sighting> {
        match self {
            Self::Accepted { sighting, .. }
            | Self::CommandAnswered { sighting, .. }
            | Self::Found { sighting }
            | Self::Undecided { sighting }
            | Self::Reported { sighting } => Some(sighting),
            Self::Operated { operation } => operation.deed.sighting(),
            Self::Opened(_)
            | Self::AboutToSend { .. }
            | Self::NotSent { .. }
            | Self::GivenUp { .. }
            | Self::Refused { .. }
            | Self::OutcomeUnknown { .. }
            | Self::ClaimedElsewhere { .. }
            | Self::Missing
            | Self::CommandIssued { .. }
            | Self::CommandRepeated { .. }
            | Self::CommandNotSent { .. }
            | Self::CommandDenied { .. }
            | Self::CommandUnknown { .. }
            | Self::RefundOpened { .. }
            | Self::RefundEnded { .. }
            | Self::ParentTold { .. } => None,
        }
    }

    /// The same, to be changed.
    pub fn sighting_mut(&mut self) -> Option<&mut Sighting> {
        match self {
            Self::Accepted { sighting, .. }
            | Self::CommandAnswered { sighting, .. }
            | Self::Found { sighting }
            | Self::Undecided { sighting }
            | Self::Reported { sighting } => Some(sighting),
            Self::Operated { operation } => operation.deed.sighting_mut(),
            Self::Opened(_)
            | Self::AboutToSend { .. }
            | Self::NotSent { .. }
            | Self::GivenUp { .. }
            | Self::Refused { .. }
            | Self::OutcomeUnknown { .. }
            | Self::ClaimedElsewhere { .. }
            | Self::Missing
            | Self::CommandIssued { .. }
            | Self::CommandRepeated { .. }
            | Self::CommandNotSent { .. }
            | Self::CommandDenied { .. }
            | Self::CommandUnknown { .. }
            | Self::RefundOpened { .. }
            | Self::RefundEnded { .. }
            | Self::ParentTold { .. } => None,
        }
    }

    /// Without what the ledger's change holds anyway.
    pub(super) fn for_ledger(&self) -> Self {
        let mut seen = self.clone();
        if let Some(sighting) = seen.sighting_mut() {
            sighting.redirect_url = None;
            sighting.external_refs = BTreeMap::new();
        }
        seen
    }
}
