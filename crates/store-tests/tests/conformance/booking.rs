//! The books: a line is written with its entry, and gets its place afterwards, once and for ever.

use domain::{Elsewhere, Evidence, GatewayState, MovementKind, Seen, SeenState, Sighting, Source};
use store::{Line, Outcome, Stored};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn money_that_moved_is_a_line_and_has_a_place_once_it_is_posted(store: &TestStore) {
        let there = completed(store, 1, "100").await;
        let books = store.books();
        let end = books.books_end().await.unwrap();
        assert_eq!((end.place, end.waits), (0, true));
        assert_eq!(books.lines(0, 9, 10).await.unwrap(), [], "a line without a place is not read");

        assert_eq!(books.post(at(70), 10).await.unwrap(), 1);
        let [line] = <[_; 1]>::try_from(books.lines(0, 9, 10).await.unwrap()).unwrap();
        assert_eq!((line.place, line.posted_at, line.restates), (1, at(70), None));
        assert_eq!((line.entry.at, line.entry.source), (at(60), Source::Sweep));
        assert_eq!(line.entry.state, there.payment.state);
        let opening = &there.payment.opening;
        assert_eq!((&line.payment.shop, &line.payment.reference_id), (&opening.shop, &opening.reference_id));
        assert_eq!((line.payment.requested, line.payment.parent), (opening.requested, None));
        assert_eq!(line.movement.gateway_payment_id, gateway_id("gw1"));
        assert_eq!(told(&line), (MovementKind::Deposit, None, "100 EUR".to_owned()));
        assert_eq!(line.name().to_string(), format!("{}-{}-1", there.payment.id(), there.payment.version));

        assert_eq!(books.post(at(71), 10).await.unwrap(), 0, "a line is posted once");
        let end = books.books_end().await.unwrap();
        assert_eq!((end.place, end.posted_at, end.waits), (1, at(70), false));
    }

    async fn a_line_that_turns_out_otherwise_is_restated_by_the_difference(store: &TestStore) {
        let there = completed(store, 1, "100.000000000000000001").await;
        let looked = Sighting {
            money: Some(money("75.5", "EUR")),
            fee: Some(money("0.35", "USD")),
            ..sighting(&there.payment, "gw1", GatewayState::Completed)
        };
        tell(store, &there, Source::Poll, looked, 70).await;
        let lines = posted(store).await;
        let [first, difference, fee] = <[_; 3]>::try_from(lines).unwrap();
        assert_eq!(told(&first), (MovementKind::Deposit, None, "100.000000000000000001 EUR".to_owned()));
        assert_eq!(told(&difference), (MovementKind::Deposit, None, "-24.500000000000000001 EUR".to_owned()));
        assert_eq!((difference.restates, first.restates), (Some(first.name()), None));
        assert_eq!(told(&fee), (MovementKind::Fee, None, "-0.35 USD".to_owned()));
        assert_eq!(fee.restates, None);
    }

    async fn another_currency_takes_the_old_one_back(store: &TestStore) {
        let there = completed(store, 1, "100").await;
        let converted = Sighting {
            money: Some(money("110", "USD")),
            ..sighting(&there.payment, "gw1", GatewayState::Completed)
        };
        tell(store, &there, Source::Poll, converted, 70).await;
        let lines = posted(store).await;
        let amounts: Vec<_> = lines.iter().map(|line| told(line).2).collect();
        assert_eq!(amounts, ["100 EUR", "-100 EUR", "110 USD"]);
        let restated = [None, Some(lines[0].name()), Some(lines[0].name())];
        assert_eq!(lines.iter().map(|line| line.restates).collect::<Vec<_>>(), restated);
    }

    async fn what_stands_beside_a_payment_is_booked_under_it(store: &TestStore) {
        let mut there = completed(store, 1, "100").await;
        let child = |gateway: &str, kind: &str, amount: &str, state| Sighting {
            parent: Some(gateway_id("gw1")),
            payment_type: Some(kind.to_owned()),
            money: Some(money(amount, "EUR")),
            state: SeenState::Known(state),
            ..sighting(&there.payment, gateway, state)
        };
        let beside = [
            child("gw2", "REFUND", "30", GatewayState::Completed),
            child("gw3", "CHARGEBACK", "5", GatewayState::Completed),
            child("gw4", "REFUND", "7", GatewayState::Pending),
            Sighting { parent: None, ..child("gw5", "DEPOSIT", "100", GatewayState::Completed) },
        ];
        for (seconds, sighting) in (70..).zip(beside) {
            there = tell(store, &there, Source::Sweep, sighting, seconds).await;
        }
        assert_eq!(posted(store).await.iter().map(told).collect::<Vec<_>>(), [
            (MovementKind::Deposit, None, "100 EUR".to_owned()),
            (MovementKind::Refund, Some(Elsewhere::Foreign), "-30 EUR".to_owned()),
            (MovementKind::Chargeback, Some(Elsewhere::Foreign), "-5 EUR".to_owned()),
            (MovementKind::Deposit, Some(Elsewhere::Surplus), "100 EUR".to_owned()),
        ]);
    }

    async fn places_are_given_in_order_and_their_time_never_runs_back(store: &TestStore) {
        for number in 1..=5 {
            completed(store, number, "100").await;
        }
        let books = store.books();
        assert_eq!(books.post(at(200), 2).await.unwrap(), 2);
        assert_eq!(books.post(at(100), 2).await.unwrap(), 2, "a clock that is late");
        assert_eq!(books.post(at(300), 2).await.unwrap(), 1);
        let lines = books.lines(1, 4, 2).await.unwrap();
        let places: Vec<_> = lines.iter().map(|line| (line.place, line.posted_at)).collect();
        assert_eq!(places, [(2, at(200)), (3, at(200))]);
        for (seconds, place) in [(200, 0), (201, 4), (300, 4), (301, 5)] {
            assert_eq!(books.place_before(at(seconds)).await.unwrap(), place, "before {seconds}");
        }
    }

    async fn a_write_that_loses_books_nothing(store: &TestStore) {
        let there = completed(store, 1, "100").await;
        let looked = Sighting {
            money: Some(money("90", "EUR")),
            ..sighting(&there.payment, "gw1", GatewayState::Completed)
        };
        let write = write(&there, &by(Source::Poll, looked, 70));
        assert_eq!(store.commit(&[write.clone(), write]).await, [Outcome::Won, Outcome::Lost]);
        assert_eq!(posted(store).await.len(), 2);
    }

    async fn of_many_who_post_at_once_each_line_is_posted_by_one(store: &TestStore) {
        for number in 1..=40 {
            completed(store, number, "100").await;
        }
        let books = store.books();
        let post = || async {
            let mut posted = 0;
            while books.books_end().await.unwrap().waits {
                posted += books.post(at(100), 3).await.unwrap();
            }
            posted
        };
        let posted = futures::join!(post(), post(), post(), post());
        assert_eq!(posted.0 + posted.1 + posted.2 + posted.3, 40);
    }
}

/// A deposit that a list showed as completed, of this many euros.
async fn completed(store: &TestStore, number: u128, amount: &str) -> Stored {
    let gateway = format!("gw{number}");
    let there = open(&*store.store, &birth(number, &format!("order-{number}"))).await;
    let accepted = accepted(&there.payment, &gateway, GatewayState::Checkout, at(1));
    assert_eq!(store.commit(&[write(&there, &accepted)]).await, [Outcome::Won]);
    let there = store.load_id(there.payment.id()).await;
    let paid =
        Sighting { money: Some(money(amount, "EUR")), ..sighting(&there.payment, &gateway, GatewayState::Completed) };
    tell(store, &there, Source::Sweep, paid, 60).await
}

fn by(source: Source, sighting: Sighting, seconds: u64) -> Evidence {
    let begun_at = (source == Source::Poll).then(|| at(seconds));
    Evidence { source, at: at(seconds), begun_at, seen: Seen::Reported { sighting } }
}

async fn tell(store: &TestStore, there: &Stored, source: Source, sighting: Sighting, seconds: u64) -> Stored {
    assert_eq!(store.commit(&[write(there, &by(source, sighting, seconds))]).await, [Outcome::Won]);
    store.load_id(there.payment.id()).await
}

async fn posted(store: &TestStore) -> Vec<Line> {
    store.books().post(at(500), 100).await.unwrap();
    store.books().lines(0, 100, 100).await.unwrap()
}

fn told(line: &Line) -> (MovementKind, Option<Elsewhere>, String) {
    let movement = &line.movement;
    (movement.kind, movement.relation, format!("{} {}", movement.amount, movement.currency))
}
