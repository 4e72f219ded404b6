//! A month of payments, refunds and withdrawals in three currencies: compared, exported, and added up to the last digit.

#![allow(clippy::print_stdout, reason = "a figure counts only when it is shown")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use gateway_simulator::{DeedRefused, ErrorCode, Which};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::Database;

use crate::app::{TestApp, on_every_store};
use crate::reconciling::{Ended, UNPROVEN};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

const DAYS: usize = 29;

/// So often it is waited for those whose order was not answered in time.
const LATE_MAX: usize = 12;

/// So many orders are on their way at once.
const AT_ONCE: usize = 16;

/// Currencies, and how many digits their amounts have behind the point.
const CURRENCIES: [(&str, u32); 3] = [("EUR", 2), ("JPY", 0), ("KWD", 3)];

on_every_store! {
    async fn a_month_is_compared_and_its_files_add_up_to_the_last_digit(app: TestApp) {
        app.restart_with(&[("GATEWAY__REQUESTS_PER_SECOND", "5000"), ("GATEWAY__REQUESTS_BURST", "5000")]).await;
        let (begun, clock) = (app.moment(), Instant::now());
        let ended = app.trade_for_a_month(payments()).await;
        let traded = clock.elapsed();
        let (planted, _) = app.plant(&ended, payments() / 100).await;
        app.pass(62 * MINUTE, 10 * MINUTE).await;

        let (clock, before) = (Instant::now(), resident());
        let run = app.reconcile(&begun).await;
        let compared = clock.elapsed();
        println!(
            "{} payments, made in {:.1} s; {} differences planted; compared in {:.1} s on {} pages, {before} KiB resident \
             before (the gateway's records among them) and {} after: {}",
            payments(), traded.as_secs_f64(), planted.len(), compared.as_secs_f64(), run["pages"], resident(), run["found"]
        );
        assert_eq!(app.breaks("state=open").await, planted, "all that was planted, and nothing else");
        let unproven = planted.iter().filter(|(kind, _)| UNPROVEN.contains(&kind.as_str())).count();
        let proven = app.count("select count(*) from reconciled_payments").await;
        assert_eq!(usize::try_from(proven).unwrap(), ended.len() - unproven);

        post(&app, &app.database().await).await;
        app.advance(MINUTE);
        let to = app.moment();
        app.advance(2 * MINUTE);
        let totals = app.totals_of_the_books().await;
        let lines = app.count("select count(*) from movements").await;
        for format in ["csv", "xlsx", "parquet", "ndjson"] {
            let export = app.export_timed("transactions", format, &begun, &to).await;
            assert_eq!((&export["manifest"]["rows"], &export["manifest"]["totals"]), (&json!(lines), &totals), "{format}");
            let summary = app.export_timed("daily-summary", format, &begun, &to).await;
            assert_eq!(summary["manifest"]["totals"], totals, "{format}");
            let breaks = app.export_timed("breaks", format, &begun, &to).await;
            assert_eq!(breaks["manifest"]["rows"], planted.len(), "{format}");
        }
        app.prove_the_books().await;
    }
}

/// How many; `make gate` and `make soak` ask for more.
fn payments() -> usize {
    std::env::var("MONTH_PAYMENTS").map_or(400, |count| count.parse().expect("MONTH_PAYMENTS is a number"))
}

/// What becomes of a payment, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    Pay,
    Decline,
    /// Gives back a part of an earlier one.
    Refund {
        of: usize,
    },
    Withdraw,
}

impl Plan {
    /// Out of ten, eight are deposits, one of which is declined. What is refunded was paid on an earlier day.
    fn of(number: usize, each_day: usize) -> Self {
        match (number % 10, number.checked_sub(each_day + 8)) {
            (7, _) => Self::Decline,
            (8, Some(of)) => Self::Refund { of },
            (9, _) => Self::Withdraw,
            _ => Self::Pay,
        }
    }
}

/// One that is ordered.
struct Made {
    number: usize,
    id: String,
    /// Whether its customer has come.
    is_served: bool,
}

impl TestApp {
    /// So many payments, spread over days; all of them end. By their references.
    async fn trade_for_a_month(&self, count: usize) -> BTreeMap<String, Ended> {
        let database = self.database().await;
        let each_day = count.div_ceil(DAYS).next_multiple_of(10);
        let mut ids: BTreeMap<usize, String> = BTreeMap::new();
        for day in 0..DAYS {
            let numbers = (day * each_day).min(count)..((day + 1) * each_day).min(count);
            let taken: Vec<_> = futures::stream::iter(numbers)
                .map(|number| self.trade_once(number, Plan::of(number, each_day), &ids))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            let mut late: Vec<usize> = taken.iter().filter(|made| !made.is_served).map(|made| made.number).collect();
            ids.extend(taken.into_iter().map(|made| (made.number, made.id)));
            self.pass(3 * MINUTE, MINUTE).await;
            // On a busy machine the gateway does not answer each in time: its customer comes once it is there.
            for _ in 0..LATE_MAX {
                late.retain(|number| !self.serve(*number, Plan::of(*number, each_day)));
                if late.is_empty() {
                    break;
                }
                self.pass(10 * MINUTE, MINUTE).await;
            }
            assert_eq!(late, [0; 0], "their gateway payments are never made");
            post(self, &database).await;
            self.advance(DAY);
        }
        self.pass(3 * MINUTE, MINUTE).await;
        let query = "select reference_id || ' ' || payment_id || ' ' || state from payments";
        let ended = self.data.texts(query).await.into_iter().map(|text| {
            let [reference, id, state] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
            assert!(["COMPLETED", "DECLINED"].contains(&state), "{text}");
            (reference.to_owned(), Ended { id: id.to_owned(), is_paid: state == "COMPLETED" })
        });
        ended.collect()
    }

    /// Orders one, and does as its customer does.
    async fn trade_once(&self, number: usize, plan: Plan, ids: &BTreeMap<usize, String>) -> Made {
        let reference = format!("order-{number}");
        let (currency, digits) = CURRENCIES[number % 3];
        let amount = Decimal::new(i64::try_from(1_000 + number * 37 % 100_000).unwrap(), digits).to_string();
        let taken = if let Plan::Refund { of } = plan {
            let path = format!("/v1/payments/{}/refunds", ids[&of]);
            self.post(&path, &json!({ "referenceId": reference, "amount": "1" })).await
        } else {
            let payment_type = if plan == Plan::Withdraw { "WITHDRAWAL" } else { "DEPOSIT" };
            let order = json!({
                "referenceId": reference, "paymentType": payment_type, "amount": amount, "currency": currency,
            });
            self.post("/v1/payments", &order).await
        };
        assert!(matches!(taken.status, 201 | 202), "{taken:?}");
        let id = taken.body["id"].as_str().unwrap().to_owned();
        Made { number, id, is_served: self.serve(number, plan) }
    }

    /// Does as the customer of one does; answers whether it stands at the gateway, so that one can come.
    fn serve(&self, number: usize, plan: Plan) -> bool {
        let reference = format!("order-{number}");
        self.gateway.with(|engine, now| {
            let which = Which::Reference(&reference);
            let deed = match plan {
                Plan::Pay => engine.pay(now, which, None),
                Plan::Decline => engine.decline(now, which, ErrorCode::DECLINED_BY_ISSUER),
                Plan::Refund { .. } | Plan::Withdraw => return true,
            };
            match deed {
                Ok(_) => true,
                Err(DeedRefused::NotFound) => false,
                Err(refused) => panic!("{reference}: {refused:?}"),
            }
        })
    }

    /// Writes a file, says how long that took, and leaves it with its manifest where `KEPT_EXPORTS` says, for other tools
    /// to open.
    async fn export_timed(&self, report: &str, format: &str, from: &str, to: &str) -> Value {
        let (clock, before) = (Instant::now(), resident());
        let export = self.export(report, format, from, to).await;
        let manifest = &export["manifest"];
        println!(
            "{} rows, {report} as {format}: {} bytes in {:.1} s, {before} KiB resident before and {} after",
            manifest["rows"],
            manifest["bytes"],
            clock.elapsed().as_secs_f64(),
            resident()
        );
        if let Ok(folder) = std::env::var("KEPT_EXPORTS") {
            let file = self.file_of(&export).await;
            let name = Path::new(&folder).join(manifest["fileName"].as_str().unwrap());
            fs::write(&name, file).unwrap();
            fs::write(format!("{}.manifest.json", name.display()), manifest.to_string()).unwrap();
        }
        export
    }
}

/// Posts all lines that wait.
async fn post(app: &TestApp, database: &Database) {
    let now = orchestrator::Clock::now(&app.clock);
    while database.books.post(now, 1_000).await.unwrap() > 0 {}
}

/// What the process holds, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
