//! Removing what has expired: it costs as much as the index says has expired, not what lives.

use cloakroom_store::{Sweep, Swept};
use rusqlite::{Connection, params};

use super::failure::Fault;
use super::job::Verb;
use super::row::key;
use crate::stores::sql::millis;

/// How many sessions one step removes, so that others do not wait long.
pub(super) const STEP: u16 = 256;

impl Verb for Sweep {
    /// What this step did.
    type Answer = Swept;

    /// What a crash brings back has expired, and is swept again.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Swept, Fault> {
        let at_most = u16::try_from(self.limit.get()).map_or(STEP, |limit| limit.min(STEP));
        let sql = include_str!("sql/sweep.sql");
        let removed = connection.prepare_cached(sql)?.execute(params![
            key(&self.namespace),
            millis(self.expired_before),
            at_most
        ])?;
        Ok(Swept::new(removed as u64, removed == usize::from(at_most)))
    }
}
