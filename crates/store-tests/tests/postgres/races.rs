use std::sync::Arc;

use domain::Progress;
use store::{Birth, Claim, Lease, Move, Name, Opened, Outcome, Store, Stored, Write};
use tokio::task::JoinSet;

use crate::fixtures::*;
use crate::process::fresh;

const ROUNDS: u64 = 40;
const RACERS: u128 = 8;

/// No entry is written, so no version tells the racers apart: only the row beside the ledger changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_take_a_lease_under_one_epoch_one_wins() {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    open(&*one.store, &birth(1, "order-1")).await;
    for round in 0..ROUNDS {
        let there = load(&*one.store).await;
        assert_eq!(there.epoch, round);
        let racers = (0..RACERS).map(|racer| {
            let store = Arc::clone(if racer % 2 == 0 { &one.store } else { &other.store });
            let look = look_under_lease(&there, racer, round);
            async move { store.commit(&[look]).await.unwrap().remove(0) }
        });
        let outcomes = race(racers).await;
        let (won, lost) = (count(&outcomes, &Outcome::Won), count(&outcomes, &Outcome::Lost));
        assert_eq!((won, lost), (1, 7), "round {round}");
    }
}

/// A claim does not lock what a commit compares first, and a commit does not know of claims: they meet on one row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_and_a_commit_of_the_same_moment_follow_each_other() {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    open(&*one.store, &birth(1, "order-1")).await;
    let mut expected_epoch = 0;
    for round in 0..ROUNDS {
        let there = load(&*one.store).await;
        assert_eq!(there.epoch, expected_epoch);
        let look = look_under_lease(&there, 1, round);
        // Everything is due and every lease is over when the next round begins.
        let now = at(1000 + round * 10);
        let claim = Claim { now, owner: owner(2), until: now, limit: 10 };
        let committing = {
            let store = Arc::clone(&one.store);
            tokio::spawn(async move { store.commit(&[look]).await.unwrap() })
        };
        let claiming = {
            let store = Arc::clone(&other.store);
            tokio::spawn(async move { store.claim_due(&claim).await.unwrap() })
        };
        let outcome = committing.await.unwrap().remove(0);
        let claimed = claiming.await.unwrap();
        match (&outcome, claimed.first()) {
            // The claim came first, or the commit came first and the claim found its row locked or leased.
            (Outcome::Lost, Some(claimed)) => assert_eq!(claimed.epoch, there.epoch + 1),
            (Outcome::Won, None) => {}
            // The commit came first, and its lease was over for the claim.
            (Outcome::Won, Some(claimed)) => assert_eq!(claimed.epoch, there.epoch + 2),
            race => panic!("round {round}: {race:?}"),
        }
        expected_epoch += u64::from(outcome == Outcome::Won) + claimed.len() as u64;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_open_one_reference_one_is_new_and_all_see_the_same() {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    for round in 0..ROUNDS {
        let racers = (0..RACERS).map(|racer| {
            let store = Arc::clone(if racer % 2 == 0 { &one.store } else { &other.store });
            let birth = birth(u128::from(round) * RACERS + racer, &format!("order-{round}"));
            async move { (birth.payment.id(), store.open(&[birth]).await.unwrap().remove(0)) }
        });
        let opened = race(racers).await;
        let new: Vec<_> = opened.iter().filter(|(_, opened)| *opened == Opened::New).map(|(id, _)| *id).collect();
        let [born] = new.as_slice() else { panic!("round {round}: {new:?} are new") };
        for (_, opened) in &opened {
            if let Opened::Existing(there) = opened {
                assert_eq!(there.payment.id(), *born);
            }
        }
    }
}

/// After a lost answer the same birth is sent again, perhaps while the first statement is still running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_open_the_very_same_birth_one_is_new_and_the_others_see_their_own_row() {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    for round in 0..ROUNDS {
        let birth = birth(round.into(), &format!("order-{round}"));
        let racers = (0..RACERS).map(|racer| {
            let store = Arc::clone(if racer % 2 == 0 { &one.store } else { &other.store });
            let birth = birth.clone();
            async move { store.open(&[birth]).await.unwrap().remove(0) }
        });
        let opened = race(racers).await;
        let own = Opened::Existing(Box::new(stored(&birth)));
        let (new, seen) = (count(&opened, &Opened::New), count(&opened, &own));
        assert_eq!((new, seen), (1, 7), "round {round}: {opened:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_claim_one_gateway_id_one_gets_it_and_the_others_are_told_who() {
    let fresh = fresh().await;
    let (one, other) = (fresh.process().await, fresh.process().await);
    for round in 0..ROUNDS {
        let births: Vec<Birth> = (0..RACERS)
            .map(|racer| u128::from(round) * RACERS + racer)
            .map(|number| birth(number, &format!("order-{number}")))
            .collect();
        one.store.open(&births).await.unwrap();
        let racers = births.iter().enumerate().map(|(racer, birth)| {
            let store = Arc::clone(if racer % 2 == 0 { &one.store } else { &other.store });
            let there = stored(birth);
            let adopting =
                write(&there, &accepted(&there.payment, &format!("g{round}"), domain::GatewayState::Checkout, at(1)));
            async move { (there.payment.id(), store.commit(&[adopting]).await.unwrap().remove(0)) }
        });
        let outcomes = race(racers).await;
        let winners: Vec<_> =
            outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Won).map(|(id, _)| *id).collect();
        let [holder] = winners.as_slice() else { panic!("round {round}: {winners:?} won") };
        let told = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Claimed(*holder)).count();
        assert_eq!(told, 7, "round {round}: {outcomes:?}");
    }
    assert_eq!(one.reads.violations().await.unwrap(), []);
}

/// Runs all at once.
async fn race<F: Future<Output: Send + 'static> + Send + 'static>(racers: impl Iterator<Item = F>) -> Vec<F::Output> {
    JoinSet::from_iter(racers).join_all().await
}

fn count<T: PartialEq>(all: &[T], wanted: &T) -> usize {
    all.iter().filter(|one| *one == wanted).count()
}

/// A look that brought no news, made under the lease that was read, and prolonging it.
fn look_under_lease(there: &Stored, racer: u128, round: u64) -> Write {
    moves(Move {
        payment: there.payment.clone(),
        expected_version: there.payment.version,
        expected_epoch: Some(there.epoch),
        entry: None,
        movements: Vec::new(),
        claim: None,
        progress: Progress { checks: there.progress.checks + 1, next_check_at: Some(at(2)), ..there.progress },
        lease: Lease::Take(owner(racer), at(1000 + round * 10)),
    })
}

async fn load(store: &dyn Store) -> Stored {
    store.load(&[Name::Id(id(1))]).await.unwrap().remove(0).unwrap()
}
