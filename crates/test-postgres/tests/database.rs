//! What a test gets when it asks for a database.

#![allow(clippy::unwrap_used)]

use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;

#[tokio::test]
async fn two_tests_do_not_see_each_other() {
    let (mine, yours) = (test_postgres::database().await, test_postgres::database().await);
    let mut my_connection = PgConnection::connect(&mine.url).await.unwrap();
    let mut your_connection = PgConnection::connect(&yours.url).await.unwrap();

    sqlx::raw_sql("CREATE TABLE payments (id int)").execute(&mut my_connection).await.unwrap();

    assert_eq!(tables(&mut my_connection).await, 1);
    assert_eq!(tables(&mut your_connection).await, 0);
}

#[tokio::test]
async fn a_crowd_of_tests_is_served_at_once() {
    let crowd: JoinSet<_> = (0..24).map(|_| test_postgres::database()).collect();
    let databases = crowd.join_all().await;

    let mut urls: Vec<&str> = databases.iter().map(|database| database.url.as_str()).collect();
    urls.sort_unstable();
    urls.dedup();
    assert_eq!(urls.len(), 24);
}

#[tokio::test]
async fn a_database_goes_with_its_test_even_while_someone_is_connected() {
    let watcher = test_postgres::database().await;
    let mut watching = PgConnection::connect(&watcher.url).await.unwrap();

    let passing = test_postgres::database().await;
    let name = passing.url.rsplit('/').next().unwrap().to_owned();
    let still_connected = PgConnection::connect(&passing.url).await.unwrap();
    assert!(exists(&mut watching, &name).await);

    drop(passing);
    assert!(!exists(&mut watching, &name).await);
    drop(still_connected);
}

async fn tables(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(connection)
        .await
        .unwrap()
}
