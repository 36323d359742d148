//! The session of one request: what a handler reads and changes.

use std::fmt;
use std::sync::Arc;

use cloakroom_store::{Id, Principal};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authentication;
use crate::change::{Change, Update};
use crate::config::Config;
use crate::key::Key;
use crate::shared::Shared;
use crate::sign_in::SignIn;
use crate::state::State;
use crate::{Error, ErrorKind, commit};

/// The session of one request: cheap to clone, and all clones are one session.
///
/// Reading and changing it is not async: it was loaded when the handler asked for it. Changes ([`set`](Self::set),
/// [`remove`](Self::remove), [`update`](Self::update), [`clear`](Self::clear), [`sign_in`](Self::sign_in),
/// [`rotate`](Self::rotate)) are recorded, and applied together at the end of the request, to whatever neighbours
/// have written meanwhile. A 5xx, a panic or a client that goes away drops them together, unless
/// [`save`](Self::save) was awaited before. The async verbs act when awaited, and nothing undoes an ending.
///
/// ```
/// use cloakroom::{Error, Key, Session};
///
/// const VISITS: Key<u64> = Key::new("visits");
///
/// async fn home(session: Session) -> Result<String, Error> {
///     session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
///     let visits = session.get(VISITS)?.unwrap_or_default();
///     Ok(format!("visit number {visits}"))
/// }
/// ```
#[derive(Clone)]
pub struct Session(pub(crate) Arc<Shared>);

// Keys are constants, and passing one by value reads best: `session.get(CART)`.
#[allow(clippy::needless_pass_by_value)]
impl Session {
    /// How often an update runs while clones change the session beside it, before its own closure is suspected.
    const MOST_UPDATES: usize = 1000;

    pub(crate) fn new(config: Arc<Config>, state: State) -> Self {
        Self(Arc::new(Shared::new(config, state)))
    }

    /// Reads a value, with this request's own changes: `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when what is stored is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: Key<T>) -> Result<Option<T>, Error> {
        let value = self.0.state().view.data.value(key.name());
        value.map(|json| decode(key.name(), &json)).transpose()
    }

    /// Sets a value. Of concurrent sets of one key the last one wins, and the other keys survive.
    ///
    /// ```
    /// # use cloakroom::{Error, Key, Session};
    /// # const VISITS: Key<u64> = Key::new("visits");
    /// # const NAME: Key<String> = Key::new("name");
    /// # fn f(session: Session) -> Result<(), Error> {
    /// session.set(VISITS, &3)?;
    /// session.set(NAME, &"alice".to_owned())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] when it cannot be written as JSON, [`ErrorKind::TooLarge`] when the session's data
    /// would be larger than its store takes, or than fits into its cookie. Nothing has changed then.
    pub fn set<T: Serialize>(&self, key: Key<T>, value: &T) -> Result<(), Error> {
        let value = encode(key.name(), value)?;
        self.record(Change::Set {
            key: key.name().to_owned(),
            value,
        })
    }

    /// Removes a value, if there is one.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn remove<T>(&self, key: Key<T>) -> Result<(), Error> {
        self.record(Change::Remove {
            key: key.name().to_owned(),
        })
    }

    /// Makes a new value of the old one, so that no concurrent update is lost.
    ///
    /// The closure runs now, for what this request sees, and again whenever a neighbour was faster: it may run
    /// several times, without a lock held, and must have no side effects.
    ///
    /// ```
    /// # use cloakroom::{Error, Key, Session};
    /// # const VISITS: Key<u64> = Key::new("visits");
    /// # fn f(session: Session) -> Result<(), Error> {
    /// session.update(VISITS, |visits| visits.unwrap_or(0) + 1)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when what is stored is not a `T`, [`ErrorKind::Invalid`] for a closure that changes the
    /// session it is called for, and those of [`set`](Self::set).
    pub fn update<T, F>(&self, key: Key<T>, update: F) -> Result<(), Error>
    where
        T: Serialize + DeserializeOwned + 'static,
        F: Fn(Option<T>) -> T + Send + 'static,
    {
        let name = key.name().to_owned();
        let update = Update::new(move |present| {
            let present = present.map(|json| decode(key.name(), json)).transpose()?;
            encode(key.name(), &update(present))
        });
        let limit = self.0.config.limit();
        let mut left = (name, update);
        for _ in 0..Self::MOST_UPDATES {
            let (version, present) = self.0.state().snapshot(&left.0);
            let value = left.1.call(present.as_deref())?;
            match self.0.state().record_update(left, version, &value, limit)? {
                None => return Ok(()),
                Some(again) => left = again,
            }
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "could not update {:?}: its closure changes the session it is called for",
                left.0
            ),
        ))
    }

    /// Removes all values. Who is signed in stays signed in.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn clear(&self) -> Result<(), Error> {
        self.record(Change::Clear)
    }

    /// All values as one JSON object, for a debugging page or an export.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn to_json(&self) -> Result<String, Error> {
        let data = self.0.state().view.data.clone();
        let mut json = String::from("{");
        for (key, value) in data.iter().filter(|(key, _)| *key != authentication::NAME) {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::Value::from(key).to_string());
            json.push(':');
            json.push_str(&String::from_utf8_lossy(value));
        }
        json.push('}');
        Ok(json)
    }

    /// Who is signed in, with this request's own changes.
    pub fn principal(&self) -> Option<Principal> {
        self.0.state().view.principal.clone()
    }

    /// The session's public name, for logs and lists: `None` while nothing is stored. Not a credential.
    pub fn id(&self) -> Option<Id> {
        self.0.state().id()
    }

    /// Signs somebody in: the session gets a new token, and the old one is dead for everyone, at once.
    ///
    /// The data of an anonymous session is kept: the cart survives. Signing in somebody else than who is signed
    /// in ends that session, and begins an empty one. The same user again is a re-authentication: it rotates too,
    /// and the absolute timeout begins anew (OWASP ASVS 7.2.4).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a principal that is empty or longer than 255 bytes, or a method longer than 64: a
    /// mistake of the program, so check what comes from a form before. [`ErrorKind::TooLarge`] where they do not fit into
    /// a sealed session's cookie, or the store, beside the session's data. At the end of the request the policy's cap can answer
    /// [`ErrorKind::AtCap`], as a 409 with a line of text, or [`ErrorKind::Unsupported`], as a 500, in a store that cannot count
    /// sessions. To answer with a page, ask before the end:
    ///
    /// ```
    /// # use cloakroom::{Error, ErrorKind, Session};
    /// # async fn f(session: Session) -> Result<&'static str, Error> {
    /// session.sign_in("alice")?;
    /// match session.save().await {
    ///     Err(error) if error.kind() == ErrorKind::AtCap => Ok("Sign out somewhere else first."),
    ///     saved => saved.map(|()| "Welcome."),
    /// }
    /// # }
    /// ```
    pub fn sign_in(&self, sign_in: impl Into<SignIn>) -> Result<(), Error> {
        let config = &self.0.config;
        let checked = sign_in
            .into()
            .check(config.clock.now(), &config.envelope.derivation)?;
        self.record(Change::SignIn(checked))
    }

    /// Gives the session a new token. The old one is dead for everyone, at once.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn rotate(&self) -> Result<(), Error> {
        self.record(Change::Rotate)
    }

    /// Writes the changes now, instead of at the end of the request.
    ///
    /// The durable point for who cannot wait for the end: before a stream or a websocket begins, or before an
    /// effect outside of the session. Changes to a session that has ended meanwhile are dropped without an error:
    /// [`confirm`](Self::confirm) tells.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the store could not be written in time, [`ErrorKind::AtCap`] when the
    /// policy allows no further session, [`ErrorKind::Unsupported`] for a sign-in under a cap in a store that cannot count
    /// sessions, [`ErrorKind::TooLarge`] for more than the store takes, and [`ErrorKind::TooLate`] for a change that needs a
    /// cookie once the response head has left; of sealed sessions that is any change. What fails when it is applied to what
    /// somebody else has written meanwhile, such as an [`update`](Self::update) to a value of another type, fails the save, and
    /// nothing is written: not by the next one, either.
    pub async fn save(&self) -> Result<(), Error> {
        let _gate = self.0.gate.lock().await;
        let too_late = {
            let state = self.0.state();
            state.head_sent && state.needs_cookie()
        };
        if too_late {
            return Err(Error::new(
                ErrorKind::TooLate,
                "could not save session: the response head has left, and with it the chance to send a cookie",
            ));
        }
        commit::commit(&self.0).await
    }

    /// Reads the session again: whether it is still there, and still this token's.
    ///
    /// Of a sealed session it reads, from the store itself, whether it has ended.
    ///
    /// For long-lived connections, which otherwise would not notice a sign-out. Values read afterwards are
    /// current; recorded changes are kept, and applied to them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the store could not be asked: that says nothing about the session. Or as
    /// [`save`](Self::save) does, where a recorded change cannot be applied to what somebody else has written.
    pub async fn confirm(&self) -> Result<bool, Error> {
        let _gate = self.0.gate.lock().await;
        commit::refresh(&self.0).await
    }

    fn record(&self, change: Change) -> Result<(), Error> {
        self.0.state().record(change, self.0.config.limit())
    }
}

impl fmt::Debug for Session {
    /// Shows the id, never the token or the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

fn decode<T: DeserializeOwned>(key: &str, json: &[u8]) -> Result<T, Error> {
    // Not with serde's error as the source: it quotes the value.
    serde_json::from_slice(json).map_err(|_| {
        Error::new(
            ErrorKind::Decode,
            format!("the value of {key:?} is not a {}", std::any::type_name::<T>()),
        )
    })
}

fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| {
        Error::new(
            ErrorKind::Encode,
            format!("the value of {key:?} cannot be written as JSON"),
        )
        .with_source(error)
    })
}
