//! Any store of marks behind one type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Capabilities, Error, Mark, Marks, MarksOf, News, SetMark, Sweep, Swept, Timestamp, Told};

/// A store of marks whose type has been forgotten: cheap to clone, and itself [`Marks`].
#[derive(Clone)]
pub struct AnyMarks(Arc<dyn BoxedMarks>);

impl AnyMarks {
    /// Forgets the type of a store of marks.
    pub fn new(marks: impl Marks) -> Self {
        Self(Arc::new(marks))
    }
}

impl fmt::Debug for AnyMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyMarks").field(&Marks::card(self).name).finish()
    }
}

impl Marks for AnyMarks {
    fn mark(&self, request: SetMark) -> impl Future<Output = Result<Mark, Error>> + Send {
        self.0.mark(request)
    }

    fn marks_of(&self, request: MarksOf) -> impl Future<Output = Result<Timestamp, Error>> + Send {
        self.0.marks_of(request)
    }

    fn news(&self, request: News) -> impl Future<Output = Result<Told, Error>> + Send {
        self.0.news(request)
    }

    fn forget(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send {
        self.0.forget(request)
    }

    fn card(&self) -> Capabilities {
        self.0.card()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The boxed mirror of [`Marks`]: the same verbs, in a shape that can be called through a pointer.
trait BoxedMarks: Send + Sync {
    fn mark(&self, request: SetMark) -> Boxed<'_, Mark>;
    fn marks_of(&self, request: MarksOf) -> Boxed<'_, Timestamp>;
    fn news(&self, request: News) -> Boxed<'_, Told>;
    fn forget(&self, request: Sweep) -> Boxed<'_, Swept>;
    fn card(&self) -> Capabilities;
}

impl<M: Marks> BoxedMarks for M {
    fn mark(&self, request: SetMark) -> Boxed<'_, Mark> {
        Box::pin(Marks::mark(self, request))
    }

    fn marks_of(&self, request: MarksOf) -> Boxed<'_, Timestamp> {
        Box::pin(Marks::marks_of(self, request))
    }

    fn news(&self, request: News) -> Boxed<'_, Told> {
        Box::pin(Marks::news(self, request))
    }

    fn forget(&self, request: Sweep) -> Boxed<'_, Swept> {
        Box::pin(Marks::forget(self, request))
    }

    fn card(&self) -> Capabilities {
        Marks::card(self)
    }
}
