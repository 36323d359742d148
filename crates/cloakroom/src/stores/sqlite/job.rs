//! A request on its way through the writer: applied with others, answered after the commit.

use cloakroom_store::Error;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failure::Fault;

/// What the writer can do: a verb of the store, or a step of one.
pub(super) trait Verb: Send + 'static {
    /// What it answers when it has been committed.
    type Answer: Send + 'static;

    /// Whether what it changes must be on the disk before it is answered.
    const DURABLE: bool = true;

    /// How many bytes of data it brings along.
    fn body(&self) -> usize {
        0
    }

    /// Does it, in a transaction, against what is there by now. After a fault the transaction is taken back.
    fn apply(&self, connection: &Connection) -> Result<Self::Answer, Fault>;
}

/// A verb whose type has been forgotten, with somebody who waits for its answer.
pub(super) trait Job: Send {
    /// Whether what it changes must be on the disk before it is answered.
    fn is_durable(&self) -> bool;

    /// Whether somebody still waits for its answer.
    fn is_awaited(&self) -> bool;

    /// Applies it. May be called again when the transaction was taken back.
    fn apply(&mut self, connection: &Connection) -> Result<(), Fault>;

    /// Tells whoever waits, if anybody still does, what became of it.
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

/// Where the answer to a verb arrives. When this is dropped, a job that has not begun never does.
pub(super) type Reply<T> = oneshot::Receiver<Result<T, Error>>;

/// A job for this verb, and where its answer arrives.
pub(super) fn pending<V: Verb>(verb: V) -> (Box<dyn Job>, Reply<V::Answer>) {
    let (reply, answer) = oneshot::channel();
    let job = Pending {
        verb,
        applied: None,
        reply,
    };
    (Box::new(job), answer)
}

struct Pending<V: Verb> {
    verb: V,
    applied: Option<V::Answer>,
    reply: oneshot::Sender<Result<V::Answer, Error>>,
}

impl<V: Verb> Job for Pending<V> {
    fn is_durable(&self) -> bool {
        V::DURABLE
    }

    fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    fn apply(&mut self, connection: &Connection) -> Result<(), Fault> {
        self.applied = Some(self.verb.apply(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let Self { applied, reply, .. } = *self;
        let answer = outcome.map(|()| applied.expect("what was committed was applied"));
        // Nobody may be waiting any more. It has happened all the same, and whole.
        drop(reply.send(answer));
    }
}
