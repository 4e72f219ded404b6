//! Bulk actions: taken up in turn, fenced, stopped, listed to those who may see all of it.

use domain::{Actor, StuckReason, Via};
use store::{BulkAction, BulkActionsPage, BulkClaim, BulkRecorded, BulkState, BulkTrouble};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn bulk_actions_are_taken_up_in_turn_and_whoever_overslept_records_nothing(store: &TestStore) {
        let actions = store.database().unwrap().bulk_actions.clone();
        let first = bulk_action(1, 10);
        assert_eq!(actions.order_bulk_action(&first).await.unwrap(), first);
        let same_id = BulkAction { reason: "another".to_owned(), ..first.clone() };
        assert_eq!(actions.order_bulk_action(&same_id).await.unwrap(), first, "an order that is repeated is one order");
        let second = BulkAction { ticket: None, shops: [].into(), ..bulk_action(2, 20) };
        assert_eq!(actions.order_bulk_action(&second).await.unwrap(), second);

        assert_eq!(actions.claim_bulk_action(&claim(1, 9)).await.unwrap(), None, "nobody is due yet");
        let claimed = actions.claim_bulk_action(&claim(1, 50)).await.unwrap().unwrap();
        let taken = BulkAction { state: BulkState::Running, begun_at: Some(at(50)), epoch: 1, ..first.clone() };
        assert_eq!(claimed, taken);
        assert_eq!(actions.claim_bulk_action(&claim(2, 60)).await.unwrap().map(|one| one.id), Some(second.id));
        assert_eq!(actions.claim_bulk_action(&claim(3, 60)).await.unwrap(), None);

        let troubles = vec![BulkTrouble { of: Uuid::from_u128(9), why: "it has changed".to_owned() }];
        let place = Some((at(7), Uuid::from_u128(9)));
        let further = BulkAction { done: 3, failed: 1, troubles, place, ..claimed };
        assert_eq!(actions.record_bulk_action(&further, Some(at(200))).await.unwrap(), BulkRecorded::Kept);
        assert_eq!(actions.claim_bulk_action(&claim(3, 150)).await.unwrap().map(|one| one.id), Some(second.id), "its lease is over");
        assert_eq!(actions.claim_bulk_action(&claim(3, 199)).await.unwrap(), None, "and that one was renewed");
        let again = actions.claim_bulk_action(&claim(3, 200)).await.unwrap().unwrap();
        assert_eq!(again, BulkAction { epoch: 2, ..further.clone() });
        assert_eq!(actions.record_bulk_action(&further, None).await.unwrap(), BulkRecorded::Lost, "it is another one's by now");
        let done = BulkAction { state: BulkState::Completed, finished_at: Some(at(210)), done: 4, ..again };
        assert_eq!(actions.record_bulk_action(&done, None).await.unwrap(), BulkRecorded::Kept);
        assert_eq!(actions.bulk_action(first.id).await.unwrap(), Some(done.clone()));
        assert_eq!(actions.record_bulk_action(&done, None).await.unwrap(), BulkRecorded::Lost, "it is over");
        assert!(!actions.stop_bulk_action(first.id, &actor(), at(220)).await.unwrap(), "and cannot be stopped any more");
    }

    async fn whoever_is_on_it_is_told_to_stop_and_where_nobody_is_it_is_over_at_once(store: &TestStore) {
        let actions = store.database().unwrap().bulk_actions.clone();
        for number in 1..=3 {
            actions.order_bulk_action(&bulk_action(number, 10)).await.unwrap();
        }
        let id = |number| Uuid::from_u128(number);
        let held = actions.claim_bulk_action(&claim(1, 20)).await.unwrap().unwrap();
        assert!(actions.stop_bulk_action(held.id, &actor(), at(30)).await.unwrap());
        assert!(!actions.stop_bulk_action(held.id, &actor(), at(30)).await.unwrap(), "once");
        let seen = actions.bulk_action(held.id).await.unwrap().unwrap();
        assert_eq!((seen.state, seen.stopped_by), (BulkState::Running, Some(actor())));
        assert_eq!(actions.record_bulk_action(&held, Some(at(200))).await.unwrap(), BulkRecorded::ToBeStopped);
        let ended = BulkAction { state: BulkState::Stopped, finished_at: Some(at(31)), ..held };
        assert_eq!(actions.record_bulk_action(&ended, None).await.unwrap(), BulkRecorded::ToBeStopped);

        // Nobody has taken it up.
        assert!(actions.stop_bulk_action(id(2), &actor(), at(40)).await.unwrap());
        let seen = actions.bulk_action(id(2)).await.unwrap().unwrap();
        assert_eq!((seen.state, seen.finished_at), (BulkState::Stopped, Some(at(40))));
        // Whoever had it is dead, or believes to have it still.
        let overslept = actions.claim_bulk_action(&claim(1, 50)).await.unwrap().unwrap();
        assert_eq!(overslept.id, id(3));
        assert!(actions.stop_bulk_action(id(3), &actor(), at(150)).await.unwrap());
        assert_eq!(actions.record_bulk_action(&overslept, None).await.unwrap(), BulkRecorded::Lost);
        assert_eq!(actions.bulk_action(id(3)).await.unwrap().unwrap().state, BulkState::Stopped);
        assert_eq!(actions.claim_bulk_action(&claim(1, 999)).await.unwrap(), None);
        assert!(!actions.stop_bulk_action(id(99), &actor(), at(150)).await.unwrap());
    }

    async fn bulk_actions_are_listed_to_those_who_may_see_all_of_their_shops(store: &TestStore) {
        let actions = store.database().unwrap().bulk_actions.clone();
        let of_all = BulkAction { shops: [].into(), ..bulk_action(2, 20) };
        let of_both = BulkAction { shops: [shop(), other_shop()].into(), ..bulk_action(4, 40) };
        for one in [&bulk_action(1, 10), &of_all, &bulk_action(3, 30), &of_both] {
            actions.order_bulk_action(one).await.unwrap();
        }
        let ids = async |page: BulkActionsPage| {
            actions.bulk_actions(&page).await.unwrap().iter().map(|one| one.id.as_u128()).collect::<Vec<_>>()
        };
        let all = BulkActionsPage { shops: [].into(), before: None, limit: 9 };
        assert_eq!(ids(all.clone()).await, [4, 3, 2, 1]);
        assert_eq!(ids(BulkActionsPage { shops: [shop()].into(), ..all.clone() }).await, [3, 1]);
        assert_eq!(ids(BulkActionsPage { shops: [shop(), other_shop()].into(), ..all.clone() }).await, [4, 3, 1]);
        assert_eq!(ids(BulkActionsPage { limit: 2, ..all.clone() }).await, [4, 3]);
        assert_eq!(ids(BulkActionsPage { before: Some((at(30), Uuid::from_u128(3))), ..all }).await, [2, 1]);
        assert_eq!(actions.bulk_action(Uuid::from_u128(99)).await.unwrap(), None);
    }
}

pub(crate) fn bulk_action(number: u128, seconds: u64) -> BulkAction {
    BulkAction {
        id: Uuid::from_u128(number),
        action: r#"{"action": "check"}"#.to_owned(),
        reasons: [StuckReason::Surplus, StuckReason::WaitingForGateway].into(),
        shops: [shop()].into(),
        items_max: 100,
        reason: "their outage is over".to_owned(),
        ticket: Some("PAY-7".to_owned()),
        ordered_by: actor(),
        via: Via::Console,
        ordered_at: at(seconds),
        state: BulkState::Waiting,
        expected: 4,
        done: 0,
        failed: 0,
        troubles: Vec::new(),
        place: None,
        stopped_by: None,
        begun_at: None,
        finished_at: None,
        next_at: at(seconds),
        epoch: 0,
    }
}

pub(crate) fn claim(number: u128, seconds: u64) -> BulkClaim {
    BulkClaim { now: at(seconds), owner: owner(number), until: at(seconds + 90) }
}

fn actor() -> Actor {
    Actor { key: Uuid::from_u128(7), name: "night shift".to_owned() }
}
