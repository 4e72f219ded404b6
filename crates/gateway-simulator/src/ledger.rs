//! All payments, and the orders in which they are looked for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::payment::{Payment, PaymentId, Standing};

/// A payment's place in the ledger: payments are only ever added, so places are in order of creation.
pub(crate) type Place = usize;

/// Payments in order of creation. Nothing but `move_to` changes where one stands, so the indices cannot lag.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    payments: Vec<Payment>,
    by_id: BTreeMap<PaymentId, Place>,
    by_reference: BTreeMap<String, Vec<Place>>,
    by_shop: Vec<Vec<Place>>,
    by_update: Vec<BTreeSet<(DateTime<Utc>, Place)>>,
    alarms: BTreeSet<(DateTime<Utc>, Place)>,
}

impl Ledger {
    pub(crate) fn new(shops: usize) -> Self {
        Self { by_shop: vec![Vec::new(); shops], by_update: vec![BTreeSet::new(); shops], ..Self::default() }
    }

    pub(crate) fn add(&mut self, payment: Payment) -> Place {
        let place = self.payments.len();
        self.by_id.insert(payment.id, place);
        if let Some(reference) = payment.reference_id() {
            match self.by_reference.get_mut(reference) {
                Some(places) => places.push(place),
                None => {
                    self.by_reference.insert(reference.to_owned(), vec![place]);
                }
            }
        }
        if let (Some(of_shop), Some(updates)) =
            (self.by_shop.get_mut(payment.shop), self.by_update.get_mut(payment.shop))
        {
            of_shop.push(place);
            updates.insert((payment.updated, place));
        }
        self.alarms.extend(payment.standing.alarm().map(|at| (at, place)));
        self.payments.push(payment);
        place
    }

    /// The one way for a payment to move.
    pub(crate) fn move_to(&mut self, place: Place, standing: Standing, now: DateTime<Utc>) {
        let Some(payment) = self.payments.get_mut(place) else { return };
        if let Some(at) = payment.standing.alarm() {
            self.alarms.remove(&(at, place));
        }
        self.alarms.extend(standing.alarm().map(|at| (at, place)));
        if let Some(updates) = self.by_update.get_mut(payment.shop) {
            updates.remove(&(payment.updated, place));
            updates.insert((now, place));
        }
        payment.standing = standing;
        payment.updated = now;
    }

    /// A payment, to change anything but where it stands.
    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Payment> {
        self.payments.get_mut(place)
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Payment> {
        self.payments.get(place)
    }

    pub(crate) fn place_of(&self, id: PaymentId) -> Option<Place> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn places_of_reference(&self, reference: &str) -> &[Place] {
        self.by_reference.get(reference).map_or(&[], Vec::as_slice)
    }

    /// A shop's payments created at or after `from`, oldest first.
    pub(crate) fn places_created_from(&self, shop: usize, from: Option<DateTime<Utc>>) -> &[Place] {
        let Some(places) = self.by_shop.get(shop) else { return &[] };
        let Some(from) = from else { return places };
        let start = places.partition_point(|&place| self.get(place).is_some_and(|payment| payment.created < from));
        places.get(start..).unwrap_or(&[])
    }

    /// A shop's payments that last moved at or after `from`, oldest payment first.
    pub(crate) fn places_updated_from(&self, shop: usize, from: DateTime<Utc>) -> Vec<Place> {
        let Some(updates) = self.by_update.get(shop) else { return Vec::new() };
        let mut places: Vec<Place> = updates.range((from, 0)..).map(|&(_, place)| place).collect();
        places.sort_unstable();
        places
    }

    /// The next payment that moves by itself, if that is at or before `now`.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> Option<Place> {
        self.alarms.first().filter(|(at, _)| *at <= now).map(|&(_, place)| place)
    }

    pub(crate) fn next_alarm(&self) -> Option<DateTime<Utc>> {
        self.alarms.first().map(|&(at, _)| at)
    }

    pub(crate) fn payments(&self) -> &[Payment] {
        &self.payments
    }
}
