use std::time::Duration;

use super::{GatewayState, Payment, SeenState, Sighting};
use crate::Time;

/// What a complete look-up by reference came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp<'a> {
    /// Nothing stands under the reference.
    Nothing,
    /// One of the candidates is ours; the others are surplus.
    Adopt {
        /// Ours.
        chosen: &'a Sighting,
        /// The others, in the order in which they were found.
        rest: Vec<&'a Sighting>,
    },
    /// There are candidates, and none can be told to be ours. They forbid another POST all the same.
    Undecided(Vec<&'a Sighting>),
}

/// Why a gateway payment under our reference cannot be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOurs {
    /// It carries another reference: whoever answered did not look where we asked.
    Reference,
    /// It has another type.
    Type,
    /// It was made before our first request could have been.
    TooOld,
    /// It is a retry of another one on another terminal.
    Cascade,
}

/// How far the gateway's clock may be behind ours, beyond what was measured, before its payment looks older than our
/// request.
const CLOCK_MARGIN: Duration = Duration::from_mins(15);

/// Chooses which of the gateway payments under our reference is ours (protocols, section 1, "Adopting"): the one that
/// is furthest on; among equals the oldest, then by id. One candidate alone is taken even if its sum differs.
/// A candidate may stand there twice, since pages shift while they are read. `gateway_behind` is how far the gateway's
/// clock was measured to be behind ours.
pub fn choose<'a>(payment: &Payment, candidates: &'a [Sighting], gateway_behind: Duration) -> LookUp<'a> {
    if candidates.is_empty() {
        return LookUp::Nothing;
    }
    let is_able = |candidate: &&Sighting| never_adoptable(payment, candidate, candidates, gateway_behind).is_none();
    let able: Vec<&Sighting> = candidates.iter().filter(is_able).collect();
    let sole = able.windows(2).all(|pair| pair[0].id == pair[1].id);
    let fitting = able.into_iter().filter(|candidate| sole || sums_fit(payment, candidate));
    let Some(chosen) = fitting.min_by_key(|candidate| {
        (standing(&candidate.state), candidate.created.unwrap_or(Time::EPOCH), candidate.id.clone())
    }) else {
        return LookUp::Undecided(candidates.iter().collect());
    };
    let rest = candidates.iter().filter(|candidate| candidate.id != chosen.id).collect();
    LookUp::Adopt { chosen, rest }
}

/// Why a candidate can never be ours, if so.
pub fn never_adoptable(
    payment: &Payment,
    candidate: &Sighting,
    candidates: &[Sighting],
    gateway_behind: Duration,
) -> Option<NotOurs> {
    let reference = payment.opening.reference_id.as_str();
    if candidate.reference_id.as_deref().is_some_and(|theirs| theirs != reference) {
        return Some(NotOurs::Reference);
    }
    let ours: &'static str = payment.opening.payment_type.into();
    if candidate.payment_type.as_deref().is_some_and(|theirs| theirs != ours) {
        return Some(NotOurs::Type);
    }
    let margin = CLOCK_MARGIN.saturating_add(gateway_behind);
    let earliest = payment.submission.first_sent_at().map(|sent_at| sent_at.minus(margin));
    if candidate.created.is_some_and(|created| earliest.is_none_or(|earliest| created < earliest)) {
        return Some(NotOurs::TooOld);
    }
    let retried = candidate.parent.as_ref().is_some_and(|parent| candidates.iter().any(|other| other.id == *parent));
    retried.then_some(NotOurs::Cascade)
}

fn sums_fit(payment: &Payment, candidate: &Sighting) -> bool {
    candidate.requested().is_none_or(|asked| asked == payment.opening.requested)
}

/// The smaller, the further on.
fn standing(state: &SeenState) -> u8 {
    match state {
        SeenState::Known(GatewayState::Completed) => 0,
        SeenState::Known(GatewayState::Authorized) => 1,
        SeenState::Known(GatewayState::Pending | GatewayState::AwaitingApproval) => 2,
        SeenState::Known(GatewayState::Checkout) => 3,
        SeenState::Unknown(_) => 4,
        SeenState::Known(GatewayState::Declined | GatewayState::Cancelled) => 5,
    }
}
