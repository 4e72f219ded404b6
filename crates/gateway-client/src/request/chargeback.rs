use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::invalid::{Check, InvalidRequest};
use super::{PAYMENTS, Request, json};
use crate::vocabulary::ChargebackState;
use crate::{GatewayId, time};

/// A chargeback that reached the merchant elsewhere (gateway contract, section 6.7). Nothing in it is
/// required.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chargeback {
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made; the gateway's default is now.
    #[serde(with = "time", skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// How it has ended already; without, it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ChargebackState>,
    /// Where its webhooks go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// `POST /api/v1/payments/{id}/chargebacks`: registers a chargeback of a completed deposit that has
/// none yet. Whether the deposit comes back or a record of its own is not documented, so read the id.
/// Its answer is for [`classify_command`](crate::answer::classify_command).
pub fn register_chargeback(id: &GatewayId, chargeback: &Chargeback) -> Result<Request, InvalidRequest> {
    let mut check = Check::default();
    check.at_most([("description", &chargeback.description, 512), ("webhookUrl", &chargeback.webhook_url, 512)]);
    check.result()?;
    Ok(Request::command(format!("{PAYMENTS}/{id}/chargebacks"), Some(json(chargeback))))
}

impl fmt::Debug for Chargeback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Chargeback")
            .field("created", &self.created)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
