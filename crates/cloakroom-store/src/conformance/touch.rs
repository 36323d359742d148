//! Touching: forward only, and never in the way of a write.

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, id};
use super::rule::{Rule, rules};
use crate::{Expect, Id, Record, Revision, Timestamp, Touched, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_touch_moves_last_seen_and_expiry_and_nothing_else,
        a_touch_never_moves_back,
        a_touch_at_another_revision_is_refused,
        a_touch_of_nothing_is_refused,
        a_touch_keeps_or_moves_the_revision_as_the_card_says,
        a_touch_never_undoes_a_racing_write,
        of_racing_touches_the_latest_stays,
    ]
}

async fn a_touch_moves_last_seen_and_expiry_and_nothing_else(store: Fixture) -> Held {
    let record = store.record_of("alice", 0);
    let revision = store.create(id(1), &record).await?;
    let bystander = store.create(id(2), &record).await?;
    let later = at(&record, store.in_hours(2), store.in_hours(26));
    let revision = touched(&store, id(1), revision, &later).await?;
    store.keeps(id(1), revision, &later).await?;
    store.keeps(id(2), bystander, &record).await?;
    // One of the two alone moves as well.
    for (seen, expires) in [(3, 26), (3, 27)] {
        let later = at(&record, store.in_hours(seen), store.in_hours(expires));
        let seen = store.loaded(id(1)).await?;
        let revision = touched(&store, id(1), seen.revision, &later).await?;
        store.keeps(id(1), revision, &later).await?;
    }
    Ok(())
}

async fn a_touch_never_moves_back(store: Fixture) -> Held {
    let kept = at(&store.record("kept"), store.in_hours(5), store.in_hours(30));
    let mut revision = store.create(id(1), &kept).await?;
    let earlier = at(&kept, store.in_hours(4), store.in_hours(29));
    revision = touched(&store, id(1), revision, &earlier).await?;
    store.keeps(id(1), revision, &kept).await?;
    // Each is judged by itself.
    let only_seen = at(&kept, store.in_hours(6), store.in_hours(1));
    revision = touched(&store, id(1), revision, &only_seen).await?;
    let kept = at(&kept, store.in_hours(6), kept.expires);
    store.keeps(id(1), revision, &kept).await?;
    let only_expires = at(&kept, Timestamp::from_unix_millis(0), store.in_hours(31));
    revision = touched(&store, id(1), revision, &only_expires).await?;
    let kept = at(&kept, kept.last_seen, store.in_hours(31));
    store.keeps(id(1), revision, &kept).await
}

async fn a_touch_at_another_revision_is_refused(store: Fixture) -> Held {
    let stale = store.create(id(1), &store.record("first")).await?;
    let record = store.record("second");
    let revision = store.rewrite(id(1), stale, &record).await?;
    for other in [stale, Revision::new(!revision.value())] {
        let answer = store
            .touch(id(1), other, store.in_hours(1), store.in_hours(48))
            .await?;
        same("a touch at another revision", &Touched::Refused, &answer)?;
        store.keeps(id(1), revision, &record).await?;
    }
    Ok(())
}

async fn a_touch_of_nothing_is_refused(store: Fixture) -> Held {
    for value in [0, 1, u64::MAX] {
        let answer = store
            .touch(id(1), Revision::new(value), store.in_hours(1), store.in_hours(48))
            .await?;
        same("a touch of nothing", &Touched::Refused, &answer)?;
    }
    store.keeps_nothing(id(1)).await
}

async fn a_touch_keeps_or_moves_the_revision_as_the_card_says(store: Fixture) -> Held {
    let record = store.record("kept");
    let before = store.create(id(1), &record).await?;
    let later = at(&record, store.in_hours(1), store.in_hours(25));
    let after = touched(&store, id(1), before, &later).await?;
    same(
        "whether the touch moved the revision",
        &store.card.touch_moves_revision,
        &(before != after),
    )?;
    store.keeps(id(1), after, &later).await?;
    let written = store
        .write(id(1), Expect::Revision(before), store.record("written"))
        .await?;
    same(
        "whether a write at the revision before the touch is refused",
        &store.card.touch_moves_revision,
        &(written == Written::Refused),
    )
}

async fn a_touch_never_undoes_a_racing_write(store: Fixture) -> Held {
    for round in 0..30 {
        let session = id(round);
        let before = store.record("before");
        let revision = store.create(session, &before).await?;
        let after = store.record_of("alice", 0);
        let later = at(&before, store.in_hours(1), store.in_hours(48));
        let (touch, write) = (later.clone(), after.clone());
        let (touched, written) = store
            .duel(
                round,
                move |store| async move {
                    store
                        .touch(session, revision, touch.last_seen, touch.expires)
                        .await
                },
                move |store| async move { store.write(session, Expect::Revision(revision), write).await },
            )
            .await?;
        match (touched, written) {
            // Whether the touch came before the write or was refused after it, what was written stays.
            (_, Written::Applied { revision, .. }) => store.keeps(session, revision, &after).await?,
            (Touched::Applied(revision), Written::Refused) if store.card.touch_moves_revision => {
                store.keeps(session, revision, &later).await?;
            }
            (touched, written) => {
                return Err(Failure::new(format!(
                    "a write beside a touch: expected it to be applied, found {written:?} and {touched:?}"
                )));
            }
        }
    }
    Ok(())
}

async fn of_racing_touches_the_latest_stays(store: Fixture) -> Held {
    const TOUCHES: usize = 16;
    for round in 0..10 {
        let session = id(round);
        let record = store.record("kept");
        let revision = store.create(session, &record).await?;
        let answers = store
            .race(round, TOUCHES, |store, n| async move {
                let (seen, expires) = (store.in_hours(1 + n as u64), store.in_hours(30 + n as u64));
                let answer = store.touch(session, revision, seen, expires).await?;
                Ok((answer, seen, expires))
            })
            .await?;
        let applied = answers
            .iter()
            .filter(|(answer, ..)| matches!(answer, Touched::Applied(_)));
        let expected = if store.card.touch_moves_revision {
            1
        } else {
            TOUCHES
        };
        same(
            "how many touches at one revision were applied",
            &expected,
            &applied.clone().count(),
        )?;
        let latest = applied.max_by_key(|(_, seen, _)| *seen);
        let (_, seen, expires) = latest.ok_or_else(|| Failure::new("expected a touch, found none"))?;
        let found = store.loaded(session).await?;
        ensure(found.record == at(&record, *seen, *expires), || {
            format!(
                "the record: expected the latest touch {seen:?}, {expires:?}, found {:?}",
                found.record
            )
        })?;
    }
    Ok(())
}

/// The record as a touch leaves it.
fn at(record: &Record, last_seen: Timestamp, expires: Timestamp) -> Record {
    let mut touched = record.clone().with_last_seen(last_seen);
    touched.expires = expires;
    touched
}

/// Touches a session, which must apply.
async fn touched(store: &Fixture, session: Id, revision: Revision, to: &Record) -> Result<Revision, Failure> {
    match store.touch(session, revision, to.last_seen, to.expires).await? {
        Touched::Applied(revision) => Ok(revision),
        Touched::Refused => Err(Failure::new(
            "a touch at the revision: expected it to be applied, found it refused",
        )),
    }
}
