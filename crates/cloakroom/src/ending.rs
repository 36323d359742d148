//! Ends sessions, this one and others of the same principal.

mod everyone;

use cloakroom_store::{Delete, Deleted, Id, Owner, Principal, Revoke, Scope};

use crate::bounded::Patience;
use crate::config::Config;
use crate::lifecycle::Why;
use crate::untold::{Untold, UntoldOfAll};
use crate::{Error, Session, Sessions, commit, deleting, sealed};

impl Sessions {
    /// Ends all sessions of a principal, and says how many there were: for an operator who disables an account
    /// (OWASP ASVS 7.4.2). Of sealed sessions it says how many sign-ins were registered, and 0 where none are.
    ///
    /// Those are not counted whose number was lost with an answer of the store.
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
            return sealed::end_all_of(config, sealed, principal).await;
        }
        let mut patience = Patience::new(config.patience());
        end_all(config, principal, None, &mut patience).await
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
    /// Of sealed sessions it says how many sign-ins were registered, and 0 where none are. A session that is sealed, or was
    /// read from a copy, and turns out to be over meanwhile, or to have got another token, ends no others: nobody is signed in
    /// for this request then. What the store has said for this request is not asked again: in one that may last long, await
    /// [`confirm`](Self::confirm) before. Those are not counted whose number was lost with an answer of the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked: sessions may have
    /// ended, and of sealed ones this one may be among them, as where it is dropped half way,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot,
    /// [`ErrorKind::TooLate`](crate::ErrorKind::TooLate) for a sealed session whose response head has left.
    pub async fn sign_out_others(&self) -> Result<u64, Error> {
        let _gate = self.gate().await?;
        let Some(principal) = self.principal() else {
            return Ok(0);
        };
        let (config, this) = (&self.0.config, self.id());
        if let Some(sealed) = &config.sealed {
            return sealed::end_others(&self.0, sealed, &principal).await;
        }
        end_all(config, &principal, this, &mut self.0.patience()).await
    }

    /// Ends all sessions of who is signed in, this one too, and says how many there were: none, where this one is sealed and
    /// turns out to be over meanwhile, or to have got another token. Nobody is signed in for this request then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked: sessions may have
    /// ended, this one among them, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot.
    pub async fn sign_out_everywhere(&self) -> Result<u64, Error> {
        let _gate = self.gate().await?;
        let (config, mut patience) = (&self.0.config, self.0.patience());
        let ended = match (self.principal(), &config.sealed) {
            (Some(principal), Some(sealed)) => sealed::end_all(&self.0, sealed, &principal).await?,
            (Some(principal), None) => {
                // This one stays until the others are gone, so that a failure half way can be tried again.
                let others = end_all(config, &principal, self.id(), &mut patience).await?;
                let this = self.end_this(Why::SignedOutEverywhere, &mut patience).await?;
                let mut ended = others + u64::from(this == Deleted::Ended);
                if this != Deleted::Ended || patience.was_needed() {
                    // A neighbour was, or may have been, faster with this one: what it began in its place was not ended above.
                    ended += end_all(config, &principal, None, &mut patience).await?;
                }
                ended
            }
            (None, _) => {
                let ended = self.end_this(Why::SignedOutEverywhere, &mut patience).await?;
                u64::from(ended == Deleted::Ended)
            }
        };
        Ok(ended)
    }

    /// Ends a session of the same principal, now: `false` when there is none of theirs by that id, or where this one is sealed
    /// and turns out to be over meanwhile, or to have got another token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for another sealed session where sign-ins are not registered.
    pub async fn end(&self, id: Id) -> Result<bool, Error> {
        let _gate = self.gate().await?;
        let mut patience = self.0.patience();
        if self.id() == Some(id) {
            return Ok(self.end_this(Why::EndedByUser, &mut patience).await? == Deleted::Ended);
        }
        let Some(principal) = self.principal() else {
            return Ok(false);
        };
        let deleted = match &self.0.config.sealed {
            Some(sealed) => sealed::end_registered(&self.0, sealed, id, principal).await?,
            None => {
                self.delete(id, Some(principal), Why::EndedByUser, &mut patience)
                    .await?
            }
        };
        Ok(deleted == Deleted::Ended)
    }

    /// Ends this session, for a reason of the application's.
    pub(crate) async fn end_because(&self, why: Why) -> Result<(), Error> {
        let _gate = self.gate().await?;
        self.end_this(why, &mut self.0.patience()).await.map(|_| ())
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

    async fn end_this(&self, why: Why, patience: &mut Patience) -> Result<Deleted, Error> {
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
            None => self.delete(id, principal, why, patience).await?,
        };
        match deleted {
            Deleted::Ended => self.0.state().end_here(),
            // A neighbour ended it, or signed in: a session begun now would replace what the neighbour set.
            Deleted::Missing | Deleted::NotOwner => self.0.state().drop_out(),
        }
        Ok(deleted)
    }

    async fn delete(
        &self,
        id: Id,
        owner: Option<Principal>,
        why: Why,
        patience: &mut Patience,
    ) -> Result<Deleted, Error> {
        let config = &self.0.config;
        let untold = Untold::new(config, id, why, owner.clone());
        let delete = Delete::new(config.namespace.clone(), id, Owner::Is(owner));
        let deleted = deleting::delete(config, delete, patience).await?;
        untold.turns_out(deleted);
        Ok(deleted)
    }
}

/// Ends all sessions of a principal, but perhaps one, and tells it; says how many that were.
async fn end_all(
    config: &Config,
    principal: &Principal,
    keep: Option<Id>,
    patience: &mut Patience,
) -> Result<u64, Error> {
    let untold = UntoldOfAll::new(config, principal, keep);
    let ended = revoke(config, principal.clone(), keep, patience).await;
    untold.turns_out(&ended);
    ended
}

async fn revoke(
    config: &Config,
    principal: Principal,
    keep: Option<Id>,
    patience: &mut Patience,
) -> Result<u64, Error> {
    let scope = Scope::Principal { principal, keep };
    let revoke = Revoke::new(config.namespace.clone(), scope);
    deleting::revoke(config, revoke, patience).await
}
