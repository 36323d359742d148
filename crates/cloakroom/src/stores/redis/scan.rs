//! Goes through all sessions of a namespace, a page of keys at a time.

use cloakroom_store::{Error, Namespace};
use redis::Value;

use super::keys::Keys;
use super::turn::Turn;

/// A position in the key space of one run of one server; 0 is both the beginning and the end.
pub(super) type Position = u64;

/// The keys of some sessions from a position on, in about so many steps, and where to go on.
///
/// What is there all the while is found at least once, whatever comes and goes meanwhile.
pub(super) async fn page(
    turn: &Turn<'_>,
    keys: &Keys,
    namespace: &Namespace,
    (from, steps): (Position, usize),
) -> Result<(Position, Vec<Vec<u8>>), Error> {
    let mut command = redis::cmd("SCAN");
    command.arg(from).arg("MATCH").arg(keys.pattern(namespace));
    command.arg("COUNT").arg(steps);
    let answer = turn.send(&command).await?;
    read(answer).ok_or_else(|| turn.nonsense())
}

fn read(answer: Value) -> Option<(Position, Vec<Vec<u8>>)> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [next, found] = <[Value; 2]>::try_from(parts).ok()?;
    let (Value::BulkString(next), Value::Array(found)) = (next, found) else {
        return None;
    };
    let next = str::from_utf8(&next).ok()?.parse().ok()?;
    let keys = found.into_iter().map(|key| match key {
        Value::BulkString(key) => Some(key),
        _ => None,
    });
    Some((next, keys.collect::<Option<_>>()?))
}
