//! The capability card: what this server promises, asked once when the store is opened.

use std::io;
use std::sync::atomic::Ordering;

use cloakroom_store::{Capabilities, Error, ErrorKind, Residence};
use redis::Value;
use tokio::time::timeout;

use super::keys::Keys;
use super::pool::Replicas;
use super::script::{self, Invocation};
use super::server::{Connected, Server};
use super::{failure, info, turn};

/// The largest record body the store takes, in bytes.
pub(super) const MAX_BODY: usize = 1 << 20;

/// Asks a server what it promises, and whether it lets us do what we must: also for who waits for replicas.
///
/// # Errors
///
/// [`ErrorKind::Misconfigured`] when it belongs to a cluster, or does not let us.
pub(super) async fn ask(
    server: &Server,
    connected: &Connected,
    keys: &Keys,
    replicas: Option<Replicas>,
) -> Result<Capabilities, Error> {
    let mut questions = redis::pipe();
    questions.cmd("INFO").arg("server").cmd("INFO").arg("persistence");
    questions.cmd("INFO").arg("memory");
    questions.cmd("CONFIG").arg("GET").arg("appendfsync");
    // Ends a session that never is: by its text and then by its hash, as every other script is called.
    let nobody = keys.nobody();
    let end_nobody = Invocation {
        script: &script::DELETE,
        keys: &[nobody.as_bytes()],
        arguments: &[b"", b"any", b""],
    };
    questions.add_command(end_nobody.by_source());
    questions.add_command(end_nobody.by_hash());
    if replicas.is_some() {
        questions.add_command(turn::said_to_replicas());
    }
    let mut asking = connected.live.connection.clone();
    let late = || io::Error::from(io::ErrorKind::TimedOut).into();
    let answers = timeout(
        server.connect_timeout,
        asking.send_packed_commands(&questions, 0, questions.len()),
    )
    .await;
    let answers = answers.unwrap_or_else(|_elapsed| Err(late()));
    let not_connected = |error| failure::not_connected(&server.shown, &error);
    let answers = answers.map_err(not_connected)?;
    let [about, persistence, memory, fsync, must @ ..] = &*answers else {
        return Err(failure::nonsense("read what it promises", &server.shown));
    };
    if info::says(about, "redis_mode", "cluster") {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            format!(
                "redis at {} belongs to a cluster: its URL begins with redis-cluster://",
                server.shown
            ),
        ));
    }
    for answer in must {
        answer.clone().extract_error().map_err(not_connected)?;
    }
    let evicts = info::evicts(memory);
    let syncs = info::says(persistence, "aof_enabled", "1") && holds(fsync, b"always");
    let mut card = Capabilities::new("redis", Residence::Elsewhere)
        // A replica that is promoted need not have it.
        .survives_restart(syncs && !server.has_sentinels())
        .max_body(MAX_BODY);
    server.must_keep_all.store(!evicts, Ordering::Relaxed);
    card.expires_by_itself = true;
    card.may_evict = evicts;
    card.lists = !evicts;
    card.revokes_by_principal = !evicts;
    Ok(card)
}

/// Whether an answer of `CONFIG GET` has this value.
fn holds(setting: &Value, value: &[u8]) -> bool {
    let Value::Array(parts) = setting else {
        return false;
    };
    parts
        .iter()
        .any(|part| matches!(part, Value::BulkString(text) if text == value))
}
