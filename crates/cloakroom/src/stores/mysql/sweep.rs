//! Removes what has expired, a little at a time, on one node at a time.

use cloakroom_store::{Error, Sweep, Swept};

use super::given_up::Kind;
use super::lease::Lease;
use super::values::Values;
use super::{Mysql, row};

/// What is done, in messages.
const DOING: &str = "sweep";

/// So many sessions are removed in one statement at most: a request that meets one of them waits for that long.
const BATCH: usize = 250;

/// See [`Store::sweep`](cloakroom_store::Store::sweep).
pub(super) async fn sweep(store: &Mysql, request: &Sweep) -> Result<Swept, Error> {
    let mut lease = store.0.pool.lend_to_write(Kind::Session).await?;
    // After an error the connection is closed, and that frees the lock.
    let swept = sweep_locked(&mut lease, request).await?;
    lease.give_back();
    Ok(swept)
}

async fn sweep_locked(lease: &mut Lease<'_>, request: &Sweep) -> Result<Swept, Error> {
    let named = || Values::of(&request.namespace);
    let mut locked = lease
        .ask(DOING, include_str!("sql/lock_sweep.sql"), named)
        .await?;
    let locked = locked.rows.pop().map(row::number).transpose()?;
    if locked != Some(1) {
        // It is another node's turn.
        return Ok(Swept::all_but_held(0));
    }
    let swept = sweep_batches(lease, request).await?;
    lease
        .ask(DOING, include_str!("sql/unlock_sweep.sql"), named)
        .await?;
    Ok(swept)
}

async fn sweep_batches(lease: &mut Lease<'_>, request: &Sweep) -> Result<Swept, Error> {
    let limit = request.limit.get();
    let expired = || Values::of(&request.namespace).moment(request.expired_before);
    let mut removed = 0;
    loop {
        let left = usize::try_from(removed).map_or(0, |removed| limit - removed);
        let batch = left.min(BATCH);
        let values = || expired().limit(batch).moment(request.expired_before);
        let answer = lease.ask(DOING, include_str!("sql/sweep.sql"), values).await?;
        removed += answer.affected;
        if removed >= limit as u64 {
            return Ok(Swept::new(removed, true));
        }
        // Fewer than a batch: there are no more, or some were revived between two looks at them.
        if answer.affected < batch as u64 {
            let mut left = lease
                .ask(DOING, include_str!("sql/left_to_sweep.sql"), expired)
                .await?;
            if left.rows.pop().map(row::number).transpose()? != Some(1) {
                return Ok(Swept::new(removed, false));
            }
        }
    }
}

/// Forgets what is over and is no session, by a statement that removes so much of it at most.
pub(super) async fn forget(
    store: &Mysql,
    doing: &str,
    statement: &'static str,
    request: &Sweep,
) -> Result<Swept, Error> {
    let limit = request.limit.get();
    let values = || {
        Values::of(&request.namespace)
            .moment(request.expired_before)
            .limit(limit)
    };
    let answer = store.ask(doing, statement, values).await?;
    Ok(Swept::new(answer.affected, answer.affected >= limit as u64))
}
