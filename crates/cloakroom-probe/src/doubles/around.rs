//! A store around whose verbs something happens.

use cloakroom::store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Store, Stored, Sweep,
    Swept, Touch, Touched, Write, Written,
};

/// What happens around the verbs of a store. A handle: cheap to clone, and all clones are one.
pub trait Hook: Clone + Send + Sync + 'static {
    /// Does its thing, and calls the store, or does not.
    fn around<T: Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send;

    /// Stands in front of a store.
    fn before<S: Store>(&self, inner: S) -> Around<S, Self> {
        Around {
            inner,
            hook: self.clone(),
        }
    }
}

/// A store around whose verbs something happens.
#[derive(Debug, Clone)]
pub struct Around<S, H> {
    inner: S,
    hook: H,
}

/// The verbs of a store that are requests.
// Complete: as many as the trait has.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // they are documented where they are: at `Store`
pub enum Verb {
    Load,
    Write,
    Touch,
    Delete,
    List,
    Count,
    Revoke,
    Sweep,
    Ping,
}

impl<S: Store, H: Hook> Store for Around<S, H> {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.hook.around(Verb::Load, self.inner.load(request)).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.hook.around(Verb::Write, self.inner.write(request)).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.hook.around(Verb::Touch, self.inner.touch(request)).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.hook.around(Verb::Delete, self.inner.delete(request)).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.hook.around(Verb::List, self.inner.list(request)).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.hook.around(Verb::Count, self.inner.count(request)).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.hook.around(Verb::Revoke, self.inner.revoke(request)).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.hook.around(Verb::Sweep, self.inner.sweep(request)).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.hook.around(Verb::Ping, self.inner.ping()).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
