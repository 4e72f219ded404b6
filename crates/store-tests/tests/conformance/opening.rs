//! Births: one durable row each, before anything leaves for the gateway.

use std::collections::BTreeMap;

use domain::{GatewayState, Progress};
use store::{Birth, Name, Opened, Outcome, Stored};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn a_payment_is_found_by_each_of_its_three_names(store: &TestStore) {
        let opened = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let adopting = decided(&opened, &accepted(&opened.payment, "gw1", GatewayState::Checkout, at(1)));
        let now = Stored { payment: adopting.payment.clone(), progress: adopting.progress, ..opened };
        assert_eq!(store.commit(&[moves(adopting)]).await, [Outcome::Won]);

        let names = [
            Name::Gateway(shop(), gateway_id("gw1")),
            Name::Id(id(2)),
            Name::Reference(shop(), reference("order-1")),
            Name::Id(id(1)),
            Name::Id(id(1)),
            Name::Reference(other_shop(), reference("order-1")),
            Name::Gateway(other_shop(), gateway_id("gw1")),
            Name::Reference(shop(), reference("gw1")),
        ];
        let some = || Some(now.clone());
        let found = store.store.load(&names).await.unwrap();
        assert_eq!(found, [some(), None, some(), some(), some(), None, None, None]);
    }

    async fn a_birth_keeps_its_lease_its_next_check_and_its_request(store: &TestStore) {
        let plain = Birth { next_check_at: None, ..birth(1, "order-1") };
        let leased = Birth { lease: Some((owner(7), at(60))), kept_request: Some(vec![0, 159, 255]), ..birth(2, "order-2") };
        assert_eq!(store.open(&[plain.clone(), leased.clone()]).await, [Opened::New, Opened::New]);
        assert_eq!(store.load_id(id(1)).await, stored(&plain));
        let there = store.load_id(id(2)).await;
        assert_eq!(there, stored(&leased));
        assert_eq!((there.epoch, there.leased_until), (1, Some(at(60))));
        assert_eq!(there.progress, Progress { next_check_at: Some(at(2)), ..Progress::default() });
        assert_eq!(store.store.kept_request(id(1)).await.unwrap(), None);
        assert_eq!(store.store.kept_request(id(2)).await.unwrap(), Some(vec![0, 159, 255]));
        // Without a check and without a lease nobody would ever look at it: give the first one a check again.
        let first = store.load_id(id(1)).await;
        assert_eq!(store.commit(&[write(&first, &outcome_unknown("timeout", at(3)))]).await, [Outcome::Won]);
    }

    async fn a_taken_reference_comes_back_as_the_payment_that_has_it(store: &TestStore) {
        let first = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let existing = || Opened::Existing(Box::new(first.clone()));
        assert_eq!(store.open(&[birth(2, "order-1")]).await, [existing()]);
        // The very same birth again, after a lost answer: our own row.
        assert_eq!(store.open(&[birth(1, "order-1")]).await, [existing()]);
        let batch = [birth(3, "order-3"), birth(4, "order-1"), birth(5, "order-5")];
        assert_eq!(store.open(&batch).await, [Opened::New, existing(), Opened::New]);
        assert_eq!(store.all().await.len(), 3);
    }

    async fn of_two_births_of_one_reference_in_one_batch_the_first_is_born(store: &TestStore) {
        let births = [birth(9, "order-9"), birth(2, "order-1"), birth(1, "order-1"), birth(2, "order-1")];
        let first = || Opened::Existing(Box::new(stored(&births[1])));
        assert_eq!(store.open(&births).await, [Opened::New, Opened::New, first(), first()]);
        assert_eq!(store.load(Name::Id(id(1))).await, None);
    }

    async fn a_reference_is_one_shops_own(store: &TestStore) {
        let mut elsewhere = opening(2, "order-1");
        elsewhere.shop = other_shop();
        assert_eq!(store.open(&[birth(1, "order-1"), birth_of(elsewhere)]).await, [Opened::New, Opened::New]);
        let found = store.load(Name::Reference(other_shop(), reference("order-1"))).await;
        assert_eq!(found.map(|stored| stored.payment.id()), Some(id(2)));
    }

    async fn an_id_that_is_taken_is_poison_for_its_birth_alone(store: &TestStore) {
        let first = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let births = [birth(2, "order-2"), birth(1, "order-3"), birth(3, "order-1"), birth(4, "order-4")];
        let existing = Opened::Existing(Box::new(first));
        assert_eq!(store.open(&births).await, [Opened::New, Opened::Poison(String::new()), existing, Opened::New]);
        assert_eq!(store.load(Name::Reference(shop(), reference("order-3"))).await, None);
        assert_eq!(store.all().await.len(), 3);
    }

    async fn nothing_asked_is_nothing_answered(store: &TestStore) {
        assert_eq!(store.open(&[]).await, []);
        assert_eq!(store.commit(&[]).await, []);
        assert_eq!(store.store.load(&[]).await.unwrap(), []);
        assert_eq!(store.store.receive(&[]).await.unwrap(), []);
    }

    /// Money, names and texts at the edges of what the domain lets through.
    async fn every_value_comes_back_as_it_went_in(store: &TestStore) {
        let amounts = ["0", "0.000000000000000001", "999999999.999999999999999999", "1000000000", "11.1"];
        let mut births = Vec::new();
        for (number, amount) in (1_u128..).zip(amounts) {
            let mut opening = opening(number, &format!("order-{number}"));
            opening.requested = money(amount, "USDT");
            opening.metadata = texts().iter().map(|text| (key(text), text.parse().unwrap())).collect();
            opening.payment_method = Some("BASIC_CARD".parse().unwrap());
            opening.pre_auth = true;
            opening.parent = Some(id(1));
            births.push(birth_of(opening));
        }
        for (number, text) in (100..).zip(texts()) {
            births.push(birth(number, &text));
        }
        births.push(birth(200, &"ž".repeat(256)));
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        for birth in &births {
            assert_eq!(store.load_id(birth.payment.id()).await, stored(birth));
            let opening = &birth.payment.opening;
            let name = Name::Reference(opening.shop.clone(), opening.reference_id.clone());
            assert_eq!(store.load(name).await, Some(stored(birth)));
        }

        // The same for what the gateway tells.
        let there = store.load_id(id(1)).await;
        let mut sighting = sighting(&there.payment, "gw1", GatewayState::Completed);
        sighting.money = Some(money("0.123456789012345678", "EUR"));
        sighting.redirect_url = Some(texts().concat());
        sighting.external_refs = texts().into_iter().map(|text| (text.clone(), text)).collect::<BTreeMap<_, _>>();
        let completing = decided(&there, &found(sighting, at(5)));
        assert_eq!(store.commit(&[moves(completing.clone())]).await, [Outcome::Won]);
        assert_eq!(store.load_id(id(1)).await.payment, completing.payment);
    }
}

/// What breaks escaping, sorting, counting and cutting, as far as a text may hold it.
fn texts() -> Vec<String> {
    [
        r#"quotes " ' ` and \ back\\slashes \u0000 \n"#,
        "emoji 🙂👨‍👩‍👧‍👦 and a flag 🇨🇿",
        "עברית then العربية and back\u{202e}",
        "{\"json\": [1, null]} '; drop table payments; --",
        "null",
        "  spaces at both ends  ",
        "e\u{301} is not é",
        "%_?$1:name@x",
    ]
    .map(str::to_owned)
    .into()
}

fn key(text: &str) -> domain::Text<40> {
    text.chars().take(40).collect::<String>().parse().unwrap()
}
