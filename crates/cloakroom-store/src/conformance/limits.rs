//! The edges: the largest body, the earliest and the latest moment.

use super::failure::{Held, ensure, same};
use super::fixture::{Fixture, id};
use super::rule::{Rule, rules};
use crate::{Error, ErrorKind, Expect, Id, Record, Store, Timestamp, Touched, Write};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        the_largest_body_is_kept,
        a_larger_body_is_refused_and_changes_nothing,
        the_earliest_and_the_latest_moment_are_kept,
    ]
}

/// The largest body the suite writes, so that a generous card does not cost a test machine its memory.
const LARGEST_TRIED: usize = 16 << 20;

async fn the_largest_body_is_kept(store: Fixture) -> Held {
    let length = store.card.max_body.min(LARGEST_TRIED);
    let record = store.record(noise(length));
    let revision = store.create(id(1), &record).await?;
    store.keeps(id(1), revision, &record).await?;
    let record = record.with_last_seen(store.in_hours(1));
    let revision = store.rewrite(id(1), revision, &record).await?;
    store.keeps(id(1), revision, &record).await
}

async fn a_larger_body_is_refused_and_changes_nothing(store: Fixture) -> Held {
    if store.card.max_body >= LARGEST_TRIED {
        return Ok(());
    }
    let over = store.record(noise(store.card.max_body + 1));
    refused_as_too_large(&store, id(1), Expect::Absent, &over).await?;
    store.keeps_nothing(id(1)).await?;
    let kept = store.record("kept");
    let revision = store.create(id(1), &kept).await?;
    refused_as_too_large(&store, id(1), Expect::Revision(revision), &over).await?;
    store.keeps(id(1), revision, &kept).await?;
    store.rewrite(id(1), revision, &kept).await.map(drop)
}

async fn refused_as_too_large(store: &Fixture, id: Id, expect: Expect, over: &Record) -> Held {
    let write = Write::new(store.namespace.clone(), id, expect, over.clone());
    let answer = store.store.write(write).await;
    let kind = answer.as_ref().map_err(Error::kind);
    ensure(matches!(kind, Err(ErrorKind::TooLarge)), || {
        let length = over.body.len();
        format!("a write of {length} bytes: expected the error TooLarge, found {answer:?}")
    })
}

async fn the_earliest_and_the_latest_moment_are_kept(store: Fixture) -> Held {
    let (earliest, latest) = (Timestamp::from_unix_millis(0), Timestamp::MAX);
    let mut records = vec![
        Record::new(earliest, latest, *b"whole"),
        Record::new(latest, latest, *b"latest"),
        Record::new(earliest, Timestamp::from_unix_millis((1 << 53) + 1), *b"odd"),
    ];
    if !store.card.expires_by_itself {
        records.push(Record::new(earliest, earliest, *b"expired long ago"));
    }
    for (n, record) in records.iter().enumerate() {
        let revision = store.create(id(n), record).await?;
        store.keeps(id(n), revision, record).await?;
    }
    let seen = store.loaded(id(0)).await?;
    let answer = store.touch(id(0), seen.revision, latest, latest).await?;
    let Touched::Applied(revision) = answer else {
        return same(
            "a touch to the latest moment",
            &Touched::Applied(seen.revision),
            &answer,
        );
    };
    let touched = records[0].clone().with_last_seen(latest);
    store.keeps(id(0), revision, &touched).await?;
    // What never expires is never swept.
    store.sweep(latest, 100).await?;
    store.keeps(id(0), revision, &touched).await
}

/// Bytes that no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut word: u64 = 0x9e37_79b9_7f4a_7c15;
    let next = |_| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()[0]
    };
    (0..length).map(next).collect()
}
