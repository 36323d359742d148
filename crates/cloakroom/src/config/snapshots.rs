//! Which snapshots of sessions are believed on this node.

use cloakroom_store::{Id, Principal, Timestamp};

use super::Config;
use crate::data::Data;
use crate::held::Held;
use crate::policy::SKEW;
use crate::snapshot::Snapshot;
use crate::token::Token;

impl Config {
    /// A session ended here: no snapshot of it is believed on this node any more.
    pub(crate) fn outdate(&self, id: Id) {
        if let Some(snapshots) = &self.snapshots {
            let now = self.clock.now();
            self.gone.session(id, None, now, snapshots.presentable_for());
        }
    }

    /// A session got this token here at that moment: no snapshot for one from before is believed on this node any more.
    pub(crate) fn outdate_tokens_before(&self, token: &Token, rotated: Timestamp) {
        if let Some(snapshots) = &self.snapshots {
            let successor = self.envelope.derivation.verifier(&token.secret);
            self.gone
                .session(token.id, Some(successor), rotated, snapshots.presentable_for());
        }
    }

    /// The sessions of a principal ended here.
    pub(crate) fn outdate_principal(&self, principal: &Principal) {
        if let Some(snapshots) = &self.snapshots {
            let now = self.clock.now();
            self.gone
                .principal(principal.clone(), now, snapshots.presentable_for());
        }
    }

    /// Everyone's sessions ended here.
    pub(crate) fn outdate_everyone(&self) {
        if self.snapshots.is_some() {
            self.gone.everyone(self.clock.now());
        }
    }

    /// What a fresh snapshot says of the session, if it is to be believed on this node.
    pub(crate) fn fresh(&self, text: &[u8], token: &Token, now: Timestamp) -> Option<(Box<Held>, Data)> {
        let snapshots = self.snapshots.as_ref()?;
        let snapshot = snapshots.open(text, token)?;
        let Snapshot {
            taken,
            server_key,
            held,
            data,
        } = snapshot;
        // The clock of the node that took it may be ahead, by so much. By more, and "fresh" would mean nothing.
        let is_fresh =
            now.since(taken) < snapshots.fresh_for(held.lifetime.idle()) && taken.since(now) <= SKEW;
        let has_time_left = now < held.expires.min(held.ends) && !self.everyone.ends(held.created);
        let verifier = || self.envelope.derivation.verifier(&token.secret);
        let principal = held.principal.as_ref();
        let is_gone = self.gone.outdates(token.id, verifier, principal, (taken, SKEW));
        let counts = is_fresh && has_time_left && !is_gone && self.envelope.accepts(server_key);
        // Only the store itself says no.
        counts.then_some((held, data))
    }
}
