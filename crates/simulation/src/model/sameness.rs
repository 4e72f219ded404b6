//! When two worlds count as one. What is left out here is looked at by no decision: a version or an epoch matters only
//! as far as it is the row's, a process has no name, a wording no meaning, and what the ledger says beyond its fold is
//! over.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::{Attempt, Evidence, Payment, PaymentId, Progress, Seen, SeenState, Sighting, Time};

use super::database::{Move, Statement, Stored};
use super::hand::{Hand, Process, Step, Under};
use super::policy::EMPTY_LOOK_UPS;
use super::world::World;

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let row = self.database.row.as_ref();
        (self.now, self.faults_left).hash(state);
        self.gateway.hash(state);
        self.witness.hash(state);
        for (notice, kept) in &self.database.inbox {
            (notice, kept.filed, kept.filed.is_none().then_some(kept.received_at)).hash(state);
        }
        if let Some(row) = row {
            stored(row, Some(row), state);
        }
        if let Some(late) = &self.database.late {
            1.hash(state);
            statement(late, row, state);
        }
        // The two are alike: which of them does something makes no difference.
        let mut processes = self.processes.each_ref().map(|process| {
            let mut print = DefaultHasher::new();
            hash_process(process, row, self.now, &mut print);
            print.finish()
        });
        processes.sort_unstable();
        processes.hash(state);
    }
}

fn hash_process(process: &Process, row: Option<&Stored>, now: Time, state: &mut impl Hasher) {
    (process.ordered && row.is_none()).hash(state);
    let Some(hand) = &process.hand else { return };
    hand.deed.hash(state);
    hand.is_too_old(now).hash(state);
    stored(&hand.stored, row, state);
    step(hand, row, state);
}

fn step(hand: &Hand, row: Option<&Stored>, state: &mut impl Hasher) {
    std::mem::discriminant(&hand.step).hash(state);
    match &hand.step {
        Step::Send => {}
        Step::Open(birth) => statement(birth, row, state),
        Step::Permit(permit) => {
            // A row that has this epoch by now may be taken for ours, if the answer is lost.
            let sent_at = permit.permitted.payment.submission.last().map(Attempt::sent_at);
            (permit.second, epoch(Some(permit.permitted.epoch), row), sent_at).hash(state);
            statement(&permit.statement, row, state);
        }
        Step::Wait(answer) => answer.hash(state),
        Step::Look(look) => {
            (look.begun_at, look.by_id, look.found.len()).hash(state);
            look.found.iter().for_each(|found| evidence(found, state));
        }
        Step::Record(record) => {
            (record.then, record.evidence.len()).hash(state);
            record.evidence.iter().for_each(|found| evidence(found, state));
            under(&record.under, row, state);
            statement(&record.statement, row, state);
        }
        Step::Note(note) => {
            note.then.hash(state);
            // The deed goes on with it even if the statement loses.
            progress(&note.after.progress, state);
            statement(&note.statement, row, state);
        }
    }
}

fn stored(stored: &Stored, row: Option<&Stored>, state: &mut impl Hasher) {
    is_current(&stored.payment, row).hash(state);
    epoch(Some(stored.epoch), row).hash(state);
    stored.leased_until.hash(state);
    progress(&stored.progress, state);
    payment(&stored.payment, row, state);
}

fn statement(statement: &Statement, row: Option<&Stored>, state: &mut impl Hasher) {
    match statement {
        Statement::Birth { payment: born, next_check_at, leased_until, .. } => {
            (0, next_check_at, leased_until).hash(state);
            payment(born, row, state);
        }
        Statement::Move(moved) => {
            1.hash(state);
            hash_move(moved, row, state);
        }
        Statement::File(notice) => (2, notice).hash(state),
    }
}

fn hash_move(moved: &Move, row: Option<&Stored>, state: &mut impl Hasher) {
    let may_win = row.is_some_and(|row| {
        row.payment.version == moved.expected_version && moved.expected_epoch.is_none_or(|epoch| epoch == row.epoch)
    });
    may_win.hash(state);
    // What has lost will not win any more, whatever is in it.
    if may_win {
        moved.expected_epoch.is_some().hash(state);
        (moved.entry.is_some(), moved.lease, moved.notice).hash(state);
        progress(&moved.progress, state);
        payment(&moved.payment, row, state);
    }
}

fn under(under: &Under, row: Option<&Stored>, state: &mut impl Hasher) {
    (epoch(under.epoch, row), under.lease, under.notice, under.look).hash(state);
}

/// Whether it is the row's, or one more, as it is while a lease is being taken.
fn epoch(epoch: Option<u64>, row: Option<&Stored>) -> Option<u64> {
    epoch.map(|epoch| epoch.saturating_add(1).saturating_sub(row.map_or(0, |row| row.epoch)))
}

fn is_current(payment: &Payment, row: Option<&Stored>) -> bool {
    row.is_some_and(|row| row.payment.version == payment.version)
}

fn progress(progress: &Progress, state: &mut impl Hasher) {
    // More empty look-ups than one beyond what is asked for are as good as that.
    progress.empty_look_ups.min(EMPTY_LOOK_UPS + 1).hash(state);
    (progress.checked_at, progress.next_check_at).hash(state);
}

fn payment(payment: &Payment, row: Option<&Stored>, state: &mut impl Hasher) {
    let is_ours = |id: PaymentId| row.is_none_or(|row| row.payment.id() == id);
    (is_ours(payment.id()), payment.state, payment.state_at).hash(state);
    for attempt in payment.submission.attempts() {
        let outcome = match attempt {
            Attempt::InFlight { .. } => 0,
            Attempt::NotSent { .. } => 1,
            Attempt::Refused { .. } => 2,
            Attempt::Unknown { .. } => 3,
            Attempt::Accepted { .. } => 4,
            Attempt::Released { .. } => 5,
        };
        (outcome, attempt.sent_at()).hash(state);
    }
    (&payment.gateway_payment_id, payment.redirect_url.is_some(), payment.settled.is_some()).hash(state);
    (&payment.confirmed_by, &payment.contradicted_by, &payment.flags).hash(state);
    for other in &payment.others {
        (&other.id, other.relation, known(&other.state)).hash(state);
    }
}

fn evidence(evidence: &Evidence, state: &mut impl Hasher) {
    (evidence.source, evidence.at, evidence.begun_at).hash(state);
    std::mem::discriminant(&evidence.seen).hash(state);
    match &evidence.seen {
        Seen::Accepted { attempt, sighting } => {
            attempt.hash(state);
            hash_sighting(sighting, state);
        }
        Seen::Found { sighting } | Seen::Undecided { sighting } | Seen::Reported { sighting } => {
            hash_sighting(sighting, state);
        }
        Seen::AboutToSend { attempt, .. }
        | Seen::NotSent { attempt, .. }
        | Seen::Refused { attempt, .. }
        | Seen::OutcomeUnknown { attempt, .. } => attempt.hash(state),
        Seen::ClaimedElsewhere { attempt, id } => (attempt, id).hash(state),
        // The create protocol has no commands, no refunds and no people.
        Seen::Opened(_)
        | Seen::GivenUp { .. }
        | Seen::Missing
        | Seen::CommandIssued { .. }
        | Seen::CommandRepeated { .. }
        | Seen::CommandNotSent { .. }
        | Seen::CommandDenied { .. }
        | Seen::CommandUnknown { .. }
        | Seen::CommandAnswered { .. }
        | Seen::RefundOpened { .. }
        | Seen::RefundEnded { .. }
        | Seen::ParentTold { .. }
        | Seen::Operated { .. } => {}
    }
}

fn hash_sighting(sighting: &Sighting, state: &mut impl Hasher) {
    (&sighting.id, known(&sighting.state), sighting.redirect_url.is_some()).hash(state);
}

fn known(state: &SeenState) -> Option<domain::GatewayState> {
    match state {
        SeenState::Known(state) => Some(*state),
        SeenState::Unknown(_) => None,
    }
}
