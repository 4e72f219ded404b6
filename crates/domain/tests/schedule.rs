//! When somebody looks next (protocols, section 1, "Resolving an unknown outcome", and invariant I7).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use std::time::Duration;

use domain::{Intervals, Kind, Payment, PaymentId, PaymentState, Progress, Sighting};
use proptest::prelude::*;
use story::{
    OURS, Story, TWIN, about_to_send, accepted, at, found, look, not_sent, outcome_unknown, sighting, webhook,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The same payment with an id that adds no jitter, or the most.
fn with_jitter(mut payment: Payment, hundredths: u64) -> Payment {
    payment.opening.id = PaymentId::from(uuid::Uuid::from_u64_pair(1, 0x8000_0000_0000_0000 / 100 * 100 + hundredths));
    payment
}

fn looked(second: u64, progress: Progress) -> Progress {
    Progress { checks: progress.checks + 1, checked_at: Some(at(second)), ..progress }
}

fn next(payment: &Payment, progress: &Progress, second: u64) -> Option<u64> {
    let next = payment.next_check_at(progress, at(second), &Intervals::default())?;
    Some(next.since(at(0)).as_secs())
}

/// The seconds of the first looks that bring no news, each made when it is due.
fn looks(payment: &Payment, from: u64, count: usize) -> Vec<u64> {
    let payment = with_jitter(payment.clone(), 0);
    let (mut progress, mut now, mut all) = (Progress::default(), from, Vec::new());
    while all.len() < count
        && let Some(due) = next(&payment, &progress, now)
    {
        now = due.max(now);
        progress = looked(now, progress);
        all.push(now);
    }
    all
}

fn unknown(kind: Kind) -> Story {
    let mut story = Story::opened(kind);
    story.sees(&outcome_unknown(1, 1));
    story
}

#[test]
fn an_unknown_outcome_is_looked_up_as_the_protocol_says_and_then_daily() {
    let expected = [2, 10, 30, 90, 180, 300, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY, 4 * DAY, 5 * DAY];
    assert_eq!(looks(&unknown(Kind::Moving).payment, 1, 13), expected);
}

#[test]
fn nobody_looks_while_the_sender_is_on_it() {
    let story = Story::opened(Kind::Inert);
    assert_eq!(next(&with_jitter(story.payment.clone(), 0), &Progress::default(), 0), Some(60));
    assert_eq!(looks(&story.payment, 61, 3), [61, 90, 180], "its sender is dead");
}

#[test]
fn an_inert_payment_may_be_sent_a_second_time_once_it_was_not_found_three_times() {
    let intervals = Intervals::default();
    let story = unknown(Kind::Inert);
    let payment = with_jitter(story.payment.clone(), 0);
    let mut progress = looked(180, Progress::default());
    let mut seconds = Vec::new();
    while !payment.may_try_twice(&progress, &intervals) {
        let now = next(&payment, &progress, 180).unwrap();
        assert!(payment.is_past_quarantine(at(now), &intervals));
        progress = Progress { empty_look_ups: progress.empty_look_ups + 1, ..looked(now, progress) };
        seconds.push(now);
    }
    assert_eq!(seconds, [300, 330, 363]);
    assert!(!payment.is_past_quarantine(at(299), &intervals));
    assert!(!unknown(Kind::Moving).payment.may_try_twice(&progress, &intervals), "never for what moves money");

    let mut with_a_candidate = story.clone();
    with_a_candidate.sees(&story::undecided(20, sighting(TWIN, "CHECKOUT")));
    assert!(!with_a_candidate.payment.may_try_twice(&progress, &intervals), "any candidate forbids it");

    let mut twice = story;
    twice.sees(&about_to_send(400, 2));
    twice.sees(&outcome_unknown(401, 2));
    assert!(!twice.payment.may_try_twice(&progress, &intervals), "two in all");
}

#[test]
fn a_gateway_that_is_away_is_asked_less_and_less_often() {
    let payment = with_jitter(unknown(Kind::Inert).payment, 0);
    let pause_after = |second| next(&payment, &looked(second, Progress::default()), second).unwrap() - second;
    assert_eq!([pause_after(300), pause_after(HOUR), pause_after(DAY)], [30, 6 * MINUTE, DAY / 10]);
}

#[test]
fn open_payments_are_looked_at_on_a_slow_floor() {
    let expected = [30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY];
    for state in
        [PaymentState::Checkout, PaymentState::Pending, PaymentState::AwaitingApproval, PaymentState::Authorized]
    {
        let all = looks(&Story::answered(state).payment, 10, expected.len());
        assert_eq!(all, expected.map(|offset| offset + 10));
    }
}

#[test]
fn news_at_every_look_does_not_make_the_looks_follow_each_other_quickly() {
    let mut story = Story::answered(PaymentState::Pending);
    let (mut progress, mut now) = (Progress::default(), 10);
    for number in 0..10 {
        now = next(&story.payment, &progress, now).unwrap();
        let refs = [("expiresIn".to_owned(), number.to_string())].into();
        story.sees(&look(now, Sighting { external_refs: refs, ..sighting(OURS, "PENDING") }));
        progress = looked(now, progress).renewed(false);
    }
    assert_eq!(story.ledger.len(), 12);
    assert!(now > 3 * DAY, "ten looks took {now} s");
}

#[test]
fn an_outage_is_not_followed_by_a_burst() {
    let payment = Story::answered(PaymentState::Pending).payment;
    assert_eq!(looks(&payment, 30 * DAY, 3), [30 * DAY, 31 * DAY, 32 * DAY]);
    assert_eq!(looks(&unknown(Kind::Moving).payment, 30 * DAY, 3), [30 * DAY, 31 * DAY, 32 * DAY]);
}

#[test]
fn a_completed_payment_is_read_once_more_by_id_and_then_left_alone() {
    let mut story = Story::answered(PaymentState::Checkout);
    story.sees(&accepted(11, 1, sighting(OURS, "CHECKOUT")));
    story.sees(&webhook(100, sighting(OURS, "COMPLETED")));
    assert_eq!(looks(&story.payment, 100, 4), [120, 130, 190, 280]);
    story.sees(&look(120, sighting(OURS, "COMPLETED")));
    assert_eq!(next(&story.payment, &looked(120, Progress::default()), 120), None);
}

#[test]
fn the_ends_need_no_further_look() {
    for state in [PaymentState::Declined, PaymentState::Cancelled, PaymentState::Rejected] {
        assert_eq!(next(&Story::answered(state).payment, &Progress::default(), 11), None, "{state}");
    }
}

#[test]
fn a_post_of_unknown_outcome_is_looked_up_through_72_hours_though_the_payment_went_on() {
    let intervals = Intervals::default();
    for hundredths in [0, 99] {
        let mut story = unknown(Kind::Inert);
        story.sees(&found(12, sighting(OURS, "DECLINED")));
        let payment = with_jitter(story.payment, hundredths);
        let (mut progress, mut now, mut last) = (Progress::default(), 12, None);
        for _ in 0..100 {
            let Some(due) = next(&payment, &progress, now) else { break };
            assert!(payment.needs_look_up(at(due), &intervals), "by reference, at {due}");
            now = due;
            last = Some(due);
            progress = looked(now, progress);
        }
        assert_eq!(last, Some(3 * DAY), "the last look is at the horizon");
        assert_eq!(next(&payment, &progress, now), None);
        assert!(!payment.needs_look_up(at(5 * DAY), &intervals));
    }
}

#[test]
fn a_request_that_stayed_here_is_sent_again_with_growing_pauses_until_the_deadline() {
    let intervals = Intervals::default();
    let mut story = Story::opened(Kind::Moving);
    let (mut now, mut pauses) = (0, Vec::new());
    for number in 1..=8 {
        story.sees(&not_sent(now, number));
        assert!(story.payment.is_unsent());
        let due = next(&with_jitter(story.payment.clone(), 0), &Progress::default(), now).unwrap();
        pauses.push(due - now);
        if story.payment.is_past_submitting(at(due), &intervals) {
            break;
        }
        now = due;
        story.sees(&about_to_send(now, number + 1));
    }
    assert_eq!(pauses, [1, 2, 5, 10, 20, 40, 80, 80]);
    assert!(story.payment.is_past_submitting(at(now), &intervals), "eight are enough");

    let mut slow = Story::opened(Kind::Moving);
    slow.sees(&not_sent(599, 1));
    let patient = Intervals { resends: vec![Duration::from_hours(2)], ..Intervals::default() };
    let due = with_jitter(slow.payment.clone(), 0).next_check_at(&Progress::default(), at(599), &patient);
    assert_eq!(due, Some(at(600)), "the deadline does not wait for the pause");
    assert!(slow.payment.is_past_submitting(at(600), &patient) && !slow.payment.is_past_submitting(at(599), &patient));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jitter_is_late_by_at_most_a_tenth_and_never_early(hundredths in 0..100u64, last_look in 0..10 * DAY) {
        let payment = Story::answered(PaymentState::Pending).payment;
        let progress = looked(last_look, Progress::default());
        let of = |hundredths| with_jitter(payment.clone(), hundredths).next_check_at(&progress, at(last_look), &Intervals::default());
        let (plain, late) = (of(0).unwrap(), of(hundredths).unwrap());
        prop_assert!(plain > at(last_look));
        prop_assert!(late >= plain);
        prop_assert!(late.since(plain) <= plain.since(at(last_look.max(10))) / 10);
    }

    #[test]
    fn no_setting_makes_the_schedule_panic_or_stop(
        seconds in prop::collection::vec(prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()], 0..4),
        checks in any::<u32>(), last_look in prop::option::of(0..u64::MAX), second in 0..10 * DAY,
    ) {
        let all: Vec<Duration> = seconds.iter().copied().map(Duration::from_secs).collect();
        let one = all.first().copied().unwrap_or(Duration::MAX);
        let intervals = Intervals {
            lease: one, command_lease: one, look_ups: all.clone(), quarantine: one, empty_look_ups: checks, empty_look_up_pause: one,
            look_up_horizon: one, resends: all.clone(), submit_deadline: one, polls: all, confirm: one,
        };
        let progress =
            Progress { checks, empty_look_ups: checks, checked_at: last_look.map(at), ..Progress::default() };
        for story in [Story::opened(Kind::Inert), unknown(Kind::Inert), Story::answered(PaymentState::Pending)] {
            prop_assert!(story.payment.next_check_at(&progress, at(second), &intervals).is_some());
            let _ = story.payment.needs_look_up(at(second), &intervals);
        }
    }
}
