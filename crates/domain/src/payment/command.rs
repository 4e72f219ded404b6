use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{GatewayState, Payment, PaymentState, Source, Submission};
use crate::{Flow, Money, PaymentType, Text, Time};

/// What the merchant has the gateway do with a payment that it knows already (protocols, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Command {
    /// Process a host-to-host deposit without the checkout page (PATCH). It moves money.
    Start,
    /// Take the held money.
    Capture {
        /// A part of it; none means all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// Let the held money go.
    Void,
    /// Let a held withdrawal go on.
    Approve,
    /// Refuse a held withdrawal.
    Reject {
        /// Kept by the gateway as `externalResultCode`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text<256>>,
    },
}

/// A [`Command`] without what it says.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CommandKind {
    /// [`Command::Start`].
    Start,
    /// [`Command::Capture`].
    Capture,
    /// [`Command::Void`].
    Void,
    /// [`Command::Approve`].
    Approve,
    /// [`Command::Reject`].
    Reject,
}

impl Command {
    /// Its name.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Start => CommandKind::Start,
            Self::Capture { .. } => CommandKind::Capture,
            Self::Void => CommandKind::Void,
            Self::Approve => CommandKind::Approve,
            Self::Reject { .. } => CommandKind::Reject,
        }
    }
}

impl CommandKind {
    /// The only state in which it may be given. A payment that has left it has gone on, so the command is over.
    pub fn state(self) -> PaymentState {
        match self {
            Self::Start => PaymentState::Checkout,
            Self::Capture | Self::Void => PaymentState::Authorized,
            Self::Approve | Self::Reject => PaymentState::AwaitingApproval,
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum CommandOutcome {
    /// About to leave, or gone: also what a crash leaves behind.
    InFlight,
    /// It left, and what came back proves nothing.
    Unknown {
        /// What came instead.
        reason: String,
    },
    /// The gateway said no. That proves nothing either: it calls its provider inside the request, and refuses a repeat
    /// because the first one worked. A look that begins afterwards decides.
    Denied {
        /// What it said.
        reason: String,
        /// When.
        at: Time,
    },
    /// Over: proven never to have reached the gateway.
    NotSent {
        /// What stopped it.
        reason: String,
    },
    /// Over: the gateway said no, and a look afterwards still showed the state that it was given in.
    Refused {
        /// What it said.
        reason: String,
    },
    /// Over: the payment has left the state that it was given in. Which way, its state tells.
    Done,
}

impl CommandOutcome {
    /// Whether it may still have an effect that nobody has seen.
    pub fn is_open(&self) -> bool {
        match self {
            Self::InFlight | Self::Unknown { .. } | Self::Denied { .. } => true,
            Self::NotSent { .. } | Self::Refused { .. } | Self::Done => false,
        }
    }
}

/// A command that was given. Its entry is durable before its request leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedCommand {
    /// The name of the try that gave it, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What it says.
    pub command: Command,
    /// When its first request was allowed to leave.
    pub issued_at: Time,
    /// When its latest request was.
    pub sent_at: Time,
    /// How many requests were.
    pub requests: u32,
    /// What became of it.
    pub outcome: CommandOutcome,
}

impl IssuedCommand {
    /// The same with another outcome.
    pub(super) fn ended(&self, outcome: CommandOutcome) -> Self {
        Self { outcome, ..self.clone() }
    }
}

/// All commands of a payment, oldest first, counted from 1. At most one is open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commands(Vec<IssuedCommand>);

impl Commands {
    /// Requests of one command, at most, by the machine. A person may give the command anew.
    pub const REQUESTS_MAX: u32 = 3;

    /// All of them.
    pub fn issued(&self) -> &[IssuedCommand] {
        &self.0
    }

    /// The one with this number.
    pub fn get(&self, number: usize) -> Option<&IssuedCommand> {
        number.checked_sub(1).and_then(|index| self.0.get(index))
    }

    /// The one whose effect is not known yet, with its number.
    pub fn open(&self) -> Option<(usize, &IssuedCommand)> {
        let issued = self.0.last().filter(|issued| issued.outcome.is_open())?;
        Some((self.0.len(), issued))
    }

    /// The latest of a kind.
    pub fn last(&self, kind: CommandKind) -> Option<&IssuedCommand> {
        self.0.iter().rev().find(|issued| issued.command.kind() == kind)
    }

    /// The number that the next one has.
    pub fn next_number(&self) -> usize {
        self.0.len() + 1
    }

    pub(super) fn set(&mut self, number: usize, issued: IssuedCommand) {
        match number.checked_sub(1).and_then(|index| self.0.get_mut(index)) {
            Some(known) => *known = issued,
            None => self.0.push(issued),
        }
    }

    /// The capture that has had, or may have, an effect.
    pub fn capture(&self) -> Option<&IssuedCommand> {
        self.last(CommandKind::Capture)
            .filter(|issued| issued.outcome.is_open() || issued.outcome == CommandOutcome::Done)
    }
}

/// Why a command is not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The payment is not in the state that it needs.
    #[error("a {kind} needs a payment that is {}, this one is {state}", kind.state())]
    State {
        /// What was to be done.
        kind: CommandKind,
        /// Where the payment stands.
        state: PaymentState,
    },
    /// It is not a command for a payment of this kind.
    #[error("a {0} is not for a payment of this type or flow")]
    Kind(CommandKind),
    /// The outcome of another one is not known.
    #[error("the outcome of a {0} is not known yet")]
    Open(CommandKind),
    /// It was given before, and is given once only.
    #[error("it was given before with another amount, or has had its one chance")]
    Once(CommandKind),
    /// The gateway takes nothing less (gateway contract, section 6.5).
    #[error("must be at least {}", Money::AMOUNT_MIN)]
    TooLittle,
    /// More than is held.
    #[error("must not be above the authorized {0}")]
    TooMuch(Money),
    /// What is held has not been read by its id yet (protocols, section 2): only a look tells what there is to take.
    #[error("the authorization has not been confirmed by the gateway yet")]
    Unconfirmed,
    /// Not the currency in which the money is held.
    #[error("must be in {}", .0.currency())]
    Currency(Money),
}

impl Payment {
    /// Whether `command` may be given now.
    pub fn allows(&self, command: &Command) -> Result<(), NotAllowed> {
        let kind = command.kind();
        if let Some((_, open)) = self.commands.open() {
            return Err(NotAllowed::Open(open.command.kind()));
        }
        let fits = match kind {
            CommandKind::Start => {
                self.opening.flow == Flow::HostToHost && self.opening.payment_type == PaymentType::Deposit
            }
            CommandKind::Capture | CommandKind::Void => self.opening.payment_type == PaymentType::Deposit,
            CommandKind::Approve | CommandKind::Reject => self.opening.payment_type == PaymentType::Withdrawal,
        };
        if !fits {
            return Err(NotAllowed::Kind(kind));
        }
        if self.state != kind.state() || self.gateway_payment_id.is_none() {
            return Err(NotAllowed::State { kind, state: self.state });
        }
        match command {
            Command::Start if !self.needs_start() => Err(NotAllowed::Once(kind)),
            Command::Capture { .. } if self.commands.capture().is_some() => Err(NotAllowed::Once(kind)),
            Command::Capture { .. } if !self.confirmed_by.contains(&Source::Poll) => Err(NotAllowed::Unconfirmed),
            Command::Capture { amount: Some(amount) } => self.may_capture(*amount),
            Command::Start
            | Command::Capture { amount: None }
            | Command::Void
            | Command::Approve
            | Command::Reject { .. } => Ok(()),
        }
    }

    fn may_capture(&self, amount: Money) -> Result<(), NotAllowed> {
        let held = self.opening.requested;
        if amount.amount() < Money::AMOUNT_MIN {
            Err(NotAllowed::TooLittle)
        } else if amount.currency() != held.currency() {
            Err(NotAllowed::Currency(held))
        } else if amount.amount() > held.amount() {
            Err(NotAllowed::TooMuch(held))
        } else {
            Ok(())
        }
    }

    /// What should move: the part that was captured, else what was ordered.
    pub fn asked_for(&self) -> Money {
        match self.commands.capture().map(|issued| &issued.command) {
            Some(Command::Capture { amount: Some(part) }) => *part,
            Some(_) | None => self.opening.requested,
        }
    }

    /// The command of which `asked` is a repeat: the same one, open or done. Its payment is the answer.
    pub fn repeats(&self, asked: &Command) -> Option<&IssuedCommand> {
        let issued = self.commands.last(asked.kind())?;
        let counts = issued.outcome.is_open() || issued.outcome == CommandOutcome::Done;
        let same = match (&issued.command, asked) {
            (Command::Capture { amount }, Command::Capture { amount: asked }) => {
                let whole = self.opening.requested;
                amount.unwrap_or(whole) == asked.unwrap_or(whole)
            }
            // The reason of a rejection is for people: another one asks for the same.
            (given, asked) => given.kind() == asked.kind(),
        };
        (counts && same).then_some(issued)
    }

    /// Whether this host-to-host deposit still waits for its one PATCH: none has left, whatever was tried.
    pub fn needs_start(&self) -> bool {
        let starts = || self.commands.issued().iter().filter(|issued| issued.command == Command::Start);
        self.state == PaymentState::Checkout
            && self.opening.flow == Flow::HostToHost
            && self.gateway_payment_id.is_some()
            && starts().all(|issued| matches!(issued.outcome, CommandOutcome::NotSent { .. }))
            && starts().count() < Submission::UNSENT_MAX
    }

    /// Whether the customer of a host-to-host deposit may be sent to the checkout page after all: it is proven that its
    /// PATCH was refused, or never left and is not tried any more (protocols, section 3). Where the settings forbid it, the
    /// page of such a deposit was never learned.
    pub fn falls_back_to_redirect(&self) -> bool {
        let refused = |issued: &IssuedCommand| match issued.outcome {
            CommandOutcome::Refused { .. } => true,
            CommandOutcome::NotSent { .. } => !self.needs_start(),
            CommandOutcome::InFlight
            | CommandOutcome::Unknown { .. }
            | CommandOutcome::Denied { .. }
            | CommandOutcome::Done => false,
        };
        self.state == PaymentState::Checkout
            && self.redirect_url.is_some()
            && self.commands.last(CommandKind::Start).is_some_and(refused)
    }

    /// Whether the machine may send the open command once more, having seen `looks` complete looks, begun after the
    /// quarantine, without any trace of it (protocols, section 3): a PATCH and a partial capture never, since a second
    /// one may move money twice; a full capture after two; the others after one, since they do nothing twice.
    pub fn may_repeat(&self, issued: &IssuedCommand, looks: u32) -> bool {
        let enough = match &issued.command {
            Command::Start | Command::Capture { amount: Some(_) } => return false,
            Command::Capture { amount: None } => 2,
            Command::Void | Command::Approve | Command::Reject { .. } => 1,
        };
        issued.outcome.is_open()
            && issued.requests < Commands::REQUESTS_MAX
            && looks >= enough
            && self.state == issued.command.kind().state()
    }

    /// What `told` about our gateway payment, seen by `source` in a look that began at `begun_at`, says about the command
    /// that is open, if the payment is then in `state`.
    pub(super) fn command_after(
        &self,
        source: Source,
        begun_at: Option<Time>,
        told: Option<GatewayState>,
        state: PaymentState,
    ) -> Option<(usize, IssuedCommand)> {
        let (number, open) = self.commands.open()?;
        if state != open.command.kind().state() {
            return Some((number, open.ended(CommandOutcome::Done)));
        }
        let CommandOutcome::Denied { reason, at } = &open.outcome else { return None };
        let looked_afterwards = source == Source::Poll && begun_at.is_some_and(|begun_at| begun_at >= *at);
        let still_there = told.map(PaymentState::from) == Some(state);
        let refused = || CommandOutcome::Refused { reason: reason.clone() };
        (looked_afterwards && still_there).then(|| (number, open.ended(refused())))
    }
}
