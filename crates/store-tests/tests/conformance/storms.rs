//! Many at once: nobody is refused, nothing is lost, nothing happens twice.

use std::sync::Arc;

use domain::PaymentId;
use store::{Birth, Claim, Name, Opened, Outcome, Store, Stored, Write};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

const TASKS: u64 = 8;
const BATCHES: u64 = 12;
const HOT_PAYMENTS: u64 = 60;
const UPDATES_PER_BATCH: u64 = 44;
const INSERTS_PER_BATCH: u64 = 10;

on_every_store! {
    /// Each task moves most of the same payments in an order of its own, opens references that others open too, gives
    /// birth beside moves, and claims what is due. 0 errors; and afterwards every version is the number of its entries.
    async fn contended_batches_all_succeed_and_every_version_counts_its_entries(store: &TestStore) {
        let births: Vec<Birth> = (0..HOT_PAYMENTS).map(|n| birth(n.into(), &format!("hot-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let tasks: Vec<_> =
            (0..TASKS).map(|task| tokio::spawn(storm(Arc::clone(&store.store), task))).collect();
        let mut won = 0;
        let mut born = 0;
        for task in tasks {
            let (wins, births) = task.await.unwrap();
            won += wins;
            born += births;
        }
        let all = store.all().await;
        let entries: u64 = all.iter().map(|audited| audited.ledger.len() as u64).sum();
        assert_eq!(all.len() as u64, HOT_PAYMENTS + born);
        assert_eq!(entries, HOT_PAYMENTS + born + won);
        assert!(won >= BATCHES * UPDATES_PER_BATCH, "{won} changes won");
    }
}

/// How many changes won, and how many payments were born.
async fn storm(store: Arc<dyn Store>, task: u64) -> (u64, u64) {
    let (mut won, mut born) = (0, 0);
    for batch in 0..BATCHES {
        let seed = task * BATCHES + batch;
        let hot = shuffled(HOT_PAYMENTS, UPDATES_PER_BATCH, seed);
        let names: Vec<Name> = hot.iter().map(|n| Name::Id(id((*n).into()))).collect();
        let there = store.load(&names).await.unwrap();
        let units: Vec<Write> =
            there.into_iter().flatten().enumerate().map(|(n, there)| unit(&there, seed, n)).collect();
        let outcomes = store.commit(&units).await.unwrap();
        for (unit, outcome) in units.iter().zip(outcomes) {
            assert!(!matches!(outcome, Outcome::Poison(_)), "{outcome:?}");
            if outcome == Outcome::Won {
                won += u64::from(unit.moves.as_ref().is_some_and(|moved| moved.entry.is_some()));
                born += u64::from(unit.birth.is_some());
            }
        }
        let contested: Vec<Birth> = shuffled(40, INSERTS_PER_BATCH, seed)
            .into_iter()
            .map(|n| birth(attempt(seed, 1000 + n), &format!("contested-{batch}-{n}")))
            .collect();
        let opened = store.open(&contested).await.unwrap();
        born += opened.iter().filter(|opened| **opened == Opened::New).count() as u64;
        assert!(!opened.iter().any(|opened| matches!(opened, Opened::Poison(_))));
        let now = at(100 + seed);
        let claim = Claim { now, owner: owner(task.into()), until: at(101 + seed), limit: 20 };
        store.claim_due(&claim).await.unwrap();
    }
    (won, born)
}

/// News; every seventh one has a child whose reference is contested.
fn unit(there: &Stored, seed: u64, n: usize) -> Write {
    let unit = write(there, &news(there));
    let claims = unit.moves.as_ref().is_some_and(|moved| moved.claim.is_some());
    if n.is_multiple_of(7) && !claims {
        let child = birth(attempt(seed, n as u64), &format!("child-{}-{}", there.payment.id(), there.payment.version));
        return Write { birth: Some(child), ..unit };
    }
    unit
}

/// An id that no other batch makes.
fn attempt(seed: u64, n: u64) -> u128 {
    PaymentId::from(uuid::Uuid::from_u128(u128::from(seed + 1) << 32 | u128::from(n))).uuid().as_u128()
}

/// Some of the numbers below `of`, in an order that follows from `seed`.
fn shuffled(of: u64, count: u64, seed: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..of).collect();
    numbers.sort_unstable_by_key(|n| mixed(seed << 32 | n));
    numbers.truncate(usize::try_from(count).unwrap());
    numbers
}

/// The last steps of `SplitMix64`: enough disorder for a test.
fn mixed(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
