//! Which rows of the suite hold for sealed sessions, too, and which do not, and why.
//!
//! A test that runs `on_every_strategy` asks the same of both. Every other one is in this table.

/// Tests of each file that ask for what sealed sessions have not, or do otherwise; and how it is with them.
const EXCEPTED: &[(&str, &[&str], &str)] = &[
    (
        "adapter.rs",
        &["two_extractors_see_one_session_and_load_it_once"],
        "nothing is loaded; what it costs is in `sealed.rs`",
    ),
    (
        "cancelled.rs",
        &[
            "a_request_dropped_at_any_await_has_happened_or_has_not",
            "a_sign_in_dropped_at_any_await_leaves_one_whole_session",
            "a_write_whose_client_went_away_is_whole_and_locks_nobody_out",
        ],
        "a change is in the cookie or was not sent; what is dropped while it sets a mark is in `sealed.rs`",
    ),
    (
        "expiry.rs",
        &[
            "a_reader_does_not_delete_what_it_finds_expired",
            "a_sweep_leaves_alone_what_has_only_just_expired",
            "a_sweeper_goes_on_after_an_error",
            "the_server_decides_though_the_store_keeps_everything_for_ever",
            "an_expiry_beyond_what_last_seen_allows_is_not_believed",
            "expired_sessions_are_in_no_list",
        ],
        "there is no record to keep, sweep, alter or list",
    ),
    (
        "limits.rs",
        &[
            "a_hundred_sign_ins_at_once_leave_as_many_sessions_as_a_refusing_limit_allows",
            "a_hundred_sign_ins_at_once_leave_as_many_sessions_as_ending_the_oldest_allows",
            "nobody_counts_sealed_sessions_so_a_limit_is_refused",
        ],
        "nobody counts them: such a policy is refused, which the last one asks for",
    ),
    (
        "no_lost_update.rs",
        &[
            "fifty_concurrent_sets_of_different_keys_leave_fifty",
            "fifty_concurrent_updates_add_up_to_fifty",
            "updates_add_up_when_every_third_reply_is_lost",
            "updates_add_up_when_requests_to_the_store_are_lost",
            "updates_add_up_across_two_nodes",
            "of_blind_sets_one_wins_and_the_rest_survives",
            "a_late_set_wins_over_an_earlier_one_it_did_not_see",
            "an_update_whose_reply_was_lost_is_found_behind_a_neighbours",
            "a_session_whose_beginning_lost_its_reply_begins_once",
            "a_rotation_that_lost_its_reply_is_handed_out",
        ],
        "NOT HELD between parallel writes: the last cookie wins, whole, and one after the other none is lost \
         (`sealed.rs`)",
    ),
    (
        "no_resurrection.rs",
        &[
            "what_the_store_had_answered_before_the_end_brings_nothing_back",
            "a_write_that_was_under_way_at_the_end_brings_nothing_back",
        ],
        "nothing is under way to a store; what was loaded before the end is asked of both",
    ),
    (
        "no_secret_leaks.rs",
        &["an_error_tells_the_client_its_kind_and_nothing_else"],
        "a read asks no store that could fail; the outages in `sealed.rs` look at the same response",
    ),
    (
        "nothing_for_nothing.rs",
        &[
            "an_anonymous_visitor_without_data_costs_nothing",
            "each_route_costs_what_the_design_says",
            "a_sign_in_from_an_anonymous_session_costs_two",
            "what_changes_nothing_writes_nothing",
            "a_token_that_was_never_issued_costs_one_read_and_only_if_asked_for",
            "a_touch_is_due_after_a_twentieth_of_the_idle_timeout",
            "a_touch_is_due_hourly_when_the_idle_timeout_is_long",
            "a_write_is_a_touch_too",
            "a_hundred_reads_set_no_cookie_and_write_nothing",
        ],
        "it costs less: `sealed.rs` has the table",
    ),
    (
        "outage.rs",
        &[
            "a_store_that_is_down_or_hangs_signs_nobody_out",
            "a_visitor_without_a_session_does_not_notice_an_outage_until_one_begins",
            "a_write_that_fails_is_a_503_and_changes_nothing",
            "an_ending_that_fails_is_a_503_and_ends_nothing",
            "a_touch_that_fails_is_not_an_error",
            "a_record_of_a_newer_format_is_an_outage",
            "a_record_under_an_unknown_key_is_an_outage",
            "a_record_that_is_damaged_is_anonymous_and_its_cookie_left_alone",
            "no_altered_byte_of_a_sealed_record_is_believed",
        ],
        "only endings ask a store, and everything does once the copy is too old: `sealed.rs`; newer formats and unknown \
         keys are in the library's `sealed_cookie/tests.rs`",
    ),
    (
        "periodic_rotation.rs",
        &[
            "a_session_in_use_gets_a_new_token_now_and_then",
            "a_lost_response_locks_nobody_out",
            "requests_that_left_together_all_succeed_and_one_rotates",
            "a_rotation_that_lost_its_reply_from_the_store_is_handed_out",
            "the_old_token_is_good_for_seconds_after_the_new_one_was_seen",
            "a_token_used_after_its_grace_ends_the_session",
            "an_explicit_rotation_gives_no_grace",
        ],
        "such a policy is refused",
    ),
    (
        "program.rs",
        &[
            "who_is_signed_in_survives_that_the_program_is_killed",
            "a_key_is_raw_bytes_or_hex_digits",
            "what_makes_no_sense_is_refused_with_a_sentence_that_names_it",
            "who_has_signed_out_stays_so_when_the_program_is_killed",
            "the_program_serves_with_actix_web_as_well",
        ],
        "each starts the program with its own options, one of them with `--strategy sealed`",
    ),
    (
        "revocation.rs",
        &[
            "an_ending_at_one_node_counts_for_the_next_request_at_another",
            "everyones_sessions_end_at_every_node",
            "a_sign_in_that_reaches_the_store_after_signing_out_everywhere_is_listed",
            "a_sign_in_that_reached_the_store_before_signing_out_everywhere_is_ended",
            "a_sign_in_between_the_steps_of_signing_out_everywhere_is_listed",
            "signing_out_everywhere_ends_what_a_neighbour_began_in_place_of_this_session",
            "of_many_sign_ins_that_race_a_revocation_each_is_ended_or_listed",
        ],
        "WITHIN A BOUND at other nodes, which `sealed.rs` asks for; at the same node at once, as above",
    ),
    (
        "revocation.rs",
        &[
            "sessions_are_ended_from_another_device_at_another_node",
            "nobody_ends_a_session_of_somebody_else",
            "the_list_shows_each_device_once_and_which_is_this_one",
            "more_devices_than_a_page_has_are_all_listed",
        ],
        "nobody lists sealed sessions, or ends one of them, unless sign-ins are registered: `sealed.rs`",
    ),
    (
        "slow_neighbours.rs",
        &["a_response_sets_the_cookie_only_if_it_created_rotated_or_ended_the_session"],
        "or changed it: `sealed.rs` has the table",
    ),
    (
        "stolen_store.rs",
        &[
            "a_dump_holds_no_token_and_no_data",
            "a_record_under_another_id_opens_for_nobody",
            "what_is_in_clear_is_believed_only_as_it_was_sealed",
            "sealed_data_of_one_session_does_not_open_in_another_of_the_same_user",
            "a_record_in_the_clear_is_refused_where_records_are_sealed",
            "with_a_key_ring_a_record_without_its_key_is_refused",
            "a_retiring_key_opens_and_the_next_write_takes_up_the_new_one",
        ],
        "the store holds ids, principals and moments, and nothing to open",
    ),
    (
        "strange_cookies.rs",
        &["a_hundred_thousand_strange_cookies_are_never_adopted_and_cost_what_they_may"],
        "`sealed.rs` alters a genuine cookie in every bit",
    ),
    (
        "surface.rs",
        &["the_list_names_the_session_by_its_id"],
        "nobody lists sealed sessions, unless sign-ins are registered",
    ),
];

/// The suite's files.
const FILES: &[(&str, &str)] = &[
    ("adapter.rs", include_str!("adapter.rs")),
    ("cancelled.rs", include_str!("cancelled.rs")),
    ("expiry.rs", include_str!("expiry.rs")),
    ("limits.rs", include_str!("limits.rs")),
    ("no_fixation.rs", include_str!("no_fixation.rs")),
    ("no_lost_update.rs", include_str!("no_lost_update.rs")),
    ("no_resurrection.rs", include_str!("no_resurrection.rs")),
    ("no_secret_leaks.rs", include_str!("no_secret_leaks.rs")),
    ("nothing_for_nothing.rs", include_str!("nothing_for_nothing.rs")),
    ("outage.rs", include_str!("outage.rs")),
    ("periodic_rotation.rs", include_str!("periodic_rotation.rs")),
    ("program.rs", include_str!("program.rs")),
    ("revocation.rs", include_str!("revocation.rs")),
    ("slow_neighbours.rs", include_str!("slow_neighbours.rs")),
    ("stolen_store.rs", include_str!("stolen_store.rs")),
    ("strange_cookies.rs", include_str!("strange_cookies.rs")),
    ("surface.rs", include_str!("surface.rs")),
];

#[test]
fn every_row_is_asked_of_sealed_sessions_or_stands_in_the_table() {
    let mut excepted: Vec<(&str, &str)> = Vec::new();
    for (file, tests, _) in EXCEPTED {
        excepted.extend(tests.iter().map(|test| (*file, *test)));
    }
    let mut asked_of_one = Vec::new();
    for (file, text) in FILES {
        for test in text.split("#[test]\nfn ").skip(1) {
            let (name, body) = test.split_once("()").unwrap();
            let body = body.split("\n}\n").next().unwrap();
            if !body.contains("on_every_strategy") {
                asked_of_one.push((*file, name));
            }
        }
    }
    excepted.sort_unstable();
    asked_of_one.sort_unstable();
    assert_eq!(asked_of_one, excepted);
}
