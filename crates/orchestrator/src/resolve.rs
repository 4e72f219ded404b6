//! What only people may decide: a state that is forced, a request that is sent again although nobody knows what came of the
//! first. Where much is at stake one person asks and another one approves.

use std::sync::Arc;
use std::time::Duration;

use domain::{
    Actor, Attempt, Deed, Evidence, GatewayPaymentId, Kind, NotForcible, Operation, Operator, Payment, PaymentId,
    PaymentState, PaymentType, Seen, Sighting, Source, Time, Via,
};
use gateway_client::answer::{ReadOutcome, read_payment};
use gateway_client::request::{self, Class, CreatePayment};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::{Decided, Lease, Name, Outcome, Proposal, Proposals, Stored};
use uuid::Uuid;

use crate::gateway::{gateway_id, sighting};
use crate::record::Under;
use crate::{DeedError, Desk, Preview};

/// Where people resolve what the machine may not.
pub struct Resolver {
    desk: Arc<Desk>,
    proposals: Arc<dyn Proposals>,
    rules: ResolveRules,
}

/// When a second person is needed, and how long is waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveRules {
    /// Above this amount, in major units of whichever currency, two people are needed; none needs them by its amount.
    pub two_people_above: Option<Decimal>,
    /// How long after its last request one that may have moved money is neither let go nor sent again.
    pub moving_after: Duration,
    /// How long after its last request a deposit that waits for its customer is not said never to have been made.
    pub inert_after: Duration,
}

impl Default for ResolveRules {
    fn default() -> Self {
        Self { two_people_above: None, moving_after: Duration::from_hours(24), inert_after: Duration::from_hours(72) }
    }
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Action {
    /// The payment is in this state. What holds or moved money must be shown by the gateway.
    Force {
        /// Which.
        state: PaymentState,
        /// The gateway payment that proves it, if none is known for ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway_payment_id: Option<GatewayPaymentId>,
    },
    /// The payment is in whichever state the gateway shows it.
    Accept,
    /// The request of unknown outcome made nothing: it is sent again.
    Redrive,
}

/// An action with whoever wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// What.
    pub action: Action,
    /// Who, why and from where.
    pub operator: Operator,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// It is done; the payment as it is now.
    Done(Box<Stored>),
    /// Another person must approve it.
    Proposed(Box<Proposal>),
}

/// What an action would do.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionPreview {
    /// What would be sent, and where it would lead.
    pub preview: Preview,
    /// Whether another person must approve it.
    pub needs_second: bool,
    /// It is not done before then.
    pub not_before: Option<Time>,
}

impl Resolver {
    /// Resolves for `desk`.
    pub fn new(desk: Arc<Desk>, proposals: Arc<dyn Proposals>, rules: ResolveRules) -> Self {
        Self { desk, proposals, rules }
    }

    /// What was asked for, for those who list it.
    pub fn proposals(&self) -> &Arc<dyn Proposals> {
        &self.proposals
    }

    /// What an action would send and lead to. The gateway is asked how the payment stands, and for nothing else.
    pub async fn preview(&self, payment: PaymentId, action: &Action) -> Result<ActionPreview, DeedError> {
        let payment = self.desk.found(payment).await?;
        let preview = match action {
            Action::Redrive => {
                payment.may_release()?;
                let request = self.desk.request_to_repeat(&payment).await?.ok_or(DeedError::RequestGone)?;
                let request = request::create_payment(&request, Class::Moving).map_err(|_| DeedError::RequestGone)?;
                Preview::of(&request, None)
            }
            Action::Force { .. } | Action::Accept => {
                let (state, _) = self.shown(&payment, action).await?;
                Preview { request: None, body: None, state: Some(state) }
            }
        };
        let not_before = self.not_before(&payment, action);
        Ok(ActionPreview { preview, needs_second: self.needs_second(&payment, action), not_before })
    }

    /// Does what one person may do alone, and asks for the rest. `proposal` is a new name for that. The payment must still
    /// have the version that the person has seen.
    pub async fn resolve(
        &self,
        proposal: Uuid,
        payment: PaymentId,
        version: u64,
        wanted: Wanted,
    ) -> Result<Resolved, DeedError> {
        let stored = self.at_version(payment, version).await?;
        let now = self.desk.now();
        // Whatever cannot be done is told at once, and not when somebody approves it.
        self.preview(payment, &wanted.action).await?;
        let not_before = self.not_before(&stored.payment, &wanted.action);
        if !self.needs_second(&stored.payment, &wanted.action) {
            if let Some(not_before) = not_before.filter(|not_before| *not_before > now) {
                return Err(DeedError::TooEarly { not_before });
            }
            return self.carry_out(stored, wanted).await.map(|stored| Resolved::Done(Box::new(stored)));
        }
        let action = serde_json::to_string(&wanted).map_err(|_| DeedError::Sealed)?;
        let proposal = Proposal {
            id: proposal,
            payment,
            shop: stored.payment.opening.shop.clone(),
            action,
            version,
            asked_by: wanted.operator.by,
            asked_at: now,
            not_before: not_before.unwrap_or(now),
            decided: None,
        };
        if self.proposals.propose(&proposal).await? {
            Ok(Resolved::Proposed(Box::new(proposal)))
        } else {
            Err(DeedError::ProposalOpen)
        }
    }

    /// Another person approves: it is done, if the payment is still what it was asked for.
    pub async fn approve(&self, proposal: &Proposal, by: Actor) -> Result<Stored, DeedError> {
        let now = self.desk.now();
        if proposal.decided.is_some() {
            return Err(DeedError::ProposalDecided);
        }
        if proposal.asked_by.key == by.key {
            return Err(DeedError::SamePerson);
        }
        if proposal.not_before > now {
            return Err(DeedError::TooEarly { not_before: proposal.not_before });
        }
        let mut wanted: Wanted = serde_json::from_str(&proposal.action).map_err(|_| DeedError::Sealed)?;
        wanted.operator.approved_by = Some(by.clone());
        let stored = self.at_version(proposal.payment, proposal.version).await?;
        let stored = self.carry_out(stored, wanted).await?;
        // Done or not, it is done no second time: the version has moved on.
        let decided = Decided { done: true, by, at: now };
        if let Err(error) = self.proposals.decide_proposal(proposal.id, &decided).await {
            tracing::error!(proposal = %proposal.id, error = &error as &dyn std::error::Error, "it is done and still shown as open");
        }
        Ok(stored)
    }

    /// Whoever may approve it says no, or whoever asked takes it back.
    pub async fn decline(&self, proposal: &Proposal, by: Actor) -> Result<Proposal, DeedError> {
        let decided = Decided { done: false, by, at: self.desk.now() };
        self.proposals.decide_proposal(proposal.id, &decided).await?.ok_or(DeedError::ProposalDecided)
    }

    async fn carry_out(&self, stored: Stored, wanted: Wanted) -> Result<Stored, DeedError> {
        let Wanted { action, operator } = wanted;
        match &action {
            Action::Force { .. } | Action::Accept => {
                let (state, sighting) = self.shown(&stored.payment, &action).await?;
                let deed = Deed::Force { state, sighting: sighting.map(Box::new) };
                self.desk.operate(stored, deed, operator).await
            }
            Action::Redrive => self.redrive(stored, operator).await,
        }
    }

    /// The state that an action leads to, and the gateway payment that shows it. Fails if it may not be.
    async fn shown(&self, payment: &Payment, action: &Action) -> Result<(PaymentState, Option<Sighting>), DeedError> {
        let (wanted, given) = match action {
            Action::Force { state, gateway_payment_id } => (Some(*state), gateway_payment_id.as_ref()),
            Action::Accept | Action::Redrive => (None, None),
        };
        let id = payment.gateway_payment_id.as_ref().or(given);
        let sighting = match id {
            Some(id) if wanted != Some(PaymentState::Rejected) => self.desk.show(payment, id).await?,
            Some(_) | None => None,
        };
        let ours = |sighting: &Sighting| {
            let reference = payment.opening.reference_id.as_str();
            sighting.reference_id.as_deref().is_none_or(|theirs| theirs == reference)
        };
        if sighting.as_ref().is_some_and(|sighting| !ours(sighting)) {
            return Err(NotForcible::AnotherPayment.into());
        }
        let shown = sighting.as_ref().and_then(Sighting::known_state).map(PaymentState::from);
        let state = wanted.or(shown).ok_or(DeedError::NotAtGateway)?;
        payment.may_force(state, sighting.as_ref())?;
        Ok((state, sighting))
    }

    /// The first request is let go, then another one leaves, as the machine sends it.
    async fn redrive(&self, stored: Stored, operator: Operator) -> Result<Stored, DeedError> {
        stored.payment.may_release()?;
        self.desk.check_breaker(&stored.payment)?;
        let request = self.desk.request_to_repeat(&stored.payment).await?.ok_or(DeedError::RequestGone)?;
        let reason = operator.reason.clone().unwrap_or_default();
        let leased_at = self.desk.uptime();
        let released = self.desk.operate(stored, Deed::Release, operator).await?;
        match self.desk.permit_attempt(&released, format!("two people let the one before go: {reason}")).await? {
            Some(permitted) => Ok(self.desk.send(permitted, &request, leased_at).await?.stored),
            None => Ok(released),
        }
    }

    async fn at_version(&self, payment: PaymentId, version: u64) -> Result<Stored, DeedError> {
        let stored = self.desk.find(Name::Id(payment)).await?.ok_or(DeedError::PaymentNotFound)?;
        if stored.payment.version == version {
            Ok(stored)
        } else {
            Err(DeedError::VersionChanged { version: stored.payment.version })
        }
    }

    fn needs_second(&self, payment: &Payment, action: &Action) -> bool {
        let much = self.rules.two_people_above.is_some_and(|above| payment.opening.requested.amount() > above);
        much || matches!(action, Action::Redrive) || (lets_go(action) && may_have_moved(payment))
    }

    fn not_before(&self, payment: &Payment, action: &Action) -> Option<Time> {
        let last = payment.submission.last_unaccounted().map(Attempt::sent_at)?;
        let waits = match payment.opening.kind {
            Kind::Moving => self.rules.moving_after,
            Kind::Inert => self.rules.inert_after,
        };
        (matches!(action, Action::Redrive) || lets_go(action)).then(|| last.plus(waits))
    }
}

/// Whether an action says that a request made nothing.
fn lets_go(action: &Action) -> bool {
    matches!(action, Action::Force { state: PaymentState::Rejected, .. })
}

fn may_have_moved(payment: &Payment) -> bool {
    payment.opening.kind == Kind::Moving && payment.submission.possibly_sent() > 0
}

impl Desk {
    /// Records what a person decided about a payment as it is here; if it has moved on, nothing is recorded.
    pub(crate) async fn operate(&self, stored: Stored, deed: Deed, operator: Operator) -> Result<Stored, DeedError> {
        let mut seen = Seen::Operated { operation: Box::new(Operation { deed, operator }) };
        self.forget_the_page(&stored.payment, &mut seen);
        let evidence = Evidence { source: Source::Operator, at: self.now(), begun_at: None, seen };
        let decision = stored.payment.apply(&evidence);
        let under = Under { lease: Lease::Keep, ..Under::nobody() };
        let (write, after) = self.write(&stored, &evidence, &decision, under);
        let Some(write) = write else { return Err(DeedError::VersionChanged { version: stored.payment.version }) };
        match Box::pin(self.store.commit(write)).await? {
            Outcome::Won => {
                self.wake(after.payment.id());
                self.ends.count(&stored.payment, &after.payment, Source::Operator);
                Ok(after)
            }
            Outcome::Lost | Outcome::Taken => {
                let now = self.found(stored.payment.id()).await?;
                Err(DeedError::VersionChanged { version: now.version })
            }
            Outcome::Claimed(_) => Err(NotForcible::AnotherPayment.into()),
            Outcome::Poison(reason) => Err(DeedError::Poison(reason)),
        }
    }

    /// A gateway payment as it stands there now; none if the gateway does not know it.
    async fn show(&self, payment: &Payment, id: &GatewayPaymentId) -> Result<Option<Sighting>, DeedError> {
        self.check_breaker(payment)?;
        let Some(asked) = gateway_id(id) else { return Err(DeedError::NotAtGateway) };
        self.throttle.take();
        let shop = &payment.opening.shop;
        match read_payment(self.gateway.exchange_about(payment, request::get_payment(&asked)).await) {
            ReadOutcome::Found { result, .. } => {
                self.breaker.succeeded(shop);
                Ok(sighting(&result).filter(|found| found.id == *id))
            }
            ReadOutcome::NotFound => Ok(None),
            ReadOutcome::Misconfigured(_) | ReadOutcome::Unavailable(_) => {
                Err(DeedError::GatewayUnavailable { retry_after: self.rules.breaker.pause })
            }
        }
    }

    /// The request that a payment's next attempt would carry: what was kept of it, or what a refund says by itself.
    async fn request_to_repeat(&self, payment: &Payment) -> Result<Option<CreatePayment>, DeedError> {
        if let (PaymentType::Refund, Some(parent)) = (payment.opening.payment_type, payment.opening.parent) {
            let deposit = self.found(parent).await?;
            return Ok(Some(self.refund_request(&deposit, &payment.opening)));
        }
        Ok(self.kept(payment.id()).await?.create)
    }
}

impl Wanted {
    /// What `by` wants, from `via`.
    pub fn new(action: Action, by: Actor, via: Via, reason: String, ticket: String) -> Self {
        let operator = Operator { by, approved_by: None, via, reason: Some(reason), ticket: Some(ticket) };
        Self { action, operator }
    }
}
