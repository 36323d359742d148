//! Any store of counters behind one type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{AddOne, Capabilities, Counters, Error, Sweep, Swept, TakeBack};

/// A store of counters whose type has been forgotten: cheap to clone, and itself [`Counters`].
#[derive(Clone)]
pub struct AnyCounters(Arc<dyn BoxedCounters>);

impl AnyCounters {
    /// Forgets the type of a store of counters.
    pub fn new(counters: impl Counters) -> Self {
        Self(Arc::new(counters))
    }
}

impl fmt::Debug for AnyCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyCounters")
            .field(&Counters::card(self).name)
            .finish()
    }
}

impl Counters for AnyCounters {
    fn add(&self, request: AddOne) -> impl Future<Output = Result<u64, Error>> + Send {
        self.0.add(request)
    }

    fn take_back(&self, request: TakeBack) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.take_back(request)
    }

    fn forget(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send {
        self.0.forget(request)
    }

    fn card(&self) -> Capabilities {
        self.0.card()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The boxed mirror of [`Counters`]: the same verbs, in a shape that can be called through a pointer.
trait BoxedCounters: Send + Sync {
    fn add(&self, request: AddOne) -> Boxed<'_, u64>;
    fn take_back(&self, request: TakeBack) -> Boxed<'_, ()>;
    fn forget(&self, request: Sweep) -> Boxed<'_, Swept>;
    fn card(&self) -> Capabilities;
}

impl<C: Counters> BoxedCounters for C {
    fn add(&self, request: AddOne) -> Boxed<'_, u64> {
        Box::pin(Counters::add(self, request))
    }

    fn take_back(&self, request: TakeBack) -> Boxed<'_, ()> {
        Box::pin(Counters::take_back(self, request))
    }

    fn forget(&self, request: Sweep) -> Boxed<'_, Swept> {
        Box::pin(Counters::forget(self, request))
    }

    fn card(&self) -> Capabilities {
        Counters::card(self)
    }
}
