//! Sessions of one application: where they are kept, and how.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{AnyStore, Delete, Freshness, Id, Load, Namespace, Owner, Store, Stored, Timestamp};

use crate::bounded::bounded;
use crate::config::Config;
use crate::cookie::Cookie;
use crate::cookie_header::{Found, find};
use crate::envelope::Opened;
use crate::keyring::KeyRing;
use crate::lifecycle::Happened;
use crate::policy::Policy;
use crate::revocations::Revocations;
use crate::session::Session;
use crate::state::{CookieChange, Doubt, State};
use crate::token::Token;
use crate::{Error, ErrorKind, commit, events, sealed};

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
    /// The same handlers run unchanged, and no store is asked while a session is read, changed or touched: the cookie is a
    /// PASETO v4.local token that holds id, principal, timeouts and data, encrypted, and is sent again when something
    /// in it has changed. Only what ends sessions takes a store: see [`Revocations`].
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
    ///   is lost. Two tabs are enough. The same goes for a sign-in and a slow neighbour that changes the session: the
    ///   browser keeps what it was sent last.
    /// * **An old cookie can be put back.** Whoever has a copy of yesterday's cookie has yesterday's data, until the session
    ///   ends or signs in again, or [`rotate`](Session::rotate) is called. So nothing belongs in there that may not go
    ///   back: a balance, a counter of attempts, a code that is good for one use.
    /// * **There is room for about three kilobytes.** Name and value are 4096 bytes at most, or browsers drop the cookie:
    ///   [`set`](Session::set), [`update`](Session::update) and [`sign_in`](Session::sign_in) answer
    ///   [`ErrorKind::TooLarge`] before that.
    /// * **Endings reach other nodes within a bound** of five seconds unless [`Revocations::refresh_within`] says otherwise.
    /// * **Nobody can list sessions**, or end one of many, unless sign-ins are registered
    ///   ([`Revocations::register_in`]): [`sessions`](Session::sessions) and [`end`](Session::end) of another one answer
    ///   [`ErrorKind::Unsupported`], and endings that say how many there were say 0.
    /// * A policy with [`rotate_every`](Policy::rotate_every) or [`cap`](Policy::cap) cannot be kept: every request that
    ///   asks for its session is answered with [`ErrorKind::Invalid`].
    ///
    /// The guide [`choosing_a_strategy`](crate::guide::choosing_a_strategy) compares it with the stored strategy.
    pub fn sealed(keys: KeyRing, revocations: Revocations) -> Self {
        Self {
            config: Arc::new(Config::sealed(keys, Some(revocations))),
        }
    }

    /// Keeps sessions in their cookies, and nobody can end them: as [`sealed`](Self::sealed), without a store at all.
    ///
    /// Signing out takes the cookie from the browser, and nothing more: a copy of it goes on until it expires, also after
    /// the user has changed the password. What ends more than that answers [`ErrorKind::Unsupported`]. This fails OWASP ASVS
    /// 7.4.1, so think of it for what needs no sign-in.
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
    /// nothing vouches for them. The memory store has no use for it. What happens to the ring later, happens here too:
    /// see [`KeyRing`] for keys that are exchanged while requests run. Sealed sessions have a ring already: this puts another
    /// one in its place.
    #[must_use]
    pub fn keys(mut self, keys: KeyRing) -> Self {
        Arc::make_mut(&mut self.config).set_keys(keys);
        self
    }

    /// Keeps what the store says of a session for a moment in a second cookie, sealed under these keys: the hybrid strategy.
    ///
    /// While such a snapshot is fresh, a request that only reads asks no store. It is good for `fresh_for`, of which ten
    /// seconds are a good value, and never for more than a twentieth of the session's idle timeout. What is written goes
    /// through the store, as without; the response brings the snapshot of it.
    ///
    /// ```
    /// # use cloakroom::{KeyRing, Sessions, stores::Memory};
    /// # use std::time::Duration;
    /// # fn f(keys: KeyRing) {
    /// let sessions = Sessions::new(Memory::default()).snapshots(keys, Duration::from_secs(10));
    /// # }
    /// ```
    ///
    /// # What it costs
    ///
    /// * **What another node has ended goes on for `fresh_for`** where the browser still has its snapshot, and what it has
    ///   written is seen as late. On the node that did it both take effect at once. A handler that must know asks
    ///   [`confirm`](Session::confirm). What ends or lists sessions asks the store first by itself. Where a clock is ahead, what
    ///   its node has said is good for as much longer, and for 5 seconds at most.
    /// * A snapshot is as large as the session. One that has no room in a cookie is not sent, and the store is asked.
    /// * Within one browser reads may go back by as much, when a slow response brings an older snapshot.
    /// * **Whoever has the server's key can become anybody**, as with sealed sessions: the guide
    ///   [`security_model`](crate::guide::security_model) has more.
    ///
    /// A snapshot opens only together with the token it was taken for: one that comes late, after a sign-in, is nobody's.
    #[must_use]
    pub fn snapshots(mut self, keys: KeyRing, fresh_for: Duration) -> Self {
        Arc::make_mut(&mut self.config).set_snapshots(keys, fresh_for);
        self
    }

    /// Names the application, so that several can share a store: `app` by default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] unless it is 1 to 32 letters, digits, `-`, `_` and `.`.
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

    /// Opens the session that a request's `Cookie` header lines name: what an adapter to a framework calls.
    ///
    /// Without such a cookie, or with one that names no live session, it is an anonymous one, and the store is
    /// asked at most once. An adapter calls this when a handler asks for the session, and not before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the store could not be asked: that is not an empty session.
    /// [`ErrorKind::CookiesTooLarge`] for more cookies than a server should accept, and [`ErrorKind::Invalid`] for a policy
    /// that the strategy cannot keep.
    pub async fn open<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> Result<Session, Error> {
        let config = &self.config;
        config.check_policy()?;
        let Some(snapshots) = &config.snapshots else {
            return self.open_from(cookie(config.cookie.name(), lines)?, None).await;
        };
        let lines: Vec<&[u8]> = lines.collect();
        let lines = || lines.iter().copied();
        let text = cookie(config.cookie.name(), lines())?;
        // Of several snapshots none is missed: the store is asked.
        let snapshot = match find(snapshots.cookie().name(), lines()) {
            Found::One(snapshot) => Some(snapshot),
            _ => None,
        };
        self.open_from(text, snapshot).await
    }

    /// The session that a cookie's value names, of which a snapshot may say what the store would.
    async fn open_from(&self, text: Option<&[u8]>, snapshot: Option<&[u8]>) -> Result<Session, Error> {
        let state = match (text, &self.config.sealed) {
            (None, _) => State::anonymous(),
            (Some(text), Some(sealed)) => sealed::open(&self.config, sealed, text).await?,
            (Some(text), None) => match Token::parse(text) {
                Some(token) => {
                    let state = self.look_up(token, snapshot).await?;
                    state.with_snapshot(snapshot.is_some())
                }
                None => {
                    events::malformed_token();
                    State::anonymous()
                }
            },
        };
        Ok(Session::new(Arc::clone(&self.config), state))
    }

    async fn look_up(&self, token: Token, snapshot: Option<&[u8]>) -> Result<State, Error> {
        let now = self.config.clock.now();
        match snapshot.and_then(|text| self.config.fresh(text, &token, now)) {
            Some((held, data)) => Ok(State::live(held, data).copied()),
            None => self.load(token, now).await,
        }
    }

    /// Asks the store, at this moment.
    async fn load(&self, token: Token, now: Timestamp) -> Result<State, Error> {
        let load = Load::new(self.config.namespace.clone(), token.id);
        let Some(stored) = self.read(load).await? else {
            return Ok(State::anonymous());
        };
        let copied = stored.freshness == Freshness::Copied;
        let opened = self.config.open(stored, &token, self.config.clock.now());
        if copied && !matches!(opened, Ok(Opened::Live(..))) {
            // The copy may be from before it was signed in or touched elsewhere: only the store itself says no.
            return Box::pin(self.load_latest(token)).await;
        }
        let state = self.take(opened?, token.id).await?;
        // A copy of a copy would be older than either may be.
        Ok(if copied {
            state.copied()
        } else {
            state.seen_at(now)
        })
    }

    async fn load_latest(&self, token: Token) -> Result<State, Error> {
        let load = Load::new(self.config.namespace.clone(), token.id).latest();
        let Some(stored) = self.read(load).await? else {
            return Ok(State::anonymous());
        };
        let opened = self.config.open(stored, &token, self.config.clock.now())?;
        self.take(opened, token.id).await
    }

    async fn read(&self, load: Load) -> Result<Option<Stored>, Error> {
        let config = &self.config;
        bounded(config.store_timeout, config.store.load(load))
            .await
            .map_err(|error| Error::store("read session", error))
    }

    /// What a request has of a record, whatever is to be believed of it.
    async fn take(&self, opened: Opened, id: Id) -> Result<State, Error> {
        Ok(match opened {
            Opened::Live(held, data) => State::live(held, data),
            Opened::Expired => State::anonymous(),
            Opened::Superseded => {
                events::superseded(id);
                State::superseded()
            }
            Opened::Unverifiable => {
                events::unverifiable(id);
                State::anonymous()
            }
            Opened::UnderRefusedKey(key, state) => {
                events::refused_key(id, &key, &state);
                State::anonymous()
            }
            Opened::Reused => {
                // Boxed, so that nobody else carries the room for it around.
                Box::pin(self.end_stolen(id)).await?;
                State::superseded()
            }
        })
    }

    async fn end_stolen(&self, id: Id) -> Result<(), Error> {
        let config = &self.config;
        let delete = Delete::new(config.namespace.clone(), id, Owner::Any);
        config.outdate(id);
        bounded(config.store_timeout, config.store.delete(delete))
            .await
            .map_err(|error| Error::store("end session", error))?;
        // Nothing in its record is believed, so nobody knows whose it was.
        config.tell(id, Happened::TokenReused, || None);
        Ok(())
    }

    /// Ends a request: writes what it did to its session, and says what to tell the browser.
    ///
    /// What an adapter calls once the head of the response is there and before it leaves. Each response for which a
    /// session was opened also gets `Cache-Control: no-store` and `Vary: Cookie`.
    pub async fn finish(&self, session: &Session, outcome: Outcome) -> Finished {
        let shared = &session.0;
        let _gate = shared.gate.lock().await;
        let result = match outcome {
            Outcome::Success => commit::commit(shared).await,
            Outcome::ServerError => {
                shared.state().drop_changes();
                if let Err(error) = commit::settle_doubt(shared).await {
                    events::failed(&error);
                }
                Ok(())
            }
        };
        if let Err(error) = &result {
            events::failed(error);
        }
        self.conclude(&mut shared.state(), result)
    }

    /// Ends a request if that takes neither the store nor a wait, as for most: they only read.
    ///
    /// What an adapter may call before [`finish`](Self::finish), to be spared a future. `None` has done nothing.
    pub fn finish_at_once(&self, session: &Session, outcome: Outcome) -> Option<Finished> {
        let shared = &session.0;
        let sealed = self.config.sealed.is_some();
        if outcome == Outcome::Success && !sealed && shared.state().is_changed() {
            return None;
        }
        // A clone that is writing or ending the session comes first.
        let _gate = shared.gate.try_lock().ok()?;
        let mut state = shared.state();
        match outcome {
            Outcome::Success if sealed => {
                if !sealed::commit_at_once(&mut state, &self.config) {
                    return None;
                }
            }
            Outcome::Success if state.is_done(&self.config, self.config.clock.now()) => {}
            // What became of a write that was not waited for takes a look into the store.
            Outcome::ServerError if state.doubt() == Doubt::None => state.drop_changes(),
            Outcome::Success | Outcome::ServerError => return None,
        }
        Some(self.conclude(&mut state, Ok(())))
    }

    fn conclude(&self, state: &mut State, mut result: Result<(), Error>) -> Finished {
        state.head_sent = true;
        state.keep_stamp();
        let config = &self.config;
        let set_cookie = match (state.take_cookie(), &config.sealed) {
            (Some(CookieChange::Set { token, lives_for }), _) => {
                Some(config.cookie.set(&token.text(), lives_for))
            }
            (Some(CookieChange::Remove), _) => Some(config.cookie.removal()),
            (Some(CookieChange::Seal), Some(sealed)) => match sealed::conclude(state, config, sealed) {
                Ok(sealed) => sealed.map(|(value, lives_for)| config.cookie.set(&value, lives_for)),
                Err(error) => {
                    events::failed(&error);
                    result = Err(error);
                    None
                }
            },
            (Some(CookieChange::Seal) | None, _) => None,
        };
        let set_snapshot = self.snapshot(state);
        Finished {
            result,
            set_cookie,
            set_snapshot,
        }
    }

    /// The value of the `Set-Cookie` header that brings a snapshot, or takes away one that is outdated.
    fn snapshot(&self, state: &State) -> Option<String> {
        let config = &self.config;
        let snapshots = config.snapshots.as_ref()?;
        let taken = state.seen().and_then(|(taken, held, data)| {
            // Without randomness there is no snapshot, and the store is asked again.
            let nonce = config.random.draw().ok()?;
            let text = snapshots.seal(taken, held, data, &nonce)?;
            let fresh_for = snapshots.fresh_for(held.lifetime.idle());
            Some(snapshots.cookie().set(&text, Some(fresh_for)))
        });
        let removal = || snapshots.cookie().removal();
        taken.or_else(|| state.outdates_snapshot().then(removal))
    }
}

/// The value of the cookie of this name.
///
/// # Errors
///
/// [`ErrorKind::CookiesTooLarge`] for more cookies than are looked through.
fn cookie<'a>(name: &str, lines: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Error> {
    match find(name, lines) {
        Found::One(text) => Ok(Some(text)),
        Found::Nothing => Ok(None),
        Found::Several => {
            events::several_cookies();
            Ok(None)
        }
        Found::TooMuch => Err(Error::new(
            ErrorKind::CookiesTooLarge,
            "the request's cookies are larger than 64 KiB",
        )),
    }
}

/// How a request went.
// Complete: what a request recorded is either to be written or not.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Any status below 500: what was recorded is written.
    Success,
    /// A 5xx: what was recorded is dropped.
    ServerError,
}

/// What the end of a request came to.
#[derive(Debug)]
#[must_use = "the cookie has to be sent, and an error is a 503 instead of the handler's response"]
#[non_exhaustive]
pub struct Finished {
    /// Whether everything was written. If not, the response is the error's, not the handler's.
    pub result: Result<(), Error>,
    /// The value of a `Set-Cookie` header. Also where writing failed: what was saved before, and what was ended, is
    /// so.
    pub set_cookie: Option<String>,
    /// The value of another `Set-Cookie` header, where the strategy is hybrid: a snapshot of the session.
    pub set_snapshot: Option<String>,
}
