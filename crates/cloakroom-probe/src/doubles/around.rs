//! A store, or marks, around whose verbs something happens.

use cloakroom::store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Mark, Marks, MarksOf, News, Page, Revoke,
    Revoked, SetMark, Store, Stored, Sweep, Swept, Timestamp, Told, Touch, Touched, Write, Written,
};

/// What happens around the verbs of a store, or of marks. A handle: cheap to clone, and all clones are one.
pub trait Hook: Clone + Send + Sync + 'static {
    /// Does its thing, and calls the store, or does not.
    fn around<T: Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send;

    /// Stands in front of a store, or of marks.
    fn before<S>(&self, inner: S) -> Around<S, Self> {
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

/// The verbs of stores and marks that are requests.
// Complete: as many as the traits have.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // they are documented where they are: at `Store` and `Marks`
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
    Mark,
    MarksOf,
    News,
    Forget,
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

impl<M: Marks, H: Hook> Marks for Around<M, H> {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        self.hook.around(Verb::Mark, self.inner.mark(request)).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        self.hook
            .around(Verb::MarksOf, self.inner.marks_of(request))
            .await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        self.hook.around(Verb::News, self.inner.news(request)).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        self.hook.around(Verb::Forget, self.inner.forget(request)).await
    }

    fn card(&self) -> Capabilities {
        self.inner.card()
    }
}
