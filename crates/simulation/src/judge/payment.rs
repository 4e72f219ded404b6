use domain::{Payment, Submission, Time};
use gateway_simulator::Engine;
use store::{Audited, Stored};

use super::{Judge, Violation, Watched, name, rule};

impl Judge {
    /// Looks at a payment that a statement has touched.
    pub(crate) fn look_at(&mut self, audited: Audited, engine: &Engine, now: Time) -> Result<(), Violation> {
        let Audited { stored, ledger, lines: _ } = audited;
        let Stored { payment, progress, leased_until, .. } = stored;
        let before = self.watched.get(&payment.id());
        let known = before.map_or(&[][..], |before| &before.ledger);

        rule(ledger.starts_with(known), "I9", || format!("{}: an entry of the ledger was changed", name(&payment)))?;
        rule(payment.version == ledger.len() as u64, "I9", || {
            format!("{}: version {} of {} entries", name(&payment), payment.version, ledger.len())
        })?;
        rule(ledger.len() > known.len() || before.is_none_or(|before| before.payment == payment), "I9", || {
            format!("{}: the row changed without an entry", name(&payment))
        })?;
        if ledger.len() > known.len() {
            rule(Payment::fold(&ledger).as_ref() == Ok(&payment), "I9", || {
                format!("{}: the row is not the fold of its ledger", name(&payment))
            })?;
        }
        rule(payment.submission.possibly_sent() <= Submission::sent_max(payment.opening.kind), "I1", || {
            format!("{}: {} attempts may have been sent", name(&payment), payment.submission.possibly_sent())
        })?;
        Self::check_refunds(&payment)?;
        rule(payment.state.is_final() || progress.next_check_at.is_some(), "I7", || {
            format!("{}: nothing will ever look at it again", name(&payment))
        })?;
        let key = (payment.opening.shop.clone(), payment.opening.reference_id.clone());
        let holder = *self.references.entry(key).or_insert(payment.id());
        rule(holder == payment.id(), "I3", || format!("{}: two payments", name(&payment)))?;

        for count in known.len()..ledger.len() {
            let earlier = ledger.get(..count).and_then(|earlier| Payment::fold(earlier).ok());
            let after = ledger.get(..=count).and_then(|known| Payment::fold(known).ok());
            if let (Some(entry), Some(after)) = (ledger.get(count), after) {
                self.check_entry(earlier.as_ref(), entry, &after, engine, now)?;
            }
        }
        let watched = Watched { ledger, next_check_at: progress.next_check_at, leased_until, payment };
        self.watched.insert(watched.payment.id(), watched);
        Ok(())
    }
}
