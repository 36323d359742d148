//! A request on its way through the writer: applied with others, answered after the commit.

use std::path::Path;

use cloakroom_store::Error;
use tokio::sync::oneshot;

use super::failure::{Failure, Fault};
use super::tables::Tables;

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

    /// Does it, against what is there by now. Decides before it changes anything: a [`Fault::NotOurs`] or
    /// [`Fault::Unsupported`] ends only this request, and the transaction goes on.
    fn apply(&self, tables: &mut Tables<'_>) -> Result<Self::Answer, Fault>;
}

/// A verb whose type has been forgotten, with somebody who waits for its answer.
pub(super) trait Job: Send {
    /// Applies it, and says whether what it changed must be on the disk before it is answered.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<Change, Fault>;

    /// Tells whoever waits, if anybody still does, what became of it.
    fn answer(self: Box<Self>, outcome: Result<(), &Failure>, file: &Path);
}

/// What a job did to the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    None,
    /// A crash may take it back.
    Lossy,
    Durable,
}

/// Where the answer to a verb arrives.
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
    applied: Option<Result<V::Answer, Fault>>,
    reply: oneshot::Sender<Result<V::Answer, Error>>,
}

impl<V: Verb> Job for Pending<V> {
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<Change, Fault> {
        let applied = match self.verb.apply(tables) {
            Err(fault @ (Fault::Engine(_) | Fault::Panicked)) => return Err(fault),
            applied => applied,
        };
        self.applied = Some(applied);
        Ok(match tables.take_changed() {
            false => Change::None,
            true if V::DURABLE => Change::Durable,
            true => Change::Lossy,
        })
    }

    fn answer(self: Box<Self>, outcome: Result<(), &Failure>, file: &Path) {
        let answer = match (outcome, self.applied) {
            (Err(failure), _) => Err(failure.error()),
            (Ok(()), Some(applied)) => applied.map_err(|fault| Failure::of(&fault, file).error()),
            (Ok(()), None) => Err(Failure::of(&Fault::Panicked, file).error()),
        };
        // Nobody may be waiting any more. It has happened all the same, and whole.
        drop(self.reply.send(answer));
    }
}
