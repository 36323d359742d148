//! Any store behind one type, so that no type parameter reaches a handler.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Store, Stored, Sweep,
    Swept, Touch, Touched, Write, Written,
};

/// A store whose type has been forgotten: cheap to clone, and itself a [`Store`].
#[derive(Clone)]
pub struct AnyStore(Arc<dyn BoxedStore>);

impl AnyStore {
    /// Forgets the type of a store.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyStore")
            .field(&Store::capabilities(self).name)
            .finish()
    }
}

impl Store for AnyStore {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.0.load(request).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.0.write(request).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.0.touch(request).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.0.delete(request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.0.list(request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.0.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.0.revoke(request).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.0.sweep(request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.0.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The boxed mirror of [`Store`]: the same verbs, in a shape that can be called through a pointer.
trait BoxedStore: Send + Sync {
    fn load(&self, request: Load) -> Boxed<'_, Option<Stored>>;
    fn write(&self, request: Write) -> Boxed<'_, Written>;
    fn touch(&self, request: Touch) -> Boxed<'_, Touched>;
    fn delete(&self, request: Delete) -> Boxed<'_, Deleted>;
    fn list(&self, request: List) -> Boxed<'_, Page>;
    fn count(&self, request: Count) -> Boxed<'_, u64>;
    fn revoke(&self, request: Revoke) -> Boxed<'_, Revoked>;
    fn sweep(&self, request: Sweep) -> Boxed<'_, Swept>;
    fn ping(&self) -> Boxed<'_, ()>;
    fn capabilities(&self) -> Capabilities;
}

impl<S: Store> BoxedStore for S {
    fn load(&self, request: Load) -> Boxed<'_, Option<Stored>> {
        Box::pin(Store::load(self, request))
    }

    fn write(&self, request: Write) -> Boxed<'_, Written> {
        Box::pin(Store::write(self, request))
    }

    fn touch(&self, request: Touch) -> Boxed<'_, Touched> {
        Box::pin(Store::touch(self, request))
    }

    fn delete(&self, request: Delete) -> Boxed<'_, Deleted> {
        Box::pin(Store::delete(self, request))
    }

    fn list(&self, request: List) -> Boxed<'_, Page> {
        Box::pin(Store::list(self, request))
    }

    fn count(&self, request: Count) -> Boxed<'_, u64> {
        Box::pin(Store::count(self, request))
    }

    fn revoke(&self, request: Revoke) -> Boxed<'_, Revoked> {
        Box::pin(Store::revoke(self, request))
    }

    fn sweep(&self, request: Sweep) -> Boxed<'_, Swept> {
        Box::pin(Store::sweep(self, request))
    }

    fn ping(&self) -> Boxed<'_, ()> {
        Box::pin(Store::ping(self))
    }

    fn capabilities(&self) -> Capabilities {
        Store::capabilities(self)
    }
}
