//! Rows as JSON objects, one text each: a batch joins those of its winners into the parameter of one statement.

use domain::{Movement, Time};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use crate::columns::{EntryColumns, PaymentColumns};
use crate::{Birth, Lease, Move};

/// What a birth writes.
pub(super) struct BirthRows {
    pub(super) payment: String,
    pub(super) check: String,
    pub(super) event: String,
    pub(super) kept_request: Option<String>,
}

/// What a move writes.
pub(super) struct MoveRows {
    /// Of a move with an entry: the payment's row and its entry's.
    pub(super) recorded: Option<(String, String)>,
    pub(super) movements: Vec<String>,
    pub(super) check: String,
    pub(super) claim: Option<String>,
    /// The id of a payment that has ended, whose request is no longer kept.
    pub(super) ended: Option<String>,
}

impl BirthRows {
    pub(super) fn of(birth: &Birth) -> Result<Self, serde_json::Error> {
        let payment = &birth.payment;
        let (lease_owner, leased_until) = birth.lease.unzip();
        let kept_request = birth.kept_request.as_ref().map(|request| KeptRequestRow {
            payment_id: payment.id().uuid(),
            body: hex::encode(request),
            kept_at: payment.created_at.unix_micros(),
        });
        Ok(Self {
            payment: payment_row(&PaymentColumns::of(payment)?, birth.entry.change.state.is_some())?,
            check: serde_json::to_string(&CheckRow {
                payment_id: payment.id().uuid(),
                open_state: open_state(payment.state),
                next_check_at: micros(birth.next_check_at),
                checks: 0,
                empty_look_ups: 0,
                checked_at: None,
                failures: 0,
                shop: payment.opening.shop.as_str(),
                stuck_reason: None,
                stuck_since: None,
                stuck_at: None,
                // What a lease does to an epoch of 0.
                lease: if birth.lease.is_some() { "take" } else { "release" },
                lease_owner: lease_owner.map(|owner| owner.0),
                leased_until: micros(leased_until),
            })?,
            event: event_row(&EntryColumns::of(payment, &birth.entry)?)?,
            kept_request: kept_request.as_ref().map(serde_json::to_string).transpose()?,
        })
    }
}

impl MoveRows {
    pub(super) fn of(moved: &Move) -> Result<Self, serde_json::Error> {
        let payment = &moved.payment;
        let payment_id = payment.id().uuid();
        let recorded = match &moved.entry {
            None => None,
            Some(entry) => Some((
                payment_row(&PaymentColumns::of(payment)?, entry.change.state.is_some())?,
                event_row(&EntryColumns::of(payment, entry)?)?,
            )),
        };
        let (lease, lease_owner, leased_until) = match moved.lease {
            Lease::Keep => ("keep", None, None),
            Lease::Release => ("release", None, None),
            Lease::Take(owner, until) => ("take", Some(owner.0), Some(until)),
        };
        let claim = moved.claim.as_ref().map(|id| ClaimRow {
            shop: payment.opening.shop.as_str(),
            gateway_payment_id: id.as_str(),
            payment_id,
            at: payment.updated_at.unix_micros(),
        });
        let line = |movement| movement_row(payment_id, payment.version, movement);
        Ok(Self {
            recorded,
            movements: moved.movements.iter().map(line).collect::<Result<_, _>>()?,
            check: serde_json::to_string(&CheckRow {
                payment_id,
                open_state: open_state(payment.state),
                next_check_at: micros(moved.progress.next_check_at),
                checks: moved.progress.checks,
                empty_look_ups: moved.progress.empty_look_ups,
                checked_at: micros(moved.progress.checked_at),
                failures: moved.progress.failures,
                shop: payment.opening.shop.as_str(),
                stuck_reason: moved.progress.stuck.map(|stuck| stuck.reason.into()),
                stuck_since: micros(moved.progress.stuck.map(|stuck| stuck.since)),
                stuck_at: micros(moved.progress.stuck.map(|stuck| stuck.at)),
                lease,
                lease_owner,
                leased_until: micros(leased_until),
            })?,
            claim: claim.as_ref().map(serde_json::to_string).transpose()?,
            ended: payment.state.is_final().then(|| serde_json::to_string(&payment_id)).transpose()?,
        })
    }
}

/// Rows as the one parameter of a statement: `[row,row,…]`.
pub(super) fn array<'a>(rows: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut json = String::new();
    for row in rows {
        json.push(if json.is_empty() { '[' } else { ',' });
        json.push_str(row);
    }
    if json.is_empty() {
        return None;
    }
    json.push(']');
    Some(json)
}

#[derive(Serialize)]
struct PaymentRow<'a> {
    payment_id: Uuid,
    shop: &'a str,
    reference_id: &'a str,
    payment_type: &'a str,
    state: &'a str,
    state_at: i64,
    amount_whole: i64,
    amount_nano: i64,
    amount_atto: i64,
    currency: &'a str,
    requested_payment_method: Option<&'a str>,
    payment_method: Option<&'a str>,
    flow: &'a str,
    kind: &'a str,
    pre_auth: bool,
    parent_payment_id: Option<Uuid>,
    metadata: &'a str,
    fingerprint: &'a str,
    attempts: &'a str,
    gateway_payment_id: Option<&'a str>,
    redirect_url: Option<&'a str>,
    external_refs: &'a str,
    settled_whole: Option<i64>,
    settled_nano: Option<i64>,
    settled_atto: Option<i64>,
    settled_currency: Option<&'a str>,
    fee: Option<&'a str>,
    error_code: Option<&'a str>,
    error_message: Option<&'a str>,
    external_result_code: Option<&'a str>,
    error_fields: &'a str,
    confirmed_by: &'a str,
    contradicted_by: &'a str,
    others: &'a str,
    flags: &'a str,
    commands: &'a str,
    refunds: &'a str,
    told_parent: Option<&'a str>,
    care: Option<&'a str>,
    ordered_by: Option<&'a str>,
    trace: Option<&'a str>,
    changes_state: bool,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

fn payment_row(columns: &PaymentColumns, changes_state: bool) -> Result<String, serde_json::Error> {
    let amount = Parts::of(columns.amount);
    let settled = columns.settled_amount.map(Parts::of);
    serde_json::to_string(&PaymentRow {
        payment_id: columns.payment_id,
        shop: &columns.shop,
        reference_id: &columns.reference_id,
        payment_type: &columns.payment_type,
        state: &columns.state,
        state_at: columns.state_at.unix_micros(),
        amount_whole: amount.whole,
        amount_nano: amount.nano,
        amount_atto: amount.atto,
        currency: &columns.currency,
        requested_payment_method: columns.requested_payment_method.as_deref(),
        payment_method: columns.payment_method.as_deref(),
        flow: &columns.flow,
        kind: &columns.kind,
        pre_auth: columns.pre_auth,
        parent_payment_id: columns.parent_payment_id,
        metadata: &columns.metadata,
        fingerprint: &columns.fingerprint,
        attempts: &columns.attempts,
        gateway_payment_id: columns.gateway_payment_id.as_deref(),
        redirect_url: columns.redirect_url.as_deref(),
        external_refs: &columns.external_refs,
        settled_whole: settled.map(|parts| parts.whole),
        settled_nano: settled.map(|parts| parts.nano),
        settled_atto: settled.map(|parts| parts.atto),
        settled_currency: columns.settled_currency.as_deref(),
        fee: columns.fee.as_deref(),
        error_code: columns.error_code.as_deref(),
        error_message: columns.error_message.as_deref(),
        external_result_code: columns.external_result_code.as_deref(),
        error_fields: &columns.error_fields,
        confirmed_by: &columns.confirmed_by,
        contradicted_by: &columns.contradicted_by,
        others: &columns.others,
        flags: &columns.flags,
        commands: &columns.commands,
        refunds: &columns.refunds,
        told_parent: columns.told_parent.as_deref(),
        care: columns.care.as_deref(),
        ordered_by: columns.ordered_by.as_deref(),
        trace: columns.trace.as_deref(),
        changes_state,
        version: columns.version,
        created_at: columns.created_at.unix_micros(),
        updated_at: columns.updated_at.unix_micros(),
    })
}

#[derive(Serialize)]
struct EventRow<'a> {
    payment_id: Uuid,
    sequence: i64,
    at: i64,
    source: &'a str,
    verdict: &'a str,
    kind: &'a str,
    state: &'a str,
    changes_state: bool,
    seen: &'a str,
    change: &'a str,
}

fn event_row(columns: &EntryColumns) -> Result<String, serde_json::Error> {
    serde_json::to_string(&EventRow {
        payment_id: columns.payment_id,
        sequence: columns.sequence,
        at: columns.at.unix_micros(),
        source: &columns.source,
        verdict: &columns.verdict,
        kind: &columns.kind,
        state: &columns.state,
        changes_state: columns.changes_state,
        seen: &columns.seen,
        change: &columns.change,
    })
}

#[derive(Serialize)]
struct MovementRow<'a> {
    payment_id: Uuid,
    sequence: u64,
    number: u32,
    kind: &'static str,
    relation: Option<&'static str>,
    gateway_payment_id: &'a str,
    amount_whole: i64,
    amount_nano: i64,
    amount_atto: i64,
    currency: String,
}

fn movement_row(payment_id: Uuid, sequence: u64, movement: &Movement) -> Result<String, serde_json::Error> {
    let amount = Parts::of(movement.amount);
    serde_json::to_string(&MovementRow {
        payment_id,
        sequence,
        number: movement.number,
        kind: movement.kind.into(),
        relation: movement.relation.map(Into::into),
        gateway_payment_id: movement.gateway_payment_id.as_str(),
        amount_whole: amount.whole,
        amount_nano: amount.nano,
        amount_atto: amount.atto,
        currency: movement.currency.to_string(),
    })
}

#[derive(Serialize)]
struct CheckRow<'a> {
    payment_id: Uuid,
    open_state: Option<&'static str>,
    next_check_at: Option<i64>,
    checks: u32,
    empty_look_ups: u32,
    checked_at: Option<i64>,
    failures: u32,
    shop: &'a str,
    stuck_reason: Option<&'static str>,
    stuck_since: Option<i64>,
    stuck_at: Option<i64>,
    lease: &'static str,
    lease_owner: Option<Uuid>,
    leased_until: Option<i64>,
}

#[derive(Serialize)]
struct ClaimRow<'a> {
    shop: &'a str,
    gateway_payment_id: &'a str,
    payment_id: Uuid,
    at: i64,
}

#[derive(Serialize)]
struct KeptRequestRow {
    payment_id: Uuid,
    body: String,
    kept_at: i64,
}

fn open_state(state: domain::PaymentState) -> Option<&'static str> {
    (!state.is_final()).then(|| state.into())
}

fn micros(at: Option<Time>) -> Option<i64> {
    at.map(Time::unix_micros)
}

/// An amount in the three columns that it has: whole units, 1e-9, 1e-18.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) whole: i64,
    pub(super) nano: i64,
    pub(super) atto: i64,
}

const DIGITS: u32 = 18;
const BILLION: i128 = 1_000_000_000;

impl Parts {
    /// Amounts are at most 1e9 with at most 18 fraction digits ([`domain::Money`]), so that nothing is cut or overflows.
    pub(super) fn of(amount: Decimal) -> Self {
        let units = amount.mantissa() * 10_i128.pow(DIGITS.saturating_sub(amount.scale()));
        let part = |part: i128| i64::try_from(part).unwrap_or(i64::MAX);
        Self {
            whole: part(units / BILLION / BILLION),
            nano: part(units / BILLION % BILLION),
            atto: part(units % BILLION),
        }
    }

    /// None if the parts are more than an amount can be.
    pub(super) fn amount(self) -> Option<Decimal> {
        let units = (i128::from(self.whole) * BILLION + i128::from(self.nano)) * BILLION + i128::from(self.atto);
        Decimal::try_from_i128_with_scale(units, DIGITS).ok().map(|amount| amount.normalize())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_comes_back_from_its_three_columns_as_it_was() {
        for text in ["0", "0.000000000000000001", "11.12", "999999999.999999999999999999", "1000000000", "0.1234567891"]
        {
            let amount = Decimal::from_str_exact(text).unwrap();
            assert_eq!(Parts::of(amount).amount(), Some(amount), "{text}");
        }
        let parts = Parts::of(Decimal::from_str_exact("12.000000003000000004").unwrap());
        assert_eq!(parts, Parts { whole: 12, nano: 3, atto: 4 });
    }
}
