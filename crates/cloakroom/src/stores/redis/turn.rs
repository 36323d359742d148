//! One call: a connection that was chosen for it, and until when it must be answered.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_store::Error;
use redis::{Cmd, Pipeline, RedisError, Value};
use tokio::time::{Instant, timeout_at};

use super::failure;
use super::pool::Replicas;
use super::script::Invocation;
use super::server::{Live, Server};

/// Something that every server says to its replicas, and that needs no memory.
///
/// From Redis 7.2 on, and in Valkey, `WAIT` waits until they have what the connection itself has last made the server say to
/// them. Of what only reads, or finds nothing to change, that is nothing: it would answer before they have what was read.
pub(super) fn said_to_replicas() -> Cmd {
    let mut command = redis::cmd("PUBLISH");
    command.arg("cloakroom%waits").arg("");
    command
}

/// A connection to call on, until a deadline. Every round trip of it goes to the same server.
pub(super) struct Turn<'a> {
    server: &'a Server,
    live: Arc<Live>,
    replicas: Option<Replicas>,
    what: &'static str,
    deadline: Instant,
}

impl<'a> Turn<'a> {
    /// A turn that begins now.
    pub(super) fn new(
        server: &'a Server,
        live: Arc<Live>,
        replicas: Option<Replicas>,
        what: &'static str,
    ) -> Self {
        Self {
            deadline: Instant::now() + server.operation_timeout,
            server,
            live,
            replicas,
            what,
        }
    }

    /// Begins anew, for work that goes on for as long as there is an answer to each step.
    pub(super) fn again(&mut self) {
        self.deadline = Instant::now() + self.server.operation_timeout;
    }

    /// Runs a script, and tells the server its text if it does not know it.
    ///
    /// # Errors
    ///
    /// What the server answers, or that it does not.
    pub(super) async fn run(&self, invocation: Invocation<'_>) -> Result<Value, Error> {
        if self.replicas.is_some() {
            // Were it unknown by its hash, replicas that lag would be waited for twice, and beyond the deadline.
            let answer = self.ask(&invocation.by_source()).await?;
            return self.accept(answer);
        }
        let answer = self.ask(&invocation.by_hash()).await?;
        let is_unknown = match &answer {
            // A server that has been restarted. It has certainly not run what it does not know.
            Value::ServerError(error) => failure::is(&error.clone().into(), "NOSCRIPT"),
            _ => false,
        };
        let answer = match is_unknown {
            true => self.ask(&invocation.by_source()).await?,
            false => answer,
        };
        self.accept(answer)
    }

    /// Sends a command.
    ///
    /// # Errors
    ///
    /// What the server answers, or that it does not.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let answer = self.ask(command).await?;
        self.accept(answer)
    }

    /// Sends several commands at once. An answer among those that come back may be an error.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(super) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Error> {
        let mut connection = self.live.connection.clone();
        self.bound(connection.send_packed_commands(commands, 0, commands.len()))
            .await
    }

    /// The number of the run of the server at the other end.
    pub(super) fn run_of_server(&self) -> u64 {
        self.live.run
    }

    /// Who was called.
    pub(super) fn into_live(self) -> Arc<Live> {
        self.live
    }

    /// The error for one answer of several that is not what was asked for.
    pub(super) fn refusal(&self, answer: Value) -> Error {
        self.accept(answer).err().unwrap_or_else(|| self.nonsense())
    }

    /// The error for an answer that no server gives.
    pub(super) fn nonsense(&self) -> Error {
        failure::nonsense(self.what, &self.server.shown)
    }

    /// Sends a command, and where it is asked for waits for the replicas in the same round trip.
    async fn ask(&self, command: &Cmd) -> Result<Value, Error> {
        let Some(replicas) = self.replicas else {
            let mut connection = self.live.connection.clone();
            return self.bound(connection.send_packed_command(command)).await;
        };
        let mut all = redis::pipe();
        all.add_command(command.clone());
        all.add_command(said_to_replicas());
        all.cmd("WAIT").arg(replicas.count);
        all.arg(replicas.within.as_millis() as u64);
        let answers = self.send_all(&all).await?;
        let [answer, said, reached] = <[Value; 3]>::try_from(answers).map_err(|_| self.nonsense())?;
        match reached {
            // It did nothing that could reach anybody.
            _ if matches!(answer, Value::ServerError(_)) => Ok(answer),
            _ if matches!(said, Value::ServerError(_)) => Err(self.refusal(said)),
            Value::Int(reached) if reached >= replicas.count as i64 => Ok(answer),
            Value::Int(reached) => {
                let server = &self.server.shown;
                Err(failure::too_few_replicas(self.what, server, replicas, reached))
            }
            other => Err(self.refusal(other)),
        }
    }

    /// Waits for an answer until the deadline. Who gets none, or gives up before, has the connection looked at.
    async fn bound<T>(&self, sent: impl Future<Output = Result<T, RedisError>>) -> Result<T, Error> {
        let unanswered = Unanswered(&self.live);
        // Pinned here, so that it is not moved again.
        match timeout_at(self.deadline, pin!(sent)).await {
            Ok(Ok(answer)) => {
                unanswered.answered();
                Ok(answer)
            }
            Ok(Err(error)) => {
                // Errors that the server answers are values here: this is the connection's.
                self.live.is_broken.store(true, Ordering::Relaxed);
                Err(failure::refused(self.what, &self.server.shown, &error))
            }
            Err(_elapsed) => {
                let waited = self.server.operation_timeout;
                Err(failure::no_answer(self.what, &self.server.shown, waited))
            }
        }
    }

    /// Takes an answer, unless it is an error.
    fn accept(&self, answer: Value) -> Result<Value, Error> {
        answer.extract_error().map_err(|error| {
            if failure::is(&error, "READONLY") {
                // The primary is somewhere else by now.
                self.live.suspected.notify_one();
            }
            failure::refused(self.what, &self.server.shown, &error)
        })
    }
}

/// A call that has not been answered yet: dropped before, it has the connection looked at.
struct Unanswered<'a>(&'a Live);

impl Unanswered<'_> {
    fn answered(self) {
        mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.suspected.notify_one();
    }
}
