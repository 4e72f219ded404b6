//! What a page of the list tells: each item goes to the payment that it is about, all of them in one load and one
//! commit; what belongs to none is filed, and tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Decision, Elsewhere, Evidence, PaymentId, Seen, ShopName, Sighting, Source, Time};
use store::{Lease, Name, Outcome, StoreError, Stored, UnmatchedPayment, Write};

use super::SweepRules;
use crate::record::Under;
use crate::{DeedError, Desk};

/// Whose an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    /// It belongs to this payment.
    With(PaymentId),
    /// A payment of ours has its reference and no id yet; it is looked up.
    Waits,
    Nothing,
}

/// A decision on its way into the store.
struct Decided {
    stored: Stored,
    after: Stored,
    evidence: Evidence,
    write: Write,
}

/// Evidence from a list binds nothing and holds no lease.
const UNDER: Under = Under { epoch: None, lease: Lease::Keep, notice: None, look: None };

/// When it is tried to match what nothing matched, after its latest news: what it belongs to may be adopted later.
const TRIES: [Duration; 7] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
    Duration::from_hours(72),
];

impl Desk {
    /// Once this is over, everything that the page tells is durable.
    pub(crate) async fn apply_page(&self, shop: &ShopName, page: &[Sighting]) -> Result<(), DeedError> {
        let matches = self.apply_all(shop, page).await?;
        let now = self.now();
        let strangers = page.iter().zip(matches).filter(|(_, whose)| *whose == Match::Nothing);
        let unmatched: Vec<_> = strangers
            .map(|(sighting, _)| UnmatchedPayment {
                shop: shop.clone(),
                sighting: sighting.clone(),
                first_seen_at: now,
                last_seen_at: now,
                tries: 0,
                next_try_at: next_try(now, 0),
                matched: None,
            })
            .collect();
        self.file_unmatched(&unmatched).await
    }

    /// Takes up what nothing matched so far and is due again, as if it stood on a page.
    pub(super) async fn match_again(&self, shop: &ShopName, rules: &SweepRules) -> Result<(), DeedError> {
        let due = self.store.store().due_unmatched(shop, self.now(), rules.page_items.into()).await?;
        let sightings: Vec<Sighting> = due.iter().map(|unmatched| unmatched.sighting.clone()).collect();
        let matches = self.apply_all(shop, &sightings).await?;
        let now = self.now();
        let tried = |(unmatched, whose): (UnmatchedPayment, Match)| {
            let tries = unmatched.tries.saturating_add(1);
            match whose {
                Match::With(payment) => {
                    UnmatchedPayment { matched: Some((payment, now)), next_try_at: None, ..unmatched }
                }
                Match::Waits | Match::Nothing => {
                    UnmatchedPayment { tries, next_try_at: next_try(unmatched.last_seen_at, tries), ..unmatched }
                }
            }
        };
        let tried: Vec<_> = due.into_iter().zip(matches).map(tried).collect();
        self.file_unmatched(&tried).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), DeedError> {
        if unmatched.is_empty() {
            return Ok(());
        }
        Ok(self.store.store().file_unmatched(unmatched).await?)
    }

    /// One load for all of them, one commit for what is new. Answers whose each is.
    async fn apply_all(&self, shop: &ShopName, sightings: &[Sighting]) -> Result<Vec<Match>, DeedError> {
        if sightings.is_empty() {
            return Ok(Vec::new());
        }
        let owners = self.owners(shop, sightings).await?;
        let (mut matches, mut decided, mut later) = (Vec::with_capacity(sightings.len()), Vec::new(), Vec::new());
        let mut had_their_turn = BTreeSet::new();
        for (sighting, owner) in sightings.iter().zip(owners) {
            let Some(stored) = owner else {
                matches.push(Match::Nothing);
                continue;
            };
            let id = stored.payment.id();
            let mut evidence = self.swept_evidence(sighting);
            self.forget_the_page(&stored.payment, &mut evidence.seen);
            let decision = stored.payment.apply(&evidence);
            let waits = matches!(decision, Decision::Elsewhere(Elsewhere::Unbound, _));
            matches.push(if waits { Match::Waits } else { Match::With(id) });
            if waits && self.is_looked_up(&stored, sighting) {
                continue;
            }
            if !had_their_turn.insert(id) {
                // Decided on what the one before it leaves behind.
                later.push((id, evidence));
            } else if let (Some(write), after) = self.write(&stored, &evidence, &decision, UNDER) {
                decided.push(Decided { stored, after, evidence, write });
            }
        }
        self.commit_all(decided).await?;
        for (id, evidence) in later {
            let stored = self.find(Name::Id(id)).await?.ok_or(DeedError::PaymentNotFound)?;
            self.record_swept(stored, evidence).await?;
        }
        Ok(matches)
    }

    /// The payments that gateway payments belong to: by their id, else by their reference; what gives money back without
    /// our doing belongs to the payment that it takes it from.
    pub(crate) async fn owners(
        &self,
        shop: &ShopName,
        sightings: &[Sighting],
    ) -> Result<Vec<Option<Stored>>, DeedError> {
        let by_gateway = |id: &domain::GatewayPaymentId| Name::Gateway(shop.clone(), id.clone());
        let names = |sighting: &Sighting| {
            let reference = sighting.reference_id.as_deref().and_then(|reference| reference.parse().ok());
            [
                Some(by_gateway(&sighting.id)),
                reference.map(|reference| Name::Reference(shop.clone(), reference)),
                sighting.parent.as_ref().filter(|_| is_reversal(sighting)).map(by_gateway),
            ]
        };
        let of_each: Vec<[Option<Name>; 3]> = sightings.iter().map(names).collect();
        let all: BTreeSet<Name> = of_each.iter().flatten().flatten().cloned().collect();
        let all: Vec<Name> = all.into_iter().collect();
        let found = self.store.store().load(&all).await?;
        let found: BTreeMap<Name, Stored> =
            all.into_iter().zip(found).filter_map(|(name, stored)| Some((name, stored?))).collect();
        let owner = |(sighting, names): (&Sighting, [Option<Name>; 3])| {
            let [by_id, by_reference, by_parent] = names.map(|name| name.and_then(|name| found.get(&name)));
            let adopted = |parent: &&Stored| parent.payment.gateway_payment_id == sighting.parent;
            by_id.or(by_reference).or(by_parent.filter(adopted)).cloned()
        };
        Ok(sightings.iter().zip(of_each).map(owner).collect())
    }

    async fn commit_all(&self, decided: Vec<Decided>) -> Result<(), DeedError> {
        if decided.is_empty() {
            return Ok(());
        }
        let writes: Vec<Write> = decided.iter().map(|decided| decided.write.clone()).collect();
        let outcomes = match self.store.store().commit(&writes).await {
            Ok(outcomes) => outcomes.into_iter().map(Some).collect(),
            // To apply the same evidence twice is to apply it once.
            Err(StoreError::OutcomeUnknown(_)) => vec![None; decided.len()],
            Err(error) => return Err(error.into()),
        };
        for (Decided { stored, after, evidence, .. }, outcome) in decided.into_iter().zip(outcomes) {
            match outcome {
                Some(Outcome::Won) if after.payment.version != stored.payment.version => {
                    self.wake(after.payment.id());
                    self.ends.count(&stored.payment, &after.payment, evidence.source);
                }
                Some(Outcome::Won) => {}
                Some(Outcome::Poison(reason)) => park(stored.payment.id(), &reason),
                Some(Outcome::Lost | Outcome::Taken | Outcome::Claimed(_)) | None => {
                    self.record_swept(stored, evidence).await?;
                }
            }
        }
        Ok(())
    }

    async fn record_swept(&self, stored: Stored, evidence: Evidence) -> Result<(), DeedError> {
        let id = stored.payment.id();
        match self.record(stored, evidence, UNDER).await {
            Ok(_) => Ok(()),
            Err(DeedError::Poison(reason)) => {
                park(id, &reason);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn swept_evidence(&self, sighting: &Sighting) -> Evidence {
        let seen = Seen::Reported { sighting: sighting.clone() };
        Evidence { source: Source::Sweep, at: self.now(), begun_at: None, seen }
    }

    /// Whether nothing has to be asked for so that a payment without an id is looked up: somebody is on it, it is due, or
    /// the look-up has seen this very item and could not choose it.
    fn is_looked_up(&self, stored: &Stored, sighting: &Sighting) -> bool {
        let now = self.now();
        stored.leased_until.is_some_and(|until| until > now)
            || stored.progress.next_check_at.is_some_and(|next| next <= now)
            || stored.payment.others.iter().any(|other| other.id == sighting.id)
    }
}

/// One item that the database refuses must not hold up all others.
fn park(payment: PaymentId, reason: &str) {
    tracing::error!(%payment, reason, "what the gateway's list tells of it cannot be recorded");
}

fn is_reversal(sighting: &Sighting) -> bool {
    matches!(sighting.payment_type.as_deref(), Some("REFUND" | "CHARGEBACK"))
}

fn next_try(last_seen_at: Time, tries: u32) -> Option<Time> {
    let offset = usize::try_from(tries).ok().and_then(|tries| TRIES.get(tries))?;
    Some(last_seen_at.plus(*offset))
}
