use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::envelope::{Envelope, EnvelopeResult, Refusal, body_text, read_refusal, read_success};
use super::{
    Balance, CardToken, Failure, NotSentReason, Operation, Payment, RawAnswer, Received, Subscription, TerminalToken,
    UnknownReason, WithdrawalBalance,
};

/// What a creating POST led to: the four classes of protocols, section 1, step 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The payment exists at the gateway. It says nothing about money.
    Accepted {
        /// Sparse: the contract's samples echo neither reference nor amount. A decline is here too.
        payment: Box<Payment>,
        /// The gateway's clock, if the answer shows it.
        gateway_time: Option<DateTime<Utc>>,
    },
    /// The gateway refused the request in its own words; nothing was created.
    Refused(Refusal),
    /// Nothing was created, for a reason that is not the caller's.
    NotSent(NotSentReason),
    /// Anything may have happened: to be looked up, never to be sent again blindly.
    Unknown(UnknownReason),
}

/// What a command on something that exists already led to (protocols, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome<T> {
    /// The gateway answered with the thing as it stands now.
    Accepted {
        /// A decline is here too.
        result: Box<T>,
        /// The gateway's clock, if the answer shows it.
        gateway_time: Option<DateTime<Utc>>,
    },
    /// Nothing was begun.
    NotSent(NotSentReason),
    /// Anything may have happened; a GET by id decides. The gateway's own "no" is here too, as
    /// [`UnknownReason::Refused`]: it calls its provider inside the request, and a command that is
    /// repeated may be refused because the first one worked.
    Unknown(UnknownReason),
}

/// What a read of one thing, or of a few, led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOutcome<T> {
    /// As it stands.
    Found {
        /// What was asked for.
        result: Box<T>,
        /// The gateway's clock, if the answer shows it.
        gateway_time: Option<DateTime<Utc>>,
    },
    /// The gateway does not know what was asked for in this environment and shop (404 in its own words).
    NotFound,
    /// The gateway does not know us (401 in its own words).
    Misconfigured(Refusal),
    /// No usable answer: nothing has been learnt.
    Unavailable(Failure),
}

/// A list that comes whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items<T> {
    /// What could be read, in the gateway's order.
    pub items: Vec<T>,
    /// How many entries could not be read. A list with such entries proves the absence of nothing.
    pub unreadable: usize,
}

/// What a GET of the list of payments led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOutcome {
    /// One page.
    Page {
        /// Newest first. The same id may come again on the next page, since pages shift.
        payments: Vec<Payment>,
        /// How many entries had no readable id. A page with such entries proves the absence of
        /// nothing.
        unreadable: usize,
        /// Whether to ask for another page. If the gateway does not say, a page with entries is taken
        /// to have a successor, so that nothing is overlooked.
        has_more: bool,
        /// The gateway's clock, if the answer shows it.
        gateway_time: Option<DateTime<Utc>>,
    },
    /// The gateway refused the query in its own words (400).
    Refused(Refusal),
    /// The gateway does not know us (401 in its own words, or 404 for the list itself).
    Misconfigured(Refusal),
    /// No usable answer: nothing has been learnt. [`UnknownReason::AnswerTooLarge`] asks for a smaller
    /// `limit`.
    Unavailable(Failure),
}

/// Judges what a creating POST led to.
pub fn classify_create(received: Received) -> CreateOutcome {
    match judge(received, read_one) {
        Judgement::Success(payment, gateway_time) => {
            CreateOutcome::Accepted { payment: Box::new(payment), gateway_time }
        }
        Judgement::Refusal(refusal) if refusal.status == 400 => CreateOutcome::Refused(refusal),
        Judgement::Refusal(refusal) => CreateOutcome::NotSent(NotSentReason::Misconfigured(refusal)),
        Judgement::Failure(Failure::NotSent(reason)) => CreateOutcome::NotSent(reason),
        Judgement::Failure(Failure::Unknown(reason)) => CreateOutcome::Unknown(reason),
    }
}

/// Judges what a command on a payment led to: PATCH, capture, void, chargeback, approve, reject.
pub fn classify_command(received: Received) -> CommandOutcome<Payment> {
    command(received)
}

/// Judges what the cancelling of a subscription led to.
pub fn classify_subscription_command(received: Received) -> CommandOutcome<Subscription> {
    command(received)
}

/// Judges what a GET of one payment led to.
pub fn read_payment(received: Received) -> ReadOutcome<Payment> {
    found(received, read_one)
}

/// Judges what a GET of one subscription led to.
pub fn read_subscription(received: Received) -> ReadOutcome<Subscription> {
    found(received, read_one)
}

/// Judges what a GET of a payment's operations led to. Newest first.
pub fn read_operations(received: Received) -> ReadOutcome<Items<Operation>> {
    found(received, read_items)
}

/// Judges what a GET of a customer's saved cards led to. A customer whom the gateway does not know has
/// none.
pub fn read_card_tokens(received: Received) -> ReadOutcome<Items<CardToken>> {
    found(received, read_items)
}

/// Judges what a GET of a terminal's tokens of a customer led to.
pub fn read_terminal_tokens(received: Received) -> ReadOutcome<Items<TerminalToken>> {
    found(received, read_items)
}

/// Judges what a GET of the balances led to.
pub fn read_balances(received: Received) -> ReadOutcome<Items<Balance>> {
    found(received, read_items)
}

/// Judges what a GET of the balances available for payouts led to.
pub fn read_withdrawal_balances(received: Received) -> ReadOutcome<Items<WithdrawalBalance>> {
    found(received, read_items)
}

/// Judges what a GET of the list of payments led to.
pub fn read_list(received: Received) -> ListOutcome {
    let page = |envelope: &Envelope<'_>| {
        let page = read_items(envelope)?;
        let has_more = envelope.has_more.unwrap_or(!page.items.is_empty() || page.unreadable > 0);
        Some((page, has_more))
    };
    match judge(received, page) {
        Judgement::Success((Items { items, unreadable }, has_more), gateway_time) => {
            ListOutcome::Page { payments: items, unreadable, has_more, gateway_time }
        }
        Judgement::Refusal(refusal) if refusal.status == 400 => ListOutcome::Refused(refusal),
        Judgement::Refusal(refusal) => ListOutcome::Misconfigured(refusal),
        Judgement::Failure(failure) => ListOutcome::Unavailable(failure),
    }
}

/// A thing that the gateway answers with, read from its JSON. `None` if nobody could say what it is.
pub(super) trait Answer: Sized {
    fn read(json: &str) -> Option<Self>;
}

fn command<T: Answer>(received: Received) -> CommandOutcome<T> {
    match judge(received, read_one) {
        Judgement::Success(result, gateway_time) => CommandOutcome::Accepted { result: Box::new(result), gateway_time },
        Judgement::Refusal(refusal) if refusal.status == 401 => {
            CommandOutcome::NotSent(NotSentReason::Misconfigured(refusal))
        }
        Judgement::Refusal(refusal) => CommandOutcome::Unknown(UnknownReason::Refused(refusal)),
        Judgement::Failure(Failure::NotSent(reason)) => CommandOutcome::NotSent(reason),
        Judgement::Failure(Failure::Unknown(reason)) => CommandOutcome::Unknown(reason),
    }
}

fn found<T>(received: Received, read: fn(&Envelope<'_>) -> Option<T>) -> ReadOutcome<T> {
    match judge(received, read) {
        Judgement::Success(result, gateway_time) => ReadOutcome::Found { result: Box::new(result), gateway_time },
        Judgement::Refusal(refusal) if refusal.status == 404 => ReadOutcome::NotFound,
        Judgement::Refusal(refusal) if refusal.status == 401 => ReadOutcome::Misconfigured(refusal),
        // The contract declares no 400 for these reads, so it is no word about what was asked for.
        Judgement::Refusal(refusal) => ReadOutcome::Unavailable(Failure::Unknown(UnknownReason::Status {
            status: refusal.status,
            retry_after: None,
        })),
        Judgement::Failure(failure) => ReadOutcome::Unavailable(failure),
    }
}

enum Judgement<Success> {
    /// With the gateway's clock, if the answer shows it.
    Success(Success, Option<DateTime<Utc>>),
    /// 400, 401 or 404 with the gateway's own error envelope.
    Refusal(Refusal),
    Failure(Failure),
}

/// What all calls have in common: only a success that can be read is a success, only the declared
/// refusals in the gateway's own envelope are refusals, and all the rest is unknown.
fn judge<Success>(received: Received, read: impl FnOnce(&Envelope<'_>) -> Option<Success>) -> Judgement<Success> {
    let RawAnswer { status, date, retry_after, body } = match received {
        Ok(answer) => answer,
        Err(failure) => return Judgement::Failure(failure),
    };
    let body: Cow<'_, str> = body_text(&body);
    let unknown = match status {
        200..=299 => {
            let read = |envelope: Envelope<'_>| Some((read(&envelope)?, envelope.gateway_time));
            match read_success(&body).and_then(read) {
                Some((success, stamp)) => return Judgement::Success(success, stamp.or(date)),
                None => UnknownReason::Unreadable { status },
            }
        }
        400 | 401 | 404 => match read_refusal(status, &body) {
            Some(refusal) => return Judgement::Refusal(refusal),
            None => UnknownReason::Status { status, retry_after },
        },
        409 => UnknownReason::Conflict,
        _ => UnknownReason::Status { status, retry_after },
    };
    Judgement::Failure(Failure::Unknown(unknown))
}

fn read_one<T: Answer>(envelope: &Envelope<'_>) -> Option<T> {
    match envelope.result {
        EnvelopeResult::Json(json) => T::read(json),
        EnvelopeResult::Null | EnvelopeResult::Missing => None,
    }
}

/// An empty list may license a second POST, so only an explicit `[]` or `null` is one; an answer
/// without any `result` is not.
fn read_items<T: Answer>(envelope: &Envelope<'_>) -> Option<Items<T>> {
    let entries: Vec<&RawValue> = match envelope.result {
        EnvelopeResult::Json(json) => serde_json::from_str(json).ok()?,
        EnvelopeResult::Null => Vec::new(),
        EnvelopeResult::Missing => return None,
    };
    let items: Vec<T> = entries.iter().filter_map(|entry| T::read(entry.get())).collect();
    Some(Items { unreadable: entries.len() - items.len(), items })
}
