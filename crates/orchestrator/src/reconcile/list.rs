//! Reading the gateway's list of what was made in the window, newest first, to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Finding, ShopName, Sighting, Time};
use gateway_client::answer::{Failure, ListOutcome, UnknownReason, read_list};
use gateway_client::request::{self, ListQuery};
use store::{Run, RunStep};

use super::{Brought, Halt, Reconciler};
use crate::Trouble;
use crate::gateway::sighting;

/// Pages in a row that may bring nothing new: what is made meanwhile pushes others to later pages, and hardly that many.
const STALE_PAGES_MAX: u32 = 3;

struct Page {
    sightings: Vec<Sighting>,
    /// How many stood on it, readable or not.
    count: u32,
    has_more: bool,
}

impl Reconciler {
    /// One page: what is new on it goes through the door, is compared, and is recorded with the place behind it.
    ///
    /// Each page begins with the last item of the one before. If an unknown one stands there, something was taken out of
    /// the list before it, others have moved up unread, and it is read again from farther up.
    pub(super) async fn read_page(&self, run: &mut Run) -> Result<(), Halt> {
        let mut after = run.clone();
        let place = &mut after.progress;
        if place.offset.saturating_add(u32::from(self.rules.page_items)) > self.rules.slice_items {
            let before = place.reached.map(|reached| reached.plus(Duration::from_secs(1)));
            if before.is_none() || place.created_before.is_some_and(|bound| before >= Some(bound)) {
                return Err(Halt::Nonsense("the gateway made more payments in a second than can be read"));
            }
            (place.offset, place.created_before) = (0, before);
        }
        let offset = place.offset.saturating_sub(1);
        let query = ListQuery {
            offset: Some(offset),
            limit: Some(self.rules.page_items),
            created_gte: Some(run.from.minus(self.rules.margin).utc()),
            created_lt: Some(place.created_before.unwrap_or_else(|| run.to.plus(self.rules.margin)).utc()),
            ..ListQuery::default()
        };
        let page = self.page(&run.shop, query).await?;
        let ids: Vec<_> = page.sightings.iter().map(|told| told.id.clone()).collect();
        let known = self.records.met(run.id, &ids).await?;
        let unreadable = u64::from(page.count).saturating_sub(ids.len() as u64);
        // Which of them stands first is not known if one cannot be read.
        let moved_up = place.offset > 0 && unreadable == 0 && !known.first().copied().unwrap_or(true);
        // What stands twice on a page counts once, as it stands last.
        let fresh = page.sightings.into_iter().zip(known).filter(|(_, known)| !known);
        let fresh: Vec<Sighting> =
            fresh.map(|(told, _)| (told.id.clone(), told)).collect::<BTreeMap<_, _>>().into_values().collect();

        // A slice begins with the second in which the one before ended, and that may have been a busy one. It is as long as
        // a slice at most, or it is not read at all.
        let edge = place.reached.map(|reached| reached.plus(Duration::from_secs(1)));
        let is_at_edge = place.created_before.is_some() && place.created_before == edge;
        place.pages += 1;
        place.items += fresh.len() as u64;
        place.reached = fresh.iter().filter_map(|told| told.created).chain(place.reached).min();
        if moved_up || fresh.is_empty() && page.has_more && !is_at_edge {
            place.stale_pages += 1;
            if place.stale_pages > STALE_PAGES_MAX {
                return Err(Halt::Nonsense("the gateway's list shows the same page again and again"));
            }
        } else {
            place.stale_pages = 0;
        }
        if moved_up {
            place.offset = place.offset.saturating_sub(u32::from(self.rules.page_items));
        } else {
            place.offset = offset.saturating_add(page.count);
            if !page.has_more {
                place.step = RunStep::Payments;
            }
        }
        if unreadable > 0 {
            place.unreadable += unreadable;
            place.trouble = Some(format!("items of the gateway's list that cannot be read: {}", place.unreadable));
        }
        let brought = self.compare(run, &fresh).await?;
        self.record(run, after, brought).await
    }

    /// A page, of fewer items if the answer would be larger than is ever read.
    async fn page(&self, shop: &ShopName, mut query: ListQuery) -> Result<Page, Halt> {
        loop {
            self.desk.throttle.admit().map_err(Halt::Pause)?;
            let request = request::list_payments(&query);
            let request = request.map_err(|_| Halt::Nonsense("the gateway's list is longer than can be asked for"))?;
            match read_list(self.desk.gateway.exchange(shop, request).await) {
                ListOutcome::Page { payments, unreadable: 0, has_more: true, .. } if payments.is_empty() => {
                    return Err(Halt::Nonsense("the gateway shows an empty page, and says that there are more"));
                }
                ListOutcome::Page { payments, unreadable, has_more, .. } => {
                    self.desk.breaker.succeeded(shop);
                    let count = u32::try_from(payments.len() + unreadable).unwrap_or(u32::MAX);
                    let sightings: Vec<_> = payments.iter().filter_map(sighting).collect();
                    return Ok(Page { sightings, count, has_more });
                }
                ListOutcome::Unavailable(Failure::Unknown(UnknownReason::AnswerTooLarge)) if query.limit > Some(2) => {
                    // Two at least, since the first one is known.
                    query.limit = query.limit.map(|limit| (limit / 2).max(2));
                }
                ListOutcome::Misconfigured(_) => {
                    return Err(Halt::Trouble(Trouble::Misconfigured, "the gateway refuses our key"));
                }
                ListOutcome::Refused(_) => return Err(Halt::Nonsense("the gateway refuses to show its list")),
                ListOutcome::Unavailable(_) => {
                    return Err(Halt::Trouble(Trouble::Unavailable, "the gateway's list cannot be read"));
                }
            }
        }
    }

    /// Lets the items through the door, and then holds them against what we have. What differs about a payment of ours is
    /// only noted here: a list may lag, so the payment is asked for by its id first.
    async fn compare(&self, run: &Run, fresh: &[Sighting]) -> Result<Brought, Halt> {
        let mut brought = Brought::default();
        if fresh.is_empty() {
            return Ok(brought);
        }
        self.desk.apply_page(&run.shop, fresh).await?;
        let owners = self.desk.owners(&run.shop, fresh).await?;
        let now = self.desk.now();
        for (told, owner) in fresh.iter().zip(owners) {
            let is_made_then = told.created.is_none_or(|created| covers(run, created));
            let Some(stored) = owner else {
                brought.meet(told, true);
                if is_made_then {
                    brought.find(Finding::missing_here(told, now));
                }
                continue;
            };
            let payment = &stored.payment;
            if payment.gateway_payment_id.as_ref() != Some(&told.id) {
                brought.meet(told, true);
                if let Some(finding) = payment.finding_beside(told).filter(|_| is_made_then) {
                    brought.find(finding);
                }
                continue;
            }
            // What the provider keeps is taken over as the gateway tells it, by a look.
            let other_fee = told.fee.is_some() && told.fee != payment.fee;
            let agrees = payment.disagreement(told).is_none() && !other_fee;
            brought.meet(told, agrees);
            if agrees && covers(run, payment.created_at) {
                brought.agree(payment, told);
                brought.prove(run.id, payment, told, now);
            }
        }
        Ok(brought)
    }
}

/// Whether what was made then is compared by the run.
fn covers(run: &Run, at: Time) -> bool {
    (run.from..run.to).contains(&at)
}
