use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{GatewayPaymentId, PaymentId, Time};
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::breaks::{self, one_break};
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use super::table::table;
use crate::columns::{Row, json_text, signed};
use crate::{
    Break, BreaksPage, Covered, Reconciled, Reconciliations, Resolution, Run, RunClaim, RunsPage, Step, StoreError,
    Tally, Unfound, UnmatchedNotice,
};

/// What a statement selects of `reconciliations r`, for [`run`].
macro_rules! run_columns {
    () => {
        "r.run_id, r.shop, r.window_from, r.window_to, r.cause, r.against, r.ordered_by::text as ordered_by, \
         r.ordered_at, r.state, r.failure, r.failures, r.progress::text as progress, r.tally::text as tally, r.begun_at, \
         r.finished_at, r.next_at, r.epoch"
    };
}

/// Nothing happens if there is one that will do.
pub(super) const ORDER_RUN: &str = "
    insert into reconciliations (run_id, shop, window_from, window_to, cause, ordered_by, ordered_at, state, failures,
                                 progress, next_at, epoch, against)
    values ($1::uuid, $2::text, $3::timestamptz, $4::timestamptz, $5::text, $6::text::jsonb, $7::timestamptz, 'waiting',
            0, $8::text::jsonb, $9::timestamptz, 0, $10::text)
    on conflict do nothing";

/// The one that has the id comes first.
pub(super) const ORDERED_RUN: &str = concat!(
    "select ",
    run_columns!(),
    " from reconciliations r
    where r.run_id = $1
       or (r.shop = $2 and r.window_from = $3 and r.window_to = $4 and r.finished_at is null and r.against = 'list')
    order by r.run_id = $1 desc limit 1"
);

/// What was its turn when the statement began may have ended since: hence the second condition.
pub(super) const CLAIM_RUN: &str = concat!(
    "update reconciliations r
    set state = 'running', begun_at = coalesce(r.begun_at, $2), lease_owner = $3, leased_until = $4, epoch = r.epoch + 1
    where r.run_id = (select run_id from reconciliations where shop = $1 and finished_at is null
                      order by ordered_at, run_id limit 1)
      and r.finished_at is null and r.next_at <= $2 and (r.leased_until is null or r.leased_until <= $2)
    returning ",
    run_columns!()
);

pub(super) const RUN: &str = concat!("select ", run_columns!(), " from reconciliations r where r.run_id = $1");

pub(super) const RUNS: &str = concat!(
    "select ",
    run_columns!(),
    " from reconciliations r
    where ($1::text[] is null or r.shop = any ($1))
      and ($2::text is null or r.state = $2)
      and ($3::timestamptz is null or (r.ordered_at, r.run_id) < ($3, $4::uuid))
    order by r.ordered_at desc, r.run_id desc limit $5"
);

pub(super) const MET: &str =
    "select gateway_payment_id from reconciliation_items where run_id = $1 and gateway_payment_id = any ($2)";

/// The fence comes first, and everything else hangs on it. Of the breaks about the same, the latest one counts: an open
/// one is seen again, and a resolved one stays resolved for as long as both sides say the same.
pub(super) const RECORD_STEP: &str = "
    with run as (
        update reconciliations
        set state = $3, failure = $4, failures = $5, progress = $6::text::jsonb, tally = $7::text::jsonb,
            finished_at = $8, next_at = $9, lease_owner = case when $10::bool then null else lease_owner end,
            leased_until = case when $10 then null else leased_until end
        where run_id = $1 and epoch = $2 and finished_at is null
        returning run_id, shop),
    met as (
        insert into reconciliation_items as i (run_id, gateway_payment_id, said, agrees)
        select run.run_id, m.gateway_payment_id, m.said, m.agrees
        from run, unnest($12::text[], $13::text[], $14::bool[]) as m(gateway_payment_id, said, agrees)
        on conflict (run_id, gateway_payment_id) do update set said = excluded.said, agrees = excluded.agrees),
    given as (
        select run.run_id, run.shop, f.*
        from run, unnest($15::uuid[], $16::text[], $17::text[], $18::timestamptz[], $19::uuid[], $20::text[],
                         $21::text[], $22::text[], $23::numeric[], $24::text[], $25::text[], $26::numeric[],
                         $27::text[])
        as f(break_id, kind, subject, subject_at, payment_id, gateway_payment_id, reference_id, our_state, our_amount,
             our_currency, their_state, their_amount, their_currency)),
    latest as (
        select g.break_id as given_id, b.break_id,
               b.state = 'open'
               or (b.state = 'resolved'
                   and (b.our_state, b.our_amount, b.our_currency, b.their_state, b.their_amount, b.their_currency)
                       is not distinct from
                       (g.our_state, g.our_amount, g.our_currency, g.their_state, g.their_amount, g.their_currency))
               as stands
        from given g cross join lateral (
            select * from breaks
            where shop = g.shop and kind = g.kind and subject = g.subject
            order by first_seen_at desc, state = 'open' desc, break_id desc limit 1) b),
    seen_again as (
        update breaks b
        set last_seen_at = $11, last_run = g.run_id,
            our_state = case when b.state = 'open' then g.our_state else b.our_state end,
            our_amount = case when b.state = 'open' then g.our_amount else b.our_amount end,
            our_currency = case when b.state = 'open' then g.our_currency else b.our_currency end,
            their_state = case when b.state = 'open' then g.their_state else b.their_state end,
            their_amount = case when b.state = 'open' then g.their_amount else b.their_amount end,
            their_currency = case when b.state = 'open' then g.their_currency else b.their_currency end
        from latest l join given g on g.break_id = l.given_id
        where b.break_id = l.break_id and l.stands),
    born as (
        insert into breaks (break_id, kind, shop, subject, subject_at, payment_id, gateway_payment_id, reference_id,
                            our_state, our_amount, our_currency, their_state, their_amount, their_currency, state,
                            first_seen_at, last_seen_at, first_run, last_run)
        select g.break_id, g.kind, g.shop, g.subject, g.subject_at, g.payment_id, g.gateway_payment_id, g.reference_id,
               g.our_state, g.our_amount, g.our_currency, g.their_state, g.their_amount, g.their_currency, 'open',
               $11, $11, g.run_id, g.run_id
        from given g left join latest l on l.given_id = g.break_id
        where l.stands is not true
        on conflict (break_id) do nothing),
    reconciled as (
        insert into reconciled_payments as p (payment_id, at, run_id, state, amount, currency)
        select r.payment_id, $11, run.run_id, r.state, r.amount, r.currency
        from run, unnest($28::uuid[], $29::text[], $30::numeric[], $31::text[]) as r(payment_id, state, amount, currency)
        order by r.payment_id
        on conflict (payment_id) do update
        set at = excluded.at, run_id = excluded.run_id, state = excluded.state, amount = excluded.amount,
            currency = excluded.currency
        where (p.state, p.amount, p.currency) is distinct from (excluded.state, excluded.amount, excluded.currency)),
    closed as (
        update breaks b
        set state = 'closed', ended_at = $11, reason = c.reason, closed_run = run.run_id
        from run, unnest($32::uuid[], $33::text[]) as c(break_id, reason)
        where b.break_id = c.break_id and b.state = 'open')
    select run_id from run";

pub(super) const COVERED_PAYMENTS: &str = "
    select p.payment_id, p.created_at, coalesce(i.agrees, false) as agrees
    from payments p
    left join reconciliation_items i on i.run_id = $1 and i.gateway_payment_id = p.gateway_payment_id
    where p.shop = $2 and p.created_at >= $3 and p.created_at < $4 and p.gateway_payment_id is not null
      and ($5::timestamptz is null or (p.created_at, p.payment_id) > ($5, $6::uuid))
    order by p.created_at, p.payment_id limit $7";

pub(super) const UNMATCHED_NOTICES: &str = "
    select n.notice_id, n.received_at, n.gateway_payment_id, n.reference_id, n.state
    from webhook_notices n
    where n.verdict = 'unmatched' and n.shop = $2 and n.received_at >= $3 and n.received_at < $4
      and ($5::timestamptz is null or (n.received_at, n.notice_id) > ($5, $6::uuid))
      and not exists (select from gateway_payments g
                      where g.gateway_payment_id = n.gateway_payment_id and g.shop = n.shop)
      and not exists (select from reconciliation_items i
                      where i.run_id = $1 and i.gateway_payment_id = n.gateway_payment_id)
    order by n.received_at, n.notice_id limit $7";

pub(super) const FORGET_MET: &str = "
    delete from reconciliation_items where run_id = $1 and gateway_payment_id in (
        select gateway_payment_id from reconciliation_items where run_id = $1 limit $2)
    returning run_id";

pub(super) const RECONCILED: &str = "
    select payment_id, at, run_id, state, amount, currency from reconciled_payments
    where payment_id = any ($1) order by payment_id";

table! { MetRow in MetRows { gateway_payment_id: String, said: String, agrees: bool, } }
table! { FindingRow in FindingRows {
    break_id: Uuid,
    kind: String,
    subject: String,
    subject_at: DateTime<Utc>,
    payment_id: Option<Uuid>,
    gateway_payment_id: Option<String>,
    reference_id: Option<String>,
    our_state: Option<String>,
    our_amount: Option<Decimal>,
    our_currency: Option<String>,
    their_state: Option<String>,
    their_amount: Option<Decimal>,
    their_currency: Option<String>,
}}
table! { ReconciledRow in ReconciledRows {
    payment_id: Uuid,
    state: String,
    amount: Option<Decimal>,
    currency: Option<String>,
}}
table! { ClosedRow in ClosedRows { break_id: Uuid, reason: String, } }

#[async_trait]
impl Reconciliations for PostgresStore {
    async fn order_run(&self, run: &Run) -> Result<Run, StoreError> {
        let ordered_by = run.ordered_by.as_ref().map(json_text).transpose()?;
        let progress = json_text(&run.progress)?;
        let order = || {
            sqlx::query(ORDER_RUN)
                .bind(run.id)
                .bind(run.shop.as_str())
                .bind(run.from.utc())
                .bind(run.to.utc())
                .bind(run.cause.to_string())
                .bind(&ordered_by)
                .bind(run.ordered_at.utc())
                .bind(&progress)
                .bind(run.next_at.utc())
                .bind(run.against.to_string())
        };
        self.pools.workers.send(Effect::Writes, order).await?;
        let ordered = || {
            let ordered = sqlx::query(ORDERED_RUN).bind(run.id).bind(run.shop.as_str());
            ordered.bind(run.from.utc()).bind(run.to.utc())
        };
        let rows = self.pools.workers.send(Effect::Reads, ordered).await?;
        // It may have ended between the two, and another one be ordered the next time.
        rows.first().map_or(Err(StoreError::Unavailable(sqlx::Error::RowNotFound)), self::run)
    }

    async fn claim_run(&self, claim: &RunClaim) -> Result<Option<Run>, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_RUN)
                .bind(claim.shop.as_str())
                .bind(claim.now.utc())
                .bind(claim.owner.0)
                .bind(claim.until.utc())
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map(run).transpose()
    }

    async fn run(&self, id: Uuid) -> Result<Option<Run>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(RUN).bind(id)).await?;
        rows.first().map(run).transpose()
    }

    async fn runs(&self, page: &RunsPage) -> Result<Vec<Run>, StoreError> {
        let shops: Vec<String> = page.shops.iter().map(ToString::to_string).collect();
        let shops = (!shops.is_empty()).then_some(shops);
        let (at, id) = page.before.unzip();
        let statement = || {
            sqlx::query(RUNS)
                .bind(&shops)
                .bind(page.state.map(|state| state.to_string()))
                .bind(at.map(Time::utc))
                .bind(id)
                .bind(i64::from(page.limit))
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(run).collect()
    }

    async fn met(&self, run: Uuid, ids: &[GatewayPaymentId]) -> Result<Vec<bool>, StoreError> {
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let rows = self.pools.workers.send(Effect::Reads, || sqlx::query(MET).bind(run).bind(&texts)).await?;
        let met: std::collections::BTreeSet<String> =
            rows.iter().map(|row| get(row, "gateway_payment_id")).collect::<Result<_, _>>()?;
        Ok(texts.iter().map(|id| met.contains(id)).collect())
    }

    async fn record_step(&self, step: &Step) -> Result<bool, StoreError> {
        let step = step.clean();
        let (met, findings, reconciled, closed) = tables(&step);
        let run = &step.run;
        let progress = json_text(&run.progress)?;
        let tally = run.tally.as_ref().map(json_text).transpose()?;
        let statement = || {
            let statement = sqlx::query(RECORD_STEP)
                .bind(run.id)
                .bind(signed(run.epoch))
                .bind(run.state.to_string())
                .bind(&run.failure)
                .bind(i64::from(run.failures))
                .bind(&progress)
                .bind(&tally)
                .bind(run.finished_at.map(Time::utc))
                .bind(run.next_at.utc())
                .bind(step.release)
                .bind(step.at.utc());
            closed.bind(reconciled.bind(findings.bind(met.bind(statement))))
        };
        Ok(!self.pools.workers.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn covered_payments(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Covered>, StoreError> {
        let rows = self.of_window(COVERED_PAYMENTS, run, after, limit).await?;
        let covered = |row| {
            Ok(Covered {
                id: get::<Uuid>(row, "payment_id")?.into(),
                created_at: time(row, "created_at")?,
                agrees: get(row, "agrees")?,
            })
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
            let id = get(row, "notice_id")?;
            let gateway_id: Option<String> = get(row, "gateway_payment_id")?;
            Ok(UnmatchedNotice {
                id,
                received_at: time(row, "received_at")?,
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
        let statement = || sqlx::query(FORGET_MET).bind(run).bind(i64::from(limit));
        Ok(self.pools.workers.send(Effect::Writes, statement).await?.len() as u64)
    }

    async fn tally(&self, run: Uuid) -> Result<Tally, StoreError> {
        self.tally_of(run).await
    }

    async fn reconciled(&self, payments: &[PaymentId]) -> Result<Vec<Reconciled>, StoreError> {
        if payments.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = payments.iter().map(|id| id.uuid()).collect();
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(RECONCILED).bind(&ids)).await?;
        rows.iter().map(reconciled).collect()
    }

    async fn one_break(&self, id: Uuid) -> Result<Option<Break>, StoreError> {
        self.break_by_id(id).await
    }

    async fn breaks(&self, page: &BreaksPage) -> Result<Vec<Break>, StoreError> {
        self.list_breaks(page).await
    }

    async fn assign_break(&self, id: Uuid, owner: &str) -> Result<Option<Break>, StoreError> {
        self.assign_open_break(id, owner).await
    }

    async fn resolve_break(&self, id: Uuid, resolution: &Resolution) -> Result<Option<Break>, StoreError> {
        self.resolve_open_break(id, resolution).await
    }
}

impl PostgresStore {
    /// What a run covers, from behind a place; all of these statements take the same parameters.
    async fn of_window(
        &self,
        statement: &'static str,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<PgRow>, StoreError> {
        let (at, id) = after.unzip();
        let bound = || {
            sqlx::query(statement)
                .bind(run.id)
                .bind(run.shop.as_str())
                .bind(run.from.utc())
                .bind(run.to.utc())
                .bind(at.map(Time::utc))
                .bind(id)
                .bind(i64::from(limit))
        };
        Ok(self.pools.reads.send(Effect::Reads, bound).await?)
    }
}

fn tables(step: &Step) -> (MetRows, FindingRows, ReconciledRows, ClosedRows) {
    let (mut met, mut findings) = (MetRows::default(), FindingRows::default());
    let (mut reconciled, mut closed) = (ReconciledRows::default(), ClosedRows::default());
    for one in &step.met {
        met.push(MetRow { gateway_payment_id: one.id.to_string(), said: one.said.clone(), agrees: one.agrees });
    }
    for (break_id, finding) in &step.findings {
        findings.push(FindingRow {
            break_id: *break_id,
            kind: finding.kind.to_string(),
            subject: finding.subject.clone(),
            subject_at: finding.subject_at.utc(),
            payment_id: finding.payment.map(PaymentId::uuid),
            gateway_payment_id: finding.gateway_payment.as_ref().map(ToString::to_string),
            reference_id: finding.reference.clone(),
            our_state: finding.ours.state.clone(),
            our_amount: finding.ours.money.map(|money| money.amount()),
            our_currency: finding.ours.money.map(|money| money.currency().to_string()),
            their_state: finding.theirs.state.clone(),
            their_amount: finding.theirs.money.map(|money| money.amount()),
            their_currency: finding.theirs.money.map(|money| money.currency().to_string()),
        });
    }
    for one in &step.reconciled {
        reconciled.push(ReconciledRow {
            payment_id: one.payment.uuid(),
            state: one.state.to_string(),
            amount: one.money.map(|money| money.amount()),
            currency: one.money.map(|money| money.currency().to_string()),
        });
    }
    for (break_id, reason) in &step.closed {
        closed.push(ClosedRow { break_id: *break_id, reason: reason.clone() });
    }
    (met, findings, reconciled, closed)
}

fn run(row: &PgRow) -> Result<Run, StoreError> {
    let id = get(row, "run_id")?;
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
        begun_at: time_if_any(row, "begun_at")?,
        finished_at: time_if_any(row, "finished_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}

fn reconciled(row: &PgRow) -> Result<Reconciled, StoreError> {
    let id: Uuid = get(row, "payment_id")?;
    let columns = Row(id);
    let currency: Option<String> = get(row, "currency")?;
    Ok(Reconciled {
        payment: id.into(),
        at: time(row, "at")?,
        run: get(row, "run_id")?,
        state: columns.parse("state", get(row, "state")?)?,
        money: columns.some_money("amount", get(row, "amount")?, currency.as_deref())?,
    })
}
