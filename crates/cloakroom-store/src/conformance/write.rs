//! Writing: created once, and changed only by who has seen the latest.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, applied, id, principal};
use super::rule::{Rule, rules};
use crate::{Expect, Id, Label, Record, Revision, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_record_is_loaded_as_it_was_written,
        a_session_is_created_once,
        of_racing_creates_exactly_one_wins,
        a_stale_write_is_refused,
        a_write_to_nothing_is_refused,
        of_racing_writes_at_one_revision_exactly_one_wins,
        concurrent_increments_are_all_counted,
        every_write_has_a_revision_of_its_own,
        a_load_sees_every_write_answered_before,
    ]
}

async fn a_record_is_loaded_as_it_was_written(store: Fixture) -> Held {
    store.keeps_nothing(id(1)).await?;
    let anonymous = store.record("anonymous");
    let revision = store.create(id(1), &anonymous).await?;
    store.keeps(id(1), revision, &anonymous).await?;
    let full = Record::new(store.now, store.in_hours(48), *b"signed in")
        .with_principal(Some(principal("alice")))
        .with_last_seen(store.in_hours(1))
        .with_label(Some(Label::new("Firefox on Linux")));
    let revision = store.rewrite(id(1), revision, &full).await?;
    store.keeps(id(1), revision, &full).await?;
    // Nobody's and without a label again: what is absent must not linger from the record before.
    let revision = store.rewrite(id(1), revision, &anonymous).await?;
    store.keeps(id(1), revision, &anonymous).await
}

async fn a_session_is_created_once(store: Fixture) -> Held {
    let first = store.record("first");
    let revision = store.create(id(1), &first).await?;
    let second = store.write(id(1), Expect::Absent, store.record("second")).await?;
    same("creating it again", &Written::Refused, &second)?;
    store.keeps(id(1), revision, &first).await
}

async fn of_racing_creates_exactly_one_wins(store: Fixture) -> Held {
    for round in 0..10 {
        let session = id(round);
        let answers = store
            .race(round, 16, |store, n| async move {
                let record = store.record([n as u8]);
                let written = store.write(session, Expect::Absent, record.clone()).await?;
                Ok((written, record))
            })
            .await?;
        only_one_applied(&store, session, answers).await?;
    }
    Ok(())
}

async fn a_stale_write_is_refused(store: Fixture) -> Held {
    let first = store.create(id(1), &store.record("first")).await?;
    let second = store.record("second");
    let revision = store.rewrite(id(1), first, &second).await?;
    let stale = Expect::Revision(first);
    let written = store.write(id(1), stale, store.record("stale")).await?;
    same("a write at the revision before", &Written::Refused, &written)?;
    let unheard = Expect::Revision(Revision::new(!revision.value()));
    let written = store.write(id(1), unheard, store.record("unheard of")).await?;
    same(
        "a write at a revision that never was",
        &Written::Refused,
        &written,
    )?;
    store.keeps(id(1), revision, &second).await
}

async fn a_write_to_nothing_is_refused(store: Fixture) -> Held {
    for value in [0, 1, u64::MAX] {
        let expect = Expect::Revision(Revision::new(value));
        let written = store.write(id(1), expect, store.record("resurrected")).await?;
        same("a write to nothing", &Written::Refused, &written)?;
    }
    store.keeps_nothing(id(1)).await
}

async fn of_racing_writes_at_one_revision_exactly_one_wins(store: Fixture) -> Held {
    for round in 0..10 {
        let session = id(round);
        let revision = store.create(session, &store.record("before")).await?;
        let answers = store
            .race(round, 16, |store, n| async move {
                let record = store.record([n as u8]);
                let expect = Expect::Revision(revision);
                let written = store.write(session, expect, record.clone()).await?;
                Ok((written, record))
            })
            .await?;
        only_one_applied(&store, session, answers).await?;
    }
    Ok(())
}

async fn concurrent_increments_are_all_counted(store: Fixture) -> Held {
    const WORKERS: usize = 8;
    const TIMES: u64 = 25;
    for round in 0..2 {
        let store = store.nested(format!("-{round}"));
        store.create(id(1), &counting(&store, 0)).await?;
        store
            .race(round, WORKERS, |store, _| async move {
                for _ in 0..TIMES {
                    increment(&store).await?;
                }
                Ok(())
            })
            .await?;
        let sum = number(&store.loaded(id(1)).await?.record)?;
        same("the sum", &(WORKERS as u64 * TIMES), &sum)?;
    }
    Ok(())
}

async fn every_write_has_a_revision_of_its_own(store: Fixture) -> Held {
    let mut seen = HashSet::new();
    let mut revision = store.create(id(1), &store.record("same")).await?;
    for write in 0..50 {
        ensure(seen.insert(revision), || {
            format!("write {write}: expected a revision it never had, found {revision:?} again")
        })?;
        // The same record again: it is still another write.
        revision = store.rewrite(id(1), revision, &store.record("same")).await?;
    }
    Ok(())
}

async fn a_load_sees_every_write_answered_before(store: Fixture) -> Held {
    const WRITES: u64 = 100;
    let answered = Arc::new(AtomicU64::new(0));
    let mut revision = store.create(id(1), &counting(&store, 0)).await?;
    store
        .race(1, 4, |store, task| {
            let answered = Arc::clone(&answered);
            async move {
                if task == 0 {
                    for n in 1..=WRITES {
                        revision = store.rewrite(id(1), revision, &counting(&store, n)).await?;
                        answered.store(n, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                    }
                    return Ok(());
                }
                loop {
                    let floor = answered.load(Ordering::SeqCst);
                    let found = number(&store.loaded(id(1)).await?.record)?;
                    ensure(found >= floor, || {
                        format!("a load: expected write {floor} or later, found write {found}")
                    })?;
                    if floor == WRITES {
                        return Ok(());
                    }
                    tokio::task::yield_now().await;
                }
            }
        })
        .await?;
    Ok(())
}

async fn only_one_applied(store: &Fixture, session: Id, answers: Vec<(Written, Record)>) -> Held {
    let (won, lost): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(written, _)| matches!(written, Written::Applied { .. }));
    same("how many were applied", &1, &won.len())?;
    for (written, _) in lost {
        same("the others", &Written::Refused, &written)?;
    }
    for (written, record) in won {
        store.keeps(session, applied(written)?, &record).await?;
    }
    Ok(())
}

fn counting(store: &Fixture, n: u64) -> Record {
    store.record(n.to_le_bytes())
}

fn number(record: &Record) -> Result<u64, Failure> {
    let bytes = record.body.as_ref().try_into();
    let bytes = bytes.map_err(|_| Failure::new("expected a body of 8 bytes, found another"))?;
    Ok(u64::from_le_bytes(bytes))
}

async fn increment(store: &Fixture) -> Held {
    loop {
        let seen = store.loaded(id(1)).await?;
        let next = counting(store, number(&seen.record)? + 1);
        match store.write(id(1), Expect::Revision(seen.revision), next).await? {
            Written::Refused => tokio::task::yield_now().await,
            written => return applied(written).map(drop),
        }
    }
}
