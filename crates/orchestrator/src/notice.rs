//! The gateway's notices: verified, made durable, then applied.

use std::sync::Arc;
use std::time::Duration;

use domain::{Decision, Elsewhere, Evidence, PaymentId, Seen, ShopName, Sighting, Source, Time, TraceParent, Verdict};
use gateway_client::answer::{UnreadableBody, read_webhook};
use gateway_client::signature::SignatureError;
use store::{Claim, DueNotice, Filed, Inbox, Lease, Name, Notice, NoticeId, Outcome, StoreError, Stored, Write};

use crate::gateway::sighting;
use crate::record::Under;
use crate::vault::{Purpose, mask_card_numbers};
use crate::{DeedError, Desk};

/// What became of a notice. Whatever it is, the notice is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was decided what it means.
    Filed {
        /// What.
        verdict: Verdict,
        /// How long after we had seen the same end by ourselves it came; nothing if it was the first to tell it.
        late: Option<Duration>,
    },
    /// The same body was filed before.
    Repeat,
    /// No payment matches it yet, or the one that does has no gateway id yet; it is tried again.
    Waiting,
}

/// A notice that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardNotice {
    /// What became of it.
    pub heard: Heard,
    /// The payment that it is about, if that is known.
    pub payment: Option<PaymentId>,
    /// Where that payment began, for whoever follows its trace.
    pub trace: Option<TraceParent>,
}

/// Why a notice was not taken. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// There is no such shop in the settings.
    #[error("there is no shop named {0}")]
    UnknownShop(ShopName),
    /// The signature is missing, malformed or wrong.
    #[error("the signature is not valid")]
    Signature(#[source] SignatureError),
    /// The signature is right, and the body is no payment.
    #[error("the body cannot be read as a payment")]
    Unreadable(#[source] UnreadableBody),
    /// It could not be made durable; the gateway may deliver it again.
    #[error("the store failed")]
    Store(#[from] Arc<StoreError>),
}

/// How long the receiver itself is on a notice before a worker may take it.
const RECEIVER_LEASE: Duration = Duration::from_secs(10);

/// The verdict on a notice that nothing matched in time.
const UNMATCHED: &str = "unmatched";

impl Desk {
    /// Takes a notice: checks its signature over the raw bytes before anything is parsed, makes it durable, and
    /// applies it. `id` is a new name for it.
    pub async fn hear(
        &self,
        shop: &ShopName,
        id: NoticeId,
        signature: Option<&[u8]>,
        body: &[u8],
    ) -> Result<HeardNotice, NoticeError> {
        let keys = self.signing_keys.get(shop).ok_or_else(|| NoticeError::UnknownShop(shop.clone()))?;
        keys.verify(signature, body).map_err(NoticeError::Signature)?;
        let told = read_webhook(body).map_err(NoticeError::Unreadable)?;
        let sighting = sighting(&told).ok_or(NoticeError::Unreadable(UnreadableBody::NoId))?;
        let now = self.now();
        let notice = Notice {
            id,
            shop: shop.clone(),
            received_at: now,
            leased_until: now.plus(RECEIVER_LEASE),
            body: self.vault.seal(Purpose::NoticeBody, id, &mask_card_numbers(body)),
            digest: self.vault.digest(&[b"notice", body]).to_vec(),
            gateway_payment_id: Some(sighting.id.clone()),
            reference_id: reference(&sighting),
            state: told.state.as_ref().map(|state| state.as_str().to_owned()),
        };
        let received = self.store.receive(notice).await?;
        let about = received.payment.as_ref().map(|stored| &stored.payment.opening);
        let (payment, trace) =
            (about.map(|opening| opening.id), about.and_then(|opening| opening.trace.as_deref().copied()));
        if received.repeat && received.filed.is_some() {
            return Ok(HeardNotice { heard: Heard::Repeat, payment, trace });
        }
        // From here on it is durable: whatever fails now, a worker does later; what was paid with, a look.
        if let Some(stored) = &received.payment
            && let Err(error) = self.keep_paid_with(&stored.payment, &told).await
        {
            tracing::error!(notice = %received.id, error = &error as &dyn std::error::Error, "what was paid with is not kept yet");
        }
        let applied = self.apply_notice(received.id, received.payment.map(|stored| *stored), sighting, now).await;
        let heard = applied.unwrap_or_else(|error| {
            tracing::error!(notice = %received.id, error = &error as &dyn std::error::Error, "notice not applied yet");
            Heard::Waiting
        });
        Ok(HeardNotice { heard, payment, trace })
    }

    /// Takes up notices that are durable and not filed: what a crash left, and what nothing matched so far. Answers how
    /// many: what waits on comes up again only after a pause, so that a crowd of them does not stand before those behind.
    pub async fn file_waiting_notices(&self, limit: u32) -> Result<usize, DeedError> {
        let now = self.now();
        let claim = Claim { now, owner: self.owner, until: now.plus(self.rules.notice_pause), limit };
        let waiting = self.store.store().claim_notices(&claim).await?;
        let taken_up = waiting.len();
        for notice in waiting {
            let id = notice.id;
            if let Err(error) = self.file(notice).await {
                tracing::error!(notice = %id, error = &error as &dyn std::error::Error, "notice not applied yet");
            }
        }
        Ok(taken_up)
    }

    /// Runs a notice again over its stored bytes, as a worker does with one that waits; `by` is the name of whose key asked
    /// for it. None if there is no such notice.
    pub async fn rerun_notice(&self, inbox: &dyn Inbox, id: NoticeId, by: &str) -> Result<Option<Heard>, DeedError> {
        let leased_until = self.now().plus(RECEIVER_LEASE);
        let Some(notice) = inbox.reopen_notice(id, by, leased_until).await.map_err(Arc::new)? else { return Ok(None) };
        tracing::info!(notice = %id, by, "a notice is run again");
        self.file(notice).await.map(Some)
    }

    async fn file(&self, notice: DueNotice) -> Result<Heard, DeedError> {
        let body = self.vault.unseal(Purpose::NoticeBody, notice.id, &notice.body).ok_or(DeedError::Sealed)?;
        let told = read_webhook(&body).map_err(|_| DeedError::Sealed)?;
        let sighting = sighting(&told).ok_or(DeedError::Sealed)?;
        let mut stored = self.find(Name::Gateway(notice.shop.clone(), sighting.id.clone())).await?;
        if let (None, Some(reference)) = (&stored, reference(&sighting)) {
            stored = self.find(Name::Reference(notice.shop.clone(), reference)).await?;
        }
        let heard = self.apply_notice(notice.id, stored, sighting, notice.received_at).await?;
        if heard == Heard::Waiting && self.now().since(notice.received_at) >= self.rules.unmatched_after {
            let at = self.now();
            let filed = Filed { id: notice.id, verdict: UNMATCHED.to_owned(), payment: None, at };
            let write = Write { notice: Some(filed), ..Write::default() };
            if let Outcome::Poison(reason) = self.store.commit(write).await? {
                return Err(DeedError::Poison(reason));
            }
            tracing::warn!(notice = %notice.id, "no payment matches this notice");
        }
        Ok(heard)
    }

    async fn apply_notice(
        &self,
        id: NoticeId,
        stored: Option<Stored>,
        sighting: Sighting,
        received_at: Time,
    ) -> Result<Heard, DeedError> {
        let Some(stored) = stored else { return Ok(Heard::Waiting) };
        let known_since = stored.payment.state.is_final().then_some(stored.payment.state_at);
        let seen = Seen::Reported { sighting };
        let evidence = Evidence { source: Source::Webhook, at: received_at, begun_at: None, seen };
        let under = Under { epoch: None, lease: Lease::Keep, notice: Some(id), look: None };
        let recorded = self.record(stored, evidence, under).await?;
        Ok(match recorded.decision {
            // It waits for the look-up that it has asked for.
            Decision::Elsewhere(Elsewhere::Unbound, _) => Heard::Waiting,
            decision => {
                let verdict = decision.verdict();
                let late = match verdict {
                    Verdict::Moves if recorded.stored.payment.state.is_final() => Some(Duration::ZERO),
                    Verdict::Confirms => known_since.map(|known_since| received_at.since(known_since)),
                    Verdict::Moves | Verdict::Stale | Verdict::Contradicts | Verdict::Elsewhere => None,
                };
                Heard::Filed { verdict, late }
            }
        })
    }
}

fn reference(sighting: &Sighting) -> Option<domain::ReferenceId> {
    sighting.reference_id.as_deref().and_then(|reference| reference.parse().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;
    use futures::executor::block_on;
    use gateway_client::answer::{Failure, NotSentReason, Received};
    use gateway_client::request::Request;
    use gateway_client::signature::{Encoding, SigningKeys};
    use store::{Coalescer, MemoryStore, OwnerId, Store as _};
    use uuid::Uuid;

    use super::*;
    use crate::{Clock, Gateway, Parts, Rules, Vault};

    struct Nowhere;

    #[async_trait]
    impl Gateway for Nowhere {
        async fn exchange(&self, _: &ShopName, _: Request) -> Received {
            Err(Failure::NotSent(NotSentReason::NoConnection))
        }
    }

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Time {
            Time::EPOCH
        }

        fn uptime(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn what_is_kept_of_a_notice_is_encrypted_and_has_no_card_number_even_then() {
        let shop: ShopName = "main".parse().unwrap();
        let keys = SigningKeys::new("a-signing-key".to_owned().into(), [], Encoding::Hex).unwrap();
        let vault = Vault::new(&"a-master-key-of-32-characters-at-least".to_owned().into()).unwrap();
        let store = Arc::new(MemoryStore::new());
        let desk = Desk::new(Parts {
            store: Arc::new(Coalescer::new(store.clone(), 1)),
            means: store.clone(),
            gateway: Arc::new(Nowhere),
            clock: Arc::new(Still),
            vault: vault.clone(),
            signing_keys: BTreeMap::from([(shop.clone(), keys.clone())]),
            owner: OwnerId(Uuid::from_u128(1)),
            rules: Rules::default(),
        });
        let body = br#"{"id":"a1","paymentMethodDetails":{"customerAccountNumber":"4242424242424242"}}"#;
        let signature = keys.sign(body);
        let heard = block_on(desk.hear(&shop, Uuid::from_u128(2), Some(signature.as_bytes()), body)).unwrap();
        assert_eq!(heard, HeardNotice { heard: Heard::Waiting, payment: None, trace: None });

        let later = Time::EPOCH.plus(Duration::from_mins(1));
        let claim = Claim { now: later, owner: OwnerId(Uuid::from_u128(1)), until: later, limit: 10 };
        let kept = block_on(store.claim_notices(&claim)).unwrap().remove(0);
        assert!(!kept.body.windows(6).any(|window| window == b"424242"));
        let opened = vault.unseal(Purpose::NoticeBody, kept.id, &kept.body).unwrap();
        assert_eq!(
            String::from_utf8(opened.to_vec()).unwrap(),
            r#"{"id":"a1","paymentMethodDetails":{"customerAccountNumber":"4242420000004242"}}"#
        );
    }
}
