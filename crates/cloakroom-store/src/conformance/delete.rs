//! Ending: what was ended stays dead, and only its owner ends it.

use std::collections::HashSet;

use super::ending::{Ending, is_gone};
use super::failure::{Held, ensure, same};
use super::fixture::{Fixture, id, principal};
use super::rule::{Rule, rules};
use crate::{Deleted, Expect, Id, Owner, Touched, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        an_ended_session_stays_dead,
        a_recreated_session_never_has_an_old_revision,
        ending_twice_answers_missing,
        of_racing_deletes_exactly_one_ends,
        a_racing_write_never_brings_an_ended_session_back,
        a_session_of_somebody_else_is_not_ended,
        a_sign_out_never_ends_a_racing_sign_in,
    ]
}

async fn an_ended_session_stays_dead(store: Fixture) -> Held {
    for ending in Ending::known(store.card) {
        let store = store.nested(format!("-{ending:?}"));
        let before = store.create(id(1), &Ending::doomed(&store)).await?;
        let last = store.rewrite(id(1), before, &Ending::doomed(&store)).await?;
        ending.end(&store, id(1)).await?;
        is_gone(&store, id(1)).await?;
        for revision in [before, last] {
            let expect = Expect::Revision(revision);
            let written = store.write(id(1), expect, store.record("resurrected")).await?;
            same(format!("a write after {ending:?}"), &Written::Refused, &written)?;
            let touched = store
                .touch(id(1), revision, store.in_hours(1), store.in_hours(48))
                .await?;
            same(format!("a touch after {ending:?}"), &Touched::Refused, &touched)?;
        }
        is_gone(&store, id(1)).await?;
    }
    Ok(())
}

async fn a_recreated_session_never_has_an_old_revision(store: Fixture) -> Held {
    for ending in Ending::known(store.card) {
        let store = store.nested(format!("-{ending:?}"));
        let mut seen = HashSet::new();
        for life in 0..10 {
            let first = store.create(id(1), &Ending::doomed(&store)).await?;
            let second = store.rewrite(id(1), first, &Ending::doomed(&store)).await?;
            for revision in [first, second] {
                ensure(seen.insert(revision), || {
                    format!(
                        "life {life} after {ending:?}: expected a revision never seen, found {revision:?}"
                    )
                })?;
            }
            ending.end(&store, id(1)).await?;
        }
    }
    Ok(())
}

async fn ending_twice_answers_missing(store: Fixture) -> Held {
    for owner in [Owner::Any, Owner::Is(None)] {
        let answer = store.delete(id(1), owner.clone()).await?;
        same("a delete of nothing", &Deleted::Missing, &answer)?;
        store.create(id(1), &store.record("anonymous")).await?;
        let answer = store.delete(id(1), owner.clone()).await?;
        same("the first delete", &Deleted::Ended, &answer)?;
        let answer = store.delete(id(1), owner).await?;
        same("the second delete", &Deleted::Missing, &answer)?;
    }
    Ok(())
}

async fn of_racing_deletes_exactly_one_ends(store: Fixture) -> Held {
    for round in 0..10 {
        store.create(id(round), &store.record_of("alice", 0)).await?;
        let answers = store
            .race(round, 8, |store, _| async move {
                store.delete(id(round), Owner::Any).await
            })
            .await?;
        let ended = answers.iter().filter(|answer| **answer == Deleted::Ended);
        same("how many deletes ended it", &1, &ended.count())?;
        let missed = answers.iter().filter(|answer| **answer == Deleted::Missing);
        same("how many found it missing", &7, &missed.count())?;
        is_gone(&store, id(round)).await?;
    }
    Ok(())
}

async fn a_racing_write_never_brings_an_ended_session_back(store: Fixture) -> Held {
    for round in 0..30 {
        let session = id(round);
        let revision = store.create(session, &store.record_of("alice", 0)).await?;
        // Owner::Any, so whichever comes first, the session is there for the delete to end.
        let (deleted, _) = store
            .duel(
                round,
                move |store| async move { store.delete(session, Owner::Any).await },
                move |store| async move { write_and_touch(&store, session, revision).await },
            )
            .await?;
        same("the delete", &Deleted::Ended, &deleted)?;
        is_gone(&store, session).await?;
    }
    Ok(())
}

async fn write_and_touch(store: &Fixture, session: Id, revision: crate::Revision) -> Held {
    let touched = store
        .touch(session, revision, store.in_hours(1), store.in_hours(48))
        .await?;
    let revision = match touched {
        Touched::Applied(revision) => revision,
        Touched::Refused => revision,
    };
    let expect = Expect::Revision(revision);
    store
        .write(session, expect, store.record_of("alice", 0))
        .await
        .map(drop)
}

async fn a_session_of_somebody_else_is_not_ended(store: Fixture) -> Held {
    let owners = [None, Some(principal("alice")), Some(principal("bob"))];
    // It starts anonymous, then changes hands: the answer is about whose it is now.
    let mut revision = store.create(id(1), &store.record("begun")).await?;
    for owner in &owners {
        let record = store.record("kept").with_principal(owner.clone());
        revision = store.rewrite(id(1), revision, &record).await?;
        for other in owners.iter().filter(|other| *other != owner) {
            let answer = store.delete(id(1), Owner::Is(other.clone())).await?;
            same(
                format!("a delete by {other:?} of a session of {owner:?}"),
                &Deleted::NotOwner,
                &answer,
            )?;
            store.keeps(id(1), revision, &record).await?;
        }
    }
    for (n, owner) in owners.iter().enumerate() {
        let session = id(2 + n);
        let record = store.record("ended").with_principal(owner.clone());
        store.create(session, &record).await?;
        let answer = store.delete(session, Owner::Is(owner.clone())).await?;
        same(
            format!("a delete by the owner {owner:?}"),
            &Deleted::Ended,
            &answer,
        )?;
        is_gone(&store, session).await?;
    }
    Ok(())
}

async fn a_sign_out_never_ends_a_racing_sign_in(store: Fixture) -> Held {
    for round in 0..30 {
        let session = id(round);
        let revision = store.create(session, &store.record("anonymous")).await?;
        let signed_in = store.record_of("alice", 0);
        let record = signed_in.clone();
        let (deleted, written) = store
            .duel(
                round,
                move |store| async move { store.delete(session, Owner::Is(None)).await },
                move |store| async move { store.write(session, Expect::Revision(revision), record).await },
            )
            .await?;
        match (deleted, written) {
            (Deleted::Ended, Written::Refused) => is_gone(&store, session).await?,
            (Deleted::NotOwner, Written::Applied { revision, .. }) => {
                store.keeps(session, revision, &signed_in).await?;
            }
            (deleted, written) => same(
                "a sign-out and a sign-in",
                &"one of them refused",
                &format!("{deleted:?} and {written:?}").as_str(),
            )?,
        }
    }
    Ok(())
}
