//! What may stand in a ledger, by what really happened.

use domain::{Entry, Flag, GatewayState, Payment, PaymentState, Seen, SeenState, Sighting, Time};
use gateway_simulator::Engine;

use super::{Judge, Violation, name, rule};

impl Judge {
    pub(super) fn check_entry(
        &self,
        before: Option<&Payment>,
        entry: &Entry,
        after: &Payment,
        engine: &Engine,
        now: Time,
    ) -> Result<(), Violation> {
        let who = || format!("{} entry {}", name(after), entry.sequence);
        if let Some(before) = before {
            let moved_on = before.state.is_final() && after.state != before.state;
            rule(!moved_on || entry.change.flags.contains(&Flag::GatewayCorrection), "I4", || {
                format!("{}: {} became {} without a correction", who(), before.state, after.state)
            })?;
            rule(
                before.gateway_payment_id.is_none() || before.gateway_payment_id == after.gateway_payment_id,
                "I2",
                || format!("{}: the gateway id was replaced", who()),
            )?;
            if let Seen::AboutToSend { .. } = entry.seen {
                self.check_permission(before, entry, now)?;
            }
        }
        if let Some(sighting) = entry.seen.sighting() {
            rule(is_true(sighting, engine), "I5", || {
                format!("{}: the gateway never said that {} is {:?}", who(), sighting.id, sighting.state)
            })?;
        }
        match entry.change.state {
            None => Ok(()),
            Some(PaymentState::Submitted) => {
                rule(matches!(entry.seen, Seen::Opened(_)), "I5", || format!("{}: went back to SUBMITTED", who()))
            }
            Some(PaymentState::Rejected) => self.check_rejection(entry, after, engine),
            Some(state) => {
                let told = entry.seen.sighting().filter(|told| Some(&told.id) == after.gateway_payment_id.as_ref());
                let told = told.and_then(Sighting::known_state).map(PaymentState::from);
                rule(told == Some(state), "I5", || format!("{}: {state} by evidence that tells {told:?}", who()))
            }
        }
    }

    /// Rejected means that the gateway has none, and will have none.
    #[allow(clippy::unused_self, reason = "it stands beside the other checks and is called as they are")]
    fn check_rejection(&self, entry: &Entry, after: &Payment, engine: &Engine) -> Result<(), Violation> {
        let fits = matches!(entry.seen, Seen::Refused { .. } | Seen::NotSent { .. } | Seen::GivenUp { .. });
        rule(fits, "I5", || format!("{}: rejected by {:?}", name(after), entry.seen))?;
        let made = engine.payments_of(name(after)).count();
        rule(made == 0, "I5", || format!("{}: rejected, and the gateway has {made} of it", name(after)))
    }
}

/// Whether the gateway has this payment, and had it in this state: an end it keeps, what comes before an end may be
/// over by now, and a hold as well.
fn is_true(sighting: &Sighting, engine: &Engine) -> bool {
    let Some(payment) = sighting.id.as_str().parse().ok().and_then(|id| engine.payment(id)) else { return false };
    match &sighting.state {
        SeenState::Known(
            GatewayState::Checkout | GatewayState::Pending | GatewayState::AwaitingApproval | GatewayState::Authorized,
        ) => true,
        SeenState::Known(state) => state.to_string() == payment.state().name(),
        SeenState::Unknown(_) => false,
    }
}
