use std::collections::BTreeSet;

use domain::{Entry, Flag, GatewayPaymentId, Payment, Source, Time};

use super::policy::{EMPTY_LOOK_UPS, QUARANTINE};
use super::rule::Rule;

/// What really happened, also where no process can know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Witness {
    /// The attempts whose requests left, in order.
    pub left: Vec<usize>,
    last_left_at: Option<Time>,
    /// Complete look-ups that found nothing and began behind the quarantine of the last request that left.
    empty_look_ups: u32,
    /// The gateway payments whose pages may have been shown: what is durable can be read by anybody.
    pub shown: BTreeSet<GatewayPaymentId>,
    /// The gateway payments that evidence in the ledger tells of.
    pub told: BTreeSet<GatewayPaymentId>,
    /// Rules that one step broke, whatever came afterwards.
    pub broken: BTreeSet<Rule>,
}

impl Witness {
    pub(super) fn post_leaves(&mut self, attempt: usize, now: Time) {
        let hasty = !self.left.is_empty() && self.empty_look_ups < EMPTY_LOOK_UPS;
        self.breaks(Rule::SentTwiceInHaste, hasty);
        self.left.push(attempt);
        self.last_left_at = Some(now);
        self.empty_look_ups = 0;
    }

    pub(super) fn saw_nothing(&mut self, begun_at: Time) {
        let counts = self.last_left_at.is_some_and(|left_at| begun_at >= left_at.plus(QUARANTINE));
        self.empty_look_ups = EMPTY_LOOK_UPS.min(self.empty_look_ups + u32::from(counts));
    }

    /// An entry became durable, or a caller got an answer.
    pub(super) fn may_show(&mut self, payment: &Payment) {
        let Some(page) = &payment.redirect_url else { return };
        let ours = payment.gateway_payment_id.as_ref();
        self.breaks(Rule::OneIsShown, ours.is_none_or(|id| !page.ends_with(id.as_str())));
        self.shown.extend(ours.cloned());
    }

    pub(super) fn entry_is_durable(&mut self, before: Option<&Payment>, entry: &Entry, after: &Payment) {
        self.may_show(after);
        self.told.extend(entry.seen.sighting().map(|sighting| sighting.id.clone()));
        let bound = entry.source == Source::Webhook && entry.change.gateway_payment_id.is_some();
        self.breaks(Rule::NoticesBindNothing, bound);
        let Some(before) = before else { return };
        let regress = before.state.is_final()
            && after.state != before.state
            && !entry.change.flags.contains(&Flag::GatewayCorrection);
        self.breaks(Rule::NoRegress, regress);
        let replaced = before.gateway_payment_id.is_some() && before.gateway_payment_id != after.gateway_payment_id;
        self.breaks(Rule::OneIsShown, replaced);
    }

    pub(super) fn breaks(&mut self, rule: Rule, broken: bool) {
        if broken {
            self.broken.insert(rule);
        }
    }
}
