//! Processes that serve on one database.

use store::Replica;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn processes_are_remembered_until_they_are_silent_for_too_long(store: &TestStore) {
        let replicas = &store.database().unwrap().replicas;
        assert_eq!(replicas.replicas().await.unwrap(), []);
        replicas.serve_as(&replica(2, 10), at(0)).await.unwrap();
        replicas.serve_as(&replica(1, 5), at(0)).await.unwrap();
        assert_eq!(replicas.replicas().await.unwrap(), [replica(1, 5), replica(2, 10)]);

        let again = Replica { seen_at: at(30), ..replica(2, 10) };
        replicas.serve_as(&again, at(5)).await.unwrap();
        assert_eq!(replicas.replicas().await.unwrap(), [replica(1, 5), again.clone()]);
        replicas.serve_as(&again, at(6)).await.unwrap();
        assert_eq!(replicas.replicas().await.unwrap(), [again]);
    }
}

/// A process that began at `seconds` and has just said so.
pub(crate) fn replica(number: u128, seconds: u64) -> Replica {
    Replica { id: owner(number), version: "1.2.3".to_owned(), started_at: at(seconds), seen_at: at(seconds) }
}
