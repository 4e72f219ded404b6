//! The only place from which a POST leaves.

use std::time::Duration;

use domain::{Evidence, Kind, Seen, Source};
use gateway_client::answer::{CreateOutcome, NotSentReason, classify_create};
use gateway_client::request::{self, Class, CreatePayment};
use store::{Lease, Stored};

use crate::gateway::{discreet, invalid, rejection, sighting};
use crate::record::{Recorded, Under};
use crate::{DeedError, Desk, Trouble};

impl Desk {
    /// Sends the request whose entry is durable, and records what came back. `leased_at` is the uptime at which the
    /// lease was asked for.
    pub(crate) async fn send(
        &self,
        stored: Stored,
        request: &CreatePayment,
        leased_at: Duration,
    ) -> Result<Recorded, DeedError> {
        let attempt = stored.payment.submission.attempts().len();
        let seen = if self.clock.uptime().saturating_sub(leased_at) > self.rules.send_guard {
            // The lease may be over before an answer comes, and somebody else would be on it.
            Seen::NotSent { attempt, reason: "its lease had grown too old before it could leave".to_owned() }
        } else {
            self.exchange(&stored, request, attempt).await
        };
        let evidence = Evidence { source: Source::Response, at: self.now(), begun_at: None, seen };
        let under = Under { epoch: Some(stored.epoch), lease: Lease::Release, notice: None, look: None };
        self.record(stored, evidence, under).await
    }

    async fn exchange(&self, stored: &Stored, request: &CreatePayment, attempt: usize) -> Seen {
        let is_secretive = request.instrument.is_some() || request.recurring_token.is_some();
        let class = match stored.payment.opening.kind {
            Kind::Inert => Class::Inert,
            Kind::Moving => Class::Moving,
        };
        let request = match request::create_payment(request, class) {
            Ok(request) => request,
            Err(broken) => return Seen::Refused { attempt, rejection: invalid(&broken) },
        };
        let shop = &stored.payment.opening.shop;
        // A caller waits for it, so no poll may be in its way.
        self.throttle.take();
        let outcome = classify_create(self.gateway.exchange_about(&stored.payment, request).await);
        self.feel(shop, &outcome);
        let outcome = if is_secretive { without_echoes(outcome) } else { outcome };
        match outcome {
            CreateOutcome::Accepted { payment, .. } => match sighting(&payment) {
                Some(sighting) => Seen::Accepted { attempt, sighting },
                None => Seen::OutcomeUnknown { attempt, reason: "the answer's id has no form of an id".to_owned() },
            },
            CreateOutcome::Refused(refusal) => Seen::Refused { attempt, rejection: rejection(&refusal) },
            CreateOutcome::NotSent(reason) => Seen::NotSent { attempt, reason: reason.to_string() },
            CreateOutcome::Unknown(reason) => Seen::OutcomeUnknown { attempt, reason: reason.to_string() },
        }
    }

    /// What an answer tells about the gateway itself.
    fn feel(&self, shop: &domain::ShopName, outcome: &CreateOutcome) {
        match outcome {
            CreateOutcome::Accepted { .. } | CreateOutcome::Refused(_) => self.breaker.succeeded(shop),
            CreateOutcome::NotSent(NotSentReason::Misconfigured(_)) => {
                self.breaker.failed(shop, Trouble::Misconfigured, self.clock.uptime());
            }
            CreateOutcome::NotSent(_) | CreateOutcome::Unknown(_) => {
                self.breaker.failed(shop, Trouble::Unavailable, self.clock.uptime());
            }
        }
    }
}

/// Whatever the gateway says about a request with a secret in it is stored and shown.
fn without_echoes(outcome: CreateOutcome) -> CreateOutcome {
    match outcome {
        CreateOutcome::Refused(refusal) => CreateOutcome::Refused(discreet(refusal)),
        CreateOutcome::NotSent(NotSentReason::Misconfigured(refusal)) => {
            CreateOutcome::NotSent(NotSentReason::Misconfigured(discreet(refusal)))
        }
        outcome @ (CreateOutcome::Accepted { .. } | CreateOutcome::NotSent(_) | CreateOutcome::Unknown(_)) => outcome,
    }
}
