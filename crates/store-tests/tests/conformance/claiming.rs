//! Due work: shared among processes without electing anyone.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::PaymentId;
use store::{Birth, Claim, Opened, Outcome, Stored};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn what_is_due_is_claimed_the_most_overdue_first(store: &TestStore) {
        let due = |number, reference: &str, seconds| Birth { next_check_at: Some(at(seconds)), ..birth(number, reference) };
        let births = [
            due(5, "order-5", 30),
            due(4, "order-4", 10),
            due(3, "order-3", 20),
            due(2, "order-2", 20),
            due(1, "order-1", 31),
        ];
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let claim = |limit| Claim { now: at(30), owner: owner(1), until: at(90), limit };
        assert_eq!(ids(&store.store.claim_due(&claim(3)).await.unwrap()), [id(4), id(2), id(3)]);
        let rest = store.store.claim_due(&claim(9)).await.unwrap();
        assert_eq!(rest, [Stored { epoch: 1, leased_until: Some(at(90)), ..stored(&births[0]) }]);
        assert_eq!(store.load_id(id(5)).await, rest[0]);
        assert_eq!(store.store.claim_due(&claim(9)).await.unwrap(), []);
    }

    async fn who_holds_a_lease_is_passed_over_until_it_runs_out(store: &TestStore) {
        let sending = Birth { lease: Some((owner(1), at(60))), ..birth(1, "order-1") };
        assert_eq!(store.open(&[sending]).await, [Opened::New]);
        let claim = |seconds| Claim { now: at(seconds), owner: owner(1), until: at(seconds + 60), limit: 9 };
        assert_eq!(store.store.claim_due(&claim(59)).await.unwrap(), []);
        let epochs = async |seconds| {
            let claimed = store.store.claim_due(&claim(seconds)).await.unwrap();
            claimed.iter().map(|stored| (stored.epoch, stored.leased_until)).collect::<Vec<_>>()
        };
        assert_eq!(epochs(60).await, [(2, Some(at(120)))]);
        assert_eq!(epochs(119).await, []);
        assert_eq!(epochs(120).await, [(3, Some(at(180)))]);
    }

    async fn what_needs_no_check_is_never_due(store: &TestStore) {
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let mut ended = decided(&there, &found(sighting(&there.payment, "gw1", domain::GatewayState::Declined), at(1)));
        ended.progress.next_check_at = None;
        assert_eq!(store.commit(&[moves(ended)]).await, [Outcome::Won]);
        let claim = Claim { now: at(1_000_000), owner: owner(1), until: at(1_000_060), limit: 9 };
        assert_eq!(store.store.claim_due(&claim).await.unwrap(), []);
    }

    async fn workers_at_the_same_time_share_the_work(store: &TestStore) {
        let births: Vec<Birth> = (0..60).map(|n| birth(n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let workers = (0..6).map(|worker| {
            let store = Arc::clone(&store.store);
            tokio::spawn(async move {
                let claim = Claim { now: at(10), owner: owner(worker), until: at(70), limit: 4 };
                let mut mine = Vec::new();
                loop {
                    let claimed = ids(&store.claim_due(&claim).await.unwrap());
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed);
                }
            })
        });
        let mut claimed = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            claimed.extend(worker.await.unwrap());
        }
        let different: BTreeSet<_> = claimed.iter().collect();
        assert!(different.len() == claimed.len(), "nothing is claimed twice");
        // Who passes over what another one is just claiming may find nothing and stop; what is left is due still.
        let claim = Claim { now: at(10), owner: owner(9), until: at(70), limit: 60 };
        let rest = store.store.claim_due(&claim).await.unwrap().len();
        assert_eq!(claimed.len() + rest, 60);
    }

    async fn kept_requests_are_forgotten_by_age(store: &TestStore) {
        let kept = |number, seconds| {
            let (payment, entry) = domain::Payment::open(opening(number, &format!("order-{number}")), at(seconds));
            let next_check_at = Some(at(seconds));
            Birth { payment, entry, next_check_at, lease: None, kept_request: Some(vec![1]) }
        };
        let births = [kept(1, 10), kept(2, 20), kept(3, 30)];
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        assert_eq!(store.store.forget_kept_requests(at(20)).await.unwrap(), 1);
        assert_eq!(store.store.forget_kept_requests(at(20)).await.unwrap(), 0);
        assert_eq!(store.store.kept_request(id(1)).await.unwrap(), None);
        assert_eq!(store.store.kept_request(id(2)).await.unwrap(), Some(vec![1]));
        assert_eq!(store.store.forget_kept_requests(at(99)).await.unwrap(), 2);
    }
}

fn ids(claimed: &[Stored]) -> Vec<PaymentId> {
    claimed.iter().map(|stored| stored.payment.id()).collect()
}
