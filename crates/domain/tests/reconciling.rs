//! Our record held against the gateway's: every pair of states, the sums, and what stands beside a payment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use domain::{BreakKind, Finding, Flow, GatewayState, Payment, PaymentState, PaymentType, Sighting};
use story::{OURS, Story, TWIN, euros, look, money, sighting, sweep, webhook};
use strum::VariantArray as _;

fn of(state: PaymentState) -> Story {
    Story::of(PaymentType::Deposit, Flow::Redirect, state)
}

fn kind(payment: &Payment, told: &Sighting) -> Option<BreakKind> {
    payment.disagreement(told).map(|finding| finding.kind)
}

fn told(state: &str, money: domain::Money) -> Sighting {
    Sighting { money: Some(money), ..sighting(OURS, state) }
}

#[test]
fn every_pair_of_states_is_either_the_same_or_under_way_or_a_break() {
    use PaymentState as S;
    for ours in [S::Checkout, S::Pending, S::Authorized, S::Completed, S::Declined, S::Cancelled] {
        let payment = of(ours).payment;
        for theirs in GatewayState::VARIANTS {
            let found = kind(&payment, &sighting(OURS, theirs));
            let paid_there = matches!(theirs, GatewayState::Completed | GatewayState::Authorized);
            let expected = match (ours, S::from(*theirs)) {
                (ours, theirs) if ours == theirs => None,
                (S::Declined | S::Cancelled, _) if paid_there => Some(BreakKind::LateSuccess),
                (ours, theirs) if ours.is_final() || theirs.is_final() => Some(BreakKind::StateDiffers),
                _ => None,
            };
            assert_eq!(found, expected, "{ours} here, {theirs} there");
        }
        let odd = kind(&payment, &sighting(OURS, story::ANOTHER_WORD));
        assert_eq!(odd.is_some(), ours.is_final(), "a word that nobody knows says nothing of what is under way");
    }
}

#[test]
fn sums_and_currencies_are_compared_once_both_say_that_money_moved() {
    let mut story = of(PaymentState::Checkout);
    story.sees(&webhook(20, told("COMPLETED", euros("25"))));
    story.sees(&look(40, told("COMPLETED", euros("25"))));
    let payment = &story.payment;
    assert_eq!(kind(payment, &told("COMPLETED", euros("25.00"))), None);
    let less = payment.disagreement(&told("COMPLETED", euros("24.5"))).unwrap();
    assert_eq!(less.kind, BreakKind::AmountDiffers);
    let (difference, currency) = Finding::difference(&less.ours, &less.theirs).unwrap();
    assert_eq!((difference.to_string().as_str(), currency.as_str()), ("-0.5", "EUR"));
    let other = payment.disagreement(&told("COMPLETED", money("25", "USD"))).unwrap();
    assert_eq!(other.kind, BreakKind::CurrencyDiffers);
    assert_eq!(Finding::difference(&other.ours, &other.theirs), None, "euros and dollars are no one sum");
    assert_eq!(payment.remarks(&told("COMPLETED", euros("25"))), []);
    let missing = payment.missing_at_gateway();
    let (difference, _) = Finding::difference(&missing.ours, &missing.theirs).unwrap();
    assert_eq!(difference.to_string(), "-25", "all of it");
}

#[test]
fn more_or_less_than_was_asked_for_is_a_remark_and_a_conversion_is_none() {
    for (moved, expected) in [(euros("24"), vec![BreakKind::AmountDiffers]), (money("30", "USD"), vec![])] {
        let mut story = of(PaymentState::Checkout);
        story.sees(&webhook(20, told("COMPLETED", moved)));
        let told = told("COMPLETED", moved);
        assert_eq!(kind(&story.payment, &told), None, "the two records agree");
        let remarks = story.payment.remarks(&told);
        assert_eq!(remarks.iter().map(|remark| remark.kind).collect::<Vec<_>>(), expected);
        if let [remark] = remarks.as_slice() {
            assert_eq!((remark.ours.money, remark.theirs.money), (Some(euros("25")), Some(moved)));
        }
        assert!(story.payment.is_proven_by(&told), "and what moved is proven all the same");
    }
}

#[test]
fn a_payment_that_died_and_was_paid_after_all_is_a_late_success_for_good() {
    let mut story = of(PaymentState::Declined);
    let paid = told("COMPLETED", euros("25"));
    assert_eq!(kind(&story.payment, &paid), Some(BreakKind::LateSuccess));
    story.sees(&webhook(30, paid.clone()));
    story.sees(&look(40, paid.clone()));
    assert_eq!((story.payment.state, kind(&story.payment, &paid)), (PaymentState::Completed, None));
    let remarks = story.payment.remarks(&paid);
    assert_eq!(remarks.iter().map(|remark| remark.kind).collect::<Vec<_>>(), [BreakKind::LateSuccess]);
}

#[test]
fn what_stands_beside_a_payment_is_found_while_it_can_move_money() {
    let beside = |change: &dyn Fn(&mut Sighting), state: &str| {
        let mut story = of(PaymentState::Completed);
        let mut other = sighting(TWIN, state);
        change(&mut other);
        story.sees(&sweep(20, other.clone()));
        story.payment.finding_beside(&other).map(|finding| (finding.kind, finding.subject))
    };
    let twin = |_: &mut Sighting| {};
    assert_eq!(beside(&twin, "CHECKOUT"), Some((BreakKind::Surplus, TWIN.to_owned())));
    assert_eq!(beside(&twin, "COMPLETED"), Some((BreakKind::Surplus, TWIN.to_owned())));
    assert_eq!(beside(&twin, "CANCELLED"), None);
    let foreign = |other: &mut Sighting| {
        other.parent = OURS.parse().ok();
        other.payment_type = Some("REFUND".to_owned());
    };
    assert_eq!(beside(&foreign, "COMPLETED"), Some((BreakKind::MissingHere, TWIN.to_owned())));
    assert_eq!(beside(&foreign, "DECLINED"), None);
    let cascade = |other: &mut Sighting| other.parent = OURS.parse().ok();
    assert_eq!(beside(&cascade, "COMPLETED"), None, "ours is paid as well");
}

#[test]
fn two_sources_prove_an_end_and_one_does_not() {
    let paid = told("COMPLETED", euros("25"));
    let mut story = of(PaymentState::Checkout);
    story.sees(&sweep(20, paid.clone()));
    assert!(!story.payment.is_proven_by(&paid), "a list alone");
    story.sees(&look(40, paid.clone()));
    assert!(story.payment.is_proven_by(&paid));
    assert!(!story.payment.is_proven_by(&told("COMPLETED", euros("26"))));
    assert!(!story.payment.is_proven_by(&told("COMPLETED", money("25", "USD"))));
    assert!(!story.payment.is_proven_by(&told("DECLINED", euros("25"))));
    let mut dead = of(PaymentState::Checkout);
    dead.sees(&webhook(20, sighting(OURS, "DECLINED")));
    assert!(dead.payment.is_proven_by(&sighting(OURS, "DECLINED")), "nothing moved, so there is no sum");
    assert!(!of(PaymentState::Checkout).payment.is_proven_by(&sighting(OURS, "CHECKOUT")), "it has not ended");
}
