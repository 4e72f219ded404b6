//! Who is told of events: registered, changed, told again.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Actor, ShopName, Time};
use gateway_client::Secret;
use serde::{Deserialize, Serialize};
use store::{Endpoint, EndpointState, Event, Payload};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::vault::Purpose;
use crate::{DeedError, EventPattern, Pusher};

/// What somebody wants to be told, and where.
#[derive(Debug, Clone)]
pub struct EndpointOrder {
    /// Its name.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// Its owner's word for it.
    pub description: String,
    /// Only events of these shops; empty for all.
    pub shops: BTreeSet<ShopName>,
    /// Only events that fit one of these; empty for all.
    pub event_types: BTreeSet<EventPattern>,
    /// What a message holds.
    pub payload: Payload,
    /// From behind which place in the feed on; none from now on.
    pub after: Option<u64>,
    /// What its messages are signed with.
    pub secret: Secret,
    /// Who wants it.
    pub by: Option<Actor>,
}

/// What messages are signed with, for as long as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// As it was shown: `whsec_` and base64 (Standard Webhooks, "Signature scheme").
    pub secret: Secret,
    /// Until when; none if nothing has replaced it.
    pub until: Option<Time>,
}

/// How often a change is made again because somebody was faster.
const TRIES: usize = 16;

impl Pusher {
    /// Registers an endpoint; none if there are too many.
    pub async fn add(&self, order: EndpointOrder) -> Result<Option<Endpoint>, DeedError> {
        let now = self.desk.clock.now();
        let position = match order.after {
            Some(after) => after,
            // What is stamped by now; what waits for it happened before somebody asked, and comes as well.
            None => self.events.feed_end().await?,
        };
        let endpoint = Endpoint {
            id: order.id,
            url: order.url,
            description: order.description,
            shops: order.shops,
            event_types: order.event_types.iter().map(ToString::to_string).collect(),
            payload: order.payload,
            secrets: self.seal_secrets(order.id, &[SigningSecret { secret: order.secret, until: None }])?,
            state: EndpointState::Enabled,
            reason: None,
            made_by: order.by,
            made_at: now,
            position,
            failures: 0,
            failing_since: None,
            last_failure: None,
            delivered_at: None,
            next_at: now,
            epoch: 0,
        };
        let added = self.events.add_endpoint(&endpoint, self.rules.endpoints_max).await?;
        Ok(added.then_some(endpoint))
    }

    /// Changes an endpoint; none if there is none of this name. What is being sent to it right now may be sent once more.
    pub async fn change(
        &self,
        id: Uuid,
        change: impl Fn(&mut Endpoint) + Send + Sync,
    ) -> Result<Option<Endpoint>, DeedError> {
        for _ in 0..TRIES {
            let Some(mut endpoint) = self.events.endpoint(id).await? else { return Ok(None) };
            change(&mut endpoint);
            if self.events.change_endpoint(&endpoint).await? {
                return Ok(Some(endpoint));
            }
        }
        Err(DeedError::Contended)
    }

    /// Tells an endpoint again from behind a place in the feed on.
    pub async fn replay(&self, id: Uuid, after: u64) -> Result<Option<Endpoint>, DeedError> {
        let now = self.desk.clock.now();
        let back = |endpoint: &mut Endpoint| {
            endpoint.position = endpoint.position.min(after);
            endpoint.next_at = now;
        };
        self.change(id, back).await
    }

    /// Enables an endpoint, as if it had never failed, or disables it.
    pub fn switch(endpoint: &mut Endpoint, state: EndpointState, now: Time) {
        if state == EndpointState::Enabled && endpoint.state == EndpointState::Disabled {
            (endpoint.failures, endpoint.failing_since, endpoint.next_at) = (0, None, now);
        }
        let is_disabled = state == EndpointState::Disabled;
        endpoint.reason =
            is_disabled.then(|| endpoint.reason.take().unwrap_or_else(|| "somebody disabled it".to_owned()));
        endpoint.state = state;
    }

    /// Signs with another secret from now on, and for `overlap` with the present ones as well, so that a receiver has time to
    /// change over.
    pub async fn rotate(&self, id: Uuid, secret: &Secret, overlap: Duration) -> Result<Option<Endpoint>, DeedError> {
        let now = self.desk.clock.now();
        for _ in 0..TRIES {
            let Some(mut endpoint) = self.events.endpoint(id).await? else { return Ok(None) };
            let end = now.plus(overlap);
            let mut secrets = vec![SigningSecret { secret: secret.clone(), until: None }];
            for old in self.secrets(&endpoint, now)? {
                let until = Some(old.until.map_or(end, |until| until.min(end)));
                secrets.push(SigningSecret { until, ..old });
            }
            secrets.retain(|one| one.until.is_none_or(|until| until > now));
            endpoint.secrets = self.seal_secrets(id, &secrets)?;
            if self.events.change_endpoint(&endpoint).await? {
                return Ok(Some(endpoint));
            }
        }
        Err(DeedError::Contended)
    }

    /// Removes an endpoint; false if there is none.
    pub async fn remove(&self, id: Uuid) -> Result<bool, DeedError> {
        Ok(self.events.remove_endpoint(id).await?)
    }

    /// Sends an event to an endpoint again, or at last.
    pub async fn resend(&self, endpoint: Uuid, event: &Event) -> Result<(), DeedError> {
        Ok(self.events.resend(endpoint, event, self.desk.clock.now()).await?)
    }

    /// What an endpoint's messages are signed with at a moment, the latest first.
    pub fn secrets(&self, endpoint: &Endpoint, at: Time) -> Result<Vec<SigningSecret>, DeedError> {
        let plain = self.desk.vault.unseal_anew(Purpose::WebhookSecrets, endpoint.id, &endpoint.secrets);
        let mut secrets: Vec<SigningSecret> =
            serde_json::from_slice(&plain.ok_or(DeedError::Sealed)?).map_err(|_| DeedError::Sealed)?;
        secrets.retain(|one| one.until.is_none_or(|until| until > at));
        Ok(secrets)
    }

    fn seal_secrets(&self, endpoint: Uuid, secrets: &[SigningSecret]) -> Result<Vec<u8>, DeedError> {
        let plain = Zeroizing::new(serde_json::to_vec(secrets).map_err(|_| DeedError::Sealed)?);
        Ok(self.desk.vault.seal_anew(Purpose::WebhookSecrets, endpoint, &plain))
    }
}
