//! Every state meets every kind of evidence. The tables are written from the protocols ("Seeing"), not from the code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use domain::{Decision, Elsewhere, Evidence, Flag, GatewayState, PaymentState, Seen, Sighting, Verdict};
use story::{
    ANOTHER_WORD, OURS, Story, TWIN, about_to_send, accepted, claimed_elsewhere, found, given_up, look_begun_at,
    missing, not_sent, opened_again, outcome_unknown, refused, sighting, sweep, undecided, webhook,
};
use strum::VariantArray as _;

/// News about the gateway payment that is ours, by a notice, a list, an answer or a look that began before our state
/// was recorded: only forward. Each row is our state, each column what is told.
const ONLY_FORWARD: &str = "
.                  CHECKOUT  PENDING   AWAITING_APPROVAL  AUTHORIZED  COMPLETED    DECLINED     CANCELLED    RECONCILING
SUBMITTED          moves     moves     moves              moves       moves        moves        moves        stale
CHECKOUT           confirms  moves     moves              moves       moves        moves        moves        confirms
PENDING            stale     confirms  moves              moves       moves        moves        moves        confirms
AWAITING_APPROVAL  stale     stale     confirms           moves       moves        moves        moves        confirms
AUTHORIZED         stale     stale     stale              confirms    moves        moves        moves        confirms
COMPLETED          stale     stale     stale              stale       confirms     contradicts  contradicts  confirms
DECLINED           stale     stale     stale              stale       contradicts  confirms     contradicts  confirms
CANCELLED          stale     stale     stale              stale       contradicts  contradicts  confirms     confirms
";

/// The same by a look by id that began after our state was recorded: among open states it is right.
const BY_A_FRESH_LOOK: &str = "
.                  CHECKOUT  PENDING   AWAITING_APPROVAL  AUTHORIZED  COMPLETED    DECLINED     CANCELLED    RECONCILING
SUBMITTED          moves     moves     moves              moves       moves        moves        moves        stale
CHECKOUT           confirms  moves     moves              moves       moves        moves        moves        confirms
PENDING            moves     confirms  moves              moves       moves        moves        moves        confirms
AWAITING_APPROVAL  moves     moves     confirms           moves       moves        moves        moves        confirms
AUTHORIZED         moves     moves     moves              confirms    moves        moves        moves        confirms
COMPLETED          stale     stale     stale              stale       confirms     contradicts  contradicts  confirms
DECLINED           stale     stale     stale              stale       contradicts  confirms     contradicts  confirms
CANCELLED          stale     stale     stale              stale       contradicts  contradicts  confirms     confirms
";

/// What we do and what becomes of it, for an inert payment whose only POST has no recorded answer (REJECTED: which was
/// refused). `rejects` moves it to REJECTED; any other `moves` is about the POST alone.
const ABOUT_OUR_REQUESTS: &str = "
.                  opened  about-to-send  not-sent  given-up  refused   outcome-unknown  missing      claimed-elsewhere
SUBMITTED          stale   moves          moves     stale     rejects   moves            confirms     contradicts
CHECKOUT           stale   stale          moves     stale     moves     moves            contradicts  contradicts
PENDING            stale   stale          moves     stale     moves     moves            contradicts  contradicts
AWAITING_APPROVAL  stale   stale          moves     stale     moves     moves            contradicts  contradicts
AUTHORIZED         stale   stale          moves     stale     moves     moves            contradicts  contradicts
COMPLETED          stale   stale          moves     stale     moves     moves            contradicts  contradicts
DECLINED           stale   stale          moves     stale     moves     moves            contradicts  contradicts
CANCELLED          stale   stale          moves     stale     moves     moves            contradicts  contradicts
REJECTED           stale   stale          confirms  stale     confirms  confirms         stale        contradicts
";

/// How a gateway payment can come to our eyes after second 10, in which the state was recorded.
type Way = fn(Sighting) -> Evidence;

const WAYS: [(&str, Way, &str); 6] = [
    ("webhook", |sighting| webhook(20, sighting), ONLY_FORWARD),
    ("sweep", |sighting| sweep(20, sighting), ONLY_FORWARD),
    ("answer", |sighting| accepted(20, 1, sighting), ONLY_FORWARD),
    ("look-up by reference", |sighting| found(20, sighting), ONLY_FORWARD),
    ("look begun before", |sighting| look_begun_at(10, 20, sighting), ONLY_FORWARD),
    ("look begun after", |sighting| look_begun_at(11, 20, sighting), BY_A_FRESH_LOOK),
];

/// The cells of a table: its row, its column, what stands there.
fn cells(table: &'static str) -> Vec<(PaymentState, &'static str, &'static str)> {
    let mut lines = table.trim().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    assert!(rows.iter().all(|row| row.len() == head.len()), "a cell is missing");
    let cell = |row: &Vec<&'static str>, column| (row[0].parse().unwrap(), head[column], row[column]);
    rows.iter().flat_map(|row| (1..head.len()).map(move |column| cell(row, column))).collect()
}

/// A state or a word that the table leaves out is a hole in what was decided.
fn assert_complete(table: &'static str, states: &[PaymentState], columns: &[String]) {
    let cells = cells(table);
    let expected = states.iter().flat_map(|state| columns.iter().map(|column| (*state, column.clone())));
    let found: Vec<_> = cells.into_iter().map(|(state, column, _)| (state, column.to_owned())).collect();
    assert_eq!(found, expected.collect::<Vec<_>>());
}

/// The kinds of evidence. A new one does not compile until somebody has written its place in the tables.
fn kind(seen: &Seen) -> &'static str {
    match seen {
        Seen::Opened(_) => "opened",
        Seen::AboutToSend { .. } => "about-to-send",
        Seen::NotSent { .. } => "not-sent",
        Seen::GivenUp { .. } => "given-up",
        Seen::Refused { .. } => "refused",
        Seen::OutcomeUnknown { .. } => "outcome-unknown",
        Seen::Missing => "missing",
        Seen::ClaimedElsewhere { .. } => "claimed-elsewhere",
        Seen::Accepted { .. } | Seen::Found { .. } | Seen::Reported { .. } | Seen::Undecided { .. } => "sighting",
        Seen::CommandIssued { .. } => "command-issued",
        Seen::CommandRepeated { .. } => "command-repeated",
        Seen::CommandNotSent { .. } => "command-not-sent",
        Seen::CommandDenied { .. } => "command-denied",
        Seen::CommandUnknown { .. } => "command-unknown",
        Seen::CommandAnswered { .. } => "command-answered",
        Seen::RefundOpened { .. } => "refund-opened",
        Seen::RefundEnded { .. } => "refund-ended",
        Seen::ParentTold { .. } => "parent-told",
        Seen::Operated { .. } => "operated",
    }
}

fn about_our_requests() -> Vec<Evidence> {
    vec![
        opened_again(20),
        about_to_send(20, 2),
        not_sent(20, 1),
        given_up(20),
        refused(20, 1),
        outcome_unknown(20, 1),
        missing(20),
        claimed_elsewhere(20, 1),
    ]
}

/// Applies, compares, and asks that a repeat is never a second entry.
fn check(
    mut story: Story,
    evidence: &Evidence,
    verdict: Verdict,
    after: PaymentState,
    what: &str,
) -> (Story, Decision) {
    let decision = story.sees(evidence);
    assert_eq!((decision.verdict(), story.payment.state), (verdict, after), "{what}");
    let again = story.payment.apply(evidence);
    assert_eq!(again.change(), None, "a repeat is news: {what}");
    (story, decision)
}

fn words() -> Vec<String> {
    let known = GatewayState::VARIANTS.iter().map(ToString::to_string);
    known.chain([ANOTHER_WORD.to_owned()]).collect()
}

#[test]
fn the_tables_name_every_state_and_every_word() {
    let (rejected, with_an_id) = PaymentState::VARIANTS.split_last().unwrap();
    assert_eq!(*rejected, PaymentState::Rejected);
    assert_complete(ONLY_FORWARD, with_an_id, &words());
    assert_complete(BY_A_FRESH_LOOK, with_an_id, &words());
    let kinds: Vec<_> = about_our_requests().iter().map(|evidence| kind(&evidence.seen).to_owned()).collect();
    assert_complete(ABOUT_OUR_REQUESTS, PaymentState::VARIANTS, &kinds);
}

#[test]
fn news_about_ours() {
    for (way, evidence, table) in WAYS {
        for (state, told, expected) in cells(table) {
            let what = format!("{state}, told {told} by {way}");
            let verdict: Verdict = expected.parse().unwrap();
            let after = if verdict == Verdict::Moves { told.parse().unwrap() } else { state };
            let evidence = evidence(sighting(OURS, told));
            let (story, _) = check(Story::answered(state), &evidence, verdict, after, &what);
            assert_eq!(story.gateway_payment_id(), Some(OURS), "{what}");
            assert_eq!(story.has(Flag::Contradiction), verdict == Verdict::Contradicts, "{what}");
            assert_eq!(
                story.has(Flag::UnknownState),
                told == ANOTHER_WORD || state == PaymentState::Submitted,
                "{what}"
            );
        }
    }
}

#[test]
fn an_undecided_look_up_that_names_ours_is_a_list_that_names_it() {
    for (state, told, expected) in cells(ONLY_FORWARD) {
        let verdict: Verdict = expected.parse().unwrap();
        let after = if verdict == Verdict::Moves { told.parse().unwrap() } else { state };
        let (story, _) = check(
            Story::answered(state),
            &undecided(20, sighting(OURS, told)),
            verdict,
            after,
            &format!("{state}, {told}"),
        );
        assert!(!story.has(Flag::UndecidedCandidates) && story.payment.others.is_empty());
    }
}

#[test]
fn news_about_another_payment_leaves_ours_as_it_is() {
    let ways = WAYS.into_iter().map(|(way, evidence, _)| (way, evidence));
    let undecided: Way = |sighting| undecided(20, sighting);
    for (way, evidence) in ways.chain([("undecided look-up", undecided)]) {
        for (state, told, _) in cells(ONLY_FORWARD) {
            let what = format!("{state}, another told {told} by {way}");
            let (story, decision) =
                check(Story::answered(state), &evidence(sighting(TWIN, told)), Verdict::Elsewhere, state, &what);
            assert!(matches!(decision, Decision::Elsewhere(Elsewhere::Surplus, Some(_))), "{what}");
            assert_eq!(story.gateway_payment_id(), Some(OURS), "{what}");
            let others: Vec<_> = story.payment.others.iter().map(|other| other.id.as_str()).collect();
            assert_eq!(others, [TWIN], "{what}");
            let paid = ["AUTHORIZED", "COMPLETED"].contains(&told);
            let dead = [PaymentState::Declined, PaymentState::Cancelled].contains(&state);
            assert_eq!(story.has(Flag::PaidElsewhere), paid && dead, "{what}");
            assert!(story.has(Flag::Surplus) && !story.has(Flag::Contradiction), "{what}");
        }
    }
}

#[test]
fn while_no_id_is_known_an_answer_or_a_look_up_binds_and_nothing_else_does() {
    for told in words() {
        let after = told.parse().unwrap_or(PaymentState::Submitted);
        for evidence in [accepted(20, 1, sighting(OURS, &told)), found(20, sighting(OURS, &told))] {
            let submitted = Story::opened(domain::Kind::Inert);
            let (story, _) = check(submitted, &evidence, Verdict::Moves, after, &told);
            assert_eq!(story.gateway_payment_id(), Some(OURS), "{told}");
        }
        let noticed = [webhook(20, sighting(OURS, &told)), sweep(20, sighting(OURS, &told))];
        for evidence in noticed.into_iter().chain([look_begun_at(11, 20, sighting(OURS, &told))]) {
            let submitted = Story::opened(domain::Kind::Inert);
            let (story, decision) = check(submitted, &evidence, Verdict::Elsewhere, PaymentState::Submitted, &told);
            assert!(matches!(decision, Decision::Elsewhere(Elsewhere::Unbound, Some(_))), "{told}");
            assert_eq!(story.gateway_payment_id(), None, "{told}");
            assert_eq!(story.payment.others[0].id.as_str(), OURS, "it stands beside us until somebody knows: {told}");
            assert!(story.payment.flags.is_empty(), "{told}");
        }
        let submitted = Story::opened(domain::Kind::Inert);
        let evidence = undecided(20, sighting(OURS, &told));
        let (story, decision) = check(submitted, &evidence, Verdict::Elsewhere, PaymentState::Submitted, &told);
        assert!(matches!(decision, Decision::Elsewhere(Elsewhere::Surplus, Some(_))), "{told}");
        assert!(story.has(Flag::UndecidedCandidates) && story.gateway_payment_id().is_none(), "{told}");
    }
}

#[test]
fn what_is_seen_after_we_said_that_nothing_exists_is_surplus_and_a_contradiction() {
    let undecided: Way = |sighting| undecided(20, sighting);
    for (way, evidence) in WAYS.into_iter().map(|(way, evidence, _)| (way, evidence)).chain([("undecided", undecided)])
    {
        for told in words() {
            let what = format!("REJECTED, told {told} by {way}");
            let rejected = Story::answered(PaymentState::Rejected);
            let evidence = evidence(sighting(OURS, &told));
            let (story, decision) = check(rejected, &evidence, Verdict::Elsewhere, PaymentState::Rejected, &what);
            assert!(matches!(decision, Decision::Elsewhere(Elsewhere::Surplus, Some(_))), "{what}");
            assert!(story.has(Flag::Contradiction) && story.has(Flag::Surplus), "{what}");
            assert_eq!(story.gateway_payment_id(), None, "{what}");
            assert_eq!(story.has(Flag::PaidElsewhere), ["AUTHORIZED", "COMPLETED"].contains(&told.as_str()), "{what}");
        }
    }
}

#[test]
fn what_we_do_and_what_becomes_of_it() {
    for evidence in about_our_requests() {
        for (state, column, expected) in cells(ABOUT_OUR_REQUESTS) {
            if column != kind(&evidence.seen) {
                continue;
            }
            let what = format!("{state}, {column}");
            let (verdict, after): (Verdict, _) = match expected {
                "rejects" => (Verdict::Moves, PaymentState::Rejected),
                expected => (expected.parse().unwrap(), state),
            };
            let (story, _) = check(Story::found(state), &evidence, verdict, after, &what);
            assert_eq!(story.has(Flag::NotFoundAtGateway), expected == "contradicts" && column == "missing", "{what}");
            assert_eq!(story.has(Flag::IdClaimedElsewhere), column == "claimed-elsewhere", "{what}");
        }
    }
}

#[test]
fn a_late_answer_tells_what_became_of_its_post_even_if_its_state_is_old() {
    for state in PaymentState::VARIANTS.iter().filter(|state| story::gateway_state(**state).is_some()) {
        let mut story = Story::found(*state);
        let decision = story.sees(&accepted(20, 1, sighting(OURS, "CHECKOUT")));
        assert_eq!((decision.verdict(), story.payment.state), (Verdict::Confirms, *state));
        assert_eq!(*story.attempt(1), domain::Attempt::Accepted { sent_at: story::at(0) });
    }
}

#[test]
fn a_child_of_ours_is_a_retry_of_the_gateway_or_a_refund_that_we_did_not_make() {
    for (payment_type, relation) in
        [("DEPOSIT", Elsewhere::Cascade), ("REFUND", Elsewhere::Foreign), ("CHARGEBACK", Elsewhere::Foreign)]
    {
        let mut story = Story::answered(PaymentState::Completed);
        let mut child = sighting(TWIN, "COMPLETED");
        child.parent = OURS.parse().ok();
        child.payment_type = Some(payment_type.to_owned());
        let decision = story.sees(&sweep(20, child));
        assert!(matches!(decision, Decision::Elsewhere(found, Some(_)) if found == relation), "{payment_type}");
        assert!(!story.has(Flag::Surplus));
    }
}
