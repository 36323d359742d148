//! Ending all sessions of a principal, or everyone's.

use cloakroom_store::{Id, Namespace, Principal, Revoked, Timestamp};
use redb::ReadTransaction;

use super::failure::Fault;
use super::job::Verb;
use super::key;
use super::tables::{self, Tables};

/// Ends a principal's sessions in one step: a sign-in comes wholly before it and is ended, or wholly after.
pub(super) struct RevokePrincipal {
    pub(super) namespace: Namespace,
    pub(super) principal: Principal,
    pub(super) keep: Option<Id>,
    pub(super) at_most: usize,
}

impl Verb for RevokePrincipal {
    type Answer = Revoked;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Revoked, Fault> {
        // One more than may end, for the one that stays, and one more to see whether any remain.
        let at_most = self.at_most.saturating_add(2);
        let ids = tables.of_principal(&self.namespace, &self.principal, at_most)?;
        let mut ending = Vec::new();
        for id in ids.into_iter().filter(|id| Some(*id) != self.keep) {
            ending.extend(tables.find(&self.namespace, &id)?.map(|found| (id, found)));
        }
        let more = ending.len() > self.at_most;
        ending.truncate(self.at_most);
        for (id, found) in &ending {
            tables.remove(&self.namespace, id, found)?;
        }
        Ok(Revoked::new(ending.len() as u64, more))
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
    type Answer = u64;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<u64, Fault> {
        let mut ending = Vec::new();
        for id in &self.ids {
            let found = tables.find(&self.namespace, id)?;
            ending.extend(
                found
                    .filter(|found| found.created < self.begun_before)
                    .map(|found| (id, found)),
            );
        }
        for (id, found) in &ending {
            tables.remove(&self.namespace, id, found)?;
        }
        Ok(ending.len() as u64)
    }
}

/// How many rows are looked at in one snapshot.
const ROWS: usize = 4096;

/// Sessions that began before a moment, at most so many, and after which to go on unless that was the end.
pub(super) fn begun_before(
    transaction: &ReadTransaction,
    namespace: &Namespace,
    begun_before: Timestamp,
    after: Option<Id>,
    at_most: usize,
) -> Result<(Vec<Id>, Option<Id>), Fault> {
    let sessions = transaction.open_table(tables::SESSIONS)?;
    let range = key::sessions(namespace, after.as_ref());
    let range = sessions.range::<&[u8]>(&**range.start()..=&**range.end())?;
    let mut found = Vec::new();
    for (looked_at, entry) in range.enumerate() {
        let (key, row) = entry?;
        let id = tables::id_of(key.value())?;
        if tables::parse(row.value())?.created < begun_before {
            found.push(id);
        }
        if looked_at + 1 == ROWS || found.len() == at_most {
            return Ok((found, Some(id)));
        }
    }
    Ok((found, None))
}
