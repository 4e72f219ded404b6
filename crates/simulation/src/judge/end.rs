//! The whole world, once nothing goes wrong any more and nothing is due.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Flag, Payment, PaymentState, SeenState, Time};
use futures::FutureExt as _;
use gateway_simulator::Engine;
use store::{Audited, MemoryStore, Store as _};

use super::{Judge, Violation, name, rule};
use crate::stranger::STRANGE;

/// How long something may be due before somebody is on it, in quiet times: two ticks, and a claim that came to
/// nothing.
const OVERDUE: Duration = Duration::from_secs(10);

/// Our processes sweep every twelve hours by then.
const SWEPT_WITHIN: Duration = Duration::from_hours(25);

impl Judge {
    /// In quiet times: nothing is due that nobody looks at (I7).
    pub(crate) fn check_progress(&self, now: Time) -> Result<(), Violation> {
        for watched in self.watched.values() {
            let due = watched.due_at().filter(|due| now > due.plus(OVERDUE));
            rule(due.is_none(), "I7", || format!("{}: due since {due:?} and untouched", name(&watched.payment)))?;
        }
        let notice = self.waiting.iter().find(|(_, until)| now > until.plus(OVERDUE));
        rule(notice.is_none(), "I7", || format!("a notice is due and untouched: {notice:?}"))
    }

    pub(crate) fn check_end(&self, memory: &MemoryStore, engine: &Engine, now: Time) -> Result<(), Violation> {
        self.check_progress(now)?;
        self.check_promises(memory)?;
        rule(self.waiting.is_empty(), "I7", || format!("{} notices were never filed", self.waiting.len()))?;
        rule(memory.kept_requests().is_empty(), "I12", || "requests are kept for longer than a day".to_owned())?;
        check_outbox(memory)?;
        check_books(memory)?;
        for payment in self.watched.values().map(|watched| &watched.payment) {
            check_payment(payment, engine)?;
        }
        for watched in self.watched.values() {
            let Some(at) = watched.next_check_at else { continue };
            rule(!watched.payment.state.is_final(), "I7", || {
                format!("{}: {} and still looked at, at {at}", name(&watched.payment), watched.payment.state)
            })?;
        }
        self.check_money_back(engine)?;
        check_sweeps(memory, now)?;
        self.check_gateway_payments(memory, engine)
    }

    /// What others made is shown as it is: a refund of ours beside its payment, all else among what nothing matches.
    fn check_stranger(&self, made: &gateway_simulator::Payment, memory: &MemoryStore) -> Result<(), Violation> {
        let (id, state) = (made.id().to_string(), made.state().name());
        let others = self.watched.values().flat_map(|watched| &watched.payment.others);
        let beside = others.filter(|other| other.id.as_str() == id).map(|other| other.state.clone()).next();
        let unmatched = memory.unmatched().into_iter().map(|unmatched| unmatched.sighting);
        let shown = beside.or_else(|| unmatched.filter(|told| told.id.as_str() == id).map(|told| told.state).next());
        let reference = made.reference_id().unwrap_or_default();
        let is_it = matches!(&shown, Some(SeenState::Known(known)) if known.to_string() == state);
        rule(is_it, "I8", || format!("{reference}: {state} at the gateway, made by somebody else, shown as {shown:?}"))
    }

    /// Each gateway payment belongs to the payment whose reference it carries (I8), and has an attempt (I1).
    fn check_gateway_payments(&self, memory: &MemoryStore, engine: &Engine) -> Result<(), Violation> {
        let owners: BTreeMap<String, _> =
            memory.gateway_payments().into_iter().map(|row| (row.id.to_string(), row.payment)).collect();
        for made in engine.payments() {
            let reference = made.reference_id().unwrap_or_default();
            if reference.starts_with(STRANGE) {
                self.check_stranger(made, memory)?;
                continue;
            }
            let ours = self.watched.values().map(|watched| &watched.payment).find(|ours| name(ours) == reference);
            let Some(ours) = ours else {
                return Err(Violation::new("I1", format!("{reference}: the gateway has it, and we do not")));
            };
            rule(owners.get(&made.id().to_string()) == Some(&ours.id()), "I8", || {
                format!("{reference}: gateway payment {} ({}) is hidden", made.id(), made.state().name())
            })?;
        }
        Ok(())
    }
}

/// In quiet times the list of each shop is read to its end again and again.
fn check_sweeps(memory: &MemoryStore, now: Time) -> Result<(), Violation> {
    for sweep in memory.sweeps().now_or_never().and_then(Result::ok).unwrap_or_default() {
        let recent = sweep.swept_at.is_some_and(|swept_at| now.since(swept_at) < SWEPT_WITHIN);
        rule(recent, "I7", || format!("the list of {} was last read at {:?}", sweep.shop, sweep.swept_at))?;
    }
    Ok(())
}

/// Ours is as the gateway has it (I5, I8).
fn check_payment(payment: &Payment, engine: &Engine) -> Result<(), Violation> {
    let made = || engine.payments_of(name(payment));
    let Some(id) = &payment.gateway_payment_id else {
        let flagged =
            payment.flags.contains(&Flag::UndecidedCandidates) || payment.flags.contains(&Flag::Contradiction);
        let open = matches!(payment.state, PaymentState::Submitted | PaymentState::Rejected);
        rule(open, "I5", || format!("{}: {} without a gateway payment", name(payment), payment.state))?;
        return rule(made().next().is_none() || flagged, "I7", || {
            format!("{}: {}, and the gateway has it", name(payment), payment.state)
        });
    };
    let ours = made().find(|made| made.id().to_string() == id.as_str());
    let state = ours.map(|ours| ours.state().name().to_owned());
    rule(state.as_ref() == Some(&payment.state.to_string()), "I5", || {
        format!("{}: {}, and the gateway says {state:?}", name(payment), payment.state)
    })?;
    let open = matches!(payment.state, PaymentState::Checkout | PaymentState::Pending);
    rule(!open, "I7", || format!("{}: still {}", name(payment), payment.state))?;
    check_money(payment, ours)?;
    for other in made().filter(|other| other.id().to_string() != id.as_str()) {
        let paid = matches!(other.state().name(), "COMPLETED" | "AUTHORIZED");
        let flagged = payment.flags.contains(&Flag::Surplus)
            && (!paid || !payment.state.is_dead() || payment.flags.contains(&Flag::PaidElsewhere));
        rule(flagged, "I8", || {
            format!(
                "{}: {} beside {} is {}, flags {:?}",
                name(payment),
                other.id(),
                id,
                other.state().name(),
                payment.flags
            )
        })?;
    }
    Ok(())
}

/// What is booked is what moved.
fn check_money(payment: &Payment, ours: Option<&gateway_simulator::Payment>) -> Result<(), Violation> {
    let Some(ours) = ours.filter(|_| payment.state == PaymentState::Completed) else { return Ok(()) };
    let (amount, currency) = ours.money();
    let booked = payment.settled;
    let is_it = booked.is_some_and(|booked| {
        Some(booked.amount()) == amount.map(|amount| amount.value().normalize())
            && booked.currency().as_str() == currency
    });
    rule(is_it, "I5", || format!("{}: booked {booked:?}, moved {amount:?} {currency}", name(payment)))?;
    let asked = payment.asked_for();
    let differs = if currency != asked.currency().as_str() {
        Some(Flag::Converted)
    } else if booked != Some(asked) {
        Some(Flag::AmountDiffers)
    } else {
        None
    };
    rule(differs.is_none_or(|flag| payment.flags.contains(&flag)), "I5", || {
        format!("{}: asked for {asked}, booked {booked:?}, and not flagged", name(payment))
    })
}

/// The lines of the books are those that the ledgers tell, each with the entry that tells it.
fn check_books(memory: &MemoryStore) -> Result<(), Violation> {
    for Audited { stored, ledger, lines } in memory.all() {
        let told = Payment::booked(&ledger);
        rule(told.as_ref() == Ok(&lines), "I11", || {
            format!("{}: booked {lines:?}, and its ledger tells {told:?}", name(&stored.payment))
        })?;
    }
    Ok(())
}

/// Others are told of every change of state, once and in order.
fn check_outbox(memory: &MemoryStore) -> Result<(), Violation> {
    let outbox = memory.outbox();
    for audited in memory.all() {
        let payment = &audited.stored.payment;
        let told = outbox.iter().filter(|row| row.payment == payment.id()).map(|row| (row.sequence, row.entry));
        let changes = audited.ledger.iter().filter(|entry| entry.change.state.is_some()).map(|entry| entry.sequence);
        rule(told.eq((1..).zip(changes)), "I9", || format!("{}: the outbox is not its ledger", name(payment)))?;
    }
    Ok(())
}
