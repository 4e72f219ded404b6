//! In whichever order evidence comes, the payment ends in the same state (protocols, "Seeing").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use domain::{Attempt, Evidence, Flag, GatewayState, Kind, PaymentState};
use fault_catalogue::struck;
use proptest::prelude::*;
use story::{
    OURS, Story, TWIN, about_to_send, accepted, at, euros, found, look, look_begun_at, money, not_sent,
    outcome_unknown, refused, sighting, sweep, webhook,
};

/// What only moves a payment forward: notices, lists, look-ups, and looks begun before anything was recorded.
fn slow_news(id: &'static str, states: Vec<GatewayState>) -> impl Strategy<Value = Evidence> {
    (prop::sample::select(states), 0..4, 1..60u64).prop_map(move |(state, way, second)| {
        let sighting = sighting(id, &state);
        match way {
            0 => webhook(second, sighting),
            1 => sweep(second, sighting),
            2 => found(second, sighting),
            _ => look_begun_at(0, second, sighting),
        }
    })
}

fn open_or(ends: &[GatewayState]) -> Vec<GatewayState> {
    let open =
        [GatewayState::Checkout, GatewayState::Pending, GatewayState::AwaitingApproval, GatewayState::Authorized];
    open.iter().chain(ends).copied().collect()
}

fn an_end() -> impl Strategy<Value = GatewayState> {
    prop::sample::select(vec![GatewayState::Completed, GatewayState::Declined, GatewayState::Cancelled])
}

fn two_ends() -> impl Strategy<Value = [GatewayState; 2]> {
    (an_end(), an_end())
        .prop_filter("two different ones", |(one, other)| one != other)
        .prop_map(|(one, other)| [one, other])
}

/// The same evidence in two orders, the answer to our POST somewhere among it.
fn in_two_orders(news: impl Strategy<Value = Evidence>) -> impl Strategy<Value = (Vec<Evidence>, Vec<Evidence>)> {
    let with_the_answer = prop::collection::vec(news, 0..12).prop_map(|mut news| {
        news.push(accepted(5, 1, sighting(OURS, &GatewayState::Checkout)));
        Just(news)
    });
    with_the_answer.prop_flat_map(|news| (news.clone().prop_shuffle(), news.prop_shuffle()))
}

fn told(evidence: &[Evidence]) -> Story {
    let mut story = Story::opened(Kind::Inert);
    story.sees_all(evidence);
    story
}

fn ends_told(evidence: &[Evidence], id: &str) -> std::collections::BTreeSet<PaymentState> {
    let sightings = evidence.iter().filter_map(|evidence| match &evidence.seen {
        domain::Seen::Accepted { sighting, .. }
        | domain::Seen::Found { sighting }
        | domain::Seen::Reported { sighting } => Some(sighting),
        _ => None,
    });
    let states = sightings.filter(|sighting| sighting.id.as_str() == id).filter_map(domain::Sighting::known_state);
    states.map(PaymentState::from).filter(|state| state.is_final()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_at_most_one_end_the_state_is_the_same_in_every_order(
        (one, other) in an_end().prop_flat_map(|end| in_two_orders(slow_news(OURS, open_or(&[end])))),
    ) {
        let (here, there) = (told(&one), told(&other));
        prop_assert_eq!(here.payment.state, there.payment.state);
        if let Some(end) = ends_told(&one, OURS).pop_first() {
            prop_assert_eq!(here.payment.state, end);
        }
        prop_assert!(!here.has(Flag::Contradiction) && !there.has(Flag::Contradiction));
    }

    #[test]
    fn fresh_looks_may_go_back_among_open_states_and_never_from_an_end(
        (end, news, place) in an_end().prop_flat_map(|end| {
            let fresh = (prop::sample::select(open_or(&[end])), 1..60u64).prop_map(|(state, second)| look(second, sighting(OURS, &state)));
            let news = prop::collection::vec(prop_oneof![slow_news(OURS, open_or(&[end])), fresh], 0..12);
            (Just(end), news, any::<prop::sample::Index>())
        }),
    ) {
        let mut news = news;
        news.insert(place.index(news.len() + 1), webhook(30, sighting(OURS, &end)));
        news.push(accepted(5, 1, sighting(OURS, &GatewayState::Checkout)));
        prop_assert_eq!(told(&news).payment.state, end.into());
    }

    #[test]
    fn two_ends_raise_the_flag_in_every_order(
        (one, other) in two_ends().prop_flat_map(|ends| in_two_orders(slow_news(OURS, open_or(&ends)))),
    ) {
        let (here, there) = (told(&one), told(&other));
        prop_assert_eq!(here.has(Flag::Contradiction), ends_told(&one, OURS).len() == 2);
        prop_assert_eq!(here.has(Flag::Contradiction), there.has(Flag::Contradiction));
    }

    #[test]
    fn money_told_by_a_webhook_and_by_a_look_is_never_hidden(
        (one, other) in in_two_orders(slow_news(OURS, open_or(&[GatewayState::Declined]))),
        places in prop::array::uniform3(any::<prop::sample::Index>()),
    ) {
        for mut news in [one, other] {
            for (place, evidence) in places.iter().zip([
                webhook(30, sighting(OURS, "COMPLETED")),
                look(31, sighting(OURS, "COMPLETED")),
                webhook(32, sighting(OURS, "DECLINED")),
            ]) {
                news.insert(place.index(news.len() + 1), evidence);
            }
            let story = told(&news);
            prop_assert_eq!(story.payment.state, PaymentState::Completed);
            prop_assert!(story.has(Flag::Contradiction));
        }
    }

    #[test]
    fn a_paid_twin_of_a_dead_payment_is_flagged_in_every_order(
        (one, other) in in_two_orders(prop_oneof![
            slow_news(OURS, open_or(&[GatewayState::Cancelled])),
            // Only an answer or a look-up of ours may come before the id is known, so the twin is told by notices.
            prop::sample::select(open_or(&[GatewayState::Completed])).prop_map(|state| webhook(20, sighting(TWIN, &state))),
        ]),
    ) {
        let (here, there) = (told(&one), told(&other));
        prop_assert_eq!(here.has(Flag::PaidElsewhere), there.has(Flag::PaidElsewhere));
        prop_assert_eq!(&here.payment.others, &there.payment.others);
        let paid = here.payment.others.iter().any(domain::OtherPayment::is_paid);
        prop_assert_eq!(here.has(Flag::PaidElsewhere), paid && here.payment.state == PaymentState::Cancelled);
    }

    #[test]
    fn the_figure_of_a_look_beats_that_of_a_notice_in_every_order(
        order in Just(vec![0, 0, 1, 2, 3]).prop_shuffle(), differs in any::<bool>(),
    ) {
        let noticed = if differs { "20.00" } else { "24.00" };
        let with = |amount| domain::Sighting { money: Some(euros(amount)), ..sighting(OURS, "COMPLETED") };
        let mut story = Story::answered(PaymentState::Checkout);
        for what in order {
            story.sees(&match what {
                0 => webhook(20, with(noticed)),
                1 => sweep(21, with(noticed)),
                2 => look(22, with("24.00")),
                _ => webhook(23, sighting(OURS, "PENDING")),
            });
        }
        prop_assert_eq!(story.payment.settled, Some(euros("24.00")));
        prop_assert_eq!(story.has(Flag::AmountContradicts), differs);
        prop_assert!(story.has(Flag::AmountDiffers));
    }

    #[test]
    fn what_became_of_a_post_does_not_depend_on_who_tells_it_first(order in Just(vec![0, 1, 2, 3]).prop_shuffle()) {
        let mut story = Story::opened(Kind::Inert);
        story.sees(&about_to_send(400, 2));
        for what in &order {
            story.sees(&match what {
                0 => outcome_unknown(410, 1),
                1 => not_sent(411, 1),
                2 => outcome_unknown(412, 2),
                _ => refused(413, 2),
            });
        }
        prop_assert_eq!(story.payment.state, PaymentState::Rejected, "{:?}", order);
        prop_assert_eq!(story.payment.error.as_ref().map(|error| error.code.as_str()), Some("gateway-refused"));
        let (first, second) = (story.attempt(1), story.attempt(2));
        let both_known = matches!((first, second), (Attempt::NotSent { .. }, Attempt::Refused { .. }));
        prop_assert!(both_known, "{first:?}, {second:?}");
    }
}

#[test]
fn an_unknown_outcome_gives_way_to_a_late_refusal() {
    let mut story = Story::opened(Kind::Moving);
    story.sees(&outcome_unknown(30, 1));
    story.sees(&refused(95, 1));
    assert_eq!(story.payment.state, PaymentState::Rejected);
    assert_eq!(*story.attempt(1), Attempt::Refused { sent_at: at(0) });
}

#[test]
fn a_refusal_rejects_nothing_while_another_post_may_have_made_a_payment() {
    let mut story = Story::opened(Kind::Inert);
    story.sees(&outcome_unknown(30, 1));
    story.sees(&about_to_send(400, 2));
    story.sees(&refused(401, 2));
    assert_eq!(story.payment.state, PaymentState::Submitted);
    story.sees(&found(900, sighting(OURS, "PENDING")));
    assert_eq!(story.payment.state, PaymentState::Pending);
}

#[test]
fn dead_becomes_completed_only_by_a_webhook_and_a_look_together() {
    let completed = || sighting(OURS, "COMPLETED");
    let mut story = Story::answered(PaymentState::Declined);
    for evidence in [webhook(20, completed()), sweep(21, completed()), found(22, completed())] {
        story.sees(&evidence);
        assert_eq!(story.payment.state, PaymentState::Declined);
    }
    story.sees(&look(23, completed()));
    assert_eq!(story.payment.state, PaymentState::Completed);
    assert!(story.has(Flag::GatewayCorrection));
    assert_eq!(story.payment.error, None);
    story.sees(&webhook(24, sighting(OURS, "DECLINED")));
    story.sees(&look(25, sighting(OURS, "DECLINED")));
    assert_eq!(story.payment.state, PaymentState::Completed, "money that moved needs a person to unmove it");
}

#[test]
fn requested_figures_never_change_and_settled_ones_are_the_gateways() {
    let told = |money, customer_money| {
        let mut story = Story::answered(PaymentState::Checkout);
        story.sees(&look(20, domain::Sighting { money, customer_money, ..sighting(OURS, "COMPLETED") }));
        assert_eq!(story.payment.opening.requested, euros("25.00"));
        story
    };
    let flags = |story: &Story| story.payment.flags.iter().copied().collect::<Vec<_>>();

    assert_eq!(flags(&told(Some(euros("25")), None)), []);
    let other_sum = told(Some(euros("20.00")), None);
    assert_eq!((other_sum.payment.settled, flags(&other_sum)), (Some(euros("20.00")), vec![Flag::AmountDiffers]));
    // That the customer's figure equals the requested one proves nothing about what was paid.
    let converted = told(Some(money("4300.5", "RUB")), Some(euros("25.00")));
    assert_eq!((converted.payment.settled, flags(&converted)), (Some(money("4300.5", "RUB")), vec![Flag::Converted]));
    let unread = told(None, None);
    assert_eq!((unread.payment.settled, flags(&unread)), (None, vec![Flag::AmountMissing]));
    assert!(unread.payment.needs_confirmation());
}

#[test]
fn what_a_look_up_by_reference_finds_completed_is_read_by_id_all_the_same() {
    let mut story = Story::opened(Kind::Inert);
    story.sees(&found(20, sighting(OURS, "COMPLETED")));
    assert!(story.payment.needs_confirmation());
    story.sees(&look(40, sighting(OURS, "COMPLETED")));
    assert!(!story.payment.needs_confirmation());
}

#[test]
fn two_looks_that_differ_are_a_contradiction_and_the_first_one_stands() {
    let with = |amount| domain::Sighting { money: Some(euros(amount)), ..sighting(OURS, "COMPLETED") };
    let mut story = Story::answered(PaymentState::Checkout);
    story.sees(&look(20, with("25.00")));
    assert!(!story.payment.needs_confirmation());
    let decision = story.sees(&look(21, with("26.00")));
    assert_eq!(decision.verdict(), domain::Verdict::Contradicts);
    assert_eq!(story.payment.settled, Some(euros("25.00")));
    let entries = story.ledger.len();
    story.sees(&look(22, with("26.00")));
    assert_eq!(story.ledger.len(), entries);
}

#[test]
fn two_sources_that_tell_different_halves_of_a_twin_do_not_take_turns_in_the_ledger() {
    let mut story = Story::answered(PaymentState::Pending);
    let bare = domain::Sighting { money: None, created: None, payment_type: None, ..sighting(TWIN, "PENDING") };
    for _ in 0..5 {
        story.sees(&webhook(20, bare.clone()));
        story.sees(&sweep(21, sighting(TWIN, "PENDING")));
        story.sees(&webhook(22, sighting(TWIN, "WORKING")));
        story.sees(&webhook(23, sighting(TWIN, "WAITING")));
    }
    assert_eq!(story.ledger.len(), 4, "opened, answered, the twin, its figures");
    assert_eq!(story.payment.others[0].money, Some(euros("25.00")));
}

#[test]
fn a_twin_that_was_paid_stays_paid() {
    for order in [["COMPLETED", "DECLINED"], ["DECLINED", "COMPLETED"]] {
        let mut story = Story::answered(PaymentState::Pending);
        for state in order {
            story.sees(&sweep(20, sighting(TWIN, &state)));
        }
        story.sees(&webhook(30, sighting(OURS, "CANCELLED")));
        assert!(story.has(Flag::PaidElsewhere), "{order:?}");
    }
}

#[test]
fn a_candidate_that_a_person_chooses_is_no_other_payment_any_more() {
    let mut story = Story::opened(Kind::Inert);
    story.sees(&story::undecided(20, sighting(OURS, "AUTHORIZED")));
    story.sees(&story::undecided(20, sighting(TWIN, "CHECKOUT")));
    story.sees(&found(30, sighting(OURS, "CANCELLED")));
    let others: Vec<_> = story.payment.others.iter().map(|other| other.id.as_str()).collect();
    assert_eq!((story.gateway_payment_id(), others), (Some(OURS), vec![TWIN]));
    assert!(!story.has(Flag::PaidElsewhere), "it is not its own twin");
}

#[test]
fn news_that_waited_in_the_inbox_does_not_set_the_clock_back() {
    let mut story = Story::answered(PaymentState::Checkout);
    story.sees(&webhook(5, sighting(OURS, "COMPLETED")));
    assert_eq!((story.payment.state_at, story.payment.updated_at), (at(5), at(10)));
}

#[test]
fn an_answer_beyond_the_checkout_page_is_not_inert_however_late_it_comes() {
    let mut story = Story::opened(Kind::Inert);
    story.sees(&found(8, sighting(OURS, "PENDING")));
    assert!(!story.has(Flag::NotInert));
    story.sees(&accepted(9, 1, sighting(OURS, "PENDING")));
    assert!(story.has(Flag::NotInert));

    let mut moving = Story::opened(Kind::Moving);
    moving.sees(&accepted(9, 1, sighting(OURS, "PENDING")));
    assert!(!moving.has(Flag::NotInert));
}

#[test]
fn what_does_not_fit_is_flagged_and_adopted_all_the_same() {
    let mut odd = sighting(OURS, "CHECKOUT");
    odd.payment_type = Some("WITHDRAWAL".to_owned());
    odd.reference_id = Some("order-1002".to_owned());
    odd.money = Some(euros("2.50"));
    let mut story = Story::opened(Kind::Inert);
    story.sees(&accepted(9, 1, odd));
    let flags: Vec<_> = story.payment.flags.iter().copied().collect();
    assert_eq!(flags, [Flag::AmountDiffers, Flag::TypeDiffers, Flag::ReferenceDiffers]);
    assert_eq!(story.gateway_payment_id(), Some(OURS));
    struck(26, flags.len());
}

/// All orders of six pieces of news, one by one: what is random above is certain here.
#[test]
fn every_order_of_six_pieces_of_news_ends_the_same() {
    let news: Vec<_> = ["CHECKOUT", "PENDING", "AUTHORIZED", "PENDING", "CHECKOUT", "COMPLETED"]
        .iter()
        .map(|state| webhook(20, sighting(OURS, *state)))
        .collect();
    let mut orders = 0_u64;
    for order in orders_of(&[0, 1, 2, 3, 4, 5]) {
        let mut story = Story::opened(Kind::Inert);
        story.sees(&accepted(9, 1, sighting(OURS, "CHECKOUT")));
        for place in &order {
            story.sees(&news[*place]);
        }
        assert_eq!(story.payment.state, domain::PaymentState::Completed, "{order:?}");
        assert!(!story.has(Flag::Contradiction), "{order:?}");
        orders += 1;
    }
    assert_eq!(orders, 720);
    struck(32, orders);
}

fn orders_of(places: &[usize]) -> Vec<Vec<usize>> {
    if places.is_empty() {
        return vec![Vec::new()];
    }
    let begun_with = |first: &usize| {
        let rest: Vec<usize> = places.iter().copied().filter(|place| place != first).collect();
        orders_of(&rest).into_iter().map(|order| [vec![*first], order].concat()).collect::<Vec<_>>()
    };
    places.iter().flat_map(begun_with).collect()
}
