//! Going through what we have: payments that the list lacks or tells otherwise, notices that nothing matched, breaks that
//! are no longer there.

use std::time::Duration;

use domain::{BreakKind, Finding, PaymentState, Seen, Side};
use store::{Covered, Name, Run, RunStep, Stored, Unfound, UnmatchedNotice};

use super::{Brought, Halt, Reconciler};

/// Rows of ours that are gone through in one step.
const ROWS: u32 = 500;

impl Reconciler {
    /// Payments of ours, in their order. Those that the list told alike need nothing more; each of the others is asked for
    /// by its id, and only then is a difference one.
    pub(super) async fn ask_for_ours(&self, run: &mut Run, leased_at: Duration) -> Result<(), Halt> {
        let covered = self.records.covered_payments(run, run.progress.after, ROWS).await?;
        let names: Vec<Name> = covered.iter().filter(|one| !one.agrees).map(|one| Name::Id(one.id)).collect();
        let mut suspects = self.desk.store.store().load(&names).await?.into_iter();
        let (mut after, mut brought, mut halt) = (run.clone(), Brought::default(), None);
        for Covered { id, created_at, agrees } in &covered {
            if !agrees {
                let Some(stored) = suspects.next().flatten() else { continue };
                let is_late = self.desk.clock.uptime().saturating_sub(leased_at) > self.desk.rules.send_guard;
                let asked =
                    if is_late { Err(Halt::Pause(Duration::ZERO)) } else { self.ask(stored, &mut brought).await };
                if let Err(reason) = asked {
                    halt = Some(reason);
                    break;
                }
            }
            after.progress.after = Some((*created_at, id.uuid()));
            after.progress.payments += 1;
        }
        if halt.is_none() && covered.len() < ROWS as usize {
            (after.progress.step, after.progress.after) = (RunStep::Notices, None);
        }
        // What was asked for before it had to stop is not asked for again.
        if after.progress != run.progress {
            self.record(run, after, brought).await?;
        }
        halt.map_or(Ok(()), Err)
    }

    /// Asks for one payment by its id. While it moves under our hands nothing is said of it, and it is asked for again.
    async fn ask(&self, stored: Stored, brought: &mut Brought) -> Result<(), Halt> {
        self.desk.throttle.admit().map_err(Halt::Pause)?;
        let looked = self.desk.look_by_id(&stored.payment).await;
        if looked.failed {
            // The breaker knows already.
            return Err(Halt::Nonsense("the gateway cannot be asked for a payment"));
        }
        let Some(evidence) = looked.evidence.first().cloned() else {
            return Err(Halt::Nonsense("the gateway answers with another payment than the one that was asked for"));
        };
        let payment = self.desk.record_looked(stored, looked, None).await?.payment;
        let Some(told) = evidence.seen.sighting() else {
            if evidence.seen == Seen::Missing {
                brought.find(payment.missing_at_gateway());
            }
            return Ok(());
        };
        match payment.disagreement(told) {
            Some(_) if evidence.begun_at.is_none_or(|begun_at| payment.state_at >= begun_at) => {
                return Err(Halt::Pause(Duration::from_secs(1)));
            }
            Some(finding) => brought.find(finding),
            None => brought.agree(&payment, told),
        }
        brought.meet(told, true);
        Ok(())
    }

    /// Notices about gateway payments that nobody has: neither we nor the list.
    pub(super) async fn go_through_notices(&self, run: &mut Run) -> Result<(), Halt> {
        let notices = self.records.unmatched_notices(run, run.progress.after, ROWS).await?;
        let (mut after, mut brought) = (run.clone(), Brought::default());
        after.progress.after = notices.last().map(|last| (last.received_at, last.id));
        if notices.len() < ROWS as usize {
            // What could not be read may be what is not found any more: then nothing is closed.
            let next = if run.progress.trouble.is_none() { RunStep::Breaks } else { RunStep::Forget };
            (after.progress.step, after.progress.after) = (next, None);
        }
        notices.into_iter().map(unmatched).for_each(|finding| brought.find(finding));
        self.record(run, after, brought).await
    }

    /// Breaks that this run covers and did not find: each is closed with what was seen instead.
    pub(super) async fn close_breaks(&self, run: &mut Run) -> Result<(), Halt> {
        let unfound = self.records.unfound_breaks(run, run.progress.after, ROWS).await?;
        let payments: Vec<Name> = unfound.iter().filter_map(|one| one.of.finding.payment).map(Name::Id).collect();
        let mut payments = self.desk.store.store().load(&payments).await?.into_iter();
        let (mut after, mut brought) = (run.clone(), Brought::default());
        for one in &unfound {
            let stored = one.of.finding.payment.and_then(|_| payments.next().flatten());
            brought.closed.push((one.of.id, instead(run, one, stored.as_ref())));
        }
        after.progress.after = unfound.last().map(|last| (last.of.finding.subject_at, last.of.id));
        if unfound.len() < ROWS as usize {
            (after.progress.step, after.progress.after) = (RunStep::Forget, None);
        }
        self.record(run, after, brought).await
    }
}

fn unmatched(notice: UnmatchedNotice) -> Finding {
    let gateway_id = notice.gateway_payment_id;
    Finding {
        kind: BreakKind::UnmatchedWebhook,
        subject: gateway_id.as_ref().map_or_else(|| notice.id.to_string(), ToString::to_string),
        subject_at: notice.received_at,
        payment: None,
        gateway_payment: gateway_id,
        reference: notice.reference_id,
        ours: Side::default(),
        theirs: Side { state: notice.state, money: None },
    }
}

/// What was seen in place of a difference, in words.
fn instead(run: &Run, unfound: &Unfound, ours: Option<&Stored>) -> String {
    let theirs = match &unfound.said {
        Some(said) => format!("the gateway says {said}"),
        None => "the gateway's list does not show it".to_owned(),
    };
    let ours = match ours.map(|stored| &stored.payment) {
        Some(payment) => {
            let money = payment.settled.filter(|_| payment.state == PaymentState::Completed);
            money.map_or_else(
                || format!("we say {}", payment.state),
                |money| format!("we say {} {money}", payment.state),
            )
        }
        None => "no payment of ours differs from it".to_owned(),
    };
    format!("not found by run {}: {theirs}, {ours}", run.id)
}
