//! Whoever is on call sees at once what needs a person, however much does. `MANY_STUCK` says how many payments are stuck.

#![allow(clippy::print_stdout, reason = "a figure counts only when it is shown")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::{ShopName, StuckReason, Time};
use store::{StuckItem, StuckPage};

use crate::fixtures::*;
use crate::test_store::TestStore;

/// What the database may take for a page and its counts together.
const SOON: Duration = Duration::from_millis(100);

/// Each is asked as often, and the fastest counts: others use this machine as well.
const TRIES: usize = 15;

/// How far each reason is counted for a page.
const COUNT_MAX: u32 = 10_001;

/// One payment in so many is of a shop that has few.
const OF_THE_SMALL_SHOP: usize = 1_000;

const REASONS: [StuckReason; 13] = [
    StuckReason::MovingOutcomeUnknown,
    StuckReason::Contradiction,
    StuckReason::Surplus,
    StuckReason::NotFoundAtGateway,
    StuckReason::CommandOutcomeUnknown,
    StuckReason::UnknownOutcome,
    StuckReason::AuthorizationLapsing,
    StuckReason::AwaitingApproval,
    StuckReason::RefundPending,
    StuckReason::WithdrawalPending,
    StuckReason::WaitingForGateway,
    StuckReason::WaitingForCustomer,
    StuckReason::CheckFailing,
];

fn many() -> usize {
    std::env::var("MANY_STUCK").map_or(20_000, |count| count.parse().expect("MANY_STUCK must be a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stuck_is_told_at_once_however_much_it_is_on_sqlite() {
    let store = TestStore::on_sqlite().await;
    open(store.store.as_ref(), &birth(1, "order-1")).await;
    let reasons = REASONS.map(|reason| format!("'{reason}'")).join(",");
    let (count, begin) = (many(), at(0).unix_micros());
    store
        .execute(&format!(
            "create table copies as
             with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {count})
             select printf('%08x-0000-7000-8000-%012x', n, n) as id,
                    json_extract(json_array({reasons}), '$[' || (n % 13) || ']') as reason,
                    iif(n % {OF_THE_SMALL_SHOP} = 0, 'second', 'main') as shop, {begin} + n * 1000 as at
             from numbers;
             create table cloned as select p.* from payments p cross join copies;
             update cloned set (payment_id, reference_id, shop) =
                 (select id, id, shop from copies where copies.rowid = cloned.rowid);
             insert into payments select * from cloned;
             insert into payment_checks (payment_id, open_state, checks, empty_look_ups, epoch, shop, stuck_reason,
                                         stuck_since, stuck_at)
             select id, 'SUBMITTED', 0, 0, 0, shop, reason, at, at from copies;
             drop table cloned;
             drop table copies;
             analyze"
        ))
        .await;
    tell_soon(&store, "SQLite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stuck_is_told_at_once_however_much_it_is_on_postgres() {
    let store = TestStore::on_postgres().await;
    open(store.store.as_ref(), &birth(1, "order-1")).await;
    let reasons = REASONS.map(|reason| format!("'{reason}'")).join(",");
    let (count, begin) = (many(), at(0));
    store
        .execute(&format!(
            "create unlogged table copies as
             select gen_random_uuid() as id, (array[{reasons}])[1 + n % 13] as reason,
                    case when n % {OF_THE_SMALL_SHOP} = 0 then 'second' else 'main' end as shop,
                    timestamptz '{begin}' + n * interval '1 millisecond' as at
             from generate_series(1, {count}) n;
             insert into payments
             select r.* from payments p cross join copies c
             cross join lateral jsonb_populate_record(
                 p, jsonb_build_object('payment_id', c.id, 'reference_id', c.id, 'shop', c.shop)) r;
             insert into payment_checks (payment_id, open_state, checks, empty_look_ups, epoch, shop, stuck_reason,
                                         stuck_since, stuck_at)
             select id, 'SUBMITTED', 0, 0, 0, shop, reason, at, at from copies;
             drop table copies"
        ))
        .await;
    // As autovacuum does a moment later.
    for table in ["payments", "payment_checks"] {
        store.execute(&format!("vacuum analyze {table}")).await;
    }
    tell_soon(&store, "PostgreSQL").await;
}

/// Each page that the list and the console have: the first one, one in the middle, of one reason, and of a shop that has few.
async fn tell_soon(store: &TestStore, name: &str) {
    let count = many();
    let now = at(u64::try_from(count).unwrap());
    let all = StuckPage { reasons: [].into(), shops: [].into(), now, snoozed: false, after: None, limit: 51 };
    let middle = Some((at(0).plus(Duration::from_millis(u64::try_from(count / 2).unwrap())), uuid::Uuid::max()));
    let few: BTreeSet<ShopName> = [other_shop()].into();
    let in_small_shop = count / OF_THE_SMALL_SHOP;
    for (page, title, items) in [
        (all.clone(), "the first page", 51),
        (StuckPage { after: middle, ..all.clone() }, "one in the middle", 51),
        (StuckPage { reasons: [StuckReason::Surplus].into(), ..all.clone() }, "of one reason", 51),
        (StuckPage { shops: few.clone(), ..all.clone() }, "of a shop that has few", in_small_shop.min(51)),
        (StuckPage { shops: few, after: middle, ..all }, "in the middle of these", (in_small_shop / 2).min(51)),
    ] {
        let (mut page_took, mut counts_took) = (Duration::MAX, Duration::MAX);
        for _ in 0..TRIES {
            let begun = Instant::now();
            let found = store.reads().stuck(&page).await.unwrap();
            page_took = page_took.min(begun.elapsed());
            assert!(found.len().abs_diff(items) <= 1 && is_in_order(&found), "{title}: {} items", found.len());
            let begun = Instant::now();
            let tallies = store.reads().stuck_tallies(&page.shops, now, COUNT_MAX).await.unwrap();
            counts_took = counts_took.min(begun.elapsed());
            let counted: u64 = tallies.iter().map(|tally| tally.items).sum();
            let there = if page.shops.is_empty() { count } else { in_small_shop };
            let most = (there / REASONS.len()).min(COUNT_MAX as usize) * REASONS.len();
            assert!(counted.abs_diff(u64::try_from(most).unwrap()) < 26, "{title}: {counted} counted of {there}");
        }
        println!("{count} stuck payments on {name}, {title}: {page_took:.1?}, the counts {counts_took:.1?}");
        assert!(page_took + counts_took < SOON, "{title}: {page_took:?} and {counts_took:?}");
    }
}

fn is_in_order(items: &[StuckItem]) -> bool {
    let places: Vec<(Time, uuid::Uuid)> = items.iter().filter_map(StuckItem::place).collect();
    places.len() == items.len() && places.is_sorted()
}
