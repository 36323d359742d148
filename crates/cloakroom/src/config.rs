//! What is the same for every request: the store and how sessions are to be kept in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_store::{AnyStore, Namespace, Residence, Store as _, Stored, Timestamp};

use crate::clock::Clock;
use crate::cookie::Cookie;
use crate::envelope::{Envelope, MAX_OVERHEAD, Opened};
use crate::policy::Policy;
use crate::random::Random;
use crate::seal::Derivation;
use crate::token::Token;
use crate::{Error, ErrorKind};

/// What is the same for every request.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) store: AnyStore,
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
    /// Nothing begun before this moment counts: Unix milliseconds, only ever moved forward.
    mark: Arc<AtomicU64>,
}

impl Config {
    pub(crate) fn new(store: AnyStore) -> Self {
        let card = store.capabilities();
        let cookie = Cookie::default();
        let application = "app".to_owned();
        let namespace = namespace(&application, &cookie)
            .expect("the default application and cookie names are a namespace");
        Self {
            store,
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
            mark: Arc::default(),
        }
    }

    /// Reads a record, and believes nothing in it before its sealed data has opened.
    ///
    /// # Errors
    ///
    /// When this node lacks what it takes to read it.
    pub(crate) fn open(&self, stored: Stored, token: &Token, now: Timestamp) -> Result<Opened, Error> {
        match self.envelope.open(stored, token, now)? {
            Opened::Live(held, _) if held.created.as_unix_millis() < self.mark.load(Ordering::SeqCst) => {
                Ok(Opened::Expired)
            }
            opened => Ok(opened),
        }
    }

    /// From now on, nothing begun before this moment counts in this process.
    pub(crate) fn raise_mark(&self, moment: Timestamp) {
        self.mark.fetch_max(moment.as_unix_millis(), Ordering::SeqCst);
    }

    pub(crate) fn set_cookie(&mut self, cookie: Cookie) {
        self.set_namespace(
            namespace(&self.application, &cookie).expect("the application's name was accepted before"),
        );
        self.cookie = cookie;
    }

    pub(crate) fn set_application(&mut self, application: &str) -> Result<(), Error> {
        self.set_namespace(namespace(application, &self.cookie)?);
        application.clone_into(&mut self.application);
        Ok(())
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
        self.envelope.derivation = Derivation::new(&namespace);
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
