//! Removes what has expired, a batch at a time, and remembers how far it has come.
//!
//! What was deleted stays in the index until PostgreSQL vacuums. A batch that began at the lowest expiry would go past all
//! that the batches before it have removed: after a few million, for longer than a call may take.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{Error, Namespace, Sweep, Swept};
use tokio_postgres::types::{ToSql, Type};

use super::row;
use super::{Postgres, store};
use crate::stores::sql::millis;

/// How far the last batch of each namespace has come: an expiry below which nothing was left but what was locked.
#[derive(Debug, Default)]
pub(super) struct Progress(
    // Guards a few words, never held over a call.
    Mutex<HashMap<Namespace, i64>>,
);

impl Progress {
    fn of(&self, namespace: &Namespace) -> Option<i64> {
        self.lock().get(namespace).copied()
    }

    fn set(&self, namespace: &Namespace, to: Option<i64>) {
        let mut known = self.lock();
        match to {
            Some(to) => known.insert(namespace.clone(), to),
            None => known.remove(namespace),
        };
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Namespace, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Postgres {
    /// See [`Store::sweep`](cloakroom_store::Store::sweep).
    pub(super) async fn sweep_batch(&self, request: &Sweep) -> Result<Swept, Error> {
        let (namespace, limit) = (&request.namespace, store::rows(request.limit));
        let progress = &self.0.swept;
        let came_to = progress.of(namespace);
        let batch = self
            .sweep_from(request, came_to.unwrap_or(i64::MIN), limit)
            .await?;
        let removed = batch.removed.unsigned_abs();
        if !batch.was_our_turn {
            return Ok(Swept::all_but_held(0));
        }
        if batch.removed >= limit {
            progress.set(namespace, batch.to);
            return Ok(Swept::new(removed, true));
        }
        progress.set(namespace, None);
        Ok(match came_to {
            // From the beginning, the next time: for what was locked when it was come by, or has been written with an
            // earlier expiry since.
            Some(_) => Swept::new(removed, true),
            None if batch.leaves_some => Swept::all_but_held(removed),
            None => Swept::new(removed, false),
        })
    }

    /// Removes some of those that expired from a moment on.
    async fn sweep_from(&self, request: &Sweep, from: i64, limit: i64) -> Result<Batch, Error> {
        let namespace = store::bytes(&request.namespace);
        let before = millis(request.expired_before);
        let row = self
            .0
            .reach
            .sweep("sweep expired sessions", async |client| {
                // With their types it is one round trip, not three.
                let values: [(&(dyn ToSql + Sync), Type); 4] = [
                    (&namespace, Type::BYTEA),
                    (&before, Type::INT8),
                    (&limit, Type::INT8),
                    (&from, Type::INT8),
                ];
                client
                    .query_typed_one(include_str!("sql/sweep.sql"), &values)
                    .await
            })
            .await?;
        Ok(Batch {
            removed: row::column(&row, 0)?,
            to: row::column(&row, 1)?,
            leaves_some: row::column(&row, 2)?,
            was_our_turn: row::column(&row, 3)?,
        })
    }
}

/// What one statement did.
struct Batch {
    removed: i64,
    /// When the last of them expired.
    to: Option<i64>,
    /// Of those it was to remove: because of its limit, or because somebody else has them.
    leaves_some: bool,
    /// No other node was at it.
    was_our_turn: bool,
}

/// Forgets what is over and is no session, by a statement that removes so much of it at most.
pub(super) async fn forget(
    store: &Postgres,
    doing: &'static str,
    statement: &'static str,
    request: &Sweep,
) -> Result<Swept, Error> {
    let namespace = store::bytes(&request.namespace);
    let (before, limit) = (millis(request.expired_before), store::rows(request.limit));
    let forgotten = store
        .0
        .reach
        .sweep(doing, async |client| {
            let values: [(&(dyn ToSql + Sync), Type); 3] = [
                (&namespace, Type::BYTEA),
                (&before, Type::INT8),
                (&limit, Type::INT8),
            ];
            client.execute_typed(statement, &values).await
        })
        .await?;
    Ok(Swept::new(forgotten, forgotten >= limit.unsigned_abs()))
}
