//! Where the contract is silent (section 15): each decision, its switches, and the stories that turn them.

use gateway_simulator::{Fault, Switches};

/// A line of section 15, the switches that decide it, and a story for each that shows it turned.
struct Decision {
    line: &'static str,
    turned: &'static [(&'static str, &'static str)],
}

const fn decision(line: &'static str, turned: &'static [(&'static str, &'static str)]) -> Decision {
    Decision { line, turned }
}

/// In the order of section 15.
const DECISIONS: [Decision; 23] = [
    decision("Ids", &[("ids", "creation::ids_are_hex_unless_the_switch_or_the_prefix_says_letters")]),
    decision(
        "Creation answer",
        &[("sparseCreation", "answers::the_sparse_answer_has_the_samples_fields_and_no_other")],
    ),
    decision(
        "Duplicate referenceId",
        &[(
            "duplicateReference",
            "creation::the_same_reference_twice_makes_two_payments_unless_the_switch_says_conflict",
        )],
    ),
    decision(
        "referenceId.eq without created.gte",
        &[("listWindow", "lists::without_created_gte_a_list_forgets_after_a_day_even_by_reference")],
    ),
    decision(
        "List visibility lag",
        &[("listLagMillis", "lists::a_lag_hides_what_is_new_from_lists_but_not_from_reads")],
    ),
    decision(
        "Wrong-state action",
        &[("wrongState", "actions::an_action_in_the_wrong_state_is_409_by_switch_and_by_prefix")],
    ),
    decision(
        "Unknown id on capture or void",
        &[("unknownPayment", "actions::an_id_that_is_not_there_is_404_or_by_switch_400")],
    ),
    decision(
        "PATCH on a non-deposit or non-CHECKOUT payment",
        &[("wrongState", "patch::in_the_wrong_state_it_is_409_by_switch_and_by_prefix")],
    ),
    decision(
        "PATCH success",
        &[
            ("patch", "patch::a_provider_that_does_not_answer_leaves_the_payment_pending_behind_a_late_504"),
            ("patch", "patch::a_refusal_can_come_inside_a_200"),
        ],
    ),
    decision("Capture", &[("capture", "actions::a_capture_can_be_pending_first_by_switch_and_by_prefix")]),
    decision(
        "Void, reject",
        &[("release", "actions::a_void_and_a_rejection_can_be_pending_first_by_switch_and_by_prefix")],
    ),
    decision(
        "Approve",
        &[
            ("holdWithdrawals", "actions::a_withdrawal_that_is_held_waits_for_the_merchant"),
            ("approve", "actions::an_approved_withdrawal_can_be_final_at_once_by_switch_and_by_prefix"),
        ],
    ),
    decision("Chargeback", &[("chargeback", "actions::a_chargeback_can_answer_itself_by_switch_and_by_prefix")]),
    decision(
        "Checkout timeout",
        &[("checkoutTimeoutSeconds", "checkout::an_untouched_checkout_runs_out_when_the_switch_says")],
    ),
    decision(
        "Webhook delivery",
        &[
            ("webhooks", "webhooks::the_switches_say_how_it_travels"),
            ("webhooks", "webhooks::shuffled_webhooks_overtake_one_another"),
            ("webhooks", "faults::an_early_webhook_leaves_while_the_answer_that_says_checkout_is_held_back"),
            ("webhookRetries", "webhooks::a_refused_one_comes_again_only_if_the_switch_says_so"),
            ("webhookRetryPauseMillis", "webhooks::a_refused_one_comes_again_only_if_the_switch_says_so"),
        ],
    ),
    decision("Signature", &[("signature", "webhooks::it_is_signed_as_the_switch_or_the_prefix_says")]),
    decision("FX", &[("exchange", "webhooks::conversion_and_drift_change_the_figures")]),
    decision("Amount drift", &[("amountDrift", "webhooks::conversion_and_drift_change_the_figures")]),
    decision(
        "Sandbox cards and limits",
        &[
            ("depositCeiling", "checkout::limits_and_the_code_of_a_declining_card_are_switches"),
            ("payoutLimit", "checkout::limits_and_the_code_of_a_declining_card_are_switches"),
            ("cardDeclineCode", "checkout::limits_and_the_code_of_a_declining_card_are_switches"),
        ],
    ),
    decision(
        "Refund above the parent amount",
        &[(
            "refundAboveParent",
            "creation::a_refund_above_what_is_left_of_its_deposit_is_paid_unless_the_switch_or_the_prefix_declines_it",
        )],
    ),
    decision("Auth", &[("unknownKey", "answers::a_wrong_key_may_meet_the_edge_and_not_the_gateway")]),
    decision(
        "Unknown request fields",
        &[("unknownFields", "creation::an_unknown_field_is_passed_over_unless_the_switch_refuses_it")],
    ),
    decision(
        "Rate limit",
        &[("rateLimit", "answers::a_rate_limit_counts_by_the_second_and_may_say_when_to_come_back")],
    ),
];

/// Switches that other sections ask for.
const FURTHER: [(&str, &str); 6] = [
    ("openingBalance", "accounts::balances_follow_the_payments"),
    ("depositProcessingMillis", "checkout::processing_takes_as_long_as_the_switch_says"),
    ("payoutProcessingMillis", "creation::a_payout_takes_as_long_as_the_switch_or_the_prefix_says"),
    ("webhookWithoutReference", "webhooks::it_names_no_reference_if_the_switch_or_the_prefix_says_so"),
    ("requiredForDeposits", "creation::a_shop_may_ask_more_of_deposits"),
    ("wellKnownPrefixes", "faults::a_reserved_prefix_strikes_the_first_post_only"),
];

fn stories() -> Vec<(&'static str, &'static str)> {
    DECISIONS.iter().flat_map(|decision| decision.turned).chain(&FURTHER).copied().collect()
}

/// A story that only shows the default does not count.
#[test]
fn every_decision_has_a_story_that_turns_its_switch() {
    for Decision { line, turned } in &DECISIONS {
        assert!(!turned.is_empty(), "{line}");
    }
    let tests = crate::names_of_tests();
    for (switch, story) in stories() {
        assert!(tests.contains(&story.to_owned()), "{switch}: there is no story {story}");
        assert!(turns(&body_of(story), switch), "{story} does not turn {switch}");
    }
}

#[test]
fn every_switch_is_turned_by_some_story() {
    for (switch, _) in Switches::described() {
        assert!(stories().iter().any(|(turned, _)| *turned == switch), "{switch} is turned nowhere");
    }
    for (switch, _) in stories() {
        assert!(Switches::described().iter().any(|(name, _)| name == switch), "there is no switch {switch}");
    }
}

/// The documentation of a switch names its prefixes, so that the help and the README do.
#[test]
fn every_switch_names_a_reserved_prefix_that_there_is_or_says_why_there_is_none() {
    let reserved: Vec<_> = Fault::well_known().into_iter().map(|(prefix, _)| prefix).collect();
    for (switch, meaning) in Switches::described() {
        let words = meaning.split([' ', ',', '.']).filter(|word| word.len() > 1 && word.ends_with('-'));
        let named: Vec<_> = words.collect();
        assert!(named.iter().all(|prefix| reserved.contains(prefix)), "{switch}: {meaning}");
        let (by_prefix, none) = (meaning.contains(" By prefix"), meaning.contains(" No prefix: "));
        assert!(by_prefix != none && by_prefix != named.is_empty(), "{switch}: {meaning}");
    }
}

/// In Rust as a field that is set, in JSON as a name.
fn turns(story: &str, switch: &str) -> bool {
    let in_rust = switch.chars().fold(String::new(), |name, letter| match letter {
        'A'..='Z' => format!("{name}_{}", letter.to_ascii_lowercase()),
        _ => format!("{name}{letter}"),
    });
    [
        format!("Switches {{ {in_rust}:"),
        format!("Switches {{ {in_rust},"),
        format!("switches_mut().{in_rust} ="),
        format!("\"{switch}\":"),
    ]
    .iter()
    .any(|turned| story.contains(turned))
}

/// From its name to the brace that ends it.
fn body_of(story: &str) -> String {
    let (module, name) = story.split_once("::").unwrap();
    let path = format!("{}/tests/gateway/{module}.rs", env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(path).unwrap();
    let (_, from_name) = source.split_once(&format!("fn {name}() {{")).unwrap();
    from_name.split_once("\n}\n").unwrap().0.to_owned()
}
