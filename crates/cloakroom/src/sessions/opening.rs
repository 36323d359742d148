//! Where a request begins: the session that its cookies name.
//!
//! The futures here are part of every handler's, and are moved with it. So what needs no waiting is decided in plain
//! functions, and what hardly ever happens is boxed.

use std::sync::Arc;

use cloakroom_store::{Delete, Freshness, Id, Load, Owner, Principal, Store as _, Stored, Timestamp};

use super::Sessions;
use crate::bounded::{Patience, bounded};
use crate::cookie_header::{Found, find};
use crate::envelope::Opened;
use crate::session::Session;
use crate::state::State;
use crate::token::Token;
use crate::untold::Untold;
use crate::{Error, ErrorKind, deleting, events, sealed};

/// The values of a request's cookies that are ours.
#[derive(Clone, Copy)]
struct Presented<'a> {
    text: Option<&'a [u8]>,
    snapshot: Option<&'a [u8]>,
}

impl Sessions {
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
        let presented = self.presented(lines)?;
        if let (Some(sealed), Some(text)) = (&self.config.sealed, presented.text) {
            return sealed::open(&self.config, sealed, text)
                .await
                .map(|state| self.session(state));
        }
        let now = self.config.clock.now();
        let token = match self.known(presented, now) {
            Ok(state) => return Ok(self.session(state)),
            Err(token) => token,
        };
        let loaded = self.load(&token, now).await;
        loaded.map(|state| self.session(state.with_snapshot(presented.snapshot.is_some())))
    }

    fn session(&self, state: State) -> Session {
        Session::new(Arc::clone(&self.config), state)
    }

    /// What a request presents, of several cookies of one name nothing.
    fn presented<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> Result<Presented<'a>, Error> {
        let config = &self.config;
        config.check_policy()?;
        let name = config.cookie.name();
        let Some(snapshots) = &config.snapshots else {
            let [found] = find([name], lines);
            let text = value(found)?;
            return Ok(Presented { text, snapshot: None });
        };
        let [found, snapshot] = find([name, snapshots.cookie().name()], lines);
        let text = value(found)?;
        // Of several snapshots none is missed: the store is asked.
        let snapshot = match snapshot {
            Found::One(snapshot) => Some(snapshot),
            _ => None,
        };
        Ok(Presented { text, snapshot })
    }

    /// What can be said without the store, or the token to ask it for.
    fn known(&self, presented: Presented<'_>, now: Timestamp) -> Result<State, Token> {
        let Some(text) = presented.text else {
            return Ok(State::anonymous());
        };
        let Some(token) = Token::parse(text) else {
            events::malformed_token();
            return Ok(State::anonymous());
        };
        let fresh = presented
            .snapshot
            .and_then(|snapshot| self.config.fresh(snapshot, &token, now));
        match fresh {
            Some((held, data)) => Ok(State::live(held, data).copied().with_snapshot(true)),
            None => Err(token),
        }
    }

    /// Asks the store, at this moment, and past a copy of what it has when only that says no.
    async fn load(&self, token: &Token, now: Timestamp) -> Result<State, Error> {
        let config = &self.config;
        let mut load = Load::new(config.namespace.clone(), token.id);
        let principal = loop {
            let answer = bounded(config.store_timeout, config.store.load(load.clone())).await;
            let answer = answer.map_err(|error| Error::store("read session", error))?;
            match self.believe(answer, token, now, load.freshness)? {
                Ok(state) => return Ok(state),
                Err(Unsettled::ByACopy) => load = load.latest(),
                Err(Unsettled::Stolen(principal)) => break principal,
            }
        };
        Box::pin(self.end_stolen(token.id, principal)).await
    }

    /// What a request has of what the store answered to a question of this moment, if that is the end of it.
    fn believe(
        &self,
        answer: Option<Stored>,
        token: &Token,
        asked: Timestamp,
        at_least: Freshness,
    ) -> Result<Result<State, Unsettled>, Error> {
        let Some(stored) = answer else {
            return Ok(Ok(State::anonymous()));
        };
        let is_copy = (stored.freshness, at_least) == (Freshness::Copied, Freshness::Copied);
        let opened = self.config.open(stored, token, self.config.clock.now());
        if is_copy {
            return Ok(match opened {
                // A copy of a copy would be older than either may be.
                Ok(Opened::Live(held, data)) => Ok(State::live(held, data).copied()),
                // It may be from before the session was signed in or touched elsewhere: only the store itself says no.
                _ => Err(Unsettled::ByACopy),
            });
        }
        let id = token.id;
        let state = match opened? {
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
            Opened::Reused(principal) => return Ok(Err(Unsettled::Stolen(principal))),
        };
        Ok(Ok(state.seen_at(asked)))
    }

    /// Ends a session of which a token was used that had been rotated away.
    async fn end_stolen(&self, id: Id, principal: Option<Principal>) -> Result<State, Error> {
        let config = &self.config;
        let delete = Delete::new(config.namespace.clone(), id, Owner::Any);
        // From now on, and not only when it has ended.
        config.outdate(id);
        let untold = Untold::theft(config, id, principal);
        let mut patience = Patience::new(config.patience());
        let deleted = deleting::delete(config, delete, &mut patience).await?;
        untold.turns_out(deleted);
        Ok(State::superseded())
    }
}

/// Why an answer of the store is not the end of it.
enum Unsettled {
    /// A copy says no.
    ByACopy,
    /// The token was rotated away, and its successor has been used.
    Stolen(Option<Principal>),
}

/// The value of the session's cookie.
///
/// # Errors
///
/// [`ErrorKind::CookiesTooLarge`] for more cookies than are looked through.
fn value(found: Found<'_>) -> Result<Option<&[u8]>, Error> {
    match found {
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
