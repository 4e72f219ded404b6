//! Whoever asked may go away at any moment: the next one finds a store that works, and nothing half done.

use std::collections::BTreeSet;

use store::{Birth, Name, Opened, Outcome, Stored, Write};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

const ROUNDS: u64 = 60;

on_both_databases! {
    async fn a_commit_that_nobody_waits_for_happens_or_does_not(store: &TestStore) {
        let births: Vec<Birth> = (0..8).map(|n| birth(n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let names: Vec<Name> = (0..8).map(|n| Name::Id(id(n))).collect();
        let mut abandoned = 0;
        for round in 0..ROUNDS {
            let there: Vec<Stored> = store.store.load(&names).await.unwrap().into_iter().flatten().collect();
            let units: Vec<Write> = there.iter().map(|there| write(there, &news(there))).collect();
            abandoned += u64::from(waits_for(round * round, store.store.commit(&units)).await.is_none());

            // The next writer is not in the way of what was left behind, nor inside of it.
            let number = 1000 + u128::from(round);
            assert_eq!(store.open(&[birth(number, &format!("after-{round}"))]).await, [Opened::New]);
            let after: BTreeSet<u64> =
                store.store.load(&names).await.unwrap().iter().flatten().map(|there| there.payment.version).collect();
            assert_eq!(after.len(), 1, "all of the batch happened, or nothing of it");
        }
        assert!(abandoned > 5, "{abandoned} of {ROUNDS} were abandoned");
        // What was acknowledged after all of this is durable, as another process sees.
        let another = store.another_process().await;
        let last = another.store.load(&[Name::Id(id(1000 + u128::from(ROUNDS) - 1))]).await.unwrap();
        assert!(last[0].is_some());
        another.close().await;
        let there = store.load_id(id(0)).await;
        assert_eq!(store.commit(&[write(&there, &news(&there))]).await, [Outcome::Won]);
    }

    async fn an_opening_that_nobody_waits_for_happens_whole(store: &TestStore) {
        for round in 0..ROUNDS {
            let number = u128::from(round) * 10;
            let births: Vec<Birth> = (number..number + 5).map(|n| birth(n, &format!("order-{n}"))).collect();
            waits_for(round * round, store.store.open(&births)).await;
            assert_eq!(store.open(&[birth(number + 9, &format!("after-{round}"))]).await, [Opened::New]);
            let names: Vec<Name> = births.iter().map(|birth| Name::Id(birth.payment.id())).collect();
            let there = store.store.load(&names).await.unwrap().into_iter().flatten().count();
            assert!(there == 0 || there == births.len(), "{there} of {}", births.len());
        }
    }
}

/// What somebody gets who waits for `turns` turns of the scheduler, and then goes away. No clock is fine enough.
async fn waits_for<T>(turns: u64, future: impl Future<Output = T>) -> Option<T> {
    let impatience = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = future => Some(answer),
        () = impatience => None,
    }
}
