//! GET payments and GET by id (gateway contract, sections 6.2 and 6.3).

use std::borrow::Cow;

use chrono::TimeDelta;
use url::form_urlencoded;

use super::Engine;
use crate::envelope::{self, Refusal};
use crate::exchange::Response;
use crate::faults::Moment;
use crate::ledger::Place;
use crate::list_query::ListQuery;
use crate::payment::Payment;
use crate::switches::ListWindow;
use crate::view::PaymentView;

impl Engine {
    pub(super) fn read(&self, refusal: &Refusal<'_>, place: Place) -> Response {
        match self.ledger.get(place) {
            Some(payment) => envelope::success(refusal.now, PaymentView::single(payment, self.surroundings(payment))),
            None => refusal.answer(404, "Payment not found"),
        }
    }

    pub(super) fn list(&mut self, refusal: &Refusal<'_>, shop: usize, query: &str) -> Response {
        let mut query = match ListQuery::read(query) {
            Ok(query) => query,
            Err(errors) => return refusal.validation("paymentListRequest", &errors),
        };
        if query.created_gte.is_none() && self.forgets_after_a_day(query.reference_id.as_deref()) {
            query.created_gte = Some(refusal.now - TimeDelta::hours(24));
        }
        let places = self.candidates(shop, &query);
        let mut hits = places
            .iter()
            .rev()
            .filter_map(|&place| self.ledger.get(place))
            .filter(|payment| {
                payment.shop == shop && !payment.removed && payment.listed_from <= refusal.now && fits(payment, &query)
            })
            .skip(query.offset);
        let page: Vec<_> =
            hits.by_ref().take(query.limit).map(|hit| PaymentView::item(hit, self.surroundings(hit))).collect();
        envelope::page(refusal.now, hits.next().is_some(), page)
    }

    fn forgets_after_a_day(&mut self, reference: Option<&str>) -> bool {
        self.switches.list_window == ListWindow::Day
            && (reference.is_none() || self.strike_reference(Moment::Window, reference).is_none())
    }

    /// The places in which hits can be, in order of creation, by the narrowest of the indices.
    fn candidates(&self, shop: usize, query: &ListQuery) -> Cow<'_, [Place]> {
        match (&query.reference_id, query.updated_gte) {
            (Some(reference), _) => Cow::Borrowed(self.ledger.places_of_reference(reference)),
            (None, Some(from)) => Cow::Owned(self.ledger.places_updated_from(shop, from)),
            (None, None) => Cow::Borrowed(self.ledger.places_created_from(shop, query.created_gte)),
        }
    }
}

/// All filters at once: they combine with AND.
fn fits(payment: &Payment, query: &ListQuery) -> bool {
    query.created_gte.is_none_or(|from| from <= payment.created)
        && query.created_lt.is_none_or(|until| payment.created < until)
        && query.updated_gte.is_none_or(|from| from <= payment.updated)
        && query.updated_lt.is_none_or(|until| payment.updated < until)
        && query.reference_id.as_deref().is_none_or(|reference| payment.reference_id() == Some(reference))
}

/// The reference that a list asks for, to find the fault that is planned for it.
pub(super) fn reference_in(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "referenceId.eq")
        .map(|(_, value)| value.into_owned())
}
