//! Commands on a payment that the gateway has: captures, voids, approvals, rejections (protocols, section 3).

use std::time::Duration;

use domain::{
    Actor, Command, CommandKind, CommandOutcome, Evidence, IssuedCommand, NotAllowed, Payment, PaymentId, Seen,
    SeenState, Source, Switch, Time,
};
use gateway_client::answer::{self, NotSentReason, UnknownReason, classify_command};
use gateway_client::request::{self, PatchPayment, Request};
use gateway_client::vocabulary::{Open, OperationType};
use store::{Lease, Name, Stored};
use uuid::Uuid;

use crate::gateway::{gateway_id, rejection, sighting};
use crate::look_up::Looked;
use crate::record::Under;
use crate::{DeedError, Desk, Trouble};

/// A command as somebody gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCommand {
    /// A new name, used for nothing else: an entry that has it is ours even if the answer to its commit was lost.
    pub id: Uuid,
    /// What is to be done.
    pub command: Command,
    /// Who gives it.
    pub by: Actor,
    /// The version that the payment must still have; none if that does not matter.
    pub expected_version: Option<u64>,
}

/// What became of a command.
#[derive(Debug, Clone)]
pub struct Commanded {
    /// The payment as it is now.
    pub stored: Stored,
    /// Whether the same command was given before: the gateway was not called for this one.
    pub replay: bool,
}

/// How often a command is decided again because the payment moved on meanwhile.
const TRIES: usize = 16;

impl Desk {
    /// Has the gateway do something with a payment: the entry first, then the request, then what came back. The same
    /// command again, open or done, is answered with the payment as it is.
    pub async fn command(&self, payment: PaymentId, given: GivenCommand) -> Result<Commanded, DeedError> {
        let mut expected_version = given.expected_version;
        for _ in 0..TRIES {
            let stored = self.find(Name::Id(payment)).await?.ok_or(DeedError::PaymentNotFound)?;
            if stored.payment.repeats(&given.command).is_some() {
                return Ok(Commanded { stored, replay: true });
            }
            if let Some(expected) = expected_version
                && expected != stored.payment.version
            {
                return Err(DeedError::VersionChanged { version: stored.payment.version });
            }
            if given.command == Command::Approve && self.stops.is_stopped(Switch::Withdrawals) {
                return Err(DeedError::Stopped(Switch::Withdrawals));
            }
            match stored.payment.allows(&given.command) {
                Ok(()) => {}
                // What has not been read by its id yet is read now, and then decided anew. If that shows what somebody has seen,
                // it is the version that they mean.
                Err(NotAllowed::Unconfirmed) => {
                    let seen = stored.payment.state;
                    let confirmed = self.confirm(stored).await?.payment;
                    if confirmed.state == seen {
                        expected_version = expected_version.map(|_| confirmed.version);
                    }
                    continue;
                }
                Err(why) => return Err(why.into()),
            }
            check_maker(&stored.payment, &given)?;
            self.check_breaker(&stored.payment)?;
            let leased_at = self.clock.uptime();
            let GivenCommand { id, command, by, expected_version: _ } = given.clone();
            let number = stored.payment.commands.next_number();
            let seen = Seen::CommandIssued { number, id: Some(id), command, by: Some(by) };
            let Some(permitted) = self.permit(&stored, seen, self.rules.intervals.command_lease).await? else {
                continue;
            };
            let stored = match self.carry_out(permitted.clone(), None, leased_at).await {
                Ok(stored) => stored,
                // The request may have left, so the caller is told what is durable: that it is not known.
                Err(error) => {
                    tracing::error!(%payment, error = &error as &dyn std::error::Error, "the answer could not be recorded");
                    permitted
                }
            };
            return Ok(Commanded { stored, replay: false });
        }
        Err(DeedError::Contended)
    }

    /// Reads a payment by its id, so that what depends on it can be decided.
    pub(crate) async fn confirm(&self, stored: Stored) -> Result<Stored, DeedError> {
        self.check_breaker(&stored.payment)?;
        let looked = self.look(&stored, true).await;
        if looked.failed {
            return Err(DeedError::GatewayUnavailable { retry_after: self.rules.breaker.pause });
        }
        self.record_looked(stored, looked, None).await
    }

    pub(crate) fn check_breaker(&self, payment: &Payment) -> Result<(), DeedError> {
        match self.breaker.check(&payment.opening.shop, self.clock.uptime()) {
            Ok(_) => Ok(()),
            Err((Trouble::Unavailable, retry_after)) => Err(DeedError::GatewayUnavailable { retry_after }),
            Err((Trouble::Misconfigured, retry_after)) => Err(DeedError::GatewayMisconfigured { retry_after }),
        }
    }

    /// Starts a host-to-host deposit: once, by whoever is first. The gateway's "no", if a look confirms it, leaves the
    /// checkout page to the customer.
    pub(crate) async fn start(&self, stored: Stored, start: Option<&PatchPayment>) -> Result<Stored, DeedError> {
        let leased_at = self.clock.uptime();
        let number = stored.payment.commands.next_number();
        let seen = Seen::CommandIssued { number, id: None, command: Command::Start, by: None };
        match self.permit(&stored, seen, self.rules.intervals.command_lease).await? {
            Some(permitted) => self.carry_out(permitted, start, leased_at).await,
            None => self.find(Name::Id(stored.payment.id())).await?.ok_or(DeedError::PaymentNotFound),
        }
    }

    /// Sends the request of the open command, whose entry is durable, and records what came back. The gateway's "no" is
    /// followed by a look, which decides.
    pub(crate) async fn carry_out(
        &self,
        stored: Stored,
        start: Option<&PatchPayment>,
        leased_at: Duration,
    ) -> Result<Stored, DeedError> {
        let Some((number, issued)) = stored.payment.commands.open() else { return Ok(stored) };
        let sent_at = issued.sent_at;
        let seen = if self.clock.uptime().saturating_sub(leased_at) > self.rules.send_guard {
            // The lease may be over before an answer comes, and somebody else would be on it.
            Seen::CommandNotSent { number, reason: "its lease had grown too old before it could leave".to_owned() }
        } else {
            self.exchange_command(&stored.payment, number, command_request(&stored.payment, &issued.command, start))
                .await
        };
        let evidence = Evidence { source: Source::Response, at: self.now(), begun_at: Some(sent_at), seen };
        let under = Under { epoch: Some(stored.epoch), lease: Lease::Release, notice: None, look: None };
        let stored = self.record(stored, evidence, under).await?.stored;
        let denied = |issued: &IssuedCommand| matches!(issued.outcome, CommandOutcome::Denied { .. });
        if stored.payment.commands.open().is_some_and(|(_, issued)| denied(issued)) {
            let looked = self.look(&stored, true).await;
            return self.record_looked(stored, looked, None).await;
        }
        Ok(stored)
    }

    async fn exchange_command(&self, payment: &Payment, number: usize, request: Result<Request, String>) -> Seen {
        let request = match request {
            Ok(request) => request,
            Err(reason) => return Seen::CommandNotSent { number, reason },
        };
        let shop = &payment.opening.shop;
        // A caller waits for it, so no poll may be in its way.
        self.throttle.take();
        let outcome = classify_command(self.gateway.exchange_about(payment, request).await);
        match outcome {
            answer::CommandOutcome::Accepted { result, .. } => {
                self.breaker.succeeded(shop);
                match sighting(&result) {
                    Some(sighting) => Seen::CommandAnswered { number, sighting },
                    None => Seen::CommandUnknown { number, reason: "the answer's id has no form of an id".to_owned() },
                }
            }
            answer::CommandOutcome::Unknown(UnknownReason::Refused(refusal)) => {
                self.breaker.succeeded(shop);
                Seen::CommandDenied { number, reason: rejection(&refusal).message }
            }
            answer::CommandOutcome::NotSent(reason) => {
                let trouble = match reason {
                    NotSentReason::Misconfigured(_) => Trouble::Misconfigured,
                    _ => Trouble::Unavailable,
                };
                self.breaker.failed(shop, trouble, self.clock.uptime());
                Seen::CommandNotSent { number, reason: reason.to_string() }
            }
            answer::CommandOutcome::Unknown(reason) => {
                self.breaker.failed(shop, Trouble::Unavailable, self.clock.uptime());
                Seen::CommandUnknown { number, reason: reason.to_string() }
            }
        }
    }

    /// When a look began that showed the payment in the state that the open command was given in, and no trace of the
    /// command. A capture may be under way without a new state, so the gateway's own steps are read for it as well.
    pub(crate) async fn look_for_command(&self, payment: &Payment, looked: &Looked) -> Option<Time> {
        let (_, open) = payment.commands.open()?;
        let kind = open.command.kind();
        let evidence = looked.evidence.first()?;
        let Seen::Reported { sighting } = &evidence.seen else { return None };
        let SeenState::Known(told) = sighting.state else { return None };
        let began = evidence.begun_at.filter(|_| domain::PaymentState::from(told) == kind.state())?;
        if kind != CommandKind::Capture {
            return Some(began);
        }
        let operations = self.operations(payment).await.ok()?;
        let captures = |operation: &answer::Operation| {
            operation
                .operation
                .as_ref()
                .is_none_or(|word| matches!(word, Open::Known(OperationType::Capture) | Open::Unknown(_)))
        };
        (!operations.iter().any(captures)).then_some(began)
    }

    /// Sends the open command once more if a second one can do no harm and enough was looked for the first one.
    pub(crate) async fn repeat_command(&self, stored: Stored, leased_at: Duration) -> Result<(), DeedError> {
        let looks = stored.progress.empty_look_ups;
        let Some((number, issued)) = stored.payment.commands.open() else { return Ok(()) };
        if !stored.payment.may_repeat(issued, looks) {
            return Ok(());
        }
        let reason = format!("{looks} looks after the quarantine showed no trace of the one before");
        let seen = Seen::CommandRepeated { number, request: issued.requests + 1, reason };
        match self.permit(&stored, seen, self.rules.intervals.command_lease).await? {
            Some(permitted) => self.carry_out(permitted, None, leased_at).await.map(drop),
            None => Ok(()),
        }
    }
}

/// Whoever ordered a withdrawal does not approve it (REST contract, `payouts:approve`).
fn check_maker(payment: &Payment, given: &GivenCommand) -> Result<(), DeedError> {
    let ordered_by_same = payment.opening.ordered_by.as_ref().is_some_and(|maker| maker.key == given.by.key);
    match given.command.kind() {
        CommandKind::Approve if ordered_by_same => Err(DeedError::MakerApproves),
        CommandKind::Approve | CommandKind::Start | CommandKind::Capture | CommandKind::Void | CommandKind::Reject => {
            Ok(())
        }
    }
}

/// The command in the gateway's words; why it cannot be said, if so.
pub(crate) fn command_request(
    payment: &Payment,
    command: &Command,
    start: Option<&PatchPayment>,
) -> Result<Request, String> {
    let Some(id) = payment.gateway_payment_id.as_ref().and_then(gateway_id) else {
        return Err("the gateway's id is not known".to_owned());
    };
    match command {
        Command::Start => {
            let start = start.ok_or("what it says of the customer is no longer kept")?;
            request::patch_payment(&id, start).map_err(|broken| broken.to_string())
        }
        Command::Capture { amount } => {
            request::capture_payment(&id, amount.map(|money| money.amount())).map_err(|broken| broken.to_string())
        }
        Command::Void => Ok(request::void_payment(&id)),
        Command::Approve => Ok(request::approve_withdrawal(&id)),
        Command::Reject { reason } => Ok(request::reject_withdrawal(&id, reason.as_ref().map(domain::Text::as_str))),
    }
}
