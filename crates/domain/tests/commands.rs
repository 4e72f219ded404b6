//! What the merchant may have the gateway do with a payment, when, and what is known afterwards (protocols, section 3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use domain::{
    Command, CommandKind, CommandOutcome, Decision, Flag, Flow, NotAllowed, PaymentState, PaymentType, Progress,
    Sighting, Verdict,
};
use story::{
    OURS, Story, TWIN, at, command_answered, command_denied, command_issued, command_not_sent, command_repeated,
    command_unknown, euros, look, look_begun_at, money, sighting, webhook,
};
use strum::VariantArray as _;

fn authorized() -> Story {
    let mut story = Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Authorized);
    story.sees(&look(15, sighting(OURS, "AUTHORIZED")));
    story
}

fn held_withdrawal() -> Story {
    Story::of(PaymentType::Withdrawal, Flow::Redirect, PaymentState::AwaitingApproval)
}

fn host_to_host() -> Story {
    Story::of(PaymentType::Deposit, Flow::HostToHost, PaymentState::Checkout)
}

fn whole() -> Command {
    Command::Capture { amount: None }
}

fn part(amount: &str) -> Command {
    Command::Capture { amount: Some(euros(amount)) }
}

fn command_of(kind: CommandKind) -> Command {
    match kind {
        CommandKind::Start => Command::Start,
        CommandKind::Capture => whole(),
        CommandKind::Void => Command::Void,
        CommandKind::Approve => Command::Approve,
        CommandKind::Reject => Command::Reject { reason: None },
    }
}

fn outcome(story: &Story) -> &CommandOutcome {
    &story.payment.commands.issued().last().unwrap().outcome
}

#[test]
fn each_command_is_for_one_state_and_no_other() {
    for kind in CommandKind::VARIANTS {
        let (payment_type, flow) = match kind {
            CommandKind::Start => (PaymentType::Deposit, Flow::HostToHost),
            CommandKind::Capture | CommandKind::Void => (PaymentType::Deposit, Flow::Redirect),
            CommandKind::Approve | CommandKind::Reject => (PaymentType::Withdrawal, Flow::Redirect),
        };
        for state in PaymentState::VARIANTS.iter().filter(|state| story::gateway_state(**state).is_some()) {
            let mut story = Story::of(payment_type, flow, *state);
            story.sees(&look(15, {
                let mut told = sighting(OURS, state);
                told.payment_type = None;
                told
            }));
            let decision = story.sees(&command_issued(20, 1, command_of(*kind)));
            let allowed = *state == kind.state();
            assert_eq!(decision.verdict() == Verdict::Moves, allowed, "{kind} of a {payment_type} that is {state}");
            assert_eq!(story.payment.commands.open().is_some(), allowed);
            assert_eq!(story.payment.state, *state, "the intent alone moves nothing");
        }
    }
}

#[test]
fn each_command_is_for_its_kind_of_payment() {
    for (mut story, kinds) in [
        (authorized(), [CommandKind::Start, CommandKind::Approve, CommandKind::Reject]),
        (held_withdrawal(), [CommandKind::Start, CommandKind::Capture, CommandKind::Void]),
    ] {
        for kind in kinds {
            assert_eq!(story.payment.allows(&command_of(kind)), Err(NotAllowed::Kind(kind)));
            assert_eq!(story.sees(&command_issued(20, 1, command_of(kind))), Decision::Stale);
        }
    }
    let mut redirected = Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Checkout);
    assert_eq!(redirected.sees(&command_issued(20, 1, Command::Start)), Decision::Stale);
}

#[test]
fn while_one_is_open_there_is_no_other() {
    for ended in [command_unknown(22, 1), command_denied(22, 1)] {
        let mut story = authorized();
        story.sees(&command_issued(20, 1, part("10")));
        for other in [whole(), Command::Void] {
            assert_eq!(story.payment.allows(&other), Err(NotAllowed::Open(CommandKind::Capture)));
        }
        story.sees(&ended);
        assert_eq!(story.payment.allows(&Command::Void), Err(NotAllowed::Open(CommandKind::Capture)));
        assert_eq!(story.sees(&command_issued(30, 2, Command::Void)), Decision::Stale);
        // The same one again is a repeat, whoever gives it.
        assert!(story.payment.repeats(&part("10.00")).is_some());
        assert!(story.payment.repeats(&whole()).is_none());
    }
}

#[test]
fn a_capture_takes_no_more_than_is_held_in_its_currency_once_it_was_read_by_its_id() {
    let unread = Story::of(PaymentType::Deposit, Flow::Redirect, PaymentState::Authorized);
    assert_eq!(unread.payment.allows(&whole()), Err(NotAllowed::Unconfirmed));
    let story = authorized();
    assert_eq!(story.payment.allows(&part("25.00")), Ok(()));
    assert_eq!(story.payment.allows(&part("25.01")), Err(NotAllowed::TooMuch(euros("25"))));
    let dollars = Command::Capture { amount: Some(money("1", "USD")) };
    assert_eq!(story.payment.allows(&dollars), Err(NotAllowed::Currency(euros("25"))));
}

#[test]
fn the_answer_ends_the_command_and_tells_the_state() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, part("10")));
    let mut told = sighting(OURS, "COMPLETED");
    told.money = Some(euros("10"));
    story.sees(&command_answered(20, 21, 1, told));
    assert_eq!((story.payment.state, outcome(&story)), (PaymentState::Completed, &CommandOutcome::Done));
    assert_eq!(story.payment.settled, Some(euros("10")));
    assert!(!story.has(Flag::AmountDiffers), "it is what was captured");
    assert!(story.payment.repeats(&part("10")).is_some() && story.payment.repeats(&whole()).is_none());

    // Another sum than the one that was asked for is told.
    let mut story = authorized();
    story.sees(&command_issued(20, 1, whole()));
    let mut told = sighting(OURS, "COMPLETED");
    told.money = Some(euros("24"));
    story.sees(&command_answered(20, 21, 1, told));
    assert!(story.has(Flag::AmountDiffers));
}

#[test]
fn an_answer_may_go_back_among_open_states() {
    let mut story = held_withdrawal();
    story.sees(&command_issued(20, 1, Command::Approve));
    let mut told = sighting(OURS, "PENDING");
    told.payment_type = Some("WITHDRAWAL".to_owned());
    story.sees(&command_answered(20, 21, 1, told));
    assert_eq!((story.payment.state, outcome(&story)), (PaymentState::Pending, &CommandOutcome::Done));
}

#[test]
fn whoever_tells_that_the_payment_has_gone_on_ends_the_command() {
    for ended in [None, Some(command_unknown(22, 1)), Some(command_denied(22, 1))] {
        for seen in [webhook(30, sighting(OURS, "COMPLETED")), look(30, sighting(OURS, "PENDING"))] {
            let mut story = authorized();
            story.sees(&command_issued(20, 1, whole()));
            story.sees_all(&ended);
            story.sees(&seen);
            assert_eq!(outcome(&story), &CommandOutcome::Done);
            assert!(story.payment.commands.open().is_none());
        }
    }
}

#[test]
fn a_no_proves_nothing_until_a_look_that_began_afterwards_shows_the_same_state() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, Command::Void));
    story.sees(&command_denied(22, 1));
    for proves_nothing in
        [look_begun_at(21, 23, sighting(OURS, "AUTHORIZED")), webhook(24, sighting(OURS, "AUTHORIZED"))]
    {
        story.sees(&proves_nothing);
        assert!(matches!(outcome(&story), CommandOutcome::Denied { .. }));
    }
    story.sees(&look_begun_at(22, 25, sighting(OURS, "AUTHORIZED")));
    assert!(matches!(outcome(&story), CommandOutcome::Refused { .. }));
    assert_eq!(story.payment.allows(&Command::Void), Ok(()), "it may be given anew");
    assert_eq!(story.payment.allows(&whole()), Ok(()), "and so may another one");
}

#[test]
fn an_unknown_outcome_stays_unknown_however_often_the_same_state_is_seen() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, part("10")));
    story.sees(&command_unknown(50, 1));
    for second in [60, 400, 90_000] {
        story.sees(&look(second, sighting(OURS, "AUTHORIZED")));
        assert!(matches!(outcome(&story), CommandOutcome::Unknown { .. }), "age is no evidence");
    }
}

#[test]
fn what_never_left_may_be_given_again_and_a_capture_that_may_have_left_may_not() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, part("10")));
    story.sees(&command_not_sent(21, 1));
    assert_eq!(story.payment.allows(&part("12")), Ok(()));
    story.sees(&command_issued(22, 2, part("12")));
    story.sees(&command_answered(22, 23, 2, sighting(OURS, "PENDING")));
    // The gateway went back: the authorization stands there again, and our one capture is spent.
    story.sees(&look(40, sighting(OURS, "AUTHORIZED")));
    assert_eq!(story.payment.state, PaymentState::Authorized);
    assert_eq!(story.payment.allows(&whole()), Err(NotAllowed::Once(CommandKind::Capture)));
}

#[test]
fn the_machine_repeats_only_what_does_nothing_twice() {
    for (command, looks) in [(whole(), 2), (Command::Void, 1)] {
        let mut story = authorized();
        story.sees(&command_issued(20, 1, command.clone()));
        story.sees(&command_unknown(50, 1));
        let may = |story: &Story, looks| story.payment.may_repeat(story.payment.commands.open().unwrap().1, looks);
        assert!(!may(&story, looks - 1) && may(&story, looks), "{command:?}");
        for request in [2, 3] {
            assert_eq!(story.sees(&command_repeated(400, 1, request)).verdict(), Verdict::Moves);
            story.sees(&command_unknown(450, 1));
        }
        assert!(!may(&story, 100), "three requests are enough");
        assert_eq!(story.sees(&command_repeated(500, 1, 4)), Decision::Stale);
    }
    let mut partly = authorized();
    partly.sees(&command_issued(20, 1, part("10")));
    partly.sees(&command_unknown(50, 1));
    assert_eq!(partly.sees(&command_repeated(400, 1, 2)), Decision::Stale, "a part may be taken twice");
    let mut started = host_to_host();
    started.sees(&command_issued(20, 1, Command::Start));
    started.sees(&command_unknown(50, 1));
    assert_eq!(started.sees(&command_repeated(400, 1, 2)), Decision::Stale, "one PATCH per payment");
}

#[test]
fn a_repeat_that_never_left_leaves_the_first_one_unknown() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, Command::Void));
    story.sees(&command_unknown(50, 1));
    story.sees(&command_repeated(400, 1, 2));
    story.sees(&command_not_sent(401, 1));
    assert!(matches!(outcome(&story), CommandOutcome::Unknown { .. }));
}

#[test]
fn an_answer_about_another_payment_is_kept_and_ends_nothing() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, whole()));
    let decision = story.sees(&command_answered(20, 21, 1, sighting(TWIN, "COMPLETED")));
    assert_eq!(decision.verdict(), Verdict::Elsewhere);
    assert_eq!(story.payment.state, PaymentState::Authorized);
    assert!(matches!(outcome(&story), CommandOutcome::Unknown { .. }));
    assert_eq!(story.payment.others[0].id.as_str(), TWIN);
}

#[test]
fn an_answer_that_shows_the_old_state_leaves_the_outcome_unknown() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, whole()));
    story.sees(&command_answered(20, 21, 1, sighting(OURS, "AUTHORIZED")));
    assert!(matches!(outcome(&story), CommandOutcome::Unknown { .. }));
}

#[test]
fn a_host_to_host_deposit_has_one_patch_and_the_page_only_after_a_proven_refusal() {
    let mut story = host_to_host();
    assert!(story.payment.needs_start() && !story.payment.falls_back_to_redirect());
    story.sees(&command_issued(20, 1, Command::Start));
    assert!(!story.payment.needs_start() && !story.payment.falls_back_to_redirect());
    story.sees(&command_denied(21, 1));
    assert!(!story.payment.falls_back_to_redirect(), "a no alone proves nothing");
    story.sees(&look(22, sighting(OURS, "CHECKOUT")));
    assert!(!story.payment.falls_back_to_redirect(), "there is no page that is known");
    let with_page = |second| {
        look(
            second,
            Sighting { redirect_url: Some("https://checkout.example/p/1".to_owned()), ..sighting(OURS, "CHECKOUT") },
        )
    };
    story.sees(&with_page(23));
    assert!(story.payment.falls_back_to_redirect());
    assert_eq!(story.payment.allows(&Command::Start), Err(NotAllowed::Once(CommandKind::Start)));

    // What never left may leave later, up to eight times.
    let mut story = host_to_host();
    for number in 1..=8 {
        assert!(story.payment.needs_start(), "{number}");
        story.sees(&command_issued(20, number, Command::Start));
        story.sees(&command_not_sent(21, number));
    }
    story.sees(&with_page(22));
    assert!(!story.payment.needs_start() && story.payment.falls_back_to_redirect());
}

#[test]
fn somebody_looks_after_an_open_command_as_soon_as_its_sender_may_be_dead() {
    let intervals = domain::Intervals::default();
    let mut story = authorized();
    story.sees(&command_issued(20, 1, whole()));
    let next = |story: &Story, now| story.payment.next_check_at(&Progress::default(), at(now), &intervals).unwrap();
    assert!(next(&story, 21) <= at(20 + 120), "its lease is two minutes");
    story.sees(&command_unknown(50, 1));
    assert!(next(&story, 51) <= at(52), "two seconds after it was sent is over by now");
}

#[test]
fn a_payment_says_what_is_open_and_what_came_to_nothing() {
    let mut story = authorized();
    story.sees(&command_issued(20, 1, whole()));
    let why = |story: &Story| story.payment.why(&Progress::default());
    assert!(why(&story).contains("a capture was about to leave at 1970-01-01T00:00:20"), "{}", why(&story));
    story.sees(&command_unknown(50, 1));
    assert!(why(&story).contains("its outcome is not known (timed out)"), "{}", why(&story));
    story.sees(&webhook(60, sighting(OURS, "COMPLETED")));
    assert!(!why(&story).contains("capture"), "{}", why(&story));
}
