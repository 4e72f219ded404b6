//! Orders of files: taken up in turn, fenced, kept; and what the books add up to.

use domain::{Actor, GatewayState};
use store::{Download, Export, ExportClaim, ExportState, ExportsPage, Outcome};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn exports_are_taken_up_in_turn_and_whoever_overslept_records_nothing(store: &TestStore) {
        let exports = store.exports();
        let first = export(1, 10);
        assert_eq!(exports.order_export(&first).await.unwrap(), first);
        let by_somebody = Export { ordered_by: Some(actor()), ..export(2, 20) };
        assert_eq!(exports.order_export(&by_somebody).await.unwrap(), by_somebody);
        let same_id = Export { report: "breaks".to_owned(), ..first.clone() };
        assert_eq!(exports.order_export(&same_id).await.unwrap(), first, "an order that is repeated is one order");

        assert_eq!(exports.claim_export(&claim(1, 9)).await.unwrap(), None, "nobody is due yet");
        let claimed = exports.claim_export(&claim(1, 50)).await.unwrap().unwrap();
        let taken = Export { state: ExportState::Running, begun_at: Some(at(50)), epoch: 1, ..first.clone() };
        assert_eq!(claimed, taken);
        let next = exports.claim_export(&claim(2, 60)).await.unwrap().unwrap();
        assert_eq!(next.id, by_somebody.id, "each has one of its own");
        assert_eq!(exports.claim_export(&claim(3, 60)).await.unwrap(), None);

        let further = Export {
            rows_done: 7,
            rows_expected: Some(9),
            snapshot: Some(r#"{"after": 1}"#.to_owned()),
            failure: Some("no space".to_owned()),
            failures: 1,
            ..claimed
        };
        assert!(exports.record_export(&further, Some(at(200))).await.unwrap());
        assert_eq!(exports.claim_export(&claim(3, 150)).await.unwrap().map(|one| one.id), Some(by_somebody.id), "its lease is over");
        assert_eq!(exports.claim_export(&claim(3, 199)).await.unwrap(), None, "and that one was renewed");
        let again = exports.claim_export(&claim(3, 200)).await.unwrap().unwrap();
        assert_eq!((again.epoch, again.rows_done, again.rows_expected, again.failures), (2, 7, Some(9), 1));
        assert_eq!(again.snapshot, further.snapshot);
        assert!(!exports.record_export(&further, None).await.unwrap(), "it is another one's by now");

        let manifest = Some(r#"{"rows": 9}"#.to_owned());
        let done = Export { state: ExportState::Completed, manifest, finished_at: Some(at(210)), ..again };
        assert!(exports.record_export(&done, None).await.unwrap());
        assert_eq!(exports.export(first.id).await.unwrap(), Some(done.clone()));
        assert_eq!(exports.exports_completed_before(at(210), 9).await.unwrap(), []);
        assert_eq!(exports.exports_completed_before(at(211), 9).await.unwrap(), std::slice::from_ref(&done));
        let expired = Export { state: ExportState::Expired, ..done };
        assert!(exports.record_export(&expired, None).await.unwrap());
        assert_eq!(exports.exports_completed_before(at(999), 9).await.unwrap(), []);
    }

    async fn exports_are_listed_to_those_who_may_see_all_of_their_shops(store: &TestStore) {
        let exports = store.exports();
        let of_both = Export { shops: [shop(), other_shop()].into(), ..export(2, 20) };
        for one in [&export(1, 10), &of_both, &export(3, 30)] {
            exports.order_export(one).await.unwrap();
        }
        let ids = async |page: ExportsPage| {
            exports.exports(&page).await.unwrap().iter().map(|one| one.id.as_u128()).collect::<Vec<_>>()
        };
        let all = ExportsPage { shops: [].into(), before: None, limit: 9 };
        assert_eq!(ids(all.clone()).await, [3, 2, 1]);
        assert_eq!(ids(ExportsPage { shops: [shop()].into(), ..all.clone() }).await, [3, 1]);
        assert_eq!(ids(ExportsPage { shops: [other_shop()].into(), ..all.clone() }).await, [0; 0]);
        assert_eq!(ids(ExportsPage { limit: 2, ..all.clone() }).await, [3, 2]);
        assert_eq!(ids(ExportsPage { before: Some((at(20), Uuid::from_u128(2))), ..all }).await, [1]);
        assert_eq!(exports.export(Uuid::from_u128(99)).await.unwrap(), None);

        let id = Uuid::from_u128(1);
        for seconds in [5, 7] {
            exports.record_download(id, &Download { by: actor(), at: at(seconds) }).await.unwrap();
        }
        let taken: Vec<_> = exports.downloads(id).await.unwrap().into_iter().map(|one| (one.by, one.at)).collect();
        assert_eq!(taken, [(actor(), at(7)), (actor(), at(5))]);
        assert_eq!(exports.downloads(Uuid::from_u128(2)).await.unwrap(), []);
    }

    async fn balances_are_the_sums_of_the_lines_up_to_a_place_and_what_is_open_is_apart(store: &TestStore) {
        let (books, exports) = (store.books(), store.exports());
        assert_eq!((exports.balances(9).await.unwrap(), exports.open_amounts().await.unwrap()), (vec![], vec![]));
        for number in 1..=4 {
            let opened = store.open(&[birth(number, &format!("order-{number}"))]).await;
            assert_eq!(opened, [store::Opened::New]);
            if number < 4 {
                let there = store.load_id(id(number)).await;
                let told = sighting(&there.payment, &format!("gw{number}"), GatewayState::Completed);
                assert_eq!(store.commit(&[write(&there, &found(told, at(5)))]).await, [Outcome::Won]);
            }
        }
        assert_eq!(books.post(at(10), 10).await.unwrap(), 3);
        let amount = store.load_id(id(1)).await.payment.settled.unwrap().amount();
        let sum = |lines: u32| (0..lines).fold(domain::Total::ZERO, |sum, _| sum.plus(amount).unwrap());
        for through in [1, 3] {
            let balances = exports.balances(through).await.unwrap();
            assert_eq!(balances.len(), 1, "{balances:?}");
            assert_eq!(balances[0].sum, sum(u32::try_from(through).unwrap()));
            assert_eq!((&balances[0].shop, balances[0].kind), (&shop(), domain::MovementKind::Deposit));
        }
        let open = exports.open_amounts().await.unwrap();
        assert_eq!((open.len(), open[0].payments, open[0].requested), (1, 1, sum(1)), "{open:?}");
    }
}

pub(crate) fn export(number: u128, seconds: u64) -> Export {
    Export {
        id: Uuid::from_u128(number),
        report: "transactions".to_owned(),
        format: "csv".to_owned(),
        shops: [shop()].into(),
        from: at(0),
        to: at(1_000),
        zone: "Europe/Berlin".to_owned(),
        ordered_by: None,
        ordered_at: at(seconds),
        state: ExportState::Waiting,
        failure: None,
        failures: 0,
        rows_done: 0,
        rows_expected: None,
        snapshot: None,
        manifest: None,
        begun_at: None,
        finished_at: None,
        next_at: at(seconds),
        epoch: 0,
    }
}

pub(crate) fn claim(process: u128, seconds: u64) -> ExportClaim {
    ExportClaim { now: at(seconds), owner: owner(process), until: at(seconds + 60) }
}

pub(crate) fn actor() -> Actor {
    Actor { key: Uuid::from_u128(77), name: "finance".to_owned() }
}
