//! What a request asks for, once its target is understood (gateway contract, section 5).

use std::borrow::Cow;

use super::{Engine, read};
use crate::counters::Endpoint;
use crate::exchange::{Method, Request};
use crate::json_object::JsonObject;
use crate::ledger::Place;

pub(super) enum Call<'a> {
    Create(Result<JsonObject<'a>, serde_json::Error>),
    List,
    /// Something about one payment, if there is one with the id.
    Of(About, Option<Place>),
    CardTokens {
        customer: &'a str,
    },
    TerminalTokens {
        customer: &'a str,
    },
    Balances,
    AvailableWithdrawalBalances,
    Unknown {
        status: u16,
    },
}

/// What a request about one payment wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Read,
    Patch,
    Capture,
    Void,
    Chargeback,
    Approve,
    Reject,
    Operations,
    /// A subscription is named by its first payment.
    ReadSubscription,
    PatchSubscription,
}

impl Engine {
    pub(super) fn understand<'a>(&self, request: &Request<'a>) -> Call<'a> {
        use Method::{Get, Patch, Post};
        let Some(below) = request.path().strip_prefix("/api/v1/") else { return Call::Unknown { status: 404 } };
        let segments: Vec<&'a str> = below.split('/').collect();
        let of = |about, id| Call::Of(about, self.place(id));
        match (request.method, segments.as_slice()) {
            (Post, ["payments"]) => Call::Create(serde_json::from_slice(request.body)),
            (Get, ["payments"]) => Call::List,
            (Get, ["payments", id]) => of(About::Read, id),
            (Patch, ["payments", id]) => of(About::Patch, id),
            (Post, ["payments", id, "capture"]) => of(About::Capture, id),
            (Post, ["payments", id, "void"]) => of(About::Void, id),
            (Post, ["payments", id, "chargebacks"]) => of(About::Chargeback, id),
            (Post, ["payments", id, "approve"]) => of(About::Approve, id),
            (Post, ["payments", id, "reject"]) => of(About::Reject, id),
            (Get, ["payments", id, "operations"]) => of(About::Operations, id),
            (Get, ["subscriptions", id]) => of(About::ReadSubscription, id),
            (Patch, ["subscriptions", id]) => of(About::PatchSubscription, id),
            (Get, ["customers", customer, "card-tokens"]) if is_reference(customer) => Call::CardTokens { customer },
            (Get, ["customers", customer, "terminals", terminal, "tokens"])
                if is_reference(customer) && is_number(terminal) =>
            {
                Call::TerminalTokens { customer }
            }
            (Get, ["balances"]) => Call::Balances,
            (Get, ["available-withdrawal-balances"]) => Call::AvailableWithdrawalBalances,
            (_, known) => Call::Unknown { status: if is_known(known) { 405 } else { 404 } },
        }
    }

    fn place(&self, id: &str) -> Option<Place> {
        self.ledger.place_of(id.parse().ok()?)
    }

    /// The reference that faults are planned by. Only a creation always needs it: there it is counted.
    pub(super) fn reference_of<'a>(&self, call: &Call<'a>, request: &Request<'a>) -> Option<Cow<'a, str>> {
        match call {
            Call::Create(Ok(body)) => body.text("referenceId"),
            _ if self.faults.rules().is_empty() => None,
            Call::Of(_, Some(place)) => self.ledger.get(*place)?.reference_id().map(|text| text.to_owned().into()),
            Call::List => read::reference_in(request.query()).map(Into::into),
            _ => None,
        }
    }
}

impl Call<'_> {
    pub(super) const fn endpoint(&self) -> Endpoint {
        match self {
            Self::Create(_) => Endpoint::Create,
            Self::List => Endpoint::List,
            Self::Of(About::Read, _) => Endpoint::Read,
            Self::Of(About::Patch, _) => Endpoint::Patch,
            Self::Of(About::Capture, _) => Endpoint::Capture,
            Self::Of(About::Void, _) => Endpoint::Void,
            Self::Of(About::Chargeback, _) => Endpoint::Chargeback,
            Self::Of(About::Approve, _) => Endpoint::Approve,
            Self::Of(About::Reject, _) => Endpoint::Reject,
            Self::Of(About::Operations, _) => Endpoint::Operations,
            Self::Of(About::ReadSubscription, _) => Endpoint::ReadSubscription,
            Self::Of(About::PatchSubscription, _) => Endpoint::PatchSubscription,
            Self::CardTokens { .. } => Endpoint::CardTokens,
            Self::TerminalTokens { .. } => Endpoint::TerminalTokens,
            Self::Balances => Endpoint::Balances,
            Self::AvailableWithdrawalBalances => Endpoint::AvailableWithdrawalBalances,
            Self::Unknown { .. } => Endpoint::Unknown,
        }
    }

    /// Whether the contract asks for a body, or the caller sent one.
    pub(super) fn has_body(&self, body: &[u8]) -> bool {
        match self {
            Self::Create(_) | Self::Of(About::Patch | About::Chargeback | About::PatchSubscription, _) => true,
            Self::Of(About::Capture | About::Reject, _) => !body.is_empty(),
            _ => false,
        }
    }
}

/// Paths that take another method.
fn is_known(segments: &[&str]) -> bool {
    matches!(
        segments,
        ["payments" | "balances" | "available-withdrawal-balances"]
            | ["payments" | "subscriptions", _]
            | ["payments", _, "capture" | "void" | "chargebacks" | "approve" | "reject" | "operations"]
    ) || match segments {
        ["customers", customer, "card-tokens"] => is_reference(customer),
        ["customers", customer, "terminals", terminal, "tokens"] => is_reference(customer) && is_number(terminal),
        _ => false,
    }
}

/// What a customer's reference may hold in a path (section 6.1.1).
fn is_reference(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
