//! Who watches the rules (protocols, section 5): after each step for the payments that it touched, at the end for the
//! whole world. It sees everything, also what no process can know.

mod end;
mod entry;
mod money_back;
mod payment;
mod posted;
mod promise;
mod sending;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use domain::{Entry, GatewayPaymentId, Payment, PaymentId, ReferenceId, ShopName, Time};
pub use posted::Mover;
use store::NoticeId;

use crate::clock::start;

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one, by its number in protocols, section 5.
    pub invariant: &'static str,
    /// Whose, and how.
    pub detail: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, detail: String) -> Self {
        Self { invariant, detail }
    }

    /// The simulation itself does not work.
    pub(crate) fn of_the_simulation(detail: &str) -> Self {
        Self::new("simulation", detail.to_owned())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is violated: {}", self.invariant, self.detail)
    }
}

/// `Err` with the rule that `detail` breaks, unless `holds`.
fn rule(holds: bool, invariant: &'static str, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(invariant, detail())) }
}

#[derive(Default)]
pub(crate) struct Judge {
    /// The first rule that was broken.
    pub(crate) verdict: Option<Violation>,
    /// Payments as the database had them when they were last touched: what is in here is durable.
    watched: BTreeMap<PaymentId, Watched>,
    references: BTreeMap<(ShopName, ReferenceId), PaymentId>,
    /// Notices that are not filed, and when somebody may take them up.
    waiting: BTreeMap<NoticeId, Time>,
    /// Which gateway payment customers were sent to.
    shown: BTreeMap<PaymentId, GatewayPaymentId>,
    /// Payments that a caller was told of.
    taken: BTreeSet<PaymentId>,
    /// How often a webhook was answered with 2xx, by (gateway id, state).
    acknowledged: BTreeMap<(String, String), u64>,
    /// What left and came back, by reference.
    traffic: BTreeMap<String, Traffic>,
    /// Requests of commands that left, by gateway id and deed.
    commands: BTreeMap<(String, String), u32>,
    /// How many POSTs left that move money by themselves, by what makes them so.
    posted: BTreeMap<Mover, u64>,
}

struct Watched {
    payment: Payment,
    ledger: Vec<Entry>,
    next_check_at: Option<Time>,
    leased_until: Option<Time>,
}

#[derive(Default)]
struct Traffic {
    /// POSTs that left.
    posts: usize,
    /// Those of them whose answer proves that the gateway made nothing and looked at nothing.
    refused_at_the_door: usize,
    /// When complete look-ups began that brought nothing.
    empty_look_ups: Vec<Time>,
}

impl Judge {
    /// When the next payment is due that nobody holds, in the time of the run.
    pub(crate) fn next_check(&self) -> Option<Duration> {
        self.watched.values().filter_map(Watched::due_at).min().map(since_start)
    }

    /// When the next notice may be taken up.
    pub(crate) fn next_notice(&self) -> Option<Duration> {
        self.waiting.values().min().copied().map(since_start)
    }

    pub(crate) fn notice_waits(&mut self, id: NoticeId, until: Time) {
        self.waiting.insert(id, until);
    }

    pub(crate) fn notice_was_filed(&mut self, id: NoticeId) {
        self.waiting.remove(&id);
    }

    /// What the POSTs that left were, as far as they move money by themselves.
    pub(crate) fn posted(&self) -> BTreeMap<Mover, u64> {
        self.posted.clone()
    }

    /// How many payments there are.
    pub(crate) fn payments(&self) -> usize {
        self.watched.len()
    }
}

impl Watched {
    fn due_at(&self) -> Option<Time> {
        let due_at = self.next_check_at?;
        Some(self.leased_until.map_or(due_at, |until| until.max(due_at)))
    }
}

fn since_start(time: Time) -> Duration {
    time.since(start())
}

/// The payment's name for a reader: the caller's.
fn name(payment: &Payment) -> &str {
    payment.opening.reference_id.as_str()
}
