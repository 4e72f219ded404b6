//! Decisions: all of a unit or none of it, and only on what it was decided on.

use domain::{GatewayState, PaymentState, Progress, Stuck, StuckReason};
use store::{Birth, Claim, Filed, Lease, Move, Name, Opened, Outcome, Stored, Write};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn a_version_is_replaced_once(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let first = decided(&there, &accepted(&there.payment, "gw1", GatewayState::Checkout, at(1)));
        let second = write(&there, &outcome_unknown("timeout", at(2)));
        assert_eq!(store.commit(&[moves(first.clone())]).await, [Outcome::Won]);
        assert_eq!(store.commit(&[second]).await, [Outcome::Lost]);
        assert_eq!(store.commit(&[moves(first.clone())]).await, [Outcome::Lost]);
        let audited = store.audited(id(1)).await;
        assert_eq!(audited.stored.payment, first.payment);
        assert_eq!(audited.ledger.last(), first.entry.as_ref());
    }

    async fn of_two_changes_of_one_payment_in_one_batch_the_second_loses(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let other = open(store.store.as_ref(), &birth(2, "order-2")).await;
        let first = decided(&there, &outcome_unknown("first", at(1)));
        let after_first = Stored { payment: first.payment.clone(), ..there.clone() };
        let batch = [
            moves(first.clone()),
            write(&other, &outcome_unknown("neighbour", at(1))),
            write(&there, &outcome_unknown("second", at(2))),
            // Decided on what the first one makes of it: a batch is decided on what was there before it.
            write(&after_first, &accepted(&after_first.payment, "gw1", GatewayState::Checkout, at(3))),
        ];
        assert_eq!(store.commit(&batch).await, [Outcome::Won, Outcome::Won, Outcome::Lost, Outcome::Lost]);
        assert_eq!(store.load_id(id(1)).await.payment, first.payment);
    }

    /// A look changes no version, so that comparing versions would let both through.
    async fn of_two_looks_at_one_payment_in_one_batch_the_second_loses(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let looks = [look(&there, 3), look(&there, 4)];
        assert_eq!(store.commit(&looks).await, [Outcome::Won, Outcome::Lost]);
        assert_eq!(store.load_id(id(1)).await.progress.checked_at, Some(at(3)));
    }

    async fn the_second_change_loses_even_if_the_first_one_did(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let stale = Move { expected_epoch: Some(5), ..decided(&there, &outcome_unknown("stale", at(1))) };
        let fresh = write(&there, &outcome_unknown("fresh", at(1)));
        assert_eq!(store.commit(&[moves(stale), fresh.clone()]).await, [Outcome::Lost, Outcome::Lost]);
        assert_eq!(store.commit(&[fresh]).await, [Outcome::Won]);
    }

    async fn a_payment_that_is_not_there_is_lost(store: &TestStore) {
        let never_opened = stored(&birth(1, "order-1"));
        assert_eq!(store.commit(&[write(&never_opened, &outcome_unknown("x", at(1)))]).await, [Outcome::Lost]);
    }

    async fn a_parent_moves_and_its_child_is_born_or_neither(store: &TestStore) {
        let parent = open(store.store.as_ref(), &birth(1, "deposit")).await;
        let reserved = decided(&parent, &outcome_unknown("reserve 80", at(1)));
        let child = child(2, "refund");
        let unit = Write { birth: Some(child.clone()), ..moves(reserved.clone()) };
        assert_eq!(store.commit(std::slice::from_ref(&unit)).await, [Outcome::Won]);
        assert_eq!(store.load_id(id(1)).await.payment, reserved.payment);
        assert_eq!(store.load_id(id(2)).await, stored(&child));
        assert_eq!(store.store.kept_request(id(2)).await.unwrap(), Some(b"request".to_vec()));

        // Again, as after a lost answer: the parent has moved on, and so nothing is said about the child.
        assert_eq!(store.commit(&[unit]).await, [Outcome::Lost]);

        // The reference is taken: the parent stays, and so does the notice.
        let now = store.load_id(id(1)).await;
        let again = look(&now, 2);
        store.store.receive(&[notice(1)]).await.unwrap();
        let unit = Write { birth: Some(self::child(3, "refund")), notice: Some(filed(1, Some(1))), ..again };
        assert_eq!(store.commit(&[unit]).await, [Outcome::Taken]);
        assert_eq!(store.load_id(id(1)).await, now);
        assert_eq!(store.load(Name::Id(id(3))).await, None);
        assert!(store.notices(id(1)).await.is_empty());

        // The parent has moved on: no child.
        let unit = Write { birth: Some(self::child(4, "refund-2")), ..write(&parent, &outcome_unknown("late", at(3))) };
        assert_eq!(store.commit(&[unit]).await, [Outcome::Lost]);
        assert_eq!(store.load(Name::Id(id(4))).await, None);
    }

    async fn two_refunds_of_80_on_one_deposit_of_100_in_one_batch_are_one(store: &TestStore) {
        let deposit = open(store.store.as_ref(), &birth(1, "deposit")).await;
        let reserve = write(&deposit, &outcome_unknown("reserve 80 of 100", at(1)));
        let batch = [
            Write { birth: Some(child(2, "refund-a")), ..reserve.clone() },
            Write { birth: Some(child(3, "refund-b")), ..reserve },
        ];
        assert_eq!(store.commit(&batch).await, [Outcome::Won, Outcome::Lost]);
        assert_eq!(store.all().await.len(), 2);
        assert_eq!(store.load(Name::Reference(shop(), reference("refund-b"))).await, None);
        assert_eq!(store.store.kept_request(id(3)).await.unwrap(), None);
    }

    async fn births_of_one_reference_in_one_batch_are_one_and_the_losers_unit_does_nothing(store: &TestStore) {
        let one = open(store.store.as_ref(), &birth(1, "deposit-1")).await;
        let two = open(store.store.as_ref(), &birth(2, "deposit-2")).await;
        let reserve = |there: &Stored| write(there, &outcome_unknown("reserve", at(1)));
        let stale = Write { birth: Some(child(3, "refund")), ..stale(&one) };
        let first = Write { birth: Some(child(4, "refund")), ..reserve(&two) };
        let alone = Write { birth: Some(child(5, "refund")), ..Write::default() };
        assert_eq!(store.commit(&[stale, first, alone]).await, [Outcome::Lost, Outcome::Won, Outcome::Taken]);
        let there = store.load(Name::Reference(shop(), reference("refund"))).await;
        assert_eq!(there.map(|stored| stored.payment.id()), Some(id(4)));
        assert_eq!(store.load_id(id(1)).await, one);
    }

    async fn a_unit_may_give_birth_alone(store: &TestStore) {
        let born = child(1, "order-1");
        let unit = Write { birth: Some(born.clone()), ..Write::default() };
        assert_eq!(store.commit(std::slice::from_ref(&unit)).await, [Outcome::Won]);
        assert_eq!(store.load_id(id(1)).await, stored(&born));
        assert_eq!(store.commit(&[unit]).await, [Outcome::Taken]);
    }

    async fn a_look_without_news_changes_no_version(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        assert_eq!(store.commit(&[look(&there, 3)]).await, [Outcome::Won]);
        assert_eq!(store.load_id(id(1)).await, Stored { progress: looked(3), ..there });
        assert_eq!(store.audited(id(1)).await.ledger.len(), 1);
    }

    async fn a_lease_is_kept_given_up_and_taken(store: &TestStore) {
        let leased = Birth { lease: Some((owner(1), at(60))), ..birth(1, "order-1") };
        let there = open(store.store.as_ref(), &leased).await;
        let with = |there: &Stored, lease, seconds| moves(Move { lease, ..decided(there, &missing(at(seconds))) });
        let lease = async |unit: Write| {
            assert_eq!(store.commit(&[unit]).await, [Outcome::Won]);
            let there = store.load_id(id(1)).await;
            (there.epoch, there.leased_until)
        };
        assert_eq!(lease(with(&there, Lease::Keep, 1)).await, (1, Some(at(60))));
        assert_eq!(lease(with(&there, Lease::Take(owner(2), at(90)), 2)).await, (2, Some(at(90))));
        assert_eq!(lease(with(&there, Lease::Take(owner(2), at(99)), 3)).await, (3, Some(at(99))));
        assert_eq!(lease(with(&there, Lease::Release, 4)).await, (3, None));
        assert_eq!(lease(with(&there, Lease::Keep, 5)).await, (3, None));
    }

    /// It was claimed by somebody else meanwhile, who has written nothing yet: the version alone would let it through.
    async fn a_holder_who_overslept_loses(store: &TestStore) {
        let leased = Birth { lease: Some((owner(1), at(60))), ..birth(1, "order-1") };
        let there = open(store.store.as_ref(), &leased).await;
        let late = Move { expected_epoch: Some(1), ..decided(&there, &outcome_unknown("late", at(70))) };
        let claim = Claim { now: at(61), owner: owner(2), until: at(120), limit: 1 };
        let claimed = store.store.claim_due(&claim).await.unwrap();
        assert_eq!(claimed.iter().map(|stored| stored.epoch).collect::<Vec<_>>(), [2]);
        assert_eq!(store.commit(&[moves(late.clone())]).await, [Outcome::Lost]);
        assert_eq!(store.audited(id(1)).await.ledger.len(), 1);
        let look = Move { expected_epoch: Some(1), ..decided(&there, &missing(at(70))) };
        assert_eq!(store.commit(&[moves(look)]).await, [Outcome::Lost]);

        // True evidence is decided again without the lease; and the one who holds it now may write.
        let current = Move { expected_epoch: Some(2), ..decided(&there, &missing(at(71))) };
        assert_eq!(store.commit(&[moves(current)]).await, [Outcome::Won]);
        assert_eq!(store.commit(&[moves(Move { expected_epoch: None, ..late })]).await, [Outcome::Won]);
    }

    async fn a_gateway_id_belongs_to_one_payment(store: &TestStore) {
        let one = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let two = open(store.store.as_ref(), &birth(2, "order-2")).await;
        let adopting = |there: &Stored| write(there, &accepted(&there.payment, "gw1", GatewayState::Checkout, at(1)));
        assert_eq!(store.commit(&[adopting(&one)]).await, [Outcome::Won]);
        store.store.receive(&[notice(1)]).await.unwrap();
        let clashing = Write { notice: Some(filed(1, Some(2))), ..adopting(&two) };
        assert_eq!(store.commit(&[clashing]).await, [Outcome::Claimed(id(1))]);
        assert_eq!(store.load_id(id(2)).await, two);
        assert!(store.notices(id(2)).await.is_empty());

        // What it has already is no clash.
        let one = store.load_id(id(1)).await;
        let again = decided(&one, &reported(&one.payment, "gw1", GatewayState::Pending, at(2)));
        let again = Move { claim: Some(gateway_id("gw1")), ..again };
        assert_eq!(store.commit(&[moves(again)]).await, [Outcome::Won]);

        // Nor is the same id in another shop, which has keys of its own.
        let mut elsewhere = opening(3, "order-3");
        elsewhere.shop = other_shop();
        let three = open(store.store.as_ref(), &birth_of(elsewhere)).await;
        assert_eq!(store.commit(&[adopting(&three)]).await, [Outcome::Won]);
    }

    async fn of_two_claims_of_one_gateway_id_in_one_batch_the_first_that_may_wins(store: &TestStore) {
        let one = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let two = open(store.store.as_ref(), &birth(2, "order-2")).await;
        let three = open(store.store.as_ref(), &birth(3, "order-3")).await;
        let adopting = |there: &Stored| decided(there, &accepted(&there.payment, "gw1", GatewayState::Checkout, at(1)));
        let stale = Move { expected_epoch: Some(9), ..adopting(&one) };
        let batch = [moves(stale), moves(adopting(&three)), moves(adopting(&two))];
        assert_eq!(store.commit(&batch).await, [Outcome::Lost, Outcome::Won, Outcome::Claimed(id(3))]);
        let holder = store.load(Name::Gateway(shop(), gateway_id("gw1"))).await;
        assert_eq!(holder.map(|stored| stored.payment.id()), Some(id(3)));
        assert_eq!(store.load_id(id(2)).await, two);
    }

    async fn a_surplus_payment_is_found_by_its_id_too(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let adopting = write(&there, &accepted(&there.payment, "gw1", GatewayState::Checkout, at(1)));
        assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
        let there = store.load_id(id(1)).await;
        let surplus = decided(&there, &reported(&there.payment, "gw2", GatewayState::Checkout, at(2)));
        assert_eq!(surplus.claim, Some(gateway_id("gw2")));
        assert_eq!(store.commit(&[moves(surplus.clone())]).await, [Outcome::Won]);
        let found = store.load(Name::Gateway(shop(), gateway_id("gw2"))).await;
        assert_eq!(found.map(|stored| stored.payment), Some(surplus.payment));
    }

    async fn a_kept_request_goes_when_its_payment_ends(store: &TestStore) {
        let there = open(store.store.as_ref(), &child(1, "order-1")).await;
        let neighbour = open(store.store.as_ref(), &child(2, "order-2")).await;
        let unknown = write(&there, &outcome_unknown("timeout", at(1)));
        assert_eq!(store.commit(&[unknown]).await, [Outcome::Won]);
        assert!(store.store.kept_request(id(1)).await.unwrap().is_some());
        let there = store.load_id(id(1)).await;
        let batch = [
            write(&there, &found(sighting(&there.payment, "gw1", GatewayState::Declined), at(2))),
            write(&neighbour, &accepted(&neighbour.payment, "gw2", GatewayState::Checkout, at(2))),
        ];
        assert_eq!(store.commit(&batch).await, [Outcome::Won, Outcome::Won]);
        assert_eq!(store.store.kept_request(id(1)).await.unwrap(), None);
        assert!(store.store.kept_request(id(2)).await.unwrap().is_some());
    }

    async fn the_outbox_counts_changes_of_state_and_nothing_else(store: &TestStore) {
        let mut there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let states = [GatewayState::Checkout, GatewayState::Pending, GatewayState::Pending, GatewayState::Completed];
        assert_eq!(store.commit(&[write(&there, &outcome_unknown("timeout", at(1)))]).await, [Outcome::Won]);
        for (seconds, state) in (2..).zip(states) {
            there = store.load_id(id(1)).await;
            let seen = found(sighting(&there.payment, "gw1", state), at(seconds));
            assert_eq!(store.commit(&[write(&there, &seen)]).await, [Outcome::Won]);
        }
        let rows: Vec<_> = store.outbox().await.iter().map(|row| (row.sequence, row.entry, row.state)).collect();
        assert_eq!(
            rows,
            [
                (1, 1, PaymentState::Submitted),
                (2, 3, PaymentState::Checkout),
                (3, 4, PaymentState::Pending),
                (4, 5, PaymentState::Completed),
            ]
        );
    }

    async fn a_batch_is_answered_in_its_order(store: &TestStore) {
        let births: Vec<Birth> = (0..20).map(|n| birth(100 - n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let units: Vec<Write> = births
            .iter()
            .enumerate()
            .map(|(n, birth)| if n % 3 == 0 { stale(&stored(birth)) } else { write(&stored(birth), &outcome_unknown("x", at(1))) })
            .collect();
        let outcomes = store.commit(&units).await;
        for (n, outcome) in outcomes.into_iter().enumerate() {
            assert_eq!(outcome, if n % 3 == 0 { Outcome::Lost } else { Outcome::Won }, "unit {n}");
        }
    }
}

/// A refund beside its deposit, as far as the store is concerned.
fn child(number: u128, reference: &str) -> Birth {
    let mut opening = opening(number, reference);
    opening.parent = Some(id(1));
    Birth { kept_request: Some(b"request".to_vec()), ..birth_of(opening) }
}

/// Nothing new was seen at this time.
fn look(there: &Stored, seconds: u64) -> Write {
    moves(Move { progress: looked(seconds), ..decided(there, &missing(at(seconds))) })
}

fn looked(seconds: u64) -> Progress {
    Progress {
        checks: 1,
        empty_look_ups: 2,
        checked_at: Some(at(seconds)),
        next_check_at: Some(at(40)),
        failures: 3,
        stuck: Some(Stuck { reason: StuckReason::CheckFailing, since: at(seconds), at: at(seconds + 1) }),
    }
}

/// Decided on a version that never was.
fn stale(there: &Stored) -> Write {
    moves(Move { expected_epoch: Some(99), ..decided(there, &outcome_unknown("stale", at(1))) })
}

fn filed(notice: u128, payment: Option<u128>) -> Filed {
    Filed { id: uuid::Uuid::from_u128(notice), verdict: "moves".to_owned(), payment: payment.map(id), at: at(9) }
}
