//! The rows. What goes wrong and what becomes of it are told in a line each; the proofs are tests that make it happen.

use crate::{Fault, Proof};

const fn test(file: &'static str, name: &'static str) -> Proof {
    Proof::Test { file, name }
}

/// Every fault of the catalogue, by number.
pub const CATALOGUE: &[Fault] = &[
    Fault {
        number: 1,
        what: "a process dies before the order is durable",
        expected: "nothing exists; the same request creates the payment",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 2,
        what: "a process dies behind the order's commit, before it sends",
        expected: "the next one sends, or finds out",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 3,
        what: "a process dies between the entry \"about to send\" and the request",
        expected: "unknown, never \"not sent\"",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 4,
        what: "a process dies while the gateway answers",
        expected: "unknown; looked up by reference and adopted",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_while_the_gateway_answers_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 5,
        what: "a process dies with the answer in hand",
        expected: "looked up by reference and adopted",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 6,
        what: "a process dies between the record and the answer to the caller",
        expected: "the same request shows the payment as it is",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 7,
        what: "a process dies around the commit of a webhook",
        expected: "no 200, or a repeat that changes nothing",
        proofs: &[test(
            "api/tests/processes/crashes/taking.rs",
            "a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one",
        )],
    },
    Fault {
        number: 8,
        what: "a process dies in any other durable step",
        expected: "run again it changes nothing, or it goes on where it stood",
        proofs: &[
            test(
                "api/tests/processes/crashes/commands.rs",
                "a_process_killed_anywhere_while_held_money_is_captured_leaves_it_to_the_next_one",
            ),
            test(
                "api/tests/processes/crashes/commands.rs",
                "a_process_killed_anywhere_while_held_money_is_let_go_leaves_it_to_the_next_one",
            ),
            test(
                "api/tests/processes/crashes/commands.rs",
                "a_process_killed_anywhere_while_a_deposit_is_started_host_to_host_leaves_it_to_the_next_one",
            ),
            test(
                "api/tests/processes/crashes/refunds.rs",
                "a_process_killed_anywhere_while_a_refund_is_ordered_leaves_it_to_the_next_one",
            ),
            test(
                "api/tests/processes/crashes/sweeping.rs",
                "a_process_killed_anywhere_in_a_sweep_leaves_it_to_the_next_one",
            ),
        ],
    },
    Fault {
        number: 9,
        what: "the database commits, and its answer is lost",
        expected: "unknown; read back by its key, never done again blindly",
        proofs: &[
            test(
                "store-tests/tests/postgres/round_trips.rs",
                "a_statement_whose_answer_was_lost_may_have_been_committed",
            ),
            Proof::Seeds(&["commit-unknown", "commit-late"]),
        ],
    },
    Fault {
        number: 10,
        what: "the caller hangs up in the middle of a request",
        expected: "a whole payment or none; the work goes on",
        proofs: &[
            test(
                "api/tests/stories/gateway_trouble.rs",
                "a_caller_who_hangs_up_at_any_byte_leaves_a_whole_payment_or_none",
            ),
            Proof::Seeds(&["hang-up"]),
        ],
    },
    Fault {
        number: 11,
        what: "the service is told to stop with work in flight, then killed",
        expected: "it takes no more, finishes, and the next one finds the rest",
        proofs: &[
            test("api/tests/processes/stops.rs", "who_waits_for_a_slow_gateway_while_it_stops_is_answered"),
            test(
                "api/tests/processes/stops.rs",
                "a_second_signal_does_not_wait_and_the_next_start_finds_what_was_left",
            ),
        ],
    },
    Fault {
        number: 12,
        what: "no connection to the gateway comes about",
        expected: "not sent: sent again under the same reference",
        proofs: &[
            test("gateway-client/tests/contract/transport.rs", "without_a_connection_nothing_was_sent"),
            Proof::Seeds(&["not-sent"]),
        ],
    },
    Fault {
        number: 13,
        what: "the request is lost on its way",
        expected: "unknown; seen missing after the quarantine",
        proofs: &[
            test(
                "api/tests/stories/taking.rs",
                "an_inert_payment_that_the_gateway_never_got_is_sent_a_second_time_after_the_quarantine",
            ),
            Proof::Seeds(&["request-lost"]),
        ],
    },
    Fault {
        number: 14,
        what: "the gateway acts, its answer never comes",
        expected: "unknown; looked up and adopted",
        proofs: &[
            test("api/tests/stories/taking.rs", "a_payment_whose_answer_was_lost_is_found_and_sent_once"),
            Proof::Seeds(&["answer-lost", "answer-too-slow"]),
        ],
    },
    Fault {
        number: 15,
        what: "the request takes effect after a look-up found nothing",
        expected: "found by a later look or the sweep, surplus if another was adopted",
        proofs: &[Proof::Seeds(&["request-late"])],
    },
    Fault {
        number: 16,
        what: "one request makes two payments",
        expected: "one is adopted, the other is surplus",
        proofs: &[test(
            "api/tests/stories/gateway_trouble.rs",
            "of_two_payments_that_one_request_made_one_is_ours_and_the_other_is_shown",
        )],
    },
    Fault {
        number: 17,
        what: "a kept-alive connection turns out dead",
        expected: "moving requests use fresh ones",
        proofs: &[
            test("gateway-client/tests/contract/transport.rs", "what_moves_money_gets_a_connection_of_its_own"),
            test("gateway-client/tests/contract/cuts.rs", "what_was_sent_into_a_stale_connection_is_counted_once"),
        ],
    },
    Fault {
        number: 18,
        what: "the gateway answers with a redirect",
        expected: "not followed; unknown",
        proofs: &[test("gateway-client/tests/contract/transport.rs", "a_redirect_is_not_followed")],
    },
    Fault {
        number: 19,
        what: "a proxy is set in the environment",
        expected: "refused at start",
        proofs: &[test(
            "api/tests/processes/settings_file.rs",
            "a_proxy_in_the_environment_is_refused_and_not_ignored",
        )],
    },
    Fault {
        number: 20,
        what: "the gateway answers 5xx, as JSON or HTML",
        expected: "unknown, never failed",
        proofs: &[
            test("api/tests/stories/gateway_trouble.rs", "an_error_page_after_the_effect_leads_to_no_second_payment"),
            Proof::Seeds(&["error-status", "error-status-after", "html", "html-after"]),
        ],
    },
    Fault {
        number: 21,
        what: "the gateway answers 429",
        expected: "unknown for a request that left; a pause, and never longer than the bound",
        proofs: &[
            test(
                "gateway-client/tests/contract/classification.rs",
                "everything_else_is_unknown_even_in_the_gateways_envelope",
            ),
            test("gateway-client/tests/contract/odd_answers.rs", "nobody_is_kept_waiting_for_longer_than_a_day"),
        ],
    },
    Fault {
        number: 22,
        what: "a firewall answers 403",
        expected: "no refusal of the payment: unknown",
        proofs: &[
            test(
                "gateway-client/tests/contract/classification.rs",
                "everything_else_is_unknown_even_in_the_gateways_envelope",
            ),
            Proof::Seeds(&["forbidden"]),
        ],
    },
    Fault {
        number: 23,
        what: "a 2xx cannot be read, or names no payment",
        expected: "unknown; looked up at once",
        proofs: &[
            test(
                "api/tests/stories/gateway_trouble.rs",
                "whatever_comes_instead_of_an_answer_the_outcome_is_unknown_and_resolves_itself",
            ),
            Proof::Seeds(&["answer-truncated", "sparse-answers"]),
        ],
    },
    Fault {
        number: 24,
        what: "an answer is huge, in body or head, or a bomb of gzip",
        expected: "cut off; unknown; memory stays flat",
        proofs: &[
            test("gateway-client/tests/contract/odd_answers.rs", "a_body_without_end_is_left_where_it_is"),
            test("gateway-client/tests/contract/odd_answers.rs", "a_head_of_a_megabyte_is_no_answer"),
            test("gateway-client/tests/contract/odd_answers.rs", "an_encoded_answer_is_not_unpacked"),
        ],
    },
    Fault {
        number: 25,
        what: "an answer drips",
        expected: "the whole time is bounded",
        proofs: &[test(
            "gateway-client/tests/contract/transport.rs",
            "silence_and_a_slow_drip_end_with_the_total_time",
        )],
    },
    Fault {
        number: 26,
        what: "a 2xx is about another amount, currency, type or reference",
        expected: "flagged and read again, never taken over silently",
        proofs: &[test("domain/tests/order_of_evidence.rs", "what_does_not_fit_is_flagged_and_adopted_all_the_same")],
    },
    Fault {
        number: 27,
        what: "what was just created is not found yet",
        expected: "an empty look counts after the quarantine only",
        proofs: &[
            test("api/tests/stories/gateway_trouble.rs", "what_lists_do_not_show_yet_is_not_taken_for_missing"),
            Proof::Seeds(&["list-lag"]),
        ],
    },
    Fault {
        number: 28,
        what: "lists show a day by default, in pages",
        expected: "the window is explicit, and read to its end",
        proofs: &[test("orchestrator/tests/sending.rs", "a_list_that_cannot_be_read_wholly_proves_no_absence")],
    },
    Fault {
        number: 29,
        what: "the gateway is down for hours",
        expected: "new orders are refused before anything is taken; looks alone probe it",
        proofs: &[
            test(
                "api/tests/stories/gateway_trouble.rs",
                "while_the_gateway_is_down_orders_wait_and_soon_none_are_taken",
            ),
            Proof::Seeds(&["gateway-down"]),
        ],
    },
    Fault {
        number: 30,
        what: "a webhook comes many times at once",
        expected: "one change, 200 for all",
        proofs: &[
            test("api/tests/stories/notices.rs", "a_notice_that_comes_twice_counts_once"),
            Proof::Seeds(&["hook-doubled"]),
        ],
    },
    Fault {
        number: 31,
        what: "webhooks are lost",
        expected: "looks and sweeps reach the same end",
        proofs: &[
            test(
                "api/tests/stories/sweeping.rs",
                "without_any_webhook_every_payment_reaches_its_end_and_requests_grow_with_the_changes",
            ),
            Proof::Seeds(&["hook-dropped", "hooks-silent"]),
        ],
    },
    Fault {
        number: 32,
        what: "webhooks come in another order",
        expected: "the same end",
        proofs: &[
            test("domain/tests/order_of_evidence.rs", "every_order_of_six_pieces_of_news_ends_the_same"),
            Proof::Seeds(&["hook-late"]),
        ],
    },
    Fault {
        number: 33,
        what: "a signature is forged, missing, of another key or encoding",
        expected: "401, nothing is stored",
        proofs: &[
            test("api/tests/stories/notices.rs", "a_forged_notice_is_refused_and_nothing_of_it_is_kept"),
            Proof::Seeds(&["hook-forged"]),
        ],
    },
    Fault {
        number: 34,
        what: "an old webhook is sent again",
        expected: "changes nothing",
        proofs: &[test("api/tests/stories/notices.rs", "states_move_forward_and_old_news_changes_nothing")],
    },
    Fault {
        number: 35,
        what: "a webhook is about a payment that is not known",
        expected: "kept, 200, matched again later, shown",
        proofs: &[test(
            "api/tests/stories/notices.rs",
            "a_notice_about_a_payment_that_nobody_knows_is_kept_and_filed_after_an_hour",
        )],
    },
    Fault {
        number: 36,
        what: "a webhook overtakes the answer it belongs to",
        expected: "kept, and applied once the id is known",
        proofs: &[
            test("api/tests/stories/notices.rs", "a_notice_that_overtakes_the_answer_waits_for_it"),
            Proof::Seeds(&["hook-early"]),
        ],
    },
    Fault {
        number: 37,
        what: "a webhook tells another amount or currency",
        expected: "what is settled is the gateway's; the request stays; flagged",
        proofs: &[
            test("api/tests/stories/notices.rs", "what_moved_is_what_the_gateway_says"),
            Proof::Seeds(&["other-amount", "other-currency"]),
        ],
    },
    Fault {
        number: 38,
        what: "a second end contradicts the first",
        expected: "the first stays until evidence or a person; nothing is hidden",
        proofs: &[test("api/tests/stories/notices.rs", "two_ends_contradict_until_a_look_tells_which_is_true")],
    },
    Fault {
        number: 39,
        what: "a body is deep, doubled, huge, slow, or no text",
        expected: "a clear refusal, no panic",
        proofs: &[
            test(
                "api/tests/stories/bad_input/bodies.rs",
                "a_body_beyond_the_limit_is_refused_or_cut_off_whatever_it_announces",
            ),
            test("api/tests/stories/notices.rs", "a_notice_may_have_a_mebibyte_and_any_depth"),
        ],
    },
    Fault {
        number: 40,
        what: "the gateway uses a word we do not know",
        expected: "kept and flagged; changes nothing",
        proofs: &[test(
            "api/tests/stories/notices.rs",
            "states_that_the_contract_does_not_know_are_shown_and_change_nothing",
        )],
    },
    Fault {
        number: 41,
        what: "the machine's clock jumps",
        expected: "leases and deadlines do not",
        proofs: &[
            test("api/tests/stories/gateway_trouble.rs", "a_clock_that_jumps_sends_nothing_twice"),
            Proof::Seeds(&["process-clock"]),
        ],
    },
    Fault {
        number: 42,
        what: "the gateway's clock is not ours",
        expected: "windows allow for it",
        proofs: &[
            test(
                "api/tests/stories/gateway_trouble.rs",
                "what_a_gateway_with_a_late_clock_made_is_found_and_not_taken_for_an_older_one",
            ),
            Proof::Seeds(&["gateway-clock"]),
        ],
    },
    Fault {
        number: 43,
        what: "a process sleeps through its lease",
        expected: "it gives up before it sends; what it commits late is fenced",
        proofs: &[
            test(
                "api/tests/processes/sleeps.rs",
                "a_process_that_sleeps_through_its_lease_changes_nothing_when_it_wakes_up",
            ),
            test("orchestrator/tests/sending.rs", "a_request_whose_entry_took_too_long_to_be_durable_does_not_leave"),
            test("orchestrator/tests/sweeping.rs", "a_process_that_overslept_stores_no_cursor"),
            Proof::Seeds(&["pause", "sleep-in-a-pass"]),
        ],
    },
    Fault {
        number: 44,
        what: "the database is away",
        expected: "503 before anything is sent; no 200 for a webhook; alive, not ready",
        proofs: &[
            test(
                "api/tests/stories/health.rs",
                "while_the_database_is_gone_nothing_is_taken_and_everything_goes_on_when_it_is_back",
            ),
            test(
                "api/tests/processes/outages.rs",
                "a_database_that_crashes_under_load_is_waited_for_and_nothing_is_lost",
            ),
        ],
    },
    Fault {
        number: 45,
        what: "the database is slow",
        expected: "waits are bounded, and 503 behind them",
        proofs: &[
            test(
                "store-tests/tests/postgres/slowness.rs",
                "a_statement_that_takes_too_long_is_ended_and_whoever_waits_for_its_connection_is_told",
            ),
            test(
                "api/tests/stories/health.rs",
                "a_database_that_is_held_up_is_not_waited_for_for_ever_and_nothing_is_sent",
            ),
            Proof::Seeds(&["store-slow"]),
        ],
    },
    Fault {
        number: 46,
        what: "the database's primary becomes a standby under an open session",
        expected: "the session is given up, and the next one works",
        proofs: &[
            test(
                "store-tests/tests/postgres/outage.rs",
                "a_server_that_becomes_read_only_under_open_sessions_is_not_written_to_until_it_is_over",
            ),
            test("store/src/postgres/tests/pools.rs", "a_connection_to_what_became_a_standby_is_not_used_again"),
        ],
    },
    Fault {
        number: 47,
        what: "the database gives up a transaction for another",
        expected: "the statement is run again, without side effects",
        proofs: &[test(
            "store-tests/tests/postgres/contention.rs",
            "a_statement_that_the_server_gave_up_for_another_is_sent_again",
        )],
    },
    Fault {
        number: 48,
        what: "the database's disk is full",
        expected: "nothing is acknowledged; it goes on by itself when there is room",
        proofs: &[
            test(
                "api/tests/processes/limits.rs",
                "a_full_disk_acknowledges_nothing_and_there_is_no_need_to_start_again",
            ),
            test(
                "api/tests/stories/health.rs",
                "a_full_disk_acknowledges_nothing_and_everything_goes_on_when_there_is_room",
            ),
        ],
    },
    Fault {
        number: 49,
        what: "all connections of the pool are taken",
        expected: "503 with Retry-After; webhooks and workers have their own way",
        proofs: &[
            test("api/tests/stories/health.rs", "a_crowd_of_readers_is_turned_away_and_nobody_else_waits_for_it"),
            test(
                "store-tests/tests/postgres/slowness.rs",
                "a_statement_that_takes_too_long_is_ended_and_whoever_waits_for_its_connection_is_told",
            ),
            test(
                "api/tests/stories/health.rs",
                "a_database_that_is_held_up_is_not_waited_for_for_ever_and_nothing_is_sent",
            ),
        ],
    },
    Fault {
        number: 50,
        what: "a connection of the pool is broken",
        expected: "it is not used",
        proofs: &[test(
            "store/src/postgres/tests/pools.rs",
            "a_connection_that_a_cancelled_call_left_in_a_transaction_is_not_used_again",
        )],
    },
    Fault {
        number: 51,
        what: "the database file is locked, or the power goes",
        expected: "waited for; what was acknowledged is there",
        proofs: &[
            test(
                "store-tests/tests/conformance/embedded.rs",
                "a_file_that_another_writer_holds_too_long_is_not_available_and_recovers",
            ),
            test(
                "api/tests/processes/kills.rs",
                "a_service_killed_again_and_again_under_load_loses_nothing_and_doubles_nothing",
            ),
        ],
    },
    Fault {
        number: 52,
        what: "an older release serves on a newer schema",
        expected: "both work",
        proofs: &[
            test("store-tests/tests/conformance/later.rs", "columns_that_a_later_release_adds_disturb_nobody"),
            test(
                "api/tests/processes/upgrades.rs",
                "what_a_later_release_adds_to_the_schema_does_not_disturb_this_one",
            ),
        ],
    },
    Fault {
        number: 53,
        what: "two processes act on one payment at once",
        expected: "one wins, the other sees what it won",
        proofs: &[test(
            "api/tests/processes/races.rs",
            "hundreds_of_references_that_are_contested_at_two_processes_are_one_payment_each",
        )],
    },
    Fault {
        number: 54,
        what: "a payment or webhook fails every time",
        expected: "set aside with a flag; the others go on",
        proofs: &[
            test(
                "api/tests/stories/poison.rs",
                "a_payment_whose_news_is_refused_each_time_is_set_aside_and_the_others_go_on",
            ),
            test("api/tests/stories/poison.rs", "a_notice_that_is_refused_each_time_waits_and_the_others_are_applied"),
            test("store-tests/tests/conformance/poison.rs", "a_poison_among_good_ones_fails_alone"),
        ],
    },
    Fault {
        number: 55,
        what: "all looks are due at once after an outage",
        expected: "spread out, and bounded by the bucket of tokens",
        proofs: &[
            test(
                "api/tests/stories/gateway_trouble.rs",
                "what_is_due_at_once_after_an_outage_is_asked_for_no_faster_than_the_settings_say",
            ),
            test("orchestrator/tests/sweeping.rs", "an_empty_bucket_puts_looks_off_and_never_an_order"),
        ],
    },
    Fault {
        number: 56,
        what: "refunds race for one capture; a capture races a void",
        expected: "never more than was captured; one command",
        proofs: &[
            test(
                "store-tests/tests/conformance/refunding.rs",
                "fifty_refunds_of_one_capture_in_one_batch_never_hold_more_than_was_captured",
            ),
            test(
                "store-tests/tests/conformance/refunding.rs",
                "refunds_of_one_capture_by_many_at_once_never_hold_more_than_was_captured",
            ),
            test("api/tests/processes/races.rs", "fifty_refunds_at_two_processes_never_get_more_than_was_captured"),
        ],
    },
    Fault {
        number: 57,
        what: "the outcome of a refund's or payout's request is unknown",
        expected: "its money stays reserved, and it is never sent again",
        proofs: &[
            test("orchestrator/tests/sending.rs", "what_pays_by_itself_is_never_sent_twice_when_its_answer_is_lost"),
            test(
                "api/tests/stories/refunds.rs",
                "a_refund_that_was_lost_on_its_way_is_never_sent_again_and_its_money_never_freed",
            ),
        ],
    },
    Fault {
        number: 58,
        what: "the settled amount shrinks below what is reserved",
        expected: "bounded by what settled, and flagged",
        proofs: &[
            test("domain/tests/refunds.rs", "what_settled_bounds_what_goes_back_though_refunds_hold_more_already"),
            test(
                "domain/tests/refunds.rs",
                "too_much_that_was_refunded_elsewhere_is_flagged_in_whichever_order_it_is_seen",
            ),
        ],
    },
    Fault {
        number: 59,
        what: "an export runs while payments change",
        expected: "one snapshot",
        proofs: &[test(
            "api/tests/stories/exporting.rs",
            "the_same_export_is_the_same_bytes_however_much_is_booked_meanwhile",
        )],
    },
    Fault {
        number: 60,
        what: "a key is rotated under load",
        expected: "the current and the previous are taken",
        proofs: &[
            test("api/tests/stories/keys.rs", "a_callers_key_is_changed_under_load_and_no_request_is_refused"),
            test("api/tests/stories/notices.rs", "a_signing_key_is_changed_under_load_and_no_notice_is_refused"),
            test("api/tests/stories/notices.rs", "the_previous_signing_key_is_taken_while_the_gateway_changes_over"),
        ],
    },
    Fault {
        number: 61,
        what: "a receiver's address leads inside",
        expected: "refused when it is named, and when it is connected to",
        proofs: &[test(
            "api/tests/stories/telling.rs",
            "an_address_that_leads_inside_is_refused_when_it_is_named_and_when_it_is_connected_to",
        )],
    },
    Fault {
        number: 62,
        what: "a receiver is slow or dead",
        expected: "others do not wait for it, and it misses nothing",
        proofs: &[
            test("api/tests/stories/telling.rs", "nobody_waits_for_another_ones_receiver"),
            test(
                "api/tests/stories/telling.rs",
                "a_dead_receiver_is_left_alone_then_disabled_and_misses_nothing_when_it_is_back",
            ),
        ],
    },
    Fault {
        number: 63,
        what: "no file or memory is left, or stdout is closed",
        expected: "it stays up, or ends with an error; nothing half is acknowledged",
        proofs: &[
            test("api/tests/processes/limits.rs", "a_service_whose_lines_nobody_reads_any_more_goes_on"),
            test("api/tests/processes/limits.rs", "a_service_without_a_file_to_spare_goes_on_when_there_are_some"),
        ],
    },
    Fault {
        number: 64,
        what: "a card number is typed into any field",
        expected: "refused or masked before it reaches anything that keeps",
        proofs: &[
            test("api/tests/stories/secrets.rs", "a_card_number_that_is_typed_into_any_field_is_kept_nowhere"),
            test("api/tests/stories/logging.rs", "no_secret_no_person_no_card_and_no_query_is_ever_logged"),
            test(
                "api/tests/stories/secrets.rs",
                "no_secret_is_in_any_table_answer_or_metric_after_all_that_can_happen",
            ),
        ],
    },
];
