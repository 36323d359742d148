//! Forgets what is over and is no session: marks and counters.

use cloakroom_store::{Sweep, Swept};
use rusqlite::{Connection, params};

use super::failure::Fault;
use super::job::Verb;
use super::row::key;
use super::sweep;
use crate::stores::sql::millis;

/// A step of forgetting.
pub(super) struct Forget {
    /// Removes at most `?3` of a namespace that were over before `?2`.
    pub(super) statement: &'static str,
    pub(super) request: Sweep,
}

impl Verb for Forget {
    type Answer = Swept;

    /// What a crash brings back is over, and is forgotten again.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Swept, Fault> {
        let request = &self.request;
        let at_most = u16::try_from(request.limit.get()).map_or(sweep::STEP, |limit| limit.min(sweep::STEP));
        let forgotten = connection.prepare_cached(self.statement)?.execute(params![
            key(&request.namespace),
            millis(request.expired_before),
            at_most
        ])?;
        Ok(Swept::new(forgotten as u64, forgotten == usize::from(at_most)))
    }
}
