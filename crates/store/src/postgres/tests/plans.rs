use serde_json::Value;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, Statement as _};

use super::{AUDIT, FIND, HOT, LEDGER, LIST, NOTICES, fresh};

/// On empty tables a scan is the cheapest plan, and a session keeps the plan that it made first: no worse moment to be
/// asked.
#[tokio::test]
async fn the_write_path_goes_through_keys_when_nothing_is_stored_yet() {
    let fresh = fresh().await;
    let mut session = fresh.store.pools.requests.pool.acquire().await.unwrap();
    for (name, statement) in HOT {
        let plan = plan(&mut session, statement, &[]).await;
        assert_eq!(scans(&plan), Vec::<String>::new(), "{name}: {plan}");
    }
}

#[tokio::test]
async fn the_write_path_goes_through_keys_when_much_is_stored() {
    let fresh = fresh().await;
    store_20_000_payments(&fresh.pool).await;
    let mut session = fresh.store.pools.requests.pool.acquire().await.unwrap();
    for (name, statement) in HOT {
        let plan = plan(&mut session, statement, &[]).await;
        assert_eq!(scans(&plan), Vec::<String>::new(), "{name}: {plan}");
    }
}

#[tokio::test]
async fn a_page_of_a_list_begins_in_the_index_that_its_filter_has() {
    let fresh = fresh().await;
    store_20_000_payments(&fresh.pool).await;
    let mut session = fresh.store.pools.reads.pool.acquire().await.unwrap();
    for (filter, index) in [
        ([].as_slice(), "payments_listed"),
        (&[(16, "'2026-01-01T01:00:00Z'"), (17, "'00000000-0000-0000-0000-000000000001'")], "payments_listed"),
        (&[(8, "'{small}'")], "payments_listed_by_shop"),
        (&[(1, "'order-77'")], "payments_reference"),
        (&[(2, "'g77'")], "gateway_payments_pkey"),
        (&[(3, "'{SUBMITTED}'"), (4, "'{SUBMITTED}'")], "payment_checks_open"),
        (&[(13, "'surplus'")], "payments_flagged"),
        (&[(14, "'00000000-0000-0000-0000-000000000001'")], "payments_parent"),
        (&[(15, "'{\"cart\": \"77\"}'")], "payments_metadata"),
    ] {
        let parameters: Vec<(usize, &str)> = filter.iter().copied().chain([(18, "50")]).collect();
        let plan = plan(&mut session, LIST, &parameters).await;
        assert_eq!(table_scans(&plan), Vec::<String>::new(), "{filter:?}: {plan}");
        assert!(plan.to_string().contains(&format!("\"Index Name\":\"{index}\"")), "{filter:?}: {plan}");
    }
}

#[tokio::test]
async fn one_payment_is_found_and_told_of_through_keys() {
    let fresh = fresh().await;
    store_20_000_payments(&fresh.pool).await;
    let mut session = fresh.store.pools.reads.pool.acquire().await.unwrap();
    let id = "'00000000-0000-0000-0000-000000000001'";
    for (name, statement, parameters) in [
        ("FIND", FIND, [(1, "'order-77'"), (2, id)].as_slice()),
        ("LEDGER", LEDGER, &[(1, id), (2, "0"), (3, "100")]),
        ("NOTICES", NOTICES, &[(1, id)]),
        ("AUDIT", AUDIT, &[(1, id), (2, "100")]),
    ] {
        let plan = plan(&mut session, statement, parameters).await;
        assert_eq!(scans(&plan), Vec::<String>::new(), "{name}: {plan}");
    }
}

/// The plan that the session makes for a statement with these values, counted from 1; the others are null.
async fn plan(session: &mut PgConnection, statement: &'static str, values: &[(usize, &str)]) -> Value {
    let count = session.prepare(statement.into_sql_str()).await.unwrap().parameters().unwrap().left().unwrap().len();
    let value = |number| values.iter().find(|(place, _)| *place == number).map_or("null", |(_, value)| value);
    let values = (1..=count).map(value).collect::<Vec<_>>().join(", ");
    let execute = if count == 0 { "execute probe".to_owned() } else { format!("execute probe ({values})") };
    session.execute(AssertSqlSafe(format!("prepare probe as {statement}"))).await.unwrap();
    let explain = AssertSqlSafe(format!("explain (format json) {execute}"));
    let plan = sqlx::query_scalar(explain).persistent(false).fetch_one(&mut *session).await.unwrap();
    session.execute("deallocate probe").await.unwrap();
    plan
}

/// The nodes of a plan that read a whole table, or more of an index than what they look for. An index whose first
/// column is not asked for is read from one end to the other, and still called an index scan.
fn scans(plan: &Value) -> Vec<String> {
    nodes(plan, &|node| {
        let walks_an_index = ["Index Scan", "Index Only Scan", "Bitmap Index Scan"].iter().any(|kind| is(node, kind));
        let condition = node["Index Cond"].as_str().unwrap_or_default();
        let begins_at_a_key = FIRST_COLUMNS.iter().any(|(index, column)| {
            node["Index Name"] == *index && condition.trim_start_matches('(').starts_with(column)
        });
        is(node, "Seq Scan") || (walks_an_index && !begins_at_a_key)
    })
}

/// Of every index that the write path and the look-ups by name may use.
const FIRST_COLUMNS: [(&str, &str); 23] = [
    ("payments_pkey", "payment_id"),
    ("payments_reference", "reference_id"),
    ("payment_events_pkey", "payment_id"),
    ("payment_checks_pkey", "payment_id"),
    ("movements_pkey", "payment_id"),
    ("payment_checks_due", "next_check_at"),
    ("gateway_payments_pkey", "gateway_payment_id"),
    ("kept_requests_pkey", "payment_id"),
    ("kept_requests_oldest", "kept_at"),
    ("payment_means_pkey", "payment_id"),
    ("webhook_notices_pkey", "notice_id"),
    ("webhook_notices_body", "digest"),
    ("webhook_notices_waiting", "received_at"),
    ("webhook_notices_filed_under", "payment_id"),
    ("api_keys_pkey", "key_id"),
    ("api_keys_digest", "digest"),
    ("api_keys_previous_digest", "previous_digest"),
    ("console_sessions_pkey", "digest"),
    ("named_requests_pkey", "digest"),
    ("named_requests_oldest", "claimed_at"),
    ("sweeps_pkey", "shop"),
    ("unmatched_gateway_payments_pkey", "gateway_payment_id"),
    ("unmatched_gateway_payments_due", "next_try_at"),
];

/// A first page is read from one end of its index, no further than its limit.
fn table_scans(plan: &Value) -> Vec<String> {
    nodes(plan, &|node| is(node, "Seq Scan"))
}

fn is(node: &Value, kind: &str) -> bool {
    node["Node Type"] == kind
}

fn nodes(plan: &Value, fit: &impl Fn(&Value) -> bool) -> Vec<String> {
    let below: Vec<String> = match plan {
        Value::Array(values) => values.iter().flat_map(|value| nodes(value, fit)).collect(),
        Value::Object(pairs) => pairs.values().flat_map(|value| nodes(value, fit)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let here = fit(plan).then(|| format!("{} {}{}", plan["Node Type"], plan["Relation Name"], plan["Index Name"]));
    here.into_iter().chain(below).collect()
}

/// As a busy month leaves them: most have ended, few are open, flagged, somebody's parent, or carry metadata.
async fn store_20_000_payments(pool: &PgPool) {
    pool.execute(
        "insert into payments
         select lpad(to_hex(n), 32, '0')::uuid, case when n % 500 = 0 then 'small' else 'main' end, 'order-' || n,
                'DEPOSIT', case when n % 400 = 0 then 'SUBMITTED' when n % 9 = 0 then 'CHECKOUT' else 'COMPLETED' end,
                at, 100, 'EUR', null, null, 'REDIRECT', 'inert', false,
                case when n % 300 = 0 then lpad(to_hex(n - 1), 32, '0')::uuid end,
                case when n % 50 = 0 then jsonb_build_object('cart', n::text) else '{}' end,
                '{}', '[]', 'g' || n, null, '{}', null, null, null, null, null, '[]', '{webhook}', '[]', '[]',
                case when n % 600 = 0 then '{surplus}'::text[] else '{}' end, 3, 3, at, at
         from (select n, timestamptz '2026-01-01' + n * interval '1 second' as at from generate_series(1, 20000) n) p;
         insert into payment_checks
         select payment_id, nullif(state, 'COMPLETED'), case when state <> 'COMPLETED' then created_at end, 0, 0, null,
                null, null, 1
         from payments;
         insert into gateway_payments select shop, gateway_payment_id, payment_id, created_at from payments;
         insert into payment_events
         select payment_id, sequence, created_at, 'webhook', 'moves', 'reported', state, '{}', '{}'
         from payments, generate_series(1, 3) sequence;
         insert into movements
         select payment_id, 3, 1, 'deposit', null, gateway_payment_id, 100, 'EUR', row_number() over (order by payment_id),
                created_at, null, null
         from payments where state = 'COMPLETED';
         insert into webhook_notices
         select payment_id, shop, created_at, created_at, 1, '', uuid_send(payment_id), gateway_payment_id, null,
                state, nullif(state, 'SUBMITTED'), payment_id, case when state <> 'SUBMITTED' then created_at end, 0,
                created_at, null
         from payments;
         insert into kept_requests select payment_id, '', created_at from payments where state = 'SUBMITTED';
         insert into payment_means select payment_id, '', created_at from payments;
         insert into api_keys
         select payment_id, reference_id, uuid_send(payment_id), '{}', '{}', created_at, null from payments limit 2000;
         insert into named_requests
         select uuid_send(payment_id), '', payment_id, created_at, created_at, '' from payments;
         analyze",
    )
    .await
    .unwrap();
}
