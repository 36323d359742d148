//! The second contract: marks, which end what a store does not keep.

use std::future::Future;

use crate::{Capabilities, Error, Mark, MarksOf, News, SetMark, Sweep, Swept, Timestamp, Told};

/// Keeps marks: "nothing of this begun before that moment counts".
///
/// A sealed session lives in its cookie, so there is nothing to delete when it ends. What ends it is a mark, which every
/// node reads again within a bound. So a mark must reach every node, and [`news`](Self::news) is built for that: it costs
/// what is new, not what is kept.
///
/// # Rules for every verb
///
/// Those of [`Store`](crate::Store): atomic, also when its future is dropped; errors mean that it could not be done; not
/// repeated; namespaces never meet; no clock.
pub trait Marks: Send + Sync + 'static {
    /// Sets a mark, or moves the one of the same subject: its two moments only ever move forward.
    ///
    /// Answers the mark as it is now. Whoever asks [`marks_of`](Self::marks_of) or [`news`](Self::news) afterwards sees
    /// it. Setting what is there already may count as new, or not.
    ///
    /// # Errors
    ///
    /// When the store could not do it, or it is not known whether it has: set it again.
    fn mark(&self, request: SetMark) -> impl Future<Output = Result<Mark, Error>> + Send;

    /// Before which moment nothing of a principal counts: the later one of the principal's mark and everyone's,
    /// [`Timestamp::default`] where there is neither.
    ///
    /// # Errors
    ///
    /// When the store could not be asked.
    fn marks_of(&self, request: MarksOf) -> impl Future<Output = Result<Timestamp, Error>> + Send;

    /// What was marked since a position, in the order in which it happened.
    ///
    /// Nothing is skipped: a mark that was answered before this call began is in the answer, or in one before it, or in
    /// one that follows while [`more`](Told::more) is true; also when others set marks meanwhile. One that was
    /// forgotten need not be told any more.
    ///
    /// A position that means nothing here, such as one from before a server lost its memory, begins again from the
    /// start, and [`anew`](Told::anew) says so.
    ///
    /// # Errors
    ///
    /// When the store could not be asked.
    fn news(&self, request: News) -> impl Future<Output = Result<Told, Error>> + Send;

    /// Forgets marks whose [`until`](Mark::until) is before a moment, so many at a time.
    ///
    /// # Errors
    ///
    /// When the store could not be asked. What was forgotten until then stays forgotten.
    fn forget(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send;

    /// The capability card. Of marks it says where they are kept, and whether they survive a restart.
    fn card(&self) -> Capabilities;
}
