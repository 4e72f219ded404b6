//! The header is a promise: names stand where they stand, and new ones come behind them.

#![allow(clippy::unwrap_used)]

use std::fs;

use export::Report;
use strum::VariantArray as _;

#[test]
fn names_keep_their_places() {
    let names = |report: Report| report.columns().iter().map(|column| column.name).collect::<Vec<_>>().join(",");
    assert_eq!(
        names(Report::Transactions),
        "line_id,business_date,posted_at_utc,occurred_at_utc,kind,relation,payment_id,parent_payment_id,reference_id,\
         gateway_payment_id,shop,payment_method,state,evidence,currency,gross,fee,net,requested_amount,\
         requested_currency,reconciliation,reconciled_at_utc,restates_line_id,metadata"
    );
    assert_eq!(
        names(Report::Breaks),
        "break_id,kind,shop,payment_id,gateway_payment_id,reference_id,our_state,our_amount,our_currency,their_state,\
         their_amount,their_currency,difference,difference_currency,age_days,first_seen_at_utc,last_seen_at_utc,owner,\
         state,ended_at_utc,resolved_by,reason"
    );
    assert_eq!(
        names(Report::DailySummary),
        "business_date,shop,currency,kind,count,gross,fee,net,opening_balance,closing_balance"
    );
}

#[test]
fn the_page_for_accountants_tells_every_column() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/finance.md")).unwrap();
    for report in Report::VARIANTS {
        for column in report.columns() {
            let kind = format!("{:?}", column.kind).to_lowercase();
            let row = format!("| `{}` | {kind} | {} |", column.name, column.meaning);
            assert!(page.contains(&row), "{report}: {row}");
        }
    }
}
