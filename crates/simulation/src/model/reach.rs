use domain::{Attempt, Flag, PaymentState};

use super::world::World;

/// What must be reachable: a model in which nothing ever succeeds breaks no rule either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
pub enum Reach {
    /// The money moved, and we know.
    #[strum(serialize = "COMPLETED")]
    Completed,
    /// Its sender died before it could record what came of the request, and the payment was found all the same.
    #[strum(serialize = "COMPLETED, its sender dead")]
    CompletedAfterACrash,
    /// The first request was lost, the second was not.
    #[strum(serialize = "COMPLETED by the second request")]
    CompletedByTheSecond,
    /// Nothing reached the gateway, or it refused.
    #[strum(serialize = "REJECTED")]
    Rejected,
    /// A second payment under the reference, found and set aside.
    #[strum(serialize = "surplus beside COMPLETED")]
    Surplus,
    /// What was dead turned out to be paid.
    #[strum(serialize = "corrected to COMPLETED")]
    Corrected,
}

impl Reach {
    /// All of it.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// In a few words.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it is the case in this world.
    pub fn is_here(self, world: &World) -> bool {
        let Some(row) = &world.database.row else { return false };
        let payment = &row.payment;
        let completed = payment.state == PaymentState::Completed;
        let attempts = payment.submission.attempts();
        match self {
            Self::Completed => completed,
            Self::CompletedAfterACrash => {
                let idle = world.processes.iter().all(|process| process.hand.is_none());
                let never_recorded = matches!(attempts, [Attempt::InFlight { .. }]) && world.witness.left == [1];
                completed && idle && never_recorded
            }
            Self::CompletedByTheSecond => {
                completed && matches!(attempts, [Attempt::Unknown { .. }, Attempt::Accepted { .. }])
            }
            Self::Rejected => payment.state == PaymentState::Rejected,
            Self::Surplus => completed && payment.flags.contains(&Flag::Surplus),
            Self::Corrected => completed && payment.flags.contains(&Flag::GatewayCorrection),
        }
    }
}
