//! Sessions of one application: where they are kept, and how.

mod finishing;
mod opening;

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{AnyStore, Namespace, Store};

use crate::Error;
use crate::config::Config;
use crate::cookie::Cookie;
use crate::keyring::KeyRing;
use crate::policy::Policy;
use crate::revocations::Revocations;

pub use finishing::{Finished, Outcome};

/// Sessions of one application: a store, and how sessions are kept in it. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "memory")] {
/// use cloakroom::stores::Memory;
/// use cloakroom::{Policy, Sessions};
///
/// let sessions = Sessions::new(Memory::default()).policy(Policy::aal2());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Sessions {
    pub(crate) config: Arc<Config>,
}

impl Sessions {
    /// Keeps sessions in this store, with the default [`Policy`] and [`Cookie`].
    pub fn new(store: impl Store) -> Self {
        Self {
            config: Arc::new(Config::new(AnyStore::new(store))),
        }
    }

    /// Keeps sessions in their cookies, sealed under these keys, with the default [`Policy`] and [`Cookie`].
    ///
    /// The same handlers run unchanged, and no store is asked while a session is read, changed or touched: the cookie
    /// is a PASETO v4.local token that holds id, principal, timeouts and data, encrypted, and is sent again when
    /// something in it has changed. Only what ends sessions takes a store: see [`Revocations`].
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
    /// # What it cannot do
    ///
    /// * **Two requests that change a session at the same time: the last cookie wins**, and what the other one changed
    ///   is lost. Two tabs are enough. A slow request that only reads is one of them where it is due to say that the
    ///   session was used, once per twentieth of the idle timeout. The same goes for a sign-in and a slow neighbour that changes the session: the
    ///   browser keeps what it was sent last.
    /// * **An old cookie can be put back.** Whoever has a copy of yesterday's cookie has yesterday's data, until the
    ///   session ends or signs in again, or [`rotate`](crate::Session::rotate) is called. So nothing belongs in there
    ///   that may not go back: a balance, a counter of attempts, a code that is good for one use.
    /// * **There is room for about three kilobytes.** Name and value are 4096 bytes at most, or browsers drop the
    ///   cookie: [`set`](crate::Session::set), [`update`](crate::Session::update) and
    ///   [`sign_in`](crate::Session::sign_in) answer [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) before that.
    /// * **Endings reach other nodes within a bound** of five seconds unless [`Revocations::refresh_within`] says
    ///   otherwise.
    /// * **Nobody can list sessions**, or end one of many, unless sign-ins are registered
    ///   ([`Revocations::register_in`]): [`sessions`](crate::Session::sessions) and [`end`](crate::Session::end) of
    ///   another one answer [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and endings that say how many
    ///   there were say 0.
    /// * A policy with [`rotate_every`](Policy::rotate_every) or [`cap`](Policy::cap) cannot be kept: every request
    ///   that asks for its session is answered with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
    ///
    /// The guide [`choosing_a_strategy`](crate::guide::choosing_a_strategy) compares it with the stored strategy.
    pub fn sealed(keys: KeyRing, revocations: Revocations) -> Self {
        Self {
            config: Arc::new(Config::sealed(keys, Some(revocations))),
        }
    }

    /// Keeps sessions in their cookies, and nobody can end them: as [`sealed`](Self::sealed), without a store at all.
    ///
    /// Signing out takes the cookie from the browser, and nothing more: a copy of it goes on until it expires, also
    /// after the user has changed the password. What ends more than that answers
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported). This fails OWASP ASVS 7.4.1, so think of it for
    /// what needs no sign-in.
    pub fn danger_sealed_without_revocation(keys: KeyRing) -> Self {
        Self {
            config: Arc::new(Config::sealed(keys, None)),
        }
    }

    /// Sets how long sessions live, when they rotate, and how many one principal may have.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        Arc::make_mut(&mut self.config).policy = policy;
        self
    }

    /// Sets the name and attributes of the session cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        Arc::make_mut(&mut self.config).set_cookie(cookie);
        self
    }

    /// Sets the server's keys, so that writing to the store does not suffice to forge a session.
    ///
    /// Optional: use it where others can write to the store. It ends the sessions that were stored without it, since
    /// nothing vouches for them. The memory store has no use for it. What happens to the ring later, happens here
    /// too: see [`KeyRing`] for keys that are exchanged while requests run. Sealed sessions have a ring already: this
    /// puts another one in its place.
    #[must_use]
    pub fn keys(mut self, keys: KeyRing) -> Self {
        Arc::make_mut(&mut self.config).set_keys(keys);
        self
    }

    /// Keeps what the store says of a session for a moment in a second cookie, sealed under these keys: the hybrid
    /// strategy.
    ///
    /// While such a snapshot is fresh, a request that only reads asks no store. It is good for `fresh_for`, for 10 seconds
    /// where that is `None`, and never for more than a twentieth of the session's idle timeout. What is
    /// written goes through the store, as without; the response brings the snapshot of it.
    ///
    /// ```
    /// # use cloakroom::{KeyRing, Sessions, stores::Memory};
    /// # use std::time::Duration;
    /// # fn f(keys: KeyRing) {
    /// let sessions = Sessions::new(Memory::default()).snapshots(keys, Duration::from_secs(5));
    /// # }
    /// ```
    ///
    /// # What it costs
    ///
    /// * **What another node has ended goes on for `fresh_for`** where the browser still has its snapshot, and what
    ///   it has written is seen as late. On the node that did it both take effect at once. A handler that must know
    ///   asks [`confirm`](crate::Session::confirm). What ends or lists sessions asks the store first by itself. Where
    ///   a clock is ahead, what its node has said is good for as much longer, and for 5 seconds at most.
    /// * A snapshot is as large as the session. One that has no room in a cookie is not sent, and the store is asked.
    /// * Within one browser reads may go back by as much, when a slow response brings an older snapshot.
    /// * **Whoever has the server's key can become anybody**, as with sealed sessions: the guide
    ///   [`security_model`](crate::guide::security_model) has more.
    ///
    /// A snapshot opens only together with the token it was taken for: one that comes late, after a sign-in, is
    /// nobody's.
    #[must_use]
    pub fn snapshots(mut self, keys: KeyRing, fresh_for: impl Into<Option<Duration>>) -> Self {
        let fresh_for = fresh_for.into().unwrap_or(Duration::from_secs(10));
        Arc::make_mut(&mut self.config).set_snapshots(keys, fresh_for);
        self
    }

    /// Names the application, so that several can share a store: `app` by default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) unless it is 1 to 32 letters, digits, `-`, `_` and `.`.
    pub fn application(mut self, name: &str) -> Result<Self, Error> {
        Arc::make_mut(&mut self.config).set_application(name)?;
        Ok(self)
    }

    /// Bounds one call of the store: 2 seconds by default. A request that
    /// writes gives up after six times as long at the latest.
    #[must_use]
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.config).store_timeout = timeout;
        self
    }

    /// The store. That of sealed sessions is where sign-ins are registered, or one that refuses everything.
    pub fn store(&self) -> &AnyStore {
        &self.config.store
    }

    /// Under which namespace this application's sessions are in the store.
    pub fn namespace(&self) -> &Namespace {
        &self.config.namespace
    }
}
