//! Every rule can be broken, and every broken store is caught.

use std::collections::BTreeSet;
use std::time::Duration;

use cloakroom_store::{AnyStore, conformance};

use crate::flawed::{Flaw, Flawed};

/// Which flaw breaks which rules, among others.
const CAUGHT: &[(Flaw, &[&str])] = &[
    (
        Flaw::ActsLongAfterChecking,
        &[
            "of_racing_creates_exactly_one_wins",
            "of_racing_writes_at_one_revision_exactly_one_wins",
            "concurrent_increments_are_all_counted",
            "a_racing_write_never_brings_an_ended_session_back",
            "increments_whose_replies_are_lost_count_once",
        ],
    ),
    (Flaw::CapsNobody, &["a_session_of_nobody_is_never_limited"]),
    (Flaw::CapsOneMore, &["a_cap_refuses_the_session_over_it"]),
    (
        Flaw::CapsOnlyCreates,
        &["a_session_that_changes_hands_is_counted"],
    ),
    (Flaw::ChangesTheCard, &["the_card_is_always_the_same"]),
    (Flaw::CountsEverything, &["a_count_agrees_with_the_query"]),
    (Flaw::CountsExpired, &["expired_sessions_do_not_count"]),
    (
        Flaw::CountsOneself,
        &["a_rewrite_of_ones_own_session_is_never_over_the_cap"],
    ),
    (
        Flaw::CountsOutsideTheLock,
        &[
            "a_refusing_cap_is_exact_under_racing_sign_ins",
            "ending_the_oldest_is_exact_under_racing_sign_ins",
        ],
    ),
    (
        Flaw::CountsRevisionsPerRecord,
        &["a_recreated_session_never_has_an_old_revision"],
    ),
    (
        Flaw::CreatesOverWhatIsThere,
        &[
            "a_session_is_created_once",
            "a_write_whose_reply_was_lost_is_settled_by_loading",
        ],
    ),
    (Flaw::CutsBodiesAtZero, &["a_body_of_every_byte_is_kept"]),
    (Flaw::CutsIds, &["hostile_ids_are_different_sessions"]),
    (Flaw::CutsLabelsAtZero, &["hostile_labels_are_kept_as_they_are"]),
    (
        Flaw::DeletesLongAfterChecking,
        &[
            "of_racing_deletes_exactly_one_ends",
            "a_sign_out_never_ends_a_racing_sign_in",
        ],
    ),
    (Flaw::EndsBeforeChecking, &["a_refused_write_ends_nobody"]),
    (
        Flaw::EndsInSteps,
        &["a_dropped_ending_happened_whole_or_not_at_all"],
    ),
    (Flaw::EndsNothing, &["ending_twice_answers_missing"]),
    (Flaw::EndsTheNewest, &["a_cap_ends_the_oldest_to_make_room"]),
    (Flaw::FoldsCase, &["every_condition_of_a_query_filters"]),
    (Flaw::ForgetsLabels, &["a_record_is_loaded_as_it_was_written"]),
    (Flaw::ForgetsToKeep, &["revoking_keeps_the_one_to_keep"]),
    (Flaw::HangsOnPings, &["a_ping_answers"]),
    (
        Flaw::HidesRacingSignIns,
        &["a_sign_in_that_races_a_revocation_is_ended_or_listed"],
    ),
    (Flaw::IgnoresLimits, &["a_page_holds_at_most_its_limit"]),
    (
        Flaw::IgnoresNamespaces,
        &[
            "what_one_namespace_keeps_is_nowhere_in_another",
            "ending_in_one_namespace_ends_nothing_in_another",
            "one_id_is_another_session_in_another_namespace",
        ],
    ),
    (Flaw::IgnoresOwners, &["a_session_of_somebody_else_is_not_ended"]),
    (Flaw::IgnoresRevisions, &["a_stale_write_is_refused"]),
    (
        Flaw::JoinsNamespaceAndPrincipal,
        &["a_namespace_and_a_principal_never_read_as_another_pair"],
    ),
    (
        Flaw::KeepsSeconds,
        &["the_earliest_and_the_latest_moment_are_kept"],
    ),
    (Flaw::LeaksPlaces, &["an_ended_session_gives_its_place_back"]),
    (
        Flaw::ListsByOffset,
        &[
            "a_listing_goes_on_where_a_deleted_session_was",
            "what_lives_through_a_listing_appears_in_it",
        ],
    ),
    (Flaw::ListsWithoutLabels, &["a_listing_shows_what_is_kept"]),
    (
        Flaw::LowersNamespaces,
        &["namespaces_that_look_alike_are_different"],
    ),
    (
        Flaw::LowersPrincipals,
        &[
            "hostile_principals_are_kept_as_they_are",
            "principals_that_look_alike_are_different",
        ],
    ),
    (
        Flaw::NumbersRevisionsByContent,
        &["every_write_has_a_revision_of_its_own"],
    ),
    (
        Flaw::PanicsOnCursors,
        &["a_foreign_cursor_is_refused_or_finds_nothing"],
    ),
    (Flaw::PromisesLess, &["what_the_card_withdraws_is_unsupported"]),
    (Flaw::ReadsStale, &["a_load_sees_every_write_answered_before"]),
    (
        Flaw::RevokesAtOldRevisions,
        &["a_write_that_races_a_revocation_does_not_survive_it"],
    ),
    (
        Flaw::RevokesByLastSeen,
        &["revoking_everyone_ends_what_began_before"],
    ),
    (
        Flaw::RevokesByPrefix,
        &["revoking_a_principal_ends_theirs_and_nobody_elses"],
    ),
    (
        Flaw::RevokesFormerOwners,
        &["the_principal_index_follows_rewrites"],
    ),
    (
        Flaw::RevokesWhatItListed,
        &["a_session_that_leaves_a_principal_is_ended_or_not_theirs"],
    ),
    (
        Flaw::SaysNothingRemains,
        &[
            "revoking_a_principal_in_batches_ends_all",
            "revoking_everyone_in_batches_ends_all",
            "a_sweep_goes_in_batches",
        ],
    ),
    (Flaw::SaysOthersHoldTheRest, &["a_sweep_goes_in_batches"]),
    (
        Flaw::NeverIsDoneRevoking,
        &[
            "revoking_a_principal_in_batches_ends_all",
            "revoking_everyone_in_batches_ends_all",
        ],
    ),
    (
        Flaw::LooksOnlyAtTheBeginning,
        &["revoking_everyone_gets_past_what_began_since"],
    ),
    (
        Flaw::TakesAnyCursorToRevoke,
        &["revoking_from_a_foreign_cursor_is_refused"],
    ),
    (
        Flaw::SweepsAtTheMoment,
        &["a_sweep_removes_what_expired_and_nothing_else"],
    ),
    (
        Flaw::SweepsWhatItListed,
        &[
            "a_sweep_never_removes_what_a_touch_revives",
            "a_sweep_never_removes_what_a_write_revives",
        ],
    ),
    (Flaw::TakesLess, &["the_largest_body_is_kept"]),
    (Flaw::TakesMore, &["a_larger_body_is_refused_and_changes_nothing"]),
    (
        Flaw::TouchIgnoresRevisions,
        &["a_touch_at_another_revision_is_refused"],
    ),
    (
        Flaw::TouchMovesRevisions,
        &["a_touch_keeps_or_moves_the_revision_as_the_card_says"],
    ),
    (Flaw::TouchShortens, &["a_touch_never_moves_back"]),
    (
        Flaw::TouchesInSteps,
        &["a_dropped_touch_happened_whole_or_not_at_all"],
    ),
    (
        Flaw::TouchesLongAfterReading,
        &[
            "a_touch_never_undoes_a_racing_write",
            "of_racing_touches_the_latest_stays",
        ],
    ),
    (
        Flaw::TouchesNothing,
        &["a_touch_of_nothing_is_refused", "an_ended_session_stays_dead"],
    ),
    (
        Flaw::TouchesOnlyExpiry,
        &["a_touch_moves_last_seen_and_expiry_and_nothing_else"],
    ),
    (
        Flaw::WritesInSteps,
        &[
            "a_dropped_create_happened_whole_or_not_at_all",
            "a_dropped_write_happened_whole_or_not_at_all",
            "a_dropped_write_under_a_cap_ends_another_or_does_nothing",
        ],
    ),
    (Flaw::WritesToNothing, &["a_write_to_nothing_is_refused"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_flaw_breaks_the_rules_it_should() {
    let mut held = Vec::new();
    for (flaw, rules) in CAUGHT {
        for name in *rules {
            let rule = conformance::rule(name).unwrap_or_else(|| panic!("no rule {name}"));
            let store = AnyStore::new(Flawed::new(*flaw));
            // Where the flaw is to hang, this is how long the suite waits.
            let patience = match flaw {
                Flaw::HangsOnPings => Duration::from_millis(50),
                _ => Duration::from_secs(20),
            };
            match rule.within(patience).check(store).await {
                Err(broken) => assert_eq!(broken.rule, *name),
                Ok(()) => held.push((flaw, name)),
            }
        }
    }
    assert!(held.is_empty(), "not caught: {held:#?}");
}

#[test]
fn every_rule_is_broken_by_some_flaw() {
    let caught: BTreeSet<_> = CAUGHT
        .iter()
        .flat_map(|(_, rules)| rules.iter().copied())
        .collect();
    let rules: BTreeSet<_> = conformance::rules().iter().map(|rule| rule.name()).collect();
    assert_eq!(caught, rules);
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic = "a_stale_write_is_refused: a write at the revision before: expected Refused, found Applied"]
async fn running_the_suite_panics_with_the_rule_and_what_was_found() {
    conformance::run(Flawed::new(Flaw::IgnoresRevisions)).await;
}
