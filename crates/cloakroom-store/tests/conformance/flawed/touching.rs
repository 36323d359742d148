//! Touches that are flawed.

use cloakroom_store::{Error, Load, Record, Store, Touch, Touched};

use super::{Flaw, Flawed, dawdle};

impl Flawed {
    pub(super) async fn flawed_touch(&self, mut request: Touch) -> Result<Touched, Error> {
        let load = Load::new(request.namespace.clone(), request.id);
        let there = self.reference.load(load).await?;
        let current = there.as_ref().map(|stored| stored.revision);
        match self.flaw {
            Flaw::TouchIgnoresRevisions => {
                request.revision = current.unwrap_or(request.revision);
                self.reference.touch(request).await
            }
            Flaw::TouchMovesRevisions => Ok(self.moving(&request)),
            Flaw::TouchShortens if current == Some(request.revision) => {
                self.change(&request, |record| {
                    record.last_seen = request.last_seen;
                    record.expires = request.expires;
                });
                Ok(Touched::Applied(request.revision))
            }
            Flaw::TouchesInSteps if current == Some(request.revision) => {
                self.change(&request, |record| record.last_seen = request.last_seen);
                dawdle().await;
                self.reference.touch(request).await
            }
            Flaw::TouchesLongAfterReading if current == Some(request.revision) => {
                let mut stored = there.expect("it is at the revision");
                dawdle().await;
                stored.record.last_seen = stored.record.last_seen.max(request.last_seen);
                stored.record.expires = stored.record.expires.max(request.expires);
                self.change(&request, |record| *record = stored.record.clone());
                Ok(Touched::Applied(request.revision))
            }
            Flaw::TouchesNothing if there.is_none() => Ok(Touched::Applied(request.revision)),
            Flaw::TouchesOnlyExpiry => {
                request.last_seen = Default::default();
                self.reference.touch(request).await
            }
            _ => self.reference.touch(request).await,
        }
    }

    fn moving(&self, request: &Touch) -> Touched {
        let mut rows = self.reference.rows();
        if rows.touch(request) == Touched::Refused {
            return Touched::Refused;
        }
        let revision = rows.mint();
        if let Some(stored) = rows.sessions(&request.namespace).get_mut(&request.id) {
            stored.revision = revision;
        }
        Touched::Applied(revision)
    }

    fn change(&self, request: &Touch, change: impl FnOnce(&mut Record)) {
        let mut rows = self.reference.rows();
        if let Some(stored) = rows.sessions(&request.namespace).get_mut(&request.id) {
            change(&mut stored.record);
        }
    }
}
