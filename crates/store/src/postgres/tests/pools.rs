use fault_catalogue::struck;
use std::time::Duration;

use domain::Time;
use sqlx::Executor as _;
use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::fresh;
use crate::Reads as _;
use crate::postgres::pool::Pools;
use crate::postgres::statement::Effect;

#[tokio::test]
async fn a_connection_that_a_cancelled_call_left_in_a_transaction_is_not_used_again() {
    let fresh = fresh().await;
    let pool = &fresh.store.pools.requests.pool;
    leave_behind(pool, "begin").await;
    keep_a_request(&fresh.store.pools, 1).await;
    assert_eq!(durable(&fresh.pool).await, 1, "acknowledged, and gone with somebody else's transaction");
    struck(50, durable(&fresh.pool).await.unsigned_abs());
}

#[tokio::test]
async fn a_connection_to_what_became_a_standby_is_not_used_again() {
    let fresh = fresh().await;
    let pool = &fresh.store.pools.requests.pool;
    leave_behind(pool, "set default_transaction_read_only = on").await;
    keep_a_request(&fresh.store.pools, 1).await;
    assert_eq!(durable(&fresh.pool).await, 1);
    struck(46, durable(&fresh.pool).await.unsigned_abs());
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_connection_with_it() {
    let fresh = fresh().await;
    let sleep = || sqlx::query("select pg_sleep(60)");
    let pool = &fresh.store.pools.requests.pool;
    let before = backend(pool).await;
    {
        let sent = fresh.store.pools.requests.send(Effect::Reads, sleep);
        tokio::pin!(sent);
        // Polled until it is on its way, and then dropped.
        tokio::select! {
            biased;
            answer = &mut sent => panic!("{answer:?}"),
            () = asleep(&fresh.pool) => {}
        }
    }
    assert_ne!(backend(pool).await, before);
}

#[tokio::test]
async fn each_session_is_told_its_limits_and_how_to_plan() {
    let fresh = fresh().await;
    let Pools { requests, webhooks, workers, reads } = &fresh.store.pools;
    for lane in [requests, webhooks, workers] {
        assert_eq!(setting(&lane.pool, "statement_timeout").await, "3s");
        assert_eq!(setting(&lane.pool, "plan_cache_mode").await, "force_generic_plan");
        assert_eq!(setting(&lane.pool, "enable_seqscan").await, "off");
        assert_eq!(lane.patience, Duration::from_secs(8));
    }
    assert_eq!(setting(&reads.pool, "statement_timeout").await, "1min");
    assert_eq!(setting(&reads.pool, "plan_cache_mode").await, "force_custom_plan");
    for lane in [requests, reads] {
        assert_eq!(setting(&lane.pool, "lock_timeout").await, "2s");
        assert_eq!(setting(&lane.pool, "idle_in_transaction_session_timeout").await, "10s");
        assert_eq!(setting(&lane.pool, "application_name").await, "payments");
    }
}

#[tokio::test]
async fn a_schema_that_is_not_ours_is_noticed() {
    let fresh = fresh().await;
    assert!(fresh.store.health().await.unwrap().migrated);
    fresh.pool.execute("update _sqlx_migrations set checksum = '\\x00' where version = 2").await.unwrap();
    assert!(!fresh.store.health().await.unwrap().migrated, "another text under the same number");
    fresh.pool.execute("delete from _sqlx_migrations where version >= 2").await.unwrap();
    assert!(!fresh.store.health().await.unwrap().migrated, "some are missing");
    fresh.pool.execute("drop table _sqlx_migrations").await.unwrap();
    assert!(!fresh.store.health().await.unwrap().migrated, "none at all");
}

/// Does something to the pool's only connection and gives it back.
async fn leave_behind(pool: &PgPool, statement: &'static str) {
    let mut connection = pool.acquire().await.unwrap();
    connection.execute(statement).await.unwrap();
    connection.return_to_pool().await;
}

/// Writes through the pool, in a statement of one row.
async fn keep_a_request(pools: &Pools, number: u128) {
    let statement = || {
        sqlx::query("insert into kept_requests (payment_id, body, kept_at) values ($1, '', $2)")
            .bind(Uuid::from_u128(number))
            .bind(Time::EPOCH.utc())
    };
    pools.requests.send(Effect::Writes, statement).await.unwrap();
}

async fn durable(other_session: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from kept_requests").fetch_one(other_session).await.unwrap()
}

async fn setting(pool: &PgPool, name: &str) -> String {
    sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(pool).await.unwrap()
}

async fn backend(pool: &PgPool) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(pool).await.unwrap()
}

/// Until some session sleeps.
async fn asleep(pool: &PgPool) {
    const SLEEPING: &str = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    while sqlx::query_scalar::<_, i64>(SLEEPING).fetch_one(pool).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}
