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

// Not `async fn`: each boxed future is handed on as it is, not wrapped in one that holds the request once more.
impl Store for AnyStore {
    fn load(&self, request: Load) -> impl Future<Output = Result<Option<Stored>, Error>> + Send {
        self.0.load(request)
    }

    fn write(&self, request: Write) -> impl Future<Output = Result<Written, Error>> + Send {
        self.0.write(request)
    }

    fn touch(&self, request: Touch) -> impl Future<Output = Result<Touched, Error>> + Send {
        self.0.touch(request)
    }

    fn delete(&self, request: Delete) -> impl Future<Output = Result<Deleted, Error>> + Send {
        self.0.delete(request)
    }

    fn list(&self, request: List) -> impl Future<Output = Result<Page, Error>> + Send {
        self.0.list(request)
    }

    fn count(&self, request: Count) -> impl Future<Output = Result<u64, Error>> + Send {
        self.0.count(request)
    }

    fn revoke(&self, request: Revoke) -> impl Future<Output = Result<Revoked, Error>> + Send {
        self.0.revoke(request)
    }

    fn sweep(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send {
        self.0.sweep(request)
    }

    fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.ping()
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
