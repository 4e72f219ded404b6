//! Lists: pages that stand still while new payments arrive, and every filter.

use std::collections::BTreeSet;

use domain::{Flag, GatewayState, Payment, PaymentState, PaymentType};
use store::{Birth, Filter, Opened, Outcome, Page, Position};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn pages_stand_still_while_new_payments_arrive(store: &TestStore) {
        // Two were made at each moment, so that the id decides between them.
        let births: Vec<Birth> = (0..10).map(|n| made_at(n, u64::try_from(n / 2).unwrap())).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = Page { filter: Filter::default(), before, limit: 3 };
            let items = store.reads().list(&page).await.unwrap();
            let Some(last) = items.last().map(|stored| stored.payment.clone()) else { break };
            before = Some(Position { created_at: last.created_at, id: last.id() });
            seen.extend(items.iter().map(|stored| stored.payment.id().uuid().as_u128()));
            let newcomer = made_at(100 + seen.len() as u128, 50);
            assert_eq!(store.open(&[newcomer]).await, [Opened::New]);
        }
        assert_eq!(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        let first = Page { filter: Filter::default(), before: None, limit: 2 };
        let newest = store.reads().list(&first).await.unwrap();
        assert_eq!(newest.iter().map(|stored| stored.payment.id()).collect::<Vec<_>>(), [id(110), id(109)]);
        assert_eq!(newest[0], store.load_id(id(110)).await);
    }

    async fn each_filter_lets_through_what_fits(store: &TestStore) {
        Box::pin(furnish(store)).await;
        let any = Filter::default;
        let list = async |filter: Filter| ids(store, filter).await;
        assert_eq!(list(any()).await, [5, 4, 3, 2, 1]);

        assert_eq!(list(Filter { reference_id: Some(reference("order-1")), ..any() }).await, [2, 1]);
        assert_eq!(list(Filter { reference_id: Some(reference("order")), ..any() }).await, []);
        assert_eq!(list(Filter { gateway_payment_id: Some(gateway_id("gw3")), ..any() }).await, [3]);
        assert_eq!(list(Filter { gateway_payment_id: Some(gateway_id("gw3b")), ..any() }).await, [3]);

        let states = |states: &[PaymentState]| Filter { states: states.iter().copied().collect(), ..Filter::default() };
        assert_eq!(list(states(&[PaymentState::Checkout])).await, [3]);
        assert_eq!(list(states(&[PaymentState::Checkout, PaymentState::Completed])).await, [4, 3]);
        assert_eq!(list(states(&[PaymentState::Submitted])).await, [5, 2, 1]);
        assert_eq!(list(states(&[PaymentState::Rejected])).await, []);

        assert_eq!(list(Filter { payment_type: Some(PaymentType::Withdrawal), ..any() }).await, [5]);
        assert_eq!(list(Filter { payment_method: Some("PIX".to_owned()), ..any() }).await, [5]);
        assert_eq!(list(Filter { currency: Some("USDT".to_owned()), ..any() }).await, [5]);

        let shops = |shops: &[domain::ShopName]| Filter { shops: shops.iter().cloned().collect(), ..Filter::default() };
        assert_eq!(list(shops(&[other_shop()])).await, [2]);
        assert_eq!(list(shops(&[other_shop(), shop()])).await, [5, 4, 3, 2, 1]);

        // From is inclusive, to is exclusive.
        assert_eq!(list(Filter { created_from: Some(at(2)), created_to: Some(at(4)), ..any() }).await, [3, 2]);
        assert_eq!(list(Filter { updated_from: Some(at(103)), ..any() }).await, [4, 3]);
        assert_eq!(list(Filter { updated_from: Some(at(103)), updated_to: Some(at(104)), ..any() }).await, [3]);

        assert_eq!(list(Filter { flag: Some(Flag::Surplus), ..any() }).await, [3]);
        assert_eq!(list(Filter { flag: Some(Flag::AmountDiffers), ..any() }).await, [4]);
        assert_eq!(list(Filter { flag: Some(Flag::Contradiction), ..any() }).await, []);
        assert_eq!(list(Filter { parent: Some(id(1)), ..any() }).await, [5]);

        let metadata = |pairs: &[(&str, &str)]| Filter {
            metadata: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Filter::default()
        };
        assert_eq!(list(metadata(&[("basket", "7")])).await, [5, 3]);
        assert_eq!(list(metadata(&[("basket", "7"), (r#"o"dd.$[k] 🙂\"#, r#"v"al\u0000"#)])).await, [5]);
        assert_eq!(list(metadata(&[("basket", "8")])).await, []);
        assert_eq!(list(metadata(&[("bas", "7")])).await, []);
        assert_eq!(list(metadata(&[("a\u{0}", "b\u{0}")])).await, []);
    }

    async fn filters_are_combined_with_each_other_and_with_the_page(store: &TestStore) {
        Box::pin(furnish(store)).await;
        let filter = Filter {
            states: BTreeSet::from([PaymentState::Submitted]),
            shops: BTreeSet::from([shop()]),
            created_from: Some(at(1)),
            ..Filter::default()
        };
        assert_eq!(ids(store, filter.clone()).await, [5, 1]);
        let before = Some(Position { created_at: at(5), id: id(5) });
        let rest = store.reads().list(&Page { filter, before, limit: 9 }).await.unwrap();
        assert_eq!(rest.iter().map(|stored| stored.payment.id()).collect::<Vec<_>>(), [id(1)]);
    }
}

/// Five payments, made one second after the other, each with something of its own.
async fn furnish(store: &TestStore) {
    let born = |number: u128, change: &dyn Fn(&mut domain::Opening)| {
        let mut opening = opening(number, &format!("order-{number}"));
        change(&mut opening);
        let (payment, entry) = Payment::open(opening, at(u64::try_from(number).unwrap()));
        Birth { payment, entry, next_check_at: Some(at(9)), lease: None, kept_request: None }
    };
    let pair = |key: &str, value: &str| (key.parse().unwrap(), value.parse().unwrap());
    let births = [
        born(1, &|_| {}),
        born(2, &|opening| {
            opening.shop = other_shop();
            opening.reference_id = reference("order-1");
        }),
        born(3, &|opening| opening.metadata = [pair("basket", "7")].into()),
        born(4, &|_| {}),
        born(5, &|opening| {
            opening.payment_type = PaymentType::Withdrawal;
            opening.requested = money("12.5", "USDT");
            opening.payment_method = Some("PIX".parse().unwrap());
            opening.parent = Some(id(1));
            opening.metadata = [pair("basket", "7"), pair(r#"o"dd.$[k] 🙂\"#, r#"v"al\u0000"#)].into();
        }),
    ];
    assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));

    let three = store.load_id(id(3)).await;
    let adopting = write(&three, &accepted(&three.payment, "gw3", GatewayState::Checkout, at(102)));
    assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
    let three = store.load_id(id(3)).await;
    let four = store.load_id(id(4)).await;
    let mut less = sighting(&four.payment, "gw4", GatewayState::Completed);
    less.money = Some(money("99.99", "EUR"));
    let batch = [
        write(&three, &reported(&three.payment, "gw3b", GatewayState::Checkout, at(103))),
        write(&four, &found(less, at(104))),
    ];
    assert_eq!(store.commit(&batch).await, [Outcome::Won, Outcome::Won]);
}

async fn ids(store: &TestStore, filter: Filter) -> Vec<u128> {
    let items = store.reads().list(&Page { filter, before: None, limit: 9 }).await.unwrap();
    items.iter().map(|stored| stored.payment.id().uuid().as_u128()).collect()
}

fn made_at(number: u128, seconds: u64) -> Birth {
    let (payment, entry) = Payment::open(opening(number, &format!("order-{number}")), at(seconds));
    Birth { payment, entry, next_check_at: Some(at(9)), lease: None, kept_request: None }
}
