//! What is read and never written, on the two databases.

use domain::{GatewayState, PaymentState, PaymentType, Time};
use store::{Audited, Birth, Filed, Notice, NoticeRecord, OpenCount, Opened, Outcome, Write};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn a_ledger_is_read_in_pages(store: &TestStore) {
        let mut there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        open(store.store.as_ref(), &birth(2, "order-2")).await;
        for (seconds, state) in (1..).zip([GatewayState::Checkout, GatewayState::Pending, GatewayState::Completed]) {
            let seen = found(sighting(&there.payment, "gw1", state), at(seconds));
            assert_eq!(store.commit(&[write(&there, &seen)]).await, [Outcome::Won]);
            there = store.load_id(id(1)).await;
        }
        let reads = store.reads();
        let all = reads.ledger(id(1), 0, 100).await.unwrap();
        assert_eq!(all.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(reads.ledger(id(1), 0, 3).await.unwrap(), all[..3]);
        assert_eq!(reads.ledger(id(1), 3, 3).await.unwrap(), all[3..]);
        assert_eq!(reads.ledger(id(1), 4, 3).await.unwrap(), []);
        assert_eq!(reads.ledger(id(9), 0, 3).await.unwrap(), []);
    }

    async fn everything_is_audited_in_the_order_of_the_ids(store: &TestStore) {
        let births: Vec<Birth> = [5, 1, 3, 4, 2].iter().map(|n| birth(*n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let there = store.load_id(id(2)).await;
        assert_eq!(store.commit(&[write(&there, &outcome_unknown("x", at(1)))]).await, [Outcome::Won]);
        let page = async |after: Option<u128>, limit| {
            let page = store.reads().audit(after.map(id), limit).await.unwrap();
            let row = |audited: &Audited| (audited.stored.payment.id().uuid().as_u128(), audited.ledger.len());
            page.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 2).await, [(1, 1), (2, 2)]);
        assert_eq!(page(Some(2), 2).await, [(3, 1), (4, 1)]);
        assert_eq!(page(Some(4), 9).await, [(5, 1)]);
        assert_eq!(page(Some(5), 9).await, []);
    }

    async fn a_payment_is_found_in_any_shop_by_any_of_its_names(store: &TestStore) {
        let one = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let mut elsewhere = opening(2, "order-1");
        elsewhere.shop = other_shop();
        let two = open(store.store.as_ref(), &birth_of(elsewhere)).await;
        open(store.store.as_ref(), &birth(3, "order-3")).await;
        for there in [&one, &two] {
            let adopting = write(there, &accepted(&there.payment, "gw1", GatewayState::Checkout, at(1)));
            assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
        }
        let find = async |text: &str| {
            let mut found: Vec<u128> = store
                .reads()
                .find(text)
                .await
                .unwrap()
                .iter()
                .map(|stored| stored.payment.id().uuid().as_u128())
                .collect();
            found.sort_unstable();
            found
        };
        assert_eq!(find("order-1").await, [1, 2]);
        assert_eq!(find("gw1").await, [1, 2]);
        assert_eq!(find(&id(3).to_string()).await, [3]);
        assert_eq!(find(&id(3).to_string().to_uppercase()).await, [3]);
        assert_eq!(find("order-").await, []);
        for odd in ["", "'; drop table payments", "a\u{0}b", "%", "🙂"] {
            assert_eq!(find(odd).await, [], "{odd:?}");
        }
    }

    async fn a_text_that_names_many_payments_brings_twenty(store: &TestStore) {
        for number in 0..25 {
            let mut opening = opening(number, "order-1");
            opening.shop = format!("shop-{number}").parse().unwrap();
            open(store.store.as_ref(), &birth_of(opening)).await;
        }
        assert_eq!(store.reads().find("order-1").await.unwrap().len(), 20);
    }

    async fn notices_are_shown_with_the_payment_that_they_were_filed_under(store: &TestStore) {
        open(store.store.as_ref(), &birth(1, "order-1")).await;
        let later = Notice { received_at: at(30), gateway_payment_id: Some(gateway_id("gw1")), ..notice(1) };
        store.store.receive(&[later, notice(2), notice(2), notice(3)]).await.unwrap();
        let file = |number, payment: Option<u128>| Write {
            notice: Some(Filed {
                id: Uuid::from_u128(number),
                verdict: "stale".to_owned(),
                payment: payment.map(id),
                at: at(40),
            }),
            ..Write::default()
        };
        assert_eq!(store.commit(&[file(1, Some(1)), file(2, Some(1)), file(3, None)]).await, vec![Outcome::Won; 3]);
        let record = |number, seconds, deliveries, gateway: Option<&str>| NoticeRecord {
            id: Uuid::from_u128(number),
            shop: shop(),
            received_at: at(seconds),
            deliveries,
            gateway_payment_id: gateway.map(str::to_owned),
            state: Some("COMPLETED".to_owned()),
            verdict: Some("stale".to_owned()),
        };
        assert_eq!(store.reads().notices(id(1)).await.unwrap(), [record(2, 10, 2, None), record(1, 30, 1, Some("gw1"))]);
        assert_eq!(store.reads().notices(id(2)).await.unwrap(), []);
    }

    async fn payments_are_counted_by_state(store: &TestStore) {
        let samples = || store.database().unwrap().samples.clone();
        assert_eq!(samples().counts().await.unwrap(), []);
        assert_eq!(samples().open_counts().await.unwrap(), []);
        let births: Vec<Birth> = (1..=3).map(|n| birth(n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let there = store.load_id(id(2)).await;
        let ended = write(&there, &found(sighting(&there.payment, "gw1", GatewayState::Declined), at(1)));
        assert_eq!(store.commit(&[ended]).await, [Outcome::Won]);
        let mut counts = samples().counts().await.unwrap();
        counts.sort_unstable_by_key(|(state, ..)| *state);
        let deposits = |state, count| (state, PaymentType::Deposit, count);
        assert_eq!(counts, [deposits(PaymentState::Submitted, 2), deposits(PaymentState::Declined, 1)]);
        let open = OpenCount { state: PaymentState::Submitted, payments: 2, oldest: at(0) };
        assert_eq!(samples().open_counts().await.unwrap(), [open]);
    }

    async fn the_database_says_how_it_is(store: &TestStore) {
        let health = store.reads().health().await.unwrap();
        assert!(health.migrated);
        let now = health.now;
        assert!(now > Time::from_unix_micros(1_760_000_000_000_000).unwrap(), "{now}");
        assert!(store.reads().health().await.unwrap().now >= now);

        store.execute("update _sqlx_migrations set version = version + 100 where version = 1").await;
        assert!(!store.reads().health().await.unwrap().migrated);
        store.execute("update _sqlx_migrations set version = 1 where version = 101").await;
        assert!(store.reads().health().await.unwrap().migrated);
    }
}
