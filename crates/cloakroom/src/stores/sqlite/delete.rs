//! Ending one session.

use cloakroom_store::{Delete, Deleted};
use rusqlite::{Connection, params};

use super::failure::Fault;
use super::job::Verb;
use super::row::{self, key};

impl Verb for Delete {
    type Answer = Deleted;

    fn apply(&self, connection: &Connection) -> Result<Deleted, Fault> {
        let session = params![key(&self.namespace), self.id.as_bytes()];
        let sql = "SELECT principal FROM cloakroom_sessions WHERE namespace = ?1 AND id = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(session)?;
        let Some(row) = rows.next()? else {
            return Ok(Deleted::Missing);
        };
        if !self.owner.allows(row::principal(row, 0)?.as_ref()) {
            return Ok(Deleted::NotOwner);
        }
        drop(rows);
        let sql = "DELETE FROM cloakroom_sessions WHERE namespace = ?1 AND id = ?2";
        connection.prepare_cached(sql)?.execute(session)?;
        Ok(Deleted::Ended)
    }
}
