//! `kill -9` between any two steps: the process dies at a named point, is started again, and what was begun comes to its
//! end, with no more requests to the gateway than are allowed and one name given out.

mod commands;
mod named;
mod points;
mod refunds;
mod sweeping;
mod taking;

use std::os::unix::process::ExitStatusExt as _;
use std::panic::AssertUnwindSafe;

use futures::future::{FutureExt as _, join_all};
use rustix::process::Signal;
use tokio::sync::Semaphore;

use crate::deployment::{Deployment, Kind};
use crate::process::Process;

const REFERENCE: &str = "order-1001";

/// Services that die and rise again at the same time, on each database, whatever tests run beside each other: they mostly
/// wait for a lease to run out, and all of them together stay below the connections that a usual PostgreSQL takes.
static ON_SQLITE: Semaphore = Semaphore::const_new(20);
static ON_POSTGRES: Semaphore = Semaphore::const_new(20);

/// `FAILPOINT`s before and behind a call, by how often it was called.
fn both_sides(call: &str, counts: std::ops::RangeInclusive<u32>) -> Vec<String> {
    counts.flat_map(|count| ["before", "after"].map(|side| format!("{call}:{side}:{count}"))).collect()
}

/// The same behind it only.
fn behind(call: &str, counts: std::ops::RangeInclusive<u32>) -> Vec<String> {
    counts.map(|count| format!("{call}:after:{count}")).collect()
}

/// Each point in a deployment of its own. All of them are tried before the test fails, so that it tells where else.
async fn die_at_each<F: Future<Output = ()>>(kind: Kind, points: &[String], die_at: impl Fn(Kind, String) -> F) {
    let room = match kind {
        Kind::Sqlite => &ON_SQLITE,
        Kind::Postgres => &ON_POSTGRES,
    };
    let die_at = &die_at;
    let deaths = points.iter().map(|point| async move {
        let _permit = room.acquire().await.unwrap();
        let end = AssertUnwindSafe(die_at(kind, point.clone())).catch_unwind().await;
        end.err().map(|_| point)
    });
    let failed: Vec<&String> = join_all(deaths).await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "on {kind:?}, killed at {failed:?}: see above");
}

/// Lets a process that dies at `point` do `work`, and the next one go on with it. Answers what came of it, and the process
/// that lives.
async fn die<T>(
    deployment: &Deployment,
    point: &str,
    settings: &[(&str, &str)],
    work: impl Future<Output = T>,
) -> (T, Process) {
    let dying = [&[("FAILPOINT", point)], settings].concat();
    let mut dying = deployment.start_with(&dying);
    let death_and_life = async {
        let status = dying.ended().await;
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{point}: {status}\n{}", dying.log());
        deployment.start_with(settings)
    };
    tokio::join!(work, death_and_life)
}
