//! The ways a session ends, for rules that hold whichever it was.

use super::failure::{Held, same};
use super::fixture::{Fixture, all_of, ended, id, places, principal};
use crate::{Cap, Capabilities, Deleted, Expect, Id, Owner, Query, Record, Revoked, Scope};

/// One way to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By its id.
    Delete,
    /// With all sessions of its principal.
    RevokePrincipal,
    /// With everyone's.
    RevokeEveryone,
    /// For having expired.
    Sweep,
    /// To make room for another of its principal.
    Cap,
}

impl Ending {
    /// The ways that a store with this card knows.
    pub(super) fn known(card: Capabilities) -> impl Iterator<Item = Self> + Send {
        let all = [
            Self::Delete,
            Self::RevokePrincipal,
            Self::RevokeEveryone,
            Self::Sweep,
            Self::Cap,
        ];
        all.into_iter().filter(move |ending| match ending {
            Self::Delete => true,
            Self::RevokePrincipal | Self::RevokeEveryone | Self::Cap => card.revokes_by_principal,
            Self::Sweep => !card.expires_by_itself,
        })
    }

    /// Ends a session of alice that [`Self::doomed`] made, the only one in its namespace.
    pub(super) async fn end(self, store: &Fixture, session: Id) -> Held {
        match self {
            Self::Delete => {
                let answer = store.delete(session, Owner::Is(Some(principal("alice")))).await?;
                same("a delete", &Deleted::Ended, &answer)
            }
            Self::RevokePrincipal => {
                let answer = store.revoke(all_of("alice")).await?;
                same("a revocation", &Revoked::new(1, false), &answer)
            }
            Self::RevokeEveryone => {
                let begun_before = store.in_hours(1);
                let answer = store.revoke(Scope::Everyone { begun_before }).await?;
                same("a revocation", &Revoked::new(1, false), &answer)
            }
            Self::Sweep => {
                let answer = store.sweep(store.in_hours(25), 1000).await?;
                same("how many were swept", &1, &answer.removed)
            }
            Self::Cap => make_room(store, session).await,
        }
    }

    /// A record that this will end: of alice, expiring within a day.
    pub(super) fn doomed(store: &Fixture) -> Record {
        store.record_of("alice", 0)
    }
}

/// Signs alice in once more where she may have one session, and out of that one again.
async fn make_room(store: &Fixture, session: Id) -> Held {
    let other = id(9_999);
    let cap = Cap::EndOldest(places(1));
    let record = store.record_of("alice", 1);
    let written = store.write_capped(other, Expect::Absent, record, cap).await?;
    same("who was ended to make room", &vec![session], &ended(written)?)?;
    let answer = store.delete(other, Owner::Any).await?;
    same("a delete", &Deleted::Ended, &answer)
}

/// Holds when a session of alice is nowhere to be found.
pub(super) async fn is_gone(store: &Fixture, session: Id) -> Held {
    store.keeps_nothing(session).await?;
    if store.card.lists {
        let all = store.entries(&Query::default(), 100).await?;
        same("its entry in a listing", &None, &all.get(&session))?;
        let hers = store.listed("alice").await?;
        same(
            "whether it is listed as alice's",
            &false,
            &hers.contains(&session),
        )?;
    }
    Ok(())
}
