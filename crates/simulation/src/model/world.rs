use std::sync::Arc;

use domain::Time;

use super::action::Fate;
use super::database::{Database, Statement, Stored};
use super::gateway::Gateway;
use super::hand::{Hand, PROCESSES, Process};
use super::protocol::Protocol;
use super::rule::Rule;
use super::witness::Witness;

/// Everything there is, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub(super) now: Time,
    /// How many faults of ours may still happen.
    pub(super) faults_left: u32,
    pub(super) database: Database,
    pub(super) processes: [Process; PROCESSES],
    pub(super) gateway: Gateway,
    pub(super) witness: Witness,
}

/// What the database said to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Won,
    Lost,
    /// Nothing: the connection broke.
    Unknown,
}

impl Protocol {
    /// Nobody has ordered anything.
    pub fn start(&self) -> World {
        World {
            now: Time::EPOCH,
            faults_left: self.bounds.faults,
            database: Database::default(),
            processes: Default::default(),
            gateway: Gateway::default(),
            witness: Witness::default(),
        }
    }
}

impl World {
    pub(super) fn take_up(&mut self, process: usize, hand: Hand) {
        self.processes[process].hand = Some(Box::new(hand));
    }

    /// Has the database execute a statement, as fate will have it.
    pub(super) fn run(&mut self, statement: &Statement, fate: Fate) -> Reply {
        match fate {
            Fate::Told if self.execute(statement) => Reply::Won,
            Fate::Told => Reply::Lost,
            Fate::Untold => {
                self.execute(statement);
                Reply::Unknown
            }
            Fate::Never => Reply::Unknown,
            Fate::Late => {
                self.database.late = Some(statement.clone());
                Reply::Unknown
            }
        }
    }

    pub(super) fn execute(&mut self, statement: &Statement) -> bool {
        let before = self.database.row.as_ref().map(|row| Arc::clone(&row.payment));
        let won = self.database.execute(statement);
        let entry = match statement {
            Statement::Birth { entry, .. } => Some(entry),
            Statement::Move(moved) => moved.entry.as_ref(),
            Statement::File(_) => None,
        };
        if let (true, Some(entry), Some(row)) = (won, entry, &self.database.row) {
            let is_fold = self.database.ledger.fold().as_ref() == Ok(&*row.payment);
            self.witness.breaks(Rule::LedgerIsRow, !is_fold);
            self.witness.entry_is_durable(before.as_deref(), entry, &row.payment);
        } else {
            let unmoved = before == self.database.row.as_ref().map(|row| Arc::clone(&row.payment));
            self.witness.breaks(Rule::LedgerIsRow, !unmoved);
        }
        won
    }

    /// A caller gets its payment.
    pub(super) fn tell(&mut self, told: &Stored) {
        let durable =
            self.database.row.as_ref().is_some_and(|row| {
                row.payment.id() == told.payment.id() && row.payment.version >= told.payment.version
            });
        self.witness.breaks(Rule::OnePayment, !durable);
        self.witness.may_show(&told.payment);
    }
}
