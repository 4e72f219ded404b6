use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::envelope::{Envelope, EnvelopeResult, Refusal, body_text, read_refusal, read_success};
use super::{Failure, NotSentReason, Payment, RawAnswer, Received, UnknownReason};

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

/// What a PATCH led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchOutcome {
    /// The gateway answered with the payment.
    Accepted {
        /// With `external_refs`, if there are instructions for the customer.
        payment: Box<Payment>,
        /// The gateway's clock, if the answer shows it.
        gateway_time: Option<DateTime<Utc>>,
    },
    /// The gateway said no in its own words (400 or 404). That alone is no proof: the gateway calls
    /// its provider inside the request, so a GET by id decides (protocols, section 3).
    Refused(Refusal),
    /// Nothing was started.
    NotSent(NotSentReason),
    /// Anything may have happened; a GET by id decides.
    Unknown(UnknownReason),
}

/// What a GET by id led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GetOutcome {
    /// The payment as it stands.
    Found {
        /// The full payment.
        payment: Box<Payment>,
        /// The gateway's clock, if the answer shows it.
        gateway_time: Option<DateTime<Utc>>,
    },
    /// The gateway does not know this id in this environment and shop (404 in its own words).
    NotFound,
    /// The gateway does not know us (401 in its own words).
    Misconfigured(Refusal),
    /// No usable answer: nothing has been learnt.
    Unavailable(Failure),
}

/// What a GET of the list led to.
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
        Judgement::Success((payment, gateway_time)) => CreateOutcome::Accepted { payment, gateway_time },
        Judgement::Refusal(refusal) if refusal.status == 400 => CreateOutcome::Refused(refusal),
        Judgement::Refusal(refusal) => CreateOutcome::NotSent(NotSentReason::Misconfigured(refusal)),
        Judgement::Failure(Failure::NotSent(reason)) => CreateOutcome::NotSent(reason),
        Judgement::Failure(Failure::Unknown(reason)) => CreateOutcome::Unknown(reason),
    }
}

/// Judges what a PATCH led to.
pub fn classify_patch(received: Received) -> PatchOutcome {
    match judge(received, read_one) {
        Judgement::Success((payment, gateway_time)) => PatchOutcome::Accepted { payment, gateway_time },
        Judgement::Refusal(refusal) if refusal.status == 401 => {
            PatchOutcome::NotSent(NotSentReason::Misconfigured(refusal))
        }
        Judgement::Refusal(refusal) => PatchOutcome::Refused(refusal),
        Judgement::Failure(Failure::NotSent(reason)) => PatchOutcome::NotSent(reason),
        Judgement::Failure(Failure::Unknown(reason)) => PatchOutcome::Unknown(reason),
    }
}

/// Judges what a GET by id led to.
pub fn read_payment(received: Received) -> GetOutcome {
    match judge(received, read_one) {
        Judgement::Success((payment, gateway_time)) => GetOutcome::Found { payment, gateway_time },
        Judgement::Refusal(refusal) if refusal.status == 404 => GetOutcome::NotFound,
        Judgement::Refusal(refusal) if refusal.status == 401 => GetOutcome::Misconfigured(refusal),
        // The contract declares no 400 here, so it is no word about the payment.
        Judgement::Refusal(refusal) => GetOutcome::Unavailable(Failure::Unknown(UnknownReason::Status {
            status: refusal.status,
            retry_after: None,
        })),
        Judgement::Failure(failure) => GetOutcome::Unavailable(failure),
    }
}

/// Judges what a GET of the list led to.
pub fn read_list(received: Received) -> ListOutcome {
    match judge(received, read_page) {
        Judgement::Success(page) => page,
        Judgement::Refusal(refusal) if refusal.status == 400 => ListOutcome::Refused(refusal),
        Judgement::Refusal(refusal) => ListOutcome::Misconfigured(refusal),
        Judgement::Failure(failure) => ListOutcome::Unavailable(failure),
    }
}

enum Judgement<Success> {
    Success(Success),
    /// 400, 401 or 404 with the gateway's own error envelope.
    Refusal(Refusal),
    Failure(Failure),
}

/// What all calls have in common: only a success that can be read is a success, only the declared
/// refusals in the gateway's own envelope are refusals, and all the rest is unknown.
fn judge<Success>(
    received: Received,
    read: impl FnOnce(&Envelope<'_>, &RawAnswer) -> Option<Success>,
) -> Judgement<Success> {
    let answer = match received {
        Ok(answer) => answer,
        Err(failure) => return Judgement::Failure(failure),
    };
    let status = answer.status;
    let body = body_text(&answer.body);
    let unknown = match status {
        200..=299 => match read_success(&body).and_then(|envelope| read(&envelope, &answer)) {
            Some(success) => return Judgement::Success(success),
            None => UnknownReason::Unreadable { status },
        },
        400 | 401 | 404 => match read_refusal(status, &body) {
            Some(refusal) => return Judgement::Refusal(refusal),
            None => UnknownReason::Status { status, retry_after: answer.retry_after },
        },
        409 => UnknownReason::Conflict,
        _ => UnknownReason::Status { status, retry_after: answer.retry_after },
    };
    Judgement::Failure(Failure::Unknown(unknown))
}

fn read_one(envelope: &Envelope<'_>, answer: &RawAnswer) -> Option<(Box<Payment>, Option<DateTime<Utc>>)> {
    let EnvelopeResult::Json(json) = envelope.result else { return None };
    let payment = Payment::read(json).ok()?;
    Some((Box::new(payment), envelope.gateway_time.or(answer.date)))
}

/// An empty page may license a second POST, so only an explicit `[]` or `null` is one; an answer
/// without any `result` is not.
fn read_page(envelope: &Envelope<'_>, answer: &RawAnswer) -> Option<ListOutcome> {
    let items: Vec<&RawValue> = match envelope.result {
        EnvelopeResult::Json(json) => serde_json::from_str(json).ok()?,
        EnvelopeResult::Null => Vec::new(),
        EnvelopeResult::Missing => return None,
    };
    let payments: Vec<_> = items.iter().filter_map(|item| Payment::read(item.get()).ok()).collect();
    Some(ListOutcome::Page {
        unreadable: items.len() - payments.len(),
        has_more: envelope.has_more.unwrap_or(!items.is_empty()),
        gateway_time: envelope.gateway_time.or(answer.date),
        payments,
    })
}
