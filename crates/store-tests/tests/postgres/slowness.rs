//! A database that takes its time is not given more of it than the settings say.

use std::time::{Duration, Instant};

use fault_catalogue::struck;
use futures::future::join_all;
use sqlx::Executor as _;
use store::{Opened, PoolSettings, StoreError, connect};

use crate::fixtures::*;
use crate::process::{fresh, settings};

/// One connection, on which each statement would take a minute: the server ends those that got it, and the others do not
/// wait for it for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_ended_and_whoever_waits_for_its_connection_is_told() {
    let fresh = fresh().await;
    let hasty = PoolSettings {
        requests: 1,
        acquire_timeout: Duration::from_millis(500),
        statement_timeout: Duration::from_millis(200),
        ..settings()
    };
    let process = connect(&fresh.url.parse().unwrap(), &hasty).await.unwrap();
    open(&*process.store, &birth(1, "order-1")).await;
    let slow =
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$;
                create trigger slow before insert on payments for each row execute function slow()";
    fresh.raw.execute(slow).await.unwrap();

    let begun = Instant::now();
    let births: Vec<_> = (10..30).map(|number| [birth(number, &format!("order-{number}"))]).collect();
    let answers = join_all(births.iter().map(|birth| process.store.open(birth))).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let ended =
        answers.iter().filter(|answer| is_unavailable(answer, |error| error.as_database_error().is_some())).count();
    let waited =
        answers.iter().filter(|answer| is_unavailable(answer, |error| matches!(error, sqlx::Error::PoolTimedOut)));
    let waited = waited.count();
    assert!(ended > 0 && waited > 0 && ended + waited == answers.len(), "{answers:?}");

    fresh.raw.execute("drop trigger slow on payments").await.unwrap();
    for birth in &births {
        assert_eq!(process.store.open(birth).await.unwrap(), [Opened::New], "nothing of it was written");
    }
    struck(45, ended);
    struck(49, waited);
}

fn is_unavailable<T>(answer: &Result<T, StoreError>, cause: impl Fn(&sqlx::Error) -> bool) -> bool {
    matches!(answer, Err(StoreError::Unavailable(error)) if cause(error))
}
