//! Caps that are flawed.

use cloakroom_store::{Cap, Error, Expect, Id, Store, Stored, Write, Written};

use super::{Flaw, Flawed, dawdle};
use crate::reference::oldest_first;

impl Flawed {
    /// Judges the cap by itself, then writes without one.
    pub(super) async fn flawed_cap(&self, mut request: Write) -> Result<Written, Error> {
        let others = self.others(&request);
        if self.flaw == Flaw::CountsOutsideTheLock {
            dawdle().await;
        }
        let excess = match request.cap {
            Cap::Refuse(places) => {
                let places = places.get() as usize + usize::from(self.flaw == Flaw::CapsOneMore);
                if others.len() >= places {
                    return Ok(Written::AtCap);
                }
                0
            }
            Cap::EndOldest(places) => (others.len() + 1).saturating_sub(places.get() as usize),
            _ => 0,
        };
        let doomed = &others[..excess];
        if self.flaw == Flaw::EndsBeforeChecking {
            self.end(&request, doomed);
        }
        request.cap = Cap::None;
        match self.reference.write(request.clone()).await? {
            Written::Applied { revision, .. } => {
                self.end(&request, doomed);
                let ended = doomed.to_vec();
                Ok(Written::Applied { revision, ended })
            }
            other => Ok(other),
        }
    }

    /// The sessions that count against the cap, those to end first in front.
    pub(super) fn others(&self, request: &Write) -> Vec<Id> {
        let mut rows = self.reference.rows();
        let sessions = rows.sessions(&request.namespace);
        let Some(principal) = &request.record.principal else {
            let nobodys = |(_, stored): &(_, &Stored)| stored.record.principal.is_none();
            let capped = self.flaw == Flaw::CapsNobody;
            return sessions
                .iter()
                .filter(nobodys)
                .filter(|_| capped)
                .map(|(id, _)| *id)
                .collect();
        };
        let there = sessions.get(&request.id);
        let before = there.and_then(|stored| stored.record.principal.as_ref());
        let owned = before == Some(principal) && self.flaw != Flaw::CountsOneself;
        let exempt = self.flaw == Flaw::CapsOnlyCreates && request.expect != Expect::Absent;
        if owned || exempt {
            return Vec::new();
        }
        let mut others = oldest_first(sessions, principal, self.counted_at(request));
        if self.flaw == Flaw::EndsTheNewest {
            others.reverse();
        }
        if self.flaw == Flaw::LeaksPlaces {
            let memory = self.memory();
            let ever = memory.owners.iter();
            return ever
                .filter(|(namespace, owner, _)| *namespace == request.namespace && owner == principal)
                .map(|(.., id)| *id)
                .filter(|id| *id != request.id)
                .chain(others)
                .collect();
        }
        others
    }
}
