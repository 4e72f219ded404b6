//! Random walks: whatever is seen in whatever order, the ledger tells the payment, and the invariants hold after every
//! step (protocols, section 5).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use std::collections::BTreeMap;

use domain::{
    Attempt, Command, Entry, Evidence, Flag, GatewayState, Intervals, Kind, Movement, MovementKind, Payment,
    PaymentState, Progress, Seen, Sighting, Submission, UnfoldableLedger,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use story::{
    ANOTHER_WORD, OURS, Story, TWIN, about_to_send, accepted, at, claimed_elsewhere, command_answered, command_denied,
    command_issued, command_not_sent, command_repeated, command_unknown, found, given_up, look, look_begun_at, missing,
    money, not_sent, opened_again, outcome_unknown, refund_ended, refund_opened, refused, seen_state, sighting, sweep,
    undecided, webhook,
};
use strum::VariantArray as _;

/// Any sighting: of ours, of a twin, of a child; in any state; with or without the facts that may be left out.
fn any_sighting() -> impl Strategy<Value = Sighting> {
    let words = GatewayState::VARIANTS.iter().map(ToString::to_string).chain([ANOTHER_WORD.to_owned(), String::new()]);
    let moneys = vec![None, Some(money("25.00", "EUR")), Some(money("20", "EUR")), Some(money("0.00071", "BTC"))];
    let texts = |all: &[&str]| {
        prop::sample::select(all.iter().map(|text| Some((*text).to_owned())).chain([None]).collect::<Vec<_>>())
    };
    (
        prop::sample::select(vec![OURS, OURS, OURS, TWIN, "other0001"]),
        prop::sample::select(words.collect::<Vec<_>>()),
        (prop::sample::select(moneys.clone()), prop::sample::select(moneys)),
        texts(&["DEPOSIT", "REFUND"]),
        texts(&[OURS]),
        texts(&["https://checkout.example/p/1"]),
        prop::sample::select(vec![None, Some("BASIC_CARD"), Some("PIX")]),
    )
        .prop_map(|(id, word, (paid, customer_money), payment_type, parent, redirect_url, method)| Sighting {
            state: seen_state(&word),
            money: paid,
            customer_money,
            fee: customer_money,
            payment_type,
            parent: parent.and_then(|parent| parent.parse().ok()),
            external_refs: redirect_url.iter().map(|_| ("pixCode".to_owned(), word.clone())).collect(),
            redirect_url,
            payment_method: method.map(|method| method.parse().unwrap()),
            error: (word == "DECLINED").then(|| domain::PaymentError {
                code: "4.01".to_owned(),
                message: Some("declined by the issuer".to_owned()),
                external_result_code: None,
                fields: Vec::new(),
            }),
            ..sighting(id, &word)
        })
}

/// The makings of any evidence; the second in which it comes is known later.
fn any_evidence() -> impl Strategy<Value = (u8, usize, u64, Sighting)> {
    (0..32u8, 1..4usize, 0..30u64, any_sighting())
}

fn evidence((kind, attempt, older, sighting): (u8, usize, u64, Sighting), second: u64) -> Evidence {
    match kind {
        0 => opened_again(second),
        1 | 2 => about_to_send(second, attempt),
        3 => not_sent(second, attempt),
        4 => given_up(second),
        5 => refused(second, attempt),
        6 => outcome_unknown(second, attempt),
        7 => claimed_elsewhere(second, attempt),
        8 => missing(second),
        9 => accepted(second, attempt, sighting),
        10 => found(second, sighting),
        11 => undecided(second, sighting),
        12..=14 => webhook(second, sighting),
        15 | 16 => sweep(second, sighting),
        17 => look_begun_at(second.saturating_sub(older), second, sighting),
        20 => command_issued(second, attempt, Command::Capture { amount: None }),
        21 => command_issued(second, attempt, Command::Capture { amount: Some(money("20", "EUR")) }),
        22 => command_issued(second, attempt, Command::Void),
        23 => command_repeated(second, attempt, 2),
        24 => command_not_sent(second, attempt),
        25 => command_denied(second, attempt),
        26 => command_unknown(second, attempt),
        27 => command_answered(second.saturating_sub(older), second, attempt, sighting),
        28 | 29 => refund_opened(second, u128::from(older), money("7", "EUR")),
        30 => refund_ended(second, u128::from(older), PaymentState::Completed),
        31 => refund_ended(second, u128::from(older), PaymentState::Declined),
        _ => look(second, sighting),
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Inert, Kind::Moving])
}

/// What must hold between a payment and the one that it became.
fn check_step(before: &Payment, story: &Story, evidence: &Evidence) -> Result<(), TestCaseError> {
    let after = &story.payment;
    prop_assert_eq!(after.version, u64::try_from(story.ledger.len()).unwrap(), "I9: one entry a version");
    prop_assert_eq!(&after.opening, &before.opening);
    prop_assert!(
        before.gateway_payment_id.is_none() || before.gateway_payment_id == after.gateway_payment_id,
        "set once"
    );
    prop_assert!(before.flags.is_subset(&after.flags), "flags stay");
    prop_assert!(before.updated_at <= after.updated_at);
    let again = after.apply(evidence);
    prop_assert_eq!(again.change(), None, "a repeat writes nothing");
    if after.version > before.version {
        let entry = story.ledger.last().unwrap();
        prop_assert_ne!(&entry.change, &domain::Change::default(), "an entry that changes nothing");
        prop_assert_eq!(entry.sequence, after.version);
    } else {
        prop_assert_eq!(before, after);
    }
    if before.state.is_final() && before.state != after.state {
        prop_assert_eq!(after.state, PaymentState::Completed, "I4");
        prop_assert!(after.flags.contains(&Flag::GatewayCorrection), "I4");
    }
    if before.state != after.state {
        check_that_it_was_told(after, evidence)?;
    }
    if let Seen::AboutToSend { .. } = evidence.seen
        && after.version > before.version
    {
        let sent = after.submission.possibly_sent();
        prop_assert!(sent <= Submission::sent_max(after.opening.kind), "I1: {sent} POSTs");
        prop_assert!(
            before.gateway_payment_id.is_none() && before.others.is_empty(),
            "a candidate forbids another POST"
        );
    }
    let open = after.commands.issued().iter().filter(|issued| issued.outcome.is_open()).count();
    prop_assert!(open <= 1, "one command at a time");
    prop_assert!(!after.is_over_refunded() || after.flags.contains(&Flag::OverRefunded), "I10");
    prop_assert!(after.others.iter().all(|other| Some(&other.id) != after.gateway_payment_id.as_ref()));
    Ok(())
}

/// I5: a state is told by a gateway payment that is ours, or is REJECTED by a refusal or a proof that nothing was sent.
fn check_that_it_was_told(after: &Payment, evidence: &Evidence) -> Result<(), TestCaseError> {
    match &evidence.seen {
        Seen::Accepted { sighting, .. }
        | Seen::Found { sighting }
        | Seen::Undecided { sighting }
        | Seen::CommandAnswered { sighting, .. }
        | Seen::Reported { sighting } => {
            prop_assert_eq!(Some(&sighting.id), after.gateway_payment_id.as_ref());
            prop_assert_eq!(sighting.known_state().map(PaymentState::from), Some(after.state));
        }
        Seen::Refused { .. } | Seen::NotSent { .. } | Seen::GivenUp { .. } => {
            prop_assert_eq!(after.state, PaymentState::Rejected);
            let nothing_can_be_open = after.submission.unaccounted() == 0 && after.gateway_payment_id.is_none();
            prop_assert!(nothing_can_be_open && after.error.is_some());
        }
        Seen::Opened(_)
        | Seen::AboutToSend { .. }
        | Seen::OutcomeUnknown { .. }
        | Seen::ClaimedElsewhere { .. }
        | Seen::Missing
        | Seen::CommandIssued { .. }
        | Seen::CommandRepeated { .. }
        | Seen::CommandNotSent { .. }
        | Seen::CommandDenied { .. }
        | Seen::CommandUnknown { .. }
        | Seen::RefundOpened { .. }
        | Seen::RefundEnded { .. }
        | Seen::ParentTold { .. }
        | Seen::Operated { .. } => prop_assert!(false, "moved by {evidence:?}"),
    }
    Ok(())
}

/// I11: all lines together are what the payment holds in the end, line by line by what it is of.
fn check_books(payment: &Payment, ledger: &[Entry]) -> Result<(), TestCaseError> {
    let opened = Payment::fold(&ledger[..1]).unwrap();
    let mut sums = BTreeMap::new();
    for (_, line) in Payment::booked(ledger).unwrap() {
        prop_assert!(!line.amount.is_zero());
        let account = (line.gateway_payment_id, line.kind, line.currency.to_string());
        *sums.entry(account).or_insert(Decimal::ZERO) += line.amount;
    }
    sums.retain(|_, sum| !sum.is_zero());
    let held = Movement::between(&opened, payment);
    let held =
        held.into_iter().map(|line| ((line.gateway_payment_id, line.kind, line.currency.to_string()), line.amount));
    prop_assert_eq!(&sums, &held.collect());
    let own = payment.gateway_payment_id.clone().map(|id| (id, MovementKind::Deposit));
    let settled = payment.settled.filter(|_| payment.state == PaymentState::Completed);
    for ((id, kind, currency), sum) in sums {
        if Some((id, kind)) == own {
            prop_assert_eq!(Some((sum, currency)), settled.map(|money| (money.amount(), money.currency().to_string())));
        }
    }
    Ok(())
}

/// I7: somebody looks again, and not in a loop without a pause.
fn check_schedule(payment: &Payment, progress: &Progress, now: u64) -> Result<(), TestCaseError> {
    let intervals = Intervals::default();
    let next = payment.next_check_at(progress, at(now), &intervals);
    prop_assert!(next.is_some() || payment.state.is_final(), "I7: {:?}", payment.state);
    if let (Some(next), Some(checked_at)) = (next, progress.checked_at) {
        prop_assert!(
            next >= checked_at.plus(std::time::Duration::from_secs(1)).min(at(now + 1)),
            "{next} at {}",
            at(now)
        );
    }
    let why = payment.why(&Progress { next_check_at: next, ..*progress });
    prop_assert!(!why.is_empty() && !why.contains("https://") && !why.contains('\n'), "{why}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_keeps_the_invariants_and_its_ledger_tells_it(
        kind in any_kind(),
        steps in prop::collection::vec((any_evidence(), 0..400u64), 0..30),
    ) {
        let mut story = Story::opened(kind);
        let mut progress = Progress::default();
        let mut now = 0;
        for (seed, pause) in steps {
            now += pause;
            let evidence = evidence(seed, now);
            let before = story.payment.clone();
            story.sees(&evidence);
            check_step(&before, &story, &evidence)?;
            if evidence.source == domain::Source::Poll {
                progress = Progress { checks: progress.checks + 1, checked_at: Some(at(now)), ..progress };
            }
            if story.payment.version > before.version {
                progress = progress.renewed(false);
            }
            check_schedule(&story.payment, &progress, now)?;
        }
        let stored: Vec<String> = story.ledger.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        let read: Vec<Entry> = stored.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect();
        prop_assert_eq!(&read, &story.ledger);
        prop_assert_eq!(Payment::fold(&read), Ok(story.payment.clone()));
        check_books(&story.payment, &read)?;
    }

    /// In a world where each POST has one fate, told once, twice or late, the bound holds at every moment (I1).
    #[test]
    fn no_more_posts_may_have_had_an_effect_than_the_kind_of_payment_allows(
        kind in any_kind(),
        fates in prop::collection::vec(0..3u8, 12),
        steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<bool>()), 0..60),
    ) {
        let mut story = Story::opened(kind);
        let mut second = 0;
        for (send, which, vaguely) in steps {
            second += 1;
            let attempts = story.payment.submission.attempts().len();
            let number = which.index(attempts) + 1;
            story.sees(&match (send, vaguely, fates[number - 1]) {
                (true, ..) => about_to_send(second, story.payment.submission.next_number()),
                (false, true, _) | (false, false, 2) => outcome_unknown(second, number),
                (false, false, 1) => refused(second, number),
                (false, false, _) => not_sent(second, number),
            });
            let submission = &story.payment.submission;
            prop_assert!(submission.possibly_sent() <= Submission::sent_max(kind));
            prop_assert!(submission.unsent() <= Submission::UNSENT_MAX);
        }
    }
}

#[test]
fn eight_requests_that_never_left_are_enough() {
    let mut story = Story::opened(Kind::Moving);
    for number in 1..=8 {
        story.sees(&not_sent(20, number));
        let decision = story.sees(&about_to_send(21, number + 1));
        assert_eq!(decision.verdict() == domain::Verdict::Moves, number < 8, "after {number}");
    }
    story.sees(&given_up(30));
    assert_eq!(story.payment.state, PaymentState::Rejected);
    assert_eq!(story.payment.error.as_ref().unwrap().code, "not-sent");
}

#[test]
fn nobody_gives_up_what_may_have_left() {
    for evidence in [outcome_unknown(20, 1), claimed_elsewhere(20, 1), not_sent(20, 7)] {
        let mut story = Story::opened(Kind::Inert);
        story.sees(&evidence);
        story.sees(&given_up(90_000));
        assert_eq!(story.payment.state, PaymentState::Submitted);
        assert!(!matches!(story.attempt(1), Attempt::NotSent { .. }));
    }
}

#[test]
fn a_moving_payment_is_never_sent_again_while_its_first_post_may_have_left() {
    let mut story = Story::opened(Kind::Moving);
    story.sees(&outcome_unknown(20, 1));
    assert_eq!(story.sees(&about_to_send(90_000, 2)).verdict(), domain::Verdict::Stale);
    story.sees(&not_sent(90_001, 1));
    assert_eq!(story.sees(&about_to_send(90_002, 2)).verdict(), domain::Verdict::Moves);
}

#[test]
fn any_candidate_forbids_another_post() {
    let mut story = Story::opened(Kind::Inert);
    story.sees(&outcome_unknown(20, 1));
    story.sees(&undecided(400, sighting(TWIN, "CANCELLED")));
    assert_eq!(story.sees(&about_to_send(900, 2)).verdict(), domain::Verdict::Stale);
}

#[test]
fn a_notice_under_our_reference_forbids_another_post_and_is_no_other_payment_once_it_is_ours() {
    for notice in [webhook(20, sighting(TWIN, "CANCELLED")), sweep(20, sighting(TWIN, "CHECKOUT"))] {
        let mut story = Story::opened(Kind::Inert);
        story.sees(&outcome_unknown(10, 1));
        story.sees(&notice);
        let looked = Progress { empty_look_ups: 3, ..Progress::default() };
        assert!(!story.payment.may_try_twice(&looked, &Intervals::default()));
        assert_eq!(story.sees(&about_to_send(900, 2)).verdict(), domain::Verdict::Stale);
        story.sees(&found(901, sighting(TWIN, "CANCELLED")));
        assert_eq!((story.gateway_payment_id(), story.payment.others.len()), (Some(TWIN), 0));
    }
}

#[test]
fn a_ledger_with_a_gap_or_without_a_beginning_is_not_folded() {
    let story = Story::answered(PaymentState::Completed);
    let [opened, answered] = &story.ledger[..] else { panic!("two entries") };
    assert_eq!(Payment::fold(&[]), Err(UnfoldableLedger::NoOpening));
    assert_eq!(Payment::fold(std::slice::from_ref(answered)), Err(UnfoldableLedger::NoOpening));
    let late = Entry { sequence: 2, ..opened.clone() };
    assert_eq!(Payment::fold(&[late]), Err(UnfoldableLedger::Gap { expected: 1, found: 2 }));
    let later = Entry { sequence: 3, ..answered.clone() };
    assert_eq!(Payment::fold(&[opened.clone(), later]), Err(UnfoldableLedger::Gap { expected: 2, found: 3 }));
}

#[test]
fn an_entry_reads_like_this() {
    let mut refused_sighting = sighting(OURS, "DECLINED");
    refused_sighting.redirect_url = Some("https://checkout.example/p/1".to_owned());
    let mut story = Story::opened(Kind::Inert);
    story.sees(&accepted(9, 1, refused_sighting));
    let stored: serde_json::Value = serde_json::to_value(&story.ledger).unwrap();
    assert_eq!(stored[0]["seen"]["kind"], "opened");
    assert_eq!(stored[0]["seen"]["post"], "inert");
    assert_eq!(
        stored[0]["change"]["attempt"],
        serde_json::json!([1, { "outcome": "in-flight", "sentAt": "1970-01-01T00:00:00.000000Z" }])
    );
    assert_eq!(
        stored[1],
        serde_json::json!({
            "sequence": 2,
            "at": "1970-01-01T00:00:09.000000Z",
            "source": "response",
            "verdict": "moves",
            "seen": { "kind": "accepted", "attempt": 1, "sighting": {
                "id": "ours0001", "state": "DECLINED", "referenceId": "order-1001", "paymentType": "DEPOSIT",
                "money": { "amount": "25.00", "currency": "EUR" }, "created": "1970-01-01T00:00:01.000000Z",
            } },
            "change": {
                "state": "DECLINED", "gatewayPaymentId": "ours0001", "confirmedBy": "response",
                "attempt": [1, { "outcome": "accepted", "sentAt": "1970-01-01T00:00:00.000000Z" }],
                "redirectUrl": "https://checkout.example/p/1", "flags": ["not-inert"],
            },
        })
    );
}
