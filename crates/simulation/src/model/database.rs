use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Entry, GatewayState, Payment, Progress, Time};

use super::ledger::Ledger;

/// The database, as far as it has to do with one reference.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Database {
    pub row: Option<Stored>,
    pub ledger: Ledger,
    /// A statement whose connection broke and that happens afterwards.
    pub late: Option<Statement>,
    /// What was heard, and is durable.
    pub inbox: BTreeMap<Notice, Kept>,
}

/// A payment as it is stored, or as somebody has read it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub payment: Arc<Payment>,
    pub progress: Progress,
    pub epoch: u64,
    pub leased_until: Option<Time>,
}

/// A notice: which gateway payment, by its place, had which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Notice {
    pub place: usize,
    pub state: GatewayState,
}

/// A notice in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    pub received_at: Time,
    pub filed: Option<Filed>,
}

/// What a notice came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Filed {
    /// The payment took it in.
    Decided,
    /// Nothing matched it for too long: it stands in a list of its own.
    Unmatched,
}

/// What a process asks the database to do; one commit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    Birth { payment: Arc<Payment>, entry: Arc<Entry>, next_check_at: Option<Time>, leased_until: Time },
    Move(Box<Move>),
    File(Notice),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    pub payment: Arc<Payment>,
    pub entry: Option<Arc<Entry>>,
    pub expected_version: u64,
    pub expected_epoch: Option<u64>,
    pub progress: Progress,
    pub lease: Lease,
    pub notice: Option<Notice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lease {
    Keep,
    Release,
    Take(Time),
}

impl Stored {
    pub(super) fn born(payment: Arc<Payment>, next_check_at: Option<Time>, leased_until: Time) -> Self {
        let progress = Progress { next_check_at, ..Progress::default() };
        Self { payment, progress, epoch: 1, leased_until: Some(leased_until) }
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        let held = self.leased_until.is_some_and(|until| until > now);
        self.progress.next_check_at.is_some_and(|next| next <= now) && !held
    }

    fn lease(&mut self, lease: Lease) {
        match lease {
            Lease::Keep => {}
            Lease::Release => self.leased_until = None,
            Lease::Take(until) => {
                self.epoch += 1;
                self.leased_until = Some(until);
            }
        }
    }
}

impl Database {
    /// All of a statement or none of it; false if it lost.
    pub(super) fn execute(&mut self, statement: &Statement) -> bool {
        match statement {
            Statement::Birth { payment, entry, next_check_at, leased_until } => {
                if self.row.is_some() {
                    return false;
                }
                self.row = Some(Stored::born(Arc::clone(payment), *next_check_at, *leased_until));
                self.ledger = self.ledger.with(Arc::clone(entry));
                true
            }
            Statement::Move(moved) => self.make_move(moved),
            Statement::File(notice) => {
                self.file(*notice, Filed::Decided);
                true
            }
        }
    }

    fn make_move(&mut self, moved: &Move) -> bool {
        let Some(row) = self.row.as_mut().filter(|row| is_as_expected(row, moved)) else { return false };
        if let Some(entry) = &moved.entry {
            row.payment = Arc::clone(&moved.payment);
            self.ledger = self.ledger.with(Arc::clone(entry));
        }
        row.progress = moved.progress;
        row.lease(moved.lease);
        if let Some(notice) = moved.notice {
            self.file(notice, Filed::Decided);
        }
        true
    }

    /// A worker's claim.
    pub(super) fn claim(&mut self, now: Time, until: Time) -> Option<Stored> {
        let row = self.row.as_mut().filter(|row| row.is_due(now))?;
        row.lease(Lease::Take(until));
        Some(row.clone())
    }

    /// The first verdict stays.
    pub(super) fn file(&mut self, notice: Notice, filed: Filed) {
        if let Some(kept) = self.inbox.get_mut(&notice) {
            kept.filed = kept.filed.or(Some(filed));
        }
    }
}

fn is_as_expected(row: &Stored, moved: &Move) -> bool {
    row.payment.version == moved.expected_version && moved.expected_epoch.is_none_or(|epoch| epoch == row.epoch)
}
