//! What becomes of a request whose session is over: ended by itself, by another one, or for another one to begin.

use cloakroom_store::Deleted;

use super::{CookieChange, Found, State};
use crate::change::View;
use crate::data::Data;

impl State {
    /// The session of somebody else, which had to end first, is gone, and with it what was under way to it.
    pub(crate) fn ended_first(&mut self, deleted: Deleted) {
        self.held = None;
        self.seen = None;
        self.base = Data::default();
        self.attempts.clear();
        if deleted == Deleted::Ended {
            self.cookie = Some(CookieChange::Remove);
        }
    }

    /// The session is gone, or no longer this token's. A sign-in begins another one, with this request's own
    /// changes and none of the old data; anything else is dropped.
    pub(super) fn end_elsewhere(&mut self) -> Found {
        if self.signs_in() {
            // Whoever was signed in decides what the sign-in may take along: nothing, if that was somebody else.
            let principal = self.owner();
            self.held = None;
            self.seen = None;
            self.base = Data::default();
            self.attempts.clear();
            self.stamp = None;
            return Found::Changed(self.replay(View::new(Data::default(), principal, None)));
        }
        self.drop_out();
        Found::Over
    }

    /// The session is over for this request, and so is what it did to it.
    pub(crate) fn drop_out(&mut self) {
        let (head_sent, version, cookie) = (self.head_sent, self.version + 1, self.cookie.take());
        *self = Self {
            over: true,
            head_sent,
            version,
            cookie,
            has_snapshot: self.has_snapshot,
            ..Self::default()
        };
    }

    /// This request ended the session. What comes after begins another one.
    pub(crate) fn end_here(&mut self) {
        let (head_sent, version) = (self.head_sent, self.version + 1);
        *self = Self {
            cookie: Some(CookieChange::Remove),
            head_sent,
            version,
            has_snapshot: self.has_snapshot,
            ..Self::default()
        };
    }

    /// Forgets everything, for a session that was never stored.
    pub(crate) fn forget(&mut self) {
        let (over, head_sent, version) = (self.over, self.head_sent, self.version + 1);
        *self = Self {
            over,
            head_sent,
            version,
            has_snapshot: self.has_snapshot,
            cookie: self.cookie.take(),
            ..Self::default()
        };
    }
}
