//! What leaves for the gateway, and under which conditions (protocols, section 1).

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Attempt, Entry, Payment, Submission, Time};
use gateway_client::answer::{Failure, Received};
use gateway_client::request::{Method, Request};
use serde_json::Value;
use store::MemoryStore;

use super::posted::{Mover, kind_of};
use super::{Judge, Violation, name, rule};
use crate::clock::start;
use crate::show::{is_creation, reference_of};
use crate::world::World;

/// What the protocols say, whatever the settings do.
const QUARANTINE: Duration = Duration::from_mins(5);
const EMPTY_LOOK_UPS: usize = 3;
/// How far the clocks of two of our processes may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(4);

impl World {
    /// A POST leaves now: its entry must be durable.
    pub(crate) fn post_leaves(&self, request: &Request) {
        let reference = reference_of(request).unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap_or_default()).unwrap_or_default();
        let movers = Mover::of(&body, &self.rules.moving_methods);
        let found = self.judge.lock().post_leaves(&reference, &movers, &self.memory);
        found.unwrap_or_else(|violation| self.violate(violation));
    }
}

impl Judge {
    fn post_leaves(
        &mut self,
        reference: &str,
        movers: &BTreeSet<Mover>,
        memory: &MemoryStore,
    ) -> Result<(), Violation> {
        for mover in movers {
            *self.posted.entry(*mover).or_default() += 1;
        }
        let traffic = self.traffic.entry(reference.to_owned()).or_default();
        traffic.posts += 1;
        let (posts, refused) = (traffic.posts, traffic.refused_at_the_door);
        let payment = self.watched.values().map(|watched| &watched.payment).find(|payment| name(payment) == reference);
        let Some(payment) = payment else {
            return Err(Violation::new("I1", format!("{reference}: a POST leaves for a payment that is not stored")));
        };
        let attempts = payment.submission.attempts();
        rule(posts <= attempts.len(), "I1", || format!("{reference}: POST {posts} of {} attempts", attempts.len()))?;
        rule(attempts.iter().any(|attempt| matches!(attempt, Attempt::InFlight { .. })), "I1", || {
            format!("{reference}: a POST leaves, and no attempt is in flight")
        })?;
        // By what left, and not by what the service says of it.
        let kind = kind_of(movers);
        rule(posts - refused <= Submission::sent_max(kind), "I1", || {
            format!("{reference}: {posts} {kind} POSTs, {refused} refused at the door")
        })?;
        rule(payment.opening.kind == kind, "I1", || {
            format!("{reference}: a {kind} POST is held for {}", payment.opening.kind)
        })?;
        let is_kept = movers.iter().any(|mover| mover.is_secret()) && memory.kept_requests().contains(&payment.id());
        rule(!is_kept, "I12", || format!("{reference}: a request with what is paid with is kept"))
    }

    /// What an answer that has reached us proves.
    pub(crate) fn answer_came(&mut self, request: &Request, received: &Received, begun: Duration) {
        let Some(reference) = reference_of(request) else { return };
        let traffic = self.traffic.entry(reference).or_default();
        match (request.method, received) {
            (Method::Post | Method::Patch, _) if !is_creation(request) => {}
            (Method::Post, Err(Failure::NotSent(_))) => traffic.refused_at_the_door += 1,
            (Method::Post, Ok(answer)) if answer.status == 401 => traffic.refused_at_the_door += 1,
            (Method::Get, Ok(answer)) if answer.status == 200 => {
                let is_empty = serde_json::from_slice::<Value>(&answer.body)
                    .is_ok_and(|page| page["result"].as_array().is_some_and(Vec::is_empty) && page["hasMore"] == false);
                let is_first = request.path.contains("offset=0&");
                if is_empty && is_first {
                    traffic.empty_look_ups.push(start().plus(begun));
                }
            }
            _ => {}
        }
    }

    /// Before a second request of a payment that may exist already: quarantine, and look-ups that brought nothing.
    pub(super) fn check_permission(&self, before: &Payment, entry: &Entry, now: Time) -> Result<(), Violation> {
        let sent = before.submission.attempts().iter().filter(|attempt| !matches!(attempt, Attempt::NotSent { .. }));
        let Some(sent_at) = sent.map(Attempt::sent_at).max() else { return Ok(()) };
        let over_at = sent_at.plus(QUARANTINE).minus(CLOCKS_APART);
        rule(now >= over_at && entry.at >= over_at, "I1", || {
            format!("{}: sent again {:?} after a request that may have arrived", name(before), now.since(sent_at))
        })?;
        let looked = self.traffic.get(name(before)).map_or(&[][..], |traffic| &traffic.empty_look_ups);
        let empty = looked.iter().filter(|begun| **begun >= over_at).count();
        rule(empty >= EMPTY_LOOK_UPS, "I1", || {
            format!("{}: sent again after {empty} complete look-ups behind the quarantine", name(before))
        })
    }
}
