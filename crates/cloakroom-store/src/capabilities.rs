//! The capability card: what an engine promises.

/// What a store promises. The conformance suite checks that the card agrees with behaviour.
///
/// Built from [`Capabilities::new`], which promises everything but to survive anything; a store then says
/// what is otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The store's name in messages: lower case, one word.
    pub name: &'static str,
    /// Where records are kept, and so whether they must be encrypted.
    pub residence: Residence,
    /// Whether it can list and count sessions.
    pub lists: bool,
    /// Whether it can end all sessions of a principal, and so also keep to a [`Cap`](crate::Cap).
    pub revokes_by_principal: bool,
    /// Whether it removes expired records by itself, so that [`sweep`](crate::Store::sweep) has nothing to do.
    pub expires_by_itself: bool,
    /// Whether a touch moves the revision, as where the revision is a server's own.
    pub touch_moves_revision: bool,
    /// Whether it may drop a live, signed-in session to make room.
    pub may_evict: bool,
    /// Whether an answered write survives that the store's process is killed. Where it does not, anything from nothing
    /// to everything may be there afterwards, sessions that had ended included.
    pub survives_restart: bool,
    /// The largest record body it takes, in bytes.
    pub max_body: usize,
}

impl Capabilities {
    /// The card of a store that lists, revokes, needs sweeping, keeps revisions over touches, never evicts
    /// and takes bodies up to 1 MiB, but does not survive a restart.
    pub const fn new(name: &'static str, residence: Residence) -> Self {
        Self {
            name,
            residence,
            lists: true,
            revokes_by_principal: true,
            expires_by_itself: false,
            touch_moves_revision: false,
            may_evict: false,
            survives_restart: false,
            max_body: 1 << 20,
        }
    }

    /// Says whether an answered write survives that the store's process is killed.
    #[must_use]
    pub const fn survives_restart(mut self, survives: bool) -> Self {
        self.survives_restart = survives;
        self
    }

    /// Sets the largest record body it takes, in bytes.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }
}

/// Where a store keeps its records.
// Complete: a record is either in the memory of this process, or somewhere a dump of it can be taken.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    /// In the memory of this process, which also holds every token it sees: encrypting gives nothing.
    Process,
    /// On a disk or behind a network: session data is encrypted before it leaves.
    Elsewhere,
}
