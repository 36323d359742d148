//! One item: read, written, removed, each by one request to the server that has it.

use cloakroom_store::{Error, ErrorKind, Id, Namespace, Record, Revision, Stored};
use tokio::time::timeout;

use super::Memcached;
use super::command::{Command, Only};
use super::expiry::exptime;
use super::failure::unavailable;
use super::reply::Answer;
use super::servers::{Server, server_of};
use super::value::{self, Unreadable};

/// The item of one session.
pub(super) struct Item<'a> {
    store: &'a Memcached,
    id: Id,
    key: Vec<u8>,
    /// Where it is.
    server: &'a Server,
    /// What errors say was to be done.
    doing: &'static str,
}

/// What became of a conditional change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Done,
    /// There is another item than was expected.
    Refused,
    /// There is none.
    Missing,
}

impl Memcached {
    pub(super) fn item(&self, namespace: &Namespace, id: Id, doing: &'static str) -> Item<'_> {
        let key = self.0.prefix.key(namespace, &id);
        Item {
            server: server_of(&self.0.servers, &key),
            store: self,
            id,
            key,
            doing,
        }
    }

    /// Bounds a verb that asks several times as one that asks once.
    pub(super) async fn bounded<T>(
        &self,
        doing: &str,
        verb: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let bound = self.0.bound;
        timeout(bound, verb).await.unwrap_or_else(|_elapsed| {
            Err(unavailable(format!(
                "could not {doing} memcached within {bound:?}: see whether its servers run and answer"
            )))
        })
    }
}

impl Item<'_> {
    pub(super) async fn read(&self) -> Result<Option<Stored>, Error> {
        match self.ask(Command::Get { key: &self.key }).await? {
            Answer::Value { cas, data, .. } => match value::parse(&data) {
                Ok(record) => Ok(Some(Stored::new(Revision::new(cas), record))),
                Err(unreadable) => Err(self.unreadable(unreadable)),
            },
            Answer::Missing => Ok(None),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Writes the record; answers its revision, or nothing where something else is there than was expected.
    pub(super) async fn write(&self, record: &Record, only: Only) -> Result<Option<Revision>, Error> {
        // Not for the server to refuse: it would drop the item that is there.
        let max_body = self.store.0.max_body;
        if record.body.len() > max_body {
            return Err(self.error(
                ErrorKind::TooLarge,
                format!(
                    "the session has {} bytes, and at most {max_body} fit into an item: raise -I on the servers, \
                     or keep less in it",
                    record.body.len()
                ),
            ));
        }
        let set = Command::Set {
            key: &self.key,
            value: &value::bytes(record),
            exptime: exptime(record.expires, self.store.0.ttl_margin),
            only,
        };
        match self.ask(set).await? {
            Answer::Done { cas: Some(cas) } => Ok(Some(Revision::new(cas))),
            Answer::Refused | Answer::Missing => Ok(None),
            Answer::TooLarge => Err(self.error(
                ErrorKind::TooLarge,
                "the server takes smaller items than when the store was opened, and has dropped the session: \
                 raise its -I again",
            )),
            Answer::OutOfMemory => Err(self.error(
                ErrorKind::Full,
                "the server has no memory left and evicts nothing (-M): give it more (-m)",
            )),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Removes the item, or only at this `cas`.
    pub(super) async fn remove(&self, cas: Option<u64>) -> Result<Changed, Error> {
        let key = &self.key;
        match self.ask(Command::Delete { key, cas }).await? {
            Answer::Done { .. } => Ok(Changed::Done),
            Answer::Refused => Ok(Changed::Refused),
            Answer::Missing => Ok(Changed::Missing),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn ask(&self, command: Command<'_>) -> Result<Answer, Error> {
        let answer = self.server.ask(command).await;
        answer.map_err(|failure| failure.of_asking(self.doing, self.server.address()))
    }

    fn unreadable(&self, unreadable: Unreadable) -> Error {
        match unreadable {
            Unreadable::Newer => self.error(
                ErrorKind::NewerFormat,
                format!(
                    "session {} was written by a newer release: update this one",
                    self.id
                ),
            ),
            Unreadable::Foreign => self.error(
                ErrorKind::Corrupt,
                format!(
                    "what is kept as session {} is not one: see whether somebody else uses this prefix",
                    self.id
                ),
            ),
        }
    }

    fn unexpected(&self, answer: &Answer) -> Error {
        // Never what is in it: it may be somebody's session.
        let what = match answer {
            Answer::Value { .. } => "an item",
            Answer::Done { .. } => "that it is done",
            Answer::Missing => "that there is none",
            Answer::Refused => "that it is another",
            Answer::Noop => "nothing",
            Answer::TooLarge => "that it is too large",
            Answer::OutOfMemory => "that it has no memory",
        };
        self.error(
            ErrorKind::Unavailable,
            format!("it answered {what}, which makes no sense"),
        )
    }

    fn error(&self, kind: ErrorKind, why: impl std::fmt::Display) -> Error {
        let server = self.server.address();
        Error::new(
            kind,
            format!("could not {} memcached at {server}: {why}", self.doing),
        )
    }
}
