//! Stores that break the contract, each in one way: what the suite must catch.

mod capping;
mod ending;
mod listing;
mod touching;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, ErrorKind, Id, List, Load, Namespace, Page, Principal,
    Query, Revoke, Revoked, Scope, Store, Stored, Sweep, Swept, Timestamp, Touch, Touched, Write, Written,
};

use crate::reference::Reference;

/// How a store breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    // Writing
    ActsLongAfterChecking,
    CountsRevisionsPerRecord,
    CreatesOverWhatIsThere,
    ForgetsLabels,
    IgnoresRevisions,
    NumbersRevisionsByContent,
    ReadsStale,
    WritesInSteps,
    WritesToNothing,
    // The cap
    CapsNobody,
    CapsOneMore,
    CapsOnlyCreates,
    CountsExpired,
    CountsOneself,
    CountsOutsideTheLock,
    EndsBeforeChecking,
    EndsTheNewest,
    LeaksPlaces,
    // Touching
    TouchIgnoresRevisions,
    TouchMovesRevisions,
    TouchShortens,
    TouchesInSteps,
    TouchesLongAfterReading,
    TouchesNothing,
    TouchesOnlyExpiry,
    // Ending
    DeletesLongAfterChecking,
    EndsInSteps,
    EndsNothing,
    ForgetsToKeep,
    HidesRacingSignIns,
    IgnoresOwners,
    LooksOnlyAtTheBeginning,
    NeverIsDoneRevoking,
    RevokesAtOldRevisions,
    RevokesByLastSeen,
    RevokesByPrefix,
    RevokesFormerOwners,
    RevokesWhatItListed,
    SaysNothingRemains,
    SaysOthersHoldTheRest,
    SweepsAtTheMoment,
    SweepsWhatItListed,
    TakesAnyCursorToRevoke,
    // Listing
    CountsEverything,
    FoldsCase,
    IgnoresLimits,
    ListsByOffset,
    ListsWithoutLabels,
    PanicsOnCursors,
    // Keeping text, bytes and times as they are
    CutsBodiesAtZero,
    CutsIds,
    CutsLabelsAtZero,
    KeepsSeconds,
    LowersPrincipals,
    // Namespaces
    IgnoresNamespaces,
    JoinsNamespaceAndPrincipal,
    LowersNamespaces,
    // The card
    ChangesTheCard,
    HangsOnPings,
    PromisesLess,
    TakesLess,
    TakesMore,
}

/// The reference store, with one flaw.
pub(crate) struct Flawed {
    reference: Reference,
    flaw: Flaw,
    /// Guards what only a flaw remembers.
    memory: Mutex<Memory>,
}

/// What only a flaw remembers.
#[derive(Default)]
struct Memory {
    /// The records before the last write.
    before: BTreeMap<(Namespace, Id), Stored>,
    /// Who ever owned a session.
    owners: BTreeSet<(Namespace, Principal, Id)>,
    /// Sessions that have fallen out of the index.
    hidden: BTreeSet<Id>,
    /// How many writes there were.
    writes: usize,
}

impl Flawed {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self {
            reference: Reference::default(),
            flaw,
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespace, as this store tells them apart.
    fn namespace(&self, namespace: Namespace) -> Namespace {
        let text = match self.flaw {
            Flaw::IgnoresNamespaces => "the-only-one".to_owned(),
            Flaw::LowersNamespaces => namespace.as_str().to_lowercase(),
            _ => return namespace,
        };
        Namespace::new(text).expect("what was a namespace still is one")
    }

    /// The id, as this store tells them apart.
    fn id(&self, id: Id) -> Id {
        let mut bytes = *id.as_bytes();
        if self.flaw == Flaw::CutsIds {
            bytes[8..].fill(0);
        }
        Id::from_bytes(bytes)
    }

    /// The principal, as this store tells them apart.
    fn principal(&self, principal: Principal) -> Principal {
        match self.flaw {
            Flaw::LowersPrincipals => {
                Principal::new(principal.as_str().to_lowercase()).expect("what was a principal still is one")
            }
            _ => principal,
        }
    }

    fn query(&self, mut query: Query) -> Query {
        query.principal = query.principal.map(|principal| self.principal(principal));
        query
    }

    fn moment(&self, moment: Timestamp) -> Timestamp {
        match self.flaw {
            Flaw::KeepsSeconds => Timestamp::from_unix_millis(moment.as_unix_millis() / 1000 * 1000),
            _ => moment,
        }
    }
}

impl Store for Flawed {
    async fn load(&self, mut request: Load) -> Result<Option<Stored>, Error> {
        request.namespace = self.namespace(request.namespace);
        request.id = self.id(request.id);
        if self.flaw == Flaw::ReadsStale {
            let key = (request.namespace.clone(), request.id);
            if let Some(stored) = self.memory().before.get(&key) {
                return Ok(Some(stored.clone()));
            }
        }
        self.reference.load(request).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.flawed_write(request).await
    }

    async fn touch(&self, mut request: Touch) -> Result<Touched, Error> {
        request.namespace = self.namespace(request.namespace);
        request.id = self.id(request.id);
        request.last_seen = self.moment(request.last_seen);
        request.expires = self.moment(request.expires);
        self.flawed_touch(request).await
    }

    async fn delete(&self, mut request: Delete) -> Result<Deleted, Error> {
        request.namespace = self.namespace(request.namespace);
        request.id = self.id(request.id);
        self.flawed_delete(request).await
    }

    async fn list(&self, mut request: List) -> Result<Page, Error> {
        request.namespace = self.namespace(request.namespace);
        request.query = self.query(request.query);
        self.flawed_list(request).await
    }

    async fn count(&self, mut request: Count) -> Result<u64, Error> {
        request.namespace = self.namespace(request.namespace);
        request.query = self.query(request.query);
        if self.flaw == Flaw::CountsEverything {
            request.query = Query::default();
        }
        self.reference.count(request).await
    }

    async fn revoke(&self, mut request: Revoke) -> Result<Revoked, Error> {
        request.namespace = self.namespace(request.namespace);
        if let Scope::Principal { principal, .. } = &mut request.scope {
            *principal = self.principal(principal.clone());
        }
        if self.flaw == Flaw::TakesAnyCursorToRevoke {
            request.after = None;
        }
        let limited = request.limit.is_some();
        let mut answer = self.flawed_revoke(request).await?;
        answer.more &= self.flaw != Flaw::SaysNothingRemains;
        answer.more |= limited && self.flaw == Flaw::NeverIsDoneRevoking;
        Ok(answer)
    }

    async fn sweep(&self, mut request: Sweep) -> Result<Swept, Error> {
        request.namespace = self.namespace(request.namespace);
        let mut answer = self.flawed_sweep(request).await?;
        answer.more &= self.flaw != Flaw::SaysNothingRemains;
        answer.held = answer.more && self.flaw == Flaw::SaysOthersHoldTheRest;
        Ok(answer)
    }

    async fn ping(&self) -> Result<(), Error> {
        match self.flaw {
            Flaw::HangsOnPings => std::future::pending().await,
            _ => self.reference.ping().await,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut card = Reference::CARD;
        match self.flaw {
            Flaw::ChangesTheCard => card.max_body += self.memory().writes,
            Flaw::PromisesLess => (card.lists, card.revokes_by_principal) = (false, false),
            _ => {}
        }
        card
    }
}

/// Lets everybody else run between a check and what follows from it.
async fn dawdle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::TooLarge, "the record is too large")
}
