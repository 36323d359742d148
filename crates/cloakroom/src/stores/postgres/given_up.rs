//! Connections that were given up while the server waits for a standby: while one is there, no write is sent.
//!
//! A commit that waits for a standby waits without a bound, `statement_timeout` or not, and does not notice that nobody
//! is there for the answer. So each write that is given up leaves a process on the server, and enough of them would use
//! up its `max_connections`. Nor may the wait be cancelled: the server then shows at once what no standby has, and who
//! finds a write there that was given up takes it for done; a failover would lose it after all. But commits are let go
//! in their order. While one waits none behind it is answered either, and nothing is lost by not sending it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use tokio::time::Instant;
use tokio_postgres::Client;

/// Whether what is asked changes anything, and so may wait for a standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Reads,
    Writes,
}

/// The server's processes of connections that were given up, as far as it may still be busy with them.
#[derive(Default)]
pub(super) struct GivenUp {
    /// Whether there are any: nearly always all that a write looks at.
    any: AtomicBool,
    /// Locked for a moment, never over an await.
    known: Mutex<Known>,
    /// Held while the server is asked, so that whoever comes meanwhile hears the same.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    processes: Vec<i32>,
    /// When the server was asked about these, and whether one waited.
    heard: Option<(Instant, bool)>,
}

/// How long is believed what the server said.
const BELIEVED: Duration = Duration::from_millis(250);

/// Which of them are still busy, and whether they wait for a standby. Somebody else who has come by the number of one
/// that is gone is no harm: he does not wait for longer than ours would.
const BUSY: &str = "SELECT pid, coalesce(wait_event = 'SyncRep', false) FROM pg_stat_activity \
                    WHERE pid = ANY ($1) AND state = 'active'";

impl GivenUp {
    /// Takes note of a connection that was given up before all that it was asked was answered.
    pub(super) fn remember(&self, process: i32) {
        let mut known = self.known();
        known.processes.push(process);
        known.heard = None;
        self.any.store(true, Ordering::Release);
    }

    /// Whether a write may be sent. Asks the server on this connection, where that is not known.
    pub(super) async fn lets_pass(&self, work: Work, client: &Client) -> Result<bool, tokio_postgres::Error> {
        if work == Work::Reads || !self.any.load(Ordering::Acquire) {
            return Ok(true);
        }
        let _asking = self.asking.lock().await;
        let processes = {
            let known = self.known();
            if let Some((when, waits)) = known.heard
                && when.elapsed() < BELIEVED
            {
                return Ok(!waits);
            }
            known.processes.clone()
        };
        let mut busy: Vec<i32> = Vec::new();
        let mut waits = false;
        for row in client.query(BUSY, &[&processes]).await? {
            busy.push(row.try_get(0)?);
            waits |= row.try_get::<_, bool>(1)?;
        }
        let mut known = self.known();
        // Who was given up meanwhile is asked about by the next.
        let is_new = known.processes.len() > processes.len();
        known.processes.drain(..processes.len());
        known.processes.extend(busy);
        known.heard = (!is_new).then(|| (Instant::now(), waits));
        self.any.store(!known.processes.is_empty(), Ordering::Release);
        Ok(!waits)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a write that was not sent.
pub(super) fn not_sent(doing: &str, address: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {doing} in {address}: a write before it still waits for a standby; see that those of \
             synchronous_standby_names run and follow, or name more of which one is enough"
        ),
    )
}
