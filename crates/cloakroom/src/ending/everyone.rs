//! Ends everyone's sessions: at once on this node, and then in the store.

use std::num::NonZeroUsize;

use cloakroom_store::{
    Error as StoreError, ErrorKind as StoreErrorKind, Revoke, Scope, Store as _, Timestamp,
};

use crate::bounded::bounded;
use crate::lifecycle::Happened;
use crate::{Error, Sessions, sealed};

/// How many sessions are removed in one step at most.
const BATCH: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");

impl Sessions {
    /// Ends everyone's sessions, anonymous ones too, and says how many there were: for an operator, after a
    /// compromise (OWASP ASVS 7.4.5). Of sealed sessions it says how many sign-ins were registered, and 0 where none are.
    ///
    /// Sealed sessions end here at once, and on other nodes within the bound of [`Revocations`](crate::Revocations); whoever
    /// signs in after it is signed in. A visitor's session that begins elsewhere within half a minute, where the mark has not
    /// been read, may end with them.
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
    /// has succeeded, stored sessions from before do not count here, and may on other nodes. Sealed ones may have ended, and be
    /// listed.
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot: nothing has ended then.
    pub async fn end_everyone(&self) -> Result<u64, Error> {
        let config = &self.config;
        let Some(sealed) = &config.sealed else {
            return self.end_everyone_stored().await;
        };
        let moment = sealed::mark_everyone(config, sealed).await?;
        let removed = match sealed.registers() {
            true => self.remove_begun_before(moment).await,
            false => Ok(0),
        };
        // They have, whatever is still listed.
        let ended = *removed.as_ref().unwrap_or(&0);
        config.tell_all(Happened::EveryonesEnded(ended), None);
        removed.map_err(failed)
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

fn failed(error: StoreError) -> Error {
    Error::store("end everyone's sessions", error)
}
