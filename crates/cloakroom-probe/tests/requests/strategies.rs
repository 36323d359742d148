//! How far each invariant holds under each strategy, and which rows of the suite are not asked of all, and why.
//!
//! A test that runs `on_every_store` is asked also where browsers keep snapshots and where nodes keep copies, and one that runs
//! `on_every_strategy` of sealed sessions, too. Every other one is in a table.

use Holds::{Fully, Not, Within};

/// How far something holds, and which test shows it where it is not all.
enum Holds {
    Fully,
    /// Within the bound.
    Within(&'static str),
    Not(&'static str),
}

/// Each invariant as the guides have it, the file that asks for it, and how far it holds of sealed sessions, of hybrid ones, and
/// with near caches.
const INVARIANTS: &[(&str, &str, Holds, Holds, Holds)] = &[
    (
        "1. No lost update",
        "no_lost_update.rs",
        Not("of_parallel_writes_the_last_cookie_wins_and_is_whole"),
        Fully,
        Fully,
    ),
    (
        "2. Nothing brings back what has ended",
        "no_resurrection.rs",
        Within("a_captured_cookie_is_refused_after_a_sign_out_everywhere_it_is_replayed"),
        Within("a_captured_pair_is_dead_here_at_once_and_elsewhere_within_the_bound"),
        Within("a_captured_token_is_dead_here_at_once_and_elsewhere_within_the_bound"),
    ),
    (
        "3. Signing in gives a new token, and the old one is dead",
        "no_fixation.rs",
        Within("a_captured_cookie_is_refused_after_a_sign_out_everywhere_it_is_replayed"),
        Within("a_captured_pair_is_dead_here_at_once_and_elsewhere_within_the_bound"),
        Within("a_captured_token_is_dead_here_at_once_and_elsewhere_within_the_bound"),
    ),
    (
        "4. A slow response never undoes a login",
        "slow_neighbours.rs",
        Within("a_response_sets_the_cookie_only_if_the_session_was_created_changed_rotated_or_ended"),
        Fully,
        Fully,
    ),
    ("5. An outage is not a logout", "outage.rs", Fully, Fully, Fully),
    (
        "6. Nothing is written for nothing",
        "nothing_for_nothing.rs",
        Fully,
        Fully,
        Fully,
    ),
    (
        "7. Both timeouts are the server's",
        "expiry.rs",
        Fully,
        Fully,
        Fully,
    ),
    (
        "8. A stolen store is not a stolen session",
        "stolen_store.rs",
        Fully,
        Fully,
        Fully,
    ),
    (
        "9. An ending reaches every node",
        "revocation.rs",
        Within("a_captured_cookie_is_refused_after_a_sign_out_everywhere_it_is_replayed"),
        Within("the_pairs_of_other_browsers_are_dead_here_at_once_and_elsewhere_within_the_bound"),
        Within("other_devices_are_signed_out_here_at_once_and_elsewhere_within_the_bound"),
    ),
    (
        "10. What is cancelled is whole",
        "cancelled.rs",
        Fully,
        Fully,
        Fully,
    ),
    ("11. No secret is told", "no_secret_leaks.rs", Fully, Fully, Fully),
];

/// How an exception begins where less is held.
const NOT_HELD: &str = "NOT HELD";
const WITHIN_A_BOUND: &str = "WITHIN A BOUND";

/// A file, some of its tests, and how it is with them.
type Excepted = (&'static str, &'static [&'static str], &'static str);

/// Tests that count the read with which a request begins.
const COSTS_A_READ: &[&str] = &[
    "each_route_costs_what_the_design_says",
    "a_sign_in_from_an_anonymous_session_costs_two",
    "what_changes_nothing_writes_nothing",
    "a_touch_is_due_after_a_twentieth_of_the_idle_timeout",
    "a_touch_is_due_hourly_when_the_idle_timeout_is_long",
    "a_write_is_a_touch_too",
    "a_hundred_reads_set_no_cookie_and_write_nothing",
];

/// Tests that fail that read.
const NOTICED_BY_READING: &[&str] = &[
    "a_store_that_is_down_or_hangs_signs_nobody_out",
    "a_record_of_a_newer_format_is_an_outage",
];

/// Tests that start the program with options of their own.
const STARTS_THE_PROGRAM: &[&str] = &[
    "who_is_signed_in_survives_that_the_program_is_killed",
    "a_program_that_keeps_copies_is_told_by_redis_what_another_one_ended",
    "a_key_is_raw_bytes_or_hex_digits",
    "what_makes_no_sense_is_refused_with_a_sentence_that_names_it",
    "who_has_signed_out_stays_so_when_the_program_is_killed",
    "the_program_serves_with_actix_web_as_well",
];

/// Tests that are not asked where browsers keep snapshots, and how it is there.
const EXCEPTED_OF_HYBRID: &[Excepted] = &[
    (
        "adapter.rs",
        &["two_extractors_see_one_session_and_load_it_once"],
        "nothing is loaded while the snapshot is fresh: `hybrid.rs`",
    ),
    (
        "limits.rs",
        &["nobody_counts_sealed_sessions_so_a_limit_is_refused"],
        "it is asked of sealed sessions",
    ),
    (
        "no_secret_leaks.rs",
        &["an_error_tells_the_client_its_kind_and_nothing_else"],
        "a read asks no store that could fail, while the snapshot is fresh",
    ),
    (
        "nothing_for_nothing.rs",
        COSTS_A_READ,
        "it costs less, by the read that a fresh snapshot saves: `hybrid.rs`",
    ),
    (
        "outage.rs",
        NOTICED_BY_READING,
        "a read notices nothing of it while the snapshot is fresh; everything else is asked of all",
    ),
    (
        "program.rs",
        STARTS_THE_PROGRAM,
        "each starts the program with its own options",
    ),
    (
        "revocation.rs",
        &["sessions_are_ended_from_another_device_at_another_node"],
        "WITHIN A BOUND at other nodes, and on the same one at once, which `hybrid.rs` asks for",
    ),
];

/// Tests that are not asked where nodes keep copies, and how it is there.
const EXCEPTED_OF_CACHED: &[Excepted] = &[
    (
        "adapter.rs",
        &["two_extractors_see_one_session_and_load_it_once"],
        "nothing is loaded while there is a copy: `cached.rs`",
    ),
    (
        "limits.rs",
        &["nobody_counts_sealed_sessions_so_a_limit_is_refused"],
        "it is asked of sealed sessions",
    ),
    (
        "no_secret_leaks.rs",
        &["an_error_tells_the_client_its_kind_and_nothing_else"],
        "a read asks no store that could fail, while there is a copy",
    ),
    (
        "nothing_for_nothing.rs",
        COSTS_A_READ,
        "it costs less, by the read that a copy saves: `cached.rs`",
    ),
    (
        "outage.rs",
        NOTICED_BY_READING,
        "a read notices nothing of it while there is a copy (`cached.rs`); everything else is asked of all",
    ),
    (
        "program.rs",
        STARTS_THE_PROGRAM,
        "each starts the program with its own options",
    ),
    (
        "revocation.rs",
        &[
            "an_ending_at_one_node_counts_for_the_next_request_at_another",
            "sessions_are_ended_from_another_device_at_another_node",
            "everyones_sessions_end_at_every_node",
        ],
        "WITHIN A BOUND at other nodes, and on the same one at once, which `cached.rs` asks for",
    ),
];

/// Tests of each file that ask for what sealed sessions have not, or do otherwise; and how it is with them.
const EXCEPTED: &[Excepted] = &[
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
        "no write is under way to a store. Marks are: of a session that is signed in an ending's is above all others, and of a \
         visitor's session the guide says what holds. What was loaded before the end is asked of both",
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
        STARTS_THE_PROGRAM,
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

const GUIDE: &str = include_str!("../../../cloakroom/src/guide/choosing_a_strategy.md");
const GUIDE_TO_STORES: &str = include_str!("../../../cloakroom/src/guide/choosing_a_store.md");
const CACHED: &str = include_str!("cached.rs");
const SEALED: &str = include_str!("sealed.rs");
const HYBRID: &str = include_str!("hybrid.rs");

#[test]
fn every_row_is_asked_of_sealed_sessions_or_stands_in_the_table() {
    let asked = |body: &str| body.contains("on_every_strategy");
    assert_eq!(tests_but(asked), tests_of(EXCEPTED));
}

#[test]
fn every_row_is_asked_of_hybrid_sessions_or_stands_in_the_table() {
    let without_near_caches = |body: &str| body.contains("on_every_store_without_near_caches(");
    let asked = |body: &str| is_asked_of_every_store(body) || without_near_caches(body);
    assert_eq!(tests_but(asked), tests_of(EXCEPTED_OF_HYBRID));
}

#[test]
fn every_row_is_asked_with_near_caches_or_stands_in_the_table() {
    assert_eq!(tests_but(is_asked_of_every_store), tests_of(EXCEPTED_OF_CACHED));
}

#[test]
fn the_guide_says_how_far_each_invariant_holds() {
    let mut rows = GUIDE.lines().filter(|line| is_of_an_invariant(line));
    for (invariant, file, of_sealed, of_hybrid, _) in INVARIANTS {
        let row = rows.next().unwrap_or_default();
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, stored, sealed, hybrid, _] = cells[..] else {
            panic!("{invariant}: {row}")
        };
        assert_eq!(name, *invariant);
        assert_says(stored, &Fully, "", &[]);
        assert_says(sealed, of_sealed, SEALED, &excepted(EXCEPTED, file));
        assert_says(hybrid, of_hybrid, HYBRID, &excepted(EXCEPTED_OF_HYBRID, file));
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn the_guide_says_how_far_each_invariant_holds_with_near_caches() {
    let mut rows = GUIDE_TO_STORES.lines().filter(|line| is_of_an_invariant(line));
    for (invariant, file, .., cached) in INVARIANTS {
        let row = rows.next().unwrap_or_default();
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, says, _] = cells[..] else {
            panic!("{invariant}: {row}")
        };
        assert_eq!(name, *invariant);
        assert_says(says, cached, CACHED, &excepted(EXCEPTED_OF_CACHED, file));
    }
    assert_eq!(rows.next(), None);
}

/// Whether a test runs on every store, also where browsers keep snapshots and nodes copies.
fn is_asked_of_every_store(body: &str) -> bool {
    let kinds = ["store(", "store_that_lists(", "sealed_store(", "strategy"];
    kinds
        .iter()
        .any(|kinds| body.contains(&format!("on_every_{kinds}")))
}

/// Asserts that a cell says how far something holds, that a test shows it, and that no exception goes further.
fn assert_says(cell: &str, holds: &Holds, shown_in: &str, excepted: &[&str]) {
    let says_not = cell.contains("**not");
    let says_within = cell.contains("within the bound");
    let excepts = |how: &str| excepted.iter().any(|why| why.starts_with(how));
    let (as_it_is, test) = match holds {
        Fully => (
            !says_not && !says_within && !excepts(NOT_HELD) && !excepts(WITHIN_A_BOUND),
            None,
        ),
        Within(test) => (!says_not && says_within && !excepts(NOT_HELD), Some(test)),
        Not(test) => (says_not && excepts(NOT_HELD), Some(test)),
    };
    assert!(as_it_is, "{cell}");
    if let Some(test) = test {
        assert!(shown_in.contains(&format!("fn {test}()")), "{test}");
    }
}

fn is_of_an_invariant(line: &str) -> bool {
    let cell = line.strip_prefix("| ");
    cell.is_some_and(|cell| cell.starts_with(|first: char| first.is_ascii_digit()))
}

/// The tests in the suite's files that are not asked so.
fn tests_but(asked: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
    let mut others = Vec::new();
    for (file, text) in FILES {
        for test in text.split("#[test]\nfn ").skip(1) {
            let (name, body) = test.split_once("()").unwrap();
            let body = body.split("\n}\n").next().unwrap();
            if !asked(body) {
                others.push((*file, name));
            }
        }
    }
    others.sort_unstable();
    others
}

/// The tests in a table of exceptions.
fn tests_of(table: &[Excepted]) -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    for (file, tests, _) in table {
        all.extend(tests.iter().map(|test| (*file, *test)));
    }
    all.sort_unstable();
    all
}

/// How it is with the exceptions of a file.
fn excepted(table: &[Excepted], file: &str) -> Vec<&'static str> {
    let of_file = table.iter().filter(|(excepted, ..)| *excepted == file);
    of_file.map(|(.., how)| *how).collect()
}
