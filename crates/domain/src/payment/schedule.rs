use std::time::Duration;

use super::{Attempt, CommandOutcome, Kind, Patience, Payment, PaymentState, Source, Stuck, Submission};
use crate::Time;

const DAY: Duration = Duration::from_hours(24);

/// What was done for a payment beside its ledger: looks that brought no news change no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Looks since the payment last changed.
    pub checks: u32,
    /// Complete look-ups by reference that found nothing, after the quarantine of the last request; while a command is
    /// open, looks after its quarantine that showed no trace of it.
    pub empty_look_ups: u32,
    /// When somebody last looked.
    pub checked_at: Option<Time>,
    /// When somebody looks next.
    pub next_check_at: Option<Time>,
    /// Looks in a row that could not be made.
    pub failures: u32,
    /// How it is stuck, or will be if nothing happens to it.
    pub stuck: Option<Stuck>,
}

/// When to look, send again, and give up. All from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intervals {
    /// How long a request may be on its way before whoever sent it is taken for dead.
    pub lease: Duration,
    /// The same for a command: the gateway calls its provider inside the request (gateway contract, section 14, row 19).
    pub command_lease: Duration,
    /// Look-ups of an unknown outcome, after the request was sent; daily behind the last one.
    pub look_ups: Vec<Duration>,
    /// How long an empty look-up means nothing, since a request may still be on its way into the gateway.
    pub quarantine: Duration,
    /// Complete empty look-ups after the quarantine, before an inert request may be sent a second time.
    pub empty_look_ups: u32,
    /// The pause between those, growing as long as nobody answers.
    pub empty_look_up_pause: Duration,
    /// How long attempts of unknown outcome are looked up though the payment has gone on without them.
    pub look_up_horizon: Duration,
    /// Pauses before a request that did not get through is sent again; the last one repeats.
    pub resends: Vec<Duration>,
    /// How long after its opening a request may still be sent.
    pub submit_deadline: Duration,
    /// Looks at an open payment by its id, after its state was recorded; daily behind the last one.
    pub polls: Vec<Duration>,
    /// How long after COMPLETED its figures are read again by id.
    pub confirm: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let seconds = |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect();
        Self {
            lease: Duration::from_mins(1),
            command_lease: Duration::from_mins(2),
            look_ups: seconds(&[2, 10, 30, 90, 180, 300, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR]),
            quarantine: Duration::from_secs(5 * MINUTE),
            empty_look_ups: 3,
            empty_look_up_pause: Duration::from_secs(30),
            look_up_horizon: Duration::from_secs(72 * HOUR),
            resends: seconds(&[1, 2, 5, 10, 20, 40, 80]),
            submit_deadline: Duration::from_secs(10 * MINUTE),
            polls: seconds(&[30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR]),
            confirm: Duration::from_secs(20),
        }
    }
}

impl Progress {
    /// What is left of it once the payment has changed.
    #[must_use]
    pub fn renewed(self, empties_count: bool) -> Self {
        Self { checks: 0, empty_look_ups: if empties_count { self.empty_look_ups } else { 0 }, ..self }
    }
}

impl Payment {
    /// What lies beside the ledger with the next look in it, and from when on the payment needs a person.
    #[must_use]
    pub fn scheduled(&self, progress: Progress, now: Time, intervals: &Intervals, patience: &Patience) -> Progress {
        let progress = Progress { next_check_at: self.next_check_at(&progress, now, intervals), ..progress };
        Progress { stuck: self.stuck(&progress, now, patience), ..progress }
    }

    /// When this payment must be looked at next; `None` if nothing more can be learned without being told.
    /// Written in the same commit as the state, so that there is no payment that nothing will ever look at again.
    pub fn next_check_at(&self, progress: &Progress, now: Time, intervals: &Intervals) -> Option<Time> {
        let scheduled = match self.state {
            PaymentState::Submitted => Some(self.next_for_submitted(progress, now, intervals)),
            PaymentState::Checkout
            | PaymentState::Pending
            | PaymentState::AwaitingApproval
            | PaymentState::Authorized => Some(next_look(self.state_at, &intervals.polls, progress.checked_at)),
            PaymentState::Completed if self.needs_confirmation() => {
                // No list confirms it, so it is tried again as soon as an unknown outcome is.
                let again = intervals.look_ups.iter().filter(|look_up| **look_up > intervals.confirm);
                let looks = std::iter::once(&intervals.confirm).chain(again);
                Some(next_look(self.state_at, looks, progress.checked_at))
            }
            PaymentState::Completed | PaymentState::Declined | PaymentState::Cancelled | PaymentState::Rejected => None,
        };
        let scheduled = scheduled.map(|at| self.jittered(at, progress));
        let looked_up = self.next_look_up_of_the_unaccounted(progress, now, intervals);
        let commanded = self.next_for_command(progress, now, intervals);
        let to_tell = self.must_tell_parent().then_some(now);
        let earliest = scheduled.into_iter().chain(looked_up).chain(commanded).chain(to_tell).min()?;
        // A look that is overdue follows soon, and not at once: the one before it has just brought nothing.
        let floor = progress.checked_at.map_or(now, |checked_at| checked_at.plus(Duration::from_secs(1)));
        Some(earliest.max(floor.min(now.plus(Duration::from_secs(1)))))
    }

    /// Whether COMPLETED still has to be read by id: only a look tells what we book.
    pub fn needs_confirmation(&self) -> bool {
        self.state == PaymentState::Completed && (self.settled.is_none() || !self.confirmed_by.contains(&Source::Poll))
    }

    /// Whether the gateway must be asked by our reference: a request left whose outcome is not known. For a payment that
    /// has gone on without it, a day longer than the horizon, so that the last look is made even if it comes late.
    pub fn needs_look_up(&self, now: Time, intervals: &Intervals) -> bool {
        self.submission.last_unaccounted().is_some_and(|attempt| {
            self.state == PaymentState::Submitted && self.gateway_payment_id.is_none()
                || now.since(attempt.sent_at()) <= intervals.look_up_horizon.saturating_add(DAY)
        })
    }

    /// Whether an empty look-up that began at `begun_at` proves anything: every request is past its quarantine.
    pub fn is_past_quarantine(&self, begun_at: Time, intervals: &Intervals) -> bool {
        let last = self.submission.attempts().iter().map(Attempt::sent_at).max();
        last.is_some_and(|sent_at| begun_at >= sent_at.plus(intervals.quarantine))
    }

    /// Whether a look that began at `begun_at` can prove that the open command had no effect.
    pub fn is_past_command_quarantine(&self, begun_at: Time, intervals: &Intervals) -> bool {
        self.commands.open().is_some_and(|(_, open)| begun_at >= open.sent_at.plus(intervals.quarantine))
    }

    /// Whether the machine may send once more although an earlier request may have had an effect: inert payments
    /// only, once, and only after the gateway was seen not to have anything under the reference.
    pub fn may_try_twice(&self, progress: &Progress, intervals: &Intervals) -> bool {
        self.state == PaymentState::Submitted
            && self.opening.kind == Kind::Inert
            && self.gateway_payment_id.is_none()
            && self.others.is_empty()
            && self.submission.possibly_sent() < Submission::sent_max(Kind::Inert)
            && self.submission.unsent() < Submission::UNSENT_MAX
            && progress.empty_look_ups >= intervals.empty_look_ups
    }

    /// Whether every request so far is proven to have stayed here, so that the next one is the first.
    pub fn is_unsent(&self) -> bool {
        self.state == PaymentState::Submitted
            && self.gateway_payment_id.is_none()
            && self.submission.possibly_sent() == 0
    }

    /// Whether a payment that is unsent may be tried no more.
    pub fn is_past_submitting(&self, now: Time, intervals: &Intervals) -> bool {
        self.submission.unsent() >= Submission::UNSENT_MAX || now.since(self.created_at) >= intervals.submit_deadline
    }

    fn next_for_submitted(&self, progress: &Progress, now: Time, intervals: &Intervals) -> Time {
        match self.submission.last() {
            // Its sender is on it, or is dead: nobody else looks before the lease is over.
            Some(Attempt::InFlight { sent_at }) if now < sent_at.plus(intervals.lease) => sent_at.plus(intervals.lease),
            Some(Attempt::NotSent { sent_at, .. }) if self.is_unsent() => {
                let pauses_made = self.submission.unsent().saturating_sub(1);
                let pause = intervals.resends.get(pauses_made).or(intervals.resends.last());
                let deadline = self.created_at.plus(intervals.submit_deadline);
                sent_at.plus(pause.copied().unwrap_or_default()).min(deadline)
            }
            Some(last) => self.next_look_up(last.sent_at(), progress, intervals),
            None => now,
        }
    }

    /// While a command's outcome is not known it is looked after as closely as a request's; one that has to be given by the
    /// machine is given as soon as it may be.
    fn next_for_command(&self, progress: &Progress, now: Time, intervals: &Intervals) -> Option<Time> {
        if let Some((_, open)) = self.commands.open() {
            let lease_ends = open.sent_at.plus(intervals.command_lease);
            return Some(match open.outcome {
                CommandOutcome::InFlight if now < lease_ends => lease_ends,
                _ => self.jittered(next_look(open.sent_at, &intervals.look_ups, progress.checked_at), progress),
            });
        }
        if !self.needs_start() {
            return None;
        }
        let Some(last) = self.commands.issued().last() else { return Some(now) };
        let pause = intervals.resends.get(self.commands.issued().len().saturating_sub(1)).or(intervals.resends.last());
        Some(last.sent_at.plus(pause.copied().unwrap_or_default()))
    }

    fn next_look_up_of_the_unaccounted(&self, progress: &Progress, now: Time, intervals: &Intervals) -> Option<Time> {
        if self.state == PaymentState::Submitted {
            return None;
        }
        let sent_at = self.submission.last_unaccounted()?.sent_at();
        let horizon = sent_at.plus(intervals.look_up_horizon);
        let last_look_is_done = progress.checked_at.is_some_and(|checked_at| checked_at >= horizon);
        if last_look_is_done {
            return None;
        }
        let next = next_look(sent_at, &intervals.look_ups, progress.checked_at.or(Some(now)));
        Some(self.jittered(next, progress).min(horizon))
    }

    fn next_look_up(&self, sent_at: Time, progress: &Progress, intervals: &Intervals) -> Time {
        let hopeful = self.opening.kind == Kind::Inert
            && self.submission.possibly_sent() < Submission::sent_max(Kind::Inert)
            && self.others.is_empty()
            && self.gateway_payment_id.is_none();
        let after_quarantine = sent_at.plus(intervals.quarantine);
        if let Some(checked_at) = progress.checked_at.filter(|checked_at| hopeful && *checked_at >= after_quarantine) {
            // An inert payment is not kept waiting for longer than its proof needs, unless the gateway keeps us waiting.
            if progress.empty_look_ups <= intervals.empty_look_ups {
                return checked_at.plus(intervals.empty_look_up_pause.max(checked_at.since(sent_at) / 10));
            }
        }
        next_look(sent_at, &intervals.look_ups, progress.checked_at)
    }

    /// Up to a tenth of the wait later, by the payment's own id, so that what began together does not come together,
    /// and a replay does the same.
    fn jittered(&self, at: Time, progress: &Progress) -> Time {
        let (_, low) = self.id().uuid().as_u64_pair();
        let wait = at.since(progress.checked_at.map_or(self.state_at, |checked_at| checked_at.max(self.state_at)));
        let thousandths = u32::try_from(low % 100).unwrap_or(0);
        at.plus(wait / 1000 * thousandths)
    }
}

/// The first of the `offsets` from `start` that lies behind the last look, and daily when there is none left. By the
/// time of the last look and not by a count: neither news that changes no state, nor an outage that made looks
/// overdue, makes them follow each other quickly.
fn next_look<'a>(start: Time, offsets: impl IntoIterator<Item = &'a Duration>, looked_at: Option<Time>) -> Time {
    let looked_at = looked_at.map_or(start, |looked_at| looked_at.max(start));
    let elapsed = looked_at.since(start);
    let next = offsets.into_iter().filter(|offset| **offset > elapsed).min();
    next.map_or_else(|| looked_at.plus(DAY), |offset| start.plus(*offset))
}
