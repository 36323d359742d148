//! What went wrong, in words for who runs the server.

use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use redis::RedisError;

use super::pool::Replicas;
use super::record;

/// What a server's answer means that is an error.
pub(super) fn refused(what: &str, server: &str, error: &RedisError) -> Error {
    let text = error.to_string();
    if text.contains("cloakroom: newer format") {
        return record::newer_format();
    }
    if text.contains("cloakroom: no record") || is(error, "WRONGTYPE") {
        return record::unreadable(&[]);
    }
    let (kind, advice) = verdict(error);
    Error::new(
        kind,
        format!("could not {what} in redis at {server}: {text}{advice}"),
    )
}

/// Whether a server answered with this code, also from within a script.
pub(super) fn is(error: &RedisError, code: &str) -> bool {
    // Before Redis 7 the code of an error within a script is somewhere in the text.
    error.code() == Some(code)
        || (error.code() == Some("ERR")
            && error
                .detail()
                .is_some_and(|text| text.contains(&format!("-{code} "))))
        || error.to_string().contains(&format!("{code}: "))
}

/// The kind of an answer that is an error, and what to do about it.
fn verdict(error: &RedisError) -> (ErrorKind, &'static str) {
    let verdicts = [
        (
            "OOM",
            ErrorKind::Full,
            ": there is no memory left, raise its `maxmemory`",
        ),
        (
            "READONLY",
            ErrorKind::Unavailable,
            ": it is a replica, name the primary in the URL, or the sentinels (redis-sentinel://)",
        ),
        (
            "LOADING",
            ErrorKind::Unavailable,
            ": it is starting and will answer by itself",
        ),
        (
            "NOREPLICAS",
            ErrorKind::Unavailable,
            ": fewer replicas follow than its `min-replicas-to-write` asks for",
        ),
        (
            "NOPERM",
            ErrorKind::Unavailable,
            ": grant the user what the documentation of the redis store lists",
        ),
        (
            "NOAUTH",
            ErrorKind::Unavailable,
            ": give the user and the password in the URL",
        ),
        (
            "WRONGPASS",
            ErrorKind::Unavailable,
            ": correct the user and the password in the URL",
        ),
        (
            "BUSY",
            ErrorKind::Unavailable,
            ": somebody's script holds it up, end it with SCRIPT KILL",
        ),
        (
            "MOVED",
            ErrorKind::Misconfigured,
            ": it belongs to a cluster, which is redis-cluster://",
        ),
    ];
    if is(error, "MISCONF") {
        return match error.to_string().contains("No space") {
            true => (ErrorKind::Full, ": make room on its disk"),
            false => (
                ErrorKind::Unavailable,
                ": it refuses writes until it can save, see its log",
            ),
        };
    }
    let found = verdicts.into_iter().find(|(code, ..)| is(error, code));
    found.map_or((ErrorKind::Unavailable, ""), |(_, kind, advice)| (kind, advice))
}

/// What an error says of a server that did not answer as one does that speaks TLS.
pub(super) const NOT_TLS: &str = "no answer to the greeting of TLS";

/// What an error says of a server that may drop sessions, where the one before did not.
pub(super) const EVICTS: &str = "it does not say that its `maxmemory-policy` is noeviction, as the server did on which the \
                                 store was opened: set it on replicas too, or open the store again";

/// A first connection that did not come about.
pub(super) fn not_connected(server: &str, error: &RedisError) -> Error {
    let (kind, advice) = match error.kind() {
        redis::ErrorKind::AuthenticationFailed => (
            ErrorKind::Misconfigured,
            ": correct the user and the password in the URL",
        ),
        _ if ["NOAUTH", "WRONGPASS", "NOPERM"]
            .iter()
            .any(|code| is(error, code)) =>
        {
            (ErrorKind::Misconfigured, verdict(error).1)
        }
        _ if error.to_string().contains("DB index is out of range") => (
            ErrorKind::Misconfigured,
            ": name one that it has at the end of the URL, from /0 to /15 unless its `databases` says otherwise",
        ),
        _ if error.to_string().contains(NOT_TLS) => (
            ErrorKind::Unavailable,
            ": perhaps it does not speak TLS, without which the URL begins with `redis` instead of `rediss`",
        ),
        _ if error.is_connection_dropped() && !error.is_connection_refusal() => (
            ErrorKind::Unavailable,
            ": it hung up, perhaps because it speaks TLS, with which the URL begins with `rediss`, or takes nobody from here",
        ),
        _ if error.is_io_error() => (
            ErrorKind::Unavailable,
            ": see whether it runs and can be reached from here",
        ),
        _ => verdict(error),
    };
    Error::new(
        kind,
        format!("could not connect to redis at {server}: {error}{advice}"),
    )
}

/// There is no connection, and this is why there is none.
pub(super) fn no_connection(what: &str, server: &str, waited: Duration, reason: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {what} in redis at {server}: no connection within {waited:?} ({reason}), see whether it runs \
             and takes the password in the URL"
        ),
    )
}

/// The server did not answer.
pub(super) fn no_answer(what: &str, server: &str, waited: Duration) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {what} in redis at {server}: no answer within {waited:?}, \
             see whether it is paused or overloaded"
        ),
    )
}

/// The server answered something that no server answers.
pub(super) fn nonsense(what: &str, server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {what} in redis at {server}: it does not answer as redis does, see what runs there"
        ),
    )
}

/// No node of a cluster says who has which slots.
pub(super) fn no_slots(cluster: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("the redis cluster at {cluster} has nobody for its slots: see CLUSTER INFO"),
    )
}

/// The nodes of a cluster did not agree for too long who has a slot.
pub(super) fn nobody_has_it(what: &str, cluster: &str, error: &RedisError) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {what} in the redis cluster at {cluster}: {error}: see CLUSTER INFO and CLUSTER NODES"
        ),
    )
}

/// Fewer replicas than were asked for said that they have it.
pub(super) fn too_few_replicas(what: &str, server: &str, asked: Replicas, reached: i64) -> Error {
    let Replicas { count, within } = asked;
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {what} in redis at {server} so that it is safe: {reached} of {count} replicas had it within \
             {within:?}, whether it stays is not known, see whether the replicas follow"
        ),
    )
}
