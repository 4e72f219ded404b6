use sqlx::{AssertSqlSafe, Executor as _};
use store::migrate;

use crate::process::fresh;

/// Finance points its tools at the tables, so that each must say what it holds.
#[tokio::test]
async fn every_table_view_and_column_of_a_table_has_a_comment() {
    let fresh = fresh().await;
    let silent: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') and relname <> '_sqlx_migrations'
           and obj_description(oid, 'pg_class') is null
         union all
         select relname || '.' || attname from pg_class join pg_attribute on attrelid = pg_class.oid
         where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> '_sqlx_migrations'
           and attnum > 0 and not attisdropped and col_description(attrelid, attnum) is null",
    )
    .fetch_all(&fresh.raw)
    .await
    .unwrap();
    assert_eq!(silent, Vec::<String>::new());
}

#[tokio::test]
async fn money_is_exact_and_never_negative_or_no_number() {
    let fresh = fresh().await;
    let kind: String = sqlx::query_scalar(
        "select format_type(atttypid, atttypmod) from pg_attribute
         where attrelid = 'payments'::regclass and attname = 'amount'",
    )
    .fetch_one(&fresh.raw)
    .await
    .unwrap();
    assert_eq!(kind, "numeric(28,18)");
    for (amount, refused) in [("0", false), ("1000000000.000000000000000001", false), ("-0.01", true), ("'NaN'", true)]
    {
        let inserted = fresh.raw.execute(AssertSqlSafe(payment_of(amount))).await;
        assert_eq!(inserted.is_err(), refused, "{amount}: {inserted:?}");
    }
}

#[tokio::test]
async fn a_ledger_cannot_be_emptied() {
    let fresh = fresh().await;
    let refused = fresh.raw.execute("truncate payment_events").await.unwrap_err();
    assert!(refused.to_string().contains("only added"), "{refused}");
}

#[tokio::test]
async fn two_processes_that_start_at_once_make_one_schema() {
    let database = test_postgres::database().await;
    let url = database.url.parse().unwrap();
    let (one, other) = tokio::join!(migrate(&url), migrate(&url));
    one.unwrap();
    other.unwrap();
    let process = store::connect(&url, &crate::process::settings()).await.unwrap();
    assert!(process.reads.health().await.unwrap().migrated);
}

fn payment_of(amount: &str) -> String {
    format!(
        "insert into payments
         select gen_random_uuid(), 'main', gen_random_uuid(), 'DEPOSIT', 'SUBMITTED', now(), {amount}, 'EUR', null, null,
                'REDIRECT', 'inert', false, null, '{{}}', '{{}}', '[]', null, null, '{{}}', null, null, null, null,
                null, '[]', '{{}}', '[]', '[]', '{{}}', 1, 1, now(), now()"
    )
}
