//! Which of the gateway payments under our reference is ours (protocols, section 1, "Adopting").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use std::time::Duration;

use domain::{GatewayState, Kind, LookUp, NotOurs, Payment, Sighting, Time, choose, never_adoptable};
use story::{ANOTHER_WORD, OURS, Story, TWIN, about_to_send, at, euros, money, not_sent, sighting};
use strum::VariantArray as _;

/// Opened in second 10,000, so that there is room before it.
fn ours() -> Payment {
    Payment::open(story::opening(Kind::Inert), at(10_000)).0
}

fn candidate<State: std::fmt::Display + ?Sized>(id: &str, state: &State) -> Sighting {
    Sighting { created: Some(at(10_001)), ..sighting(id, state) }
}

/// The ids of the chosen one and of the others; `None` if nobody can choose.
fn chosen(candidates: &[Sighting]) -> Option<(String, Vec<String>)> {
    match choose(&ours(), candidates, Duration::ZERO) {
        LookUp::Adopt { chosen, rest } => {
            Some((chosen.id.to_string(), rest.iter().map(|other| other.id.to_string()).collect()))
        }
        LookUp::Undecided(all) => {
            assert_eq!(all.len(), candidates.len(), "each forbids another POST");
            None
        }
        LookUp::Nothing => panic!("there are candidates"),
    }
}

fn first_choice(candidates: &[Sighting]) -> Option<String> {
    chosen(candidates).map(|(id, _)| id)
}

#[test]
fn nothing_under_the_reference_is_nothing() {
    assert_eq!(choose(&ours(), &[], Duration::ZERO), LookUp::Nothing);
}

#[test]
fn the_furthest_on_is_ours_for_every_pair_of_states() {
    let rank = |word: &str| match word {
        "COMPLETED" => 1,
        "AUTHORIZED" => 2,
        "PENDING" | "AWAITING_APPROVAL" => 3,
        "CHECKOUT" => 4,
        "DECLINED" | "CANCELLED" => 6,
        // Unknown words are alive, as far as anybody knows.
        _ => 5,
    };
    let words: Vec<String> =
        GatewayState::VARIANTS.iter().map(ToString::to_string).chain([ANOTHER_WORD.to_owned()]).collect();
    for one in &words {
        for other in &words {
            // The first stands behind in age and in name, so only its state can make it the choice.
            let younger = Sighting { created: Some(at(10_009)), ..candidate("z", one) };
            let older = candidate("a", other);
            let expected = if rank(one) < rank(other) { ("z", "a") } else { ("a", "z") };
            let expected = Some((expected.0.to_owned(), vec![expected.1.to_owned()]));
            assert_eq!(chosen(&[younger.clone(), older.clone()]), expected, "{one} and {other}");
            assert_eq!(chosen(&[older, younger]), expected, "{other} and {one}");
        }
    }
}

#[test]
fn among_equals_the_oldest_and_then_the_id() {
    let younger = Sighting { created: Some(at(10_002)), ..candidate("a", "CHECKOUT") };
    assert_eq!(first_choice(&[younger, candidate("z", "CHECKOUT")]), Some("z".to_owned()));
    assert_eq!(first_choice(&[candidate("z", "CHECKOUT"), candidate("a", "CHECKOUT")]), Some("a".to_owned()));
}

#[test]
fn a_sole_candidate_is_ours_even_if_its_sum_differs_and_the_sum_is_flagged() {
    let other_sum = Sighting { money: Some(euros("24.00")), ..candidate(OURS, "CHECKOUT") };
    assert_eq!(first_choice(std::slice::from_ref(&other_sum)), Some(OURS.to_owned()));
    let on_two_pages = [other_sum.clone(), Sighting { state: story::seen_state("PENDING"), ..other_sum.clone() }];
    assert_eq!(chosen(&on_two_pages), Some((OURS.to_owned(), vec![])));
    let mut story = Story::opened(Kind::Inert);
    story.sees(&story::found(20, other_sum));
    assert!(story.has(domain::Flag::AmountDiffers));
}

#[test]
fn among_several_only_those_whose_sum_fits_are_ours() {
    let other_sum = Sighting { money: Some(euros("24.00")), ..candidate("a", "COMPLETED") };
    assert_eq!(first_choice(&[other_sum.clone(), candidate("z", "CHECKOUT")]), Some("z".to_owned()));
    let other_currency = Sighting { money: Some(money("25.00", "USD")), ..candidate("z", "CHECKOUT") };
    assert_eq!(first_choice(&[other_sum.clone(), other_currency]), None);
    // After a conversion the customer's figure is the requested one.
    let converted = Sighting {
        money: Some(money("2300", "RUB")),
        customer_money: Some(euros("25.0")),
        ..candidate("z", "CHECKOUT")
    };
    assert_eq!(first_choice(&[other_sum, converted]), Some("z".to_owned()));
    let converted_from_another = Sighting {
        money: Some(euros("25.00")),
        customer_money: Some(money("27", "USD")),
        ..candidate("a", "COMPLETED")
    };
    assert_eq!(first_choice(&[converted_from_another, candidate("z", "DECLINED")]), Some("z".to_owned()));
}

#[test]
fn what_cannot_be_ours_is_never_adopted_not_even_alone() {
    let refund = Sighting { payment_type: Some("REFUND".to_owned()), ..candidate(TWIN, "COMPLETED") };
    let old = Sighting { created: Some(at(10_000 - 15 * 60 - 1)), ..candidate(TWIN, "COMPLETED") };
    let strangers = Sighting { reference_id: Some("order-1002".to_owned()), ..candidate(TWIN, "COMPLETED") };
    let retry = Sighting { parent: OURS.parse().ok(), ..candidate(TWIN, "COMPLETED") };
    let first = candidate(OURS, "DECLINED");
    for (never, reason) in
        [(refund, NotOurs::Type), (old, NotOurs::TooOld), (strangers, NotOurs::Reference), (retry, NotOurs::Cascade)]
    {
        let both = [never.clone(), first.clone()];
        assert_eq!(never_adoptable(&ours(), &never, &both, Duration::ZERO), Some(reason));
        assert_eq!(never_adoptable(&ours(), &first, &both, Duration::ZERO), None);
        assert_eq!(chosen(&both), Some((OURS.to_owned(), vec![TWIN.to_owned()])), "{reason:?}");
        if reason != NotOurs::Cascade {
            assert_eq!(chosen(&[never]), None, "{reason:?}");
        }
    }
}

#[test]
fn the_window_begins_a_quarter_of_an_hour_before_the_first_request() {
    let on_the_edge = Sighting { created: Some(at(10_000 - 15 * 60)), ..candidate(OURS, "CHECKOUT") };
    assert_eq!(first_choice(std::slice::from_ref(&on_the_edge)), Some(OURS.to_owned()));
    // The first request counts, and not the latest.
    let (payment, _) = Payment::open(story::opening(Kind::Inert), at(10_000));
    let mut story = Story { payment, ledger: Vec::new() };
    story.sees(&not_sent(10_001, 1));
    story.sees(&about_to_send(20_000, 2));
    assert_eq!(never_adoptable(&story.payment, &on_the_edge, &[], Duration::ZERO), None);
}

#[test]
fn a_clock_that_was_measured_to_be_behind_moves_the_window() {
    let by_its_clock = Sighting { created: Some(at(10_000 - 60 * 60)), ..candidate(OURS, "CHECKOUT") };
    let candidates = [by_its_clock];
    let choice = |gateway_behind| choose(&ours(), &candidates, gateway_behind);
    assert!(matches!(choice(Duration::ZERO), LookUp::Undecided(_)));
    assert!(matches!(choice(Duration::from_mins(45)), LookUp::Adopt { .. }));
    assert!(matches!(choice(Duration::from_mins(44)), LookUp::Undecided(_)));
}

#[test]
fn what_the_gateway_leaves_out_speaks_against_nothing() {
    let bare = Sighting {
        reference_id: None,
        payment_type: None,
        money: None,
        created: None::<Time>,
        ..candidate(OURS, "CHECKOUT")
    };
    assert_eq!(first_choice(&[bare]), Some(OURS.to_owned()));
}
