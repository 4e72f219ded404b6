//! The inbox: durable before it is answered, each body once.

use domain::GatewayState;
use store::{Claim, DueNotice, Filed, Move, Notice, Outcome, Received, Stored, Write};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn the_same_body_again_is_counted_and_not_stored_twice(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let again = |number: u128, of: u128| Notice { id: Uuid::from_u128(number), ..notice(of) };
        let new = |number| Received { id: Uuid::from_u128(number), repeat: false, filed: None, payment: None };
        let repeat = |number| Received { repeat: true, ..new(number) };

        let received = store.store.receive(&[notice(1), notice(2), again(3, 1)]).await.unwrap();
        assert_eq!(received, [new(1), new(2), repeat(1)]);
        let received = store.store.receive(&[again(4, 2), notice(5), again(6, 2), again(7, 1)]).await.unwrap();
        assert_eq!(received, [repeat(2), new(5), repeat(2), repeat(1)]);
        // The very same notice again, after a lost answer.
        assert_eq!(store.store.receive(&[notice(5)]).await.unwrap(), [repeat(5)]);

        assert_eq!(store.commit(&[file(1, "stale", 1), file(2, "stale", 1), file(5, "stale", 1)]).await, [Outcome::Won, Outcome::Won, Outcome::Won]);
        let notices = store.notices(there.payment.id()).await;
        let deliveries: Vec<_> = notices.iter().map(|notice| (notice.id.as_u128(), notice.deliveries)).collect();
        assert_eq!(deliveries, [(1, 3), (2, 3), (5, 2)]);
        let filed = Received { filed: Some("stale".to_owned()), ..repeat(1) };
        assert_eq!(store.store.receive(&[again(8, 1)]).await.unwrap(), [filed]);
    }

    async fn the_same_body_for_another_shop_is_another_notice(store: &TestStore) {
        let elsewhere = Notice { id: Uuid::from_u128(2), shop: other_shop(), ..notice(1) };
        let received = store.store.receive(&[notice(1), elsewhere]).await.unwrap();
        assert_eq!(received.iter().map(|received| received.repeat).collect::<Vec<_>>(), [false, false]);
    }

    async fn a_notice_brings_its_payment_along(store: &TestStore) {
        let one = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let two = open(store.store.as_ref(), &birth(2, "order-2")).await;
        let adopting = write(&one, &accepted(&one.payment, "gw1", GatewayState::Checkout, at(1)));
        assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
        let one = store.load_id(id(1)).await;
        let surplus = write(&one, &reported(&one.payment, "gw9", GatewayState::Checkout, at(2)));
        assert_eq!(store.commit(&[surplus]).await, [Outcome::Won]);
        let one = store.load_id(id(1)).await;

        let about = |number, gateway: Option<&str>, reference_text: Option<&str>| Notice {
            gateway_payment_id: gateway.map(gateway_id),
            reference_id: reference_text.map(reference),
            ..notice(number)
        };
        let elsewhere = Notice { shop: other_shop(), ..about(8, Some("gw1"), Some("order-1")) };
        let notices = [
            about(1, Some("gw1"), None),
            about(2, Some("gw9"), Some("order-9")),
            about(3, None, Some("order-2")),
            about(4, Some("gw7"), Some("order-2")),
            about(5, Some("gw1"), Some("order-2")),
            about(6, Some("gw7"), None),
            about(7, None, None),
            elsewhere,
        ];
        let received = store.store.receive(&notices).await.unwrap();
        let subjects: Vec<Option<Stored>> =
            received.into_iter().map(|received| received.payment.map(|payment| *payment)).collect();
        let (one, two) = (|| Some(one.clone()), || Some(two.clone()));
        assert_eq!(subjects, [one(), one(), two(), two(), one(), None, None, None]);
    }

    async fn a_notice_is_filed_with_what_it_settles_and_the_first_verdict_stays(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        store.store.receive(&[notice(1), notice(2), notice(3)]).await.unwrap();
        let lost = Move { expected_epoch: Some(9), ..decided(&there, &missing(at(1))) };
        let lost = Write { notice: file(1, "lost", 1).notice, ..moves(lost) };
        assert_eq!(store.commit(&[lost]).await, [Outcome::Lost]);
        assert!(store.notices(id(1)).await.is_empty());

        let moved = Write { notice: file(1, "moves", 1).notice, ..write(&there, &outcome_unknown("x", at(1))) };
        assert_eq!(store.commit(&[moved]).await, [Outcome::Won]);
        // Filed already, filed twice at once, never received: the units win, and the first verdict stays.
        let batch = [file(1, "stale", 1), file(2, "confirms", 1), file(2, "stale", 1), file(9, "stale", 1)];
        assert_eq!(store.commit(&batch).await, [Outcome::Won, Outcome::Won, Outcome::Won, Outcome::Won]);
        let verdicts: Vec<_> = store.notices(id(1)).await.into_iter().map(|notice| notice.verdict).collect();
        assert_eq!(verdicts, [Some("moves".to_owned()), Some("confirms".to_owned())]);
    }

    async fn what_nobody_filed_is_claimed_oldest_first(store: &TestStore) {
        let received_at = |number: u128, seconds| Notice { received_at: at(seconds), ..notice(number) };
        let busy = Notice { leased_until: at(500), ..received_at(4, 11) };
        let notices = [received_at(1, 14), received_at(2, 12), received_at(3, 12), busy, received_at(5, 13), received_at(6, 900)];
        store.store.receive(&notices).await.unwrap();
        assert_eq!(store.commit(&[file_under_nothing(5)]).await, [Outcome::Won]);
        let due = |number, seconds, attempts| DueNotice {
            id: Uuid::from_u128(number),
            shop: shop(),
            received_at: at(seconds),
            body: format!("body {number}").into_bytes(),
            attempts,
        };
        let claim = |seconds, limit| Claim { now: at(seconds), owner: owner(1), until: at(seconds + 60), limit };

        // Whoever received them is still on them.
        assert_eq!(store.store.claim_notices(&claim(19, 9)).await.unwrap(), []);
        assert_eq!(store.store.claim_notices(&claim(20, 2)).await.unwrap(), [due(2, 12, 0), due(3, 12, 0)]);
        assert_eq!(store.store.claim_notices(&claim(20, 9)).await.unwrap(), [due(1, 14, 0)]);
        assert_eq!(store.store.claim_notices(&claim(79, 9)).await.unwrap(), []);
        let again = [due(2, 12, 1), due(3, 12, 1), due(1, 14, 1)];
        assert_eq!(store.store.claim_notices(&claim(80, 9)).await.unwrap(), again);
        assert_eq!(store.store.claim_notices(&claim(500, 1)).await.unwrap(), [due(4, 11, 0)]);
    }
}

fn file(notice: u128, verdict: &str, payment: u128) -> Write {
    let filed =
        Filed { id: Uuid::from_u128(notice), verdict: verdict.to_owned(), payment: Some(id(payment)), at: at(9) };
    Write { notice: Some(filed), ..Write::default() }
}

fn file_under_nothing(notice: u128) -> Write {
    let filed = Filed { id: Uuid::from_u128(notice), verdict: "unmatched".to_owned(), payment: None, at: at(15) };
    Write { notice: Some(filed), ..Write::default() }
}
