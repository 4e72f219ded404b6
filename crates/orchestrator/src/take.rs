use std::collections::BTreeSet;
use std::time::Duration;

use domain::{
    Actor, Card, Fingerprint, GatewayPaymentId, Instrument, Kind, Opening, Order, Parent, Payment, PaymentId,
    PaymentMethod, PaymentState, PaymentType, Switch, TraceParent,
};
use gateway_client::request::{CreatePayment, PatchPayment};
use store::{Birth, Name, Opened, StoreError, Stored};

use crate::gateway::create_payment;
use crate::kept::{Kept, start_of};
use crate::{DeedError, Desk, Trouble};

/// What became of an order.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The payment as it is now.
    pub stored: Stored,
    /// Whether it was there before: the gateway was not called for this order.
    pub replay: bool,
}

/// Whether the POST of an order moves money by itself (protocols, section 1): whatever is no plain deposit, and what goes
/// by a method that the settings list.
pub fn kind_of(order: &Order, moving_methods: &BTreeSet<PaymentMethod>) -> Kind {
    let by_method = order.payment_method.as_ref().is_some_and(|method| moving_methods.contains(method));
    if by_method || order.moves_by_itself() { Kind::Moving } else { Kind::Inert }
}

impl Desk {
    /// Takes a payment exactly once (protocols, section 1): one durable row that says that a request is about to
    /// leave, then the request, then what came back.
    ///
    /// `id` is a new name that is used for nothing else: a row that has it is ours even if the answer to its commit was
    /// lost. An order whose reference is taken by the same order is a replay, and the gateway is not called. `by` is kept in
    /// the ledger, and so is the place in a `trace` that it came from.
    pub async fn take(
        &self,
        id: PaymentId,
        order: Order,
        by: Option<Actor>,
        trace: Option<TraceParent>,
    ) -> Result<Taken, DeedError> {
        if !self.signing_keys.contains_key(&order.shop) {
            return Err(DeedError::UnknownShop(order.shop));
        }
        let leased_at = self.clock.uptime();
        let opening = Opening { ordered_by: by, trace: trace.map(Box::new), ..self.opening(id, &order) };
        if let Some(stopped) = self.stopped(order.payment_type) {
            return self.replay_or(opening, DeedError::Stopped(stopped)).await;
        }
        if let Err((trouble, retry_after)) = self.breaker.check(&order.shop, leased_at) {
            return self.replay_or(opening, not_taken(trouble, retry_after)).await;
        }
        let request = match self.request(&order).await {
            Ok(request) => request,
            Err(error) => return self.replay_or(opening, error).await,
        };
        let birth = self.birth(opening, &Kept::of(&order, &request));
        let born = birth.as_stored();
        match self.store.open(birth).await {
            Ok(Opened::New) => {}
            Ok(Opened::Existing(existing)) => {
                return replay(*existing, &born.payment.opening.fingerprint)
                    .map(|stored| Taken { stored, replay: true });
            }
            Ok(Opened::Poison(reason)) => return Err(DeedError::Poison(reason)),
            Err(error) if matches!(*error, StoreError::OutcomeUnknown(_)) => {
                // Sent only if the row is ours for certain; else a worker finds it when its lease is over.
                if self.find(Name::Id(id)).await?.is_none() {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.wake(id);
        let stored = match self.send(born.clone(), &request, leased_at).await {
            Ok(recorded) => recorded.stored,
            // The request may have left, so the caller is told what is durable: that it is not known. A look-up
            // brings the rest.
            Err(error) => {
                tracing::error!(payment = %id, error = &error as &dyn std::error::Error, "the answer could not be recorded");
                return Ok(Taken { stored: born, replay: false });
            }
        };
        let stored = Box::pin(self.go_on(stored, start_of(&order))).await;
        Ok(Taken { stored, replay: false })
    }

    /// What people have stopped that an order of this type would need.
    pub(crate) fn stopped(&self, payment_type: PaymentType) -> Option<Switch> {
        let withdraws = payment_type == PaymentType::Withdrawal;
        let needed = [Some(Switch::NewPayments), withdraws.then_some(Switch::Withdrawals)];
        needed.into_iter().flatten().find(|switch| self.stops.is_stopped(*switch))
    }

    /// A host-to-host deposit that the gateway has is started at once; a worker does what cannot be done now.
    async fn go_on(&self, stored: Stored, start: Option<PatchPayment>) -> Stored {
        let Some(start) = start.filter(|_| stored.payment.needs_start()) else { return stored };
        match self.start(stored.clone(), Some(&start)).await {
            Ok(started) => started,
            Err(error) => {
                tracing::error!(payment = %stored.payment.id(), error = &error as &dyn std::error::Error, "not started yet");
                stored
            }
        }
    }

    fn opening(&self, id: PaymentId, order: &Order) -> Opening {
        Opening {
            id,
            shop: order.shop.clone(),
            reference_id: order.reference_id.clone(),
            payment_type: order.payment_type,
            requested: order.money,
            payment_method: order.payment_method.clone(),
            flow: order.flow,
            kind: kind_of(order, &self.rules.moving_methods),
            pre_auth: order.pre_auth,
            parent: match &order.parent {
                Some(Parent::Ours(id)) => Some(*id),
                Some(Parent::AtGateway(_)) | None => None,
            },
            metadata: order.metadata.clone(),
            fingerprint: self.vault.fingerprint(order),
            ordered_by: None,
            trace: None,
        }
    }

    pub(crate) fn birth(&self, opening: Opening, kept: &Kept) -> Birth {
        let (id, now) = (opening.id, self.now());
        let (payment, entry) = Payment::open(opening, now);
        let next_check_at = payment.next_check_at(&domain::Progress::default(), now, &self.rules.intervals);
        Birth {
            payment,
            entry,
            next_check_at,
            lease: Some((self.owner, now.plus(self.rules.intervals.lease))),
            kept_request: self.seal_kept(id, kept),
        }
    }

    /// The request of an order that is taken now. What was taken before may be repeated though its card is no longer good.
    async fn request(&self, order: &Order) -> Result<CreatePayment, DeedError> {
        if let Some(Instrument::Card(Card { expiry: Some(expiry), .. })) = order.instrument.as_deref()
            && expiry.is_past(self.now())
        {
            return Err(DeedError::invalid_order(
                "/card/expiryYear",
                "is past, with the month: the card is no longer good",
            ));
        }
        let parent = self.gateway_parent(order).await?;
        create_payment(order, parent.as_ref(), self.webhook_url(&order.shop)).map_err(|invalid| {
            let pointer = |field: &str| format!("/{}", field.replace('.', "/"));
            let errors = invalid.fields.iter().map(|error| (pointer(error.field), error.flaw.to_string()));
            DeedError::InvalidOrder { errors: errors.collect() }
        })
    }

    /// The gateway's name for the payment that an order belongs to. Of ours, only one of the same shop.
    async fn gateway_parent(&self, order: &Order) -> Result<Option<GatewayPaymentId>, DeedError> {
        let id = match &order.parent {
            None => return Ok(None),
            Some(Parent::AtGateway(id)) => return Ok(Some(id.clone())),
            Some(Parent::Ours(id)) => *id,
        };
        let found = self.find(Name::Id(id)).await?.map(|stored| stored.payment);
        let parent = found
            .filter(|parent| parent.opening.shop == order.shop && parent.opening.payment_type == PaymentType::Deposit)
            .ok_or_else(|| DeedError::invalid_order("/parentPaymentId", "is not the id of a deposit of this shop"))?;
        if parent.state == PaymentState::Rejected {
            return Err(DeedError::invalid_order("/parentPaymentId", "is of a payment that the gateway never had"));
        }
        parent.gateway_payment_id.map(Some).ok_or(DeedError::ParentNotReady)
    }

    /// Nothing new is taken, and what was taken before is answered as ever.
    async fn replay_or(&self, opening: Opening, error: DeedError) -> Result<Taken, DeedError> {
        let name = Name::Reference(opening.shop.clone(), opening.reference_id.clone());
        match self.find(name).await? {
            Some(existing) => replay(existing, &opening.fingerprint).map(|stored| Taken { stored, replay: true }),
            None => Err(error),
        }
    }
}

fn not_taken(trouble: Trouble, retry_after: Duration) -> DeedError {
    match trouble {
        Trouble::Unavailable => DeedError::GatewayUnavailable { retry_after },
        Trouble::Misconfigured => DeedError::GatewayMisconfigured { retry_after },
    }
}

/// The same order again is answered with its payment as it is now; another one under its reference is refused, the
/// fields that differ named and their values not.
pub(crate) fn replay(existing: Stored, asked: &Fingerprint) -> Result<Stored, DeedError> {
    let differences = existing.payment.opening.fingerprint.differences(asked);
    if differences.is_empty() {
        Ok(existing)
    } else {
        Err(DeedError::ReferenceTaken { payment: existing.payment.id(), differences })
    }
}
