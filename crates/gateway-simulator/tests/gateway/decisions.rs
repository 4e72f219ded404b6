//! Where the contract is silent (section 15): each decision, and the tests that turn its switch.

const DECISIONS: [(&str, &[&str]); 19] = [
    ("Ids", &["creation::a_deposit_waits_for_its_customer_on_a_page_of_its_own"]),
    ("Creation answer", &["answers::the_sparse_answer_has_the_samples_fields_and_no_other"]),
    (
        "Duplicate referenceId",
        &["creation::the_same_reference_twice_makes_two_payments_unless_the_switch_says_conflict"],
    ),
    (
        "referenceId.eq without created.gte",
        &["lists::without_created_gte_a_list_forgets_after_a_day_even_by_reference"],
    ),
    (
        "List visibility lag",
        &["lists::a_lag_hides_what_is_new_from_lists_but_not_from_reads", "faults::a_list_lag_hides_one_payment"],
    ),
    ("Wrong-state action", &["actions::a_capture_takes_all_of_it_or_a_part_and_is_told_again"]),
    ("Unknown id on capture or void", &["actions::an_id_that_is_not_there_is_404_or_by_switch_400"]),
    (
        "PATCH on a non-deposit or non-CHECKOUT payment",
        &["patch::it_is_refused_without_the_address_twice_and_for_payouts"],
    ),
    (
        "PATCH success",
        &[
            "patch::it_gives_the_payer_instructions_and_waits_for_them_to_be_followed",
            "patch::a_provider_that_does_not_answer_leaves_the_payment_pending_behind_a_late_504",
            "patch::a_refusal_can_come_inside_a_200",
        ],
    ),
    ("Capture", &["actions::a_capture_can_be_pending_first_by_switch_and_by_prefix"]),
    (
        "Void, reject",
        &[
            "actions::a_void_releases_it_and_nothing_went_wrong",
            "actions::a_withdrawal_that_is_held_waits_for_the_merchant",
        ],
    ),
    ("Approve", &["actions::a_withdrawal_that_is_held_waits_for_the_merchant"]),
    ("Chargeback", &["actions::a_chargeback_leaves_the_deposit_and_is_told_as_a_payment_of_its_own"]),
    ("Checkout timeout", &["checkout::an_untouched_checkout_runs_out_when_the_switch_says"]),
    (
        "Webhook delivery",
        &[
            "webhooks::the_switches_say_how_it_travels",
            "webhooks::shuffled_webhooks_overtake_one_another",
            "webhooks::a_refused_one_comes_again_only_if_the_switch_says_so",
        ],
    ),
    ("Signature", &["webhooks::signatures_equal_the_computed_vectors"]),
    ("FX", &["webhooks::conversion_and_drift_change_the_figures"]),
    ("Amount drift", &["webhooks::conversion_and_drift_change_the_figures"]),
    (
        "Sandbox cards and limits",
        &[
            "checkout::every_sandbox_card_does_what_the_table_says",
            "checkout::a_deposit_at_the_ceiling_is_declined_and_one_below_it_is_not",
            "creation::payouts_are_pending_and_end_by_themselves",
        ],
    ),
];

#[test]
fn every_decision_has_a_test_that_there_is() {
    let tests = crate::names_of_tests();
    for (decision, by) in DECISIONS {
        assert!(!by.is_empty(), "{decision}");
        for test in by {
            assert!(tests.contains(&(*test).to_owned()), "{decision}: there is no test {test}");
        }
    }
}

/// A switch that no test turns is a decision that nobody has seen.
#[test]
fn every_switch_is_turned_by_some_test() {
    let switches = serde_json::to_value(gateway_simulator::Switches::default()).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway");
    let tests: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for (switch, _) in switches.as_object().unwrap() {
        let in_rust = switch.chars().fold(String::new(), |name, letter| match letter {
            'A'..='Z' => format!("{name}_{}", letter.to_ascii_lowercase()),
            _ => format!("{name}{letter}"),
        });
        assert!(tests.contains(&format!("\"{switch}\"")) || tests.contains(&in_rust), "{switch} is turned nowhere");
    }
}
