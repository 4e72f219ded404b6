use std::time::Duration;

use fault_catalogue::struck;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use store::{DatabaseUrl, Name, Opened, PoolSettings, StoreError, connect, migrate};
use test_postgres::Cluster;

use crate::fixtures::*;

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_and_the_same_process_goes_on() {
    let cluster = Cluster::start_private().await.unwrap();
    let url: DatabaseUrl = cluster.url().parse().unwrap();
    migrate(&url).await.unwrap();
    let settings = PoolSettings { acquire_timeout: Duration::from_millis(300), ..PoolSettings::default() };
    let process = connect(&url, &settings).await.unwrap();
    open(&*process.store, &birth(1, "order-1")).await;

    cluster.stop_immediate().await.unwrap();
    let refused = process.store.open(&[birth(2, "order-2")]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = process.reads.health().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = connect(&url, &settings).await.map(drop);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    cluster.start_again().await.unwrap();
    assert_eq!(process.store.open(&[birth(2, "order-2")]).await.unwrap(), [Opened::New]);
    let there = process.store.load(&[Name::Id(id(1)), Name::Id(id(2))]).await.unwrap();
    assert_eq!(there, [Some(stored(&birth(1, "order-1"))), Some(stored(&birth(2, "order-2")))]);
    assert!(process.reads.health().await.unwrap().migrated);
}

#[tokio::test]
async fn an_address_where_nobody_listens_says_so_at_once() {
    let nobody: DatabaseUrl = "postgres://merchant:s3cret@127.0.0.1:9/payments".parse().unwrap();
    let refused = connect(&nobody, &PoolSettings::default()).await.map(drop).unwrap_err();
    let StoreError::Unavailable(sqlx::Error::Io(cause)) = refused else { panic!("{refused:?}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// Open sessions find themselves on a server that takes no writes, as after a failover, and later on one that does again.
#[tokio::test]
async fn a_server_that_becomes_read_only_under_open_sessions_is_not_written_to_until_it_is_over() {
    let cluster = Cluster::start_private().await.unwrap();
    let url: DatabaseUrl = cluster.url().parse().unwrap();
    migrate(&url).await.unwrap();
    let settings = PoolSettings { acquire_timeout: Duration::from_millis(500), ..PoolSettings::default() };
    let process = connect(&url, &settings).await.unwrap();
    open(&*process.store, &birth(1, "order-1")).await;
    let server = PgPool::connect(cluster.url()).await.unwrap();
    let mut refused = 0_u64;
    for round in 0..3 {
        become_read_only(&server, true).await;
        for number in 0..5 {
            let answer = process.store.open(&[birth(100 + number, &format!("during-{number}"))]).await;
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
            refused += 1;
        }
        assert!(process.reads.health().await.unwrap().migrated, "what only reads goes on");
        become_read_only(&server, false).await;
        let after = birth(10 + round, &format!("after-{round}"));
        assert_eq!(process.store.open(&[after]).await.unwrap(), [Opened::New], "and the same process goes on");
    }
    struck(46, refused);
}

/// Each session hears of it before its next statement.
async fn become_read_only(server: &PgPool, read_only: bool) {
    let wanted = if read_only { "on" } else { "off" };
    server.execute(AssertSqlSafe(format!("alter system set default_transaction_read_only = {wanted}"))).await.unwrap();
    server.execute("select pg_reload_conf()").await.unwrap();
    let current = "select current_setting('default_transaction_read_only')";
    while sqlx::query_scalar::<_, String>(current).fetch_one(server).await.unwrap() != wanted {
        tokio::task::yield_now().await;
    }
}
