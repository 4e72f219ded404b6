//! Files for finance: what was booked is in them, to the last digit, and stays in them.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Total;
use fault_catalogue::struck;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::Digest as _;
use store::Scope;

use crate::app::{CALLER_KEY, Data, TestApp, admit, on_every_store, order};
use crate::document::{Sent, hold_against};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// An export that takes more turns than this goes round in circles.
const TURNS_MAX: u32 = 1_000;

on_every_store! {
    async fn totals_of_every_format_are_those_of_the_books(app: TestApp) {
        let begun = app.moment();
        app.trade(12).await;
        let to = app.moment();
        app.advance(2 * MINUTE);
        let mut totals = Vec::new();
        for format in ["csv", "csv-bom", "xlsx", "parquet", "ndjson"] {
            let export = app.export("transactions", format, &begun, &to).await;
            let manifest = &export["manifest"];
            let file = app.file_of(&export).await;
            assert_eq!(manifest["sha256"], hex::encode(sha2::Sha256::digest(&file)), "{format}");
            assert_eq!(manifest["bytes"], file.len(), "{format}");
            totals.push((manifest["rows"].clone(), manifest["totals"].clone()));
        }
        assert!(totals.iter().all(|one| *one == totals[0]), "{totals:?}");
        assert_eq!(totals[0].1, app.totals_of_the_books().await);

        let csv = app.export("transactions", "csv", &begun, &to).await;
        let read = rows(&app.file_of(&csv).await);
        assert_eq!(read.len(), usize::try_from(csv["manifest"]["rows"].as_u64().unwrap()).unwrap());
        let mut sums: BTreeMap<(String, String), Total> = BTreeMap::new();
        for row in &read {
            let sum = sums.entry((row["currency"].clone(), row["kind"].clone())).or_default();
            *sum = sum.plus(row["net"].parse::<Decimal>().unwrap()).unwrap();
            assert_eq!(row["reconciliation"], "unreconciled");
        }
        for ((currency, kind), sum) in &sums {
            assert_eq!(csv["manifest"]["totals"][currency][kind]["net"], sum.to_string(), "{currency} {kind}");
        }
    }

    async fn days_close_where_the_next_ones_open_and_add_up_to_the_lines(app: TestApp) {
        let begun = app.moment();
        for _ in 0..3 {
            app.trade(4).await;
            app.advance(DAY);
        }
        let to = app.moment();
        app.advance(2 * MINUTE);
        let summary = app.export("daily-summary", "csv", &begun, &to).await;
        let lines = app.export("transactions", "csv", &begun, &to).await;
        assert_eq!(summary["manifest"]["totals"], lines["manifest"]["totals"]);
        let mut closings: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut days = 0;
        for row in rows(&app.file_of(&summary).await) {
            let account = (row["currency"].clone(), row["kind"].clone());
            if let Some(closing) = closings.insert(account, row["closing_balance"].clone()) {
                assert_eq!(row["opening_balance"], closing, "{row:?}");
                days += 1;
            }
        }
        assert!(days >= 2, "an account has more than a day");

        // A window that begins later opens with what was before it.
        let late = app.export("daily-summary", "csv", &to, &app.moment()).await;
        for row in rows(&app.file_of(&late).await) {
            let account = (row["currency"].clone(), row["kind"].clone());
            assert_eq!((&row["opening_balance"], row["count"].as_str()), (&closings[&account], "0"), "{row:?}");
        }
    }

    /// What is not known is beside the totals, and never in them.
    async fn what_has_not_ended_is_told_apart_from_the_totals(app: TestApp) {
        let begun = app.moment();
        for reference in ["order-1", "order-2"] {
            assert_eq!(app.take(reference).await.status, 201);
        }
        app.pay("order-1").await;
        app.end_of("order-1").await;
        let to = app.post_lines().await;
        let export = app.export("transactions", "ndjson", &begun, &to).await;
        let open = json!([{
            "shop": "main", "paymentType": "DEPOSIT", "state": "CHECKOUT", "currency": "EUR", "count": 1,
            "requested": "11.12",
        }]);
        assert_eq!((&export["manifest"]["unresolved"], &export["manifest"]["rows"]), (&open, &json!(1)));
        assert_eq!(export["manifest"]["totals"]["EUR"]["deposit"]["gross"], "11.12");
    }

    /// Names as people give them come back as they were, and no spreadsheet takes one for a formula.
    async fn odd_names_are_neither_lost_nor_formulas(app: TestApp) {
        let begun = app.moment();
        let odd = "=1+1,\"x\" \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{1f600}";
        let mut payment = order("order-1");
        payment["metadata"] = json!({ "note": odd, "=cmd": "-7" });
        assert_eq!(app.post("/v1/payments", &payment).await.status, 201);
        app.pay("order-1").await;
        app.end_of("order-1").await;
        let to = app.post_lines().await;
        let export = app.export("transactions", "csv", &begun, &to).await;
        let row = rows(&app.file_of(&export).await).remove(0);
        let metadata: Value = serde_json::from_str(&row["metadata"]).unwrap();
        assert_eq!(metadata, json!({ "note": odd, "=cmd": "-7" }));
    }

    async fn the_same_export_is_the_same_bytes_however_much_is_booked_meanwhile(app: TestApp) {
        let begun = app.moment();
        app.trade(6).await;
        let to = app.moment();
        app.advance(2 * MINUTE);
        let before = app.order_export("transactions", "csv", &begun, &to).await;
        // Money moves between the order and the writing, and after it.
        app.trade(6).await;
        let written = app.write(&before).await;
        let file = app.file_of(&written).await;
        app.trade(6).await;
        assert_eq!(app.file_of(&written).await, file);
        let again = app.export("transactions", "csv", &begun, &to).await;
        assert_eq!(again["manifest"]["totals"], written["manifest"]["totals"]);
        let ids = |bytes: &[u8]| rows(bytes).iter().map(|row| row["line_id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&app.file_of(&again).await), ids(&file));
        let booked = app.count("select count(*) from movements where position is not null").await;
        let lines_after = u64::try_from(booked).unwrap() - written["manifest"]["rows"].as_u64().unwrap();
        struck(59, lines_after);
        let downloads = app.get(&path_of(&written)).await.body["downloads"].clone();
        assert_eq!((downloads.as_array().unwrap().len(), &downloads[0]["by"]), (2, &json!("test")));
    }

    async fn breaks_are_told_as_they_stood_when_the_export_was_ordered(app: TestApp) {
        let begun = app.moment();
        // The gateway tells whole seconds.
        app.advance(2 * SECOND);
        let stranger = app.make_elsewhere("stranger").await;
        app.advance(MINUTE);
        let run = app.reconcile(&begun).await;
        assert_eq!(run["found"], json!({ "missing-here": 1 }), "{run}");
        app.advance(DAY + MINUTE);
        let to = app.moment();
        app.advance(2 * MINUTE);
        let ordered = app.order_export("breaks", "csv", &begun, &to).await;
        let found = app.get("/v1/breaks").await.body["data"][0].clone();
        app.advance(MINUTE);
        let path = format!("/v1/breaks/{}/resolve", found["id"].as_str().unwrap());
        assert_eq!(app.post(&path, &json!({ "reason": "=booked by hand" })).await.status, 200);
        let before = app.write(&ordered).await;
        let row = rows(&app.file_of(&before).await).remove(0);
        let told = [&row["kind"], &row["gateway_payment_id"], &row["state"], &row["reason"], &row["age_days"]];
        assert_eq!(told, ["missing-here", &stranger, "open", "", "1"]);
        assert_eq!([&row["their_amount"], &row["difference"], &row["difference_currency"]], ["7", "7", "EUR"]);

        let after = app.export("breaks", "csv", &begun, &to).await;
        let row = rows(&app.file_of(&after).await).remove(0);
        assert_eq!([&row["state"], &row["resolved_by"], &row["reason"]], ["resolved", "test", "'=booked by hand"]);
        // In a window behind its end it is no more.
        let late = app.moment();
        app.advance(MINUTE);
        let later = app.export("breaks", "csv", &late, &app.moment()).await;
        assert_eq!(later["manifest"]["rows"], 0);
    }

    async fn what_makes_no_sense_is_refused_by_field_and_other_shops_files_are_not_there(app: TestApp) {
        let window = json!({ "report": "transactions", "format": "csv", "from": "2026-01-01", "to": "2026-01-02" });
        let with = |field: &str, value: Value| {
            let mut body = window.clone();
            body[field] = value;
            body
        };
        for (body, pointer) in [
            (with("report", json!("odd")), "/report"),
            (with("format", json!("pdf")), "/format"),
            (with("format", json!(null)), "/format"),
            (with("from", json!("yesterday")), "/from"),
            (with("to", json!("2025-12-31")), "/to"),
            (with("to", json!("2999-01-01")), "/to"),
            (with("from", json!("2020-01-01")), "/to"),
            (with("zone", json!("Middle/Earth")), "/zone"),
            (with("shops", json!("main")), "/shops"),
            (with("shops", json!([])), "/shops"),
            (with("shp", json!(["main"])), "/shp"),
        ] {
            let answer = app.post("/v1/exports", &body).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}: {answer:?}");
        }
        app.post("/v1/exports", &with("shops", json!(["nowhere"]))).await.assert_problem("not-found");

        let ordered = app.post("/v1/exports", &with("zone", json!("Europe/Berlin"))).await;
        assert_eq!((ordered.status, &ordered.body["state"]), (202, &json!("waiting")), "{ordered:?}");
        let path = path_of(&ordered.body);
        assert_eq!(ordered.headers["location"], path.as_str());
        app.get(&format!("{path}/file")).await.assert_problem("not-in-this-state");
        admit(app.serving().keys(), "pk_second", &[Scope::FinanceRead], &["second"]).await;
        let of_second = async |path: &str| app.send(app.http.get(app.at(path)).bearer_auth("pk_second")).await;
        of_second(&path).await.assert_problem("not-found");
        of_second(&format!("{path}/file")).await.assert_problem("not-found");
        assert_eq!(of_second("/v1/exports").await.body["data"], json!([]));
        assert_eq!(app.get("/v1/exports").await.body["data"][0]["id"], ordered.body["id"]);
        for path in ["/v1/exports/none", "/v1/exports/00000000-0000-7000-8000-000000000000/file"] {
            app.get(path).await.assert_problem("not-found");
        }
        for query in ["cursor=x", "limit=0", "sort=up"] {
            app.get(&format!("/v1/exports?{query}")).await.assert_problem("invalid-request");
        }
    }

    async fn a_folder_that_cannot_be_written_to_is_tried_again_and_then_said(app: TestApp) {
        let blocked = tempfile::NamedTempFile::new().unwrap();
        let folder = blocked.path().join("exports").display().to_string();
        app.restart_with(&[("EXPORTS__FOLDER", folder.as_str()), ("EXPORTS__FAILURES_MAX", "2")]).await;
        let ordered = app.order_export("transactions", "csv", "2026-01-01", "2026-01-02").await;
        app.advance(2 * MINUTE);
        assert!(app.serving().exporter().export_due().await.unwrap());
        let export = app.get(&path_of(&ordered)).await.body;
        assert_eq!((&export["state"], export["failure"].is_string()), (&json!("running"), true), "{export}");
        app.advance(MINUTE);
        let export = app.write(&ordered).await;
        assert_eq!((&export["state"], &export["manifest"]), (&json!("failed"), &json!(null)), "{export}");
        app.get(&format!("{}/file", path_of(&export))).await.assert_problem("not-in-this-state");
    }

    /// What cannot be read today cannot be read tomorrow: it is tried a few times, and then said; others are not held up.
    async fn what_the_database_makes_no_sense_of_is_not_tried_for_ever(app: TestApp) {
        app.restart_with(&[("EXPORTS__FAILURES_MAX", "2")]).await;
        let begun = app.moment();
        app.trade(3).await;
        let to = app.moment();
        app.advance(2 * MINUTE);
        let broken = app.order_export("transactions", "csv", &begun, &to).await;
        let fine = app.order_export("breaks", "csv", &begun, &to).await;
        app.data.execute("update payments set metadata = '[7]'", "update payments set metadata = '[7]'").await;
        let failed = app.write(&broken).await;
        assert_eq!((&failed["state"], &failed["manifest"]), (&json!("failed"), &json!(null)), "{failed}");
        assert!(failed["failure"].as_str().unwrap().contains("cannot be read"), "{failed}");
        assert_eq!(app.write(&fine).await["state"], "completed");
    }

    async fn files_are_kept_for_as_long_as_the_settings_say(app: TestApp) {
        app.restart_with(&[("EXPORTS__RETENTION_DAYS", "2")]).await;
        let begun = app.moment();
        app.advance(MINUTE);
        let to = app.moment();
        app.advance(2 * MINUTE);
        let export = app.export("breaks", "csv", &begun, &to).await;
        app.advance(DAY);
        assert!(!app.serving().exporter().export_due().await.unwrap());
        let file = app.file_of(&export).await;
        // Half a file is never given out, whoever has cut it.
        let kept = app.settings.exports.folder.join(format!("{}.csv", export["id"].as_str().unwrap()));
        std::fs::write(&kept, &file[1..]).unwrap();
        app.get(&format!("{}/file", path_of(&export))).await.assert_problem("file-not-here");
        std::fs::write(&kept, &file).unwrap();
        assert_eq!(app.file_of(&export).await, file);
        app.advance(DAY + SECOND);
        assert!(app.serving().exporter().export_due().await.unwrap());
        let expired = app.get(&path_of(&export)).await.body;
        assert_eq!((&expired["state"], &expired["manifest"]), (&json!("expired"), &export["manifest"]));
        app.get(&format!("{}/file", path_of(&export))).await.assert_problem("file-gone");
        assert!(!kept.exists());
    }
}

fn path_of(export: &Value) -> String {
    format!("/v1/exports/{}", export["id"].as_str().unwrap())
}

/// The rows of a CSV file, by the names of their columns.
fn rows(file: &[u8]) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(file).deserialize().map(Result::unwrap).collect()
}

impl TestApp {
    /// So many deposits in three currencies are paid, and their lines posted.
    pub(crate) async fn trade(&self, count: usize) {
        let currencies = [("EUR", "11.12"), ("JPY", "1200"), ("KWD", "0.125")];
        let begun = self.count("select count(*) from payments").await;
        for number in 0..count {
            let (currency, amount) = currencies[number % 3];
            let reference = format!("order-{begun}-{number}");
            let order =
                json!({ "referenceId": reference, "paymentType": "DEPOSIT", "amount": amount, "currency": currency });
            assert_eq!(self.post("/v1/payments", &order).await.status, 201);
            self.pay(&reference).await;
            self.end_of(&reference).await;
        }
        self.post_lines().await;
    }

    /// Posts what is booked; answers a moment behind all of it.
    pub(crate) async fn post_lines(&self) -> String {
        self.advance(SECOND);
        let now = orchestrator::Clock::now(&self.clock);
        self.database().await.books.post(now, 1_000).await.unwrap();
        self.advance(SECOND);
        let to = self.moment();
        self.advance(2 * MINUTE);
        to
    }

    pub(crate) async fn order_export(&self, report: &str, format: &str, from: &str, to: &str) -> Value {
        let ordered = json!({ "report": report, "format": format, "from": from, "to": to });
        let ordered = self.post("/v1/exports", &ordered).await;
        assert_eq!(ordered.status, 202, "{ordered:?}");
        ordered.body
    }

    /// Writes until this one has ended.
    pub(crate) async fn write(&self, ordered: &Value) -> Value {
        for _ in 0..TURNS_MAX {
            self.serving().exporter().export_due().await.unwrap();
            self.advance(SECOND);
            let export = self.get(&path_of(ordered)).await.body;
            if export["finishedAt"].is_string() {
                return export;
            }
        }
        panic!("the export never ends");
    }

    pub(crate) async fn export(&self, report: &str, format: &str, from: &str, to: &str) -> Value {
        let ordered = self.order_export(report, format, from, to).await;
        let export = self.write(&ordered).await;
        assert_eq!(export["state"], "completed", "{export}");
        export
    }

    pub(crate) async fn file_of(&self, export: &Value) -> Vec<u8> {
        let url = self.at(&format!("{}/file", path_of(export)));
        let request = self.http.get(url).bearer_auth(CALLER_KEY).build().unwrap();
        let sent = Sent::of(&request);
        let answer = self.http.execute(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let named = export["manifest"]["fileName"].as_str().unwrap();
        let headers = answer.headers().clone();
        assert!(headers["content-disposition"].to_str().unwrap().contains(named));
        let bytes = answer.bytes().await.unwrap().to_vec();
        hold_against(&sent, 200, &headers, &bytes);
        bytes
    }

    /// What the lines add up to, as SQL of its own says.
    pub(crate) async fn totals_of_the_books(&self) -> Value {
        let query = match self.data {
            Data::Sqlite(_) => {
                "select currency || ' ' || kind || ' ' || count(*) || ' ' || sum(amount_whole) || ' '
                        || sum(amount_nano) || ' ' || sum(amount_atto)
                 from movements where position is not null group by currency, kind"
            }
            Data::Postgres(_) | Data::Server(_) => {
                "select currency || ' ' || kind || ' ' || count(*) || ' ' || trim_scale(sum(amount)) || ' 0 0'
                 from movements where position is not null group by currency, kind"
            }
        };
        let mut totals: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for text in self.data.texts(query).await {
            let [currency, kind, count, whole, nano, atto] = text.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{text}")
            };
            let parts = [(whole, 0), (nano, 9), (atto, 18)];
            let sum = parts.iter().fold(Total::ZERO, |sum, (part, scale)| {
                let part: Decimal = part.parse().unwrap();
                sum.plus(part / Decimal::from(10_u64.pow(*scale))).unwrap()
            });
            let (sum, zero) = (sum.to_string(), "0".to_owned());
            let (gross, fee) = if kind == "fee" { (zero, sum.clone()) } else { (sum.clone(), zero) };
            let sums = json!({ "count": count.parse::<u64>().unwrap(), "gross": gross, "fee": fee, "net": sum });
            totals.entry(currency.to_owned()).or_default().insert(kind.to_owned(), sums);
        }
        assert!(totals.len() >= 3, "{totals:?}");
        json!(totals)
    }
}
