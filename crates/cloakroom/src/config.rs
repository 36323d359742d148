//! What is the same for every request: where sessions are kept, and how.

mod sealed;
mod snapshots;

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{AnyStore, Cap, Id, Namespace, Principal, Residence, Store as _, Stored, Timestamp};

use crate::change::Limit;
use crate::clock::Clock;
use crate::cookie::Cookie;
use crate::envelope::{Envelope, MAX_OVERHEAD, Opened};
use crate::everyone::Everyone;
use crate::gone::Gone;
use crate::keyring::KeyRing;
use crate::lifecycle::{Happened, Lifecycle};
use crate::local_path::LocalPath;
use crate::nowhere::Nowhere;
use crate::policy::Policy;
use crate::random::Random;
use crate::revocations::Revocations;
use crate::seal::Derivation;
use crate::sealed_cookie::SealedCookie;
use crate::snapshot::Snapshots;
use crate::token::Token;
use crate::users::Registry;
use crate::{Error, ErrorKind};

pub(crate) use sealed::Sealed;

/// What is the same for every request.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where sessions are, or can be listed.
    pub(crate) store: AnyStore,
    /// How they are sealed into their cookies; `None` where the store has them.
    pub(crate) sealed: Option<Sealed>,
    /// How what the store says is kept in a second cookie for a moment; `None` where the store is asked each time.
    pub(crate) snapshots: Option<Snapshots>,
    /// What this node has ended since snapshots were taken that could still be presented.
    gone: Arc<Gone>,
    pub(crate) policy: Policy,
    pub(crate) cookie: Cookie,
    pub(crate) application: String,
    pub(crate) namespace: Namespace,
    pub(crate) envelope: Envelope,
    /// How long one call of the store may take.
    pub(crate) store_timeout: Duration,
    /// The most bytes of data in a session.
    pub(crate) max_data: usize,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    /// Which stored sessions have ended with everyone's.
    pub(crate) everyone: Arc<Everyone>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) users: Registry,
    /// Where one signs in.
    pub(crate) sign_in_page: Option<LocalPath>,
}

impl Config {
    /// Sessions that are sealed into their cookies.
    pub(crate) fn sealed(keys: KeyRing, revocations: Option<Revocations>) -> Self {
        let registry = revocations.as_ref().and_then(Revocations::registry);
        let mut config = Self::new(registry.unwrap_or_else(|| AnyStore::new(Nowhere)));
        config.sealed = Some(Sealed {
            cookie: SealedCookie::new(keys, &config.application, &config.cookie),
            revocations,
        });
        config
    }

    pub(crate) fn new(store: AnyStore) -> Self {
        let card = store.capabilities();
        let cookie = Cookie::default();
        let application = "app".to_owned();
        let namespace = namespace(&application, &cookie)
            .expect("the default application and cookie names are a namespace");
        Self {
            store,
            sealed: None,
            snapshots: None,
            gone: Arc::default(),
            policy: Policy::default(),
            cookie,
            application,
            envelope: Envelope {
                derivation: Derivation::new(&namespace),
                keys: None,
                residence: card.residence,
            },
            namespace,
            store_timeout: Duration::from_secs(2),
            // Data keeps the length of a value in four bytes.
            max_data: card.max_body.saturating_sub(MAX_OVERHEAD).min(u32::MAX as usize),
            clock: Clock::default(),
            random: Random::default(),
            everyone: Arc::default(),
            lifecycle: Lifecycle::default(),
            users: Registry::default(),
            sign_in_page: None,
        }
    }

    /// Tells what happened to a session. Whose it was is asked only where somebody hears it.
    pub(crate) fn tell(&self, session: Id, what: Happened, principal: impl FnOnce() -> Option<Principal>) {
        let now = || self.clock.now();
        self.lifecycle.tell(what, Some(session), principal, now);
    }

    /// Tells what happened to sessions of a principal, or of everyone.
    pub(crate) fn tell_all(&self, what: Happened, principal: Option<&Principal>) {
        let now = || self.clock.now();
        self.lifecycle.tell(what, None, || principal.cloned(), now);
    }

    /// Whether this node refuses sessions, because it has not heard for too long which of them have ended.
    pub(crate) fn refuses_unknown(&self) -> bool {
        let sealed = self.sealed.as_ref();
        let revocations = sealed.and_then(|sealed| sealed.revocations.as_ref());
        revocations.is_some_and(|revocations| revocations.refuses(self.clock.now()))
    }

    /// Reads a record, and believes nothing in it before its sealed data has opened.
    ///
    /// # Errors
    ///
    /// When this node lacks what it takes to read it.
    pub(crate) fn open(&self, stored: Stored, token: &Token, now: Timestamp) -> Result<Opened, Error> {
        match self.envelope.open(stored, token, now)? {
            Opened::Live(held, _) if self.everyone.ends(held.created) => Ok(Opened::Expired),
            opened => Ok(opened),
        }
    }

    pub(crate) fn set_cookie(&mut self, cookie: Cookie) {
        let namespace = namespace(&self.application, &cookie);
        self.cookie = cookie;
        self.set_namespace(namespace.expect("the application's name was accepted before"));
    }

    pub(crate) fn set_application(&mut self, application: &str) -> Result<(), Error> {
        let namespace = namespace(application, &self.cookie)?;
        application.clone_into(&mut self.application);
        self.set_namespace(namespace);
        Ok(())
    }

    /// Sets the server's keys, for whichever strategy it is.
    pub(crate) fn set_keys(&mut self, keys: KeyRing) {
        match &mut self.sealed {
            Some(sealed) => sealed.cookie.keys = keys,
            None => self.envelope.keys = Some(keys),
        }
    }

    /// Keeps what the store says for a moment in a second cookie.
    pub(crate) fn set_snapshots(&mut self, keys: KeyRing, fresh_for: Duration) {
        self.snapshots = Some(Snapshots::new(keys, fresh_for, &self.application, &self.cookie));
    }

    /// How much a session may hold.
    pub(crate) fn limit(&self) -> Limit<'_> {
        match &self.sealed {
            Some(sealed) => Limit::Cookie(&sealed.cookie),
            None => Limit::Store(self.max_data),
        }
    }

    /// Refuses a policy that the strategy cannot keep.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], saying which part of it.
    pub(crate) fn check_policy(&self) -> Result<(), Error> {
        let wrong = |what: &'static str| Err(Error::new(ErrorKind::Invalid, what));
        match &self.sealed {
            Some(_) if self.snapshots.is_some() => wrong(
                "sealed sessions ask no store, so there is nothing to take snapshots of: leave `Sessions::snapshots` out",
            ),
            Some(_) if self.policy.rotate_every.is_some() => wrong(
                "sealed sessions do not rotate periodically: a new cookie would not tell the old one to end. Leave \
                 `Policy::rotate_every` out",
            ),
            Some(_) if self.policy.cap != Cap::None => wrong(
                "sealed sessions are counted by nobody, so there is no limit per principal: leave `Policy::cap` out",
            ),
            _ => Ok(()),
        }
    }

    pub(crate) fn residence(&self) -> Residence {
        self.envelope.residence
    }

    /// How long to go on trying to commit: long enough for a few calls that time out.
    pub(crate) fn patience(&self) -> Duration {
        self.store_timeout.saturating_mul(5) / 2
    }

    /// How long the tags of writes are kept for writers that look for theirs: several times as long as one can take
    /// to look, and longer than the clocks of two nodes should differ.
    pub(crate) fn settling_window(&self) -> Duration {
        self.patience().saturating_mul(12)
    }

    fn set_namespace(&mut self, namespace: Namespace) {
        if namespace != self.namespace {
            // What has ended so far are another application's sessions, and who has subscribed asked to hear of those.
            (self.everyone, self.gone, self.lifecycle) = Default::default();
        }
        self.envelope.derivation = Derivation::new(&namespace);
        if let Some(sealed) = &mut self.sealed {
            sealed.cookie.set_use(&self.application, &self.cookie);
            // What was read so far is about another application's sessions.
            sealed.revocations = sealed.revocations.take().map(Revocations::afresh);
        }
        if let Some(snapshots) = &mut self.snapshots {
            *snapshots = snapshots.of(&self.application, &self.cookie);
        }
        self.namespace = namespace;
    }
}

fn namespace(application: &str, cookie: &Cookie) -> Result<Namespace, Error> {
    // A colon cannot stand in an application's name, so two pairs never make the same namespace.
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(1..=32).contains(&application.len()) || !application.bytes().all(part) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the application name {application:?} is not 1 to 32 letters, digits, '-', '_' and '.'"),
        ));
    }
    Namespace::new(format!("{application}:{}", cookie.name()))
        .map_err(|error| Error::new(ErrorKind::Invalid, "the application name").with_source(error))
}
