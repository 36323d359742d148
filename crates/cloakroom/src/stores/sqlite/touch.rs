//! Moving last seen and the expiry forward.

use cloakroom_store::{Touch, Touched};
use rusqlite::{Connection, params};

use super::failure::Fault;
use super::job::Verb;
use super::row::key;
use crate::stores::sql::{column, millis};

impl Verb for Touch {
    type Answer = Touched;

    /// The contract lets a crash take a touch back; what it costs is that somebody seems idle for longer.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<Touched, Fault> {
        let touched = connection
            .prepare_cached(include_str!("sql/touch.sql"))?
            .execute(params![
                key(&self.namespace),
                self.id.as_bytes(),
                column(self.revision),
                millis(self.last_seen),
                millis(self.expires),
            ])?;
        Ok(match touched {
            0 => Touched::Refused,
            _ => Touched::Applied(self.revision),
        })
    }
}
