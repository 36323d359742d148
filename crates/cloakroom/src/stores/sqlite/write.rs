//! The one conditional write: what is expected, the cap and the indexes are decided in one transaction.

use cloakroom_store::{Cap, Error, ErrorKind, Expect, Id, Revision, Write, Written};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::failure::Fault;
use super::job::Verb;
use super::row::{self, key, who};
use crate::stores::sql::{column, millis};

/// A write, with the revision that it gives the record if it is applied.
pub(super) struct WriteAs {
    pub(super) revision: Revision,
    pub(super) write: Write,
}

/// What is there now.
struct Found {
    revision: i64,
    principal: Option<Vec<u8>>,
    /// Where its data is.
    body: i64,
}

impl Verb for WriteAs {
    type Answer = Written;

    fn body(&self) -> usize {
        self.write.record.body.len()
    }

    fn apply(&self, connection: &Connection) -> Result<Written, Fault> {
        let found = self.find(connection)?;
        let expected = match (self.write.expect, &found) {
            (Expect::Absent, None) => true,
            (Expect::Revision(revision), Some(found)) => found.revision == column(revision),
            _ => false,
        };
        if !expected {
            return Ok(Written::Refused);
        }
        let Some(ended) = self.judge(connection, found.as_ref())? else {
            return Ok(Written::AtCap);
        };
        for id in &ended {
            end(connection, &self.write, id)?;
        }
        match found {
            None => self.create(connection)?,
            Some(found) => self.replace(connection, found.body)?,
        }
        Ok(Written::Applied {
            revision: self.revision,
            ended,
        })
    }
}

impl WriteAs {
    fn find(&self, connection: &Connection) -> Result<Option<Found>, Fault> {
        let sql = "SELECT revision, principal, body FROM cloakroom_sessions WHERE namespace = ?1 AND id = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_row(
            params![key(&self.write.namespace), self.write.id.as_bytes()],
            |row| {
                Ok(Found {
                    revision: row.get(0)?,
                    principal: row.get(1)?,
                    body: row.get(2)?,
                })
            },
        );
        Ok(found.optional()?)
    }

    /// Which of the principal's sessions end so that this one may begin; `None` when it may not.
    fn judge(&self, connection: &Connection, found: Option<&Found>) -> Result<Option<Vec<Id>>, Fault> {
        let Write {
            record,
            cap,
            now,
            namespace,
            ..
        } = &self.write;
        let before = found.and_then(|found| found.principal.as_deref());
        let principal = record.principal.as_ref().map(who);
        let (Some(principal), false) = (principal, principal == before) else {
            return Ok(Some(Vec::new()));
        };
        let sql = "SELECT id FROM cloakroom_sessions WHERE namespace = ?1 AND principal = ?2 AND expires > ?3 \
                   ORDER BY created, id";
        let live = || -> Result<Vec<Id>, Fault> {
            let mut statement = connection.prepare_cached(sql)?;
            statement
                .query_and_then(params![key(namespace), principal, millis(*now)], |row| {
                    row::id(row, 0)
                })?
                .collect()
        };
        match *cap {
            Cap::None => Ok(Some(Vec::new())),
            Cap::Refuse(most) => Ok((live()?.len() < most.get() as usize).then(Vec::new)),
            Cap::EndOldest(most) => {
                let mut live = live()?;
                live.truncate((live.len() + 1).saturating_sub(most.get() as usize));
                Ok(Some(live))
            }
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the SQLite store does not know this kind of cap: use one release of all crates",
            )
            .into()),
        }
    }

    fn create(&self, connection: &Connection) -> Result<(), Fault> {
        let Write {
            namespace,
            id,
            record,
            ..
        } = &self.write;
        connection
            .prepare_cached("INSERT INTO cloakroom_bodies (data) VALUES (?1)")?
            .execute([&record.body[..]])?;
        let body = connection.last_insert_rowid();
        connection
            .prepare_cached(include_str!("sql/create.sql"))?
            .execute(params![
                key(namespace),
                id.as_bytes(),
                column(self.revision),
                record.principal.as_ref().map(who),
                millis(record.created),
                millis(record.last_seen),
                millis(record.expires),
                record.label.as_ref().map(|label| label.as_str().as_bytes()),
                body,
            ])?;
        Ok(())
    }

    fn replace(&self, connection: &Connection, body: i64) -> Result<(), Fault> {
        let Write {
            namespace,
            id,
            record,
            ..
        } = &self.write;
        connection
            .prepare_cached("UPDATE cloakroom_bodies SET data = ?2 WHERE number = ?1")?
            .execute(params![body, &record.body[..]])?;
        connection
            .prepare_cached(include_str!("sql/replace.sql"))?
            .execute(params![
                key(namespace),
                id.as_bytes(),
                column(self.revision),
                record.principal.as_ref().map(who),
                millis(record.created),
                millis(record.last_seen),
                millis(record.expires),
                record.label.as_ref().map(|label| label.as_str().as_bytes()),
            ])?;
        Ok(())
    }
}

fn end(connection: &Connection, write: &Write, id: &Id) -> Result<(), Fault> {
    let sql = "DELETE FROM cloakroom_sessions WHERE namespace = ?1 AND id = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![key(&write.namespace), id.as_bytes()])?;
    Ok(())
}
