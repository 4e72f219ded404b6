//! Refunds that race for one capture: what they hold together never exceeds it, in whatever batches they come.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Evidence, GatewayState, Opening, Payment, PaymentId, PaymentType, Seen, Source};
use fault_catalogue::struck;
use store::{Outcome, Store, Stored, Write};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

/// Refunds of each deposit, of which eleven fit into it.
const REFUNDS: u128 = 50;
const DEPOSIT: &str = "100";
const REFUND: &str = "9";
const FITTING: usize = 11;

/// How many captures are raced for; `make gate` asks for more.
fn raced() -> u128 {
    std::env::var("REFUND_RACES").map_or(10, |count| count.parse().expect("REFUND_RACES must be a number"))
}

on_every_store! {
    /// All fifty were decided on the same row, so that one of a batch wins, whatever the others believe.
    async fn fifty_refunds_of_one_capture_in_one_batch_never_hold_more_than_was_captured(store: &TestStore) {
        for race in 0..raced() {
            let deposit = captured(store, race).await;
            let mut waiting: BTreeSet<u128> = (1..=REFUNDS).collect();
            let mut held = 0;
            while let Some((numbers, writes)) = reservations(&*store.store, deposit, race, &waiting).await {
                let outcomes = store.commit(&writes).await;
                let winners: Vec<u128> =
                    numbers.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Won).map(|(n, _)| *n).collect();
                assert_eq!(winners.len(), 1, "{outcomes:?}");
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Won | Outcome::Lost)), "{outcomes:?}");
                held += winners.len();
                waiting.retain(|number| !winners.contains(number));
            }
            prove(store, deposit, held).await;
        }
        struck(56, raced());
    }

    /// Five tasks, each with its share of them, who load, decide and commit as they come.
    async fn refunds_of_one_capture_by_many_at_once_never_hold_more_than_was_captured(store: &TestStore) {
        for race in 0..raced() {
            let deposit = captured(store, race).await;
            let shares = (0..5).map(|share| {
                let store = Arc::clone(&store.store);
                tokio::spawn(async move {
                    let mut waiting: BTreeSet<u128> = (1..=REFUNDS).filter(|number| number % 5 == share).collect();
                    let mut held = 0;
                    while let Some((numbers, writes)) = reservations(&*store, deposit, race, &waiting).await {
                        let outcomes = store.commit(&writes).await.unwrap();
                        for (number, _) in numbers.iter().zip(outcomes).filter(|(_, outcome)| *outcome == Outcome::Won) {
                            waiting.remove(number);
                            held += 1;
                        }
                    }
                    held
                })
            });
            let held = futures::future::join_all(shares).await.into_iter().map(Result::unwrap).sum();
            prove(store, deposit, held).await;
        }
        struck(56, raced());
    }
}

/// A deposit that was paid and read by its id.
async fn captured(store: &TestStore, race: u128) -> PaymentId {
    let number = 1_000 * (race + 1);
    let deposit = Opening { requested: money(DEPOSIT, "EUR"), ..opening(number, &format!("deposit-{race}")) };
    let mut there = open(&*store.store, &birth_of(deposit)).await;
    let gateway = format!("gw{number}");
    let paid = accepted(&there.payment, &gateway, GatewayState::Completed, at(1));
    let read = Evidence {
        source: Source::Poll,
        begun_at: Some(at(2)),
        ..reported(&there.payment, &gateway, GatewayState::Completed, at(2))
    };
    for evidence in [paid, read] {
        assert_eq!(store.commit(&[write(&there, &evidence)]).await, [Outcome::Won]);
        there = store.load_id(id(number)).await;
    }
    id(number)
}

/// A batch with every refund that waits, as they are decided on the deposit's row of this moment; none if none waits, or
/// none may be had any more.
async fn reservations(
    store: &dyn Store,
    deposit: PaymentId,
    race: u128,
    waiting: &BTreeSet<u128>,
) -> Option<(Vec<u128>, Vec<Write>)> {
    let [there] = <[_; 1]>::try_from(store.load(&[store::Name::Id(deposit)]).await.unwrap()).unwrap();
    let there = there.unwrap();
    there.payment.may_refund(money(REFUND, "EUR")).ok()?;
    let numbers: Vec<u128> = waiting.iter().copied().collect();
    let writes = numbers.iter().map(|number| reservation(&there, race, *number)).collect();
    (!numbers.is_empty()).then_some((numbers, writes))
}

fn reservation(deposit: &Stored, race: u128, number: u128) -> Write {
    let refund = 1_000 * (race + 1) + number;
    let seen = Seen::RefundOpened { refund: id(refund), money: money(REFUND, "EUR"), by: None };
    let reserve = Evidence { source: Source::Request, at: at(3), begun_at: None, seen };
    let child = Opening {
        payment_type: PaymentType::Refund,
        requested: money(REFUND, "EUR"),
        parent: Some(deposit.payment.id()),
        ..opening(refund, &format!("refund-{race}-{number}"))
    };
    Write { birth: Some(birth_of(child)), ..moves(decided(deposit, &reserve)) }
}

/// As many as fit are there, each with its reservation, and what is left is what does not suffice for another one.
async fn prove(store: &TestStore, deposit: PaymentId, held: usize) {
    assert_eq!(held, FITTING);
    let there: Payment = store.load_id(deposit).await.payment;
    assert_eq!(there.refunds.all().len(), FITTING);
    assert_eq!(there.refundable(), Ok(money("1", "EUR")));
    let refunds: Vec<_> = there.refunds.all().iter().map(|refund| store::Name::Id(refund.id)).collect();
    let opened = store.store.load(&refunds).await.unwrap();
    assert!(opened.iter().all(Option::is_some));
}
