//! What payments were paid with, as the gateway tells: kept encrypted, and read for one payment at a time.

use std::fmt;

use domain::{Payment, PaymentId};
use gateway_client::{Secret, answer};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::vault::{Purpose, mask_card_numbers};
use crate::{DeedError, Desk};

/// What a payment was paid with. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaidWith {
    /// Goes on with the chain of charges.
    pub recurring_token: Option<Secret>,
    /// Pays with the same card again.
    pub card_token: Option<Secret>,
    /// An account number, or a card number of which only the ends are shown.
    pub account: Option<String>,
    /// Two digits.
    pub card_expiry_month: Option<String>,
    /// Four digits.
    pub card_expiry_year: Option<String>,
    /// The scheme that the card belongs to, in the gateway's word.
    pub card_brand: Option<String>,
}

impl PaidWith {
    fn told_by(payment: &answer::Payment) -> Option<Self> {
        let details = payment.payment_method_details.clone().unwrap_or_default();
        // Nobody promises that a provider masks what it tells (protocols, invariant I12).
        let masked = |account: String| String::from_utf8_lossy(&mask_card_numbers(account.as_bytes())).into_owned();
        let told = Self {
            recurring_token: payment.recurring_token.clone(),
            card_token: details.card_token,
            account: details.customer_account_number.map(masked),
            card_expiry_month: details.card_expiry_month,
            card_expiry_year: details.card_expiry_year,
            card_brand: details.card_brand.map(|brand| brand.as_str().to_owned()),
        };
        (told != Self::default()).then_some(told)
    }
}

impl Desk {
    /// What a payment was paid with, if the gateway has told.
    pub async fn paid_with(&self, id: PaymentId) -> Result<Option<PaidWith>, DeedError> {
        let Some(sealed) = self.means.means(id).await? else { return Ok(None) };
        let plain = self.vault.unseal_anew(Purpose::Means, id.uuid(), &sealed).ok_or(DeedError::Sealed)?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| DeedError::Sealed)
    }

    /// Keeps what the gateway tells of what was paid with. Of a payment that is not ours it is nobody's business.
    pub(crate) async fn keep_paid_with(&self, payment: &Payment, told: &answer::Payment) -> Result<(), DeedError> {
        let is_ours = payment.gateway_payment_id.as_ref().is_some_and(|ours| ours.as_str() == told.id.as_str());
        let Some(paid_with) = PaidWith::told_by(told).filter(|_| is_ours) else { return Ok(()) };
        let plain = Zeroizing::new(serde_json::to_vec(&paid_with).map_err(|_| DeedError::Sealed)?);
        let sealed = self.vault.seal_anew(Purpose::Means, payment.id().uuid(), &plain);
        Ok(self.means.keep_means(payment.id(), &sealed, self.now()).await?)
    }
}

impl fmt::Debug for PaidWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaidWith(…)")
    }
}
