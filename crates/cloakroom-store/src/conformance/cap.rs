//! The cap of sessions per principal: what counts, who is refused and who is ended.

use std::collections::BTreeSet;
use std::ops::Range;

use super::card;
use super::ending::Ending;
use super::failure::{Failure, Held, same};
use super::fixture::{Fixture, applied, ended, id, places, principal};
use super::rule::{Rule, rules};
use crate::{Cap, Expect, Id, Owner, Write, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_cap_refuses_the_session_over_it,
        a_cap_ends_the_oldest_to_make_room,
        expired_sessions_do_not_count,
        a_rewrite_of_ones_own_session_is_never_over_the_cap,
        a_session_that_changes_hands_is_counted,
        an_ended_session_gives_its_place_back,
        a_session_of_nobody_is_never_limited,
        a_refused_write_ends_nobody,
    ]
}

async fn a_cap_refuses_the_session_over_it(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    let cap = Cap::Refuse(places(3));
    for n in 0..3 {
        applied(sign_in(&store, "alice", n, cap).await?)?;
    }
    same(
        "the session over the cap",
        &Written::AtCap,
        &sign_in(&store, "alice", 3, cap).await?,
    )?;
    kept_exactly(&store, 0..4, 0..3).await?;
    applied(sign_in(&store, "bob", 4, cap).await?)?;
    // Another write may set another cap.
    applied(sign_in(&store, "alice", 3, Cap::Refuse(places(4))).await?)?;
    applied(sign_in(&store, "alice", 5, Cap::None).await?).map(drop)
}

async fn a_cap_ends_the_oldest_to_make_room(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    let cap = Cap::EndOldest(places(3));
    applied(sign_in(&store, "bob", 9, cap).await?)?;
    // Written in another order than they began: the oldest is the one with the earliest `created`.
    for n in [2, 1, 3] {
        applied(sign_in(&store, "alice", n, cap).await?)?;
    }
    same(
        "who is ended",
        &vec![id(1)],
        &ended(sign_in(&store, "alice", 4, cap).await?)?,
    )?;
    kept_exactly(&store, 0..10, [2, 3, 4, 9]).await?;
    // The session that is written stays, also when it began before all the others.
    same(
        "who is ended",
        &vec![id(2)],
        &ended(sign_in(&store, "alice", 0, cap).await?)?,
    )?;
    kept_exactly(&store, 0..10, [0, 3, 4, 9]).await?;
    // A lower cap than before ends as many as it takes.
    let written = sign_in(&store, "alice", 5, Cap::EndOldest(places(1))).await?;
    let gone: BTreeSet<_> = ended(written)?.into_iter().collect();
    same("who is ended", &ids([0, 3, 4]), &gone)?;
    kept_exactly(&store, 0..10, [5, 9]).await
}

async fn expired_sessions_do_not_count(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    // Judged in ten hours, when two have expired: one long before, one at that very moment.
    let later = store.in_hours(10);
    for (n, hours) in [(0, 5), (1, 10), (2, 11)] {
        let mut record = store.record_of("alice", n);
        record.expires = store.in_hours(hours);
        store.create(id(n as usize), &record).await?;
    }
    let sign_in_later = async |n: u64, cap: Cap| {
        let record = store.record_of("alice", n);
        let write = Write::new(store.namespace.clone(), id(n as usize), Expect::Absent, record);
        store.submit(write.with_cap(cap, later)).await
    };
    applied(sign_in_later(3, Cap::Refuse(places(2))).await?)?;
    let written = sign_in_later(4, Cap::Refuse(places(2))).await?;
    same("the session over the cap", &Written::AtCap, &written)?;
    let gone = ended(sign_in_later(4, Cap::EndOldest(places(2))).await?)?;
    same("who is ended of those that live", &vec![id(2)], &gone)?;
    kept_exactly(&store, 2..5, [3, 4]).await
}

async fn a_rewrite_of_ones_own_session_is_never_over_the_cap(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    // Three sessions where one would be allowed now, and the one that is written is the oldest.
    for n in 0..3 {
        applied(sign_in(&store, "alice", n, Cap::None).await?)?;
    }
    for cap in [Cap::Refuse(places(1)), Cap::EndOldest(places(1))] {
        let seen = store.loaded(id(0)).await?;
        let expect = Expect::Revision(seen.revision);
        applied(store.write_capped(id(0), expect, seen.record, cap).await?)?;
    }
    kept_exactly(&store, 0..3, 0..3).await
}

async fn a_session_that_changes_hands_is_counted(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    applied(sign_in(&store, "alice", 0, Cap::None).await?)?;
    let begun = [store.record("anonymous"), store.record_of("bob", 1)];
    for (n, before) in (1..).zip(begun) {
        let revision = store.create(id(n), &before).await?;
        let expect = Expect::Revision(revision);
        let record = store.record_of("alice", n as u64);
        let cap = Cap::Refuse(places(1));
        let written = store.write_capped(id(n), expect, record.clone(), cap).await?;
        same("a session that becomes one too many", &Written::AtCap, &written)?;
        store.keeps(id(n), revision, &before).await?;
        let cap = Cap::EndOldest(places(1));
        let written = store.write_capped(id(n), expect, record, cap).await?;
        same("who is ended", &vec![id(n - 1)], &ended(written)?)?;
    }
    kept_exactly(&store, 0..3, [2]).await?;
    // Where a session came from, its place is free again.
    applied(sign_in(&store, "bob", 3, Cap::Refuse(places(1))).await?).map(drop)
}

async fn an_ended_session_gives_its_place_back(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    let cap = Cap::Refuse(places(1));
    for ending in Ending::known(store.card) {
        let store = store.nested(format!("-{ending:?}"));
        for _ in 0..3 {
            let record = Ending::doomed(&store);
            applied(store.write_capped(id(1), Expect::Absent, record, cap).await?)?;
            ending.end(&store, id(1)).await?;
        }
    }
    // It also does when it becomes somebody else's, or nobody's.
    for heir in [Some(principal("bob")), None] {
        let revision = applied(sign_in(&store, "alice", 1, cap).await?)?;
        let record = store.record("given away").with_principal(heir);
        store.rewrite(id(1), revision, &record).await?;
        applied(sign_in(&store, "alice", 2, cap).await?)?;
        for n in [1, 2] {
            store.delete(id(n), Owner::Any).await?;
        }
    }
    Ok(())
}

async fn a_session_of_nobody_is_never_limited(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    for (n, cap) in [Cap::Refuse(places(1)), Cap::EndOldest(places(1))]
        .repeat(2)
        .into_iter()
        .enumerate()
    {
        let record = store.record("anonymous");
        applied(store.write_capped(id(n), Expect::Absent, record, cap).await?)?;
    }
    kept_exactly(&store, 0..4, 0..4).await
}

async fn a_refused_write_ends_nobody(store: Fixture) -> Held {
    if !store.card.revokes_by_principal {
        return card::caps_are_unsupported(&store).await;
    }
    applied(sign_in(&store, "alice", 0, Cap::None).await?)?;
    let stale = store.create(id(1), &store.record("anonymous")).await?;
    store.rewrite(id(1), stale, &store.record("newer")).await?;
    let cap = Cap::EndOldest(places(1));
    for (n, expect) in [
        (1, Expect::Absent),
        (1, Expect::Revision(stale)),
        (2, Expect::Revision(stale)),
    ] {
        let record = store.record_of("alice", 1);
        let written = store.write_capped(id(n), expect, record, cap).await?;
        same("a write that expects otherwise", &Written::Refused, &written)?;
    }
    kept_exactly(&store, 0..3, [0, 1]).await?;
    same(
        "whose the session is",
        &None,
        &store.loaded(id(1)).await?.record.principal,
    )
}

/// Creates a session of a principal under its number, begun so many milliseconds from now.
async fn sign_in(store: &Fixture, who: &str, n: usize, cap: Cap) -> Result<Written, Failure> {
    let record = store.record_of(who, n as u64);
    store.write_capped(id(n), Expect::Absent, record, cap).await
}

/// Holds when of some sessions only these are kept.
async fn kept_exactly(store: &Fixture, of: Range<usize>, expected: impl IntoIterator<Item = usize>) -> Held {
    let found = store.kept(of.map(id)).await?;
    same("who is kept", &ids(expected), &found)
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<Id> {
    numbers.into_iter().map(id).collect()
}
