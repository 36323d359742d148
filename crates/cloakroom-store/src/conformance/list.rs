//! Listing: complete, in pages, also while sessions come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::card;
use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, all_of, id, principal};
use super::rule::{Rule, rules};
use crate::{
    Cursor, Deleted, Entry, ErrorKind, Expect, Id, Label, List, Owner, Page, Query, Revoked, Store, Written,
};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_listing_shows_what_is_kept,
        a_page_holds_at_most_its_limit,
        a_listing_goes_on_where_a_deleted_session_was,
        what_lives_through_a_listing_appears_in_it,
        the_principal_index_follows_rewrites,
        a_foreign_cursor_is_refused_or_finds_nothing,
    ]
}

async fn a_listing_shows_what_is_kept(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    let all = Query::default();
    same(
        "a listing of nothing",
        &BTreeMap::new(),
        &store.entries(&all, 10).await?,
    )?;
    let mut expected = BTreeMap::new();
    for n in 0..25 {
        let record = [store.record("anonymous"), store.record_of("alice", n)][n as usize % 2]
            .clone()
            .with_last_seen(store.in_hours(n))
            .with_label((n % 3 == 0).then(|| Label::new(&format!("device {n}"))));
        let session = id(n as usize);
        let revision = store.create(session, &record).await?;
        expected.insert(session, Entry::new(session, revision, &record));
    }
    same("a listing", &expected, &store.entries(&all, 10).await?)?;
    // After a change the listing shows the change, and nothing of before.
    let seen = store.loaded(id(1)).await?;
    let record = store.record_of("bob", 7);
    let revision = store.rewrite(id(1), seen.revision, &record).await?;
    expected.insert(id(1), Entry::new(id(1), revision, &record));
    same(
        "a delete",
        &Deleted::Ended,
        &store.delete(id(2), Owner::Any).await?,
    )?;
    expected.remove(&id(2));
    same(
        "a listing after changes",
        &expected,
        &store.entries(&all, 10).await?,
    )
}

async fn a_page_holds_at_most_its_limit(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    let everybody: BTreeSet<_> = (0..12).map(id).collect();
    for n in 0..12 {
        store.create(id(n), &store.record_of("alice", n as u64)).await?;
    }
    for query in [Query::default(), Query::default().principal(principal("alice"))] {
        for limit in [1, 2, 5, 12, 1000] {
            let mut found = BTreeSet::new();
            let mut after = None;
            loop {
                let page = store.page(&query, after, limit).await?;
                ensure(page.entries.len() <= limit, || {
                    let length = page.entries.len();
                    format!("a page: expected at most {limit} entries, found {length}")
                })?;
                found.extend(page.entries.iter().map(|entry| entry.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            same(format!("a listing in pages of {limit}"), &everybody, &found)?;
        }
    }
    Ok(())
}

async fn a_listing_goes_on_where_a_deleted_session_was(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    for n in 0..20 {
        store.create(id(n), &store.record_of("alice", n as u64)).await?;
    }
    let query = Query::default().principal(principal("alice"));
    let (mut found, mut removed) = (BTreeSet::new(), BTreeSet::new());
    let mut after = None;
    for next in 100.. {
        let page = store.page(&query, after, 3).await?;
        after = page.next;
        // All that this page showed is deleted, the entry that its cursor may stand on included.
        for entry in page.entries {
            found.insert(entry.id);
            store.delete(entry.id, Owner::Any).await?;
            removed.insert(entry.id);
        }
        if after.is_none() {
            break;
        }
        if next < 110 {
            store
                .create(id(next), &store.record_of("alice", next as u64))
                .await?;
        }
    }
    let missed: Vec<_> = (0..20).map(id).filter(|id| !found.contains(id)).collect();
    same("what lived until it was listed and never was", &vec![], &missed)?;
    let left = store.kept(removed).await?;
    same("what is left of the deleted", &BTreeSet::new(), &left)
}

/// How many sessions live through the listings.
const STAYING: usize = 30;

async fn what_lives_through_a_listing_appears_in_it(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    for round in [0, 2] {
        let store = store.nested(format!("-{round}"));
        for n in 0..STAYING {
            store.create(id(n), &store.record_of("alice", n as u64)).await?;
        }
        let missed = list_while_they_come_and_go(&store, round).await?;
        same(
            "what lived through a listing and was not in it",
            &BTreeSet::new(),
            &missed,
        )?;
    }
    Ok(())
}

async fn list_while_they_come_and_go(store: &Fixture, round: usize) -> Result<BTreeSet<Id>, Failure> {
    let changes = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let (seen, ending) = (Arc::clone(&changes), Arc::clone(&done));
    let listing = |store| async move {
        let missed = list_beside(&store, &seen).await;
        ending.store(true, Ordering::SeqCst);
        missed
    };
    let changing = |store| async move { come_and_go(&store, &changes, &done).await };
    Ok(store.duel(round, listing, changing).await?.0)
}

/// Lists while there are changes, and answers which of the sessions that stay some listing missed.
async fn list_beside(store: &Fixture, changes: &AtomicUsize) -> Result<BTreeSet<Id>, Failure> {
    let mut missed = BTreeSet::new();
    let queries = [Query::default(), Query::default().principal(principal("alice"))];
    let mut listings = 0;
    // A listing that nothing happened beside says nothing, and is not counted.
    while listings < 20 {
        let before = changes.load(Ordering::SeqCst);
        let found = store.entries(&queries[listings % 2], 4).await?;
        missed.extend((0..STAYING).map(id).filter(|id| !found.contains_key(id)));
        listings += usize::from(changes.load(Ordering::SeqCst) != before);
        tokio::task::yield_now().await;
    }
    Ok(missed)
}

/// Creates, ends, touches and rewrites sessions beside a listing; those that stay remain alice's.
async fn come_and_go(store: &Fixture, changes: &AtomicUsize, done: &AtomicBool) -> Held {
    for n in (0..STAYING).cycle() {
        let passing = (0..6).map(|m| id(1000 + 10 * n + m));
        for (begun, session) in (0..).zip(passing.clone()) {
            store.create(session, &store.record_of("alice", begun)).await?;
            tokio::task::yield_now().await;
        }
        let seen = store.loaded(id(n)).await?;
        let (last_seen, expires) = (store.in_hours(2), store.in_hours(30));
        if n % 2 == 0 {
            let record = seen.record.with_last_seen(last_seen);
            store.rewrite(id(n), seen.revision, &record).await?;
        } else {
            store.touch(id(n), seen.revision, last_seen, expires).await?;
        }
        for session in passing {
            store.delete(session, Owner::Any).await?;
            changes.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        if done.load(Ordering::SeqCst) {
            break;
        }
    }
    Ok(())
}

async fn the_principal_index_follows_rewrites(store: Fixture) -> Held {
    let mut revision = None;
    for owner in [None, Some("alice"), Some("bob"), None, Some("alice")] {
        let record = store.record("kept").with_principal(owner.map(principal));
        let expect = revision.map_or(Expect::Absent, Expect::Revision);
        let written = store.write(id(1), expect, record.clone()).await?;
        let Written::Applied { revision: now, .. } = written else {
            return same("a rewrite", &"applied", &format!("{written:?}").as_str());
        };
        revision = Some(now);
        for who in ["alice", "bob"] {
            let hers: BTreeSet<_> = (owner == Some(who)).then_some(id(1)).into_iter().collect();
            if store.card.lists {
                let listed = store.listed(who).await?;
                same(
                    format!("what is listed of {who} when it is {owner:?}'s"),
                    &hers,
                    &listed,
                )?;
            }
            if store.card.revokes_by_principal && hers.is_empty() {
                let answer = store.revoke(all_of(who)).await?;
                same(
                    format!("revoking {who} when it is {owner:?}'s"),
                    &Revoked::new(0, false),
                    &answer,
                )?;
                store.keeps(id(1), now, &record).await?;
            }
        }
    }
    Ok(())
}

async fn a_foreign_cursor_is_refused_or_finds_nothing(store: Fixture) -> Held {
    if !store.card.lists {
        return card::listing_is_unsupported(&store).await;
    }
    let full = store.nested("-full");
    let mut kept = BTreeSet::new();
    for n in 0..8 {
        full.create(id(n), &store.record_of("alice", n as u64)).await?;
        kept.insert(id(n));
    }
    let given = full.page(&Query::default(), None, 2).await?.next;
    let given = given.map_or_else(Vec::new, |cursor| cursor.as_bytes().to_vec());
    let mut foreign = vec![vec![], vec![0], vec![0xff; 8], vec![0; 16], vec![0xff; 16]];
    foreign.extend([b"' OR 1=1 --".to_vec(), b"\n\r\0%_{}*".to_vec(), vec![b'9'; 40]]);
    foreign.extend([vec![0xab; 100_000], (0..=255).collect()]);
    foreign.push(given.iter().copied().take(given.len() / 2).collect());
    foreign.push([given.as_slice(), b"more"].concat());
    foreign.push(given);
    let empty = store.nested("-empty");
    for bytes in foreign {
        for query in [Query::default(), Query::default().principal(principal("alice"))] {
            // Where nothing is, nothing is found, whatever the cursor says.
            let found = from_cursor(&empty, &query, &bytes).await?;
            same("a listing of nothing", &BTreeSet::new(), &found)?;
            let found = from_cursor(&full, &query, &bytes).await?;
            let others: BTreeSet<_> = found.difference(&kept).collect();
            same("what is listed of others", &BTreeSet::new(), &others)?;
        }
    }
    Ok(())
}

/// What a page from this cursor shows: nothing when the cursor is refused.
async fn from_cursor(store: &Fixture, query: &Query, bytes: &[u8]) -> Result<BTreeSet<Id>, Failure> {
    let limit = NonZeroUsize::MIN.saturating_add(9);
    let cursor = Cursor::new(bytes);
    let list = List::new(store.namespace.clone(), query.clone(), limit).after(Some(cursor));
    match store.store.list(list).await {
        Ok(Page { entries, .. }) => Ok(entries.into_iter().map(|entry| entry.id).collect()),
        Err(error) if error.kind() == ErrorKind::InvalidCursor => Ok(BTreeSet::new()),
        Err(error) => Err(Failure::from(error).during("a listing from a foreign cursor")),
    }
}
