use domain::{GatewayPaymentId, GatewayState, Payment, PaymentState, Submission};

use super::database::Filed;
use super::gateway::Made;
use super::protocol::{Manners, Protocol, TICK};
use super::world::World;

/// What holds in every world that can be reached (protocols, section 5).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::VariantArray, strum::IntoStaticStr, strum::Display,
)]
pub enum Rule {
    /// I1: each attempt is one request, and its entry was durable before.
    #[strum(serialize = "I1: one request an attempt, behind its entry")]
    OneRequestAnAttempt,
    /// I1: no more requests leave than the kind of payment allows.
    #[strum(serialize = "I1: one request, or two for an inert payment")]
    NoMoreThanAllowed,
    /// I1: before the second leaves, the gateway was seen not to have the first.
    #[strum(serialize = "I1: the second request waits for quarantine and look-ups")]
    SentTwiceInHaste,
    /// I1, of a punctual gateway: our requests make one payment.
    #[strum(serialize = "I1: a punctual gateway makes one payment")]
    OneIsMade,
    /// I2: one gateway payment is shown, and stays ours.
    #[strum(serialize = "I2: one gateway payment is shown")]
    OneIsShown,
    /// I2: money moves once.
    #[strum(serialize = "I2: money moves once")]
    OneIsPaid,
    /// I3: both callers get the same payment, and it is durable.
    #[strum(serialize = "I3: one payment")]
    OnePayment,
    /// A notice triggers the look-up, and makes no gateway payment ours by itself (protocols, section 2).
    #[strum(serialize = "I2: a notice binds nothing")]
    NoticesBindNothing,
    /// I4: an end stays, but for an audited correction.
    #[strum(serialize = "I4: no regress")]
    NoRegress,
    /// I5: a state is one that the gateway's payment had; rejected is what never was made.
    #[strum(serialize = "I5: no invention")]
    NoInvention,
    /// I7: what has not ended is looked at within a tick.
    #[strum(serialize = "I7: somebody looks again")]
    SomebodyLooks,
    /// I7: whatever has happened, once nothing goes wrong any more the payment comes to a proven end.
    #[strum(serialize = "I7: in quiet times it comes to its end")]
    ItEnds,
    /// I7, of a punctual gateway: when nobody looks any more, all of the gateway's payments are known.
    #[strum(serialize = "I7: nobody stops looking too early")]
    AllIsKnownAtTheEnd,
    /// I8: what the ledger or the inbox was told of is ours, beside ours, or unmatched.
    #[strum(serialize = "I8: nothing hidden")]
    NothingHidden,
    /// I9: the row is the fold of its ledger, and never changes without an entry.
    #[strum(serialize = "I9: the ledger is the row")]
    LedgerIsRow,
}

impl Rule {
    /// Every rule.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Its number in the protocols, and what it says.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it does in this world.
    pub fn holds(self, protocol: &Protocol, world: &World) -> bool {
        let here = match self {
            Self::OneRequestAnAttempt => world.each_request_has_its_entry(),
            Self::NoMoreThanAllowed => world.witness.left.len() <= Submission::sent_max(protocol.kind()),
            Self::OneIsMade => protocol.manners == Manners::Any || world.gateway.payments.len() <= 1,
            Self::OneIsShown => world.witness.shown.len() <= 1,
            Self::OneIsPaid => world.gateway.payments.iter().filter(|made| is_paid(made)).count() <= 1,
            Self::NoInvention => protocol.is_no_invention(world),
            Self::SomebodyLooks => world.somebody_looks(),
            Self::ItEnds => !world.is_quiet() || protocol.ends_calmly(world),
            Self::AllIsKnownAtTheEnd => protocol.manners == Manners::Any || protocol.all_is_known_at_the_end(world),
            Self::NothingHidden => protocol.nothing_is_hidden(world),
            // Told by the steps themselves.
            Self::SentTwiceInHaste
            | Self::OnePayment
            | Self::NoticesBindNothing
            | Self::NoRegress
            | Self::LedgerIsRow => true,
        };
        here && !world.witness.broken.contains(&self)
    }
}

impl World {
    fn each_request_has_its_entry(&self) -> bool {
        let entries = self.database.row.as_ref().map_or(0, |row| row.payment.submission.attempts().len());
        let left = &self.witness.left;
        // Attempts are counted from 1, and each is greater than the one before.
        left.is_sorted_by(|one, next| one < next) && left.last().is_none_or(|last| *last <= entries)
    }

    fn somebody_looks(&self) -> bool {
        let Some(row) = &self.database.row else { return true };
        let soon = row.progress.next_check_at.is_some_and(|next| next <= self.now.plus(TICK));
        soon || row.payment.state.is_final()
    }

    /// Nobody has anything in hand, and nothing is on its way.
    fn is_quiet(&self) -> bool {
        let idle = self.processes.iter().all(|process| process.hand.is_none());
        idle && self.gateway.posts.is_empty() && self.database.late.is_none()
    }
}

impl Protocol {
    fn is_no_invention(&self, world: &World) -> bool {
        let Some(row) = &world.database.row else { return world.gateway.payments.is_empty() };
        let payment = &row.payment;
        match (&payment.gateway_payment_id, payment.state) {
            (None, PaymentState::Submitted) => true,
            // None was made, and none will be.
            (None, PaymentState::Rejected) => world.gateway.payments.is_empty() && world.gateway.posts.is_empty(),
            (Some(id), state) => {
                let made = world.gateway.payments.iter().enumerate().find(|(place, _)| self.name(*place) == Some(id));
                made.is_some_and(|(_, made)| made.was(state))
            }
            (None, _) => false,
        }
    }

    fn all_is_known_at_the_end(&self, world: &World) -> bool {
        let Some(row) = &world.database.row else { return true };
        let over = row.progress.next_check_at.is_none() && world.is_quiet();
        let known = |place: usize| self.name(place).is_some_and(|id| is_known(&row.payment, id));
        !over || (0..world.gateway.payments.len()).all(known)
    }

    fn nothing_is_hidden(&self, world: &World) -> bool {
        let Some(row) = &world.database.row else { return true };
        let decided = world.database.inbox.iter().filter(|(_, kept)| kept.filed == Some(Filed::Decided));
        world.witness.told.iter().all(|id| is_known(&row.payment, id))
            && decided
                .into_iter()
                .all(|(notice, _)| self.name(notice.place).is_some_and(|id| is_known(&row.payment, id)))
    }
}

fn is_known(payment: &Payment, id: &GatewayPaymentId) -> bool {
    payment.gateway_payment_id.as_ref() == Some(id) || payment.others.iter().any(|other| other.id == *id)
}

fn is_paid(made: &Made) -> bool {
    made.state == GatewayState::Completed
}
