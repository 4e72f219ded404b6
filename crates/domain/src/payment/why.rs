use std::fmt::Write as _;

use super::{Attempt, CommandKind, CommandOutcome, Flag, Payment, PaymentState, Progress, Source};
use crate::{Flow, Time};

impl Payment {
    /// Why the payment is what it is, in one sentence for a person: what was seen, by whom and when, and what
    /// happens next. No secret and nothing about a person is in it.
    pub fn why(&self, progress: &Progress) -> String {
        let mut sentence = match self.state {
            PaymentState::Submitted => self.why_submitted(progress),
            PaymentState::Checkout => format!("{}; {}", self.told("accepted by the gateway"), self.why_checkout()),
            PaymentState::Pending => format!("{}; the gateway is processing it", self.told("told to be pending")),
            PaymentState::AwaitingApproval => {
                format!("{}; the payout waits for our approval", self.told("told to be held"))
            }
            PaymentState::Authorized => {
                format!("{}; the money is held until it is captured or let go", self.told("authorized"))
            }
            PaymentState::Completed => self.why_completed(),
            PaymentState::Declined => format!("{}{}", self.told("declined"), self.reason()),
            PaymentState::Cancelled => format!("{}{}", self.told("cancelled"), self.reason()),
            PaymentState::Rejected => {
                format!("{}: no gateway payment exists for it{}", self.told("rejected"), self.reason())
            }
        };
        if let Some(command) = self.why_command() {
            sentence.push_str("; ");
            sentence.push_str(&command);
        }
        for flag in &self.flags {
            if let Some(remark) = remark(*flag) {
                sentence.push_str("; ");
                sentence.push_str(remark);
            }
        }
        if !self.state.is_final()
            && let Some(next) = progress.next_check_at
        {
            // Writing into a text cannot fail.
            let _ = write!(sentence, "; next look at {}", clock(next));
        }
        sentence
    }

    fn why_submitted(&self, progress: &Progress) -> String {
        if let Some(id) = &self.gateway_payment_id {
            return format!("the gateway has it as {id} and tells no state that the contract knows");
        }
        let looks = match (progress.checks, progress.checked_at) {
            (0, _) | (_, None) => "; it will be looked up by its reference".to_owned(),
            (1, Some(at)) => format!("; looked up once, at {}, without news", clock(at)),
            (times, Some(at)) => format!("; looked up {times} times, last at {}, without news", clock(at)),
        };
        let number = self.submission.attempts().len();
        match self.submission.last() {
            None => "it is about to be sent to the gateway".to_owned(),
            Some(Attempt::InFlight { sent_at }) => {
                let looks = if progress.checks == 0 { String::new() } else { looks };
                format!("request {number} was about to leave at {} and no answer is recorded{looks}", clock(*sent_at))
            }
            Some(Attempt::NotSent { sent_at, reason }) => {
                let unsent = format!("request {number} of {} never reached the gateway ({reason})", clock(*sent_at));
                if self.is_unsent() {
                    format!("{unsent}; it will be sent again")
                } else {
                    format!("{unsent}, and the outcome of an earlier one is not known{looks}")
                }
            }
            Some(Attempt::Unknown { sent_at, reason }) => {
                format!(
                    "request {number} was sent at {} and its outcome is not known ({reason}){looks}",
                    clock(*sent_at)
                )
            }
            Some(Attempt::Released { sent_at, reason }) => {
                format!("request {number} of {} was let go by two people ({reason}){looks}", clock(*sent_at))
            }
            Some(Attempt::Refused { sent_at } | Attempt::Accepted { sent_at }) => {
                format!(
                    "request {number} of {} was answered, the outcome of an earlier one is not known{looks}",
                    clock(*sent_at)
                )
            }
        }
    }

    fn why_checkout(&self) -> &'static str {
        if self.opening.flow != Flow::HostToHost {
            "waiting for the customer at the checkout page"
        } else if self.needs_start() {
            "its processing is about to be started"
        } else if self.falls_back_to_redirect() {
            "it could not be started without the checkout page"
        } else if matches!(
            self.commands.last(CommandKind::Start).map(|issued| &issued.outcome),
            Some(CommandOutcome::Refused { .. } | CommandOutcome::NotSent { .. })
        ) {
            "it could not be started, and its customer may not be sent to the checkout page"
        } else {
            "waiting for the gateway to process it"
        }
    }

    /// The latest command, while it is open or if it came to nothing.
    fn why_command(&self) -> Option<String> {
        let issued = self.commands.issued().last()?;
        let (kind, at) = (issued.command.kind(), clock(issued.sent_at));
        match &issued.outcome {
            CommandOutcome::InFlight => Some(format!("a {kind} was about to leave at {at} and no answer is recorded")),
            CommandOutcome::Unknown { reason } => {
                Some(format!("a {kind} was sent at {at} and its outcome is not known ({reason})"))
            }
            CommandOutcome::Denied { reason, .. } => {
                Some(format!("the gateway said no to a {kind} of {at} ({reason}), which a look must confirm"))
            }
            CommandOutcome::NotSent { reason } => {
                Some(format!("a {kind} of {at} never reached the gateway ({reason})"))
            }
            CommandOutcome::Refused { reason } => Some(format!("the gateway refused a {kind} of {at} ({reason})")),
            CommandOutcome::Done => None,
        }
    }

    fn why_completed(&self) -> String {
        let moved =
            self.settled.map_or_else(|| "the amount is not known yet".to_owned(), |settled| format!("{settled} moved"));
        format!("{}: {moved}", self.told("completed"))
    }

    /// "accepted by the gateway at 2026-10-01T10:11:12.412Z (told by the gateway's answer and a webhook)".
    fn told(&self, deed: &str) -> String {
        let sources: Vec<&'static str> = self.confirmed_by.iter().map(|source| source_in_words(*source)).collect();
        format!("{deed} at {} (told by {})", clock(self.state_at), sources.join(" and "))
    }

    fn reason(&self) -> String {
        match &self.error {
            None => String::new(),
            Some(error) => match &error.message {
                Some(message) => format!(", {} ({message})", error.code),
                None => format!(", {}", error.code),
            },
        }
    }
}

fn clock(at: Time) -> String {
    at.to_string()
}

fn source_in_words(source: Source) -> &'static str {
    match source {
        Source::Request => "ourselves",
        Source::Response => "the gateway's answer",
        Source::Webhook => "a webhook",
        Source::Poll => "a look",
        Source::Sweep => "the gateway's list",
        Source::Operator => "a person",
    }
}

fn remark(flag: Flag) -> Option<&'static str> {
    match flag {
        Flag::AmountDiffers => Some("the amount is not the requested one"),
        Flag::Converted => Some("the currency is not the requested one"),
        Flag::TypeDiffers => Some("the gateway's payment has another type"),
        Flag::ReferenceDiffers => Some("the gateway's payment has another reference"),
        Flag::AmountMissing | Flag::NotInert => None,
        Flag::AmountContradicts => Some("two looks told different amounts"),
        Flag::UnknownState => Some("the gateway told a state that its contract does not know"),
        Flag::Contradiction => Some("evidence contradicts itself, a person must look"),
        Flag::GatewayCorrection => Some("the gateway corrected an earlier end"),
        Flag::UnknownOutcome => Some("its outcome was still not known a quarter of an hour later"),
        Flag::NotFoundAtGateway => Some("the gateway did not find the payment by its id"),
        Flag::Surplus => Some("another gateway payment exists under its reference"),
        Flag::PaidElsewhere => Some("that other one was paid"),
        Flag::UndecidedCandidates => {
            Some("gateway payments stand under its reference and none fits, a person must choose")
        }
        Flag::IdClaimedElsewhere => Some("the gateway gave it an id that another payment has"),
        Flag::OverRefunded => Some("more was refunded than was captured, a person must look"),
    }
}
