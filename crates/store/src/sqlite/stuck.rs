use std::collections::BTreeSet;

use domain::{ShopName, StuckReason, Time};
use serde_json::json;
use sqlx::SqlitePool;
use strum::VariantArray as _;

use super::fault;
use super::inbox::notice;
use super::read_row::{get, stored, stored_columns, time};
use crate::columns::Row;
use crate::{StoreError, StuckItem, StuckPage, StuckTally};

/// As many of each reason as the page has room for, from the index of each, and of these the first.
pub(super) const STUCK: &str = concat!(
    "select ",
    stored_columns!(),
    " from json_each(?1) r
    cross join payment_checks c on c.payment_id in (
        select s.payment_id from payment_checks s
        where s.stuck_reason = r.value and s.stuck_at <= ?2 and (s.stuck_at, s.payment_id) > (?3, ?4)
        order by s.stuck_at, s.payment_id limit ?5)
    cross join payments p on p.payment_id = c.payment_id
    order by c.stuck_at, c.payment_id limit ?5"
);

/// The same of some shops, from the index of each: those of the others are not even passed over.
pub(super) const STUCK_IN_SHOPS: &str = concat!(
    "select ",
    stored_columns!(),
    " from json_each(?1) r
    cross join json_each(?6) w
    cross join payment_checks c on c.payment_id in (
        select s.payment_id from payment_checks s
        where s.shop = w.value and s.stuck_reason = r.value and s.stuck_at <= ?2
          and (s.stuck_at, s.payment_id) > (?3, ?4)
        order by s.stuck_at, s.payment_id limit ?5)
    cross join payments p on p.payment_id = c.payment_id
    order by c.stuck_at, c.payment_id limit ?5"
);

/// What somebody put off is as much as people can have put off.
pub(super) const SNOOZED: &str = concat!(
    "select ",
    stored_columns!(),
    " from payments p cross join payment_checks c on c.payment_id = p.payment_id
    where p.care ->> 'snoozedUntil' is not null and c.stuck_reason in (select value from json_each(?1))
      and c.stuck_at > ?2 and p.payment_id > ?3 and (?4 = '[]' or p.shop in (select value from json_each(?4)))
    order by p.payment_id limit ?5"
);

pub(super) const STUCK_NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict, payment_id, filed_at, reruns,
           rerun_by, dismissal
    from webhook_notices
    where verdict = 'unmatched' and dismissal is null and received_at <= ?1 and (received_at, notice_id) > (?2, ?3)
      and (?4 = '[]' or shop in (select value from json_each(?4)))
    order by received_at, notice_id limit ?5";

/// Counted to a limit, from the index alone: whether there are as many is found out by passing over them, which costs less.
pub(super) const STUCK_TALLIES: &str = "
    select r.value as reason,
           ifnull((select ?3 from payment_checks s
                   where s.stuck_reason = r.value and s.stuck_at <= ?2
                   order by s.stuck_at, s.payment_id limit 1 offset ?3 - 1),
                  (select count(*) from payment_checks s where s.stuck_reason = r.value and s.stuck_at <= ?2)) as items,
           (select s.stuck_since from payment_checks s
            where s.stuck_reason = r.value and s.stuck_at <= ?2
            order by s.stuck_at, s.payment_id limit 1) as oldest
    from json_each(?1) r";

/// The same of some shops, each counted to the limit by itself. What stands beside the least moment is of its row.
pub(super) const STUCK_TALLIES_IN_SHOPS: &str = "
    select reason, min(sum(items), ?3) as items, oldest, min(first_at) as first_at
    from (
        select r.value as reason,
               ifnull((select ?3 from payment_checks s
                       where s.shop = w.value and s.stuck_reason = r.value and s.stuck_at <= ?2
                       order by s.stuck_at, s.payment_id limit 1 offset ?3 - 1),
                      (select count(*) from payment_checks s
                       where s.shop = w.value and s.stuck_reason = r.value and s.stuck_at <= ?2)) as items,
               (select s.stuck_since from payment_checks s
                where s.shop = w.value and s.stuck_reason = r.value and s.stuck_at <= ?2
                order by s.stuck_at, s.payment_id limit 1) as oldest,
               (select s.stuck_at from payment_checks s
                where s.shop = w.value and s.stuck_reason = r.value and s.stuck_at <= ?2
                order by s.stuck_at, s.payment_id limit 1) as first_at
        from json_each(?1) r cross join json_each(?4) w)
    group by reason";

pub(super) const STUCK_NOTICES_TALLY: &str = "
    select count(*) as items, min(received_at) as oldest from (
        select received_at from webhook_notices
        where verdict = 'unmatched' and dismissal is null and received_at <= ?1 and (?2 = '[]' or shop in (select value from json_each(?2)))
        order by received_at, notice_id limit ?3)";

pub(super) async fn list(readers: &SqlitePool, page: &StuckPage) -> Result<Vec<StuckItem>, StoreError> {
    let shops = json!(page.shops).to_string();
    let reasons = json!(page.of_payments()).to_string();
    let (at, id) = page.begin();
    let (now, at, id) = (page.now.unix_micros(), at.unix_micros(), id.to_string());
    let payments = if page.snoozed {
        let bound = sqlx::query(SNOOZED).bind(reasons).bind(now).bind(&id).bind(&shops).bind(page.limit);
        bound.fetch_all(readers).await
    } else {
        let text = if page.shops.is_empty() { STUCK } else { STUCK_IN_SHOPS };
        let bound = sqlx::query(text).bind(reasons).bind(now).bind(at).bind(&id).bind(page.limit);
        let bound = if page.shops.is_empty() { bound } else { bound.bind(&shops) };
        bound.fetch_all(readers).await
    };
    let payments = payments.map_err(fault::of_statement)?;
    let payments = payments.iter().map(stored).collect::<Result<_, _>>()?;
    if !page.of_notices() {
        return Ok(page.merged(payments, Vec::new()));
    }
    let bound = sqlx::query(STUCK_NOTICES).bind(now).bind(at).bind(&id).bind(&shops).bind(page.limit);
    let notices = bound.fetch_all(readers).await.map_err(fault::of_statement)?;
    Ok(page.merged(payments, notices.iter().map(notice).collect::<Result<_, _>>()?))
}

pub(super) async fn tally(
    readers: &SqlitePool,
    shops: &BTreeSet<ShopName>,
    now: Time,
    count_max: u32,
) -> Result<Vec<StuckTally>, StoreError> {
    let in_all = shops.is_empty();
    let shops = json!(shops).to_string();
    let reasons = json!(StuckReason::VARIANTS).to_string();
    let now = now.unix_micros();
    let text = if in_all { STUCK_TALLIES } else { STUCK_TALLIES_IN_SHOPS };
    let bound = sqlx::query(text).bind(reasons).bind(now).bind(count_max);
    let bound = if in_all { bound } else { bound.bind(&shops) };
    let rows = bound.fetch_all(readers).await.map_err(fault::of_statement)?;
    let mut tallies = Vec::new();
    for row in &rows {
        let reason: &str = get(row, "reason")?;
        let columns = Row(reason);
        let items = columns.unsigned("items", get(row, "items")?)?;
        if items > 0 {
            tallies.push(StuckTally { reason: columns.parse("reason", reason)?, items, oldest: time(row, "oldest")? });
        }
    }
    let bound = sqlx::query(STUCK_NOTICES_TALLY).bind(now).bind(&shops).bind(count_max);
    let row = bound.fetch_one(readers).await.map_err(fault::of_statement)?;
    let items = Row("notices").unsigned("items", get(&row, "items")?)?;
    if items > 0 {
        tallies.push(StuckTally { reason: StuckReason::UnmatchedWebhook, items, oldest: time(&row, "oldest")? });
    }
    tallies.sort_by_key(|tally| tally.reason);
    Ok(tallies)
}
