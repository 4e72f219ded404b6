use serde::{Deserialize, Serialize};

use crate::cell::Cell;

/// What an export tells.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Report {
    /// One row per line of the books: money that moved, or the difference when it turned out to have moved otherwise.
    Transactions,
    /// One row per difference that somebody owns.
    Breaks,
    /// One row per business day, shop, currency and kind.
    DailySummary,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, ids and codes.
    Text,
    /// An exact signed amount.
    Amount,
    /// A count of things.
    Count,
    /// A calendar day in the zone of the export.
    Date,
    /// A moment in UTC.
    Moment,
}

/// One column: its name in every format, what it holds, and what it means to an accountant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name in the header.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: Kind,
    /// One sentence on what it means.
    pub meaning: &'static str,
}

const fn column(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, meaning }
}

impl Kind {
    /// Whether a cell may stand in a column of this kind; an empty one may stand in any.
    pub(crate) fn takes(self, cell: &Cell) -> bool {
        match cell {
            Cell::Empty => true,
            Cell::Text(_) => self == Self::Text,
            Cell::Amount(_) => self == Self::Amount,
            Cell::Count(_) => self == Self::Count,
            Cell::Date(_) => self == Self::Date,
            Cell::Moment(_) => self == Self::Moment,
        }
    }
}

impl Report {
    /// The columns, in an order to which new ones are only ever appended.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Transactions => TRANSACTIONS,
            Self::Breaks => BREAKS,
            Self::DailySummary => DAILY_SUMMARY,
        }
    }

    /// Where a column stands; none if this report has none of that name.
    pub fn position(self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name == name)
    }
}

const TRANSACTIONS: &[Column] = &[
    column("line_id", Kind::Text, "The name of this line, the same in every export that holds it."),
    column("business_date", Kind::Date, "The day on which the line was posted, in the zone of the export."),
    column("posted_at_utc", Kind::Moment, "When the line was posted, in UTC."),
    column("occurred_at_utc", Kind::Moment, "When the evidence for it was seen, in UTC."),
    column("kind", Kind::Text, "deposit, withdrawal, refund, chargeback or fee."),
    column("relation", Kind::Text, "surplus or foreign, if another gateway payment than the payment's own moved it."),
    column("payment_id", Kind::Text, "Our name of the payment."),
    column("parent_payment_id", Kind::Text, "Our name of the payment that this one gives back."),
    column("reference_id", Kind::Text, "The name that the ordering service gave the payment."),
    column("gateway_payment_id", Kind::Text, "The gateway's name of the payment that moved the money."),
    column("shop", Kind::Text, "The shop whose account at the gateway it went through."),
    column("payment_method", Kind::Text, "How the customer paid, in the gateway's words."),
    column("state", Kind::Text, "The state of the payment after the entry that booked this line."),
    column("evidence", Kind::Text, "From where we know it: who saw what this line tells."),
    column("currency", Kind::Text, "The currency of gross, fee and net."),
    column("gross", Kind::Amount, "What moved: positive is money in for the merchant; empty in lines of fees."),
    column("fee", Kind::Amount, "What the provider keeps, negative; empty in all other lines."),
    column("net", Kind::Amount, "Gross or fee: the sum of this column is what the balance changed by."),
    column("requested_amount", Kind::Amount, "What was asked of the gateway; never part of a total."),
    column("requested_currency", Kind::Text, "The currency of the requested amount."),
    column("reconciliation", Kind::Text, "reconciled or unreconciled, when the export was ordered."),
    column("reconciled_at_utc", Kind::Moment, "When the gateway's list was found to agree with it, in UTC."),
    column("restates_line_id", Kind::Text, "The earlier line that this one corrects, by its difference."),
    column("metadata", Kind::Text, "What the ordering service noted on the payment, as a JSON object."),
];

const BREAKS: &[Column] = &[
    column("break_id", Kind::Text, "The name of the difference."),
    column("kind", Kind::Text, "What differs."),
    column("shop", Kind::Text, "The shop whose account at the gateway it concerns."),
    column("payment_id", Kind::Text, "Our name of the payment; empty if we have none."),
    column("gateway_payment_id", Kind::Text, "The gateway's name of the payment; empty if it has none."),
    column("reference_id", Kind::Text, "The reference that the payment carries."),
    column("our_state", Kind::Text, "Where we have it; empty if we do not."),
    column("our_amount", Kind::Amount, "What we have moved."),
    column("our_currency", Kind::Text, "The currency of our amount."),
    column("their_state", Kind::Text, "Where the gateway has it; empty if it does not."),
    column("their_amount", Kind::Amount, "What the gateway has moved."),
    column("their_currency", Kind::Text, "The currency of their amount."),
    column("difference", Kind::Amount, "Their amount less ours; empty where the two are not one currency."),
    column("difference_currency", Kind::Text, "The currency of the difference."),
    column("age_days", Kind::Count, "Whole days from its first sight to its end, or to the order of the export."),
    column("first_seen_at_utc", Kind::Moment, "When it was first seen, in UTC."),
    column("last_seen_at_utc", Kind::Moment, "When it was last seen, in UTC."),
    column("owner", Kind::Text, "Who looks after it."),
    column("state", Kind::Text, "open, resolved by a person, or closed by a comparison that no longer found it."),
    column("ended_at_utc", Kind::Moment, "When it ended, in UTC."),
    column("resolved_by", Kind::Text, "Who resolved it."),
    column("reason", Kind::Text, "A person's words, or what the comparison saw instead."),
];

const DAILY_SUMMARY: &[Column] = &[
    column("business_date", Kind::Date, "The day, in the zone of the export."),
    column("shop", Kind::Text, "The shop whose account at the gateway it concerns."),
    column("currency", Kind::Text, "The currency of every amount of the row."),
    column("kind", Kind::Text, "The kind of money, as in the transactions."),
    column("count", Kind::Count, "How many lines were posted that day."),
    column("gross", Kind::Amount, "The sum of their gross."),
    column("fee", Kind::Amount, "The sum of their fees."),
    column("net", Kind::Amount, "The sum of their nets."),
    column("opening_balance", Kind::Amount, "The sum of the nets of all lines posted before that day."),
    column("closing_balance", Kind::Amount, "Opening and net together: the opening of the next day."),
];
