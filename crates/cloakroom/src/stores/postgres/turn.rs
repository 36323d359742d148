//! One after the other for each principal, without waiting where others wait behind.
//!
//! A statement that waits for a lock of PostgreSQL holds up every request that shares its connection, whoever's they are.
//! So nothing on a shared connection waits for many: it takes the lock if nobody has it, or answers that somebody has, and
//! asks again a moment later. What waits there waits for the row of one session, and so for the commits of those who write
//! that one. Counters, and the row that numbers marks, are written by many: they have connections of their own.

use std::time::Duration;

use cloakroom_store::Error;
use tokio::time::{sleep, timeout};

use super::{Postgres, failure};
use crate::stores::backoff::Backoff;

impl Postgres {
    /// Asks until it is this call's turn, for as long as one call may take.
    ///
    /// # Errors
    ///
    /// Those of the call, and when others had their turn for all that time.
    pub(super) async fn in_turn<T, Asking>(&self, doing: &str, ask: impl Fn() -> Asking) -> Result<T, Error>
    where
        Asking: Future<Output = Result<Option<T>, Error>>,
    {
        // Others are done in about the time that a commit takes.
        let mut backoff = Backoff::between(Duration::from_millis(2), Duration::from_millis(20));
        let asking = async {
            loop {
                if let Some(answer) = ask().await? {
                    return Ok(answer);
                }
                sleep(backoff.pause()).await;
            }
        };
        timeout(self.0.bound, asking)
            .await
            .unwrap_or_else(|_elapsed| Err(failure::too_slow(doing, &self.0.address)))
    }
}
