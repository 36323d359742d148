//! Cancelled is safe: a verb whose future was dropped happened whole or not at all.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::card;
use super::failure::{Failure, Held, same};
use super::fixture::{Fixture, all_of, id, places, principal};
use super::rule::{Rule, rules};
use crate::{Cap, Deleted, Expect, Id, Owner, Record, Revoked, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_dropped_create_happened_whole_or_not_at_all,
        a_dropped_write_happened_whole_or_not_at_all,
        a_dropped_write_under_a_cap_ends_another_or_does_nothing,
        a_dropped_touch_happened_whole_or_not_at_all,
        a_dropped_ending_happened_whole_or_not_at_all,
    ]
}

/// At how many different points each verb is dropped: before it is polled first, and whenever it waits.
pub(super) const CUTS: usize = 8;

async fn a_dropped_create_happened_whole_or_not_at_all(store: Fixture) -> Held {
    for cut in 0..CUTS {
        let store = store.nested(format!("-{cut}"));
        let record = store.record_of("alice", 0);
        cut_after(cut, store.write(id(1), Expect::Absent, record.clone())).await;
        settles(&store, id(1), &[None, Some(&record)]).await?;
        is_carols(&store, id(1)).await?;
    }
    Ok(())
}

async fn a_dropped_write_happened_whole_or_not_at_all(store: Fixture) -> Held {
    for cut in 0..CUTS {
        let store = store.nested(format!("-{cut}"));
        let before = store.record_of("alice", 0);
        let revision = store.create(id(1), &before).await?;
        let after = store.record_of("bob", 1);
        let write = store.write(id(1), Expect::Revision(revision), after.clone());
        cut_after(cut, write).await;
        settles(&store, id(1), &[Some(&before), Some(&after)]).await?;
        is_carols(&store, id(1)).await?;
    }
    Ok(())
}

async fn a_dropped_write_under_a_cap_ends_another_or_does_nothing(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    for cut in 0..CUTS {
        let store = store.nested(format!("-{cut}"));
        let (old, new) = (store.record_of("alice", 0), store.record_of("alice", 1));
        store.create(id(1), &old).await?;
        let cap = Cap::EndOldest(places(1));
        let write = store.write_capped(id(2), Expect::Absent, new.clone(), cap);
        cut_after(cut, write).await;
        let happened = settles(&store, id(2), &[None, Some(&new)]).await? == 1;
        let left = store.load(id(1)).await?;
        same(
            format!("whether the other session ended when the write happened ({happened})"),
            &happened,
            &left.is_none(),
        )?;
        is_carols(&store, id(2)).await?;
    }
    Ok(())
}

async fn a_dropped_touch_happened_whole_or_not_at_all(store: Fixture) -> Held {
    for cut in 0..CUTS {
        let store = store.nested(format!("-{cut}"));
        let before = store.record_of("alice", 0);
        let revision = store.create(id(1), &before).await?;
        let mut after = before.clone().with_last_seen(store.in_hours(1));
        after.expires = store.in_hours(48);
        let touch = store.touch(id(1), revision, after.last_seen, after.expires);
        cut_after(cut, touch).await;
        settles(&store, id(1), &[Some(&before), Some(&after)]).await?;
        is_carols(&store, id(1)).await?;
    }
    Ok(())
}

async fn a_dropped_ending_happened_whole_or_not_at_all(store: Fixture) -> Held {
    for cut in 0..CUTS {
        let store = store.nested(format!("-{cut}"));
        let before = store.record_of("alice", 0);
        for n in 1..=3 {
            store.create(id(n), &before).await?;
        }
        let owner = Owner::Is(Some(principal("alice")));
        cut_after(cut, store.delete(id(1), owner)).await;
        settles(&store, id(1), &[Some(&before), None]).await?;
        is_carols(&store, id(1)).await?;
        if store.card.revokes_by_principal {
            cut_after(cut, store.revoke(all_of("alice"))).await;
            settles(&store, id(2), &[Some(&before), None]).await?;
            is_carols(&store, id(2)).await?;
        }
        cut_after(cut, store.sweep(store.in_hours(25), 10)).await;
        settles(&store, id(3), &[Some(&before), None]).await?;
        is_carols(&store, id(3)).await?;
    }
    Ok(())
}

/// Polls a verb until it has waited so many times, then drops it.
pub(super) async fn cut_after<T>(times: usize, verb: impl Future<Output = T>) {
    let mut verb = pin!(verb);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 || verb.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Holds when what is kept is one of these, whole, and the store goes on to work; answers which it was.
///
/// A request that was already on its way may still arrive. So carol takes the session over first: what was
/// dropped expects something else and cannot apply after that.
async fn settles(store: &Fixture, session: Id, allowed: &[Option<&Record>]) -> Result<usize, Failure> {
    let (found, revision) = loop {
        let seen = store.load(session).await?;
        let expect = seen
            .as_ref()
            .map_or(Expect::Absent, |seen| Expect::Revision(seen.revision));
        let written = store.write(session, expect, carols(store)).await?;
        match written {
            Written::Applied { revision, .. } => break (seen.map(|seen| seen.record), revision),
            _ => tokio::task::yield_now().await,
        }
    };
    let which = allowed.iter().position(|record| *record == found.as_ref());
    let which = which.ok_or_else(|| {
        Failure::new(format!(
            "after a dropped verb: expected one of {allowed:?}, found {found:?}"
        ))
    })?;
    store.keeps(session, revision, &carols(store)).await?;
    Ok(which)
}

/// What carol takes a session over with: it outlives a sweep that was dropped and arrives late.
fn carols(store: &Fixture) -> Record {
    let mut record = store.record_of("carol", 0);
    record.expires = store.in_hours(48);
    record
}

/// Holds when the index knows whose session it is now, and it ends as such.
async fn is_carols(store: &Fixture, session: Id) -> Held {
    if store.card.lists {
        for who in ["alice", "bob", "carol"] {
            let listed = store.listed(who).await?.contains(&session);
            same(
                format!("whether it is listed as {who}'s"),
                &(who == "carol"),
                &listed,
            )?;
        }
    }
    if store.card.revokes_by_principal {
        let answer = store.revoke(all_of("carol")).await?;
        return same("revoking carol", &Revoked::new(1, false), &answer);
    }
    let answer = store.delete(session, Owner::Any).await?;
    same("a delete", &Deleted::Ended, &answer)
}
