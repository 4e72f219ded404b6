//! Units of a commit as the parameters of its statement.

use chrono::{DateTime, Utc};
use domain::{Movement, PaymentId, PaymentState, Time};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::statement::Bound;
use super::table::table;
use crate::columns::{EntryColumns, PaymentColumns, signed};
use crate::{Birth, Filed, Lease, Move, Write};

/// What happens together or not at all.
#[derive(Clone, Copy)]
pub(super) enum Unit<'u> {
    Birth(&'u Birth),
    Write(&'u Write),
}

impl Unit<'_> {
    /// The payments that it is about.
    pub(super) fn payments(&self) -> impl Iterator<Item = PaymentId> {
        let (moved, birth) = match self {
            Self::Birth(birth) => (None, Some(birth.payment.id())),
            Self::Write(write) => (
                write.moves.as_ref().map(|moved| moved.payment.id()),
                write.birth.as_ref().map(|birth| birth.payment.id()),
            ),
        };
        moved.into_iter().chain(birth)
    }
}

/// A batch of units for `commit.sql`.
#[derive(Default)]
pub(super) struct Batch {
    units: i32,
    moves: Moves,
    births: Births,
    entries: Entries,
    filings: Filings,
}

table! { MoveRow in Moves {
    unit: i32,
    payment_id: Uuid,
    expected_version: i64,
    expected_epoch: Option<i64>,
    has_entry: bool,
    changes_state: bool,
    shop: String,
    claim: Option<String>,
    state: String,
    state_at: DateTime<Utc>,
    payment_method: Option<String>,
    attempts: String,
    gateway_payment_id: Option<String>,
    redirect_url: Option<String>,
    external_refs: String,
    settled_amount: Option<Decimal>,
    settled_currency: Option<String>,
    fee: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    external_result_code: Option<String>,
    error_fields: String,
    confirmed_by: String,
    contradicted_by: String,
    others: String,
    flags: String,
    commands: String,
    refunds: String,
    told_parent: Option<String>,
    version: i64,
    updated_at: DateTime<Utc>,
    open_state: Option<String>,
    next_check_at: Option<DateTime<Utc>>,
    checks: i64,
    empty_look_ups: i64,
    checked_at: Option<DateTime<Utc>>,
    lease: &'static str,
    lease_owner: Option<Uuid>,
    leased_until: Option<DateTime<Utc>>,
    failures: i64,
    stuck_reason: Option<&'static str>,
    stuck_since: Option<DateTime<Utc>>,
    stuck_at: Option<DateTime<Utc>>,
    care: Option<String>,
}}

table! { BirthRow in Births {
    unit: i32,
    payment_id: Uuid,
    shop: String,
    reference_id: String,
    payment_type: String,
    state: String,
    state_at: DateTime<Utc>,
    amount: Decimal,
    currency: String,
    requested_payment_method: Option<String>,
    payment_method: Option<String>,
    flow: String,
    kind: String,
    pre_auth: bool,
    parent_payment_id: Option<Uuid>,
    metadata: String,
    fingerprint: String,
    attempts: String,
    gateway_payment_id: Option<String>,
    redirect_url: Option<String>,
    external_refs: String,
    settled_amount: Option<Decimal>,
    settled_currency: Option<String>,
    fee: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    external_result_code: Option<String>,
    error_fields: String,
    confirmed_by: String,
    contradicted_by: String,
    others: String,
    flags: String,
    commands: String,
    refunds: String,
    told_parent: Option<String>,
    ordered_by: Option<String>,
    trace: Option<String>,
    state_changes: i64,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    open_state: Option<String>,
    next_check_at: Option<DateTime<Utc>>,
    epoch: i64,
    lease_owner: Option<Uuid>,
    leased_until: Option<DateTime<Utc>>,
    kept_request: Option<Vec<u8>>,
}}

table! { EntryRow in Entries {
    unit: i32,
    payment_id: Uuid,
    sequence: i64,
    at: DateTime<Utc>,
    source: String,
    verdict: String,
    kind: String,
    state: String,
    changes_state: bool,
    seen: String,
    change: String,
    movements: Option<String>,
}}

table! { FilingRow in Filings {
    unit: i32,
    notice_id: Uuid,
    verdict: String,
    payment_id: Option<Uuid>,
    filed_at: DateTime<Utc>,
}}

impl Batch {
    /// A batch in which unit 1 is the first of these.
    pub(super) fn of(units: &[Unit<'_>]) -> Result<Self, serde_json::Error> {
        let mut batch = Self::default();
        for unit in units {
            batch.units += 1;
            match unit {
                Unit::Birth(birth) => batch.push_birth(birth)?,
                Unit::Write(write) => batch.push_write(write)?,
            }
        }
        Ok(batch)
    }

    /// Binds every parameter of `commit.sql`.
    pub(super) fn bind<'q>(&'q self, statement: Bound<'q>) -> Bound<'q> {
        let statement = self.births.bind(self.moves.bind(statement.bind(self.units)));
        self.filings.bind(self.entries.bind(statement))
    }

    fn push_write(&mut self, write: &Write) -> Result<(), serde_json::Error> {
        if let Some(moved) = &write.moves {
            self.push_move(moved)?;
        }
        if let Some(birth) = &write.birth {
            self.push_birth(birth)?;
        }
        if let Some(filed) = &write.notice {
            self.push_filing(filed);
        }
        Ok(())
    }

    fn push_move(&mut self, moved: &Move) -> Result<(), serde_json::Error> {
        let columns = PaymentColumns::of(&moved.payment)?;
        let (lease, holder) = match moved.lease {
            Lease::Keep => ("keep", None),
            Lease::Release => ("release", None),
            Lease::Take(owner, until) => ("take", Some((owner, until))),
        };
        self.moves.push(MoveRow {
            unit: self.units,
            payment_id: columns.payment_id,
            expected_version: signed(moved.expected_version),
            expected_epoch: moved.expected_epoch.map(signed),
            has_entry: moved.entry.is_some(),
            changes_state: moved.entry.as_ref().is_some_and(|entry| entry.change.state.is_some()),
            shop: columns.shop,
            claim: moved.claim.as_ref().map(ToString::to_string),
            state: columns.state,
            state_at: columns.state_at.utc(),
            payment_method: columns.payment_method,
            attempts: columns.attempts,
            gateway_payment_id: columns.gateway_payment_id,
            redirect_url: columns.redirect_url,
            external_refs: columns.external_refs,
            settled_amount: columns.settled_amount,
            settled_currency: columns.settled_currency,
            fee: columns.fee,
            error_code: columns.error_code,
            error_message: columns.error_message,
            external_result_code: columns.external_result_code,
            error_fields: columns.error_fields,
            confirmed_by: columns.confirmed_by,
            contradicted_by: columns.contradicted_by,
            others: columns.others,
            flags: columns.flags,
            commands: columns.commands,
            refunds: columns.refunds,
            told_parent: columns.told_parent,
            version: columns.version,
            updated_at: columns.updated_at.utc(),
            open_state: open_state(moved.payment.state),
            next_check_at: moved.progress.next_check_at.map(Time::utc),
            checks: moved.progress.checks.into(),
            empty_look_ups: moved.progress.empty_look_ups.into(),
            checked_at: moved.progress.checked_at.map(Time::utc),
            lease,
            lease_owner: holder.map(|(owner, _)| owner.0),
            leased_until: holder.map(|(_, until)| until.utc()),
            failures: moved.progress.failures.into(),
            stuck_reason: moved.progress.stuck.map(|stuck| stuck.reason.into()),
            stuck_since: moved.progress.stuck.map(|stuck| stuck.since.utc()),
            stuck_at: moved.progress.stuck.map(|stuck| stuck.at.utc()),
            care: columns.care,
        });
        if let Some(entry) = &moved.entry {
            self.push_entry(EntryColumns::of(&moved.payment, entry)?, lines(&moved.movements)?);
        }
        Ok(())
    }

    fn push_birth(&mut self, birth: &Birth) -> Result<(), serde_json::Error> {
        let columns = PaymentColumns::of(&birth.payment)?;
        let entry = EntryColumns::of(&birth.payment, &birth.entry)?;
        self.births.push(BirthRow {
            unit: self.units,
            payment_id: columns.payment_id,
            shop: columns.shop,
            reference_id: columns.reference_id,
            payment_type: columns.payment_type,
            state: columns.state,
            state_at: columns.state_at.utc(),
            amount: columns.amount,
            currency: columns.currency,
            requested_payment_method: columns.requested_payment_method,
            payment_method: columns.payment_method,
            flow: columns.flow,
            kind: columns.kind,
            pre_auth: columns.pre_auth,
            parent_payment_id: columns.parent_payment_id,
            metadata: columns.metadata,
            fingerprint: columns.fingerprint,
            attempts: columns.attempts,
            gateway_payment_id: columns.gateway_payment_id,
            redirect_url: columns.redirect_url,
            external_refs: columns.external_refs,
            settled_amount: columns.settled_amount,
            settled_currency: columns.settled_currency,
            fee: columns.fee,
            error_code: columns.error_code,
            error_message: columns.error_message,
            external_result_code: columns.external_result_code,
            error_fields: columns.error_fields,
            confirmed_by: columns.confirmed_by,
            contradicted_by: columns.contradicted_by,
            others: columns.others,
            flags: columns.flags,
            commands: columns.commands,
            refunds: columns.refunds,
            told_parent: columns.told_parent,
            ordered_by: columns.ordered_by,
            trace: columns.trace,
            state_changes: entry.changes_state.into(),
            version: columns.version,
            created_at: columns.created_at.utc(),
            updated_at: columns.updated_at.utc(),
            open_state: open_state(birth.payment.state),
            next_check_at: birth.next_check_at.map(Time::utc),
            epoch: birth.lease.is_some().into(),
            lease_owner: birth.lease.map(|(owner, _)| owner.0),
            leased_until: birth.lease.map(|(_, until)| until.utc()),
            kept_request: birth.kept_request.clone(),
        });
        // What was only asked for has moved nothing.
        self.push_entry(entry, None);
        Ok(())
    }

    fn push_entry(&mut self, entry: EntryColumns, movements: Option<String>) {
        self.entries.push(EntryRow {
            unit: self.units,
            payment_id: entry.payment_id,
            sequence: entry.sequence,
            at: entry.at.utc(),
            source: entry.source,
            verdict: entry.verdict,
            kind: entry.kind,
            state: entry.state,
            changes_state: entry.changes_state,
            seen: entry.seen,
            change: entry.change,
            movements,
        });
    }

    fn push_filing(&mut self, filed: &Filed) {
        self.filings.push(FilingRow {
            unit: self.units,
            notice_id: filed.id,
            verdict: filed.verdict.clone(),
            payment_id: filed.payment.map(PaymentId::uuid),
            filed_at: filed.at.utc(),
        });
    }
}

/// One line of the books, as `commit.sql` reads it.
#[derive(Serialize)]
struct LineRow<'a> {
    number: u32,
    kind: &'static str,
    relation: Option<&'static str>,
    gateway_payment_id: &'a str,
    amount: String,
    currency: String,
}

/// The lines of one entry as a JSON array; none if it books nothing, as nearly every one does.
fn lines(movements: &[Movement]) -> Result<Option<String>, serde_json::Error> {
    fn row(movement: &Movement) -> LineRow<'_> {
        LineRow {
            number: movement.number,
            kind: movement.kind.into(),
            relation: movement.relation.map(Into::into),
            gateway_payment_id: movement.gateway_payment_id.as_str(),
            amount: movement.amount.to_string(),
            currency: movement.currency.to_string(),
        }
    }
    let rows: Vec<LineRow<'_>> = movements.iter().map(row).collect();
    (!rows.is_empty()).then(|| serde_json::to_string(&rows)).transpose()
}

fn open_state(state: PaymentState) -> Option<String> {
    (!state.is_final()).then(|| state.to_string())
}
