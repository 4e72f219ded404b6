//! Refunds: never more than was captured, whatever races (protocols, section 3).

use domain::{
    Actor, Evidence, Flow, Kind, Metadata, Money, NotRefundable, Opening, Payment, PaymentId, PaymentState,
    PaymentType, ReferenceId, Seen, Source, TraceParent,
};
use gateway_client::request::{self, Class, CreatePayment, Request};
use gateway_client::vocabulary;
use rust_decimal::Decimal;
use store::{Birth, Lease, Move, Name, Outcome, StoreError, Stored, Write};

use crate::kept::Kept;
use crate::record::Under;
use crate::take::replay;
use crate::{DeedError, Desk, Taken};

/// A refund as a caller orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// A new name for the refund's payment, used for nothing else.
    pub id: PaymentId,
    /// The deposit that it gives back.
    pub deposit: PaymentId,
    /// The caller's name for it, in the one namespace of its shop.
    pub reference_id: ReferenceId,
    /// How much, in the settled currency; none means all that is left.
    pub amount: Option<Decimal>,
    /// The caller's own pairs.
    pub metadata: Metadata,
    /// Who orders it.
    pub by: Actor,
    /// The version that the deposit must still have; none if that does not matter.
    pub expected_version: Option<u64>,
    /// Where it comes from, for whoever follows a trace.
    pub trace: Option<TraceParent>,
}

/// How often a refund is decided again because its deposit moved on meanwhile.
const TRIES: usize = 64;

impl Desk {
    /// Makes a refund exactly once: one commit reserves the money on the deposit and opens the refund's own payment, then
    /// its request leaves. The same refund again is a replay; the gateway is not called.
    pub async fn refund(&self, order: RefundOrder) -> Result<Taken, DeedError> {
        for _ in 0..TRIES {
            let leased_at = self.clock.uptime();
            let deposit = self.find(Name::Id(order.deposit)).await?.ok_or(DeedError::PaymentNotFound)?;
            let reference = Name::Reference(deposit.payment.opening.shop.clone(), order.reference_id.clone());
            let fingerprint = self.vault.refund_fingerprint(&deposit.payment.opening.shop, &order);
            if let Some(existing) = self.find(reference).await? {
                return replay(existing, &fingerprint).map(|stored| Taken { stored, replay: true });
            }
            if let Some(expected) = order.expected_version
                && expected != deposit.payment.version
            {
                return Err(DeedError::VersionChanged { version: deposit.payment.version });
            }
            if let Some(stopped) = self.stopped(PaymentType::Refund) {
                return Err(DeedError::Stopped(stopped));
            }
            let (deposit, money) = self.refundable(deposit, &order).await?;
            self.check_breaker(&deposit.payment)?;
            let opening = opening(&deposit.payment, &order, money, fingerprint);
            let request = self.refund_request(&deposit.payment, &opening);
            let birth = self.birth(opening, &Kept::of_request(&request));
            let born = birth.as_stored();
            if !self.reserve(&deposit, &order, money, birth).await? {
                continue;
            }
            self.wake(order.id);
            return Ok(Taken { stored: self.send_refund(born, &request, leased_at).await, replay: false });
        }
        Err(DeedError::Contended)
    }

    /// What is to go back, once the deposit allows it. What has not been read by its id yet is read now.
    async fn refundable(&self, deposit: Stored, order: &RefundOrder) -> Result<(Stored, Money), DeedError> {
        let deposit = match deposit.payment.refundable() {
            Err(NotRefundable::Unconfirmed) => self.confirm(deposit).await?,
            Ok(_) | Err(_) => deposit,
        };
        let left = deposit.payment.refundable()?;
        let money = match order.amount {
            Some(amount) => Money::requested(amount, left.currency()).map_err(DeedError::InvalidAmount)?,
            None => left,
        };
        deposit.payment.may_refund(money)?;
        Ok((deposit, money))
    }

    /// One unit: the reservation on the deposit, and the refund's payment. False if somebody was faster.
    async fn reserve(
        &self,
        deposit: &Stored,
        order: &RefundOrder,
        money: Money,
        birth: Birth,
    ) -> Result<bool, DeedError> {
        let seen = Seen::RefundOpened { refund: order.id, money, by: Some(order.by.clone()) };
        let evidence = Evidence { source: Source::Request, at: self.now(), begun_at: None, seen };
        let decision = deposit.payment.apply(&evidence);
        let Some((payment, entry)) = deposit.payment.after(&evidence, &decision) else { return Ok(false) };
        let moves = Move {
            payment,
            expected_version: deposit.payment.version,
            expected_epoch: None,
            entry: Some(entry),
            // A reservation moves nothing.
            movements: Vec::new(),
            claim: None,
            progress: deposit.progress,
            lease: Lease::Keep,
        };
        let write = Write { moves: Some(moves), birth: Some(birth), notice: None };
        match Box::pin(self.store.commit(write)).await {
            Ok(Outcome::Won) => Ok(true),
            Ok(Outcome::Lost | Outcome::Taken | Outcome::Claimed(_)) => Ok(false),
            Ok(Outcome::Poison(reason)) => Err(DeedError::Poison(reason)),
            // Sent only if the row is ours for certain; else a worker finds it when its lease is over.
            Err(error) if matches!(*error, StoreError::OutcomeUnknown(_)) => {
                self.find(Name::Id(order.id)).await?.map(|_| true).ok_or(DeedError::Store(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn send_refund(&self, born: Stored, request: &CreatePayment, leased_at: std::time::Duration) -> Stored {
        let stored = match self.send(born.clone(), request, leased_at).await {
            Ok(recorded) => recorded.stored,
            // The request may have left, so the caller is told what is durable: that it is not known.
            Err(error) => {
                tracing::error!(payment = %born.payment.id(), error = &error as &dyn std::error::Error, "the answer could not be recorded");
                return born;
            }
        };
        if !stored.payment.must_tell_parent() {
            return stored;
        }
        let told = self.tell_parent(stored.clone(), Under { lease: Lease::Keep, ..Under::nobody() }).await;
        told.unwrap_or_else(|error| {
            tracing::error!(payment = %stored.payment.id(), error = &error as &dyn std::error::Error, "the deposit was not told yet");
            stored
        })
    }

    /// What a refund as it is ordered would send, if the deposit allows it as far as it is known.
    pub(crate) fn refund_as_ordered(&self, deposit: &Payment, order: &RefundOrder) -> Result<Request, DeedError> {
        let left = deposit.refundable()?;
        let money = match order.amount {
            Some(amount) => Money::requested(amount, left.currency()).map_err(DeedError::InvalidAmount)?,
            None => left,
        };
        deposit.may_refund(money)?;
        let fingerprint = self.vault.refund_fingerprint(&deposit.opening.shop, order);
        let request = self.refund_request(deposit, &opening(deposit, order, money, fingerprint));
        request::create_payment(&request, Class::Moving).map_err(|broken| DeedError::Poison(broken.to_string()))
    }

    pub(crate) fn refund_request(&self, deposit: &Payment, opening: &Opening) -> CreatePayment {
        CreatePayment {
            amount: Some(opening.requested.amount()),
            reference_id: Some(opening.reference_id.as_str().to_owned()),
            parent_payment_id: deposit.gateway_payment_id.as_ref().and_then(crate::gateway::gateway_id),
            webhook_url: self.webhook_url(&opening.shop),
            ..CreatePayment::new(vocabulary::PaymentType::Refund, opening.requested.currency().as_str())
        }
    }

    /// Tells the deposit how its refund ended, and then notes on the refund that it knows. Both may be done again.
    pub(crate) async fn tell_parent(&self, refund: Stored, under: Under) -> Result<Stored, DeedError> {
        let (id, state) = (refund.payment.id(), refund.payment.state);
        let parent = refund.payment.opening.parent.ok_or(DeedError::PaymentNotFound)?;
        let deposit = self.find(Name::Id(parent)).await?.ok_or(DeedError::PaymentNotFound)?;
        let settled = refund.payment.settled.filter(|_| state == PaymentState::Completed);
        let at = self.now();
        let told = |seen| Evidence { source: Source::Request, at, begun_at: None, seen };
        let ended = told(Seen::RefundEnded { refund: id, state, settled });
        self.record(deposit, ended, Under::nobody()).await?;
        Ok(self.record(refund, told(Seen::ParentTold { state }), under).await?.stored)
    }
}

fn opening(deposit: &Payment, order: &RefundOrder, money: Money, fingerprint: domain::Fingerprint) -> Opening {
    Opening {
        id: order.id,
        shop: deposit.opening.shop.clone(),
        reference_id: order.reference_id.clone(),
        payment_type: PaymentType::Refund,
        requested: money,
        payment_method: None,
        flow: Flow::Redirect,
        kind: Kind::Moving,
        pre_auth: false,
        parent: Some(deposit.id()),
        metadata: order.metadata.clone(),
        fingerprint,
        ordered_by: Some(order.by.clone()),
        trace: order.trace.map(Box::new),
    }
}
