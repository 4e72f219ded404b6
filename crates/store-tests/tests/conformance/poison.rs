//! What no store takes fails alone, and its neighbours never notice.

use domain::GatewayState;
use fault_catalogue::struck;
use store::{Birth, Filed, Move, Name, Notice, Opened, Outcome, Write};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store, poison};

on_every_store! {
    async fn a_poison_among_good_ones_fails_alone(store: &TestStore) {
        let births: Vec<Birth> = (1..=9).map(|n| birth(n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let there: Vec<_> = births.iter().map(stored).collect();
        let good = |n: usize| write(&there[n], &outcome_unknown("timeout", at(1)));
        let mut nul_inside = sighting(&there[2].payment, "gw3", GatewayState::Checkout);
        nul_inside.redirect_url = Some("https://gateway.example/\u{0}".to_owned());
        let gap = decided(&there[3], &outcome_unknown("gap", at(1)));
        let gap = Move { entry: gap.entry.clone().map(|entry| domain::Entry { sequence: 3, ..entry }), ..gap };
        let unexplained = Move { entry: None, ..decided(&there[4], &outcome_unknown("unexplained", at(1))) };
        let claiming = decided(&there[5], &accepted(&there[5].payment, "gw6", GatewayState::Checkout, at(1)));
        let batch = [
            good(0),
            write(&there[1], &outcome_unknown("a\u{0}b", at(1))),
            write(&there[2], &found(nul_inside, at(1))),
            moves(gap),
            moves(unexplained),
            Write { birth: Some(birth(20, "order-20")), ..moves(claiming) },
            Write { birth: Some(birth(7, "order-21")), ..good(6) },
            Write { birth: Some(birth(1, "order-22")), ..good(7) },
            good(8),
        ];
        let outcomes = store.commit(&batch).await;
        let mut expected = vec![poison(); 9];
        expected[0] = Outcome::Won;
        expected[8] = Outcome::Won;
        // Its birth names the payment of the first unit.
        expected[7] = Outcome::Lost;
        assert_eq!(outcomes, expected);
        for number in 2..=8 {
            assert_eq!(store.load_id(id(number)).await, there[number as usize - 1], "payment {number}");
        }
        for reference_text in ["order-20", "order-21", "order-22"] {
            assert_eq!(store.load(Name::Reference(shop(), reference(reference_text))).await, None);
        }
        assert_eq!(store.load(Name::Gateway(shop(), gateway_id("gw6"))).await, None);
        struck(54, outcomes.iter().filter(|outcome| **outcome == poison()).count());
    }

    /// Refused by the database itself, in the middle of a batch that is otherwise good.
    async fn a_broken_constraint_fails_alone(store: &TestStore) {
        let births: Vec<Birth> = (1..=5).map(|n| birth(n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let there: Vec<_> = births.iter().map(stored).collect();
        let good = |n: usize| write(&there[n], &outcome_unknown("timeout", at(1)));
        let adopting = |n: usize| write(&there[n], &accepted(&there[n].payment, "gw1", GatewayState::Checkout, at(1)));
        let batch = [
            adopting(0),
            Write { birth: Some(birth(5, "order-6")), ..good(1) },
            adopting(2),
            Write { birth: Some(birth(7, "order-7")), ..good(3) },
        ];
        let outcomes = store.commit(&batch).await;
        assert_eq!(outcomes, [Outcome::Won, poison(), Outcome::Claimed(id(1)), Outcome::Won]);
        assert_eq!(store.load_id(id(2)).await, there[1]);
        assert_eq!(store.load_id(id(7)).await, stored(&birth(7, "order-7")));
    }

    /// While the units run apart, the rules of the batch hold all the same.
    async fn a_batch_that_runs_apart_still_gives_each_payment_one_turn(store: &TestStore) {
        let births: Vec<Birth> = (1..=3).map(|n| birth(n, &format!("order-{n}"))).collect();
        assert!(store.open(&births).await.iter().all(|opened| *opened == Opened::New));
        let there: Vec<_> = births.iter().map(stored).collect();
        let look = |seconds| moves(decided(&there[0], &missing(at(seconds))));
        let breaking = Write { birth: Some(birth(3, "order-6")), ..write(&there[1], &outcome_unknown("x", at(1))) };
        assert_eq!(store.commit(&[look(1), breaking, look(2)]).await, [Outcome::Won, poison(), Outcome::Lost]);
        assert_eq!(store.load_id(id(1)).await.progress.checked_at, Some(at(1)));
    }

    async fn a_poisoned_birth_fails_alone(store: &TestStore) {
        let mut out_of_turn = birth(2, "order-2");
        out_of_turn.entry.sequence = 2;
        let births = [birth(1, "order-1"), out_of_turn, birth(3, "order-3")];
        assert_eq!(store.open(&births).await, [Opened::New, Opened::Poison(String::new()), Opened::New]);
        assert_eq!(store.load(Name::Id(id(2))).await, None);
    }

    async fn a_verdict_with_a_nul_is_poison_and_a_notice_with_one_is_kept(store: &TestStore) {
        let odd = Notice { state: Some("COMP\u{0}LETED".to_owned()), ..notice(1) };
        let received = store.store.receive(&[odd, notice(2)]).await.unwrap();
        assert_eq!(received.iter().map(|received| received.repeat).collect::<Vec<_>>(), [false, false]);
        let there = open(store.store.as_ref(), &birth(1, "order-1")).await;
        let file = |notice, verdict: &str| Write {
            notice: Some(Filed {
                id: Uuid::from_u128(notice),
                verdict: verdict.to_owned(),
                payment: Some(there.payment.id()),
                at: at(9),
            }),
            ..Write::default()
        };
        let outcomes = store.commit(&[file(1, "sta\u{0}le"), file(1, "stale"), file(2, "moves")]).await;
        assert_eq!(outcomes, [poison(), Outcome::Won, Outcome::Won]);
        let notices = store.notices(id(1)).await;
        let told: Vec<_> = notices.iter().map(|notice| (notice.state.as_deref(), notice.verdict.as_deref())).collect();
        assert_eq!(told, [(Some("COMP\u{FFFD}LETED"), Some("stale")), (Some("COMPLETED"), Some("moves"))]);
    }
}
