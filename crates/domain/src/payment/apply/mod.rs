//! The one place where evidence becomes a decision.

mod command;
mod elsewhere;
mod operation;
mod refund;

use std::collections::BTreeSet;
use std::time::Duration;

use super::decision::{Change, Decision, PaymentError};
use super::evidence::{Evidence, Rejection, Seen, Sighting, Source};
use super::news::News;
use super::{Attempt, Care, Flag, GatewayState, Kind, Payment, PaymentState, SeenState, Submission};
use crate::GatewayPaymentId;
use crate::Time;

use GatewayState as G;
use PaymentState as S;

/// When an unknown outcome of what may have moved money is shown to a person.
const UNKNOWN_FOR_TOO_LONG: Duration = Duration::from_mins(15);

impl Payment {
    /// What `evidence` means for this payment. Total: every pair of a state and a kind of evidence is decided, here and
    /// in `News::of`, with no catch-all, so that a new state or kind does not compile until somebody has decided
    /// what it means.
    pub fn apply(&self, evidence: &Evidence) -> Decision {
        match &evidence.seen {
            // A payment is opened once.
            Seen::Opened(_) => Decision::Stale,
            Seen::AboutToSend { attempt, .. } => match self.state {
                S::Submitted => self.about_to_send(*attempt, evidence),
                // Nothing leaves for a payment that the gateway knows or that has ended.
                S::Checkout
                | S::Pending
                | S::AwaitingApproval
                | S::Authorized
                | S::Completed
                | S::Declined
                | S::Cancelled
                | S::Rejected => Decision::Stale,
            },
            Seen::GivenUp { reason } => match self.state {
                S::Submitted => self.given_up(reason, evidence.source),
                S::Checkout
                | S::Pending
                | S::AwaitingApproval
                | S::Authorized
                | S::Completed
                | S::Declined
                | S::Cancelled
                | S::Rejected => Decision::Stale,
            },
            Seen::Refused { attempt, rejection } => match self.state {
                S::Submitted => self.refused(*attempt, rejection, evidence.source),
                // The gateway has a payment of ours from another POST; this one made nothing.
                S::Checkout
                | S::Pending
                | S::AwaitingApproval
                | S::Authorized
                | S::Completed
                | S::Declined
                | S::Cancelled
                | S::Rejected => self.attempt_ended(*attempt, |sent_at| Attempt::Refused { sent_at }),
            },
            // What became of one POST is news about that POST, whatever the payment has come to meanwhile.
            Seen::NotSent { attempt, reason } => match self.state {
                S::Submitted => self.not_sent(*attempt, reason, evidence.source),
                S::Checkout
                | S::Pending
                | S::AwaitingApproval
                | S::Authorized
                | S::Completed
                | S::Declined
                | S::Cancelled
                | S::Rejected => self.kept_here(*attempt, reason),
            },
            Seen::OutcomeUnknown { attempt, reason } => {
                self.attempt_ended(*attempt, |sent_at| Attempt::Unknown { sent_at, reason: reason.clone() })
            }
            // About a gateway payment: first whose it is, then (`News::of`) what it means for the state.
            Seen::Accepted { attempt, sighting } => {
                self.sighted(evidence, sighting, Some(Binding::Answer { attempt: *attempt }))
            }
            Seen::Found { sighting } => self.sighted(evidence, sighting, Some(Binding::LookUp)),
            Seen::Reported { sighting } => self.sighted(evidence, sighting, None),
            Seen::Undecided { sighting } => self.undecided(evidence, sighting),
            Seen::ClaimedElsewhere { attempt, id } => self.claimed_elsewhere(*attempt, id),
            Seen::Missing => match self.state {
                S::Submitted
                | S::Checkout
                | S::Pending
                | S::AwaitingApproval
                | S::Authorized
                | S::Completed
                | S::Declined
                | S::Cancelled => self.missing(evidence.at),
                // That none is found is what we say ourselves.
                S::Rejected => Decision::Stale,
            },
            // What is done with a payment that the gateway has: `Payment::allows` decides by its state.
            Seen::CommandIssued { number, id, command, by: _ } => {
                self.command_issued(*number, *id, command, evidence.at)
            }
            Seen::CommandRepeated { number, request, .. } => self.command_repeated(*number, *request, evidence.at),
            // What became of a command's request is news about that command, whatever the payment has come to.
            Seen::CommandNotSent { number, reason } => self.command_not_sent(*number, reason),
            Seen::CommandDenied { number, reason } => self.command_denied(*number, reason, evidence.at),
            Seen::CommandUnknown { number, reason } => self.command_unknown(*number, reason),
            Seen::CommandAnswered { number, sighting } => self.command_answered(*number, evidence, sighting),
            // What refunds hold of a deposit: `Payment::may_refund` decides by its state.
            Seen::RefundOpened { refund, money, by: _ } => self.refund_opened(*refund, *money),
            Seen::RefundEnded { refund, state, settled } => self.refund_ended(*refund, *state, *settled),
            Seen::ParentTold { state } => self.parent_was_told(*state),
            // What a person may decide: `Payment::may_force` and `Payment::may_release` know the states.
            Seen::Operated { operation } => self.operated(operation),
        }
    }

    /// Invariant I1: no POST without an entry, and no more of them than the kind of payment allows.
    fn about_to_send(&self, attempt: usize, evidence: &Evidence) -> Decision {
        let in_turn = attempt == self.submission.next_number();
        let known = self.gateway_payment_id.is_some() || !self.others.is_empty();
        let too_many = self.submission.possibly_sent() >= Submission::sent_max(self.opening.kind)
            || self.submission.unsent() >= Submission::UNSENT_MAX;
        if !in_turn || known || too_many {
            return Decision::Stale;
        }
        Decision::Moves(Change {
            attempt: Some((attempt, Attempt::InFlight { sent_at: evidence.at })),
            ..Change::default()
        })
    }

    fn given_up(&self, reason: &str, source: Source) -> Decision {
        if self.submission.possibly_sent() > 0 || self.gateway_payment_id.is_some() {
            return Decision::Stale;
        }
        let error = PaymentError {
            code: "not-sent".to_owned(),
            message: Some(format!("no request reached the gateway: {reason}")),
            external_result_code: None,
            fields: Vec::new(),
        };
        Decision::Moves(self.rejected(error, source))
    }

    /// A refusal proves that this POST made nothing. If an earlier one may have, the payment stays unknown.
    fn refused(&self, number: usize, rejection: &Rejection, source: Source) -> Decision {
        let ended = self.attempt_ended(number, |sent_at| Attempt::Refused { sent_at });
        match ended {
            Decision::Moves(Change { attempt, .. }) if !self.may_exist_beside(number) => {
                Decision::Moves(Change { attempt, ..self.rejected(refusal(rejection), source) })
            }
            ended => ended,
        }
    }

    /// A proof that this POST stayed here may be what the refusal of a later one waited for.
    fn not_sent(&self, number: usize, reason: &str, source: Source) -> Decision {
        let ended = self.kept_here(number, reason);
        let refused_before = self.submission.attempts().iter().any(|known| matches!(known, Attempt::Refused { .. }));
        match ended {
            Decision::Moves(Change { attempt, .. }) if refused_before && !self.may_exist_beside(number) => {
                Decision::Moves(Change { attempt, ..self.rejected(refusal(&Rejection::default()), source) })
            }
            ended => ended,
        }
    }

    fn kept_here(&self, number: usize, reason: &str) -> Decision {
        self.attempt_ended(number, |sent_at| Attempt::NotSent { sent_at, reason: reason.to_owned() })
    }

    /// Whether a POST other than this one made a gateway payment, or may have.
    fn may_exist_beside(&self, number: usize) -> bool {
        let this_is_open = self.submission.attempt(number).is_some_and(Attempt::is_unaccounted);
        self.gateway_payment_id.is_some() || self.submission.unaccounted() > usize::from(this_is_open)
    }

    fn rejected(&self, error: PaymentError, source: Source) -> Change {
        // A look-up saw something under our reference: that, and that nothing was made, cannot both be the truth.
        let contradiction = (!self.others.is_empty()).then_some(Flag::Contradiction);
        Change {
            state: Some(S::Rejected),
            error: Some(error),
            confirmed_by: Some(source),
            flags: contradiction.into_iter().chain(self.paid_elsewhere_if_dead(None)).collect(),
            ..Change::default()
        }
    }

    /// What became of a POST is recorded once; only that it is not known gives way to what is, however late.
    fn attempt_ended(&self, number: usize, ended: impl FnOnce(Time) -> Attempt) -> Decision {
        let Some(known) = self.submission.attempt(number) else { return Decision::Stale };
        let ended = ended(known.sent_at());
        let is_news = match known {
            Attempt::InFlight { .. } => true,
            Attempt::Unknown { .. } => !ended.is_unaccounted(),
            Attempt::NotSent { .. } | Attempt::Refused { .. } | Attempt::Accepted { .. } | Attempt::Released { .. } => {
                false
            }
        };
        if !is_news {
            return Decision::Confirms(None);
        }
        Decision::Moves(Change { attempt: Some((number, ended)), ..Change::default() })
    }

    /// The id is not bound here, so what became of the POST stays unknown.
    fn claimed_elsewhere(&self, attempt: Option<usize>, id: &GatewayPaymentId) -> Decision {
        let reason = format!("the gateway answered with {id}, which is the id of another payment");
        let ended = attempt.map(|number| self.attempt_ended(number, |sent_at| Attempt::Unknown { sent_at, reason }));
        let attempt = ended.and_then(|decision| decision.change().and_then(|change| change.attempt.clone()));
        match (self.raise(Flag::IdClaimedElsewhere), attempt) {
            (None, None) => Decision::Contradicts(None),
            (flagged, attempt) => Decision::Contradicts(Some(Change { attempt, ..flagged.unwrap_or_default() })),
        }
    }

    fn missing(&self, at: Time) -> Decision {
        if self.gateway_payment_id.is_none() {
            let overdue = self.is_unknown_for_too_long(at);
            return Decision::Confirms(overdue.then(|| self.raise(Flag::UnknownOutcome)).flatten());
        }
        Decision::Contradicts(self.raise(Flag::NotFoundAtGateway))
    }

    /// Whether a request that may have moved money left long ago, and nothing is known of it (protocols, section 1).
    pub fn is_unknown_for_too_long(&self, at: Time) -> bool {
        let left = self.submission.last_unaccounted().map(Attempt::sent_at);
        self.state == S::Submitted
            && self.opening.kind == Kind::Moving
            && left.is_some_and(|left| at >= left.plus(UNKNOWN_FOR_TOO_LONG))
    }

    /// A change that only raises a flag; `None` if it is raised already, and nobody has settled it.
    fn raise(&self, flag: Flag) -> Option<Change> {
        let news = !self.flags.contains(&flag) || self.care.settled.contains(&flag);
        news.then(|| Change { flags: BTreeSet::from([flag]), ..Change::default() })
    }

    fn sighted(&self, evidence: &Evidence, sighting: &Sighting, binding: Option<Binding>) -> Decision {
        let source = witness(evidence.source, binding);
        match (&self.gateway_payment_id, binding) {
            (Some(ours), _) if *ours == sighting.id => self.news(evidence, source, sighting, binding),
            (None, Some(binding)) if self.state == S::Submitted => self.adopt(source, sighting, binding),
            (None, None) if self.state == S::Submitted => self.unbound(sighting),
            // It is not the one that we have; or we said that none exists, and here is one.
            (Some(_) | None, _) => self.elsewhere(sighting, binding),
        }
    }

    /// The gateway payment becomes ours, for good.
    fn adopt(&self, source: Source, sighting: &Sighting, binding: Binding) -> Decision {
        let state = sighting.known_state();
        let mut change = self.learned(sighting, state, source);
        change.gateway_payment_id = Some(sighting.id.clone());
        change.state = state.map(S::from);
        change.confirmed_by = state.map(|_| source);
        change.flags.extend(self.misfits(sighting));
        self.answered(sighting, Some(binding), &mut change);
        Decision::Moves(change)
    }

    /// What an answer tells beside the payment that it names: what became of its POST, and whether that was inert.
    /// The same for whichever gateway payment it names.
    fn answered(&self, sighting: &Sighting, binding: Option<Binding>, change: &mut Change) {
        let Some(Binding::Answer { attempt: number }) = binding else { return };
        let Some(known) = self.submission.attempt(number) else { return };
        let accepted = Attempt::Accepted { sent_at: known.sent_at() };
        if *known != accepted {
            change.attempt = Some((number, accepted));
        }
        let beyond_checkout = sighting.known_state().is_some_and(|state| state != G::Checkout);
        if self.opening.kind == Kind::Inert && beyond_checkout && !self.flags.contains(&Flag::NotInert) {
            change.flags.insert(Flag::NotInert);
        }
    }

    /// What of a gateway payment that we adopt is not as we asked. It is ours all the same: it carries our reference
    /// or answers our request, so it is flagged and never dropped.
    fn misfits(&self, sighting: &Sighting) -> Vec<Flag> {
        let mut flags = Vec::new();
        let ours: &'static str = self.opening.payment_type.into();
        if sighting.payment_type.as_deref().is_some_and(|theirs| theirs != ours) {
            flags.push(Flag::TypeDiffers);
        }
        let reference = self.opening.reference_id.as_str();
        if sighting.reference_id.as_deref().is_some_and(|theirs| theirs != reference) {
            flags.push(Flag::ReferenceDiffers);
        }
        if let Some(asked) = sighting.requested() {
            if asked.currency() != self.opening.requested.currency() {
                flags.push(Flag::Converted);
            } else if asked != self.opening.requested {
                flags.push(Flag::AmountDiffers);
            }
        }
        if matches!(sighting.state, SeenState::Unknown(_)) {
            flags.push(Flag::UnknownState);
        }
        flags
    }

    /// News about the gateway payment that is ours.
    fn news(&self, evidence: &Evidence, source: Source, sighting: &Sighting, binding: Option<Binding>) -> Decision {
        let decision = match sighting.known_state() {
            None => self.raise(Flag::UnknownState).map_or(Decision::Stale, |flagged| Decision::Confirms(Some(flagged))),
            Some(told) => match News::of(self.state, told) {
                News::Forward => self.moved(source, sighting, told),
                News::Back if self.is_fresh(source, evidence.begun_at) => self.moved(source, sighting, told),
                News::Same => self.confirmed(source, sighting, told),
                News::Back | News::Late => Decision::Stale,
                News::OtherFinal => self.contradicted(source, sighting, told),
            },
        };
        let mut change = decision.change().cloned().unwrap_or_default();
        self.answered(sighting, binding, &mut change);
        let state = change.state.unwrap_or(self.state);
        change.command = self.command_after(source, evidence.begun_at, sighting.known_state(), state);
        change.care = self.found_again(source);
        let change = Some(change).filter(|change| *change != Change::default());
        match (decision, change) {
            (Decision::Moves(_), Some(change)) => Decision::Moves(change),
            (Decision::Contradicts(_), change) => Decision::Contradicts(change),
            // Old news about the state may still tell what became of a POST.
            (Decision::Confirms(_), change) | (Decision::Stale, change @ Some(_)) => Decision::Confirms(change),
            (decision @ (Decision::Stale | Decision::Moves(_) | Decision::Elsewhere(..)), _) => decision,
        }
    }

    /// A look that finds what an earlier one did not leaves nothing to ask about.
    fn found_again(&self, source: Source) -> Option<Care> {
        let missed = self.flags.contains(&Flag::NotFoundAtGateway);
        let mut care = self.care.clone();
        let news = missed && source == Source::Poll && care.settled.insert(Flag::NotFoundAtGateway);
        news.then_some(care)
    }

    /// A look by id that began after our state was recorded beats the order of states: a payout can be held after it was
    /// made, a capture shows as pending. So does the answer to a command, whose request left when its entry was made,
    /// and that entry stands behind the one of the state. Notices and lists only move forward.
    fn is_fresh(&self, source: Source, begun_at: Option<Time>) -> bool {
        begun_at.is_some_and(|begun_at| match source {
            Source::Poll => begun_at > self.state_at,
            Source::Response => begun_at >= self.state_at,
            Source::Request | Source::Webhook | Source::Sweep | Source::Operator => false,
        })
    }

    fn moved(&self, source: Source, sighting: &Sighting, told: G) -> Decision {
        let mut change = self.learned(sighting, Some(told), source);
        change.state = Some(told.into());
        change.confirmed_by = Some(source);
        Decision::Moves(change)
    }

    fn confirmed(&self, source: Source, sighting: &Sighting, told: G) -> Decision {
        let mut change = self.learned(sighting, Some(told), source);
        let amounts_differ = change.flags.contains(&Flag::AmountContradicts);
        if amounts_differ && self.flags.contains(&Flag::AmountContradicts) && change.settled.is_none() {
            return Decision::Contradicts(None);
        }
        if !self.confirmed_by.contains(&source) {
            change.confirmed_by = Some(source);
        }
        if amounts_differ {
            Decision::Contradicts(Some(change))
        } else {
            let news = change != Change::default();
            Decision::Confirms(news.then_some(change))
        }
    }

    /// Two finals. What is dead and was paid after all, by a webhook and by a look, becomes COMPLETED as a correction
    /// (money received is never hidden); every other contradiction waits for a person.
    fn contradicted(&self, source: Source, sighting: &Sighting, told: G) -> Decision {
        let telling = (told, source);
        let told_by = |another| self.contradicted_by.contains(&(told, another)) || source == another;
        if self.state.is_dead() && told == G::Completed && told_by(Source::Webhook) && told_by(Source::Poll) {
            let mut change = self.learned(sighting, Some(told), source);
            change.state = Some(told.into());
            change.confirmed_by = Some(source);
            change.contradicted_by = Some(telling);
            change.flags.extend([Flag::Contradiction, Flag::GatewayCorrection]);
            return Decision::Moves(change);
        }
        let news = !self.contradicted_by.contains(&telling);
        Decision::Contradicts(news.then(|| Change {
            contradicted_by: Some(telling),
            flags: BTreeSet::from([Flag::Contradiction]),
            ..Change::default()
        }))
    }

    /// The facts of a sighting that we did not have, the state itself left out.
    fn learned(&self, sighting: &Sighting, state: Option<G>, source: Source) -> Change {
        let mut change = Change::default();
        if self.redirect_url.is_none() {
            change.redirect_url.clone_from(&sighting.redirect_url);
        }
        if !sighting.external_refs.is_empty() && sighting.external_refs != self.external_refs {
            change.external_refs.clone_from(&sighting.external_refs);
        }
        if sighting.payment_method != self.payment_method {
            change.payment_method.clone_from(&sighting.payment_method);
        }
        self.charge(sighting, source, &mut change);
        match state {
            Some(G::Completed) => self.settle(sighting, source, &mut change),
            Some(G::Declined | G::Cancelled) => {
                if self.error.is_none() {
                    change.error.clone_from(&sighting.error);
                }
                change.flags.extend(self.paid_elsewhere_if_dead(Some(sighting)));
            }
            Some(G::Checkout | G::Pending | G::AwaitingApproval | G::Authorized) | None => {}
        }
        change
    }

    /// What the provider keeps; the figure of a look replaces that of a notice.
    fn charge(&self, sighting: &Sighting, source: Source, change: &mut Change) {
        if sighting.fee != self.fee && (self.fee.is_none() || source == Source::Poll) {
            change.fee = sighting.fee;
        }
    }

    /// What moved is what the gateway says; the figure of a look replaces that of a notice.
    fn settle(&self, sighting: &Sighting, source: Source, change: &mut Change) {
        let Some(told) = sighting.money else {
            if self.settled.is_none() && !self.flags.contains(&Flag::AmountMissing) {
                change.flags.insert(Flag::AmountMissing);
            }
            return;
        };
        match self.settled {
            Some(known) if known == told => return,
            Some(_) => {
                change.flags.insert(Flag::AmountContradicts);
                let looked_before = self.confirmed_by.contains(&Source::Poll);
                if source != Source::Poll || looked_before {
                    return;
                }
            }
            None => {}
        }
        change.settled = Some(told);
        let asked = self.asked_for();
        if told.currency() != asked.currency() {
            change.flags.insert(Flag::Converted);
        } else if told != asked {
            change.flags.insert(Flag::AmountDiffers);
        }
    }
}

/// Whose word a sighting is. What a look-up by reference finds stands in one of the gateway's lists: it does not spare
/// the look by id.
fn witness(source: Source, binding: Option<Binding>) -> Source {
    match (source, binding) {
        (Source::Poll, Some(Binding::LookUp)) => Source::Sweep,
        (source, _) => source,
    }
}

/// Why a payment is dead that the gateway refused to make.
fn refusal(rejection: &Rejection) -> PaymentError {
    PaymentError {
        code: "gateway-refused".to_owned(),
        message: Some(rejection.message.clone()).filter(|message| !message.is_empty()),
        external_result_code: None,
        fields: rejection.fields.clone(),
    }
}

/// Evidence that may make a gateway payment ours. A notice or a list never does.
#[derive(Clone, Copy)]
enum Binding {
    Answer { attempt: usize },
    LookUp,
}
