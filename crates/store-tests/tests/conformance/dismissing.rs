//! Notices that nothing will ever match, on the two databases.

use std::collections::BTreeSet;

use domain::{Actor, Via};
use store::{Filed, InboxPage, Notice, NoticeDeed, NoticeDeedKind, Outcome, StuckItem, StuckPage, Write};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn what_is_dismissed_is_stuck_no_more_until_it_is_restored(store: &TestStore) {
        for number in [1, 2] {
            unmatched(store, number).await;
        }
        let inbox = store.database().unwrap().inbox.clone();
        let dismissed = deed(1, NoticeDeedKind::Dismissed, 20);
        assert!(inbox.do_with_notice(&dismissed).await.unwrap());
        assert_eq!(stuck(store).await, [2]);
        let counted = store.reads().stuck_tallies(&BTreeSet::new(), at(50), 10).await.unwrap();
        assert_eq!(counted.iter().map(|tally| tally.items).collect::<Vec<_>>(), [1]);
        let listed = |dismissed| InboxPage { dismissed, limit: 10, ..InboxPage::default() };
        let [one, two] = <[_; 2]>::try_from(inbox.list_notices(&listed(None)).await.unwrap()).unwrap();
        assert_eq!((one.dismissal, two.record.id), (None, Uuid::from_u128(1)));
        let shown = two.dismissal.unwrap();
        assert_eq!((shown.at, shown.by, shown.reason), (at(20), dismissed.by.clone(), dismissed.reason.clone()));
        assert_eq!(inbox.list_notices(&listed(Some(true))).await.unwrap().len(), 1);
        assert_eq!(inbox.list_notices(&listed(Some(false))).await.unwrap()[0].record.id, Uuid::from_u128(2));

        let restored = deed(1, NoticeDeedKind::Restored, 30);
        assert!(inbox.do_with_notice(&restored).await.unwrap());
        assert_eq!(stuck(store).await, [1, 2]);
        assert_eq!(inbox.notice_deeds(Uuid::from_u128(1)).await.unwrap(), [dismissed, restored]);
        assert_eq!(inbox.notice_deeds(Uuid::from_u128(2)).await.unwrap(), []);
    }

    async fn only_what_nothing_matched_is_dismissed_and_only_once(store: &TestStore) {
        unmatched(store, 1).await;
        store.store.receive(&[notice(2)]).await.unwrap();
        let inbox = store.database().unwrap().inbox.clone();
        for (number, kind, is_done) in [
            (2, NoticeDeedKind::Dismissed, false),
            (1, NoticeDeedKind::Restored, false),
            (1, NoticeDeedKind::Dismissed, true),
            (1, NoticeDeedKind::Dismissed, false),
            (3, NoticeDeedKind::Dismissed, false),
        ] {
            assert_eq!(inbox.do_with_notice(&deed(number, kind, 20)).await.unwrap(), is_done, "{number} {kind}");
        }
        assert_eq!(inbox.notice_deeds(Uuid::from_u128(1)).await.unwrap().len(), 1);
        assert_eq!(inbox.notice_deeds(Uuid::from_u128(2)).await.unwrap(), []);
    }
}

/// What somebody did with a notice.
pub(crate) fn deed(number: u128, kind: NoticeDeedKind, seconds: u64) -> NoticeDeed {
    let by = Actor { key: Uuid::from_u128(7), name: "night shift".to_owned() };
    let reason = "theirs, not ours".to_owned();
    NoticeDeed { notice: Uuid::from_u128(number), kind, at: at(seconds), by, via: Via::Console, reason }
}

async fn unmatched(store: &TestStore, number: u128) {
    let told = Notice { received_at: at(10), ..notice(number) };
    store.store.receive(std::slice::from_ref(&told)).await.unwrap();
    let filed = Filed { id: told.id, verdict: "unmatched".to_owned(), payment: None, at: at(15) };
    assert_eq!(store.commit(&[Write { notice: Some(filed), ..Write::default() }]).await, [Outcome::Won]);
}

async fn stuck(store: &TestStore) -> Vec<u128> {
    let (reasons, shops) = (BTreeSet::new(), BTreeSet::new());
    let page = StuckPage { reasons, shops, now: at(50), snoozed: false, after: None, limit: 10 };
    let number = |item: &StuckItem| match item {
        StuckItem::Payment(stored) => stored.payment.id().uuid().as_u128(),
        StuckItem::Notice(notice) => notice.record.id.as_u128(),
    };
    store.reads().stuck(&page).await.unwrap().iter().map(number).collect()
}
