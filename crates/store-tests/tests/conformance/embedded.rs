//! What only the embedded database has: a file, one process that serves, and others beside it.

use fault_catalogue::struck;
use std::time::Duration;

use domain::Total;
use sqlx::{Row as _, SqlitePool};
use store::{DatabaseUrl, Opened, Outcome, PoolSettings, Store, StoreError, lock_for_serving};

use crate::fixtures::*;
use crate::test_store::settings;

#[tokio::test]
async fn one_process_serves_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder").join("payments.db");
    let serving = lock_for_serving(&path).unwrap();
    assert!(matches!(lock_for_serving(&path), Err(StoreError::InUse { .. })));
    drop(serving);
    lock_for_serving(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_writes_beside_the_process_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_in(&folder);
    store::migrate(&url).await.unwrap();
    let serving = store::connect(&url, &settings()).await.unwrap();
    let command_line = store::connect(&url, &settings()).await.unwrap();
    let writing = |store: std::sync::Arc<dyn Store>, first: u128| {
        tokio::spawn(async move {
            for number in first..first + 100 {
                let birth = birth(number, &format!("order-{number}"));
                assert_eq!(store.open(&[birth]).await.unwrap(), [Opened::New]);
            }
        })
    };
    let tasks = [writing(serving.store.clone(), 1000), writing(command_line.store.clone(), 2000)];
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(serving.reads.audit(None, 500).await.unwrap().len(), 200);
}

/// The transaction is on a task of its own: nobody can leave it half-way and rolled back by going away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_has_begun_goes_on_without_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_in(&folder);
    store::migrate(&url).await.unwrap();
    let database = store::connect(&url, &settings()).await.unwrap();
    let there = open(database.store.as_ref(), &birth(1, "order-1")).await;
    let units = [write(&there, &outcome_unknown("x", at(1)))];
    let mut commit = Box::pin(database.store.commit(&units));
    let begun = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await;
    assert!(begun.is_pending());
    drop(commit);
    for _ in 0..10_000 {
        let now = database.store.load(&[store::Name::Id(id(1))]).await.unwrap();
        if now[0].as_ref().is_some_and(|now| now.payment.version == 2) {
            return;
        }
    }
    panic!("the commit was left half-way");
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_in(&folder);
    store::migrate(&url).await.unwrap();
    let first = store::connect(&url, &settings()).await.unwrap();
    let there = open(first.store.as_ref(), &birth(1, "order-1")).await;
    first.close().await;
    store::migrate(&url).await.unwrap();
    let second = store::connect(&url, &settings()).await.unwrap();
    assert!(second.reads.health().await.unwrap().migrated);
    assert_eq!(second.store.load(&[store::Name::Id(id(1))]).await.unwrap(), [Some(there)]);
}

#[tokio::test]
async fn a_file_that_another_writer_holds_too_long_is_not_available_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_in(&folder);
    store::migrate(&url).await.unwrap();
    let hasty = PoolSettings { acquire_timeout: Duration::from_secs(1), ..settings() };
    let database = store::connect(&url, &hasty).await.unwrap();
    let there = open(database.store.as_ref(), &birth(1, "order-1")).await;

    let other = SqlitePool::connect(&url.to_string()).await.unwrap();
    let mut holder = other.acquire().await.unwrap();
    sqlx::query("begin immediate").execute(&mut *holder).await.unwrap();
    let refused = database.store.open(&[birth(2, "order-2")]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(database.store.load(&[store::Name::Id(id(1))]).await.unwrap(), [Some(there.clone())]);
    sqlx::query("rollback").execute(&mut *holder).await.unwrap();

    assert_eq!(database.store.open(&[birth(2, "order-2")]).await.unwrap(), [Opened::New]);
    let write = write(&there, &outcome_unknown("x", at(1)));
    assert_eq!(database.store.commit(&[write]).await.unwrap(), [Outcome::Won]);
    struck(51, u8::from(refused.is_err()));
}

/// A schema that is not there is nobody's poison: were it taken for that, every payment would be parked.
#[tokio::test]
async fn a_missing_schema_refuses_the_batch_and_poisons_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let database = store::connect(&url_in(&folder), &settings()).await.unwrap();
    assert!(!database.reads.health().await.unwrap().migrated);
    let births = [birth(1, "order-1"), birth(2, "order-2")];
    assert!(matches!(database.store.open(&births).await, Err(StoreError::Refused(_))));
    let there = stored(&births[0]);
    let unit = write(&there, &outcome_unknown("x", at(1)));
    assert!(matches!(database.store.commit(&[unit]).await, Err(StoreError::Refused(_))));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("payments.db"), b"this is a letter, and no database at all").unwrap();
    let letter = store::connect(&url_in(&folder), &settings()).await.err().unwrap();
    assert!(matches!(&letter, StoreError::File { path, .. } if path.ends_with("payments.db")), "{letter:?}");

    let inside_of_a_file: DatabaseUrl =
        format!("sqlite:{}", folder.path().join("payments.db/inside.db").display()).parse().unwrap();
    let nowhere = store::connect(&inside_of_a_file, &settings()).await.err().unwrap();
    assert!(matches!(nowhere, StoreError::File { .. }), "{nowhere:?}");
}

/// The three columns of an amount are summed apart, as whole numbers.
#[tokio::test]
async fn sums_and_comparisons_in_sql_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_in(&folder);
    store::migrate(&url).await.unwrap();
    let database = store::connect(&url, &settings()).await.unwrap();
    let largest = money("999999999.999999999999999999", "USDT");
    let births: Vec<_> = (0..100)
        .map(|n| {
            let mut opening = opening(n, &format!("order-{n}"));
            opening.requested = largest;
            birth_of(opening)
        })
        .collect();
    database.store.open(&births).await.unwrap();
    let mut small = opening(100, "order-small");
    small.requested = money("9", "USDT");
    open(database.store.as_ref(), &birth_of(small)).await;

    let raw = SqlitePool::connect(&url.to_string()).await.unwrap();
    let sums = "select sum(amount_whole), sum(amount_nano), sum(amount_atto) from payments where amount_whole > 10";
    let row = sqlx::query(sums).fetch_one(&raw).await.unwrap();
    let [whole, nano, atto] = [row.get::<i64, _>(0), row.get(1), row.get(2)].map(i128::from);
    let billion = 1_000_000_000;
    let units = (whole * billion + nano) * billion + atto;
    let sum = (0..100).try_fold(Total::ZERO, |sum, _| sum.plus(largest.amount())).unwrap();
    assert_eq!(
        format!("{}.{:018}", units / billion / billion, units % (billion * billion)).trim_end_matches('0'),
        sum.to_string()
    );
}

fn url_in(folder: &tempfile::TempDir) -> DatabaseUrl {
    format!("sqlite:{}", folder.path().join("payments.db").display()).parse().unwrap()
}
