//! Ends sessions, this one and others of the same principal.

use std::num::NonZeroUsize;

use cloakroom_store::{
    Delete, Deleted, Error as StoreError, ErrorKind as StoreErrorKind, Id, Owner, Principal, Revoke, Scope,
    Store as _, Timestamp,
};

use crate::bounded::bounded;
use crate::config::{Config, Sealed};
use crate::lifecycle::{Happened, Why};
use crate::sealed::{self, This};
use crate::{Error, Session, Sessions, commit};

/// How many sessions are removed in one step at most.
const BATCH: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");

impl Sessions {
    /// Ends everyone's sessions, anonymous ones too, and says how many there were: for an operator, after a
    /// compromise (OWASP ASVS 7.4.5). Of sealed sessions it says how many sign-ins were registered, and 0 where none are.
    ///
    /// Sealed sessions end here at once, and on other nodes within the bound of [`Revocations`](crate::Revocations); whoever
    /// signs in after it is signed in.
    ///
    /// Stored sessions end here at once, and are then removed from the store in batches: when this has answered, they have
    /// ended on every node. What a node with a faster clock has begun ends with them, where it is ahead by 5 seconds at most.
    /// By when it began, a session of the next 5 seconds cannot be told from one of those, and a sign-in that asked the
    /// store for marks, as that of a sealed session does, would be one request more for each. So **somebody who signs in
    /// within 5 seconds of the call, and before it has answered, may have to do it again**.
    ///
    /// What claims to have begun later than all that stays. Nobody's session does, unless it was forged by somebody who had
    /// the server's key, or, where there is none, could write to the store. Compromising the keys ends those too
    /// ([`Keys::compromise`](crate::Keys::compromise)), and so does taking a key ring into use.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked: call it again. Until it
    /// has succeeded, stored sessions from before do not count here, and may on other nodes.
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot: nothing has ended then.
    pub async fn end_everyone(&self) -> Result<u64, Error> {
        let config = &self.config;
        let Some(sealed) = &config.sealed else {
            return self.end_everyone_stored().await;
        };
        let moment = sealed::mark_everyone(config, sealed).await?;
        let ended = match sealed.registers() {
            true => self.remove_begun_before(moment).await,
            false => Ok(0),
        };
        let ended = ended.map_err(failed)?;
        config.tell_all(Happened::EveryonesEnded(ended), None);
        Ok(ended)
    }

    async fn end_everyone_stored(&self) -> Result<u64, Error> {
        let config = &self.config;
        let now = config.clock.now();
        let moment = config.everyone.end(now);
        let removed = self.remove_begun_before(moment).await;
        // Snapshots that another node took of what was not removed yet are said no to, too.
        config.outdate_everyone();
        match &removed {
            Ok(_) => config.everyone.removed(moment, now),
            Err(error) if error.kind() == StoreErrorKind::Unsupported => config.everyone.take_back(moment),
            Err(_) => {}
        }
        let ended = removed.map_err(failed)?;
        config.tell_all(Happened::EveryonesEnded(ended), None);
        Ok(ended)
    }

    /// Removes from the store, in batches, what began before a moment; says how many there were.
    async fn remove_begun_before(&self, begun_before: Timestamp) -> Result<u64, StoreError> {
        let config = &self.config;
        let mut ended = 0;
        let mut after = None;
        loop {
            let scope = Scope::Everyone { begun_before };
            let goes_on = after.is_some();
            let revoke = Revoke::new(config.namespace.clone(), scope)
                .at_most(BATCH)
                .after(after.take());
            let revoked = match bounded(config.store_timeout, config.store.revoke(revoke)).await {
                Ok(revoked) => revoked,
                // The server has been restarted meanwhile: from the beginning.
                Err(error) if goes_on && error.kind() == StoreErrorKind::InvalidCursor => continue,
                Err(error) => return Err(error),
            };
            ended += revoked.ended;
            if !revoked.more {
                return Ok(ended);
            }
            after = revoked.next;
            tokio::task::yield_now().await;
        }
    }
}

impl Sessions {
    /// Ends all sessions of a principal, and says how many there were: for an operator who disables an account
    /// (OWASP ASVS 7.4.2). Of sealed sessions it says how many sign-ins were registered, and 0 where none are.
    ///
    /// Disable the account first: a sign-in that comes after this is not ended by it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot.
    pub async fn sign_out_everywhere(&self, principal: &Principal) -> Result<u64, Error> {
        let config = &self.config;
        if let Some(sealed) = &config.sealed {
            sealed::mark_principal(config, sealed, principal).await?;
            tell_ended(config, principal, None);
            return unregister(config, sealed, principal.clone(), None).await;
        }
        let ended = revoke(config, principal.clone(), None).await?;
        tell_ended(config, principal, None);
        Ok(ended)
    }
}

impl Session {
    /// Ends this session, now. What was recorded and not saved is dropped; a `set` afterwards begins another one.
    ///
    /// It ends only the session this request came with: one that somebody signed in to meanwhile stays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked: the session
    /// may still be there.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.end_because(Why::SignedOut).await
    }

    /// Ends all other sessions of who is signed in, and says how many there were.
    ///
    /// Of sealed sessions it says how many sign-ins were registered, and 0 where none are. A session that turns out to have
    /// ended meanwhile ends no others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked: sessions may have
    /// ended, and of sealed ones this one may be among them,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot.
    pub async fn sign_out_others(&self) -> Result<u64, Error> {
        let _gate = self.gate().await?;
        let Some(principal) = self.principal() else {
            return Ok(0);
        };
        let (config, this) = (&self.0.config, self.id());
        if let Some(sealed) = &config.sealed {
            if !sealed::end_all_of(&self.0, sealed, &principal, This::Stays).await? {
                return Ok(0);
            }
            tell_ended(config, &principal, this);
            return unregister(config, sealed, principal, this).await;
        }
        let ended = revoke(config, principal.clone(), this).await?;
        tell_ended(config, &principal, this);
        Ok(ended)
    }

    /// Ends all sessions of who is signed in, this one too, and says how many there were.
    ///
    /// # Errors
    ///
    /// As [`sign_out_others`](Self::sign_out_others).
    pub async fn sign_out_everywhere(&self) -> Result<u64, Error> {
        let _gate = self.gate().await?;
        let config = &self.0.config;
        let ended = match (self.principal(), &config.sealed) {
            (Some(principal), Some(sealed)) => {
                sealed::end_all_of(&self.0, sealed, &principal, This::Ends).await?;
                self.0.state().end_here();
                tell_ended(config, &principal, None);
                unregister(config, sealed, principal, None).await?
            }
            (Some(principal), None) => {
                // This one stays until the others are gone, so that a failure half way can be tried again.
                let others = revoke(config, principal.clone(), self.id()).await?;
                tell_ended(config, &principal, self.id());
                let this = self.end_this(Why::SignedOutEverywhere).await?;
                let late = match this {
                    Deleted::Ended => 1,
                    // A neighbour was faster with this one: what it began in its place was not ended above.
                    Deleted::Missing | Deleted::NotOwner => revoke(config, principal, None).await?,
                };
                others + late
            }
            (None, _) => u64::from(self.end_this(Why::SignedOutEverywhere).await? == Deleted::Ended),
        };
        Ok(ended)
    }

    /// Ends a session of the same principal, now: `false` when there is none of theirs by that id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked.
    pub async fn end(&self, id: Id) -> Result<bool, Error> {
        let _gate = self.gate().await?;
        if self.id() == Some(id) {
            return Ok(self.end_this(Why::EndedByUser).await? == Deleted::Ended);
        }
        let Some(principal) = self.principal() else {
            return Ok(false);
        };
        let deleted = match &self.0.config.sealed {
            Some(sealed) => sealed::end_registered(&self.0, sealed, id, principal).await?,
            None => self.delete(id, Some(principal), Why::EndedByUser).await?,
        };
        Ok(deleted == Deleted::Ended)
    }

    /// Ends this session, for a reason of the application's.
    pub(crate) async fn end_because(&self, why: Why) -> Result<(), Error> {
        let _gate = self.gate().await?;
        self.end_this(why).await.map(|_| ())
    }

    /// Waits for what clones are doing, and finds out what became of a save that was dropped half way: it may have
    /// begun the very session that is to end. And whether this session is there, where only a copy has said so: one that has
    /// ended, or has another token by now, ends nobody's, nor does it hear of them.
    pub(crate) async fn gate(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        let gate = self.0.gate.lock().await;
        commit::settle_doubt(&self.0).await?;
        if self.0.state().is_copy() {
            commit::refresh(&self.0).await?;
        }
        Ok(gate)
    }

    async fn end_this(&self, why: Why) -> Result<Deleted, Error> {
        let held = {
            let state = self.0.state();
            state.id().map(|id| (id, state.owner()))
        };
        let Some((id, principal)) = held else {
            self.0.state().forget();
            return Ok(Deleted::Missing);
        };
        let deleted = match &self.0.config.sealed {
            Some(sealed) => sealed::end(&self.0, sealed, why).await?,
            None => self.delete(id, principal, why).await?,
        };
        match deleted {
            Deleted::Ended => self.0.state().end_here(),
            // A neighbour ended it, or signed in: a session begun now would replace what the neighbour set.
            Deleted::Missing | Deleted::NotOwner => self.0.state().drop_out(),
        }
        Ok(deleted)
    }

    async fn delete(&self, id: Id, owner: Option<Principal>, why: Why) -> Result<Deleted, Error> {
        let config = &self.0.config;
        let delete = Delete::new(config.namespace.clone(), id, Owner::Is(owner.clone()));
        let deleted = bounded(config.store_timeout, config.store.delete(delete))
            .await
            .map_err(|error| Error::store("end session", error));
        // Also where the answer was lost: it may have ended.
        config.outdate(id);
        let deleted = deleted?;
        if deleted == Deleted::Ended {
            config.tell(id, Happened::Ended(why), || owner);
        }
        Ok(deleted)
    }
}

fn failed(error: StoreError) -> Error {
    Error::store("end everyone's sessions", error)
}

/// Tells that all sessions of a principal ended, but perhaps one.
fn tell_ended(config: &Config, principal: &Principal, kept: Option<Id>) {
    config.tell_all(Happened::PrincipalsEnded { kept }, Some(principal));
}

/// Takes what is registered of a principal's sealed sessions, which have ended, off the list; says how many that were.
async fn unregister(
    config: &Config,
    sealed: &Sealed,
    principal: Principal,
    keep: Option<Id>,
) -> Result<u64, Error> {
    match sealed.registers() {
        true => revoke(config, principal, keep).await,
        false => Ok(0),
    }
}

async fn revoke(config: &Config, principal: Principal, keep: Option<Id>) -> Result<u64, Error> {
    let scope = Scope::Principal {
        principal: principal.clone(),
        keep,
    };
    let revoke = Revoke::new(config.namespace.clone(), scope);
    let revoked = bounded(config.store_timeout, config.store.revoke(revoke)).await;
    // Also where the answer was lost: they may have ended.
    config.outdate_principal(&principal);
    revoked
        .map(|revoked| revoked.ended)
        .map_err(|error| Error::store("end the sessions of a principal", error))
}
