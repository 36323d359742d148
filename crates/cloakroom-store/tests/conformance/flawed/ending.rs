//! Deletes, revocations and sweeps that are flawed.

use cloakroom_store::{
    Delete, Deleted, Error, Id, Load, Namespace, Owner, Revoke, Revoked, Scope, Store, Stored, Sweep, Swept,
    Timestamp,
};

use super::{Flaw, Flawed, dawdle};

impl Flawed {
    pub(super) async fn flawed_delete(&self, mut request: Delete) -> Result<Deleted, Error> {
        let load = Load::new(request.namespace.clone(), request.id);
        let there = self.reference.load(load).await?;
        match self.flaw {
            Flaw::DeletesLongAfterChecking => {
                let Some(stored) = there else {
                    return Ok(Deleted::Missing);
                };
                if !request.owner.allows(stored.record.principal.as_ref()) {
                    return Ok(Deleted::NotOwner);
                }
                dawdle().await;
                self.remove(&request.namespace, &[request.id]);
                Ok(Deleted::Ended)
            }
            Flaw::EndsInSteps => {
                self.empty(&request.namespace, request.id);
                dawdle().await;
                self.reference.delete(request).await
            }
            Flaw::EndsNothing => self.reference.delete(request).await.map(|_| Deleted::Ended),
            Flaw::IgnoresOwners => {
                request.owner = Owner::Any;
                self.reference.delete(request).await
            }
            _ => self.reference.delete(request).await,
        }
    }

    pub(super) async fn flawed_revoke(&self, mut request: Revoke) -> Result<Revoked, Error> {
        let namespace = request.namespace.clone();
        match self.flaw {
            Flaw::ForgetsToKeep => {
                if let Scope::Principal { keep, .. } = &mut request.scope {
                    *keep = None;
                }
                self.reference.revoke(request).await
            }
            Flaw::HidesRacingSignIns | Flaw::RevokesAtOldRevisions | Flaw::RevokesWhatItListed => {
                let listed = self.in_scope(&request);
                dawdle().await;
                let mut kept: Vec<_> = self.in_scope(&request);
                kept.retain(|row| !listed.contains(row));
                let ended = match self.flaw {
                    Flaw::RevokesAtOldRevisions => self.remove_unchanged(&namespace, &listed),
                    _ => self.remove(&namespace, &listed.iter().map(|(id, _)| *id).collect::<Vec<_>>()),
                };
                if self.flaw == Flaw::HidesRacingSignIns {
                    self.memory().hidden.extend(kept.iter().map(|(id, _)| *id));
                }
                Ok(Revoked::new(ended, false))
            }
            Flaw::JoinsNamespaceAndPrincipal
            | Flaw::RevokesByLastSeen
            | Flaw::RevokesByPrefix
            | Flaw::RevokesFormerOwners => {
                let mut ended = 0;
                let namespaces: Vec<_> = self.reference.rows().kept.keys().cloned().collect();
                for other in namespaces {
                    let among = self.reference.rows().sessions(&other).clone();
                    let doomed: Vec<_> = among
                        .iter()
                        .filter(|(id, stored)| self.misjudges(&request, &other, **id, stored))
                        .map(|(id, _)| *id)
                        .collect();
                    ended += self.remove(&other, &doomed);
                }
                Ok(Revoked::new(ended, false))
            }
            Flaw::LooksOnlyAtTheBeginning => match (&request.scope, request.limit) {
                (Scope::Everyone { begun_before }, Some(limit)) => {
                    let rows = self.reference.rows().sessions(&namespace).clone();
                    let looked_at = rows.iter().take(4 * limit.get());
                    let begun = looked_at.filter(|(_, stored)| stored.record.created < *begun_before);
                    let ending: Vec<_> = begun.map(|(id, _)| *id).take(limit.get()).collect();
                    let ended = self.remove(&namespace, &ending);
                    Ok(Revoked::new(ended, ended > 0))
                }
                _ => self.reference.revoke(request).await,
            },
            Flaw::EndsInSteps => {
                for (id, _) in self.in_scope(&request) {
                    self.empty(&namespace, id);
                }
                dawdle().await;
                self.reference.revoke(request).await
            }
            _ => self.reference.revoke(request).await,
        }
    }

    pub(super) async fn flawed_sweep(&self, mut request: Sweep) -> Result<Swept, Error> {
        match self.flaw {
            Flaw::SweepsAtTheMoment => {
                let moment = request.expired_before.as_unix_millis();
                request.expired_before = Timestamp::from_unix_millis(moment + 1);
            }
            Flaw::SweepsWhatItListed => {
                let rows = self.reference.rows().sessions(&request.namespace).clone();
                let expired = rows
                    .iter()
                    .filter(|(_, stored)| stored.record.expires < request.expired_before);
                let expired: Vec<_> = expired.map(|(id, _)| *id).take(request.limit.get()).collect();
                dawdle().await;
                let removed = self.remove(&request.namespace, &expired);
                return Ok(Swept::new(removed, removed > 0));
            }
            _ => {}
        }
        self.reference.sweep(request).await
    }

    /// What a revocation should end, as it is now; what is hidden it does not see.
    fn in_scope(&self, request: &Revoke) -> Vec<(Id, Stored)> {
        let rows = self.reference.rows().sessions(&request.namespace).clone();
        let hidden = self.memory().hidden.clone();
        rows.into_iter()
            .filter(|(id, stored)| match &request.scope {
                Scope::Principal { principal, keep } => {
                    stored.record.principal.as_ref() == Some(principal) && Some(*id) != *keep
                }
                Scope::Everyone { begun_before } => stored.record.created < *begun_before,
                _ => false,
            })
            .filter(|(id, _)| !hidden.contains(id))
            .collect()
    }

    /// Whether a flawed revocation ends this session of any namespace.
    fn misjudges(&self, request: &Revoke, namespace: &Namespace, id: Id, stored: &Stored) -> bool {
        let here = *namespace == request.namespace;
        let owner = stored.record.principal.as_ref();
        let (principal, keep) = match &request.scope {
            Scope::Principal { principal, keep } => (principal, *keep),
            Scope::Everyone { begun_before } => {
                let by_last_seen = self.flaw == Flaw::RevokesByLastSeen;
                let moment = if by_last_seen {
                    stored.record.last_seen
                } else {
                    stored.record.created
                };
                return here && moment < *begun_before;
            }
            _ => return false,
        };
        let theirs = match self.flaw {
            Flaw::RevokesByPrefix => {
                here && owner.is_some_and(|owner| owner.as_str().starts_with(principal.as_str()))
            }
            Flaw::RevokesFormerOwners => {
                let once = (namespace.clone(), principal.clone(), id);
                here && self.memory().owners.contains(&once)
            }
            Flaw::JoinsNamespaceAndPrincipal => owner.is_some_and(|owner| {
                format!("{namespace}:{owner}") == format!("{}:{principal}", request.namespace)
            }),
            _ => here && owner == Some(principal),
        };
        theirs && Some(id) != keep
    }

    fn remove(&self, namespace: &Namespace, ids: &[Id]) -> u64 {
        let mut rows = self.reference.rows();
        let sessions = rows.sessions(namespace);
        ids.iter().filter(|id| sessions.remove(id).is_some()).count() as u64
    }

    fn remove_unchanged(&self, namespace: &Namespace, listed: &[(Id, Stored)]) -> u64 {
        let mut rows = self.reference.rows();
        let sessions = rows.sessions(namespace);
        let unchanged = |(id, stored): &&(Id, Stored)| sessions.get(id) == Some(stored);
        let doomed: Vec<_> = listed.iter().filter(unchanged).map(|(id, _)| *id).collect();
        drop(rows);
        self.remove(namespace, &doomed)
    }

    fn empty(&self, namespace: &Namespace, id: Id) {
        if let Some(stored) = self.reference.rows().sessions(namespace).get_mut(&id) {
            stored.record.body = [].into();
        }
    }
}
