//! Requests that callers have given a name to: taken by one, answered once, and forgotten in the end.

use store::{Claimed, RequestClaim};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn a_name_is_taken_by_one_and_answered_once(store: &TestStore) {
        let requests = &store.database().unwrap().named_requests;
        let first = claim(1, 1, 10);
        assert_eq!(requests.claim_request(&first).await.unwrap(), Claimed::Ours);
        assert_eq!(requests.claim_request(&first).await.unwrap(), Claimed::Ours, "its answer was lost on the way");
        let second = claim(1, 2, 11);
        assert_eq!(requests.claim_request(&second).await.unwrap(), Claimed::InFlight);
        let other = RequestClaim { fingerprint: b"another request".to_vec(), ..claim(1, 3, 11) };
        assert_eq!(requests.claim_request(&other).await.unwrap(), Claimed::Differs);
        assert_eq!(requests.claim_request(&claim(2, 4, 11)).await.unwrap(), Claimed::Ours, "another name");

        assert!(!requests.keep_answer(&first.digest, second.attempt, b"not mine").await.unwrap());
        assert!(requests.keep_answer(&first.digest, first.attempt, b"done").await.unwrap());
        assert!(!requests.keep_answer(&first.digest, first.attempt, b"once more").await.unwrap());
        let answered = Claimed::Answered { attempt: first.attempt, answer: b"done".to_vec() };
        for later in [claim(1, 5, 12), claim(1, 6, 10_000)] {
            assert_eq!(requests.claim_request(&later).await.unwrap(), answered);
        }
        let other = RequestClaim { now: at(10_000), ..other };
        assert_eq!(requests.claim_request(&other).await.unwrap(), Claimed::Differs, "whatever was answered");
        requests.release_request(&first.digest, first.attempt).await.unwrap();
        assert_eq!(requests.claim_request(&claim(1, 7, 13)).await.unwrap(), answered, "what is answered stays");
    }

    async fn whoever_took_a_name_and_died_does_not_have_it_for_ever(store: &TestStore) {
        let requests = &store.database().unwrap().named_requests;
        let dead = claim(1, 1, 10);
        assert_eq!(requests.claim_request(&dead).await.unwrap(), Claimed::Ours);
        assert_eq!(requests.claim_request(&claim(1, 2, 69)).await.unwrap(), Claimed::InFlight);
        let other = RequestClaim { fingerprint: b"another request".to_vec(), ..claim(1, 3, 70) };
        assert_eq!(requests.claim_request(&other).await.unwrap(), Claimed::Differs);
        let heir = claim(1, 4, 70);
        assert_eq!(requests.claim_request(&heir).await.unwrap(), Claimed::Ours);
        assert_eq!(requests.claim_request(&claim(1, 5, 71)).await.unwrap(), Claimed::InFlight);
        // The dead one was only slow.
        assert!(!requests.keep_answer(&dead.digest, dead.attempt, b"late").await.unwrap());
        requests.release_request(&dead.digest, dead.attempt).await.unwrap();
        assert!(requests.keep_answer(&heir.digest, heir.attempt, b"done").await.unwrap());
    }

    async fn a_name_that_is_given_up_is_free_for_anything(store: &TestStore) {
        let requests = &store.database().unwrap().named_requests;
        let refused = claim(1, 1, 10);
        assert_eq!(requests.claim_request(&refused).await.unwrap(), Claimed::Ours);
        requests.release_request(&refused.digest, refused.attempt).await.unwrap();
        let repaired = RequestClaim { fingerprint: b"a repaired request".to_vec(), ..claim(1, 2, 11) };
        assert_eq!(requests.claim_request(&repaired).await.unwrap(), Claimed::Ours);
    }

    async fn names_are_forgotten_by_when_they_came_first(store: &TestStore) {
        let requests = &store.database().unwrap().named_requests;
        for (number, seconds) in [(1, 10), (2, 20), (3, 100)] {
            assert_eq!(requests.claim_request(&claim(number, number, seconds)).await.unwrap(), Claimed::Ours);
        }
        assert!(requests.keep_answer(&claim(2, 2, 20).digest, claim(2, 2, 20).attempt, b"done").await.unwrap());
        // Taken over, and as old as before.
        assert_eq!(requests.claim_request(&claim(1, 4, 99)).await.unwrap(), Claimed::Ours);
        assert_eq!(requests.forget_requests(at(10)).await.unwrap(), 0);
        assert_eq!(requests.forget_requests(at(100)).await.unwrap(), 2);
        assert_eq!(requests.claim_request(&claim(2, 5, 101)).await.unwrap(), Claimed::Ours);
        assert_eq!(requests.claim_request(&claim(3, 6, 101)).await.unwrap(), Claimed::InFlight);
    }

    async fn of_many_who_take_a_name_at_once_one_has_it(store: &TestStore) {
        let requests = &store.database().unwrap().named_requests;
        let claims: Vec<RequestClaim> = (1..=8).map(|attempt| claim(1, attempt, 10)).collect();
        let claimed = futures::future::join_all(claims.iter().map(|claim| requests.claim_request(claim))).await;
        let ours = claimed.iter().filter(|claimed| matches!(claimed, Ok(Claimed::Ours))).count();
        let waiting = claimed.iter().filter(|claimed| matches!(claimed, Ok(Claimed::InFlight))).count();
        assert_eq!((ours, waiting), (1, 7), "{claimed:?}");
    }
}

/// A claim for a minute.
pub(crate) fn claim(name: u128, attempt: u128, seconds: u64) -> RequestClaim {
    RequestClaim {
        digest: name.to_be_bytes().to_vec(),
        fingerprint: b"a request".to_vec(),
        attempt: Uuid::from_u128(attempt),
        now: at(seconds),
        until: at(seconds + 60),
    }
}
