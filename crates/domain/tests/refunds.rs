//! Never more goes back than was captured, whatever is known and in whatever order (protocols, section 3, I10).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use domain::{Decision, Flag, Flow, NotRefundable, PaymentState, PaymentType, RefundStanding, Refunds, Verdict};
use fault_catalogue::struck;
use story::{OURS, Story, TWIN, euros, look, money, refund_ended, refund_id, refund_opened, sighting, sweep, webhook};

/// 25.00 EUR, captured and read by its id.
fn paid() -> Story {
    let mut story = Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Completed);
    story.sees(&look(15, sighting(OURS, "COMPLETED")));
    story
}

fn left(story: &Story) -> String {
    story.payment.refundable().map_or_else(|why| why.to_string(), |left| left.amount_text())
}

/// A child of ours that we did not make.
fn foreign(payment_type: &str, state: &str, money: Option<domain::Money>) -> domain::Evidence {
    let mut child = sighting(TWIN, state);
    child.parent = OURS.parse().ok();
    child.payment_type = Some(payment_type.to_owned());
    child.money = money;
    sweep(20, child)
}

#[test]
fn what_is_on_its_way_is_reserved_what_is_dead_is_free_again_and_what_went_back_is_gone() {
    let mut story = paid();
    assert_eq!(left(&story), "25.00");
    story.sees(&refund_opened(20, 1, euros("10")));
    story.sees(&refund_opened(21, 2, euros("14.99")));
    assert_eq!(left(&story), "0.01");
    assert_eq!(story.payment.may_refund(euros("0.02")), Err(NotRefundable::TooMuch(euros("0.01"))));
    assert_eq!(story.sees(&refund_opened(22, 3, euros("0.02"))), Decision::Stale);

    story.sees(&refund_ended(30, 1, PaymentState::Declined));
    assert_eq!(left(&story), "10.01");
    story.sees(&refund_ended(31, 2, PaymentState::Completed));
    assert_eq!(left(&story), "10.01");
    assert_eq!(story.payment.refunded().unwrap().to_string(), "14.99");
    assert_eq!(story.payment.state, PaymentState::Completed, "a refund does not change its deposit");
}

#[test]
fn an_unknown_outcome_keeps_its_money_for_ever() {
    let mut story = paid();
    story.sees(&refund_opened(20, 1, euros("25")));
    for state in [PaymentState::Submitted, PaymentState::Pending] {
        assert_eq!(story.sees(&refund_ended(90_000, 1, state)), Decision::Stale);
    }
    assert_eq!(left(&story), "0.00");
}

#[test]
fn nothing_is_refundable_before_it_was_captured_and_read() {
    for state in ["CHECKOUT", "PENDING", "AUTHORIZED", "DECLINED", "CANCELLED"] {
        let story = Story::of(PaymentType::Deposit, Flow::Redirect, state.parse().unwrap());
        assert_eq!(story.payment.refundable(), Err(NotRefundable::State), "{state}");
    }
    let unread = Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Completed);
    assert_eq!(unread.payment.refundable(), Err(NotRefundable::Unconfirmed));
    let withdrawal = Story::of(PaymentType::Withdrawal, Flow::Redirect, PaymentState::Completed);
    assert_eq!(withdrawal.payment.refundable(), Err(NotRefundable::State));
    let story = paid();
    assert_eq!(story.payment.may_refund(money("1", "USD")), Err(NotRefundable::Currency(euros("25"))));
    assert_eq!(story.payment.may_refund(euros("0")), Err(NotRefundable::TooLittle));
}

#[test]
fn what_was_captured_counts_and_not_what_was_ordered() {
    let mut story = Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Checkout);
    let mut told = sighting(OURS, "COMPLETED");
    told.money = Some(money("0.00042", "BTC"));
    story.sees(&look(15, told));
    assert_eq!(story.payment.refundable(), Ok(money("0.00042", "BTC")));
    assert_eq!(story.payment.may_refund(euros("1")), Err(NotRefundable::Currency(money("0.00042", "BTC"))));
}

#[test]
fn what_was_refunded_elsewhere_counts_too_and_a_chargeback_takes_all() {
    let mut story = paid();
    story.sees(&foreign("REFUND", "PENDING", Some(euros("10"))));
    assert_eq!(left(&story), "15.00");
    story.sees(&foreign("REFUND", "DECLINED", Some(euros("10"))));
    assert_eq!(left(&story), "25.00", "it is dead");

    for (payment_type, money, why) in [
        ("CHARGEBACK", Some(euros("1")), NotRefundable::Chargeback),
        ("REFUND", Some(money("1", "USD")), NotRefundable::Incomparable),
        ("REFUND", None, NotRefundable::Incomparable),
    ] {
        let mut story = paid();
        story.sees(&foreign(payment_type, "COMPLETED", money));
        assert_eq!(story.payment.refundable(), Err(why), "{payment_type}");
        assert_eq!(story.sees(&refund_opened(30, 1, euros("1"))), Decision::Stale);
    }
}

#[test]
fn a_deposit_whose_end_is_in_doubt_is_not_refunded() {
    let mut story = paid();
    story.sees(&webhook(20, sighting(OURS, "DECLINED")));
    assert_eq!(story.payment.refundable(), Err(NotRefundable::Contradicted));
}

#[test]
fn a_refund_that_comes_back_to_life_is_counted_and_flagged() {
    let mut story = paid();
    story.sees(&refund_opened(20, 1, euros("25")));
    story.sees(&refund_ended(21, 1, PaymentState::Declined));
    story.sees(&refund_opened(22, 2, euros("25")));
    let decision = story.sees(&refund_ended(23, 1, PaymentState::Completed));
    assert_eq!(decision.verdict(), Verdict::Moves);
    assert!(story.has(Flag::OverRefunded) && story.payment.is_over_refunded());
    assert_eq!(left(&story), "0.00", "and not less than nothing");
    assert_eq!(story.payment.refunds.get(refund_id(1)).unwrap().standing, RefundStanding::Completed);
}

#[test]
fn too_much_that_was_refunded_elsewhere_is_flagged_in_whichever_order_it_is_seen() {
    let mut injected = 0_u64;
    let opened = || Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Pending);
    let (completed, child) = (look(15, sighting(OURS, "COMPLETED")), foreign("REFUND", "COMPLETED", Some(euros("26"))));
    for order in [[&completed, &child], [&child, &completed]] {
        injected += 1;
        let mut story = opened();
        story.sees_all(order);
        assert!(story.has(Flag::OverRefunded), "{order:?}");
        assert_eq!(domain::Payment::fold(&story.ledger), Ok(story.payment));
    }
    struck(58, injected);
}

#[test]
fn a_thousand_refunds_are_the_most() {
    let mut story = paid();
    for number in 1..=1000 {
        assert_eq!(story.sees(&refund_opened(20, number, euros("0.001"))).verdict(), Verdict::Moves);
    }
    assert_eq!(story.payment.refunds.all().len(), Refunds::MAX);
    assert_eq!(story.payment.may_refund(euros("0.001")), Err(NotRefundable::TooMany));
    assert_eq!(left(&story), "24.00");
}

#[test]
fn a_refund_tells_its_deposit_each_end_that_it_comes_to() {
    let refund = domain::Opening {
        payment_type: PaymentType::Refund,
        parent: Some(refund_id(9)),
        ..story::opening(domain::Kind::Moving)
    };
    let (payment, entry) = domain::Payment::open(refund, story::at(0));
    let mut story = Story { payment, ledger: vec![entry] };
    assert!(!story.payment.must_tell_parent());
    let mut told = sighting(OURS, "DECLINED");
    told.payment_type = Some("REFUND".to_owned());
    story.sees(&story::accepted(10, 1, told));
    assert!(story.payment.must_tell_parent());
    let due = story.payment.next_check_at(&domain::Progress::default(), story::at(11), &domain::Intervals::default());
    assert_eq!(due, Some(story::at(11)), "at once");
    let knows = |state| domain::Evidence {
        source: domain::Source::Request,
        at: story::at(12),
        begun_at: None,
        seen: domain::Seen::ParentTold { state },
    };
    story.sees(&knows(PaymentState::Completed));
    assert!(story.payment.must_tell_parent(), "that is not its end");
    story.sees(&knows(PaymentState::Declined));
    assert!(!story.payment.must_tell_parent());
    assert_eq!(domain::Payment::fold(&story.ledger), Ok(story.payment));
}

/// What was captured turns out to be less than what refunds hold already: nothing more goes back before a person has looked.
#[test]
fn what_settled_bounds_what_goes_back_though_refunds_hold_more_already() {
    let mut shrunk = 0_u64;
    for told in ["24.99", "15", "0.01"] {
        let mut story = paid();
        story.sees(&refund_opened(20, 1, euros("20")));
        assert_eq!(left(&story), "5.00");
        let mut less = sighting(OURS, "COMPLETED");
        less.money = Some(euros(told));
        story.sees(&look(30, less));
        assert!(story.has(Flag::AmountContradicts), "{told}");
        assert_eq!(story.payment.may_refund(euros("0.01")), Err(NotRefundable::Contradicted), "{told}");
        assert_eq!(story.sees(&refund_opened(40, 2, euros("0.01"))), Decision::Stale, "{told}");
        assert_eq!(domain::Payment::fold(&story.ledger), Ok(story.payment));
        shrunk += 1;
    }
    struck(58, shrunk);
}
