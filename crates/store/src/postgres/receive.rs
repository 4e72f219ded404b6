use chrono::{DateTime, Utc};
use domain::ShopName;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, read, stored_columns};
use super::table::table;
use crate::flaw::without_nul;
use crate::{Notice, Received, StoreError};

/// Stores notices, counts those that are there already, and brings along the payments that they are about.
///
/// Locks come in one order in every process: notices by id, then bodies by digest. A notice that is neither known nor
/// stored was stored by somebody else in this very moment: the statement's snapshot does not show it.
pub(super) const RECEIVE: &str = concat!(
    "with arriving as (
        select * from unnest($1::int4[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bytea[],
                             $7::bytea[], $8::text[], $9::text[], $10::text[])
        as a(ordinal, notice_id, shop, received_at, leased_until, body, digest, gateway_payment_id, reference_id,
             state)
    ),
    bodies as materialized (
        select digest, shop, min(ordinal) as first, count(*) as deliveries, max(received_at) as last_received_at
        from arriving group by digest, shop
    ),
    known as materialized (
        select n.notice_id, n.shop, n.digest, n.verdict
        from webhook_notices n
        where n.digest = any ($7)
        order by n.notice_id
        for no key update
    ),
    counted as (
        update webhook_notices n
        set deliveries = n.deliveries + b.deliveries,
            last_received_at = greatest(n.last_received_at, b.last_received_at)
        from known k join bodies b on b.digest = k.digest and b.shop = k.shop
        where n.notice_id = k.notice_id and n.notice_id = any (array(select notice_id from known))
    ),
    stored as (
        insert into webhook_notices (notice_id, shop, received_at, last_received_at, deliveries, body, digest,
                                     gateway_payment_id, reference_id, state, attempts, leased_until)
        select a.notice_id, a.shop, a.received_at, b.last_received_at, b.deliveries, a.body, a.digest,
               a.gateway_payment_id, a.reference_id, a.state, 0, a.leased_until
        from bodies b
        join arriving a on a.ordinal = b.first
        left join known k on k.digest = b.digest and k.shop = b.shop
        where k.notice_id is null
        order by a.digest, a.shop
        on conflict (digest, shop) do nothing
        returning notice_id, digest, shop
    ),
    by_reference as materialized (
        select payment_id, shop, reference_id from payments where reference_id = any ($9)
    ),
    by_gateway_id as materialized (
        select payment_id, shop, gateway_payment_id from gateway_payments where gateway_payment_id = any ($8)
    ),
    subjects as materialized (
        select a.ordinal, coalesce(g.payment_id, r.payment_id) as payment_id
        from arriving a
        left join by_gateway_id g on g.gateway_payment_id = a.gateway_payment_id and g.shop = a.shop
        left join by_reference r on r.reference_id = a.reference_id and r.shop = a.shop
    )
    select a.ordinal, coalesce(k.notice_id, s.notice_id) as notice_id,
           k.notice_id is not null or a.ordinal <> b.first as repeat, k.verdict,
           c.payment_id is not null as has_payment, ",
    stored_columns!(),
    " from arriving a
    join bodies b on b.digest = a.digest and b.shop = a.shop
    left join known k on k.digest = a.digest and k.shop = a.shop
    left join stored s on s.digest = a.digest and s.shop = a.shop
    join subjects u on u.ordinal = a.ordinal
    left join payments p on p.payment_id = u.payment_id
                         and p.payment_id = any (array(select payment_id from subjects))
    left join payment_checks c on c.payment_id = p.payment_id
                               and c.payment_id = any (array(select payment_id from subjects))"
);

table! { ArrivalRow in Arrivals {
    ordinal: i32,
    notice_id: Uuid,
    shop: String,
    received_at: DateTime<Utc>,
    leased_until: DateTime<Utc>,
    body: Vec<u8>,
    digest: Vec<u8>,
    gateway_payment_id: Option<String>,
    reference_id: Option<String>,
    state: Option<String>,
}}

/// Whoever stored a notice in the same moment is there to be seen the next time.
const TRIES_MAX: u32 = 3;

impl PostgresStore {
    pub(super) async fn receive_all(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError> {
        let mut answers: Vec<Option<Received>> = vec![None; notices.len()];
        for _ in 0..TRIES_MAX {
            let arrivals = arrivals(notices, &answers);
            if arrivals.ordinal.is_empty() {
                break;
            }
            let sent = self.pools.webhooks.send(Effect::Writes, || arrivals.bind(sqlx::query(RECEIVE))).await;
            for row in &sent? {
                let ordinal: i32 = get(row, "ordinal")?;
                if let Some(answer) = usize::try_from(ordinal).ok().and_then(|index| answers.get_mut(index)) {
                    *answer = received(row)?;
                }
            }
        }
        let unanswered = || StoreError::OutcomeUnknown(sqlx::Error::RowNotFound);
        answers.into_iter().map(|answer| answer.ok_or_else(unanswered)).collect()
    }
}

/// The notices that have no answer yet.
fn arrivals(notices: &[Notice], answers: &[Option<Received>]) -> Arrivals {
    let mut arrivals = Arrivals::default();
    for ((ordinal, notice), _) in (0..).zip(notices).zip(answers).filter(|(_, answer)| answer.is_none()) {
        arrivals.push(ArrivalRow {
            ordinal,
            notice_id: notice.id,
            shop: ShopName::to_string(&notice.shop),
            received_at: notice.received_at.utc(),
            leased_until: notice.leased_until.utc(),
            body: notice.body.clone(),
            digest: notice.digest.clone(),
            gateway_payment_id: notice.gateway_payment_id.as_ref().map(ToString::to_string),
            reference_id: notice.reference_id.as_ref().map(ToString::to_string),
            state: notice.state.as_deref().map(|state| without_nul(state).into_owned()),
        });
    }
    arrivals
}

/// None if somebody else stored the notice while the statement ran.
fn received(row: &PgRow) -> Result<Option<Received>, StoreError> {
    let Some(id) = get(row, "notice_id")? else { return Ok(None) };
    let payment = if get(row, "has_payment")? { Some(Box::new(read(row)?)) } else { None };
    Ok(Some(Received { id, repeat: get(row, "repeat")?, filed: get(row, "verdict")?, payment }))
}
