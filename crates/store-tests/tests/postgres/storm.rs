use std::sync::Arc;

use domain::GatewayState;
use futures::future::join_all;
use sqlx::PgPool;
use store::{Birth, Claim, Database, Filed, Name, Notice, Opened, Outcome, Store, Stored, Write};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixtures::*;
use crate::process::fresh;

const TASKS: u64 = 8;
const BATCHES: u64 = 12;
const HOT_PAYMENTS: u64 = 40;
const BODIES: u64 = 30;
const REFERENCES: u64 = 30;

/// Two processes with four tasks each. Everything that can be contested is, in every order: payments, leases,
/// references, gateway ids and notices. The store would try a statement again that died in a deadlock, so the server is
/// asked whether there was one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_storm_without_an_error_or_a_deadlock() {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    let births: Vec<Birth> = (0..HOT_PAYMENTS).map(|n| birth(n.into(), &format!("hot-{n}"))).collect();
    one.store.open(&births).await.unwrap();

    let tasks = (0..TASKS).map(|task| {
        let store = Arc::clone(if task % 2 == 0 { &one.store } else { &other.store });
        async move { storm(&*store, task).await }
    });
    let counts = JoinSet::from_iter(tasks).join_all().await;
    let total = |count: fn(&Count) -> u64| counts.iter().map(count).sum::<u64>();
    assert!(total(|count| count.won) > BATCHES * 20, "{counts:?}");
    assert!(total(|count| count.lost) > BATCHES, "{counts:?}");
    assert!(total(|count| count.taken) > 0, "{counts:?}");
    assert!(total(|count| count.claimed) > 0, "{counts:?}");

    let mut violations = one.reads.violations().await.unwrap();
    // What webhooks tell here is not what is filed.
    violations.retain(|violation| violation.rule != "I13 notice that never came");
    assert_eq!(violations, []);
    let deliveries: i64 =
        sqlx::query_scalar("select sum(deliveries)::int8 from webhook_notices").fetch_one(&fresh.raw).await.unwrap();
    assert_eq!(deliveries.unsigned_abs(), TASKS * BATCHES * 12, "each delivery is counted once");
    assert_eq!(deadlocks(&fresh.raw, [one, other]).await, 0);
}

/// Each kind of lock by itself: eight batches of the same rows, each in an order of its own, that begin together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_the_same_references_wait_for_each_other_in_one_order() {
    together(async |store: &dyn Store, task, round| {
        let births: Vec<Birth> =
            in_an_order_of(task).map(|n| contested_birth(unique(task * ROUNDS + round, n), round, n)).collect();
        store.open(&births).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_the_same_gateway_ids_wait_for_each_other_in_one_order() {
    let everybody_is_born = Barrier::new(TASKS as usize);
    together(async |store: &dyn Store, task, round| {
        let number = |n| unique(task * ROUNDS + round, n);
        let births: Vec<Birth> =
            (0..ROWS).map(|n| birth(number(n).as_u128(), &format!("order-{task}-{round}-{n}"))).collect();
        store.open(&births).await.unwrap();
        let claims = in_an_order_of(task).zip(&births).map(|(n, birth)| {
            let there = stored(birth);
            write(&there, &accepted(&there.payment, &format!("g{round}x{n}"), GatewayState::Checkout, at(1)))
        });
        let claims: Vec<Write> = claims.collect();
        everybody_is_born.wait().await;
        store.commit(&claims).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_the_same_notices_wait_for_each_other_in_one_order() {
    let everything_is_there = Barrier::new(TASKS as usize);
    together(async |store: &dyn Store, task, round| {
        let notices: Vec<Notice> = in_an_order_of(task)
            .map(|n| Notice { id: unique(task * ROUNDS + round, n), ..notice((round * ROWS + n).into()) })
            .collect();
        let received = store.receive(&notices).await.unwrap();
        let filings = received.iter().map(|received| Write {
            notice: Some(Filed { id: received.id, verdict: "stale".to_owned(), payment: None, at: at(30) }),
            ..Write::default()
        });
        let filings: Vec<Write> = filings.collect();
        everything_is_there.wait().await;
        // Half of them file what the others receive once more.
        if task < TASKS / 2 {
            store.commit(&filings).await.unwrap();
        } else {
            store.receive(&notices).await.unwrap();
        }
    })
    .await;
}

const ROUNDS: u64 = 8;
const ROWS: u64 = 40;

fn in_an_order_of(task: u64) -> impl Iterator<Item = u64> {
    shuffled(ROWS, usize::MAX, task)
}

/// Eight tasks of two processes do the same at the same time, again and again, without a deadlock.
async fn together(deed: impl AsyncFn(&dyn Store, u64, u64)) {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    for round in 0..ROUNDS {
        let tasks = (0..TASKS).map(|task| {
            let store = if task % 2 == 0 { &one.store } else { &other.store };
            deed(&**store, task, round)
        });
        join_all(tasks).await;
    }
    assert_eq!(one.reads.violations().await.unwrap(), []);
    assert_eq!(deadlocks(&fresh.raw, [one, other]).await, 0);
}

#[derive(Debug, Default)]
struct Count {
    won: u64,
    lost: u64,
    taken: u64,
    claimed: u64,
}

async fn storm(store: &dyn Store, task: u64) -> Count {
    let mut count = Count::default();
    for batch in 0..BATCHES {
        let seed = task * BATCHES + batch;
        let notices: Vec<Notice> =
            shuffled(BODIES, 12, seed).map(|body| Notice { id: unique(seed, body), ..notice(body.into()) }).collect();
        let received = store.receive(&notices).await.unwrap();

        let names: Vec<Name> = shuffled(HOT_PAYMENTS, 30, seed).map(|n| Name::Id(id(n.into()))).collect();
        let there = store.load(&names).await.unwrap().into_iter().flatten();
        let units: Vec<Write> = there
            .enumerate()
            .map(|(n, there)| {
                let filed = received.get(n).map(|received| Filed {
                    id: received.id,
                    verdict: "moves".to_owned(),
                    payment: Some(there.payment.id()),
                    at: at(30),
                });
                Write { notice: filed, ..unit(&there, seed, n as u64) }
            })
            .collect();
        for outcome in store.commit(&units).await.unwrap() {
            match outcome {
                Outcome::Won => count.won += 1,
                Outcome::Lost => count.lost += 1,
                Outcome::Taken => count.taken += 1,
                Outcome::Claimed(_) => count.claimed += 1,
                Outcome::Poison(rule) => panic!("{rule}"),
            }
        }

        let births: Vec<Birth> =
            shuffled(REFERENCES, 10, seed).map(|n| contested_birth(unique(seed, 1000 + n), batch, n)).collect();
        let opened = store.open(&births).await.unwrap();
        assert!(!opened.iter().any(|opened| matches!(opened, Opened::Poison(_))));

        let now = at(100 + seed);
        let claim = Claim { now, owner: owner(task.into()), until: now, limit: 15 };
        store.claim_due(&claim).await.unwrap();
        store.claim_notices(&claim).await.unwrap();
    }
    count
}

/// News of a payment; sometimes of a gateway payment that others see too, sometimes with a child whose reference others
/// want too.
fn unit(there: &Stored, seed: u64, n: u64) -> Write {
    let news = match mixed(seed << 32 | n) % 4 {
        0 if there.payment.gateway_payment_id.is_some() => {
            let other = format!("other{}", mixed(seed << 32 | n) % 60);
            reported(&there.payment, &other, GatewayState::Checkout, at(40 + seed))
        }
        _ => news(there),
    };
    let unit = write(there, &news);
    let claims = unit.moves.as_ref().is_some_and(|moved| moved.claim.is_some());
    let bears = !claims && mixed(seed << 32 | n).is_multiple_of(3);
    Write { birth: bears.then(|| contested_birth(unique(seed, 2000 + n), seed / 4, n)), ..unit }
}

fn contested_birth(payment: Uuid, round: u64, n: u64) -> Birth {
    birth(payment.as_u128(), &format!("contested-{round}-{n}"))
}

/// A name that nothing else has.
fn unique(seed: u64, n: u64) -> Uuid {
    Uuid::from_u128(u128::from(seed + 1) << 32 | u128::from(n))
}

/// Some of the numbers below `of`, in an order that follows from `seed`.
fn shuffled(of: u64, count: usize, seed: u64) -> impl Iterator<Item = u64> {
    let mut numbers: Vec<u64> = (0..of).collect();
    numbers.sort_unstable_by_key(|n| mixed(seed << 32 | n));
    numbers.into_iter().take(count)
}

/// The last steps of `SplitMix64`: enough disorder for a test.
fn mixed(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// How often the server ended a statement because of a deadlock, once every session has told it what it counted.
async fn deadlocks(raw: &PgPool, processes: [Database; 2]) -> i64 {
    const SESSIONS: &str = "select count(*) from pg_stat_activity
                            where datname = current_database() and application_name = 'payments'";
    for process in processes {
        process.close().await;
    }
    while sqlx::query_scalar::<_, i64>(SESSIONS).fetch_one(raw).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    sqlx::query_scalar(deadlocks).fetch_one(raw).await.unwrap()
}
