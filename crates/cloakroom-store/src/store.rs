//! The verbs every store answers.

use std::future::Future;

use crate::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Stored, Sweep, Swept,
    Touch, Touched, Write, Written,
};

/// Keeps session records and changes them by one conditional write.
///
/// Implementors write `async fn`. The library holds every store as [`AnyStore`](crate::AnyStore), so no
/// type parameter reaches a handler.
///
/// # Rules for every verb
///
/// * **Atomic.** It happens whole or not at all, whatever runs beside it, and also when its future is
///   dropped before it answered (it may have happened; it has not half happened).
/// * **Errors mean that the store could not do it.** What was missing, stale or somebody else's is a value.
/// * **Not repeated.** A verb sends its request once. Whether a lost answer was a lost request is for the
///   caller to settle: it knows how to tell its own write.
/// * **Namespaces never meet.** What was written under one [`Namespace`](crate::Namespace) does not exist
///   under another.
/// * **No clock.** "Expired" is judged against the time the request carries.
///
/// No verb has a default: a store that cannot do one says so with
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) and on its [card](Store::capabilities).
pub trait Store: Send + Sync + 'static {
    /// Reads the record and its revision, or `None` where there is none.
    ///
    /// An expired record is answered like any other: judging expiry is the caller's business. It sees every
    /// write that was answered before it began.
    ///
    /// Only a near cache may answer with less, and not when the request asks for the
    /// [latest](crate::Freshness::Latest): with a [copy](crate::Freshness::Copied), which says that it is one, in which
    /// all it has answered itself is seen, and that is no older than the cache was told.
    ///
    /// # Errors
    ///
    /// When the store could not be asked, or what it keeps there could not be read. Never for "not there".
    fn load(&self, request: Load) -> impl Future<Output = Result<Option<Stored>, Error>> + Send;

    /// Writes a record if what is there now is what the caller expects.
    ///
    /// This is the only way to change a record, and it refuses, with one answer, when the record exists
    /// ([`Expect::Absent`](crate::Expect::Absent)), has another revision, or is gone
    /// ([`Expect::Revision`](crate::Expect::Revision)). Each applied write gives the record a revision it
    /// never had before. The index by principal, the [cap](crate::Cap) and the record change in one step.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) when the record is over the size on the card,
    /// [`ErrorKind::Full`](crate::ErrorKind::Full) when there is no room for it,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a cap where the card says that it cannot revoke
    /// by principal; nothing has changed then.
    fn write(&self, request: Write) -> impl Future<Output = Result<Written, Error>> + Send;

    /// Moves last seen and the expiry forward; an earlier time is ignored.
    ///
    /// Refused when the record is gone or at another revision. Keeps the revision, unless the card says
    /// that it [moves](Capabilities::touch_moves_revision). A touch may be lost in a crash.
    ///
    /// # Errors
    ///
    /// When the store could not be asked.
    fn touch(&self, request: Touch) -> impl Future<Output = Result<Touched, Error>> + Send;

    /// Ends one session, if it still belongs to whom the caller means.
    ///
    /// # Errors
    ///
    /// When the store could not be asked. A session that is not there is a value.
    fn delete(&self, request: Delete) -> impl Future<Output = Result<Deleted, Error>> + Send;

    /// Lists sessions in pages; what lives through the whole listing appears at least once.
    ///
    /// No order is promised. A page may be shorter than asked for, and even empty, while more follow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the card says so, and
    /// [`ErrorKind::InvalidCursor`](crate::ErrorKind::InvalidCursor) for a cursor this store did not give.
    fn list(&self, request: List) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Counts the sessions that match a query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the card says so.
    fn count(&self, request: Count) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Ends all sessions of a principal but one, or everyone's.
    ///
    /// A sign-in that races it is either ended by it, or comes after it and is listed. Each session ends whole; of a
    /// call that failed or was dropped half way, some may have ended: call it again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the card says so, and
    /// [`ErrorKind::InvalidCursor`](crate::ErrorKind::InvalidCursor) for a cursor this store did not give, or that it
    /// cannot go on from any more: begin again without one.
    fn revoke(&self, request: Revoke) -> impl Future<Output = Result<Revoked, Error>> + Send;

    /// Removes records that expired before a moment, so many at a time.
    ///
    /// Never touches a record that is live at that moment, whatever is written meanwhile.
    ///
    /// # Errors
    ///
    /// When the store could not be asked. What was removed until then stays removed.
    fn sweep(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send;

    /// Answers when the store is there and would take a request.
    ///
    /// # Errors
    ///
    /// When it is not, saying why and what to do.
    fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// The capability card: what this engine promises. It agrees with behaviour.
    fn capabilities(&self) -> Capabilities;
}
