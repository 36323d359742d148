//! Where a store tells a near cache what other processes have changed.

use std::sync::{Arc, Weak};

use cloakroom_store::{Id, Namespace};

use super::copies::Copies;

/// The feed of a near cache: whoever hears what changes in a store says it here.
///
/// The cache keeps copies only between [`connected`](Self::connected) and [`cut`](Self::cut). Dropped, it is cut for
/// good: a feed whose task has ended tells nobody anything.
///
/// A change must be told after it was made and as soon as that is known. One that was told too often does no harm.
#[derive(Debug)]
pub struct Invalidations(Weak<Copies>);

impl Invalidations {
    pub(super) fn new(copies: Option<&Arc<Copies>>) -> Self {
        let feed = Self(copies.map_or_else(Weak::new, Arc::downgrade));
        feed.cut();
        feed
    }

    /// From now on every change will be told: the cache keeps copies of what is loaded after this.
    pub fn connected(&self) {
        self.with(Copies::keep);
    }

    /// This session has been changed or ended.
    pub fn changed(&self, namespace: &Namespace, id: Id) {
        self.with(|copies| copies.drop_copy(namespace, id));
    }

    /// Any session may have been changed, as when a server was emptied.
    pub fn all_changed(&self) {
        self.with(Copies::drop_all);
    }

    /// Changes are not told any more: the cache drops all copies, and makes none until the feed is back.
    pub fn cut(&self) {
        self.with(Copies::keep_none);
    }

    /// Whether there is still a cache that listens.
    pub fn is_wanted(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn with(&self, tell: impl FnOnce(&Copies)) {
        if let Some(copies) = self.0.upgrade() {
            tell(&copies);
        }
    }
}

impl Drop for Invalidations {
    fn drop(&mut self) {
        self.cut();
    }
}
