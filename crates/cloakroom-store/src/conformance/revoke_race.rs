//! Revoking beside sign-ins and writes: a sign-in is ended or listed, and nothing else.

use std::collections::BTreeSet;

use super::card;
use super::ending::is_gone;
use super::failure::{Held, same};
use super::fixture::{Fixture, all_of, applied, id};
use super::rule::{Rule, rules};
use crate::{Expect, Id, Revoked, Scope, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_sign_in_that_races_a_revocation_is_ended_or_listed,
        a_write_that_races_a_revocation_does_not_survive_it,
        a_session_that_leaves_a_principal_is_ended_or_not_theirs,
    ]
}

async fn a_sign_in_that_races_a_revocation_is_ended_or_listed(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    for round in 0..6 {
        let base = round * 100;
        let mut begun = Vec::new();
        for n in 0..20 {
            let session = id(base + n);
            begun.push(store.create(session, &store.record("anonymous")).await?);
        }
        // Twenty that begin, twenty that were anonymous, ten that were signed in before, and the revocation.
        for n in 40..50 {
            store.create(id(base + n), &store.record_of("alice", 0)).await?;
        }
        let answers = store
            .race(round, 41, |store, n| {
                let expect = begun.get(n).copied().map_or(Expect::Absent, Expect::Revision);
                async move {
                    if n == 40 {
                        return Ok(store.revoke(all_of("alice")).await?.ended);
                    }
                    let record = store.record_of("alice", n as u64);
                    applied(store.write(id(base + n), expect, record).await?)?;
                    Ok(0)
                }
            })
            .await?;
        let ended: u64 = answers.into_iter().sum();
        let before = store.kept((base + 40..base + 50).map(id)).await?;
        same(
            "what is left of those signed in before",
            &BTreeSet::new(),
            &before,
        )?;
        let left = store.kept((base..base + 40).map(id)).await?;
        same("those ended and those left", &50, &(ended + left.len() as u64))?;
        are_all_of_alice(&store, &left).await?;
    }
    Ok(())
}

/// Holds when exactly these are alice's by the index: they are listed, and the next revocation ends them.
async fn are_all_of_alice(store: &Fixture, left: &BTreeSet<Id>) -> Held {
    if store.card.lists {
        same(
            "the sign-ins that were not ended, as listed",
            left,
            &store.listed("alice").await?,
        )?;
    }
    let answer = store.revoke(all_of("alice")).await?;
    let expected = Revoked::new(left.len() as u64, false);
    same("the next revocation", &expected, &answer)?;
    let survivors = store.kept(left.iter().copied()).await?;
    same("who survived both", &BTreeSet::new(), &survivors)
}

async fn a_write_that_races_a_revocation_does_not_survive_it(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    for round in 0..30 {
        let session = id(round);
        let revision = store.create(session, &store.record_of("alice", 0)).await?;
        let scope = match round % 2 {
            0 => all_of("alice"),
            _ => Scope::Everyone {
                begun_before: store.in_hours(1),
            },
        };
        let (answer, _) = store
            .duel(
                round,
                |store| async move { store.revoke(scope).await },
                move |store| async move {
                    let record = store.record_of("alice", 1);
                    let expect = Expect::Revision(revision);
                    store.write(session, expect, record).await
                },
            )
            .await?;
        same("the revocation", &Revoked::new(1, false), &answer)?;
        is_gone(&store, session).await?;
    }
    Ok(())
}

async fn a_session_that_leaves_a_principal_is_ended_or_not_theirs(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    for round in 0..30 {
        let session = id(round);
        let revision = store.create(session, &store.record_of("alice", 0)).await?;
        let bobs = store.record_of("bob", 1);
        let record = bobs.clone();
        let (answer, written) = store
            .duel(
                round,
                |store| async move { store.revoke(all_of("alice")).await },
                move |store| async move { store.write(session, Expect::Revision(revision), record).await },
            )
            .await?;
        match (answer.ended, written) {
            (1, Written::Refused) => is_gone(&store, session).await?,
            (0, Written::Applied { revision, .. }) => store.keeps(session, revision, &bobs).await?,
            (ended, written) => same(
                "revoking alice beside a write that makes it bob's",
                &"one of them came first",
                &format!("{ended} ended, {written:?}").as_str(),
            )?,
        }
    }
    Ok(())
}
