//! What was written is what is read, in each format.

#![allow(clippy::unwrap_used)]

use std::fs;

use domain::{Time, Total};
use export::{Cell, ExportFile, Format, Heading, Manifest, NotWritten, Report};
use proptest::prelude::*;
use rust_decimal::Decimal;
use sha2::Digest as _;
use strum::VariantArray as _;

fn heading(format: Format) -> Heading {
    Heading {
        export_id: "export-1".to_owned(),
        report: Report::Transactions,
        format,
        shops: vec!["main".to_owned()],
        from: Time::EPOCH,
        to: Time::EPOCH,
        zone: "Europe/Berlin".to_owned(),
        as_of: 7,
        ordered_at: Time::EPOCH,
        program_version: "0.1.0".to_owned(),
    }
}

/// A transaction with these cells and all others empty.
fn line(cells: &[(&str, Cell)]) -> Vec<Cell> {
    let mut row = vec![Cell::Empty; Report::Transactions.columns().len()];
    for (name, cell) in cells {
        row[Report::Transactions.position(name).unwrap()] = cell.clone();
    }
    row
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn moved(currency: &str, gross: &str, reference: &str) -> Vec<Cell> {
    let gross = Cell::Amount(gross.parse().unwrap());
    line(&[
        ("business_date", Cell::Date("2026-11-26".parse().unwrap())),
        ("posted_at_utc", Cell::Moment(Time::EPOCH)),
        ("kind", text("deposit")),
        ("currency", text(currency)),
        ("gross", gross.clone()),
        ("net", gross),
        ("reference_id", text(reference)),
    ])
}

fn written(format: Format, rows: &[Vec<Cell>]) -> (Vec<u8>, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let mut file = ExportFile::begin(&path, heading(format), Vec::new()).unwrap();
    for row in rows {
        file.row(row).unwrap();
    }
    let manifest = file.end("transactions".to_owned()).unwrap();
    (fs::read(path).unwrap(), manifest)
}

fn column_of_csv(bytes: &[u8], name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let at = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|record| record.unwrap()[at].to_owned()).collect()
}

fn column_of_ndjson(bytes: &[u8], name: &str) -> Vec<String> {
    let lines = std::str::from_utf8(bytes).unwrap().lines();
    lines
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()[name].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn amounts_keep_their_own_digits_and_all_formats_add_up_to_the_same_control() {
    let digits = ["-70", "1.250", "999999999.999999999999999999", "999999999.999999999999999999", "0.00"];
    let rows: Vec<_> = digits.iter().map(|amount| moved("EUR", amount, "order-1")).collect();
    let (csv, manifest) = written(Format::Csv, &rows);
    let (ndjson, _) = written(Format::Ndjson, &rows);
    assert_eq!(column_of_csv(&csv, "gross"), digits);
    assert_eq!(column_of_ndjson(&ndjson, "gross"), digits);
    let sum =
        |read: Vec<String>| read.iter().fold(Total::ZERO, |sum, amount| sum.plus(amount.parse().unwrap()).unwrap());
    let control = &manifest.control.totals["EUR"]["deposit"];
    assert_eq!(control.gross, sum(column_of_csv(&csv, "gross")));
    assert_eq!(control.gross.to_string(), "1999999931.249999999999999998");
    for format in Format::VARIANTS {
        assert_eq!(written(*format, &rows).1.control, manifest.control, "{format}");
    }
    assert!(String::from_utf8(csv).unwrap().contains(",-70,"), "a negative number is neither quoted nor guarded");
}

#[test]
fn the_same_rows_are_the_same_bytes_and_the_manifest_names_them() {
    for format in Format::VARIANTS {
        let rows = [moved("KWD", "1.250", "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{1f600} \"x\"\r\ny")];
        let (bytes, manifest) = written(*format, &rows);
        assert_eq!((bytes.clone(), manifest.clone()), written(*format, &rows), "{format}");
        assert_eq!(manifest.sha256, hex::encode(sha2::Sha256::digest(&bytes)));
        assert_eq!(manifest.bytes, bytes.len() as u64);
    }
    let (marked, _) = written(Format::CsvBom, &[]);
    assert!(marked.starts_with("\u{feff}line_id,".as_bytes()));
}

#[test]
fn a_row_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = ExportFile::begin(&folder.path().join("file"), heading(Format::Csv), Vec::new()).unwrap();
    assert!(matches!(file.row(&[Cell::Empty]), Err(NotWritten::Misfit { row: 1 })));
    let wrong = line(&[("gross", text("1.00"))]);
    assert!(matches!(file.row(&wrong), Err(NotWritten::Misfit { row: 1 })));
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(ExportFile::begin(&nowhere, heading(Format::Csv), Vec::new()), Err(NotWritten::Io(_))));
}

proptest! {
    #[test]
    fn any_text_and_amount_come_back_from_csv(reference in any::<String>(), mantissa in any::<i64>(), scale in 0u32..=18) {
        let amount = Decimal::new(mantissa, scale);
        let (csv, _) = written(Format::Csv, &[moved("EUR", &amount.to_string(), &reference)]);
        let guard = if reference.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        prop_assert_eq!(column_of_csv(&csv, "reference_id"), [format!("{guard}{reference}")]);
        prop_assert_eq!(column_of_csv(&csv, "gross"), [amount.to_string()]);
    }
}
