use std::fmt;

use crate::chance::Chance;

/// What goes wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Fault {
    /// No connection to the gateway comes about.
    NotSent,
    /// A request reaches the gateway minutes after we gave it up.
    RequestLate,
    /// A request never reaches the gateway, and we cannot know.
    RequestLost,
    /// The gateway does what it was asked; its answer is lost.
    AnswerLost,
    /// A JSON error beyond 500, or 429; nothing was done.
    ErrorStatus,
    /// A JSON error beyond 500 although everything was done.
    ErrorStatusAfter,
    /// An HTML page from something in between; nothing was done.
    Html,
    /// An HTML page although everything was done.
    HtmlAfter,
    /// 403 from an edge firewall.
    Forbidden,
    /// 401 although our key is right.
    Unauthorized,
    /// 400 in the gateway's words.
    Refused,
    /// The answer takes seconds.
    AnswerSlow,
    /// The answer takes longer than we wait.
    AnswerTooSlow,
    /// The connection closes in the middle of the answer.
    AnswerTruncated,
    /// The payment is paid while its creation is being answered.
    HookEarly,
    /// Lists do not show a payment for a while.
    ListLag,
    /// A list shifts while it is read: something comes in between two pages.
    ListShift,
    /// A page in the middle of a pass is never answered.
    PageLost,
    /// A process dies in the middle of a pass.
    DeathInAPass,
    /// A process oversleeps in the middle of a pass, and its lease with it.
    SleepInAPass,
    /// The gateway settles another sum.
    OtherAmount,
    /// The gateway settles in another currency.
    OtherCurrency,
    /// Answers to creations hold the few fields of the specification's sample only.
    SparseAnswers,
    /// The gateway's clock is not ours.
    GatewayClock,
    /// The gateway does not answer at all for a while.
    GatewayDown,
    /// A webhook never comes.
    HookDropped,
    /// None ever comes.
    HooksSilent,
    /// A webhook comes twice.
    HookDoubled,
    /// A webhook comes late, behind later ones.
    HookLate,
    /// Somebody else sends a webhook.
    HookForged,
    /// Webhooks do not carry our reference.
    HookWithoutReference,
    /// The database does not take a statement.
    StoreUnavailable,
    /// The database takes seconds.
    StoreSlow,
    /// The connection breaks, and the statement never arrives.
    CommitLost,
    /// The connection breaks after the commit.
    CommitUnknown,
    /// The connection breaks, and the commit happens afterwards.
    CommitLate,
    /// A process is killed.
    Crash,
    /// A process stands still while time goes on.
    Pause,
    /// Who waits for a deed goes away, and the deed is dropped.
    HangUp,
    /// Our processes' clocks differ.
    ProcessClock,
    /// The whole house is down for more than a day.
    Outage,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// How often it may strike, in ten thousand opportunities: each seed draws one of these, or none.
    fn rates(self) -> [u32; 3] {
        match self {
            // Whole runs, or whole payments, are struck.
            Self::SparseAnswers | Self::GatewayClock | Self::HookWithoutReference | Self::ProcessClock => [10_000; 3],
            Self::HooksSilent => [0, 0, 10_000],
            Self::ListShift | Self::PageLost => [200, 1_000, 3_000],
            Self::DeathInAPass | Self::SleepInAPass => [50, 200, 1_000],
            Self::GatewayDown => [3_000, 6_000, 10_000],
            Self::Outage => [1_500, 1_500, 3_000],
            Self::OtherAmount | Self::OtherCurrency | Self::ListLag | Self::HookForged => [500, 2_000, 5_000],
            // At every poll of a process.
            Self::Crash => [5, 20, 60],
            Self::Pause => [3, 10, 30],
            // Our key is refused for everybody at once, so once is a lot.
            Self::Unauthorized => [20, 50, 200],
            Self::StoreUnavailable | Self::CommitLost | Self::CommitUnknown | Self::CommitLate => [50, 200, 800],
            Self::NotSent
            | Self::RequestLate
            | Self::RequestLost
            | Self::AnswerLost
            | Self::ErrorStatus
            | Self::ErrorStatusAfter
            | Self::Html
            | Self::HtmlAfter
            | Self::Forbidden
            | Self::Refused
            | Self::AnswerSlow
            | Self::AnswerTooSlow
            | Self::AnswerTruncated
            | Self::HookEarly
            | Self::StoreSlow => [100, 400, 1_500],
            Self::HookDropped | Self::HookDoubled | Self::HookLate | Self::HangUp => [500, 1_500, 4_000],
        }
    }

    fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}

/// Which faults a seed has, and how often: a few each time, since all at once hide one another.
#[derive(Debug, Clone)]
pub(crate) struct Swarm([u32; Fault::ALL.len()]);

impl Swarm {
    pub(crate) fn draw(chance: &Chance) -> Self {
        let mut rates = [0; Fault::ALL.len()];
        // Some seeds are calm, so that a fault is never needed for a rule to hold.
        if chance.happens(9_700) {
            let share = chance.pick([1_500, 3_000, 5_000]);
            for fault in Fault::ALL {
                if chance.happens(share) {
                    rates[fault.place()] = chance.pick(fault.rates());
                }
            }
        }
        Self(rates)
    }

    pub(crate) fn rate(&self, fault: Fault) -> u32 {
        self.0[fault.place()]
    }
}

/// How often each fault struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl FaultCounts {
    /// How often this one did.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault.place()]
    }

    /// How often any did.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (here, there) in self.0.iter_mut().zip(other.0) {
            *here += there;
        }
    }

    pub(crate) fn count(&mut self, fault: Fault) {
        self.0[fault.place()] += 1;
    }
}

impl Default for FaultCounts {
    fn default() -> Self {
        Self([0; Fault::ALL.len()])
    }
}
