//! Ending all sessions of a principal, or everyone's.

use cloakroom_store::{Id, Namespace, Principal, Revoked, Timestamp};
use rusqlite::{Connection, params};

use super::failure::Fault;
use super::job::Verb;
use super::list::ROWS;
use super::row::{self, key, who};
use crate::stores::sql::millis;

/// Ends a principal's sessions in one step: a sign-in comes wholly before it and is ended, or wholly after.
pub(super) struct RevokePrincipal {
    pub(super) namespace: Namespace,
    pub(super) principal: Principal,
    pub(super) keep: Option<Id>,
    pub(super) at_most: usize,
}

impl Verb for RevokePrincipal {
    type Answer = Revoked;

    fn apply(&self, connection: &Connection) -> Result<Revoked, Fault> {
        let sql = include_str!("sql/revoke.sql");
        let ended = connection.prepare_cached(sql)?.execute(params![
            key(&self.namespace),
            who(&self.principal),
            self.keep.as_ref().map(Id::as_bytes),
            i64::try_from(self.at_most).unwrap_or(i64::MAX),
        ])?;
        Ok(Revoked::new(ended as u64, ended == self.at_most))
    }
}

/// Ends those of these sessions that began before a moment, and answers how many.
///
/// They were found in a snapshot: what is there by now decides.
pub(super) struct EndBegunBefore {
    pub(super) namespace: Namespace,
    pub(super) begun_before: Timestamp,
    pub(super) ids: Vec<Id>,
}

impl Verb for EndBegunBefore {
    type Answer = usize;

    fn apply(&self, connection: &Connection) -> Result<usize, Fault> {
        let sql = "DELETE FROM cloakroom_sessions WHERE namespace = ?1 AND id = ?2 AND created < ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let mut ended = 0;
        for id in &self.ids {
            ended += statement.execute(params![
                key(&self.namespace),
                id.as_bytes(),
                millis(self.begun_before)
            ])?;
        }
        Ok(ended)
    }
}

/// Sessions that began before a moment, at most so many, and after which to go on unless that was the end.
pub(super) fn begun_before(
    connection: &Connection,
    namespace: &Namespace,
    begun_before: Timestamp,
    after: Option<&Id>,
    at_most: usize,
) -> Result<(Vec<Id>, Option<Id>), Fault> {
    let sql =
        "SELECT id, created FROM cloakroom_sessions WHERE namespace = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![key(namespace), super::list::after(after), ROWS])?;
    let (mut found, mut looked_at) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let id = row::id(row, 0)?;
        let created: i64 = row.get(1)?;
        if created < millis(begun_before) {
            found.push(id);
        }
        looked_at += 1;
        if looked_at == ROWS || found.len() == at_most {
            return Ok((found, Some(id)));
        }
    }
    Ok((found, None))
}
