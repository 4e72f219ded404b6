//! Events out: the feed has no gap, endpoints are leased and fenced, and what is not taken waits in its payment's order.

use domain::{GatewayState, PaymentId};
use store::{
    DeliveriesPage, Delivery, DeliveryState, Endpoint, EndpointClaim, EndpointState, Event, EventsPage, Opened,
    Outcome, Payload,
};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn every_change_of_state_has_one_place_in_the_feed_and_each_payments_stand_in_order(store: &TestStore) {
        let events = store.events();
        assert_eq!((events.feed_end().await.unwrap(), events.stamp(10).await.unwrap()), (0, 0));
        for number in 1..=3 {
            moved(store, number).await;
        }
        let page = all(9);
        assert_eq!(events.events(&page).await.unwrap(), [], "what has no place is not told");
        // A few at a time, and what comes between is told behind.
        assert_eq!(events.stamp(2).await.unwrap(), 2);
        moved(store, 4).await;
        assert_eq!(events.stamp(100).await.unwrap(), 6);
        assert_eq!((events.stamp(100).await.unwrap(), events.feed_end().await.unwrap()), (0, 8));
        let told = events.events(&page).await.unwrap();
        let places: Vec<u64> = told.iter().map(|event| event.position).collect();
        assert_eq!(places, (1..=8).collect::<Vec<_>>());
        for number in 1..=4 {
            let of_one = told.iter().filter(|event| event.payment == id(number));
            assert_eq!(of_one.map(|event| event.sequence).collect::<Vec<_>>(), [1, 2], "{number}");
        }
        let first = &told[0];
        assert_eq!((first.shop.clone(), first.reference_id.clone()), (shop(), reference("order-1")));
        assert_eq!((first.version, first.requested), (1, opening(1, "order-1").requested));
        assert_eq!(events.event(first.payment, 1).await.unwrap().as_ref(), Some(first));
        assert_eq!(events.event(first.payment, 3).await.unwrap(), None);
        assert_eq!(events.event(id(99), 1).await.unwrap(), None);
    }

    async fn a_page_of_the_feed_has_bounds_shops_and_a_payment(store: &TestStore) {
        let events = store.events();
        for number in 1..=3 {
            moved(store, number).await;
        }
        events.stamp(100).await.unwrap();
        let places = async |page: EventsPage| {
            events.events(&page).await.unwrap().iter().map(|event| event.position).collect::<Vec<_>>()
        };
        assert_eq!(places(EventsPage { after: 2, through: 5, ..all(9) }).await, [3, 4, 5]);
        assert_eq!(places(EventsPage { after: 2, limit: 2, ..all(9) }).await, [3, 4]);
        assert_eq!(places(EventsPage { shops: [shop()].into(), ..all(9) }).await.len(), 6);
        assert_eq!(places(EventsPage { shops: [other_shop()].into(), ..all(9) }).await, [0; 0]);
        assert_eq!(places(EventsPage { payment: Some(id(2)), ..all(9) }).await, [3, 4]);
        assert_eq!(places(EventsPage { payment: Some(id(2)), after: 3, ..all(9) }).await, [4]);
        assert_eq!(places(EventsPage { payment: Some(id(2)), shops: [other_shop()].into(), ..all(9) }).await, [0; 0]);
    }

    async fn an_endpoint_is_claimed_by_one_when_there_is_something_for_it(store: &TestStore) {
        let events = store.events();
        let one = endpoint(1, 10);
        assert!(events.add_endpoint(&one, 2).await.unwrap());
        assert_eq!(events.endpoint(one.id).await.unwrap().as_ref(), Some(&one));
        assert_eq!(events.claim_endpoint(&claim(1, 50)).await.unwrap(), None, "there is nothing to tell");
        moved(store, 1).await;
        events.stamp(100).await.unwrap();
        assert_eq!(events.claim_endpoint(&claim(1, 9)).await.unwrap(), None, "it is left alone until its time");
        let claimed = events.claim_endpoint(&claim(1, 50)).await.unwrap().unwrap();
        assert_eq!(claimed, Endpoint { epoch: 1, ..one.clone() });
        assert_eq!(events.claim_endpoint(&claim(2, 109)).await.unwrap(), None, "somebody is on it");
        let again = events.claim_endpoint(&claim(2, 110)).await.unwrap().unwrap();
        assert!(!events.record_push(&Endpoint { position: 2, ..claimed }, &[]).await.unwrap(), "it overslept");

        let told = Endpoint {
            position: 2,
            failures: 3,
            failing_since: Some(at(100)),
            last_failure: Some("it answered 500".to_owned()),
            delivered_at: Some(at(90)),
            next_at: at(120),
            ..again
        };
        assert!(events.record_push(&told, &[]).await.unwrap());
        assert_eq!(events.endpoint(one.id).await.unwrap().as_ref(), Some(&told));
        assert_eq!(events.claim_endpoint(&claim(2, 500)).await.unwrap(), None, "it was told of all");

        // Whoever changes it raises the epoch, and replaces only what people say.
        let changed = Endpoint { url: "https://other.example/".to_owned(), position: 0, last_failure: None, ..told.clone() };
        assert!(events.change_endpoint(&changed).await.unwrap());
        assert!(!events.change_endpoint(&changed).await.unwrap(), "it was changed since");
        let back = Endpoint { last_failure: told.last_failure.clone(), epoch: 3, ..changed };
        assert_eq!(events.endpoint(one.id).await.unwrap(), Some(back.clone()));
        assert!(events.claim_endpoint(&claim(2, 500)).await.unwrap().is_some(), "and is told again");
        let disabled = Endpoint { state: EndpointState::Disabled, reason: Some("gone".to_owned()), epoch: 4, ..back };
        assert!(events.change_endpoint(&disabled).await.unwrap());
        assert_eq!(events.claim_endpoint(&claim(2, 900)).await.unwrap(), None);

        assert!(events.add_endpoint(&endpoint(2, 20), 2).await.unwrap());
        assert!(!events.add_endpoint(&endpoint(3, 30), 2).await.unwrap(), "there are enough");
        let ids = async || events.endpoints().await.unwrap().iter().map(|one| one.id.as_u128()).collect::<Vec<_>>();
        assert_eq!(ids().await, [1, 2]);
        assert!(events.remove_endpoint(one.id).await.unwrap());
        assert!(!events.remove_endpoint(one.id).await.unwrap());
        assert_eq!(ids().await, [2]);
    }

    async fn what_is_not_taken_waits_with_what_stands_behind_it(store: &TestStore) {
        let events = store.events();
        for number in 1..=2 {
            moved(store, number).await;
        }
        events.stamp(100).await.unwrap();
        let told = events.events(&all(9)).await.unwrap();
        assert!(events.add_endpoint(&endpoint(1, 10), 9).await.unwrap());
        let claimed = events.claim_endpoint(&claim(1, 50)).await.unwrap().unwrap();
        let first = Delivery {
            attempts: 1,
            next_at: Some(at(60)),
            last_attempt_at: Some(at(50)),
            last_failure: Some("it answered 500".to_owned()),
            ..parked(&told[0], 50)
        };
        let behind = Delivery { next_at: None, ..parked(&told[1], 50) };
        assert!(events.record_push(&Endpoint { position: 4, ..claimed }, &[first.clone(), behind.clone()]).await.unwrap());

        let named: Vec<PaymentId> = told.iter().map(|event| event.payment).collect();
        let endpoint = Uuid::from_u128(1);
        assert_eq!(events.waiting_events(endpoint, &named).await.unwrap(), [(id(1), 1), (id(1), 2)].into());
        assert_eq!(events.waiting_events(Uuid::from_u128(2), &named).await.unwrap(), [].into());
        assert_eq!(events.claim_endpoint(&claim(1, 59)).await.unwrap(), None);
        assert_eq!(events.due_deliveries(endpoint, at(59), 9).await.unwrap(), []);
        assert_eq!(events.due_deliveries(endpoint, at(60), 9).await.unwrap(), [first.clone(), behind.clone()]);
        let claimed = events.claim_endpoint(&claim(1, 60)).await.unwrap().unwrap();

        let taken = Delivery {
            state: DeliveryState::Delivered,
            attempts: 2,
            next_at: None,
            last_attempt_at: Some(at(60)),
            finished_at: Some(at(60)),
            ..first
        };
        let given_up = Delivery { state: DeliveryState::GivenUp, attempts: 9, finished_at: Some(at(61)), ..behind };
        assert!(events.record_push(&claimed, &[taken.clone(), given_up.clone()]).await.unwrap());
        assert_eq!(events.waiting_events(endpoint, &named).await.unwrap(), [].into());
        let page = DeliveriesPage { endpoint, state: None, before: None, limit: 9 };
        assert_eq!(events.deliveries(&page).await.unwrap(), [given_up.clone(), taken.clone()]);
        let only = DeliveriesPage { state: Some(DeliveryState::Delivered), ..page.clone() };
        assert_eq!(events.deliveries(&only).await.unwrap(), std::slice::from_ref(&taken));
        let place = Some((given_up.parked_at, given_up.event.payment, given_up.event.sequence));
        let next = DeliveriesPage { before: place, ..page.clone() };
        assert_eq!(events.deliveries(&next).await.unwrap(), std::slice::from_ref(&taken));

        // One that was given up is sent again, and so is one that was never parked.
        events.resend(endpoint, &told[1], at(70)).await.unwrap();
        events.resend(endpoint, &told[2], at(70)).await.unwrap();
        let due = events.due_deliveries(endpoint, at(70), 9).await.unwrap();
        let kept = Delivery { state: DeliveryState::Waiting, parked_at: at(70), next_at: Some(at(70)), finished_at: None, ..given_up };
        assert_eq!(due, [kept, parked(&told[2], 70)]);
        assert_eq!(events.due_deliveries(endpoint, at(70), 1).await.unwrap().len(), 1, "so many payments at most");

        assert_eq!(events.forget_deliveries(at(60), 9).await.unwrap(), 0);
        assert_eq!(events.forget_deliveries(at(61), 9).await.unwrap(), 1);
        assert!(events.remove_endpoint(endpoint).await.unwrap());
        assert_eq!(events.deliveries(&page).await.unwrap(), [], "nothing waits for one that is gone");
    }
}

on_both_databases! {
    async fn what_could_have_been_begun_and_was_not_is_found(store: &TestStore) {
        let reads = store.reads();
        assert_eq!(reads.overdue(at(1_000)).await.unwrap(), []);
        moved(store, 1).await;
        let rules = async |before| {
            let found = reads.overdue(at(before)).await.unwrap();
            found.into_iter().map(|one| (one.rule, one.detail)).collect::<Vec<_>>()
        };
        let found = rules(100_000).await;
        assert!(found.iter().all(|(rule, _)| rule == "I7 due and untouched"), "{found:?}");
        let kinds: Vec<&str> = found.iter().filter_map(|(_, detail)| detail.split(',').next()).collect();
        assert_eq!(kinds, ["event", "event", "payment"], "{found:?}");
        store.events().stamp(10).await.unwrap();
        assert_eq!(rules(100_000).await.len(), 1, "what has its place is not due any more");
        assert_eq!(rules(1).await, [], "and nothing was so long ago");
    }
}

/// A payment that was taken and accepted: two changes of its state.
async fn moved(store: &TestStore, number: u128) {
    let born = birth(number, &format!("order-{number}"));
    assert_eq!(store.open(std::slice::from_ref(&born)).await, [Opened::New]);
    let there = stored(&born);
    let gateway = format!("gw{number}");
    let accepted = accepted(&there.payment, &gateway, GatewayState::Checkout, at(20));
    assert_eq!(store.commit(&[write(&there, &accepted)]).await, [Outcome::Won]);
}

fn all(limit: u32) -> EventsPage {
    EventsPage { after: 0, through: 1_000, shops: [].into(), payment: None, limit }
}

pub(crate) fn endpoint(number: u128, seconds: u64) -> Endpoint {
    Endpoint {
        id: Uuid::from_u128(number),
        url: "https://shop.example/events".to_owned(),
        description: "the shop".to_owned(),
        shops: [shop(), other_shop()].into(),
        event_types: ["*.completed".to_owned(), "deposit.*".to_owned()].into(),
        payload: Payload::Full,
        secrets: b"sealed".to_vec(),
        state: EndpointState::Enabled,
        reason: None,
        made_by: Some(crate::reconciling::actor()),
        made_at: at(seconds),
        position: 0,
        failures: 0,
        failing_since: None,
        last_failure: None,
        delivered_at: None,
        next_at: at(seconds),
        epoch: 0,
    }
}

pub(crate) fn claim(by: u128, seconds: u64) -> EndpointClaim {
    EndpointClaim { now: at(seconds), owner: owner(by), until: at(seconds + 60) }
}

pub(crate) fn parked(event: &Event, seconds: u64) -> Delivery {
    Delivery {
        event: event.clone(),
        state: DeliveryState::Waiting,
        attempts: 0,
        parked_at: at(seconds),
        next_at: Some(at(seconds)),
        last_attempt_at: None,
        last_failure: None,
        finished_at: None,
    }
}
