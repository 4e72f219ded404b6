use super::super::{Change, Command, CommandOutcome, Decision, Evidence, IssuedCommand, Payment, Sighting, Source};
use crate::Time;
use uuid::Uuid;

impl Payment {
    /// No request of a command without an entry, and none while another command is open.
    pub(super) fn command_issued(&self, number: usize, id: Option<Uuid>, command: &Command, at: Time) -> Decision {
        if number != self.commands.next_number() || self.allows(command).is_err() {
            return Decision::Stale;
        }
        moves(
            number,
            IssuedCommand {
                id,
                command: command.clone(),
                issued_at: at,
                sent_at: at,
                requests: 1,
                outcome: CommandOutcome::InFlight,
            },
        )
    }

    /// Once more, if a second one can do no harm. Whether enough was looked for the first one is told beside the ledger
    /// ([`Payment::may_repeat`]).
    pub(super) fn command_repeated(&self, number: usize, request: u32, at: Time) -> Decision {
        let in_turn = |issued: &IssuedCommand| request == issued.requests + 1 && self.may_repeat(issued, u32::MAX);
        match self.commands.open() {
            Some((open, issued)) if open == number && in_turn(issued) => moves(
                number,
                IssuedCommand { sent_at: at, requests: request, ..issued.ended(CommandOutcome::InFlight) },
            ),
            Some(_) | None => Decision::Stale,
        }
    }

    /// The first request never left, so nothing was begun. If a second one did not, the first one is as unknown as before.
    pub(super) fn command_not_sent(&self, number: usize, reason: &str) -> Decision {
        self.command_ended(number, |issued| {
            if issued.requests > 1 {
                let reason = format!("an earlier request is not accounted for, the latest one never left: {reason}");
                CommandOutcome::Unknown { reason }
            } else {
                CommandOutcome::NotSent { reason: reason.to_owned() }
            }
        })
    }

    pub(super) fn command_denied(&self, number: usize, reason: &str, at: Time) -> Decision {
        self.command_ended(number, |_| CommandOutcome::Denied { reason: reason.to_owned(), at })
    }

    pub(super) fn command_unknown(&self, number: usize, reason: &str) -> Decision {
        self.command_ended(number, |_| CommandOutcome::Unknown { reason: reason.to_owned() })
    }

    /// The answer tells how our gateway payment stands. One about another payment tells nothing about the command.
    pub(super) fn command_answered(&self, number: usize, evidence: &Evidence, sighting: &Sighting) -> Decision {
        let ours = self.gateway_payment_id.as_ref() == Some(&sighting.id);
        let decision =
            if ours { self.news(evidence, Source::Response, sighting, None) } else { self.elsewhere(sighting, None) };
        if decision.change().is_some_and(|change| change.command.is_some()) {
            return decision;
        }
        let reason = if ours {
            format!("the gateway answered, and the payment is still {}", self.state)
        } else {
            format!("the gateway answered with another payment, {}", sighting.id)
        };
        let Decision::Moves(Change { command, .. }) = self.command_unknown(number, &reason) else { return decision };
        let change = Change { command, ..decision.change().cloned().unwrap_or_default() };
        match decision {
            Decision::Moves(_) | Decision::Confirms(_) | Decision::Stale => Decision::Moves(change),
            Decision::Contradicts(_) => Decision::Contradicts(Some(change)),
            Decision::Elsewhere(relation, _) => Decision::Elsewhere(relation, Some(change)),
        }
    }

    /// What became of a request is recorded once; the state of the payment may have told it before.
    fn command_ended(&self, number: usize, ended: impl FnOnce(&IssuedCommand) -> CommandOutcome) -> Decision {
        match self.commands.get(number) {
            Some(issued) if issued.outcome == CommandOutcome::InFlight => moves(number, issued.ended(ended(issued))),
            Some(_) => Decision::Confirms(None),
            None => Decision::Stale,
        }
    }
}

fn moves(number: usize, issued: IssuedCommand) -> Decision {
    Decision::Moves(Change { command: Some((number, issued)), ..Change::default() })
}
