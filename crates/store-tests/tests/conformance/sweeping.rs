//! The sweep's own rows: one process reads at a time, a late one changes nothing; and what it saw that nobody knows.

use std::time::Duration;

use domain::{GatewayState, Money, SeenState, Sighting};
use store::{Birth, Opened, Outcome, Pass, Sweep, SweepClaim, UnmatchedPayment};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn a_shop_is_swept_by_one_process_at_a_time(store: &TestStore) {
        let first = store.store.claim_sweep(&claim(1, 10)).await.unwrap().unwrap();
        let never = Sweep {
            shop: shop(), cursor: None, swept_at: None, completed_at: None, pass: None, next_at: at(10), epoch: 1,
        };
        assert_eq!(first, never);
        assert_eq!(store.store.claim_sweep(&claim(2, 10)).await.unwrap(), None);
        assert_eq!(store.store.claim_sweep(&claim(1, 69)).await.unwrap(), None);
        let elsewhere = SweepClaim { shop: other_shop(), ..claim(2, 10) };
        assert!(store.store.claim_sweep(&elsewhere).await.unwrap().is_some(), "each shop has its own");

        let read = Sweep { cursor: Some(at(1)), next_at: at(40), pass: Some(pass()), ..first };
        assert!(store.store.record_sweep(&read).await.unwrap());
        assert_eq!(store.store.claim_sweep(&claim(2, 39)).await.unwrap(), None, "it is not due yet");
        let gone_on = store.store.claim_sweep(&claim(2, 40)).await.unwrap();
        assert_eq!(gone_on, Some(Sweep { epoch: 2, ..read }), "the lease was given up, and the place is kept");
    }

    async fn whoever_overslept_stores_no_cursor(store: &TestStore) {
        let late = store.store.claim_sweep(&claim(1, 0)).await.unwrap().unwrap();
        let taken_over = store.store.claim_sweep(&claim(2, 60)).await.unwrap().unwrap();
        let late = Sweep { cursor: Some(at(999)), ..late };
        assert!(!store.store.record_sweep(&late).await.unwrap());
        let done = Sweep {
            cursor: Some(at(5)), swept_at: Some(at(60)), completed_at: Some(at(61)), next_at: at(90), ..taken_over
        };
        assert!(store.store.record_sweep(&done).await.unwrap());
        assert!(!store.store.record_sweep(&late).await.unwrap());
        assert_eq!(store.store.sweeps().await.unwrap(), [done]);
        let unknown = Sweep { shop: other_shop(), ..late };
        assert!(!store.store.record_sweep(&unknown).await.unwrap());
    }

    async fn the_oldest_open_payment_of_a_shop_is_found(store: &TestStore) {
        assert_eq!(store.store.oldest_open(&shop()).await.unwrap(), None);
        let opened_at = |number: u128, seconds| {
            let (payment, entry) = domain::Payment::open(opening(number, &format!("order-{number}")), at(seconds));
            Birth { payment, entry, next_check_at: Some(at(seconds)), lease: None, kept_request: None }
        };
        let births = [opened_at(1, 30), opened_at(2, 10), opened_at(3, 20)];
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        assert_eq!(store.store.oldest_open(&shop()).await.unwrap(), Some(at(10)));
        let there = store.load_id(id(2)).await;
        let ended = write(&there, &found(sighting(&there.payment, "gw2", GatewayState::Declined), at(40)));
        assert_eq!(store.commit(&[ended]).await, [Outcome::Won]);
        assert_eq!(store.store.oldest_open(&shop()).await.unwrap(), Some(at(20)));
        assert_eq!(store.store.oldest_open(&other_shop()).await.unwrap(), None);
    }

    async fn what_nothing_matches_is_shown_until_something_does(store: &TestStore) {
        let refund = unmatched("gw1", GatewayState::Pending, 10);
        let odd = UnmatchedPayment {
            sighting: Sighting {
                state: SeenState::Unknown("CASC\u{0}ADING".to_owned()), money: None, reference_id: None, parent: None,
                ..refund.sighting.clone()
            },
            shop: other_shop(),
            ..refund.clone()
        };
        store.store.file_unmatched(&[refund.clone(), odd.clone(), refund.clone()]).await.unwrap();
        store.store.file_unmatched(&[]).await.unwrap();
        assert_eq!(store.unmatched(&shop()).await, std::slice::from_ref(&refund));
        let kept = store.unmatched(&other_shop()).await.remove(0);
        assert_ne!(kept.sighting.state, SeenState::Unknown("CASC\u{0}ADING".to_owned()), "no database takes U+0000");

        // The same again is no news, and keeps its schedule.
        store.store.file_unmatched(&[unmatched("gw1", GatewayState::Pending, 20)]).await.unwrap();
        assert_eq!(store.unmatched(&shop()).await, std::slice::from_ref(&refund));
        // News is, and begins it anew.
        let paid = UnmatchedPayment { first_seen_at: at(10), ..unmatched("gw1", GatewayState::Completed, 30) };
        store.store.file_unmatched(&[unmatched("gw1", GatewayState::Completed, 30)]).await.unwrap();
        assert_eq!(store.unmatched(&shop()).await, std::slice::from_ref(&paid));

        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let adopting = write(&there, &accepted(&there.payment, "gw1", GatewayState::Completed, at(1)));
        assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
        assert_eq!(store.unmatched(&shop()).await, [], "its id belongs to a payment by now");

        let matched = UnmatchedPayment { matched: Some((id(1), at(50))), next_try_at: None, ..paid.clone() };
        store.store.file_unmatched(std::slice::from_ref(&matched)).await.unwrap();
        store.store.file_unmatched(&[unmatched("gw1", GatewayState::Declined, 60)]).await.unwrap();
        assert_eq!(store.store.due_unmatched(&shop(), at(100_000), 9).await.unwrap(), [], "a match stays");
    }

    async fn what_nothing_matches_is_tried_again_when_it_is_due(store: &TestStore) {
        let rows = [("gw3", 30), ("gw1", 10), ("gw2", 20)].map(|(id, seconds)| unmatched(id, GatewayState::Pending, seconds));
        let [third, first, second] = rows.clone();
        store.store.file_unmatched(&rows).await.unwrap();
        let due = async |seconds, limit| store.store.due_unmatched(&shop(), at(seconds), limit).await.unwrap();
        assert_eq!(due(69, 9).await, []);
        assert_eq!(due(200, 2).await, [first.clone(), second.clone()], "the most overdue first");
        assert_eq!(store.store.due_unmatched(&other_shop(), at(200), 9).await.unwrap(), []);

        let tried = UnmatchedPayment { tries: 1, next_try_at: Some(at(900)), ..first.clone() };
        store.store.file_unmatched(&[tried]).await.unwrap();
        assert_eq!(due(200, 9).await, [second.clone(), third.clone()]);
        // A try with what is no longer what is known counts for nothing, nor does a match with it.
        let news = unmatched("gw2", GatewayState::Completed, 100);
        store.store.file_unmatched(std::slice::from_ref(&news)).await.unwrap();
        let late = UnmatchedPayment { tries: 1, next_try_at: None, ..second.clone() };
        let too_late = UnmatchedPayment { matched: Some((id(1), at(101))), next_try_at: None, ..second };
        store.store.file_unmatched(&[late]).await.unwrap();
        store.store.file_unmatched(&[too_late]).await.unwrap();
        assert_eq!(due(200, 9).await, [third, UnmatchedPayment { first_seen_at: at(20), ..news }]);
    }
}

fn claim(process: u128, seconds: u64) -> SweepClaim {
    SweepClaim { shop: shop(), now: at(seconds), owner: owner(process), until: at(seconds + 60) }
}

fn pass() -> Pass {
    Pass {
        begun_at: at(10),
        next_cursor: Some(at(3)),
        offset: 400,
        created_before: Some(at(7)),
        reached: Some(at(6)),
        unreadable: 1,
    }
}

/// A refund that somebody made elsewhere, seen at this moment.
fn unmatched(gateway: &str, state: GatewayState, seconds: u64) -> UnmatchedPayment {
    let money: Money = money("10.5", "EUR");
    UnmatchedPayment {
        shop: shop(),
        sighting: Sighting {
            id: gateway_id(gateway),
            state: SeenState::Known(state),
            reference_id: Some("back-office-1".to_owned()),
            payment_type: Some("REFUND".to_owned()),
            parent: Some(gateway_id("parent1")),
            money: Some(money),
            customer_money: None,
            fee: None,
            payment_method: None,
            error: None,
            created: Some(at(1)),
            redirect_url: None,
            external_refs: std::collections::BTreeMap::new(),
        },
        first_seen_at: at(seconds),
        last_seen_at: at(seconds),
        tries: 0,
        next_try_at: Some(at(seconds).plus(Duration::from_mins(1))),
        matched: None,
    }
}
