use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::fault;
use super::load;
use super::transaction::{Batch, Flaw};
use super::write_row::{BirthRows, array};
use crate::flaw::flaw_of_birth;
use crate::{Birth, Name, Opened, StoreError, Stored};

pub(super) const INSERT_PAYMENTS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into payments (
        payment_id, shop, reference_id, payment_type, state, state_at, amount_whole, amount_nano, amount_atto, currency,
        requested_payment_method, payment_method, flow, kind, pre_auth, parent_payment_id, metadata, fingerprint,
        attempts, gateway_payment_id, redirect_url, external_refs, settled_whole, settled_nano, settled_atto,
        settled_currency, fee, error_code, error_message, external_result_code, error_fields, confirmed_by,
        contradicted_by,
        others, flags, commands, refunds, told_parent, ordered_by, trace, state_changes, version, created_at,
        updated_at)
    select
        row ->> 'payment_id', row ->> 'shop', row ->> 'reference_id', row ->> 'payment_type', row ->> 'state',
        row ->> 'state_at', row ->> 'amount_whole', row ->> 'amount_nano', row ->> 'amount_atto',
        row ->> 'currency', row ->> 'requested_payment_method', row ->> 'payment_method', row ->> 'flow',
        row ->> 'kind', row ->> 'pre_auth', row ->> 'parent_payment_id', row ->> 'metadata',
        row ->> 'fingerprint', row ->> 'attempts', row ->> 'gateway_payment_id', row ->> 'redirect_url',
        row ->> 'external_refs', row ->> 'settled_whole', row ->> 'settled_nano', row ->> 'settled_atto',
        row ->> 'settled_currency', row ->> 'fee', row ->> 'error_code', row ->> 'error_message',
        row ->> 'external_result_code', row ->> 'error_fields', row ->> 'confirmed_by',
        row ->> 'contradicted_by', row ->> 'others', row ->> 'flags', row ->> 'commands',
        row ->> 'refunds', row ->> 'told_parent', row ->> 'ordered_by', row ->> 'trace',
        row ->> 'changes_state', row ->> 'version', row ->> 'created_at', row ->> 'updated_at'
    from given";

pub(super) const INSERT_CHECKS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into payment_checks (
        payment_id, open_state, next_check_at, checks, empty_look_ups, checked_at, lease_owner, leased_until, epoch,
        shop)
    select
        row ->> 'payment_id', row ->> 'open_state', row ->> 'next_check_at', row ->> 'checks',
        row ->> 'empty_look_ups', row ->> 'checked_at', row ->> 'lease_owner', row ->> 'leased_until',
        row ->> 'lease' = 'take', row ->> 'shop'
    from given";

pub(super) const INSERT_EVENTS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into payment_events (payment_id, sequence, at, source, verdict, kind, state, seen, change)
    select
        row ->> 'payment_id', row ->> 'sequence', row ->> 'at', row ->> 'source', row ->> 'verdict',
        row ->> 'kind', row ->> 'state', row ->> 'seen', row ->> 'change'
    from given";

/// The payment's row counts its changes of state already with this one.
pub(super) const INSERT_OUTBOX: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into outbox (payment_id, sequence, version, state, occurred_at)
    select p.payment_id, p.state_changes, row ->> 'sequence', row ->> 'state', row ->> 'at'
    from given cross join payments p on p.payment_id = row ->> 'payment_id'
    where row ->> 'changes_state'";

pub(super) const INSERT_KEPT_REQUESTS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into kept_requests (payment_id, body, kept_at)
    select row ->> 'payment_id', unhex(row ->> 'body'), row ->> 'kept_at'
    from given";

/// Births, each a unit.
pub(super) struct Births {
    units: Vec<Result<Unit, Flaw>>,
}

struct Unit {
    /// Its reference.
    name: Name,
    rows: BirthRows,
}

impl Births {
    pub(super) fn of(births: &[Birth]) -> Self {
        let unit = |birth: &Birth| match flaw_of_birth(birth) {
            Some(flaw) => Err(Flaw(flaw.to_owned())),
            None => Ok(Unit { name: reference(birth), rows: BirthRows::of(birth)? }),
        };
        Self { units: births.iter().map(unit).collect() }
    }
}

#[async_trait]
impl Batch for Births {
    type Answer = Opened;

    fn len(&self) -> usize {
        self.units.len()
    }

    async fn run(&self, connection: &mut SqliteConnection, units: Range<usize>) -> Result<Vec<Opened>, StoreError> {
        let units = &self.units[units];
        let mut there = taken(connection, units.iter().flatten()).await?;
        let mut new = BTreeSet::new();
        let (births, twins): (Vec<&Unit>, Vec<&Unit>) = units
            .iter()
            .flatten()
            .filter(|unit| !there.contains_key(&unit.name))
            .partition(|unit| new.insert(unit.name.clone()));
        insert(connection, births.iter().map(|unit| &unit.rows)).await?;
        there.extend(taken(connection, twins.into_iter()).await?);
        let answer = |unit: &Result<Unit, Flaw>| match unit {
            Err(flaw) => Ok(Opened::Poison(flaw.0.clone())),
            Ok(unit) if new.remove(&unit.name) => Ok(Opened::New),
            Ok(unit) => {
                let stored = there.get(&unit.name).cloned();
                let existing = stored.map(|stored| Opened::Existing(Box::new(stored)));
                existing.ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
            }
        };
        units.iter().map(answer).collect()
    }

    fn poison(why: String) -> Opened {
        Opened::Poison(why)
    }
}

/// The payments that have these units' references.
async fn taken<'u>(
    connection: &mut SqliteConnection,
    units: impl Iterator<Item = &'u Unit> + Send,
) -> Result<BTreeMap<Name, Stored>, StoreError> {
    let names: Vec<Name> = units.map(|unit| unit.name.clone()).collect();
    let found = load::load_with(connection, &names).await?;
    Ok(names.into_iter().zip(found).filter_map(|(name, stored)| Some((name, stored?))).collect())
}

/// The name that a birth takes.
pub(super) fn reference(birth: &Birth) -> Name {
    let opening = &birth.payment.opening;
    Name::Reference(opening.shop.clone(), opening.reference_id.clone())
}

/// All that births write, a statement for each table.
pub(super) async fn insert<'r>(
    connection: &mut SqliteConnection,
    births: impl Iterator<Item = &'r BirthRows> + Clone + Send,
) -> Result<(), StoreError> {
    let events = array(births.clone().map(|rows| &rows.event));
    execute(connection, INSERT_PAYMENTS, array(births.clone().map(|rows| &rows.payment))).await?;
    execute(connection, INSERT_CHECKS, array(births.clone().map(|rows| &rows.check))).await?;
    execute(connection, INSERT_EVENTS, events.clone()).await?;
    execute(connection, INSERT_OUTBOX, events).await?;
    execute(connection, INSERT_KEPT_REQUESTS, array(births.filter_map(|rows| rows.kept_request.as_ref()))).await
}

/// A statement over rows; none if there are no rows.
pub(super) async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: Option<String>,
) -> Result<(), StoreError> {
    let Some(rows) = rows else { return Ok(()) };
    sqlx::query(statement).bind(rows).execute(connection).await.map(drop).map_err(fault::of_statement)
}
