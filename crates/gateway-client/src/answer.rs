//! Bytes or failure in: what came back from the gateway, and what it means. Everything here is total;
//! no answer, however odd, is more than "unknown".

mod balance;
mod envelope;
mod fields;
mod operation;
mod outcome;
mod payment;
mod subscription;
mod token;

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use balance::{Balance, WithdrawalBalance};
pub use envelope::{FieldError, Refusal};
pub use operation::Operation;
pub use outcome::{
    CommandOutcome, CreateOutcome, Items, ListOutcome, ReadOutcome, classify_command, classify_create,
    classify_subscription_command, read_balances, read_card_tokens, read_list, read_operations, read_payment,
    read_subscription, read_terminal_tokens, read_withdrawal_balances,
};
pub use payment::{Payment, PaymentMethodDetails, UnreadableBody, read_webhook};
pub use subscription::{Cycle, Subscription, SubscriptionRetry};
pub use token::{CardToken, TerminalToken};

/// What sending a request led to, before anyone has judged it.
pub type Received = Result<RawAnswer, Failure>;

/// A complete HTTP answer.
#[derive(Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// The status of the HTTP line, which wins over the one repeated in the body.
    pub status: u16,
    /// The `Date` header, if it could be read.
    pub date: Option<DateTime<Utc>>,
    /// The `Retry-After` header as a time to wait, if it could be read.
    pub retry_after: Option<Duration>,
    /// The whole body; whoever carried it has bounded it.
    pub body: Bytes,
}

/// There is no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It is proven that the gateway took nothing.
    #[error("not sent: {0}")]
    NotSent(#[source] NotSentReason),
    /// The gateway may or may not have acted.
    #[error("outcome unknown: {0}")]
    Unknown(#[source] UnknownReason),
}

/// Why it is certain that the gateway took nothing (protocols, section 1, step 4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSentReason {
    /// The request could not be put together.
    #[error("the request could not be built")]
    Unbuildable,
    /// The gateway's host name has no address.
    #[error("the gateway's name could not be resolved")]
    Unresolved,
    /// Nobody listens there.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// No connection came about within the time set for connecting.
    #[error("no connection within the time allowed for it")]
    ConnectTimeout,
    /// The other side could not be trusted, or spoke no TLS.
    #[error("no trusted TLS connection could be made")]
    Untrusted,
    /// No connection, for another reason.
    #[error("no connection could be made")]
    NoConnection,
    /// The gateway said in its own words that it does not know us (401), or not what we speak of
    /// (404). Ours to mend, not the caller's.
    #[error("the gateway does not accept our configuration: {0}")]
    Misconfigured(Refusal),
}

/// Why the outcome of a request is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownReason {
    /// The total time ran out, also if that was while still connecting.
    #[error("no complete answer in time")]
    Timeout,
    /// The connection ended before the answer was complete.
    #[error("the connection was lost before the answer was complete")]
    ConnectionLost,
    /// What came back was not HTTP.
    #[error("the answer was not HTTP")]
    NotHttp,
    /// The answer was larger than we are willing to read.
    #[error("the answer was larger than allowed")]
    AnswerTooLarge,
    /// Anything else that went wrong on the way.
    #[error("the exchange failed on the way")]
    Transport,
    /// 409: the reference may exist already, so it is looked up at once.
    #[error("the gateway reports a conflict (HTTP 409)")]
    Conflict,
    /// The gateway refused a command in its own words. That alone is no proof, since the first of two
    /// may have worked.
    #[error("the gateway refused: {0}")]
    Refused(Refusal),
    /// A status that the contract gives no meaning to, or a known one without the gateway's envelope.
    #[error("the gateway answered HTTP {status}")]
    Status {
        /// The status of the HTTP line.
        status: u16,
        /// How long the gateway asks us to wait.
        retry_after: Option<Duration>,
    },
    /// A success whose body is not the contract's.
    #[error("the gateway answered HTTP {status} with a body that cannot be read")]
    Unreadable {
        /// The status of the HTTP line.
        status: u16,
    },
}

impl RawAnswer {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, date: None, retry_after: None, body: body.into() }
    }
}

/// `Date` as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn read_date(header: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(header.trim()).ok().map(|time| time.with_timezone(&Utc))
}

/// The longest wait that is believed: beyond a day a header is a mistake, and must not silence us.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// `Retry-After`: seconds, or a date, which then counts from the answer's own `date`, because the two
/// clocks may differ. At most a day.
pub fn read_retry_after(header: &str, date: Option<DateTime<Utc>>) -> Option<Duration> {
    let header = header.trim();
    let all_digits = !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if all_digits {
        header.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        (read_date(header)? - date?).to_std().ok()?
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// Shows the size of the body, never its content.
impl std::fmt::Debug for RawAnswer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RawAnswer")
            .field("status", &self.status)
            .field("date", &self.date)
            .field("retry_after", &self.retry_after)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
