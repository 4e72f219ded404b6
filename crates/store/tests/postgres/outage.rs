use std::time::Duration;

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
