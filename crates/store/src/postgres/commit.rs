use std::collections::{BTreeMap, BTreeSet};

use domain::PaymentId;
use uuid::Uuid;

use super::PostgresStore;
use super::batch::{Batch, Unit};
use super::statement::{Effect, Failure, Lane};
use super::stored::get;
use crate::flaw::flaw_of_write;
use crate::{Outcome, StoreError, Write};

/// Records a batch, births and moves alike.
pub(super) const COMMIT: &str = include_str!("commit.sql");

/// To whom claimed gateway ids belong. A statement of its own: what took them may be newer than the commit's snapshot.
pub(super) const HOLDERS: &str = "
    select a.ordinal, g.payment_id
    from unnest($1::int4[], $2::text[], $3::text[]) as a(ordinal, shop, gateway_payment_id)
    join gateway_payments g on g.gateway_payment_id = a.gateway_payment_id and g.shop = a.shop
    where g.gateway_payment_id = any ($3)";

/// What came of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Durable.
    Won,
    /// Its payment is not what was expected, or had its turn in this batch.
    Lost,
    /// The reference of its birth is taken.
    Taken,
    /// The gateway id that it claims is another payment's, or was when it tried.
    Claimed,
    /// The database does not take it.
    Poison(String),
}

impl PostgresStore {
    pub(super) async fn commit_all(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        let flaws: Vec<Option<&'static str>> = writes.iter().map(flaw_of_write).collect();
        let sound = || writes.iter().zip(&flaws).filter(|(_, flaw)| flaw.is_none()).map(|(write, _)| write);
        let units: Vec<Unit<'_>> = sound().map(Unit::Write).collect();
        let fates = record(&self.pools.requests, &units).await?;
        let claimed: Vec<&Write> =
            sound().zip(&fates).filter(|(_, fate)| **fate == Fate::Claimed).map(|(write, _)| write).collect();
        let mut holders = self.holders(&claimed).await.into_iter();
        let mut fates = fates.into_iter();
        let outcome = |flaw: Option<&'static str>| match flaw {
            Some(flaw) => Outcome::Poison(flaw.to_owned()),
            None => match fates.next() {
                Some(Fate::Won) => Outcome::Won,
                Some(Fate::Taken) => Outcome::Taken,
                Some(Fate::Claimed) => holders.next().flatten().map_or(Outcome::Lost, Outcome::Claimed),
                Some(Fate::Poison(rule)) => Outcome::Poison(rule),
                Some(Fate::Lost) | None => Outcome::Lost,
            },
        };
        Ok(flaws.into_iter().map(outcome).collect())
    }

    /// Who has the gateway ids that these writes claimed, in their order. None where it cannot be told, because the
    /// database is gone by now or the id was this payment's own, as of late: deciding again tells.
    async fn holders(&self, writes: &[&Write]) -> Vec<Option<PaymentId>> {
        let claims: Vec<(i32, String, String, PaymentId)> = (0..)
            .zip(writes)
            .filter_map(|(ordinal, write)| {
                let moved = write.moves.as_ref()?;
                let claim = moved.claim.as_ref()?;
                Some((ordinal, moved.payment.opening.shop.to_string(), claim.to_string(), moved.payment.id()))
            })
            .collect();
        if claims.is_empty() {
            return Vec::new();
        }
        let ordinals: Vec<i32> = claims.iter().map(|claim| claim.0).collect();
        let shops: Vec<&str> = claims.iter().map(|claim| claim.1.as_str()).collect();
        let ids: Vec<&str> = claims.iter().map(|claim| claim.2.as_str()).collect();
        let found = self
            .pools
            .requests
            .send(Effect::Reads, || sqlx::query(HOLDERS).bind(&ordinals).bind(&shops).bind(&ids))
            .await;
        let rows = found
            .map_err(StoreError::from)
            .and_then(|rows| rows.iter().map(|row| Ok((get(row, "ordinal")?, get(row, "payment_id")?))).collect());
        let holders: BTreeMap<i32, Uuid> = rows.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the holders of claimed gateway ids cannot be read"
            );
            BTreeMap::new()
        });
        let holder = |(ordinal, _, _, own): (i32, String, String, PaymentId)| {
            holders.get(&ordinal).copied().map(PaymentId::from).filter(|holder| *holder != own)
        };
        claims.into_iter().map(holder).collect()
    }
}

/// Records units in one statement; if one of them is poison, each in a statement of its own, so that only it fails.
pub(super) async fn record(lane: &Lane, units: &[Unit<'_>]) -> Result<Vec<Fate>, StoreError> {
    match (record_together(lane, units).await, units) {
        (Ok(fates), _) => Ok(fates),
        (Err(Failure::Data(rule)), [_]) => Ok(vec![Fate::Poison(rule)]),
        (Err(Failure::Data(_)), units) => record_apart(lane, units).await,
        (Err(Failure::Other(error)), _) => Err(error),
    }
}

async fn record_apart(lane: &Lane, units: &[Unit<'_>]) -> Result<Vec<Fate>, StoreError> {
    let mut fates = Vec::with_capacity(units.len());
    let mut had_their_turn = BTreeSet::new();
    for unit in units {
        let repeats = unit.payments().filter(|payment| !had_their_turn.insert(*payment)).count();
        if repeats > 0 {
            fates.push(Fate::Lost);
            continue;
        }
        match record_together(lane, std::slice::from_ref(unit)).await {
            Ok(fate) => fates.extend(fate),
            Err(Failure::Data(rule)) => fates.push(Fate::Poison(rule)),
            Err(Failure::Other(error)) if fates.contains(&Fate::Won) => return Err(partly(error)),
            Err(Failure::Other(error)) => return Err(error),
        }
    }
    Ok(fates)
}

async fn record_together(lane: &Lane, units: &[Unit<'_>]) -> Result<Vec<Fate>, Failure> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch::of(units).map_err(|_| Failure::Data("it cannot be written as JSON".to_owned()))?;
    let rows = lane.send(Effect::Writes, || batch.bind(sqlx::query(COMMIT))).await?;
    let mut fates = vec![Fate::Lost; units.len()];
    for row in &rows {
        let fate = match get(row, "outcome").map_err(Failure::Other)? {
            "won" => Fate::Won,
            "taken" => Fate::Taken,
            "claimed" => Fate::Claimed,
            _ => Fate::Lost,
        };
        let unit: i32 = get(row, "unit").map_err(Failure::Other)?;
        if let Some(place) = usize::try_from(unit - 1).ok().and_then(|index| fates.get_mut(index)) {
            *place = fate;
        }
    }
    Ok(fates)
}

/// The error of a batch of which a part is durable already.
pub(super) fn partly(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(source) | StoreError::Refused(source) => StoreError::OutcomeUnknown(source),
        error => error,
    }
}
