use std::collections::BTreeSet;

use domain::{ShopName, StuckReason, Time};
use strum::VariantArray as _;

use super::PostgresStore;
use super::inbox::notice;
use super::statement::Effect;
use super::stored::{get, read, stored_columns, time};
use crate::columns::Row;
use crate::{StoreError, StuckItem, StuckPage, StuckTally};

/// As many of each reason as the page has room for, from the index of each, and of these the first.
pub(super) const STUCK: &str = concat!(
    "select ",
    stored_columns!(),
    " from (
        select found.payment_id, found.stuck_at
        from unnest($1::text[]) as r(reason)
        cross join lateral (
            select s.payment_id, s.stuck_at from payment_checks s
            where s.stuck_reason = r.reason and s.stuck_at <= $2 and (s.stuck_at, s.payment_id) > ($3, $4::uuid)
            order by s.stuck_at, s.payment_id limit $5
        ) as found
        order by found.stuck_at, found.payment_id limit $5
    ) as page
    join payment_checks c on c.payment_id = page.payment_id
    join payments p on p.payment_id = page.payment_id
    order by page.stuck_at, page.payment_id"
);

/// The same of some shops, from the index of each: those of the others are not even passed over.
pub(super) const STUCK_IN_SHOPS: &str = concat!(
    "select ",
    stored_columns!(),
    " from (
        select found.payment_id, found.stuck_at
        from unnest($1::text[]) as r(reason)
        cross join unnest($6::text[]) as w(shop)
        cross join lateral (
            select s.payment_id, s.stuck_at from payment_checks s
            where s.shop = w.shop and s.stuck_reason = r.reason and s.stuck_at <= $2
              and (s.stuck_at, s.payment_id) > ($3, $4::uuid)
            order by s.stuck_at, s.payment_id limit $5
        ) as found
        order by found.stuck_at, found.payment_id limit $5
    ) as page
    join payment_checks c on c.payment_id = page.payment_id
    join payments p on p.payment_id = page.payment_id
    order by page.stuck_at, page.payment_id"
);

/// What somebody put off is as much as people can have put off.
pub(super) const SNOOZED: &str = concat!(
    "select ",
    stored_columns!(),
    " from payments p join payment_checks c on c.payment_id = p.payment_id
    where p.care ->> 'snoozedUntil' is not null and c.stuck_reason = any ($1) and c.stuck_at > $2
      and p.payment_id > $3::uuid and ($4::text[] = '{}' or p.shop = any ($4))
    order by p.payment_id limit $5"
);

pub(super) const STUCK_NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict, payment_id, filed_at, reruns,
           rerun_by, dismissal::text as dismissal
    from webhook_notices
    where verdict = 'unmatched' and dismissal is null and received_at <= $1 and (received_at, notice_id) > ($2, $3::uuid)
      and ($4::text[] = '{}' or shop = any ($4))
    order by received_at, notice_id limit $5";

/// Counted to a limit, from the index alone.
pub(super) const STUCK_TALLIES: &str = "
    select r.reason, counted.items, first.oldest
    from unnest($1::text[]) as r(reason)
    cross join lateral (
        select count(*) as items from (
            select s.payment_id from payment_checks s
            where s.stuck_reason = r.reason and s.stuck_at <= $2
            order by s.stuck_at, s.payment_id limit $3
        ) as found
    ) as counted
    cross join lateral (
        select s.stuck_since as oldest from payment_checks s
        where s.stuck_reason = r.reason and s.stuck_at <= $2
        order by s.stuck_at, s.payment_id limit 1
    ) as first";

/// The same of some shops, each counted to the limit by itself.
pub(super) const STUCK_TALLIES_IN_SHOPS: &str = "
    select r.reason, least(sum(counted.items), $3)::int8 as items,
           (array_agg(first.oldest order by first.stuck_at))[1] as oldest
    from unnest($1::text[]) as r(reason)
    cross join unnest($4::text[]) as w(shop)
    cross join lateral (
        select count(*) as items from (
            select s.payment_id from payment_checks s
            where s.shop = w.shop and s.stuck_reason = r.reason and s.stuck_at <= $2
            order by s.stuck_at, s.payment_id limit $3
        ) as found
    ) as counted
    cross join lateral (
        select s.stuck_at, s.stuck_since as oldest from payment_checks s
        where s.shop = w.shop and s.stuck_reason = r.reason and s.stuck_at <= $2
        order by s.stuck_at, s.payment_id limit 1
    ) as first
    group by r.reason";

pub(super) const STUCK_NOTICES_TALLY: &str = "
    select count(*) as items, min(received_at) as oldest from (
        select received_at from webhook_notices
        where verdict = 'unmatched' and dismissal is null and received_at <= $1 and ($2::text[] = '{}' or shop = any ($2))
        order by received_at, notice_id limit $3
    ) as found";

impl PostgresStore {
    pub(super) async fn list_stuck(&self, page: &StuckPage) -> Result<Vec<StuckItem>, StoreError> {
        let shops = words(&page.shops);
        let (reasons, (at, id)) = (page.of_payments(), page.begin());
        let payments = if page.snoozed {
            let statement = || {
                let bound = sqlx::query(SNOOZED).bind(&reasons).bind(page.now.utc()).bind(id);
                bound.bind(&shops).bind(i64::from(page.limit))
            };
            self.pools.reads.send(Effect::Reads, statement).await?
        } else {
            let statement = || {
                let text = if shops.is_empty() { STUCK } else { STUCK_IN_SHOPS };
                let bound = sqlx::query(text).bind(&reasons).bind(page.now.utc()).bind(at.utc()).bind(id);
                let bound = bound.bind(i64::from(page.limit));
                if shops.is_empty() { bound } else { bound.bind(&shops) }
            };
            self.pools.reads.send(Effect::Reads, statement).await?
        };
        let notices = if page.of_notices() {
            let statement = || {
                let bound = sqlx::query(STUCK_NOTICES).bind(page.now.utc()).bind(at.utc()).bind(id);
                bound.bind(&shops).bind(i64::from(page.limit))
            };
            self.pools.reads.send(Effect::Reads, statement).await?
        } else {
            Vec::new()
        };
        let payments = payments.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.merged(payments, notices.iter().map(notice).collect::<Result<_, _>>()?))
    }

    pub(super) async fn tally_stuck(
        &self,
        shops: &BTreeSet<ShopName>,
        now: Time,
        count_max: u32,
    ) -> Result<Vec<StuckTally>, StoreError> {
        let (shops, limit) = (words(shops), i64::from(count_max));
        let reasons: Vec<&'static str> = StuckReason::VARIANTS.iter().map(Into::into).collect();
        let statement = || {
            let text = if shops.is_empty() { STUCK_TALLIES } else { STUCK_TALLIES_IN_SHOPS };
            let bound = sqlx::query(text).bind(&reasons).bind(now.utc()).bind(limit);
            if shops.is_empty() { bound } else { bound.bind(&shops) }
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        let tally = |row| {
            let reason: &str = get(row, "reason")?;
            let columns = Row(reason);
            let items = columns.unsigned("items", get(row, "items")?)?;
            Ok(StuckTally { reason: columns.parse("reason", reason)?, items, oldest: time(row, "oldest")? })
        };
        let mut tallies = rows.iter().map(tally).collect::<Result<Vec<_>, StoreError>>()?;
        let statement = || sqlx::query(STUCK_NOTICES_TALLY).bind(now.utc()).bind(&shops).bind(limit);
        for row in &self.pools.reads.send(Effect::Reads, statement).await? {
            let items = Row("notices").unsigned("items", get(row, "items")?)?;
            if items > 0 {
                tallies.push(StuckTally { reason: StuckReason::UnmatchedWebhook, items, oldest: time(row, "oldest")? });
            }
        }
        tallies.sort_by_key(|tally| tally.reason);
        Ok(tallies)
    }
}

fn words(shops: &BTreeSet<ShopName>) -> Vec<String> {
    shops.iter().map(ToString::to_string).collect()
}
