use std::collections::BTreeSet;

use domain::{Actor, Fingerprint, Kind, Opening, Order, Payment, PaymentId, PaymentMethod, PaymentType};
use gateway_client::request::CreatePayment;
use store::{Birth, Name, Opened, StoreError, Stored};

use crate::gateway::create_payment;
use crate::vault::Purpose;
use crate::{DeedError, Desk, Trouble};

/// What became of an order.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The payment as it is now.
    pub stored: Stored,
    /// Whether it was there before: the gateway was not called for this order.
    pub replay: bool,
}

/// Whether the POST of an order moves money by itself (protocols, section 1). An order that carries card or wallet
/// data, a token or a parent would be moving too; none of those is taken yet.
pub fn kind_of(order: &Order, moving_methods: &BTreeSet<PaymentMethod>) -> Kind {
    let moving_method = order.payment_method.as_ref().is_some_and(|method| moving_methods.contains(method));
    match order.payment_type {
        PaymentType::Deposit if !moving_method => Kind::Inert,
        PaymentType::Deposit | PaymentType::Withdrawal | PaymentType::Refund => Kind::Moving,
    }
}

impl Desk {
    /// Takes a payment exactly once (protocols, section 1): one durable row that says that a request is about to
    /// leave, then the request, then what came back.
    ///
    /// `id` is a new name that is used for nothing else: a row that has it is ours even if the answer to its commit was
    /// lost. An order whose reference is taken by the same order is a replay, and the gateway is not called. `by` is kept in
    /// the ledger.
    pub async fn take(&self, id: PaymentId, order: Order, by: Option<Actor>) -> Result<Taken, DeedError> {
        if !self.signing_keys.contains_key(&order.shop) {
            return Err(DeedError::UnknownShop(order.shop));
        }
        let leased_at = self.clock.uptime();
        let opening = self.opening(id, &order, by);
        if let Err(trouble) = self.breaker.check(&order.shop, leased_at) {
            return self.replay_or(opening, trouble).await;
        }
        let request = create_payment(&order, self.webhook_url(&order.shop));
        let birth = self.birth(opening, &request);
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
                born
            }
        };
        Ok(Taken { stored, replay: false })
    }

    fn opening(&self, id: PaymentId, order: &Order, ordered_by: Option<Actor>) -> Opening {
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
            parent: None,
            metadata: order.metadata.clone(),
            fingerprint: self.vault.fingerprint(order),
            ordered_by,
        }
    }

    pub(crate) fn birth(&self, opening: Opening, request: &CreatePayment) -> Birth {
        let (id, now) = (opening.id, self.now());
        let (payment, entry) = Payment::open(opening, now);
        let next_check_at = payment.next_check_at(&domain::Progress::default(), now, &self.rules.intervals);
        // A request that cannot be written as JSON cannot be kept; then there is no second attempt.
        let kept = serde_json::to_vec(request).ok();
        Birth {
            payment,
            entry,
            next_check_at,
            lease: Some((self.owner, now.plus(self.rules.intervals.lease))),
            kept_request: kept.map(|plain| self.vault.seal(Purpose::KeptRequest, id.uuid(), &plain)),
        }
    }

    /// The breaker is open: nothing new is taken, and what was taken before is answered as ever.
    async fn replay_or(
        &self,
        opening: Opening,
        (trouble, retry_after): (Trouble, std::time::Duration),
    ) -> Result<Taken, DeedError> {
        let name = Name::Reference(opening.shop.clone(), opening.reference_id.clone());
        match (self.find(name).await?, trouble) {
            (Some(existing), _) => replay(existing, &opening.fingerprint).map(|stored| Taken { stored, replay: true }),
            (None, Trouble::Unavailable) => Err(DeedError::GatewayUnavailable { retry_after }),
            (None, Trouble::Misconfigured) => Err(DeedError::GatewayMisconfigured { retry_after }),
        }
    }

    /// The request of a payment, as it was kept for another attempt.
    pub(crate) async fn kept_request(&self, id: PaymentId) -> Result<Option<CreatePayment>, DeedError> {
        let Some(sealed) = self.store.store().kept_request(id).await? else { return Ok(None) };
        let plain = self.vault.unseal(Purpose::KeptRequest, id.uuid(), &sealed).ok_or(DeedError::Sealed)?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| DeedError::Sealed)
    }

    /// Forgets requests that were kept for a day: nothing is sent a second time so late.
    pub async fn forget_kept_requests(&self) -> Result<u64, DeedError> {
        let before = self.now().minus(std::time::Duration::from_hours(24));
        Ok(self.store.store().forget_kept_requests(before).await?)
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
