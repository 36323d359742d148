//! Sessions of one application: a store, and how sessions are kept in it.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{AnyStore, Delete, Freshness, Id, Load, Namespace, Owner, Store, Stored};

use crate::bounded::bounded;
use crate::config::Config;
use crate::cookie::Cookie;
use crate::cookie_header::{Found, find};
use crate::envelope::Opened;
use crate::keyring::KeyRing;
use crate::policy::Policy;
use crate::session::Session;
use crate::state::{CookieChange, Doubt, State};
use crate::token::Token;
use crate::{Error, ErrorKind, commit, events};

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
    /// see [`KeyRing`] for keys that are exchanged while requests run.
    #[must_use]
    pub fn keys(mut self, keys: KeyRing) -> Self {
        Arc::make_mut(&mut self.config).envelope.keys = Some(keys);
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

    /// The store.
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
    /// [`ErrorKind::CookiesTooLarge`] for more cookies than a server should accept.
    pub async fn open<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> Result<Session, Error> {
        let token = match find(self.config.cookie.name(), lines) {
            Found::One(text) => {
                let token = Token::parse(text);
                if token.is_none() {
                    events::malformed_token();
                }
                token
            }
            Found::Nothing => None,
            Found::Several => {
                events::several_cookies();
                None
            }
            Found::TooMuch => {
                return Err(Error::new(
                    ErrorKind::CookiesTooLarge,
                    "the request's cookies are larger than 64 KiB",
                ));
            }
        };
        let state = match token {
            None => State::anonymous(),
            Some(token) => self.load(token).await?,
        };
        Ok(Session::new(Arc::clone(&self.config), state))
    }

    async fn load(&self, token: Token) -> Result<State, Error> {
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
        self.take(opened?, token.id).await
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
        bounded(config.store_timeout, config.store.delete(delete))
            .await
            .map_err(|error| Error::store("end session", error))?;
        events::token_reused(id);
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
        if outcome == Outcome::Success && shared.state().is_changed() {
            return None;
        }
        // A clone that is writing or ending the session comes first.
        let _gate = shared.gate.try_lock().ok()?;
        let mut state = shared.state();
        match outcome {
            Outcome::Success if state.is_done(&self.config, self.config.clock.now()) => {}
            // What became of a write that was not waited for takes a look into the store.
            Outcome::ServerError if state.doubt() == Doubt::None => state.drop_changes(),
            Outcome::Success | Outcome::ServerError => return None,
        }
        Some(self.conclude(&mut state, Ok(())))
    }

    fn conclude(&self, state: &mut State, result: Result<(), Error>) -> Finished {
        state.head_sent = true;
        let set_cookie = state.take_cookie().map(|change| match change {
            CookieChange::Set { token, lives_for } => self.config.cookie.set(&token, lives_for),
            CookieChange::Remove => self.config.cookie.removal(),
        });
        Finished { result, set_cookie }
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
}
