//! The one conditional write: what is expected, the cap and the indexes are decided in one transaction.

use cloakroom_store::{Cap, Expect, Id, Namespace, Principal, Timestamp, Write, Written};

use super::failure::Fault;
use super::job::Verb;
use super::tables::{Found, Tables};

impl Verb for Write {
    type Answer = Written;

    fn body(&self) -> usize {
        self.record.body.len()
    }

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Written, Fault> {
        let found = tables.find(&self.namespace, &self.id)?;
        let expected = match (self.expect, &found) {
            (Expect::Absent, None) => true,
            (Expect::Revision(revision), Some(found)) => found.revision == revision,
            _ => false,
        };
        if !expected {
            return Ok(Written::Refused);
        }
        let principal = self.record.principal.as_ref();
        let theirs = found.as_ref().and_then(|found| found.principal.as_ref()) == principal;
        let ending = match principal {
            Some(principal) if !theirs => judge(tables, self.cap, &self.namespace, principal, self.now)?,
            _ => Some(Vec::new()),
        };
        let Some(ending) = ending else {
            return Ok(Written::AtCap);
        };
        for (id, session) in &ending {
            tables.remove(&self.namespace, id, session)?;
        }
        let revision = tables.put(&self.namespace, &self.id, found.as_ref(), &self.record)?;
        Ok(Written::Applied {
            revision,
            ended: ending.into_iter().map(|(id, _)| id).collect(),
        })
    }
}

/// Which of a principal's sessions end so that one more may begin; `None` when it may not.
fn judge(
    tables: &Tables<'_>,
    cap: Cap,
    namespace: &Namespace,
    principal: &Principal,
    now: Timestamp,
) -> Result<Option<Vec<(Id, Found)>>, Fault> {
    if cap == Cap::None {
        return Ok(Some(Vec::new()));
    }
    let mut live = Vec::new();
    for id in tables.of_principal(namespace, principal, usize::MAX)? {
        let found = tables.find(namespace, &id)?;
        live.extend(found.filter(|found| found.expires > now).map(|found| (id, found)));
    }
    match cap {
        Cap::Refuse(most) => Ok((live.len() < most.get() as usize).then(Vec::new)),
        Cap::EndOldest(most) => {
            live.sort_unstable_by_key(|(id, found)| (found.created, *id));
            live.truncate((live.len() + 1).saturating_sub(most.get() as usize));
            Ok(Some(live))
        }
        _ => Err(Fault::Unsupported(
            "the disk store does not know this kind of cap: use one release of all crates",
        )),
    }
}
