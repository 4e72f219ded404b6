use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Evidence, LookUp, Payment, Seen, Sighting, Source, Switch, Time, choose};
use gateway_client::answer::{ListOutcome, ReadOutcome, read_list, read_payment};
use gateway_client::request::{self, ListQuery, Request};

use crate::gateway::{gateway_id, sighting};
use crate::{DeedError, Desk, Trouble};

/// What one look at the gateway brought.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// In the order in which it must be recorded.
    pub evidence: Vec<Evidence>,
    /// When a complete look-up began that found nothing under our reference: its answer tells of no later moment,
    /// however long it took to reach us.
    pub nothing_as_of: Option<Time>,
    /// When a look began that showed no trace of the command that is open.
    pub without_command_as_of: Option<Time>,
    /// Whether the gateway could be asked at all.
    pub failed: bool,
}

/// What stands under a reference, and how late the gateway's clock was when it said so.
struct Listed {
    sightings: Vec<Sighting>,
    gateway_behind: Duration,
}

/// Clocks that are further apart than this are nobody's intention.
const CLOCKS_APART_MAX: Duration = Duration::from_mins(5);

impl Desk {
    /// Asks for a payment by the id that the gateway gave us.
    pub(crate) async fn look_by_id(&self, payment: &Payment) -> Looked {
        let begun_at = self.now();
        let Some(id) = payment.gateway_payment_id.as_ref().and_then(gateway_id) else { return Looked::default() };
        let shop = &payment.opening.shop;
        let outcome = read_payment(self.gateway.exchange_about(payment, request::get_payment(&id)).await);
        let seen = match outcome {
            ReadOutcome::Found { result: found, .. } => {
                self.breaker.succeeded(shop);
                // A look that could not keep what it brought is made again: after the last one, nobody looks any more.
                if let Err(error) = self.keep_paid_with(payment, &found).await {
                    tracing::error!(payment = %payment.id(), error = &error as &dyn std::error::Error, "what was paid with is not kept yet");
                    return Looked { failed: true, ..Looked::default() };
                }
                // An answer about another payment than the one that was asked for tells nothing.
                let asked_for = |found: &Sighting| Some(&found.id) == payment.gateway_payment_id.as_ref();
                sighting(&found).filter(asked_for).map(|sighting| Seen::Reported { sighting })
            }
            ReadOutcome::NotFound => {
                self.breaker.succeeded(shop);
                Some(Seen::Missing)
            }
            ReadOutcome::Misconfigured(_) => return self.failed_look(shop, Trouble::Misconfigured),
            ReadOutcome::Unavailable(_) => return self.failed_look(shop, Trouble::Unavailable),
        };
        let at = self.now();
        let evidence = seen.map(|seen| Evidence { source: Source::Poll, at, begun_at: Some(begun_at), seen });
        Looked { evidence: evidence.into_iter().collect(), ..Looked::default() }
    }

    /// Asks for everything under a payment's reference, in an explicit window: the gateway's own default would hide
    /// what is older than a day (gateway contract, section 6.2).
    pub(crate) async fn look_up(&self, payment: &Payment) -> Looked {
        let Some(sent_at) = payment.submission.first_sent_at() else { return Looked::default() };
        let begun_at = self.now();
        let Listed { sightings: candidates, gateway_behind } =
            match self.list(payment, sent_at.minus(self.rules.look_back)).await {
                Ok(listed) => listed,
                Err(trouble) => return self.failed_look(&payment.opening.shop, trouble),
            };
        self.breaker.succeeded(&payment.opening.shop);
        let at = self.now();
        // The list leaves fields out and may lag, so it counts as a page of the list and not as a look by id.
        let evidence = |seen| Evidence { source: Source::Sweep, at, begun_at: None, seen };
        let reported = |sighting: &Sighting| evidence(Seen::Reported { sighting: sighting.clone() });
        if payment.gateway_payment_id.is_some() {
            return Looked { evidence: candidates.iter().map(reported).collect(), ..Looked::default() };
        }
        match choose(payment, &candidates, gateway_behind) {
            LookUp::Nothing => Looked { nothing_as_of: Some(begun_at), ..Looked::default() },
            LookUp::Adopt { chosen, rest } => {
                let found = evidence(Seen::Found { sighting: chosen.clone() });
                Looked {
                    evidence: std::iter::once(found).chain(rest.into_iter().map(reported)).collect(),
                    ..Looked::default()
                }
            }
            LookUp::Undecided(all) => {
                let undecided = |sighting: &Sighting| evidence(Seen::Undecided { sighting: sighting.clone() });
                Looked { evidence: all.into_iter().map(undecided).collect(), ..Looked::default() }
            }
        }
    }

    /// The first page of a look-up, as it would be asked for.
    pub(crate) fn look_up_request(&self, payment: &Payment) -> Result<Request, DeedError> {
        let sent_at = payment.submission.first_sent_at().unwrap_or(payment.created_at);
        let query = self.under_the_reference(payment, sent_at.minus(self.rules.look_back), 0);
        request::list_payments(&query).map_err(|_| DeedError::NotAtGateway)
    }

    fn under_the_reference(&self, payment: &Payment, from: Time, page: u32) -> ListQuery {
        ListQuery {
            offset: Some(page * u32::from(self.rules.page_items)),
            limit: Some(self.rules.page_items),
            created_gte: Some(from.utc()),
            reference_id: Some(payment.opening.reference_id.as_str().to_owned()),
            ..ListQuery::default()
        }
    }

    /// All pages, each gateway payment once: pages shift while they are read.
    async fn list(&self, payment: &Payment, from: Time) -> Result<Listed, Trouble> {
        let (mut found, mut ids, mut gateway_behind) = (Vec::new(), BTreeSet::new(), Duration::ZERO);
        for page in 0..self.rules.pages_max {
            let query = self.under_the_reference(payment, from, page);
            // Beyond the gateway's own bounds there is nothing to ask for, and nothing is proven.
            let Ok(request) = request::list_payments(&query) else { break };
            if page > 0 {
                // A look that has begun is finished.
                self.throttle.take();
            }
            match read_list(self.gateway.exchange_about(payment, request).await) {
                // An item that cannot be read may be the one: such a page proves nothing.
                ListOutcome::Page { unreadable, .. } if unreadable > 0 => return Err(Trouble::Unavailable),
                ListOutcome::Page { payments, has_more, gateway_time, .. } => {
                    gateway_behind =
                        gateway_behind.max(self.gateway_behind(&payment.opening.shop, gateway_time.map(Time::new)));
                    // By a clock that is as late as that, what our request made may stand outside the window.
                    if gateway_behind > self.rules.look_back / 2 {
                        return Err(Trouble::Unavailable);
                    }
                    found.extend(payments.iter().filter_map(sighting).filter(|item| ids.insert(item.id.clone())));
                    if !has_more {
                        return Ok(Listed { sightings: found, gateway_behind });
                    }
                }
                ListOutcome::Misconfigured(_) => return Err(Trouble::Misconfigured),
                ListOutcome::Refused(_) | ListOutcome::Unavailable(_) => return Err(Trouble::Unavailable),
            }
        }
        tracing::warn!(payment = %payment.id(), "more gateway payments under one reference than are ever read");
        Err(Trouble::Unavailable)
    }

    /// How far the gateway's clock is behind ours, from an answer that has just arrived. The answer's own way here is in
    /// it, so it is rather too much than too little.
    fn gateway_behind(&self, shop: &domain::ShopName, gateway_time: Option<Time>) -> Duration {
        let (now, told) = (self.now(), gateway_time.unwrap_or_else(|| self.now()));
        let (behind, ahead) = (now.since(told), told.since(now));
        if behind.max(ahead) > CLOCKS_APART_MAX {
            let (behind, ahead) = (behind.as_secs(), ahead.as_secs());
            tracing::warn!(shop = shop.as_str(), behind, ahead, "the gateway's clock is not ours, in seconds");
        }
        behind
    }

    fn failed_look(&self, shop: &domain::ShopName, trouble: Trouble) -> Looked {
        self.breaker.failed(shop, trouble, self.clock.uptime());
        Looked { failed: true, ..Looked::default() }
    }

    /// Asks gateways whose breaker is open for one item of their list; an answer closes it. Never by a POST.
    pub async fn probe_gateways(&self) -> usize {
        if self.stops.is_stopped(Switch::Polling) {
            return 0;
        }
        let due = self.breaker.due_probes(self.clock.uptime());
        for shop in &due {
            let query = ListQuery { limit: Some(1), ..ListQuery::default() };
            let Ok(request) = request::list_payments(&query) else { continue };
            self.throttle.take();
            match read_list(self.gateway.exchange(shop, request).await) {
                ListOutcome::Page { .. } | ListOutcome::Refused(_) => {
                    tracing::info!(shop = shop.as_str(), "gateway breaker closed");
                    self.breaker.succeeded(shop);
                }
                ListOutcome::Misconfigured(_) => {
                    self.breaker.failed(shop, Trouble::Misconfigured, self.clock.uptime());
                }
                ListOutcome::Unavailable(_) => {
                    self.breaker.failed(shop, Trouble::Unavailable, self.clock.uptime());
                }
            }
        }
        due.len()
    }
}
