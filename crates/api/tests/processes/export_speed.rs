//! How long exports take beside a plain copy of the same rows, and what the process holds while it writes them.

#![allow(clippy::print_stdout, reason = "a figure counts only when it is shown")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::json;
use sqlx::postgres::PgPoolCopyExt as _;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use tokio::time::sleep;

use crate::deployment::{Deployment, Kind};
use crate::exporting::SOON;
use crate::process::Process;
use crate::reconciling::{FROM, moment};

/// So often each is measured, one after the other.
const ROUNDS: usize = 3;

/// Until when a file is written at the latest.
const ENOUGH: Duration = Duration::from_mins(10);

/// How often it is looked whether it is.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The same rows, as the database itself writes them.
const PLAIN_COPY: &str = "
    copy (select m.payment_id, m.sequence, m.number, m.kind, m.relation, m.gateway_payment_id, m.amount, m.currency,
                 m.posted_at, m.restates_sequence, m.restates_number, e.at, e.source, e.state, p.shop, p.reference_id,
                 p.amount, p.currency, p.payment_method, p.parent_payment_id, p.metadata, r.at
          from movements m
          join payment_events e on e.payment_id = m.payment_id and e.sequence = m.sequence
          join payments p on p.payment_id = m.payment_id
          left join reconciled_payments r on r.payment_id = m.payment_id
          order by m.position)
    to stdout (format csv, header)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "for `make bench`: with a program that is built for release, and nothing beside it"]
async fn a_million_rows_to_each_format_beside_a_plain_copy() {
    let deployment = Deployment::new(Kind::Postgres).await.with(&SOON).with(&[("EXPORTS__LEASE_SECONDS", "60")]);
    deployment.trade(1).await;
    multiply(deployment.setting("DATABASE__URL"), rows()).await;
    let pool = PgPool::connect(deployment.setting("DATABASE__URL")).await.unwrap();
    let service = deployment.serve().await;
    let to = moment();
    let (mut copied, mut written) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        copied.push(plain_copy(&pool, &deployment.folder.path().join("copy.csv")).await);
        written.push(deployment.export_measured(&service, "csv", &to).await);
    }
    let (copied, written) = (median(copied), median(written));
    println!(
        "transactions as csv: {:.2} x the plain copy ({:.1} s against {:.1} s, medians of {ROUNDS})",
        copied.as_secs_f64() / written.as_secs_f64(),
        written.as_secs_f64(),
        copied.as_secs_f64()
    );
    for format in ["ndjson", "parquet", "xlsx"] {
        let took = deployment.export_measured(&service, format, &to).await;
        println!("transactions as {format}: {:.2} x the plain copy", copied.as_secs_f64() / took.as_secs_f64());
    }
}

/// How many.
fn rows() -> u32 {
    std::env::var("EXPORT_ROWS").map_or(1_000_000, |count| count.parse().expect("EXPORT_ROWS is a number"))
}

impl Deployment {
    /// Writes one file, says how long that took and how much more the process held than before, and answers the time.
    async fn export_measured(&self, service: &Process, format: &str, to: &str) -> Duration {
        forget_peak(service);
        let (idle, begun) = (held(service, "VmRSS:"), Instant::now());
        let order = json!({ "report": "transactions", "format": format, "from": FROM, "to": to, "zone": "UTC" });
        let ordered = self.caller().try_post("/v1/exports", &order).await.unwrap();
        assert_eq!(ordered.status, 202, "{ordered:?}");
        let path = format!("/v1/exports/{}", ordered.body["id"].as_str().unwrap());
        let ended = loop {
            let told = self.caller().try_get(&path).await.unwrap().body;
            match told["state"].as_str() {
                Some("completed") => break told,
                Some("waiting" | "running") if begun.elapsed() < ENOUGH => sleep(BETWEEN_LOOKS).await,
                _ => panic!("{told}"),
            }
        };
        let (took, manifest) = (begun.elapsed(), &ended["manifest"]);
        assert_eq!(manifest["rows"], rows(), "{ended}");
        println!(
            "{} rows, {} bytes as {format}: {:.1} s, at most {} KiB above the {idle} before",
            manifest["rows"],
            manifest["bytes"],
            took.as_secs_f64(),
            held(service, "VmHWM:").saturating_sub(idle)
        );
        took
    }
}

async fn plain_copy(pool: &PgPool, path: &Path) -> Duration {
    let begun = Instant::now();
    let mut file = File::create(path).unwrap();
    let mut bytes = pool.copy_out_raw(PLAIN_COPY).await.unwrap();
    while let Some(chunk) = bytes.next().await {
        file.write_all(&chunk.unwrap()).unwrap();
    }
    begun.elapsed()
}

/// What one payment left behind, so many times over: rows as they are, under other names and in other places of the books.
async fn multiply(url: &str, times: u32) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let name = "'payment_id', '01a20e77-519c-7488-a65d-' || lpad(to_hex(n), 12, '0')";
    let gateway = "'gateway_payment_id', lpad(to_hex(n), 32, '0')";
    for (table, changed) in [
        (
            "payments",
            format!("{name}, {gateway}, 'reference_id', 'order-n' || n, 'metadata', '{{\"cart\": \"a-1\"}}'::jsonb"),
        ),
        ("payment_events", name.to_owned()),
        ("movements", format!("{name}, {gateway}, 'position', 1 + n")),
    ] {
        let statement = format!(
            "insert into {table} select made.* from {table} one, generate_series(1, {}) n,
             lateral jsonb_populate_record(null::{table}, to_jsonb(one) || jsonb_build_object({changed})) made",
            times - 1
        );
        connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    for statement in [
        "insert into reconciled_payments
         select payment_id, updated_at, gen_random_uuid(), state, settled_amount, settled_currency from payments",
        "update books set last_position = (select max(position) from movements)",
    ] {
        connection.execute(statement).await.unwrap();
    }
    connection.execute("vacuum analyze").await.unwrap();
    connection.close().await.unwrap();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What the process holds, in KiB: now (`VmRSS:`), or at most (`VmHWM:`).
fn held(process: &Process, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// From here on the most that it holds is counted anew (proc(5), `clear_refs`).
fn forget_peak(process: &Process) {
    fs::write(format!("/proc/{}/clear_refs", process.id()), "5").unwrap();
}
