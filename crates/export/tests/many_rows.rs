//! However many rows there are, what is held of them does not grow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a figure counts only when it is shown"
)]

use std::fs;
use std::time::Instant;

use domain::Time;
use export::{Cell, ExportFile, Format, Heading, Report};
use rust_decimal::Decimal;
use strum::VariantArray as _;

/// How many; `make soak` asks for a million.
fn rows() -> u64 {
    std::env::var("EXPORT_ROWS").map_or(30_000, |count| count.parse().expect("EXPORT_ROWS is a number"))
}

/// What may come on top behind two thirds of the rows: buffers have their size by then.
const GROWTH_MAX: u64 = 16 * 1024;

#[test]
fn many_rows_take_no_more_memory_than_few() {
    let folder = tempfile::tempdir().unwrap();
    for format in Format::VARIANTS {
        let (path, begun) = (folder.path().join("file"), Instant::now());
        let mut file = ExportFile::begin(&path, heading(*format), Vec::new()).unwrap();
        let mut early = 0;
        for number in 0..rows() {
            file.row(&row(number)).unwrap();
            if number == rows() / 3 * 2 + 1 {
                early = resident();
            }
        }
        let late = resident();
        let manifest = file.end("transactions".to_owned()).unwrap();
        assert_eq!(manifest.control.rows, rows());
        let net = &manifest.control.totals["EUR"]["deposit"].net;
        assert_eq!(*net, (0..rows()).fold(domain::Total::ZERO, |sum, number| sum.plus(cents(number)).unwrap()));
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{format}: {} rows, {} bytes in {seconds:.1} s, {early} KiB resident, then {late}",
            rows(),
            manifest.bytes
        );
        assert!(late.saturating_sub(early) < GROWTH_MAX, "{format}: {early} KiB, then {late}");
    }
}

fn cents(number: u64) -> Decimal {
    Decimal::new(i64::try_from(number % 100_000).unwrap(), 2)
}

/// What the process holds, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn heading(format: Format) -> Heading {
    Heading {
        export_id: "export-1".to_owned(),
        report: Report::Transactions,
        format,
        shops: vec!["main".to_owned()],
        from: Time::EPOCH,
        to: Time::EPOCH,
        zone: "UTC".to_owned(),
        as_of: 7,
        ordered_at: Time::EPOCH,
        program_version: "0.1.0".to_owned(),
    }
}

/// As wide as rows are.
fn row(number: u64) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let mut row = vec![Cell::Empty; Report::Transactions.columns().len()];
    let amount = Cell::Amount(cents(number));
    for (name, cell) in [
        ("line_id", Cell::Text(format!("01a20e77-519c-7488-a65d-{number:012x}-3-1"))),
        ("business_date", Cell::Date("2026-11-26".parse().unwrap())),
        ("posted_at_utc", Cell::Moment(Time::EPOCH)),
        ("occurred_at_utc", Cell::Moment(Time::EPOCH)),
        ("kind", text("deposit")),
        ("payment_id", Cell::Text(format!("01a20e77-519c-7488-a65d-{number:012x}"))),
        ("reference_id", Cell::Text(format!("order-{number}"))),
        ("gateway_payment_id", Cell::Text(format!("{number:032x}"))),
        ("shop", text("main")),
        ("payment_method", text("BASIC_CARD")),
        ("state", text("COMPLETED")),
        ("evidence", text("webhook")),
        ("currency", text("EUR")),
        ("gross", amount.clone()),
        ("net", amount.clone()),
        ("requested_amount", amount),
        ("requested_currency", text("EUR")),
        ("reconciliation", text("reconciled")),
    ] {
        row[Report::Transactions.position(name).unwrap()] = cell;
    }
    row
}
