//! What of an order is kept, encrypted, for requests that may still have to leave. It is gone when the payment is final, or
//! after a day.

use std::time::Duration;

use domain::{Flow, Order, PaymentId};
use gateway_client::request::{CreatePayment, PatchPayment};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::gateway::patch_payment;
use crate::vault::Purpose;
use crate::{DeedError, Desk};

/// Requests of one payment.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The POST; none if it carries card or wallet data, which is never stored, in whatever form: it leaves now or never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<CreatePayment>,
    /// The PATCH of a host-to-host deposit. It carries no card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<PatchPayment>,
}

impl Kept {
    /// Of an order and the POST that it makes.
    pub(crate) fn of(order: &Order, create: &CreatePayment) -> Self {
        Self { start: start_of(order), ..Self::of_request(create) }
    }

    /// Of a POST that nothing follows.
    pub(crate) fn of_request(create: &CreatePayment) -> Self {
        Self { create: create.instrument.is_none().then(|| create.clone()), start: None }
    }
}

/// The PATCH of an order that is made host-to-host.
pub(crate) fn start_of(order: &Order) -> Option<PatchPayment> {
    let ip = order.customer.as_deref().and_then(|customer| customer.ip)?;
    (order.flow == Flow::HostToHost).then(|| patch_payment(ip, order.browser.as_deref()))
}

impl Desk {
    /// As it is stored; none if there is nothing to keep, or it cannot be written as JSON.
    pub(crate) fn seal_kept(&self, id: PaymentId, kept: &Kept) -> Option<Vec<u8>> {
        if kept.create.is_none() && kept.start.is_none() {
            return None;
        }
        let plain = Zeroizing::new(serde_json::to_vec(kept).ok()?);
        Some(self.vault.seal(Purpose::KeptRequest, id.uuid(), &plain))
    }

    /// What was kept of a payment's order, as far as it still is.
    pub(crate) async fn kept(&self, id: PaymentId) -> Result<Kept, DeedError> {
        let Some(sealed) = self.store.store().kept_request(id).await? else { return Ok(Kept::default()) };
        let plain = self.vault.unseal(Purpose::KeptRequest, id.uuid(), &sealed).ok_or(DeedError::Sealed)?;
        serde_json::from_slice(&plain).map_err(|_| DeedError::Sealed)
    }

    /// Forgets requests that were kept for a day: nothing is sent a second time so late.
    pub async fn forget_kept_requests(&self) -> Result<u64, DeedError> {
        let before = self.now().minus(Duration::from_hours(24));
        Ok(self.store.store().forget_kept_requests(before).await?)
    }
}
