//! A store that does what a test says: loses replies and requests, hangs, and lets neighbours in.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, ErrorKind, List, Load, Page, Residence, Revoke, Revoked,
    Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

use crate::stores::Memory;

/// A store in memory that follows a script, and counts what it is asked. Clones share all of it.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    memory: Arc<Memory>,
    script: Arc<Mutex<VecDeque<(Verb, Act)>>>,
    asked: Arc<Mutex<Vec<Verb>>>,
    sent: Arc<Mutex<Vec<Write>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Load,
    Write,
    Touch,
    Delete,
    Revoke,
}

/// What becomes of one call.
pub(crate) enum Act {
    /// It fails, and nothing has happened.
    LoseRequest(ErrorKind),
    /// It happens, then so does this, and then it fails.
    LoseReply(Meanwhile),
    /// This happens first.
    After(Meanwhile),
    /// It happens, and never answers.
    HangAfterwards,
    /// It never answers, and nothing has happened.
    Hang,
}

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) fn nothing() -> Meanwhile {
    Box::pin(async {})
}

impl Scripted {
    /// The next call of this verb that has no act yet.
    pub(crate) fn on(&self, verb: Verb, act: Act) -> &Self {
        self.script.lock().unwrap().push_back((verb, act));
        self
    }

    /// The same sessions, without the script: for neighbours.
    pub(crate) fn undisturbed(&self) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            ..Self::default()
        }
    }

    /// What was asked since this was called last.
    pub(crate) fn asked(&self) -> Vec<Verb> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// The writes that were sent since this was called last.
    pub(crate) fn sent(&self) -> Vec<Write> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    async fn play<T>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.asked.lock().unwrap().push(verb);
        let act = {
            let mut script = self.script.lock().unwrap();
            let at = script.iter().position(|(scripted, _)| *scripted == verb);
            at.and_then(|at| script.remove(at))
        };
        let lost = Error::new(ErrorKind::Unavailable, "the reply was lost");
        match act {
            None => call.await,
            Some((_, Act::LoseRequest(kind))) => Err(Error::new(kind, "the request was lost")),
            Some((_, Act::LoseReply(then))) => {
                call.await?;
                then.await;
                Err(lost)
            }
            Some((_, Act::After(first))) => {
                first.await;
                call.await
            }
            Some((_, Act::HangAfterwards)) => {
                call.await?;
                pending().await
            }
            Some((_, Act::Hang)) => pending().await,
        }
    }
}

impl Store for Scripted {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.play(Verb::Load, self.memory.load(request)).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.sent.lock().unwrap().push(request.clone());
        self.play(Verb::Write, self.memory.write(request)).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.play(Verb::Touch, self.memory.touch(request)).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.play(Verb::Delete, self.memory.delete(request)).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.memory.list(request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.memory.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.play(Verb::Revoke, self.memory.revoke(request)).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.memory.sweep(request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.memory.ping().await
    }

    /// Elsewhere, so that what is written is sealed as it is in a network store.
    fn capabilities(&self) -> Capabilities {
        Capabilities::new("scripted", Residence::Elsewhere)
    }
}
