//! Client tracking: the server tells a near cache which keys have changed.
//!
//! In broadcast mode, in which the server remembers nothing for each reader and its memory does not grow with ours: it
//! tells of every key that begins with our prefix, over a connection that does nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{ProtocolVersion, PushInfo, PushKind, RedisError, Value};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::super::cached::Invalidations;
use super::fed::Feeder;
use super::keys::Keys;
use super::server::{Connected, Server};
use crate::stores::backoff::Backoff;

/// How often the connection is looked at while it is silent. One that was lost without a word is found out within this
/// and the time an answer may take.
const LOOKED_AT: Duration = Duration::from_millis(500);

/// Feeds a cache with what the server tells, for as long as there is one.
pub(super) async fn feed(server: Arc<Server>, keys: Keys, feeder: Arc<Feeder>, invalidations: Invalidations) {
    let invalidations = Arc::new(invalidations);
    let mut backoff = Backoff::reconnecting();
    while invalidations.is_wanted() {
        let pause = match track(&server, &keys, &invalidations).await {
            Ok(connected) => {
                // First, so that nothing is kept of what another server answers.
                feeder.is_now(&connected.live, &invalidations);
                // From here on every change is told: a load that begins now is not from before one that was not.
                invalidations.connected();
                let begun = Instant::now();
                until_silent(&server, connected, &invalidations).await;
                invalidations.cut();
                backoff.after_connection(begun.elapsed())
            }
            Err(_) => backoff.pause(),
        };
        sleep(pause).await;
    }
}

/// Connects to the primary, and has it tell what changes.
async fn track(
    server: &Server,
    keys: &Keys,
    invalidations: &Arc<Invalidations>,
) -> Result<Connected, RedisError> {
    let login = server.address.login.clone().set_protocol(ProtocolVersion::RESP3);
    let (told, names) = (Arc::clone(invalidations), keys.clone());
    let configuration = Server::configuration().set_push_sender(move |push: PushInfo| {
        tell(&told, &names, &push);
        Ok::<(), RedisError>(())
    });
    let connected = server.connect_as(&login, configuration).await?;
    let mut command = redis::cmd("CLIENT");
    command
        .arg("TRACKING")
        .arg("ON")
        .arg("BCAST")
        .arg("PREFIX")
        .arg(keys.prefix());
    let mut connection = connected.live.connection.clone();
    let answer =
        tokio::time::timeout(server.operation_timeout, connection.send_packed_command(&command)).await;
    let late = |_elapsed| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    answer.map_err(late)??.extract_error()?;
    Ok(connected)
}

/// Takes what the server tells, in the task that reads it: there is no queue in which news could wait.
fn tell(invalidations: &Invalidations, keys: &Keys, push: &PushInfo) {
    match push.kind {
        PushKind::Invalidate => match push.data.first() {
            Some(Value::Array(changed)) => {
                for key in changed {
                    if let Value::BulkString(key) = key
                        && let Some((namespace, id)) = keys.session_of(key)
                    {
                        invalidations.changed(&namespace, id);
                    }
                }
            }
            // All keys: the database was emptied.
            _ => invalidations.all_changed(),
        },
        PushKind::Disconnection => invalidations.cut(),
        _ => {}
    }
}

/// Waits until the connection tells no more, or nobody listens.
async fn until_silent(server: &Server, connected: Connected, invalidations: &Invalidations) {
    let Connected { live, mut driving } = connected;
    let mut looking = interval(LOOKED_AT);
    looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = driving.join_next() => return,
            _ = looking.tick() => {
                let is_good = invalidations.is_wanted() && server.answers(&live).await && server.is_current(&live).await;
                if !is_good {
                    // Before the connection is closed, which says so once more: the next one is not yet there.
                    invalidations.cut();
                    driving.shutdown().await;
                    return;
                }
            }
        }
    }
}
