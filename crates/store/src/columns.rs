//! The one mapping between the domain's values and the columns of their rows, the same for both databases.
//!
//! Lists and maps stand as JSON text, sets of words as one text with commas: PostgreSQL makes `jsonb` and `text[]` of
//! them, SQLite keeps them as they are. No text here holds U+0000: a write that has one is refused before
//! (`crate::flaw`).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use domain::{
    Care, Currency, Elsewhere, Entry, GatewayPaymentId, Money, Movement, MovementKind, Opening, Payment, PaymentError,
    PaymentId, Progress, Seen, SeenState, Stuck, Time, Total, TraceParent,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::to_string;
use uuid::Uuid;

use crate::flaw::{json_without_nul, without_nul};
use crate::{Event, Line, LineEntry, LineName, LinePayment, StoreError, Stored, UnmatchedPayment};

/// The columns of `payments`, each under its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaymentColumns {
    pub(crate) payment_id: Uuid,
    pub(crate) shop: String,
    pub(crate) reference_id: String,
    pub(crate) payment_type: String,
    pub(crate) state: String,
    pub(crate) state_at: Time,
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    pub(crate) requested_payment_method: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) flow: String,
    pub(crate) kind: String,
    pub(crate) pre_auth: bool,
    pub(crate) parent_payment_id: Option<Uuid>,
    /// JSON object.
    pub(crate) metadata: String,
    /// JSON object.
    pub(crate) fingerprint: String,
    /// JSON array.
    pub(crate) attempts: String,
    pub(crate) gateway_payment_id: Option<String>,
    pub(crate) redirect_url: Option<String>,
    /// JSON object.
    pub(crate) external_refs: String,
    pub(crate) settled_amount: Option<Decimal>,
    pub(crate) settled_currency: Option<String>,
    /// JSON object.
    pub(crate) fee: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error_message: Option<String>,
    pub(crate) external_result_code: Option<String>,
    /// JSON array of pairs.
    pub(crate) error_fields: String,
    /// Words with commas between them.
    pub(crate) confirmed_by: String,
    /// JSON array of pairs.
    pub(crate) contradicted_by: String,
    /// JSON array.
    pub(crate) others: String,
    /// Words with commas between them.
    pub(crate) flags: String,
    /// JSON array.
    pub(crate) commands: String,
    /// JSON array.
    pub(crate) refunds: String,
    pub(crate) told_parent: Option<String>,
    /// JSON object; none if nobody has decided anything.
    pub(crate) care: Option<String>,
    /// JSON object.
    pub(crate) ordered_by: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) version: i64,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

/// A row of `payments` with its row of `payment_checks`, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredColumns {
    pub(crate) payment: PaymentColumns,
    pub(crate) checks: i64,
    pub(crate) empty_look_ups: i64,
    pub(crate) checked_at: Option<Time>,
    pub(crate) next_check_at: Option<Time>,
    pub(crate) failures: i64,
    pub(crate) stuck_reason: Option<String>,
    pub(crate) stuck_since: Option<Time>,
    pub(crate) stuck_at: Option<Time>,
    pub(crate) epoch: i64,
    pub(crate) leased_until: Option<Time>,
}

/// The columns of `payment_events`, and what the outbox takes from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryColumns {
    pub(crate) payment_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) at: Time,
    pub(crate) source: String,
    pub(crate) verdict: String,
    pub(crate) kind: String,
    /// The state that the payment has after it.
    pub(crate) state: String,
    /// Whether the entry sets the state, so that the outbox gets a row.
    pub(crate) changes_state: bool,
    /// JSON object.
    pub(crate) seen: String,
    /// JSON object.
    pub(crate) change: String,
}

impl PaymentColumns {
    /// Fails only if a value cannot be written as JSON; the payment is then poison.
    pub(crate) fn of(payment: &Payment) -> Result<Self, serde_json::Error> {
        let opening = &payment.opening;
        let error = payment.error.as_ref();
        Ok(Self {
            payment_id: opening.id.uuid(),
            shop: opening.shop.to_string(),
            reference_id: opening.reference_id.to_string(),
            payment_type: opening.payment_type.to_string(),
            state: payment.state.to_string(),
            state_at: payment.state_at,
            amount: opening.requested.amount(),
            currency: opening.requested.currency().to_string(),
            requested_payment_method: opening.payment_method.as_ref().map(ToString::to_string),
            payment_method: payment.payment_method.as_ref().map(ToString::to_string),
            flow: opening.flow.to_string(),
            kind: opening.kind.to_string(),
            pre_auth: opening.pre_auth,
            parent_payment_id: opening.parent.map(PaymentId::uuid),
            metadata: to_string(&opening.metadata)?,
            fingerprint: to_string(&opening.fingerprint)?,
            attempts: to_string(&payment.submission)?,
            gateway_payment_id: payment.gateway_payment_id.as_ref().map(ToString::to_string),
            redirect_url: payment.redirect_url.clone(),
            external_refs: to_string(&payment.external_refs)?,
            settled_amount: payment.settled.map(|settled| settled.amount()),
            settled_currency: payment.settled.map(|settled| settled.currency().to_string()),
            fee: payment.fee.as_ref().map(to_string).transpose()?,
            error_code: error.map(|error| error.code.clone()),
            error_message: error.and_then(|error| error.message.clone()),
            external_result_code: error.and_then(|error| error.external_result_code.clone()),
            error_fields: to_string(error.map_or(&[][..], |error| &error.fields))?,
            confirmed_by: words(&payment.confirmed_by),
            contradicted_by: to_string(&payment.contradicted_by)?,
            others: to_string(&payment.others)?,
            flags: words(&payment.flags),
            commands: to_string(&payment.commands)?,
            refunds: to_string(&payment.refunds)?,
            told_parent: payment.told_parent.map(|state| state.to_string()),
            care: (payment.care != Care::default()).then(|| to_string(&payment.care)).transpose()?,
            ordered_by: opening.ordered_by.as_ref().map(to_string).transpose()?,
            trace: opening.trace.as_ref().map(ToString::to_string),
            version: signed(payment.version),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        })
    }

    /// The payment that the row tells of.
    pub(crate) fn read(self) -> Result<Payment, StoreError> {
        let row = Row(self.payment_id);
        let error = match self.error_code {
            None => None,
            Some(code) => Some(PaymentError {
                code,
                message: self.error_message,
                external_result_code: self.external_result_code,
                fields: row.json("error_fields", &self.error_fields)?,
            }),
        };
        let settled = match (self.settled_amount, self.settled_currency) {
            (Some(amount), Some(currency)) => Some(row.money("settled_amount", amount, &currency)?),
            (Some(_) | None, _) => None,
        };
        let opening = Opening {
            id: self.payment_id.into(),
            shop: row.parse("shop", &self.shop)?,
            reference_id: row.parse("reference_id", &self.reference_id)?,
            payment_type: row.parse("payment_type", &self.payment_type)?,
            requested: row.money("amount", self.amount, &self.currency)?,
            payment_method: row.parse_some("requested_payment_method", self.requested_payment_method.as_deref())?,
            flow: row.parse("flow", &self.flow)?,
            kind: row.parse("kind", &self.kind)?,
            pre_auth: self.pre_auth,
            parent: self.parent_payment_id.map(PaymentId::from),
            metadata: row.json("metadata", &self.metadata)?,
            fingerprint: row.json("fingerprint", &self.fingerprint)?,
            ordered_by: self.ordered_by.as_deref().map(|json| row.json("ordered_by", json)).transpose()?,
            trace: trace(self.trace.as_deref()).map(Box::new),
        };
        Ok(Payment {
            opening,
            state: row.parse("state", &self.state)?,
            state_at: self.state_at,
            submission: row.json("attempts", &self.attempts)?,
            gateway_payment_id: row.parse_some("gateway_payment_id", self.gateway_payment_id.as_deref())?,
            payment_method: row.parse_some("payment_method", self.payment_method.as_deref())?,
            redirect_url: self.redirect_url,
            external_refs: row.json("external_refs", &self.external_refs)?,
            settled,
            fee: self.fee.as_deref().map(|json| row.json("fee", json)).transpose()?,
            error,
            confirmed_by: row.words("confirmed_by", &self.confirmed_by)?,
            contradicted_by: row.json("contradicted_by", &self.contradicted_by)?,
            others: row.json("others", &self.others)?,
            flags: row.words("flags", &self.flags)?,
            commands: row.json("commands", &self.commands)?,
            refunds: row.json("refunds", &self.refunds)?,
            told_parent: row.parse_some("told_parent", self.told_parent.as_deref())?,
            care: self.care.as_deref().map(|json| row.json("care", json)).transpose()?.unwrap_or_default(),
            version: row.unsigned("version", self.version)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl StoredColumns {
    /// The payment with what lies beside its ledger.
    pub(crate) fn read(self) -> Result<Stored, StoreError> {
        let row = Row(self.payment.payment_id);
        let reason = row.parse_some("stuck_reason", self.stuck_reason.as_deref())?;
        let stuck = reason.zip(self.stuck_since).zip(self.stuck_at);
        Ok(Stored {
            progress: Progress {
                checks: row.unsigned("checks", self.checks)?,
                empty_look_ups: row.unsigned("empty_look_ups", self.empty_look_ups)?,
                checked_at: self.checked_at,
                next_check_at: self.next_check_at,
                failures: row.unsigned("failures", self.failures)?,
                stuck: stuck.map(|((reason, since), at)| Stuck { reason, since, at }),
            },
            epoch: row.unsigned("epoch", self.epoch)?,
            leased_until: self.leased_until,
            payment: self.payment.read()?,
        })
    }
}

impl EntryColumns {
    /// The entry of a payment as it is after it. Fails as [`PaymentColumns::of`] does.
    pub(crate) fn of(payment: &Payment, entry: &Entry) -> Result<Self, serde_json::Error> {
        Ok(Self {
            payment_id: payment.id().uuid(),
            sequence: signed(entry.sequence),
            at: entry.at,
            source: entry.source.to_string(),
            verdict: entry.verdict.to_string(),
            kind: kind(&entry.seen).to_owned(),
            state: payment.state.to_string(),
            changes_state: entry.change.state.is_some(),
            seen: to_string(&entry.seen)?,
            change: to_string(&entry.change)?,
        })
    }

    /// The entry as it stands in the ledger.
    pub(crate) fn read(self) -> Result<Entry, StoreError> {
        let row = Row(self.payment_id);
        Ok(Entry {
            sequence: row.unsigned("sequence", self.sequence)?,
            at: self.at,
            source: row.parse("source", &self.source)?,
            verdict: row.parse("verdict", &self.verdict)?,
            seen: row.json("seen", &self.seen)?,
            change: row.json("change", &self.change)?,
        })
    }
}

/// One of the lines that an audit brings along with a payment, as JSON.
#[derive(Deserialize)]
struct BookedLine {
    sequence: u64,
    number: u32,
    kind: MovementKind,
    relation: Option<Elsewhere>,
    gateway_payment_id: GatewayPaymentId,
    amount: String,
    currency: Currency,
}

/// The lines of a payment from a JSON array of them, in their order; none if there is no array.
pub(crate) fn booked(payment: Uuid, json: Option<&str>) -> Result<Vec<(u64, Movement)>, StoreError> {
    let row = Row(payment);
    let lines: Vec<BookedLine> = json.map_or(Ok(Vec::new()), |json| row.json("lines", json))?;
    let movement = |line: BookedLine| {
        let movement = Movement {
            number: line.number,
            kind: line.kind,
            relation: line.relation,
            gateway_payment_id: line.gateway_payment_id,
            amount: row.parse::<Decimal>("amount", &line.amount)?.normalize(),
            currency: line.currency,
        };
        Ok((line.sequence, movement))
    };
    let mut lines = lines.into_iter().map(movement).collect::<Result<Vec<_>, StoreError>>()?;
    lines.sort_by_key(|(sequence, movement)| (*sequence, movement.number));
    Ok(lines)
}

/// A row of `movements` with what its payment and its entry tell, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineColumns {
    pub(crate) payment_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) number: i64,
    pub(crate) kind: String,
    pub(crate) relation: Option<String>,
    pub(crate) gateway_payment_id: String,
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    pub(crate) position: i64,
    pub(crate) posted_at: Time,
    pub(crate) restates_sequence: Option<i64>,
    pub(crate) restates_number: Option<i64>,
    pub(crate) at: Time,
    pub(crate) source: String,
    pub(crate) state: String,
    pub(crate) shop: String,
    pub(crate) reference_id: String,
    pub(crate) requested_amount: Decimal,
    pub(crate) requested_currency: String,
    pub(crate) payment_method: Option<String>,
    pub(crate) parent_payment_id: Option<Uuid>,
    /// JSON object.
    pub(crate) metadata: String,
}

impl LineColumns {
    /// The line that the row tells of.
    pub(crate) fn read(self) -> Result<Line, StoreError> {
        let row = Row(self.payment_id);
        let id = PaymentId::from(self.payment_id);
        let restates = match (self.restates_sequence, self.restates_number) {
            (Some(sequence), Some(number)) => Some(LineName {
                payment: id,
                sequence: row.unsigned("restates_sequence", sequence)?,
                number: row.unsigned("restates_number", number)?,
            }),
            (Some(_) | None, _) => None,
        };
        Ok(Line {
            place: row.unsigned("position", self.position)?,
            posted_at: self.posted_at,
            entry: LineEntry {
                sequence: row.unsigned("sequence", self.sequence)?,
                at: self.at,
                source: row.parse("source", &self.source)?,
                state: row.parse("state", &self.state)?,
            },
            movement: Movement {
                number: row.unsigned("number", self.number)?,
                kind: row.parse("kind", &self.kind)?,
                relation: row.parse_some("relation", self.relation.as_deref())?,
                gateway_payment_id: row.parse("gateway_payment_id", &self.gateway_payment_id)?,
                amount: self.amount.normalize(),
                currency: row.parse("currency", &self.currency)?,
            },
            restates,
            payment: LinePayment {
                id,
                shop: row.parse("shop", &self.shop)?,
                reference_id: row.parse("reference_id", &self.reference_id)?,
                requested: row.money("amount", self.requested_amount, &self.requested_currency)?,
                payment_method: row.parse_some("payment_method", self.payment_method.as_deref())?,
                parent: self.parent_payment_id.map(PaymentId::from),
                metadata: row.json("metadata", &self.metadata)?,
            },
        })
    }
}

/// The columns of `unmatched_gateway_payments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnmatchedColumns {
    pub(crate) shop: String,
    pub(crate) gateway_payment_id: String,
    pub(crate) payment_type: Option<String>,
    pub(crate) state: String,
    pub(crate) reference_id: Option<String>,
    pub(crate) parent_gateway_payment_id: Option<String>,
    pub(crate) amount: Option<Decimal>,
    pub(crate) currency: Option<String>,
    pub(crate) created_at: Option<Time>,
    /// JSON object: the whole sighting.
    pub(crate) seen: String,
    pub(crate) first_seen_at: Time,
    pub(crate) last_seen_at: Time,
    pub(crate) tries: u32,
    pub(crate) next_try_at: Option<Time>,
    pub(crate) matched: Option<(PaymentId, Time)>,
}

impl UnmatchedColumns {
    /// Each gateway payment once, since a statement that writes a row twice is refused; of several the last one.
    pub(crate) fn of_all(unmatched: &[UnmatchedPayment]) -> Result<Vec<Self>, StoreError> {
        let mut last = BTreeMap::new();
        for one in unmatched {
            last.insert((&one.sighting.id, &one.shop), one);
        }
        last.into_values().map(Self::of).collect()
    }

    fn of(unmatched: &UnmatchedPayment) -> Result<Self, StoreError> {
        let sighting = &unmatched.sighting;
        let unwritable =
            |source| StoreError::Unreadable { what: "sighting", of: sighting.id.to_string(), source: Box::new(source) };
        let text = |text: &Option<String>| text.as_deref().map(|text| without_nul(text).into_owned());
        let state: &str = match &sighting.state {
            SeenState::Known(state) => state.into(),
            SeenState::Unknown(word) => word,
        };
        Ok(Self {
            shop: unmatched.shop.to_string(),
            gateway_payment_id: sighting.id.to_string(),
            payment_type: text(&sighting.payment_type),
            state: without_nul(state).into_owned(),
            reference_id: text(&sighting.reference_id),
            parent_gateway_payment_id: sighting.parent.as_ref().map(ToString::to_string),
            amount: sighting.money.map(|money| money.amount()),
            currency: sighting.money.map(|money| money.currency().to_string()),
            created_at: sighting.created,
            seen: json_without_nul(to_string(sighting).map_err(unwritable)?),
            first_seen_at: unmatched.first_seen_at,
            last_seen_at: unmatched.last_seen_at,
            tries: unmatched.tries,
            next_try_at: unmatched.next_try_at,
            matched: unmatched.matched,
        })
    }

    /// As it comes back from a database.
    pub(crate) fn payment(&self) -> Result<UnmatchedPayment, StoreError> {
        let seen_at = [self.first_seen_at, self.last_seen_at];
        Self::read(&self.shop, &self.seen, seen_at, self.tries.into(), self.next_try_at, self.matched)
    }

    /// The row that these columns tell of: all else is in what was seen.
    pub(crate) fn read(
        shop: &str,
        seen: &str,
        [first_seen_at, last_seen_at]: [Time; 2],
        tries: i64,
        next_try_at: Option<Time>,
        matched: Option<(PaymentId, Time)>,
    ) -> Result<UnmatchedPayment, StoreError> {
        let row = Row(shop);
        Ok(UnmatchedPayment {
            shop: row.parse("shop", shop)?,
            sighting: row.json("seen", seen)?,
            first_seen_at,
            last_seen_at,
            tries: row.unsigned("tries", tries)?,
            next_try_at,
            matched,
        })
    }
}

/// The word for what was seen; the same as the `kind` inside of its JSON.
fn kind(seen: &Seen) -> &'static str {
    match seen {
        Seen::Opened(_) => "opened",
        Seen::AboutToSend { .. } => "about-to-send",
        Seen::NotSent { .. } => "not-sent",
        Seen::GivenUp { .. } => "given-up",
        Seen::Refused { .. } => "refused",
        Seen::OutcomeUnknown { .. } => "outcome-unknown",
        Seen::Accepted { .. } => "accepted",
        Seen::Found { .. } => "found",
        Seen::Undecided { .. } => "undecided",
        Seen::Reported { .. } => "reported",
        Seen::Missing => "missing",
        Seen::ClaimedElsewhere { .. } => "claimed-elsewhere",
        Seen::CommandIssued { .. } => "command-issued",
        Seen::CommandRepeated { .. } => "command-repeated",
        Seen::CommandNotSent { .. } => "command-not-sent",
        Seen::CommandDenied { .. } => "command-denied",
        Seen::CommandUnknown { .. } => "command-unknown",
        Seen::CommandAnswered { .. } => "command-answered",
        Seen::RefundOpened { .. } => "refund-opened",
        Seen::RefundEnded { .. } => "refund-ended",
        Seen::ParentTold { .. } => "parent-told",
        Seen::Operated { .. } => "operated",
    }
}

/// The columns of an event: of `outbox` and of its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventColumns {
    pub(crate) position: i64,
    pub(crate) payment_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) version: i64,
    pub(crate) state: String,
    pub(crate) occurred_at: Time,
    pub(crate) shop: String,
    pub(crate) reference_id: String,
    pub(crate) payment_type: String,
    pub(crate) amount: Decimal,
    pub(crate) currency: String,
    pub(crate) trace: Option<String>,
}

impl EventColumns {
    /// The event that the row tells of.
    pub(crate) fn read(self) -> Result<Event, StoreError> {
        let row = Row(self.payment_id);
        Ok(Event {
            position: row.unsigned("position", self.position)?,
            payment: self.payment_id.into(),
            sequence: row.unsigned("sequence", self.sequence)?,
            version: row.unsigned("version", self.version)?,
            state: row.parse("state", &self.state)?,
            occurred_at: self.occurred_at,
            shop: row.parse("shop", &self.shop)?,
            reference_id: row.parse("reference_id", &self.reference_id)?,
            payment_type: row.parse("payment_type", &self.payment_type)?,
            requested: row.money("amount", self.amount, &self.currency)?,
            trace: trace(self.trace.as_deref()),
        })
    }
}

/// Where a payment's trace began. No payment fails to be read for the sake of it.
fn trace(text: Option<&str>) -> Option<TraceParent> {
    text.and_then(|text| text.parse().ok())
}

/// A count as the databases hold it: they know no unsigned ones.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A value of ours as JSON text.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    let unwritable = |source| StoreError::Unreadable {
        what: "a value to be written",
        of: "a row".to_owned(),
        source: Box::new(source),
    };
    to_string(value).map_err(unwritable)
}

pub(crate) fn words(set: &BTreeSet<impl ToString>) -> String {
    set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Reads the columns of one row, and says whose they are when they make no sense.
pub(crate) struct Row<Id>(pub(crate) Id);

impl<Id: ToString> Row<Id> {
    pub(crate) fn parse<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        text.parse().map_err(|source| self.unreadable(what, source))
    }

    pub(crate) fn parse_some<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &self,
        what: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| self.parse(what, text)).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, what: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|source| self.unreadable(what, source))
    }

    pub(crate) fn unsigned<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(
        &self,
        what: &'static str,
        count: i64,
    ) -> Result<T, StoreError> {
        T::try_from(count).map_err(|source| self.unreadable(what, source))
    }

    /// None if there is no amount.
    pub(crate) fn some_money(
        &self,
        what: &'static str,
        amount: Option<Decimal>,
        currency: Option<&str>,
    ) -> Result<Option<Money>, StoreError> {
        amount.zip(currency).map(|(amount, currency)| self.money(what, amount, currency)).transpose()
    }

    /// What parts add up to.
    pub(crate) fn total(
        &self,
        what: &'static str,
        parts: impl IntoIterator<Item = Decimal>,
    ) -> Result<Total, StoreError> {
        let sum = parts.into_iter().try_fold(Total::ZERO, Total::plus);
        sum.map_err(|source| self.unreadable(what, source))
    }

    fn money(&self, what: &'static str, amount: Decimal, currency: &str) -> Result<Money, StoreError> {
        let currency: Currency = self.parse(what, currency)?;
        Money::evidenced(amount, currency).map_err(|source| self.unreadable(what, source))
    }

    pub(crate) fn words<T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Ord>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<BTreeSet<T>, StoreError> {
        text.split(',').filter(|word| !word.is_empty()).map(|word| self.parse(what, word)).collect()
    }

    fn unreadable(&self, what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Unreadable { what, of: self.0.to_string(), source: Box::new(source) }
    }
}
