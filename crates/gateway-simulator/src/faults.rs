//! What goes wrong on purpose, and for which payments.

use serde::{Deserialize, Serialize};

use crate::contract::{amount::Amount, error_code::ErrorCode};
use crate::counters::{Counters, Endpoint};
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
    /// The webhook never comes.
    HookNever,
    /// The webhook's signature was made with another key.
    HookForged,
    /// The settled amount is the requested one times this factor.
    OtherAmount(Amount),
    /// The payment is settled in another currency.
    OtherCurrency(Exchange),
    /// Lists do not show the payment for a while.
    ListLag {
        /// For how long.
        millis: u32,
    },
    /// The withdrawal is held back until the merchant approves or rejects it.
    Held,
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
    Signature,
    Settlement,
    Listing,
    Opening,
    Patch,
    Capture,
}

impl Fault {
    /// The reserved prefixes and what the first POST of such a reference, and its payment, meet. A second
    /// POST of the same reference is answered as usual, so that whoever repeats can see the difference.
    pub fn well_known() -> [(&'static str, Self); 27] {
        [
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
            ("slow-", Self::Slow { millis: 5_000 }),
            ("truncated-", Self::Truncated),
            ("hook-early-", Self::HookEarly { millis: 1_000 }),
            ("hook-twice-", Self::HookTwice),
            ("hook-late-", Self::HookLate { millis: 30_000 }),
            ("hook-never-", Self::HookNever),
            ("hook-forged-", Self::HookForged),
            ("other-amount-", Self::OtherAmount(Amount::new(Decimal::from_parts(9875, 0, 0, false, 4)))),
            ("other-currency-", Self::OtherCurrency(Exchange::to_usdt())),
            ("list-lag-", Self::ListLag { millis: 30_000 }),
            ("held-", Self::Held),
            ("patch-declined-", Self::PatchDeclined(ErrorCode::DECLINED_BY_ISSUER)),
            ("patch-timeout-", Self::PatchTimeout { millis: 5_000 }),
            ("capture-late-", Self::CaptureLate { millis: 5_000 }),
        ]
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
            Self::Slow { .. } => "slow",
            Self::Truncated => "truncated",
            Self::HookEarly { .. } => "hook-early",
            Self::HookTwice => "hook-twice",
            Self::HookLate { .. } => "hook-late",
            Self::HookNever => "hook-never",
            Self::HookForged => "hook-forged",
            Self::OtherAmount(_) => "other-amount",
            Self::OtherCurrency(_) => "other-currency",
            Self::ListLag { .. } => "list-lag",
            Self::Held => "held",
            Self::PatchDeclined(_) => "patch-declined",
            Self::PatchTimeout { .. } => "patch-timeout",
            Self::CaptureLate { .. } => "capture-late",
        }
    }

    /// What it does, in one line for a person.
    pub const fn meaning(&self) -> &'static str {
        match self {
            Self::LostBefore => "the connection closes without an answer, nothing was done",
            Self::LostAfter => "the connection closes without an answer, the payment was made",
            Self::StatusBefore(_) => "a JSON error of this status, nothing was done",
            Self::StatusAfter(_) => "a JSON error of this status, the payment was made",
            Self::HtmlBefore => "502 with an HTML page, nothing was done",
            Self::HtmlAfter => "502 with an HTML page, the payment was made",
            Self::Forbidden => "403 with the HTML page of an edge firewall, nothing was done",
            Self::Unauthorized => "401 although the key is right, nothing was done",
            Self::Slow { .. } => "the answer comes late",
            Self::Truncated => "the answer ends in its middle, the payment was made",
            Self::HookEarly { .. } => "paid at once; the webhook overtakes the answer",
            Self::HookTwice => "the webhook comes twice",
            Self::HookLate { .. } => "the webhook comes late",
            Self::HookNever => "the webhook never comes",
            Self::HookForged => "the webhook's signature is wrong",
            Self::OtherAmount(_) => "settled with another amount",
            Self::OtherCurrency(_) => "settled in another currency",
            Self::ListLag { .. } => "lists do not show the payment for a while",
            Self::Held => "a withdrawal waits for approval or rejection",
            Self::PatchDeclined(_) => "PATCH is answered with a decline",
            Self::PatchTimeout { .. } => "PATCH moves the payment, its answer is a late 504",
            Self::CaptureLate { .. } => "capture leaves the payment PENDING for a while",
        }
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
            | Self::Slow { .. }
            | Self::Truncated
            | Self::HookEarly { .. } => Moment::Answer,
            Self::HookTwice | Self::HookLate { .. } | Self::HookNever => Moment::Delivery,
            Self::HookForged => Moment::Signature,
            Self::OtherAmount(_) | Self::OtherCurrency(_) => Moment::Settlement,
            Self::ListLag { .. } => Moment::Listing,
            Self::Held => Moment::Opening,
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

/// The reserved prefixes as a table that is built once.
#[derive(Debug, Clone)]
pub(crate) struct Reserved(Vec<(&'static str, Fault)>);

impl Reserved {
    /// Longer prefixes first, so that `http-500-after-` is not taken for `http-500-`.
    pub(crate) fn new() -> Self {
        let mut table = Fault::well_known().to_vec();
        table.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self(table)
    }

    pub(crate) fn find(&self, moment: Moment, reference: &str) -> Option<Fault> {
        let (_, fault) = self.0.iter().find(|(prefix, _)| reference.starts_with(prefix))?;
        (fault.moment() == moment).then(|| fault.clone())
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
