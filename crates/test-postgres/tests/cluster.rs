//! A server that one test has for itself.

#![allow(clippy::unwrap_used)]

use sqlx::{Connection as _, PgConnection};
use test_postgres::Cluster;

#[tokio::test]
async fn what_was_committed_survives_a_crash_and_what_was_not_does_not() {
    let cluster = Cluster::start_private().await.unwrap();
    let mut connection = PgConnection::connect(cluster.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE ledger (entry text); INSERT INTO ledger VALUES ('committed')")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut unfinished = connection.begin().await.unwrap();
    sqlx::raw_sql("INSERT INTO ledger VALUES ('not committed')").execute(&mut *unfinished).await.unwrap();

    cluster.stop_immediate().await.unwrap();
    PgConnection::connect(cluster.url()).await.unwrap_err();

    cluster.start_again().await.unwrap();
    let mut connection = PgConnection::connect(cluster.url()).await.unwrap();
    let entries: Vec<String> = sqlx::query_scalar("SELECT entry FROM ledger").fetch_all(&mut connection).await.unwrap();
    assert_eq!(entries, ["committed"]);
}

#[tokio::test]
async fn it_keeps_its_promises_of_durability_and_listens_to_this_machine_only() {
    let cluster = Cluster::start_private().await.unwrap();
    let mut connection = PgConnection::connect(cluster.url()).await.unwrap();
    for (name, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("max_connections", "300"),
    ] {
        let set: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&mut connection).await.unwrap();
        assert_eq!(set, value, "{name}");
    }
}

#[tokio::test]
async fn nothing_of_it_is_left_when_the_test_is_over() {
    let cluster = Cluster::start_private().await.unwrap();
    let mut connection = PgConnection::connect(cluster.url()).await.unwrap();
    let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await.unwrap();
    let folder = std::path::Path::new(&data).parent().unwrap();
    assert!(folder.exists());

    let url = cluster.url().to_owned();
    drop(cluster);
    assert!(!folder.exists());
    PgConnection::connect(&url).await.unwrap_err();
}
