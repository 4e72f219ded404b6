use serde::{Deserialize, Serialize};

use crate::Time;

/// Whether a POST can move money without anybody doing something afterwards (protocols, section 1).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// A deposit that waits for the customer on its checkout page: a twin is an annoyance, not a charge.
    Inert,
    /// Everything else: it is never sent a second time by the machine.
    Moving,
}

/// What became of one POST. "In flight" is also what a crash leaves behind, so it means: may have left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Attempt {
    /// About to leave, or gone.
    InFlight {
        /// When its entry was made; it left after that.
        sent_at: Time,
    },
    /// Proven never to have reached the gateway.
    NotSent {
        /// As above.
        sent_at: Time,
        /// What stopped it.
        reason: String,
    },
    /// The gateway refused it, so it made nothing.
    Refused {
        /// As above.
        sent_at: Time,
    },
    /// It left, and no readable answer came.
    Unknown {
        /// As above.
        sent_at: Time,
        /// What came instead.
        reason: String,
    },
    /// The gateway answered with an id.
    Accepted {
        /// As above.
        sent_at: Time,
    },
    /// Two people said that it made nothing, so that another one may be sent. It is looked for all the same.
    Released {
        /// As above.
        sent_at: Time,
        /// Why they said so.
        reason: String,
    },
}

impl Attempt {
    /// When the entry was made that allowed it to leave.
    pub fn sent_at(&self) -> Time {
        match self {
            Self::InFlight { sent_at }
            | Self::NotSent { sent_at, .. }
            | Self::Refused { sent_at }
            | Self::Unknown { sent_at, .. }
            | Self::Accepted { sent_at }
            | Self::Released { sent_at, .. } => *sent_at,
        }
    }

    /// Whether it may have made a gateway payment that we do not know of.
    pub fn is_unaccounted(&self) -> bool {
        self.is_open() || matches!(self, Self::Released { .. })
    }

    /// Whether nobody knows what came of it.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::InFlight { .. } | Self::Unknown { .. })
    }
}

/// The POSTs of one payment, oldest first. Attempts are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Submission(Vec<Attempt>);

impl Submission {
    /// How often one payment may be tried while no request gets through (protocols, section 1, step 6).
    pub const UNSENT_MAX: usize = 8;

    /// How many POSTs of a payment may be on the way or have had an effect (protocols, invariant I1).
    pub fn sent_max(kind: Kind) -> usize {
        match kind {
            Kind::Inert => 2,
            Kind::Moving => 1,
        }
    }

    /// All attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0
    }

    /// The attempt with this number, counted from 1.
    pub fn attempt(&self, number: usize) -> Option<&Attempt> {
        number.checked_sub(1).and_then(|index| self.0.get(index))
    }

    /// The latest attempt; `None` for a payment that was never about to be sent.
    pub fn last(&self) -> Option<&Attempt> {
        self.0.last()
    }

    /// The number that the next attempt has.
    pub fn next_number(&self) -> usize {
        self.0.len() + 1
    }

    /// When the first request may have left.
    pub fn first_sent_at(&self) -> Option<Time> {
        self.0.first().map(Attempt::sent_at)
    }

    /// Attempts that are neither proven to have stayed here nor let go by two people.
    pub fn possibly_sent(&self) -> usize {
        let stayed = |attempt: &&Attempt| matches!(attempt, Attempt::NotSent { .. } | Attempt::Released { .. });
        self.0.len() - self.0.iter().filter(stayed).count()
    }

    /// Attempts that count as if they had stayed here.
    pub fn unsent(&self) -> usize {
        self.0.len() - self.possibly_sent()
    }

    /// Attempts that may have made a gateway payment that we do not know of.
    pub fn unaccounted(&self) -> usize {
        self.0.iter().filter(|attempt| attempt.is_unaccounted()).count()
    }

    /// The latest of the attempts that [`Submission::unaccounted`] counts.
    pub fn last_unaccounted(&self) -> Option<&Attempt> {
        self.0.iter().rev().find(|attempt| attempt.is_unaccounted())
    }

    pub(super) fn set(&mut self, number: usize, attempt: Attempt) {
        match number.checked_sub(1).and_then(|index| self.0.get_mut(index)) {
            Some(known) => *known = attempt,
            None => self.0.push(attempt),
        }
    }
}
