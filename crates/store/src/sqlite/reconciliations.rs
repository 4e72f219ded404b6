use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Finding, GatewayPaymentId, Money, PaymentId, Time};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::breaks::{self, AssignBreak, ResolveBreak, one_break};
use super::open::execute;
use super::read_row::{amount, get, some_time, time, uuid};
use super::transaction::{Deed, write};
use super::write_row::Parts;
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text};
use crate::{
    Break, BreaksPage, Covered, Reconciled, Reconciliations, Resolution, Run, RunClaim, RunsPage, Step, StoreError,
    Tally, Unfound, UnmatchedNotice,
};

/// Nothing happens if there is one that will do.
pub(super) const ORDER_RUN: &str = "
    insert into reconciliations (run_id, shop, window_from, window_to, cause, ordered_by, ordered_at, state, failures,
                                 progress, next_at, epoch, against)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', 0, ?8, ?9, 0, ?10)
    on conflict do nothing";

/// What a statement selects of `reconciliations`, for [`run`].
macro_rules! run_columns {
    () => {
        "run_id, shop, window_from, window_to, cause, against, ordered_by, ordered_at, state, failure, failures, \
         progress, tally, begun_at, finished_at, next_at, epoch"
    };
}

/// The one that has the id comes first.
pub(super) const ORDERED_RUN: &str = concat!(
    "select ",
    run_columns!(),
    " from reconciliations
    where run_id = ?1
       or (shop = ?2 and window_from = ?3 and window_to = ?4 and finished_at is null and against = 'list')
    order by run_id = ?1 desc limit 1"
);

pub(super) const CLAIM_RUN: &str = concat!(
    "
    update reconciliations
    set state = 'running', begun_at = coalesce(begun_at, ?2), lease_owner = ?3, leased_until = ?4, epoch = epoch + 1
    where run_id = (select run_id from reconciliations where shop = ?1 and finished_at is null
                    order by ordered_at, run_id limit 1)
      and next_at <= ?2 and (leased_until is null or leased_until <= ?2)
    returning ",
    run_columns!()
);

pub(super) const RUN: &str = concat!("select ", run_columns!(), " from reconciliations where run_id = ?1");

const RUNS: &str = concat!("select ", run_columns!(), " from reconciliations r where true");

pub(super) const MET: &str = "
    select i.gateway_payment_id from json_each(?2) n
    cross join reconciliation_items i on i.run_id = ?1 and i.gateway_payment_id = n.value";

/// The fence: everything else of a step hangs on it.
pub(super) const FENCE: &str = "
    update reconciliations
    set state = ?3, failure = ?4, failures = ?5, progress = ?6, tally = ?7, finished_at = ?8, next_at = ?9,
        lease_owner = case when ?10 then null else lease_owner end,
        leased_until = case when ?10 then null else leased_until end
    where run_id = ?1 and epoch = ?2 and finished_at is null";

pub(super) const MEET: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into reconciliation_items (run_id, gateway_payment_id, said, agrees)
    select row ->> 'run_id', row ->> 'gateway_payment_id', row ->> 'said', row ->> 'agrees' from given where true
    on conflict (run_id, gateway_payment_id) do update set said = excluded.said, agrees = excluded.agrees";

/// Of the breaks about the same, the latest one counts: an open one is seen again, and a resolved one stays resolved for
/// as long as both sides say the same.
pub(super) const SEE_AGAIN: &str = "
    with given as materialized (select value as row from jsonb_each(?1)),
    latest as materialized (
        select row, (select b.break_id from breaks b
                     where b.shop = row ->> 'shop' and b.kind = row ->> 'kind' and b.subject = row ->> 'subject'
                     order by b.first_seen_at desc, b.state = 'open' desc, b.break_id desc limit 1) as break_id
        from given)
    update breaks as b
    set last_seen_at = row ->> 'at', last_run = row ->> 'run_id',
        our_state = iif(b.state = 'open', row ->> 'our_state', b.our_state),
        our_whole = iif(b.state = 'open', row ->> 'our_whole', b.our_whole),
        our_nano = iif(b.state = 'open', row ->> 'our_nano', b.our_nano),
        our_atto = iif(b.state = 'open', row ->> 'our_atto', b.our_atto),
        our_currency = iif(b.state = 'open', row ->> 'our_currency', b.our_currency),
        their_state = iif(b.state = 'open', row ->> 'their_state', b.their_state),
        their_whole = iif(b.state = 'open', row ->> 'their_whole', b.their_whole),
        their_nano = iif(b.state = 'open', row ->> 'their_nano', b.their_nano),
        their_atto = iif(b.state = 'open', row ->> 'their_atto', b.their_atto),
        their_currency = iif(b.state = 'open', row ->> 'their_currency', b.their_currency)
    from latest n
    where b.break_id = n.break_id
      and (b.state = 'open'
           or (b.state = 'resolved'
               and b.our_state is row ->> 'our_state' and b.our_whole is row ->> 'our_whole'
               and b.our_nano is row ->> 'our_nano' and b.our_atto is row ->> 'our_atto'
               and b.our_currency is row ->> 'our_currency' and b.their_state is row ->> 'their_state'
               and b.their_whole is row ->> 'their_whole' and b.their_nano is row ->> 'their_nano'
               and b.their_atto is row ->> 'their_atto' and b.their_currency is row ->> 'their_currency'))";

/// What was not seen again a moment ago.
pub(super) const BEAR: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into breaks (break_id, kind, shop, subject, subject_at, payment_id, gateway_payment_id, reference_id,
                        our_state, our_whole, our_nano, our_atto, our_currency, their_state, their_whole, their_nano,
                        their_atto, their_currency, state, first_seen_at, last_seen_at, first_run, last_run)
    select row ->> 'break_id', row ->> 'kind', row ->> 'shop', row ->> 'subject', row ->> 'subject_at',
           row ->> 'payment_id', row ->> 'gateway_payment_id', row ->> 'reference_id', row ->> 'our_state',
           row ->> 'our_whole', row ->> 'our_nano', row ->> 'our_atto', row ->> 'our_currency', row ->> 'their_state',
           row ->> 'their_whole', row ->> 'their_nano', row ->> 'their_atto', row ->> 'their_currency', 'open',
           row ->> 'at', row ->> 'at', row ->> 'run_id', row ->> 'run_id'
    from given
    where not exists (select 1 from breaks b
                      where b.shop = row ->> 'shop' and b.kind = row ->> 'kind' and b.subject = row ->> 'subject'
                        and b.state <> 'closed' and b.last_run = row ->> 'run_id' and b.last_seen_at = row ->> 'at')
    on conflict (break_id) do nothing";

pub(super) const RECONCILE: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into reconciled_payments as p (payment_id, at, run_id, state, amount_whole, amount_nano, amount_atto, currency)
    select row ->> 'payment_id', row ->> 'at', row ->> 'run_id', row ->> 'state', row ->> 'amount_whole',
           row ->> 'amount_nano', row ->> 'amount_atto', row ->> 'currency'
    from given where true
    on conflict (payment_id) do update
    set at = excluded.at, run_id = excluded.run_id, state = excluded.state, amount_whole = excluded.amount_whole,
        amount_nano = excluded.amount_nano, amount_atto = excluded.amount_atto, currency = excluded.currency
    where p.state <> excluded.state or p.amount_whole is not excluded.amount_whole
       or p.amount_nano is not excluded.amount_nano or p.amount_atto is not excluded.amount_atto
       or p.currency is not excluded.currency";

pub(super) const CLOSE: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    update breaks as b
    set state = 'closed', ended_at = row ->> 'at', reason = row ->> 'reason', closed_run = row ->> 'run_id'
    from given n
    where b.break_id = row ->> 'break_id' and b.state = 'open'";

pub(super) const COVERED_PAYMENTS: &str = "
    select p.payment_id as id, p.created_at as at, coalesce(i.agrees, 0) as agrees
    from payments p
    left join reconciliation_items i on i.run_id = ?1 and i.gateway_payment_id = p.gateway_payment_id
    where p.shop = ?2 and p.created_at >= ?3 and p.created_at < ?4 and p.gateway_payment_id is not null
      and (p.created_at, p.payment_id) > (?5, ?6)
    order by p.created_at, p.payment_id limit ?7";

pub(super) const UNMATCHED_NOTICES: &str = "
    select n.notice_id as id, n.received_at as at, n.gateway_payment_id, n.reference_id, n.state
    from webhook_notices n
    where n.verdict = 'unmatched' and n.shop = ?2 and n.received_at >= ?3 and n.received_at < ?4
      and (n.received_at, n.notice_id) > (?5, ?6)
      and not exists (select 1 from gateway_payments g
                      where g.gateway_payment_id = n.gateway_payment_id and g.shop = n.shop)
      and not exists (select 1 from reconciliation_items i
                      where i.run_id = ?1 and i.gateway_payment_id = n.gateway_payment_id)
    order by n.received_at, n.notice_id limit ?7";

pub(super) const FORGET_MET: &str = "
    delete from reconciliation_items where run_id = ?1 and gateway_payment_id in (
        select gateway_payment_id from reconciliation_items where run_id = ?1 limit ?2)";

pub(super) const RECONCILED: &str = "
    select p.payment_id, p.at, p.run_id, p.state, p.amount_whole, p.amount_nano, p.amount_atto, p.currency
    from json_each(?1) n cross join reconciled_payments p on p.payment_id = n.value order by p.payment_id";

#[async_trait]
impl Reconciliations for SqliteStore {
    async fn order_run(&self, run: &Run) -> Result<Run, StoreError> {
        write(&self.writer, OrderRun(run.clone())).await
    }

    async fn claim_run(&self, claim: &RunClaim) -> Result<Option<Run>, StoreError> {
        write(&self.writer, ClaimRun(claim.clone())).await
    }

    async fn run(&self, id: Uuid) -> Result<Option<Run>, StoreError> {
        let row = sqlx::query(RUN).bind(id.to_string()).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(run).transpose()
    }

    async fn runs(&self, page: &RunsPage) -> Result<Vec<Run>, StoreError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(RUNS);
        any_shop(&mut query, "r.shop", page.shops.iter());
        if let Some(state) = page.state {
            query.push(" and r.state = ").push_bind(state.to_string());
        }
        if let Some((at, id)) = page.before {
            query.push(" and (r.ordered_at, r.run_id) < (").push_bind(at.unix_micros());
            query.push(", ").push_bind(id.to_string()).push(")");
        }
        query.push(" order by r.ordered_at desc, r.run_id desc limit ").push_bind(page.limit);
        let rows = query.build().fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(self::run).collect()
    }

    async fn met(&self, run: Uuid, ids: &[GatewayPaymentId]) -> Result<Vec<bool>, StoreError> {
        let texts = json_text(&ids)?;
        let met = sqlx::query_scalar(MET).bind(run.to_string()).bind(texts).fetch_all(&self.readers).await;
        let met: BTreeSet<String> = met.map_err(fault::of_statement)?.into_iter().collect();
        Ok(ids.iter().map(|id| met.contains(id.as_str())).collect())
    }

    async fn record_step(&self, step: &Step) -> Result<bool, StoreError> {
        write(&self.writer, RecordStep(step.clean())).await
    }

    async fn covered_payments(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Covered>, StoreError> {
        let rows = self.of_window(COVERED_PAYMENTS, run, after, limit).await?;
        let covered = |row| {
            Ok(Covered { id: uuid(row, "id")?.into(), created_at: time(row, "at")?, agrees: get(row, "agrees")? })
        };
        rows.iter().map(covered).collect()
    }

    async fn unmatched_notices(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<UnmatchedNotice>, StoreError> {
        let rows = self.of_window(UNMATCHED_NOTICES, run, after, limit).await?;
        let notice = |row| {
            let id = uuid(row, "id")?;
            let gateway_id: Option<String> = get(row, "gateway_payment_id")?;
            Ok(UnmatchedNotice {
                id,
                received_at: time(row, "at")?,
                gateway_payment_id: Row(id).parse_some("gateway_payment_id", gateway_id.as_deref())?,
                reference_id: get(row, "reference_id")?,
                state: get(row, "state")?,
            })
        };
        rows.iter().map(notice).collect()
    }

    async fn unfound_breaks(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Unfound>, StoreError> {
        let rows = self.of_window(breaks::UNFOUND_BREAKS, run, after, limit).await?;
        rows.iter().map(|row| Ok(Unfound { of: one_break(row)?, said: get(row, "said")? })).collect()
    }

    async fn forget_met(&self, run: Uuid, limit: u32) -> Result<u64, StoreError> {
        write(&self.writer, ForgetMet { run, limit }).await
    }

    async fn tally(&self, run: Uuid) -> Result<Tally, StoreError> {
        breaks::tally(&self.readers, run).await
    }

    async fn reconciled(&self, payments: &[PaymentId]) -> Result<Vec<Reconciled>, StoreError> {
        if payments.is_empty() {
            return Ok(Vec::new());
        }
        let ids = json_text(&payments)?;
        let rows = sqlx::query(RECONCILED).bind(ids).fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(reconciled).collect()
    }

    async fn one_break(&self, id: Uuid) -> Result<Option<Break>, StoreError> {
        breaks::by_id(&self.readers, id).await
    }

    async fn breaks(&self, page: &BreaksPage) -> Result<Vec<Break>, StoreError> {
        breaks::list(&self.readers, page).await
    }

    async fn assign_break(&self, id: Uuid, owner: &str) -> Result<Option<Break>, StoreError> {
        write(&self.writer, AssignBreak { id, owner: owner.to_owned() }).await
    }

    async fn resolve_break(&self, id: Uuid, resolution: &Resolution) -> Result<Option<Break>, StoreError> {
        write(&self.writer, ResolveBreak { id, resolution: resolution.clone() }).await
    }
}

impl SqliteStore {
    async fn of_window(
        &self,
        statement: &'static str,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        // Before all of them: no id is empty.
        let (at, id) = after.map_or((i64::MIN, String::new()), |(at, id)| (at.unix_micros(), id.to_string()));
        let bound = sqlx::query(statement)
            .bind(run.id.to_string())
            .bind(run.shop.as_str())
            .bind(run.from.unix_micros())
            .bind(run.to.unix_micros());
        bound.bind(at).bind(id).bind(limit).fetch_all(&self.readers).await.map_err(fault::of_statement)
    }
}

/// Any of these shops; all if there is none.
pub(super) fn any_shop<'s>(
    query: &mut QueryBuilder<Sqlite>,
    column: &'static str,
    shops: impl ExactSizeIterator<Item = &'s domain::ShopName>,
) {
    if shops.len() == 0 {
        return;
    }
    query.push(" and ").push(column).push(" in (");
    let mut list = query.separated(", ");
    for shop in shops {
        list.push_bind(shop.to_string());
    }
    query.push(")");
}

struct OrderRun(Run);

#[async_trait]
impl Deed for OrderRun {
    type Answer = Run;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Run, StoreError> {
        let run = &self.0;
        let ordered = sqlx::query(ORDER_RUN)
            .bind(run.id.to_string())
            .bind(run.shop.as_str())
            .bind(run.from.unix_micros())
            .bind(run.to.unix_micros())
            .bind(run.cause.to_string())
            .bind(run.ordered_by.as_ref().map(json_text).transpose()?)
            .bind(run.ordered_at.unix_micros())
            .bind(json_text(&run.progress)?)
            .bind(run.next_at.unix_micros())
            .bind(run.against.to_string())
            .execute(&mut *connection)
            .await;
        ordered.map_err(fault::of_statement)?;
        let row = sqlx::query(ORDERED_RUN)
            .bind(run.id.to_string())
            .bind(run.shop.as_str())
            .bind(run.from.unix_micros())
            .bind(run.to.unix_micros())
            .fetch_one(connection)
            .await;
        self::run(&row.map_err(fault::of_statement)?)
    }
}

struct ClaimRun(RunClaim);

#[async_trait]
impl Deed for ClaimRun {
    type Answer = Option<Run>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Run>, StoreError> {
        let claim = &self.0;
        let claimed = sqlx::query(CLAIM_RUN)
            .bind(claim.shop.as_str())
            .bind(claim.now.unix_micros())
            .bind(claim.owner.0.to_string())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await;
        claimed.map_err(fault::of_statement)?.as_ref().map(self::run).transpose()
    }
}

struct RecordStep(Step);

#[async_trait]
impl Deed for RecordStep {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let step = &self.0;
        let run = &step.run;
        let fenced = sqlx::query(FENCE)
            .bind(run.id.to_string())
            .bind(crate::columns::signed(run.epoch))
            .bind(run.state.to_string())
            .bind(&run.failure)
            .bind(run.failures)
            .bind(json_text(&run.progress)?)
            .bind(run.tally.as_ref().map(json_text).transpose()?)
            .bind(run.finished_at.map(Time::unix_micros))
            .bind(run.next_at.unix_micros())
            .bind(step.release)
            .execute(&mut *connection)
            .await;
        if fenced.map_err(fault::of_statement)?.rows_affected() == 0 {
            return Ok(false);
        }
        let met = step.met.iter().map(|met| {
            json!({ "run_id": run.id, "gateway_payment_id": met.id, "said": met.said, "agrees": u8::from(met.agrees) })
        });
        execute(connection, MEET, array(met)).await?;
        let findings = array(step.findings.iter().map(|(id, finding)| finding_row(*id, finding, step)));
        execute(connection, SEE_AGAIN, findings.clone()).await?;
        execute(connection, BEAR, findings).await?;
        let reconciled = step.reconciled.iter().map(|one| {
            let [whole, nano, atto] = parts(one.money);
            json!({
                "payment_id": one.payment, "at": step.at.unix_micros(), "run_id": run.id, "state": one.state,
                "amount_whole": whole, "amount_nano": nano, "amount_atto": atto,
                "currency": one.money.map(|money| money.currency()),
            })
        });
        execute(connection, RECONCILE, array(reconciled)).await?;
        let closed = step.closed.iter().map(
            |(id, reason)| json!({ "break_id": id, "reason": reason, "at": step.at.unix_micros(), "run_id": run.id }),
        );
        execute(connection, CLOSE, array(closed)).await?;
        Ok(true)
    }
}

struct ForgetMet {
    run: Uuid,
    limit: u32,
}

#[async_trait]
impl Deed for ForgetMet {
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let gone = sqlx::query(FORGET_MET).bind(self.run.to_string()).bind(self.limit).execute(connection).await;
        Ok(gone.map_err(fault::of_statement)?.rows_affected())
    }
}

/// The one parameter of a statement over rows; none if there are none.
fn array(rows: impl Iterator<Item = Value>) -> Option<String> {
    let rows: Vec<Value> = rows.collect();
    (!rows.is_empty()).then(|| Value::Array(rows).to_string())
}

fn parts(money: Option<Money>) -> [Option<i64>; 3] {
    let parts = money.map(|money| Parts::of(money.amount()));
    [parts.map(|parts| parts.whole), parts.map(|parts| parts.nano), parts.map(|parts| parts.atto)]
}

fn finding_row(break_id: Uuid, finding: &Finding, step: &Step) -> Value {
    let [our_whole, our_nano, our_atto] = parts(finding.ours.money);
    let [their_whole, their_nano, their_atto] = parts(finding.theirs.money);
    json!({
        "break_id": break_id,
        "kind": finding.kind,
        "shop": step.run.shop,
        "subject": finding.subject,
        "subject_at": finding.subject_at.unix_micros(),
        "payment_id": finding.payment,
        "gateway_payment_id": finding.gateway_payment,
        "reference_id": finding.reference,
        "our_state": finding.ours.state,
        "our_whole": our_whole, "our_nano": our_nano, "our_atto": our_atto,
        "our_currency": finding.ours.money.map(|money| money.currency()),
        "their_state": finding.theirs.state,
        "their_whole": their_whole, "their_nano": their_nano, "their_atto": their_atto,
        "their_currency": finding.theirs.money.map(|money| money.currency()),
        "at": step.at.unix_micros(),
        "run_id": step.run.id,
    })
}

fn run(row: &SqliteRow) -> Result<Run, StoreError> {
    let id = uuid(row, "run_id")?;
    let columns = Row(id);
    let (ordered_by, tally): (Option<String>, Option<String>) = (get(row, "ordered_by")?, get(row, "tally")?);
    Ok(Run {
        id,
        shop: columns.parse("shop", get(row, "shop")?)?,
        from: time(row, "window_from")?,
        to: time(row, "window_to")?,
        cause: columns.parse("cause", get(row, "cause")?)?,
        against: columns.parse("against", get(row, "against")?)?,
        ordered_by: ordered_by.map(|text| columns.json("ordered_by", &text)).transpose()?,
        ordered_at: time(row, "ordered_at")?,
        state: columns.parse("state", get(row, "state")?)?,
        failure: get(row, "failure")?,
        failures: columns.unsigned("failures", get(row, "failures")?)?,
        progress: columns.json("progress", get(row, "progress")?)?,
        tally: tally.map(|text| columns.json("tally", &text)).transpose()?,
        begun_at: some_time(row, "begun_at")?,
        finished_at: some_time(row, "finished_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}

fn reconciled(row: &SqliteRow) -> Result<Reconciled, StoreError> {
    let id = uuid(row, "payment_id")?;
    let columns = Row(id);
    let currency: Option<String> = get(row, "currency")?;
    let moved = amount(row, ["amount_whole", "amount_nano", "amount_atto"])?;
    Ok(Reconciled {
        payment: id.into(),
        at: time(row, "at")?,
        run: uuid(row, "run_id")?,
        state: columns.parse("state", get(row, "state")?)?,
        money: columns.some_money("amount", moved, currency.as_deref())?,
    })
}
