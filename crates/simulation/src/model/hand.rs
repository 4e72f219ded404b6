use domain::{Evidence, Time};

use super::database::{Lease, Notice, Statement, Stored};

pub(super) const PROCESSES: usize = 2;

/// One of our processes. It has one deed in hand at a time: the other process is where another deed runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Process {
    /// Whether its caller has come.
    pub ordered: bool,
    /// What dies with it.
    pub hand: Option<Box<Hand>>,
}

/// A deed that has begun.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hand {
    pub deed: Deed,
    /// When the lease was asked for.
    pub leased_at: Time,
    /// The payment as it was read last.
    pub stored: Stored,
    pub step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Deed {
    Take,
    Check,
    Hear(Notice),
}

/// What comes next in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// The birth is on its way to the database.
    Open(Statement),
    /// So is the entry without which nothing leaves.
    Permit(Permit),
    /// That entry is durable; the request is about to leave.
    Send,
    /// It left.
    Wait(Option<Answer>),
    /// A look at the gateway has begun.
    Look(Look),
    /// Evidence is being recorded.
    Record(Box<Record>),
    /// That somebody looked is written beside the ledger.
    Note(Note),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Permit {
    pub statement: Statement,
    /// As it is if the statement wins.
    pub permitted: Stored,
    /// The lease is given up if it does not.
    pub second: bool,
}

/// What the gateway answered to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    /// It made this payment.
    Made {
        place: usize,
    },
    Refused,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub begun_at: Time,
    /// By id, else by reference.
    pub by_id: bool,
    /// What the look by id brought before.
    pub found: Vec<Evidence>,
}

/// As the orchestrator's `Under`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Under {
    pub epoch: Option<u64>,
    pub lease: Lease,
    pub notice: Option<Notice>,
    pub look: Option<Looked>,
}

/// As the orchestrator's `Look`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Looked {
    pub at: Time,
    pub proves_absence: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// What is still to be recorded; the first of it is under way. What `under` says of the lease and the look is for
    /// the last.
    pub evidence: Vec<Evidence>,
    pub under: Under,
    pub statement: Statement,
    /// As it is if the statement wins.
    pub after: Stored,
    pub then: Then,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    pub statement: Statement,
    pub after: Stored,
    pub then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Then {
    /// The deed is done.
    Done,
    /// A second request follows, if it may.
    PerhapsTwice,
}

impl Hand {
    /// A request does not leave when its lease may be over before an answer comes.
    pub(super) fn is_too_old(&self, now: Time) -> bool {
        now > self.leased_at
    }
}
