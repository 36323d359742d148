//! Revoking: all of a principal but one, or everyone's, at once or in batches.

use std::collections::BTreeSet;

use super::card;
use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, all_of, id, principal};
use super::rule::{Rule, rules};
use crate::{Cursor, ErrorKind, Id, Query, Revoked, Scope};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        revoking_a_principal_ends_theirs_and_nobody_elses,
        revoking_keeps_the_one_to_keep,
        revoking_a_principal_in_batches_ends_all,
        revoking_everyone_ends_what_began_before,
        revoking_everyone_in_batches_ends_all,
        revoking_everyone_gets_past_what_began_since,
        revoking_from_a_foreign_cursor_is_refused,
    ]
}

async fn revoking_a_principal_ends_theirs_and_nobody_elses(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    let others = fill(&store, 5).await?;
    let answer = store.revoke(all_of("alice")).await?;
    same("revoking alice", &Revoked::new(5, false), &answer)?;
    keeps_only(&store, &others).await?;
    let answer = store.revoke(all_of("alice")).await?;
    same("revoking her again", &Revoked::new(0, false), &answer)?;
    keeps_only(&store, &others).await
}

async fn revoking_keeps_the_one_to_keep(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    let mut left = fill(&store, 5).await?;
    left.insert(id(2));
    let keep = |keep| Scope::Principal {
        principal: principal("alice"),
        keep: Some(keep),
    };
    let kept = store.loaded(id(2)).await?;
    for ended in [4, 0] {
        let answer = store.revoke(keep(id(2))).await?;
        same("revoking all but one", &Revoked::new(ended, false), &answer)?;
        keeps_only(&store, &left).await?;
    }
    store.keeps(id(2), kept.revision, &kept.record).await?;
    // Where the one to keep is not hers, or not there, all of hers end, and nobody else's.
    left.remove(&id(2));
    for not_hers in [id(100), id(777)] {
        let record = store.record_of("alice", 0);
        if store.load(id(2)).await?.is_none() {
            store.create(id(2), &record).await?;
        }
        let answer = store.revoke(keep(not_hers)).await?;
        same(
            "revoking all but one of somebody else",
            &Revoked::new(1, false),
            &answer,
        )?;
        keeps_only(&store, &left).await?;
    }
    Ok(())
}

async fn revoking_a_principal_in_batches_ends_all(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    let mut left = fill(&store, 11).await?;
    left.insert(id(4));
    let scope = Scope::Principal {
        principal: principal("alice"),
        keep: Some(id(4)),
    };
    same("how many ended", &10, &in_batches(&store, &scope, 3).await?)?;
    keeps_only(&store, &left).await
}

async fn revoking_everyone_ends_what_began_before(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    let after = begun(&store).await?;
    let begun_before = store.in_hours(2);
    let answer = store.revoke(Scope::Everyone { begun_before }).await?;
    same("revoking everyone", &Revoked::new(8, false), &answer)?;
    keeps_only(&store, &after).await
}

async fn revoking_everyone_in_batches_ends_all(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    let after = begun(&store).await?;
    let begun_before = store.in_hours(2);
    let ended = in_batches(&store, &Scope::Everyone { begun_before }, 3).await?;
    same("how many ended", &8, &ended)?;
    keeps_only(&store, &after).await
}

async fn revoking_everyone_gets_past_what_began_since(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    // Wherever a store begins to look, it comes upon many that stay before it has ended a few.
    let mut since = BTreeSet::new();
    for n in 0..60 {
        let is_since = n % 20 != 7;
        let begun = if is_since { 2 } else { 1 };
        let record = store.record_of("alice", begun);
        store.create(id(n), &record).await?;
        if is_since {
            since.insert(id(n));
        }
    }
    let begun_before = store.record_of("alice", 2).created;
    let ended = in_batches(&store, &Scope::Everyone { begun_before }, 1).await?;
    same("how many ended", &3, &ended)?;
    same("who is left", &since, &store.kept((0..60).map(id)).await?)
}

async fn revoking_from_a_foreign_cursor_is_refused(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::revoking_is_unsupported(&store).await;
    }
    let after = begun(&store).await?;
    let begun_before = store.in_hours(2);
    for foreign in [&b""[..], b"somebody else's", &[0xff; 300]] {
        let everyone = Scope::Everyone { begun_before };
        let answer = store.revoke_after(everyone, 3, Some(Cursor::new(foreign))).await;
        same(
            "revoking from a cursor that the store did not give",
            &Some(ErrorKind::InvalidCursor),
            &answer.err().map(|error| error.kind()),
        )?;
    }
    let answer = store.revoke(Scope::Everyone { begun_before }).await?;
    same("revoking everyone after that", &Revoked::new(8, false), &answer)?;
    keeps_only(&store, &after).await
}

/// Gives alice so many sessions, and others some, whose ids are answered.
async fn fill(store: &Fixture, alices: usize) -> Result<BTreeSet<Id>, Failure> {
    for n in 0..alices {
        store.create(id(n), &store.record_of("alice", n as u64)).await?;
    }
    let others = [
        store.record("anonymous"),
        store.record_of("bob", 0),
        store.record_of("Alice", 0),
        store.record_of("alice ", 0),
        store.record_of("alic", 0),
        store.record_of("alice2", 0),
    ];
    let mut ids = BTreeSet::new();
    for (n, record) in (100..).zip(others) {
        store.create(id(n), &record).await?;
        ids.insert(id(n));
    }
    Ok(ids)
}

/// Begins sessions over four hours, of some and of nobody: answers those that begin from the third on.
async fn begun(store: &Fixture) -> Result<BTreeSet<Id>, Failure> {
    let mut after = BTreeSet::new();
    for n in 0..16 {
        let owner = [None, Some("alice"), Some("bob")][n % 3].map(principal);
        let mut record = store.record("begun").with_principal(owner);
        // Last seen says nothing about when it began.
        record.created = store.in_hours(n as u64 / 4);
        record.last_seen = store.in_hours(n as u64 % 4);
        store.create(id(n), &record).await?;
        if n / 4 >= 2 {
            after.insert(id(n));
        }
    }
    Ok(after)
}

/// Revokes in batches of this size until none is left behind, and answers how many ended.
///
/// A store may say that more remain when it only knows that more may. That none remain must be true.
async fn in_batches(store: &Fixture, scope: &Scope, limit: usize) -> Result<u64, Failure> {
    /// Far more batches than there are sessions.
    const ENOUGH: usize = 1000;
    let mut sum = 0;
    let mut after = None;
    for _ in 0..ENOUGH {
        let revoke = store.revoke_after(scope.clone(), limit, after);
        let Revoked { ended, more, next } = revoke.await?;
        ensure(ended <= limit as u64, || {
            format!("a batch: expected at most {limit} to end, found {ended}")
        })?;
        sum += ended;
        if !more {
            return Ok(sum);
        }
        after = next;
        tokio::task::yield_now().await;
    }
    Err(Failure::new(format!(
        "revoking in batches: more remained after {ENOUGH}"
    )))
}

/// Holds when these are left of all that [`fill`] and [`begun`] made, by their ids and in the listing.
async fn keeps_only(store: &Fixture, left: &BTreeSet<Id>) -> Held {
    let found = store.kept((0..20).chain(100..110).map(id)).await?;
    same("who is left", left, &found)?;
    if store.card.lists {
        let listed = store.entries(&Query::default(), 50).await?;
        same("who is listed", left, &listed.into_keys().collect())?;
    }
    Ok(())
}
