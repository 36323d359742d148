//! Writes that are flawed.

use cloakroom_store::{
    Cap, Error, Expect, Id, Label, Load, Revision, Store, Stored, Timestamp, Write, Written,
};

use super::{Flaw, Flawed, dawdle, too_large};
use crate::reference::Reference;

impl Flawed {
    pub(super) async fn flawed_write(&self, request: Write) -> Result<Written, Error> {
        let request = self.distort(request);
        let length = request.record.body.len();
        if self.flaw == Flaw::TakesLess && length == Reference::CARD.max_body {
            return Err(too_large());
        }
        let there = self.there(&request);
        self.remember(&request, there.as_ref());
        let expected = match (request.expect, &there) {
            (Expect::Absent, there) => there.is_none(),
            (Expect::Revision(seen), there) => there.as_ref().is_some_and(|there| there.revision == seen),
        };
        let creates = request.expect == Expect::Absent;
        match self.flaw {
            Flaw::ActsLongAfterChecking if expected => {
                dawdle().await;
                Ok(self.put(&request))
            }
            Flaw::CreatesOverWhatIsThere if creates => Ok(self.put(&request)),
            Flaw::IgnoresRevisions if !creates && there.is_some() => Ok(self.put(&request)),
            Flaw::TakesMore if expected => Ok(self.put(&request)),
            Flaw::WritesToNothing if there.is_none() => Ok(self.put(&request)),
            Flaw::WritesInSteps if expected => Ok(self.in_steps(&request).await),
            Flaw::CountsRevisionsPerRecord if expected => {
                let last = there.map_or(0, |there| there.revision.value());
                Ok(self.put_at(&request, Revision::new(last + 1)))
            }
            Flaw::NumbersRevisionsByContent if expected => {
                let sum = request.record.body.iter().map(|byte| u64::from(*byte)).sum();
                Ok(self.put_at(&request, Revision::new(sum)))
            }
            Flaw::CapsNobody
            | Flaw::CapsOneMore
            | Flaw::CapsOnlyCreates
            | Flaw::CountsExpired
            | Flaw::CountsOneself
            | Flaw::CountsOutsideTheLock
            | Flaw::EndsBeforeChecking
            | Flaw::EndsTheNewest
            | Flaw::LeaksPlaces => self.flawed_cap(request).await,
            _ => self.reference.write(request).await,
        }
    }

    /// The request as it is after this store has misread it.
    fn distort(&self, mut request: Write) -> Write {
        request.namespace = self.namespace(request.namespace);
        request.id = self.id(request.id);
        let record = &mut request.record;
        record.principal = record.principal.take().map(|principal| self.principal(principal));
        record.created = self.moment(record.created);
        record.last_seen = self.moment(record.last_seen);
        record.expires = self.moment(record.expires);
        match self.flaw {
            Flaw::CutsBodiesAtZero => {
                let end = record.body.iter().position(|byte| *byte == 0);
                record.body = record.body[..end.unwrap_or(record.body.len())].into();
            }
            Flaw::CutsLabelsAtZero => {
                let cut = |label: Label| label.as_str().split('\0').next().map(Label::new);
                record.label = record.label.take().and_then(cut);
            }
            Flaw::ForgetsLabels => record.label = None,
            _ => {}
        }
        request
    }

    fn there(&self, request: &Write) -> Option<Stored> {
        let load = Load::new(request.namespace.clone(), request.id);
        self.reference.rows().load(&load)
    }

    fn remember(&self, request: &Write, there: Option<&Stored>) {
        let mut memory = self.memory();
        memory.writes += 1;
        if let Some(there) = there {
            let key = (request.namespace.clone(), request.id);
            memory.before.insert(key, there.clone());
        }
        if let Some(principal) = &request.record.principal {
            let owner = (request.namespace.clone(), principal.clone(), request.id);
            memory.owners.insert(owner);
        }
    }

    /// Writes whatever is there.
    fn put(&self, request: &Write) -> Written {
        let revision = self.reference.rows().mint();
        self.put_at(request, revision)
    }

    fn put_at(&self, request: &Write, revision: Revision) -> Written {
        let stored = Stored::new(revision, request.record.clone());
        let mut rows = self.reference.rows();
        rows.sessions(&request.namespace).insert(request.id, stored);
        Written::Applied {
            revision,
            ended: Vec::new(),
        }
    }

    /// Ends others, then takes away what was there or begins what was not, then writes.
    async fn in_steps(&self, request: &Write) -> Written {
        let others = self.others(request);
        let ended = match request.cap {
            Cap::EndOldest(_) => others,
            _ => Vec::new(),
        };
        self.end(request, &ended);
        dawdle().await;
        match request.expect {
            Expect::Absent => {
                let mut begun = request.clone();
                begun.record.body = [].into();
                self.put(&begun);
            }
            Expect::Revision(_) => self.end(request, &[request.id]),
        }
        dawdle().await;
        match self.put(request) {
            Written::Applied { revision, .. } => Written::Applied { revision, ended },
            other => other,
        }
    }

    pub(super) fn end(&self, request: &Write, ended: &[Id]) {
        let mut rows = self.reference.rows();
        rows.sessions(&request.namespace)
            .retain(|id, _| !ended.contains(id));
    }

    /// The moment by which sessions are counted as live.
    pub(super) fn counted_at(&self, request: &Write) -> Timestamp {
        match self.flaw {
            Flaw::CountsExpired => Timestamp::default(),
            _ => request.now,
        }
    }
}
