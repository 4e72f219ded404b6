//! Why a payment is what it is, in one sentence for a person.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod story;

use domain::{Kind, PaymentState, Progress, Sighting};
use story::{
    OURS, Story, TWIN, accepted, at, euros, given_up, look, not_sent, outcome_unknown, refused, sighting, sweep,
    webhook,
};
use strum::VariantArray as _;

fn why(story: &Story) -> String {
    story.payment.why(&Progress::default())
}

#[test]
fn it_is_one_sentence_for_every_state_and_shows_no_link() {
    for state in PaymentState::VARIANTS {
        let mut story = Story::answered(*state);
        let linked = Sighting {
            redirect_url: Some("https://checkout.example/p/1?token=abc".to_owned()),
            external_refs: [("iban".to_owned(), "DE02120300000000202051".to_owned())].into(),
            ..sighting(OURS, &state)
        };
        story.sees(&look(20, linked));
        let why = why(&story);
        assert!(!why.is_empty() && !why.contains(". ") && !why.ends_with('.'), "{why}");
        for hidden in ["http", "token", "DE0212", "seven apples"] {
            assert!(!why.contains(hidden), "{why}");
        }
        assert!(why.contains("1970-01-01T00:00:") || *state == PaymentState::Submitted, "since when? {why}");
    }
}

#[test]
fn what_is_not_known_is_told_with_what_was_tried() {
    let mut story = Story::opened(Kind::Inert);
    assert_eq!(why(&story), "request 1 was about to leave at 1970-01-01T00:00:00.000Z and no answer is recorded");
    story.sees(&outcome_unknown(30, 1));
    assert_eq!(
        why(&story),
        "request 1 was sent at 1970-01-01T00:00:00.000Z and its outcome is not known (timed out); \
         it will be looked up by its reference"
    );
    let progress =
        Progress { checks: 3, checked_at: Some(at(90)), next_check_at: Some(at(180)), ..Progress::default() };
    assert_eq!(
        story.payment.why(&progress),
        "request 1 was sent at 1970-01-01T00:00:00.000Z and its outcome is not known (timed out); \
         looked up 3 times, last at 1970-01-01T00:01:30.000Z, without news; next look at 1970-01-01T00:03:00.000Z"
    );
}

#[test]
fn what_stayed_here_is_told_until_it_is_given_up() {
    let mut story = Story::opened(Kind::Moving);
    story.sees(&not_sent(1, 1));
    assert_eq!(
        why(&story),
        "request 1 of 1970-01-01T00:00:00.000Z never reached the gateway (connection refused); it will be sent again"
    );
    story.sees(&given_up(600));
    assert_eq!(
        why(&story),
        "rejected at 1970-01-01T00:10:00.000Z (told by ourselves): no gateway payment exists for it, \
         not-sent (no request reached the gateway: connection refused)"
    );
}

#[test]
fn a_refusal_is_told_in_the_gateways_words() {
    let mut story = Story::opened(Kind::Inert);
    story.sees(&refused(2, 1));
    assert_eq!(
        why(&story),
        "rejected at 1970-01-01T00:00:02.000Z (told by the gateway's answer): no gateway payment exists for it, \
         gateway-refused (validation failed)"
    );
}

#[test]
fn what_is_open_is_told_with_who_told_it_and_what_it_waits_for() {
    let mut story = Story::answered(PaymentState::Checkout);
    assert_eq!(
        why(&story),
        "accepted by the gateway at 1970-01-01T00:00:10.000Z (told by the gateway's answer); \
         waiting for the customer at the checkout page"
    );
    story.sees(&sweep(20, sighting(OURS, "AUTHORIZED")));
    story.sees(&webhook(21, sighting(OURS, "AUTHORIZED")));
    assert_eq!(
        why(&story),
        "authorized at 1970-01-01T00:00:20.000Z (told by a webhook and the gateway's list); \
         the money is held until it is captured or let go"
    );
}

#[test]
fn completed_says_how_much_moved_and_who_told() {
    let mut story = Story::answered(PaymentState::Checkout);
    story.sees(&webhook(20, Sighting { money: None, ..sighting(OURS, "COMPLETED") }));
    assert_eq!(why(&story), "completed at 1970-01-01T00:00:20.000Z (told by a webhook): the amount is not known yet");
    story.sees(&look(40, Sighting { money: Some(euros("20")), ..sighting(OURS, "COMPLETED") }));
    assert_eq!(
        why(&story),
        "completed at 1970-01-01T00:00:20.000Z (told by a webhook and a look): 20.00 EUR moved; \
         the amount is not the requested one"
    );
}

#[test]
fn an_end_says_the_gateways_code_and_what_a_person_should_look_at() {
    let error = domain::PaymentError {
        code: "4.01".to_owned(),
        message: Some("Declined by the issuer".to_owned()),
        external_result_code: Some("05".to_owned()),
        fields: Vec::new(),
    };
    let mut story = Story::opened(Kind::Moving);
    story.sees(&accepted(10, 1, Sighting { error: Some(error), ..sighting(OURS, "DECLINED") }));
    assert_eq!(
        why(&story),
        "declined at 1970-01-01T00:00:10.000Z (told by the gateway's answer), 4.01 (Declined by the issuer)"
    );
    story.sees(&sweep(20, sighting(TWIN, "COMPLETED")));
    assert_eq!(
        why(&story),
        "declined at 1970-01-01T00:00:10.000Z (told by the gateway's answer), 4.01 (Declined by the issuer); \
         another gateway payment exists under its reference; that other one was paid"
    );
}
