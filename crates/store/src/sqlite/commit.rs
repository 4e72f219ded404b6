use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use async_trait::async_trait;
use domain::{GatewayPaymentId, PaymentId, ShopName};
use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::fault;
use super::open::{self, INSERT_EVENTS, INSERT_OUTBOX, execute};
use super::read_row::{get, some_uuid};
use super::transaction::{Batch, Flaw};
use super::write_row::{BirthRows, MoveRows, array};
use crate::columns::signed;
use crate::flaw::flaw_of_write;
use crate::{Filed, Move, Name, NoticeId, Outcome, StoreError, Write};

/// What each unit meets: read inside of the writing transaction, so that nothing changes before it is used.
pub(super) const FACTS: &str = "
    with given as materialized (select key as ordinal, value as row from jsonb_each(?1))
    select u.ordinal, p.version, c.epoch, g.payment_id as holder, r.payment_id is not null as taken
    from given u
    left join payments p on p.payment_id = u.row ->> 'moved'
    left join payment_checks c on c.payment_id = u.row ->> 'moved'
    left join gateway_payments g on g.gateway_payment_id = u.row ->> 'claim' and g.shop = u.row ->> 'claim_shop'
    left join payments r on r.reference_id = u.row ->> 'reference' and r.shop = u.row ->> 'reference_shop'";

/// What stands from the first moment on is left out: it never changes.
pub(super) const UPDATE_PAYMENTS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    update payments set
        state = row ->> 'state', state_at = row ->> 'state_at', payment_method = row ->> 'payment_method',
        attempts = row ->> 'attempts', gateway_payment_id = row ->> 'gateway_payment_id',
        redirect_url = row ->> 'redirect_url', external_refs = row ->> 'external_refs',
        settled_whole = row ->> 'settled_whole', settled_nano = row ->> 'settled_nano',
        settled_atto = row ->> 'settled_atto', settled_currency = row ->> 'settled_currency',
        fee = row ->> 'fee',
        error_code = row ->> 'error_code', error_message = row ->> 'error_message',
        external_result_code = row ->> 'external_result_code', error_fields = row ->> 'error_fields',
        confirmed_by = row ->> 'confirmed_by', contradicted_by = row ->> 'contradicted_by',
        others = row ->> 'others', flags = row ->> 'flags', commands = row ->> 'commands',
        refunds = row ->> 'refunds', told_parent = row ->> 'told_parent', care = row ->> 'care',
        state_changes = state_changes + (row ->> 'changes_state'), version = row ->> 'version',
        updated_at = row ->> 'updated_at'
    from given where payments.payment_id = row ->> 'payment_id'";

pub(super) const UPDATE_CHECKS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    update payment_checks set
        open_state = row ->> 'open_state', next_check_at = row ->> 'next_check_at', checks = row ->> 'checks',
        empty_look_ups = row ->> 'empty_look_ups', checked_at = row ->> 'checked_at',
        failures = row ->> 'failures', shop = row ->> 'shop', stuck_reason = row ->> 'stuck_reason',
        stuck_since = row ->> 'stuck_since', stuck_at = row ->> 'stuck_at',
        lease_owner = iif(row ->> 'lease' = 'keep', lease_owner, row ->> 'lease_owner'),
        leased_until = iif(row ->> 'lease' = 'keep', leased_until, row ->> 'leased_until'),
        epoch = epoch + (row ->> 'lease' = 'take')
    from given where payment_checks.payment_id = row ->> 'payment_id'";

/// An id that is this payment's already is no clash; those of others were refused before.
pub(super) const INSERT_CLAIMS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into gateway_payments (shop, gateway_payment_id, payment_id, at)
    select row ->> 'shop', row ->> 'gateway_payment_id', row ->> 'payment_id', row ->> 'at'
    from given where true
    on conflict (gateway_payment_id, shop) do nothing";

pub(super) const INSERT_MOVEMENTS: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into movements (
        payment_id, sequence, number, kind, relation, gateway_payment_id, amount_whole, amount_nano, amount_atto, currency)
    select
        row ->> 'payment_id', row ->> 'sequence', row ->> 'number', row ->> 'kind', row ->> 'relation',
        row ->> 'gateway_payment_id', row ->> 'amount_whole', row ->> 'amount_nano', row ->> 'amount_atto',
        row ->> 'currency'
    from given";

pub(super) const DELETE_KEPT_REQUESTS: &str =
    "delete from kept_requests where payment_id in (select value from json_each(?1))";

/// The first verdict stays.
pub(super) const FILE_NOTICES: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    update webhook_notices set verdict = row ->> 'verdict', payment_id = row ->> 'payment_id',
        filed_at = row ->> 'filed_at'
    from given where webhook_notices.notice_id = row ->> 'notice_id' and webhook_notices.verdict is null";

/// Writes, each a unit.
pub(super) struct Commit {
    units: Vec<Result<Unit, Flaw>>,
}

/// One write, ready to be decided and written.
struct Unit {
    moved: Option<(Expected, MoveRows)>,
    birth: Option<(Name, BirthRows)>,
    notice: Option<(NoticeId, String)>,
    /// One of its payments stands in a unit before it. An update would apply one of the two, and both would win.
    repeats: bool,
}

/// What a move was decided on, and what it claims.
struct Expected {
    payment: PaymentId,
    version: i64,
    epoch: Option<i64>,
    claim: Option<(ShopName, GatewayPaymentId)>,
}

impl Commit {
    pub(super) fn of(writes: &[Write]) -> Self {
        let mut seen = BTreeSet::new();
        Self { units: writes.iter().map(|write| Unit::of(write, &mut seen)).collect() }
    }
}

#[async_trait]
impl Batch for Commit {
    type Answer = Outcome;

    fn len(&self) -> usize {
        self.units.len()
    }

    async fn run(&self, connection: &mut SqliteConnection, units: Range<usize>) -> Result<Vec<Outcome>, StoreError> {
        let units = &self.units[units];
        let facts = facts(connection, units).await?;
        let mut taken = Taken::default();
        let outcomes: Vec<Outcome> = units
            .iter()
            .zip(facts)
            .map(|(unit, facts)| match unit {
                Err(flaw) => Outcome::Poison(flaw.0.clone()),
                Ok(unit) => taken.decide(unit, &facts),
            })
            .collect();
        let winners = units.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Won);
        write(connection, winners.filter_map(|(unit, _)| unit.as_ref().ok())).await?;
        Ok(outcomes)
    }

    fn poison(why: String) -> Outcome {
        Outcome::Poison(why)
    }
}

impl Unit {
    /// `seen` are the payments of the units before it.
    fn of(write: &Write, seen: &mut BTreeSet<PaymentId>) -> Result<Self, Flaw> {
        if let Some(flaw) = flaw_of_write(write) {
            return Err(Flaw(flaw.to_owned()));
        }
        let moved = write.moves.as_ref().map(|moved| moved.payment.id());
        let born = write.birth.as_ref().map(|birth| birth.payment.id());
        let repeats = moved.into_iter().chain(born).filter(|payment| !seen.insert(*payment)).count() > 0;
        Ok(Self::rows(write, repeats)?)
    }

    fn rows(write: &Write, repeats: bool) -> Result<Self, serde_json::Error> {
        Ok(Self {
            moved: match &write.moves {
                None => None,
                Some(moved) => Some((Expected::of(moved), MoveRows::of(moved)?)),
            },
            birth: match &write.birth {
                None => None,
                Some(birth) => Some((open::reference(birth), BirthRows::of(birth)?)),
            },
            notice: match &write.notice {
                None => None,
                Some(filed) => Some((filed.id, notice_row(filed)?)),
            },
            repeats,
        })
    }
}

impl Expected {
    fn of(moved: &Move) -> Self {
        let shop = &moved.payment.opening.shop;
        Self {
            payment: moved.payment.id(),
            version: signed(moved.expected_version),
            epoch: moved.expected_epoch.map(signed),
            claim: moved.claim.as_ref().map(|id| (shop.clone(), id.clone())),
        }
    }
}

/// What a unit meets in the database.
#[derive(Clone, Default)]
struct Facts {
    /// None if there is no such payment.
    version: Option<i64>,
    epoch: Option<i64>,
    /// Whose the claimed gateway id is.
    holder: Option<PaymentId>,
    /// Whether the birth's reference is taken.
    taken: bool,
}

async fn facts(connection: &mut SqliteConnection, units: &[Result<Unit, Flaw>]) -> Result<Vec<Facts>, StoreError> {
    let questions: Vec<Value> = units.iter().map(|unit| unit.as_ref().map_or(Value::Null, question)).collect();
    let rows = sqlx::query(FACTS).bind(Value::Array(questions).to_string()).fetch_all(connection).await;
    let mut facts = vec![Facts::default(); units.len()];
    for row in &rows.map_err(fault::of_statement)? {
        let ordinal: i64 = get(row, "ordinal")?;
        if let Some(place) = usize::try_from(ordinal).ok().and_then(|index| facts.get_mut(index)) {
            *place = Facts {
                version: get(row, "version")?,
                epoch: get(row, "epoch")?,
                holder: some_uuid(row, "holder")?.map(PaymentId::from),
                taken: get(row, "taken")?,
            };
        }
    }
    Ok(facts)
}

fn question(unit: &Unit) -> Value {
    let mut question = Map::new();
    if let Some((expected, _)) = &unit.moved {
        question.insert("moved".to_owned(), json!(expected.payment));
        if let Some((shop, id)) = &expected.claim {
            question.insert("claim".to_owned(), json!(id));
            question.insert("claim_shop".to_owned(), json!(shop));
        }
    }
    if let Some((Name::Reference(shop, reference), _)) = &unit.birth {
        question.insert("reference".to_owned(), json!(reference));
        question.insert("reference_shop".to_owned(), json!(shop));
    }
    Value::Object(question)
}

/// What the winners of a batch have taken so far.
#[derive(Default)]
struct Taken {
    references: BTreeSet<Name>,
    claims: BTreeMap<(ShopName, GatewayPaymentId), PaymentId>,
}

impl Taken {
    fn decide(&mut self, unit: &Unit, facts: &Facts) -> Outcome {
        let expected = unit.moved.as_ref().map(|(expected, _)| expected);
        if unit.repeats || expected.is_some_and(|expected| !facts.are(expected)) {
            return Outcome::Lost;
        }
        if let Some((expected, claim)) = expected.and_then(|expected| Some((expected, expected.claim.as_ref()?))) {
            let holder = facts.holder.or_else(|| self.claims.get(claim).copied());
            if let Some(other) = holder.filter(|holder| *holder != expected.payment) {
                return Outcome::Claimed(other);
            }
            self.claims.insert(claim.clone(), expected.payment);
        }
        match &unit.birth {
            Some((name, _)) if facts.taken || !self.references.insert(name.clone()) => Outcome::Taken,
            Some(_) | None => Outcome::Won,
        }
    }
}

impl Facts {
    fn are(&self, expected: &Expected) -> bool {
        self.version == Some(expected.version) && expected.epoch.is_none_or(|epoch| self.epoch == Some(epoch))
    }
}

/// All that the winners write, a statement for each table.
async fn write<'u>(
    connection: &mut SqliteConnection,
    winners: impl Iterator<Item = &'u Unit> + Clone + Send,
) -> Result<(), StoreError> {
    let moves = winners.clone().filter_map(|unit| unit.moved.as_ref().map(|(_, rows)| rows));
    let recorded = moves.clone().filter_map(|rows| rows.recorded.as_ref());
    let events = array(recorded.clone().map(|(_, event)| event));
    execute(connection, UPDATE_PAYMENTS, array(recorded.map(|(payment, _)| payment))).await?;
    execute(connection, UPDATE_CHECKS, array(moves.clone().map(|rows| &rows.check))).await?;
    execute(connection, INSERT_CLAIMS, array(moves.clone().filter_map(|rows| rows.claim.as_ref()))).await?;
    execute(connection, INSERT_EVENTS, events.clone()).await?;
    execute(connection, INSERT_OUTBOX, events).await?;
    execute(connection, INSERT_MOVEMENTS, array(moves.clone().flat_map(|rows| &rows.movements))).await?;
    execute(connection, DELETE_KEPT_REQUESTS, array(moves.filter_map(|rows| rows.ended.as_ref()))).await?;
    let births = winners.clone().filter_map(|unit| unit.birth.as_ref().map(|(_, rows)| rows));
    open::insert(connection, births).await?;
    // Of two units that file one notice, the first one does.
    let mut filed = BTreeSet::new();
    let notices = winners.filter_map(|unit| unit.notice.as_ref()).filter(|(id, _)| filed.insert(*id));
    execute(connection, FILE_NOTICES, array(notices.map(|(_, row)| row))).await
}

fn notice_row(filed: &Filed) -> Result<String, serde_json::Error> {
    serde_json::to_string(&json!({
        "notice_id": filed.id,
        "verdict": filed.verdict,
        "payment_id": filed.payment,
        "filed_at": filed.at.unix_micros(),
    }))
}
