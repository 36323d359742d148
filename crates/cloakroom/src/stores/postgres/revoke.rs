//! Ends the sessions of a principal in one statement, and those of everyone in steps.

use std::num::NonZeroUsize;

use cloakroom_store::{Cursor, Error, Id, Namespace, Principal, Revoke, Revoked};
use tokio::time::{Instant, timeout};
use tokio_postgres::types::{ToSql, Type};

use super::given_up::Work;
use super::store::{bytes, key, rows, who};
use super::{Postgres, failure, row};
use crate::stores::sql::position;

/// How many of everyone's sessions end in one step.
const STEP: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");

/// What is done, in messages.
const END_ALL: &str = "end a user's sessions";
const END_EVERYONE: &str = "end everyone's sessions";

impl Postgres {
    pub(super) async fn revoke_principal(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        keep: Option<&Id>,
        limit: Option<NonZeroUsize>,
    ) -> Result<Revoked, Error> {
        let (namespace, principal, keep) = (bytes(namespace), who(principal), keep.map(key));
        let at_most = limit.map(rows);
        let ask = || {
            self.0.reach.request(END_ALL, Work::Writes, async |prepared| {
                let values: [&(dyn ToSql + Sync); 4] = [&namespace, &principal, &keep, &at_most];
                let statement = &prepared.statements.revoke;
                prepared.client.query_opt_scalar(statement, &values).await
            })
        };
        let ended: i64 = self.in_turn(END_ALL, ask).await?;
        Ok(Revoked::new(ended.unsigned_abs(), Some(ended) == at_most))
    }

    /// Within the time of one call, however many there are: in steps, so that no lock is held long.
    pub(super) async fn revoke_everyone(
        &self,
        request: &Revoke,
        begun_before: i64,
    ) -> Result<Revoked, Error> {
        let after = position(request.after.as_ref())?.map(|id| id.as_bytes().to_vec());
        let limit = request.limit.map_or(i64::MAX, rows);
        let revoking = self.revoke_in_steps(&request.namespace, begun_before, after, limit);
        timeout(self.0.bound, revoking)
            .await
            .unwrap_or_else(|_elapsed| Err(failure::too_slow(END_EVERYONE, &self.0.address)))
    }

    async fn revoke_in_steps(
        &self,
        namespace: &Namespace,
        begun_before: i64,
        mut after: Option<Vec<u8>>,
        limit: i64,
    ) -> Result<Revoked, Error> {
        let begun = Instant::now();
        let namespace = bytes(namespace);
        let mut ended = 0;
        loop {
            // What ends is at most what is looked at.
            let step = rows(STEP).min(limit - ended);
            let row = self
                .0
                .reach
                .list(END_EVERYONE, Work::Writes, async |client| {
                    let text = "SELECT ended, last FROM cloakroom_revoke_everyone($1, $2, $3, $4)";
                    let values: [(&(dyn ToSql + Sync), Type); 4] = [
                        (&namespace, Type::BYTEA),
                        (&begun_before, Type::INT8),
                        (&after, Type::BYTEA),
                        (&step, Type::INT8),
                    ];
                    client.query_typed_one(text, &values).await
                })
                .await?;
            ended += row::column::<i64>(&row, 0)?;
            after = row::column(&row, 1)?;
            let Some(last) = &after else {
                return Ok(Revoked::new(ended.unsigned_abs(), false));
            };
            let is_long = limit < i64::MAX && begun.elapsed() > self.0.bound / 2;
            if ended == limit || is_long {
                return Ok(Revoked::up_to(ended.unsigned_abs(), Cursor::new(&last[..])));
            }
        }
    }
}
