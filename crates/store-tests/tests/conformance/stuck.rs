//! What needs a person, on the two databases.

use std::collections::BTreeSet;

use domain::{Care, Progress, Stuck, StuckReason};
use store::{Filed, Move, Notice, Outcome, SampleClaim, Stored, StuckItem, StuckPage, StuckTally, Write};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn whatever_was_first_to_need_a_person_is_listed_first_page_by_page(store: &TestStore) {
        let unknown = StuckReason::UnknownOutcome;
        for (number, reason, seconds) in [
            (1, StuckReason::Contradiction, 30),
            (2, unknown, 10),
            (3, unknown, 20),
            (4, unknown, 10),
            (5, unknown, 51),
            (6, StuckReason::Surplus, 40),
        ] {
            stick(store, number, reason, seconds).await;
        }
        // One that is not stuck, and will never be.
        open(store.store.as_ref(), &birth(7, "order-7")).await;
        unmatched(store, 8, 25).await;

        let all = page(50);
        assert_eq!(listed(store, &all).await, [2, 4, 3, 8, 1, 6]);
        let only = StuckPage { reasons: [unknown].into(), ..page(50) };
        assert_eq!(listed(store, &only).await, [2, 4, 3]);
        let notices = StuckPage { reasons: [StuckReason::UnmatchedWebhook].into(), ..page(50) };
        assert_eq!(listed(store, &notices).await, [8]);
        let elsewhere = StuckPage { shops: [other_shop()].into(), ..page(50) };
        assert_eq!(listed(store, &elsewhere).await, Vec::<u128>::new());
        let here = StuckPage { shops: [shop(), other_shop()].into(), ..page(50) };
        assert_eq!(listed(store, &here).await.len(), 6);

        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let items = store.reads().stuck(&StuckPage { after, limit: 2, ..page(50) }).await.unwrap();
            let Some(last) = items.last() else { break };
            after = last.place();
            walked.extend(items.iter().map(number));
        }
        assert_eq!(walked, [2, 4, 3, 8, 1, 6], "each once, whatever the size of a page");
    }

    async fn they_are_counted_by_reason_no_further_than_asked_for(store: &TestStore) {
        let nowhere = BTreeSet::new();
        assert_eq!(store.reads().stuck_tallies(&nowhere, at(50), 10).await.unwrap(), []);
        for number in 1..=5 {
            let seconds = 10 * u64::try_from(number).unwrap();
            stick(store, number, StuckReason::WaitingForCustomer, seconds).await;
        }
        unmatched(store, 6, 25).await;
        let tally = |reason, items, seconds| StuckTally { reason, items, oldest: at(seconds) };
        // Of what is waited for, the condition began ten seconds before a person is to know.
        let (waits, notice) = (StuckReason::WaitingForCustomer, StuckReason::UnmatchedWebhook);
        let told = async |shops: BTreeSet<_>, seconds, most| {
            store.reads().stuck_tallies(&shops, at(seconds), most).await.unwrap()
        };
        assert_eq!(told(nowhere.clone(), 50, 10).await, [tally(waits, 5, 0), tally(notice, 1, 25)]);
        assert_eq!(told(nowhere.clone(), 24, 10).await, [tally(waits, 2, 0)]);
        assert_eq!(told(nowhere, 50, 3).await, [tally(waits, 3, 0), tally(notice, 1, 25)]);
        assert_eq!(told([shop()].into(), 50, 10).await.len(), 2);
        assert_eq!(told([other_shop()].into(), 50, 10).await, []);
    }

    async fn what_is_put_off_is_listed_apart(store: &TestStore) {
        stick(store, 1, StuckReason::Contradiction, 10).await;
        let mut there = stick(store, 2, StuckReason::Contradiction, 90).await;
        there.payment.care = Care { snoozed_until: Some(at(90)), ..Care::default() };
        let noted = outcome_unknown("noted", at(40));
        let stuck = there.progress.stuck;
        let moved = decided(&there, &noted);
        let mut entry = moved.entry.clone().unwrap();
        entry.change.care = Some(there.payment.care.clone());
        let progress = Progress { stuck, ..moved.progress };
        assert_eq!(store.commit(&[moves(Move { entry: Some(entry), progress, ..moved })]).await, [Outcome::Won]);
        assert_eq!(listed(store, &page(50)).await, [1]);
        let snoozed = StuckPage { snoozed: true, ..page(50) };
        assert_eq!(listed(store, &snoozed).await, [2]);
        assert_eq!(listed(store, &StuckPage { shops: [other_shop()].into(), ..snoozed }).await, Vec::<u128>::new());
        assert_eq!(listed(store, &page(90)).await, [1, 2], "and it comes back by itself");
    }

    async fn one_process_counts_for_all(store: &TestStore) {
        let samples = store.database().unwrap().samples.clone();
        let claim = |now, fresh_since| SampleClaim { name: "open", fresh_since: at(fresh_since), now: at(now), until: at(now + 60) };
        assert_eq!(samples.sample("open").await.unwrap(), None);
        assert!(samples.claim_sample(&claim(100, 90)).await.unwrap());
        assert!(!samples.claim_sample(&claim(101, 91)).await.unwrap(), "somebody is on it");
        assert_eq!(samples.sample("open").await.unwrap(), None);
        samples.record_sample("open", at(102), "{\"a\":1}").await.unwrap();
        let (taken_at, sample) = samples.sample("open").await.unwrap().unwrap();
        assert_eq!((taken_at, sample.replace(' ', "").as_str()), (at(102), "{\"a\":1}"));
        assert!(!samples.claim_sample(&claim(110, 100)).await.unwrap(), "it is fresh enough");
        assert!(samples.claim_sample(&claim(113, 103)).await.unwrap());
        assert!(samples.claim_sample(&claim(173, 163)).await.unwrap(), "whoever was on it is gone");
        assert!(samples.sample("open").await.unwrap().is_some(), "and the one before is there meanwhile");
    }
}

fn page(seconds: u64) -> StuckPage {
    let (reasons, shops) = (BTreeSet::new(), BTreeSet::new());
    StuckPage { reasons, shops, now: at(seconds), snoozed: false, after: None, limit: 10 }
}

/// A payment of which a person is to know from then on, and which has been so for ten seconds.
async fn stick(store: &TestStore, number: u128, reason: StuckReason, seconds: u64) -> Stored {
    let there = open(store.store.as_ref(), &birth(number, &format!("order-{number}"))).await;
    let stuck = Some(Stuck { reason, since: at(seconds - 10), at: at(seconds) });
    let looked = decided(&there, &missing(at(1)));
    let progress = Progress { stuck, ..looked.progress };
    assert_eq!(store.commit(&[moves(Move { progress, ..looked })]).await, [Outcome::Won]);
    store.load_id(id(number)).await
}

/// A notice that nothing matched.
async fn unmatched(store: &TestStore, number: u128, seconds: u64) {
    let told = Notice { received_at: at(seconds), ..notice(number) };
    store.store.receive(std::slice::from_ref(&told)).await.unwrap();
    let filed = Filed { id: told.id, verdict: "unmatched".to_owned(), payment: None, at: at(seconds) };
    assert_eq!(store.commit(&[Write { notice: Some(filed), ..Write::default() }]).await, [Outcome::Won]);
}

async fn listed(store: &TestStore, page: &StuckPage) -> Vec<u128> {
    store.reads().stuck(page).await.unwrap().iter().map(number).collect()
}

fn number(item: &StuckItem) -> u128 {
    let id: Uuid = match item {
        StuckItem::Payment(stored) => stored.payment.id().uuid(),
        StuckItem::Notice(notice) => notice.record.id,
    };
    id.as_u128()
}
