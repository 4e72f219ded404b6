//! What goes wrong on purpose, and for which payments.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::contract::{amount::Amount, error_code::ErrorCode};
use crate::counters::{Counters, Endpoint};
use crate::order_field::OrderField;
use crate::switches::Exchange;
use rust_decimal::Decimal;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The connection closes without an answer; nothing was done.
    LostBefore,
    /// Everything was done; the connection closes without an answer.
    LostAfter,
    /// A JSON error of this status; nothing was done.
    StatusBefore(u16),
    /// A JSON error of this status although everything was done.
    StatusAfter(u16),
    /// 502 with an HTML page from something in between; nothing was done.
    HtmlBefore,
    /// 502 with an HTML page from something in between; everything was done.
    HtmlAfter,
    /// 403 with the HTML page of an edge firewall; nothing was done.
    Forbidden,
    /// 401 although the key is right; nothing was done.
    Unauthorized,
    /// 429 with a `Retry-After`; nothing was done.
    RateLimited {
        /// What the header says.
        retry_after_seconds: u32,
    },
    /// Everything is done, the answer comes late.
    Slow {
        /// By how much.
        millis: u32,
    },
    /// Everything is done, the connection closes in the middle of the body.
    Truncated,
    /// The deposit is paid while its creation is still being answered: the webhook overtakes the answer,
    /// which says `CHECKOUT`.
    HookEarly {
        /// How long the answer is held back.
        millis: u32,
    },
    /// The webhook comes twice.
    HookTwice,
    /// The webhook comes late.
    HookLate {
        /// By how much.
        millis: u32,
    },
    /// The webhook comes late by its own chance, so that others overtake it.
    HookShuffled {
        /// By how much at most.
        millis: u32,
    },
    /// The webhook never comes.
    HookNever,
    /// A webhook that is not answered with 2xx comes again.
    HookRetried {
        /// How often.
        times: u32,
        /// After which pause.
        pause_millis: u32,
    },
    /// The webhook names no `referenceId`.
    HookNameless,
    /// The webhook's signature was made with another key.
    HookForged,
    /// The webhook has no signature.
    HookUnsigned,
    /// The webhook's signature is hex in upper case.
    HookUpperCase,
    /// The webhook's signature is base64.
    HookBase64,
    /// The webhook is followed by one that tells another end, which the payment does not have.
    HookContradicted,
    /// The settled amount is the requested one times this factor.
    OtherAmount(Amount),
    /// The payment is settled in another currency.
    OtherCurrency(Exchange),
    /// Lists do not show the payment for a while.
    ListLag {
        /// For how long.
        millis: u32,
    },
    /// A list by the reference, without `created.gte`, reaches back for ever.
    ListUnlimited,
    /// The payment's id is of letters and digits.
    LettersInId,
    /// The creation is answered with the few fields of the specification's sample.
    SparseCreation,
    /// A second POST of the same reference is refused with 409.
    DuplicateRefused,
    /// Fields that the contract does not know are refused with 400.
    UnknownFieldsRefused,
    /// The deposit must carry these fields as well.
    MoreRequired(Vec<OrderField>),
    /// The refund is declined if it is above what is left of its deposit.
    RefundCapped,
    /// The untouched checkout is cancelled after a while.
    CheckoutTimesOut {
        /// After how long.
        millis: u32,
    },
    /// The payment stays `PENDING` for a while.
    Processing {
        /// For how long.
        millis: u32,
    },
    /// The payment is declined with this code, whatever the card.
    Declined(ErrorCode),
    /// The withdrawal is held back until the merchant approves or rejects it.
    Held,
    /// The withdrawal is final as soon as it is approved.
    ApprovedAtOnce,
    /// Void and reject leave the payment `PENDING` for a while.
    ReleaseLate {
        /// For how long.
        millis: u32,
    },
    /// An action in the wrong state is refused with 409 instead of 400.
    WrongStateConflict,
    /// The registration of a chargeback answers the chargeback and not the deposit.
    ChargebackRecord,
    /// PATCH is answered with a decline of this code.
    PatchDeclined(ErrorCode),
    /// PATCH moves the payment and is answered with a late 504.
    PatchTimeout {
        /// How late.
        millis: u32,
    },
    /// Capture leaves the payment `PENDING` for a while.
    CaptureLate {
        /// For how long.
        millis: u32,
    },
}

/// The moment at which a fault strikes. At each one, at most one fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Answer,
    Delivery,
    Retry,
    Notice,
    Signature,
    Settlement,
    Listing,
    Window,
    Naming,
    Creation,
    Duplicate,
    Fields,
    Demands,
    Refund,
    Checkout,
    Processing,
    Ending,
    Opening,
    Approval,
    Release,
    State,
    Chargeback,
    Patch,
    Capture,
}

impl Fault {
    /// The reserved prefixes and what the first POST of such a reference, and its payment, meet. A second
    /// POST of the same reference is answered as usual, so that whoever repeats can see the difference. A longer
    /// prefix adds to a shorter one that begins like it, and replaces it where both would strike at the same moment.
    pub fn well_known() -> Vec<(&'static str, Self)> {
        let last_name = OrderField::try_from("customer.lastName".to_owned());
        vec![
            ("lost-before-", Self::LostBefore),
            ("lost-after-", Self::LostAfter),
            ("http-500-after-", Self::StatusAfter(500)),
            ("http-502-after-", Self::StatusAfter(502)),
            ("http-503-after-", Self::StatusAfter(503)),
            ("http-500-", Self::StatusBefore(500)),
            ("http-502-", Self::StatusBefore(502)),
            ("http-503-", Self::StatusBefore(503)),
            ("http-429-", Self::StatusBefore(429)),
            ("html-after-", Self::HtmlAfter),
            ("html-403-", Self::Forbidden),
            ("html-", Self::HtmlBefore),
            ("http-401-", Self::Unauthorized),
            ("rate-limited-", Self::RateLimited { retry_after_seconds: 1 }),
            ("slow-", Self::Slow { millis: 5_000 }),
            ("truncated-", Self::Truncated),
            ("hook-early-", Self::HookEarly { millis: 1_000 }),
            ("hook-twice-", Self::HookTwice),
            ("hook-late-", Self::HookLate { millis: 30_000 }),
            ("hook-shuffled-", Self::HookShuffled { millis: 10_000 }),
            ("hook-never-", Self::HookNever),
            ("hook-retried-", Self::HookRetried { times: 3, pause_millis: 1_000 }),
            ("hook-nameless-", Self::HookNameless),
            ("hook-forged-", Self::HookForged),
            ("hook-unsigned-", Self::HookUnsigned),
            ("hook-upper-case-", Self::HookUpperCase),
            ("hook-base64-", Self::HookBase64),
            ("hook-contradicted-", Self::HookContradicted),
            ("other-amount-", Self::OtherAmount(Amount::new(Decimal::from_parts(9875, 0, 0, false, 4)))),
            ("other-currency-", Self::OtherCurrency(Exchange::to_usdt())),
            ("list-lag-", Self::ListLag { millis: 30_000 }),
            ("list-unlimited-", Self::ListUnlimited),
            ("letters-", Self::LettersInId),
            ("sparse-", Self::SparseCreation),
            ("duplicate-409-", Self::DuplicateRefused),
            ("strict-", Self::UnknownFieldsRefused),
            ("demanding-", Self::MoreRequired(last_name.into_iter().collect())),
            ("refund-capped-", Self::RefundCapped),
            ("times-out-", Self::CheckoutTimesOut { millis: 5_000 }),
            ("processing-", Self::Processing { millis: 10_000 }),
            ("declined-", Self::Declined(ErrorCode::INSUFFICIENT_FUNDS)),
            ("above-limit-", Self::Declined(ErrorCode::AMOUNT_ABOVE_MAXIMUM)),
            ("held-", Self::Held),
            ("held-final-", Self::ApprovedAtOnce),
            ("release-late-", Self::ReleaseLate { millis: 5_000 }),
            ("wrong-state-409-", Self::WrongStateConflict),
            ("chargeback-record-", Self::ChargebackRecord),
            ("patch-declined-", Self::PatchDeclined(ErrorCode::DECLINED_BY_ISSUER)),
            ("patch-timeout-", Self::PatchTimeout { millis: 5_000 }),
            ("capture-late-", Self::CaptureLate { millis: 5_000 }),
        ]
    }

    /// The same for people, a line each.
    pub fn list() -> String {
        let mut list = String::new();
        for (prefix, fault) in Self::well_known() {
            // Writing into a text cannot fail.
            let _ = write!(list, "\n  {prefix:<18} {}", fault.meaning());
        }
        list
    }

    /// The name that counters know it by: without its figures.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LostBefore => "lost-before",
            Self::LostAfter => "lost-after",
            Self::StatusBefore(_) => "status-before",
            Self::StatusAfter(_) => "status-after",
            Self::HtmlBefore => "html-before",
            Self::HtmlAfter => "html-after",
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited { .. } => "rate-limited",
            Self::Slow { .. } => "slow",
            Self::Truncated => "truncated",
            Self::HookEarly { .. } => "hook-early",
            Self::HookTwice => "hook-twice",
            Self::HookLate { .. } => "hook-late",
            Self::HookShuffled { .. } => "hook-shuffled",
            Self::HookNever => "hook-never",
            Self::HookRetried { .. } => "hook-retried",
            Self::HookNameless => "hook-nameless",
            Self::HookForged => "hook-forged",
            Self::HookUnsigned => "hook-unsigned",
            Self::HookUpperCase => "hook-upper-case",
            Self::HookBase64 => "hook-base64",
            Self::HookContradicted => "hook-contradicted",
            Self::OtherAmount(_) => "other-amount",
            Self::OtherCurrency(_) => "other-currency",
            Self::ListLag { .. } => "list-lag",
            Self::ListUnlimited => "list-unlimited",
            Self::LettersInId => "letters-in-id",
            Self::SparseCreation => "sparse-creation",
            Self::DuplicateRefused => "duplicate-refused",
            Self::UnknownFieldsRefused => "unknown-fields-refused",
            Self::MoreRequired(_) => "more-required",
            Self::RefundCapped => "refund-capped",
            Self::CheckoutTimesOut { .. } => "checkout-times-out",
            Self::Processing { .. } => "processing",
            Self::Declined(_) => "declined",
            Self::Held => "held",
            Self::ApprovedAtOnce => "approved-at-once",
            Self::ReleaseLate { .. } => "release-late",
            Self::WrongStateConflict => "wrong-state-conflict",
            Self::ChargebackRecord => "chargeback-record",
            Self::PatchDeclined(_) => "patch-declined",
            Self::PatchTimeout { .. } => "patch-timeout",
            Self::CaptureLate { .. } => "capture-late",
        }
    }

    /// What it does, in one line for a person.
    pub fn meaning(&self) -> String {
        let meaning = match self {
            Self::LostBefore => "the connection closes without an answer, nothing was done",
            Self::LostAfter => "the connection closes without an answer, the payment was made",
            Self::StatusBefore(_) => "a JSON error of this status, nothing was done",
            Self::StatusAfter(_) => "a JSON error of this status, the payment was made",
            Self::HtmlBefore => "502 with an HTML page, nothing was done",
            Self::HtmlAfter => "502 with an HTML page, the payment was made",
            Self::Forbidden => "403 with the HTML page of an edge firewall, nothing was done",
            Self::Unauthorized => "401 although the key is right, nothing was done",
            Self::RateLimited { .. } => "429 with Retry-After, nothing was done",
            Self::Slow { .. } => "the answer comes late",
            Self::Truncated => "the answer ends in its middle, the payment was made",
            Self::HookEarly { .. } => "paid at once; the webhook overtakes the answer",
            Self::HookTwice => "the webhook comes twice",
            Self::HookLate { .. } => "the webhook comes late",
            Self::HookShuffled { .. } => "the webhook comes late by chance, others overtake it",
            Self::HookNever => "the webhook never comes",
            Self::HookRetried { .. } => "a webhook that is refused comes again",
            Self::HookNameless => "the webhook names no referenceId",
            Self::HookForged => "the webhook's signature is wrong",
            Self::HookUnsigned => "the webhook has no signature",
            Self::HookUpperCase => "the webhook's signature is hex in upper case",
            Self::HookBase64 => "the webhook's signature is base64",
            Self::HookContradicted => "the webhook is followed by one of another end, which is not true",
            Self::OtherAmount(_) => "settled with another amount",
            Self::OtherCurrency(_) => "settled in another currency",
            Self::ListLag { .. } => "lists do not show the payment for a while",
            Self::ListUnlimited => "a list by the reference needs no created.gte to reach back beyond a day",
            Self::LettersInId => "the id is of letters and digits, not of hex",
            Self::SparseCreation => "the creation is answered with the sample's few fields",
            Self::DuplicateRefused => "a second POST of the same reference is refused with 409",
            Self::UnknownFieldsRefused => "fields that the contract does not know are refused with 400",
            Self::MoreRequired(fields) => {
                let fields: Vec<&str> = fields.iter().map(OrderField::name).collect();
                return format!("a deposit without {} is refused with 400", fields.join(", "));
            }
            Self::RefundCapped => "a refund above what is left of its deposit is declined with 1.08",
            Self::CheckoutTimesOut { .. } => "the untouched checkout is soon cancelled with 1.04",
            Self::Processing { .. } => "PENDING for a while",
            Self::Declined(code) => return format!("declined with {code}, whatever the card"),
            Self::Held => "a withdrawal waits for approval or rejection",
            Self::ApprovedAtOnce => "a withdrawal waits for approval, and is final as soon as it is approved",
            Self::ReleaseLate { .. } => "void and reject leave the payment PENDING for a while",
            Self::WrongStateConflict => "an action in the wrong state is refused with 409, not 400",
            Self::ChargebackRecord => "a chargeback's registration answers the chargeback, not the deposit",
            Self::PatchDeclined(_) => "PATCH is answered with a decline",
            Self::PatchTimeout { .. } => "PATCH moves the payment, its answer is a late 504",
            Self::CaptureLate { .. } => "capture leaves the payment PENDING for a while",
        };
        meaning.to_owned()
    }

    pub(crate) const fn moment(&self) -> Moment {
        match self {
            Self::LostBefore
            | Self::LostAfter
            | Self::StatusBefore(_)
            | Self::StatusAfter(_)
            | Self::HtmlBefore
            | Self::HtmlAfter
            | Self::Forbidden
            | Self::Unauthorized
            | Self::RateLimited { .. }
            | Self::Slow { .. }
            | Self::Truncated
            | Self::HookEarly { .. } => Moment::Answer,
            Self::HookTwice
            | Self::HookLate { .. }
            | Self::HookShuffled { .. }
            | Self::HookNever
            | Self::HookContradicted => Moment::Delivery,
            Self::HookRetried { .. } => Moment::Retry,
            Self::HookNameless => Moment::Notice,
            Self::HookForged | Self::HookUnsigned | Self::HookUpperCase | Self::HookBase64 => Moment::Signature,
            Self::OtherAmount(_) | Self::OtherCurrency(_) => Moment::Settlement,
            Self::ListLag { .. } => Moment::Listing,
            Self::ListUnlimited => Moment::Window,
            Self::LettersInId => Moment::Naming,
            Self::SparseCreation => Moment::Creation,
            Self::DuplicateRefused => Moment::Duplicate,
            Self::UnknownFieldsRefused => Moment::Fields,
            Self::MoreRequired(_) => Moment::Demands,
            Self::RefundCapped => Moment::Refund,
            Self::CheckoutTimesOut { .. } => Moment::Checkout,
            Self::Processing { .. } => Moment::Processing,
            Self::Declined(_) => Moment::Ending,
            Self::Held => Moment::Opening,
            Self::ApprovedAtOnce => Moment::Approval,
            Self::ReleaseLate { .. } => Moment::Release,
            Self::WrongStateConflict => Moment::State,
            Self::ChargebackRecord => Moment::Chargeback,
            Self::PatchDeclined(_) | Self::PatchTimeout { .. } => Moment::Patch,
            Self::CaptureLate { .. } => Moment::Capture,
        }
    }
}

impl Exchange {
    fn to_usdt() -> Self {
        Self { currency: "USDT".to_owned(), rate: Amount::new(Decimal::from_parts(10825, 0, 0, false, 4)) }
    }
}

/// A fault for all references with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// How the `referenceId` begins; the empty one fits all, also requests that name none.
    #[serde(default)]
    pub prefix: String,
    /// What goes wrong.
    pub fault: Fault,
    /// The endpoint whose answers it strikes; faults of webhooks, amounts and lists do not look at it.
    #[serde(default)]
    pub on: Endpoint,
    /// How often it still strikes; `None` is always.
    #[serde(default)]
    pub times: Option<u32>,
}

/// The rules of a run, asked in the order in which they were added.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FaultPlan {
    rules: Vec<FaultRule>,
}

impl FaultPlan {
    /// Lets `fault` strike payments whose reference begins with `prefix`; one that strikes answers strikes
    /// those of POST payments.
    pub fn add(&mut self, prefix: impl Into<String>, fault: Fault, times: Option<u32>) {
        self.add_rule(FaultRule { prefix: prefix.into(), fault, on: Endpoint::Create, times });
    }

    /// The same with every choice.
    pub fn add_rule(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    /// Takes all rules with this prefix away; says how many there were.
    pub fn remove(&mut self, prefix: &str) -> usize {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.prefix != prefix);
        before - self.rules.len()
    }

    /// Takes all rules away. The reserved prefixes stay: they are a switch.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules that can still strike.
    pub fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// The fault that strikes an answer of `endpoint`, used up by one.
    pub(crate) fn draw_answer(&mut self, endpoint: Endpoint, reference: &str) -> Option<Fault> {
        self.draw(reference, |rule| rule.fault.moment() == Moment::Answer && rule.on == endpoint)
    }

    /// The fault that strikes a payment at `moment`, used up by one.
    pub(crate) fn draw_at(&mut self, moment: Moment, reference: &str) -> Option<Fault> {
        self.draw(reference, |rule| rule.fault.moment() == moment)
    }

    fn draw(&mut self, reference: &str, strikes: impl Fn(&FaultRule) -> bool) -> Option<Fault> {
        let at = self.rules.iter().position(|rule| strikes(rule) && reference.starts_with(&rule.prefix))?;
        let rule = self.rules.get_mut(at)?;
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.rules.remove(at);
            }
        }
        Some(fault)
    }
}

/// The reserved prefixes as a table.
#[derive(Debug, Clone)]
pub(crate) struct Reserved(Vec<(String, Fault)>);

impl Reserved {
    /// Longer prefixes first, so that `http-500-after-` is not taken for `http-500-`.
    pub(crate) fn new() -> Self {
        let mut reserved = Self(Vec::new());
        reserved.extend(Fault::well_known().into_iter().map(|(prefix, fault)| (prefix.to_owned(), fault)));
        reserved
    }

    /// Reserves more of them; what these prefixes meant before is forgotten. Each may have a fault for every moment.
    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = (String, Fault)>) {
        let more: Vec<_> = more.into_iter().collect();
        self.0.retain(|(known, _)| more.iter().all(|(prefix, _)| prefix != known));
        self.0.extend(more);
        self.0.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    }

    pub(crate) fn all(&self) -> &[(String, Fault)] {
        &self.0
    }

    pub(crate) fn find(&self, moment: Moment, reference: &str) -> Option<Fault> {
        let strikes = |(prefix, fault): &&(String, Fault)| fault.moment() == moment && reference.starts_with(prefix);
        self.0.iter().find(strikes).map(|(_, fault)| fault.clone())
    }
}

impl Counters {
    pub(crate) fn note_fault(&mut self, fault: &Fault) {
        self.count_fault(fault.name());
    }

    /// How often this fault struck, whatever its figures.
    pub fn injected(&self, fault: &Fault) -> u64 {
        self.faults().get(fault.name()).copied().unwrap_or(0)
    }
}
