//! Sentinels: asks them where the primary is.

use std::io;

use redis::{RedisError, Value};
use tokio::time::timeout;

use super::address::{Place, Sentinels};
use super::server::Server;

/// Where the primary is, by the first sentinel that knows.
///
/// The server that is found there must still say itself that it is the primary: a sentinel that was cut off does not
/// know better.
///
/// # Errors
///
/// When none answers, or none knows the name.
pub(super) async fn primary(server: &Server, sentinels: &Sentinels) -> Result<Place, RedisError> {
    // One that does not answer must not take the time of the others.
    let share = server.connect_timeout / (sentinels.places.len() as u32 + 1);
    let mut last = RedisError::from(io::Error::other("there are no sentinels"));
    for sentinel in &sentinels.places {
        match timeout(share, ask(server, sentinel, sentinels)).await {
            Ok(Ok(Some(place))) => return Ok(place),
            Ok(Ok(None)) => {
                last = io::Error::other(format!(
                    "the sentinel {sentinel} knows no primary `{}`",
                    sentinels.primary.escape_debug()
                ))
                .into();
            }
            Ok(Err(error)) => last = error,
            Err(_elapsed) => {
                last = io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("the sentinel {sentinel} did not answer"),
                )
                .into();
            }
        }
    }
    Err(last)
}

async fn ask(server: &Server, sentinel: &Place, sentinels: &Sentinels) -> Result<Option<Place>, RedisError> {
    let (mut connection, _driving) = server.open(sentinel, &sentinels.login).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(&sentinels.primary);
    let answer = connection.send_packed_command(&question).await?.extract_error()?;
    let Value::Array(parts) = answer else {
        return Ok(None);
    };
    let [Value::BulkString(name), Value::BulkString(port)] = &*parts else {
        return Ok(None);
    };
    let name = String::from_utf8_lossy(name).into_owned();
    let port = str::from_utf8(port).ok().and_then(|port| port.parse().ok());
    Ok(port.map(|port| Place::Host { name, port }))
}
