//! Ends many sessions: a principal's in one statement, everyone's in batches.

use cloakroom_store::{Error, ErrorKind, Id, Namespace, Principal, Revoke, Revoked, Scope, Timestamp};

use super::values::Values;
use super::{Mysql, row};

/// What is done, in messages.
const DOING: &str = "end sessions";

/// So many sessions end in one statement at most, so that no lock is held for long.
const BATCH: usize = 1000;

/// See [`Store::revoke`](cloakroom_store::Store::revoke).
pub(super) async fn revoke(store: &Mysql, request: &Revoke) -> Result<Revoked, Error> {
    let Revoke { namespace, limit, .. } = request;
    let limit = limit.map_or(usize::MAX, |limit| limit.get());
    match &request.scope {
        Scope::Principal { principal, keep } => {
            of_principal(store, namespace, principal, keep.as_ref(), limit).await
        }
        // What is left is found by its index.
        Scope::Everyone { .. } if request.after.is_some() => Err(Error::new(
            ErrorKind::InvalidCursor,
            "the MySQL store gives no cursors when it ends sessions: call again without one",
        )),
        Scope::Everyone { begun_before } => of_everyone(store, namespace, *begun_before, limit).await,
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "the MySQL store does not know this scope: use one release of all crates",
        )),
    }
}

async fn of_principal(
    store: &Mysql,
    namespace: &Namespace,
    principal: &Principal,
    keep: Option<&Id>,
    limit: usize,
) -> Result<Revoked, Error> {
    let values = || {
        Values::of(namespace)
            .principal(Some(principal))
            // No id is empty: nothing is kept then.
            .bytes(keep.map_or(&[], |keep| keep.as_bytes()))
            .limit(limit)
    };
    let answer = store
        .ask(DOING, include_str!("sql/revoke_principal.sql"), values)
        .await?;
    Ok(Revoked::new(answer.affected, answer.affected >= limit as u64))
}

async fn of_everyone(
    store: &Mysql,
    namespace: &Namespace,
    begun_before: Timestamp,
    limit: usize,
) -> Result<Revoked, Error> {
    let begun = || Values::of(namespace).moment(begun_before);
    let mut ended = 0;
    loop {
        let left = usize::try_from(ended).map_or(0, |ended| limit - ended);
        let batch = left.min(BATCH);
        let values = || begun().limit(batch).moment(begun_before);
        let answer = store
            .ask(DOING, include_str!("sql/revoke_everyone.sql"), values)
            .await?;
        ended += answer.affected;
        if ended >= limit as u64 {
            return Ok(Revoked::new(ended, true));
        }
        // Fewer than a batch: there are no more, or others have ended some between two looks at them.
        if answer.affected < batch as u64 {
            let mut left = store
                .read(DOING, include_str!("sql/left_to_revoke.sql"), begun)
                .await?;
            if left.rows.pop().map(row::number).transpose()? != Some(1) {
                return Ok(Revoked::new(ended, false));
            }
        }
    }
}
