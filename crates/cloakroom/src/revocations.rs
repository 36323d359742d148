//! How sealed sessions are ended: marks in a store, and a copy of them that requests ask.

mod copy;
mod reading;
mod table;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{
    AnyMarks, AnyStore, Error as StoreError, Mark, Marks, MarksOf, Namespace, Principal, Residence, SetMark,
    Store, Subject, Timestamp,
};

use crate::bounded::bounded;
use crate::clock::Clock;
use crate::policy::SKEW;
use crate::{Error, ErrorKind};

use copy::Copy;
pub(crate) use copy::Verdict;
use reading::Known;
pub(crate) use reading::LEARN;
pub(crate) use turns::{Turn, Turns};

/// How sealed sessions are ended: given to [`Sessions::sealed`](crate::Sessions::sealed).
///
/// A sealed session is in its cookie, and whoever has a copy of the cookie has the session. To end one, the server keeps
/// a *mark*: that a session is over, or that nothing counts which a principal, or anybody, began before a moment.
/// Marks are few and small, in a store that all nodes share; each node has a copy of them in memory, which is never older
/// than [`refresh_within`](Self::refresh_within) says. So a request asks no store, and an ending takes effect at once on
/// the node that made it, and within that bound on every other.
///
/// ```no_run
/// # use cloakroom::{Error, KeyRing, Revocations, Sessions, stores::Disk};
/// # async fn f(keys: KeyRing) -> Result<(), Box<dyn std::error::Error>> {
/// let revocations = Revocations::new(Disk::open("./marks").await?)?;
/// let sessions = Sessions::sealed(keys, revocations);
/// let _refreshing = sessions.revocations_refresher().start();
/// # Ok(())
/// # }
/// ```
///
/// # When the store cannot be reached
///
/// Until the copy is older than the bound, nothing happens. Past it nobody knows any more who has signed out, and sealed
/// sessions are refused: a 503, and nobody's cookie is cleared. A node that has just started is past the bound until it
/// has read the marks, and so is one whose machine was suspended for longer, or whose clock was set forward.
/// [`danger_accept_when_unknown`](Self::danger_accept_when_unknown) decides otherwise.
///
/// # What it costs
///
/// A refresh reads what is new, not what is there. A node that has a million marks takes 62 MB for them
/// (`examples/revocations_footprint.rs`, 26 November 2026). The mark of a session is kept until the session would have
/// ended anyway; one of a principal or of everyone until no session can be left that it is about: for as long as the
/// longest absolute timeout of the present policy. Whoever may sign out or rotate may add one, anonymous visitors too:
/// limit how often a stranger does. Where an earlier policy gave sessions longer, let the longest one stand until those
/// have ended.
#[derive(Debug, Clone)]
pub struct Revocations {
    marks: AnyMarks,
    registry: Option<AnyStore>,
    refresh_within: Duration,
    skew: Duration,
    past_the_bound: PastTheBound,
    known: Arc<Known>,
}

/// What happens to a session of which nobody knows whether it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PastTheBound {
    Refuse,
    Accept,
}

/// Whose marks, and how long one call of the store may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) timeout: Duration,
    pub(crate) clock: &'a Clock,
    pub(crate) now: Timestamp,
}

impl Revocations {
    /// Keeps marks in this store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a store in the memory of this process, which forgets at a restart who has signed out:
    /// see [`danger_in_memory`](Self::danger_in_memory).
    pub fn new(store: impl Marks) -> Result<Self, Error> {
        let marks = AnyMarks::new(store);
        let card = marks.card();
        if card.residence == Residence::Process {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the {} store forgets at a restart who has signed out, and tells no other node: take one on disk or \
                     on a server, or `Revocations::danger_in_memory`",
                    card.name
                ),
            ));
        }
        Ok(Self::over(marks))
    }

    /// Keeps marks in the memory of this process: a restart forgets them, and whoever has copied a cookie before its user
    /// signed out is signed in again. Other processes are not told at all.
    pub fn danger_in_memory(store: impl Marks) -> Self {
        Self::over(AnyMarks::new(store))
    }

    fn over(marks: AnyMarks) -> Self {
        Self {
            marks,
            registry: None,
            refresh_within: Duration::from_secs(5),
            skew: SKEW,
            past_the_bound: PastTheBound::Refuse,
            known: Arc::default(),
        }
    }

    /// Sets how old the copy may be: 5 seconds by default. What another node ended, goes on here for so long.
    #[must_use]
    pub fn refresh_within(mut self, bound: Duration) -> Self {
        self.refresh_within = bound;
        self
    }

    /// Sets by how much the clocks of two nodes may differ: 5 seconds by default.
    ///
    /// A mark lies so far in the future, so that it is also about what a node with a faster clock has begun; and one that spares
    /// no session as much further again, and by as long as it may take to set it.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Accepts sessions also where nobody knows whether they were ended: when the store cannot be reached for longer than
    /// the bound, who has signed out is signed in again for whoever has copied the cookie.
    #[must_use]
    pub fn danger_accept_when_unknown(mut self) -> Self {
        self.past_the_bound = PastTheBound::Accept;
        self
    }

    /// Registers sign-ins in this store, so that [`Session::sessions`](crate::Session::sessions) lists them and
    /// [`Session::end`](crate::Session::end) ends one of them.
    ///
    /// One more write for each sign-in and sign-out, and some more calls where a session signs in again or signs out the others.
    /// The list is kept beside the marks: where two endings, or a sign-in and an ending, come within one call of the store, what
    /// has ended may stay listed until it would have expired, and what goes on may be missing until it signs in again. A record holds principal, label and when it was signed in, and no data.
    /// It is not written while the session is used: when one was last seen is not known, and one that has been idle for too
    /// long is listed until its absolute timeout.
    #[must_use]
    pub fn register_in(mut self, store: impl Store) -> Self {
        self.registry = Some(AnyStore::new(store));
        self
    }

    /// The same settings, for somebody else's marks: nothing of them is known yet.
    pub(crate) fn afresh(self) -> Self {
        Self {
            known: Arc::default(),
            ..self
        }
    }

    pub(crate) fn registry(&self) -> Option<AnyStore> {
        self.registry.clone()
    }

    pub(crate) fn marks(&self) -> &AnyMarks {
        &self.marks
    }

    /// What this node knows.
    pub(crate) fn copy(&self) -> &Copy {
        &self.known.copy
    }

    /// Who gives which session another token at the moment.
    pub(crate) fn turns(&self) -> &Turns {
        &self.known.turns
    }

    pub(crate) fn tolerated_skew(&self) -> Duration {
        self.skew
    }

    pub(crate) fn bound(&self) -> Duration {
        self.refresh_within
    }

    /// Sets a mark, in the store and then here; answers it as it stands now.
    ///
    /// # Errors
    ///
    /// The store's: whether the mark is set is not known then.
    pub(crate) async fn mark(&self, asking: Asking<'_>, mark: Mark) -> Result<Mark, StoreError> {
        let set = SetMark::new(asking.namespace.clone(), mark);
        let mark = bounded(asking.timeout, self.marks.mark(set)).await?;
        self.learn(&mark);
        Ok(mark)
    }

    /// Reads before which moment no session of a principal counts, from the store itself.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(crate) async fn moment_of(
        &self,
        asking: Asking<'_>,
        principal: &Principal,
    ) -> Result<Timestamp, StoreError> {
        let marks_of = MarksOf::new(asking.namespace.clone(), principal.clone());
        bounded(asking.timeout, self.marks.marks_of(marks_of)).await
    }

    fn learn(&self, mark: &Mark) {
        let Mark {
            subject,
            begun_before,
            until,
            ..
        } = mark;
        match subject {
            Subject::Session(id) => self.known.copy.mark_session(*id, *begun_before, *until),
            Subject::Principal(principal) => self.known.copy.mark_principal(principal, *begun_before, *until),
            Subject::Everyone => self.known.copy.mark_everyone(*begun_before),
        }
    }
}
