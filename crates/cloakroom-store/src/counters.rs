//! The third contract: counters, by which an application limits how often something is tried.

use std::future::Future;

use crate::{AddOne, Capabilities, Error, Sweep, Swept, TakeBack};

/// Keeps counters that are over at some moment: how often something was tried until then.
///
/// Beside [`Marks`](crate::Marks) and not of them: a server that can count need not be able to tell its news in order.
/// A counter that is not there counts nothing, and the first [`add`](Self::add) begins it.
///
/// # Rules for every verb
///
/// Those of [`Store`](crate::Store): atomic, also when its future is dropped; errors mean that it could not be done; not
/// repeated; namespaces never meet; no clock. A call whose answer was lost may have counted, and is not taken back by
/// itself: too much is counted then, and never too little.
///
/// What strangers try is counted, so they choose how many counters there are: a store bounds what it keeps of them, or
/// lets them go by itself when they are over.
pub trait Counters: Send + Sync + 'static {
    /// Adds one to a counter, and answers what it is now: 1 for one that was not there.
    ///
    /// Of any number of calls at once no two get the same answer, unless one was taken back between them. Where the
    /// counter is over by a clock of the store's own it counts all the same: who counts may have one that is behind.
    ///
    /// # Errors
    ///
    /// When the store could not do it, or it is not known whether it has.
    fn add(&self, request: AddOne) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Takes one back from a counter. Never below nothing, and nothing happens where there is no such counter: that is
    /// no error.
    ///
    /// # Errors
    ///
    /// When the store could not do it, or it is not known whether it has. Then too much stays counted.
    fn take_back(&self, request: TakeBack) -> impl Future<Output = Result<(), Error>> + Send;

    /// Forgets counters whose [`until`](crate::Counter::until) is before a moment, so many at a time.
    ///
    /// One whose server lets them go by itself has nothing to do here. No counter goes before it is over by a clock that
    /// is in step, but as the card says.
    ///
    /// # Errors
    ///
    /// When the store could not be asked. What was forgotten until then stays forgotten.
    fn forget(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send;

    /// The capability card. Of counters it says whether they survive a restart, whether they go
    /// [by themselves](Capabilities::expires_by_itself) when they are over, and whether one may
    /// [go before](Capabilities::may_evict), to make room.
    fn card(&self) -> Capabilities;
}
