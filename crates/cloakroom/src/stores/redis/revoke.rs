//! Ending all sessions of a principal in one step, or everyone's a page of keys at a time.

use std::time::{Duration, Instant};

use cloakroom_store::{Error, ErrorKind, Namespace, Principal, Revoke, Revoked, Scope, Timestamp};
use redis::Value;

use super::keys::Keys;
use super::pool::Pool;
use super::script::{self, Invocation, Scripts as _};
use super::{cursor, record, scan};

const WHAT: &str = "end sessions";

/// How many steps of the key space are taken in one round trip.
const STEPS: usize = 512;

/// How many round trips a call takes at most, where it may leave something behind: the keys of others are gone through
/// too, and there may be very many.
const ROUND_TRIPS: usize = 64;

/// For how long it begins another one then. Whoever calls has a bound, and the server may be far away.
const LOOKING: Duration = Duration::from_millis(200);

/// Ends many sessions, see [`Store::revoke`](cloakroom_store::Store::revoke).
pub(super) async fn revoke(pool: &Pool, keys: &Keys, request: &Revoke) -> Result<Revoked, Error> {
    let most = request.limit.map_or(u64::MAX, |limit| limit.get() as u64);
    match &request.scope {
        Scope::Principal { principal, keep } => {
            let keep = keep.map(|id| id.to_string()).unwrap_or_default();
            of_principal(pool, keys, &request.namespace, principal, &keep, most).await
        }
        Scope::Everyone { begun_before } => everyone(pool, keys, request, *begun_before, most).await,
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "the redis store does not know this scope: use one release of all crates",
        )),
    }
}

async fn of_principal(
    pool: &Pool,
    keys: &Keys,
    namespace: &Namespace,
    principal: &Principal,
    keep: &str,
    most: u64,
) -> Result<Revoked, Error> {
    let answer = pool
        .run(
            WHAT,
            Invocation {
                script: &script::REVOKE,
                keys: &[keys.index(namespace, principal).as_bytes()],
                arguments: &[
                    keys.sessions(namespace).as_bytes(),
                    principal.as_str().as_bytes(),
                    keep.as_bytes(),
                    most.to_string().as_bytes(),
                ],
            },
        )
        .await?;
    read(&answer).ok_or_else(|| pool.nonsense(WHAT))
}

async fn everyone(
    pool: &Pool,
    keys: &Keys,
    request: &Revoke,
    begun_before: Timestamp,
    most: u64,
) -> Result<Revoked, Error> {
    let namespace = &request.namespace;
    // One connection for all: a position means nothing to another server.
    let mut turn = pool.turn(WHAT).await?;
    let run = turn.run_of_server();
    let up_to = |ended, position| match cursor::from(run, position) {
        Some(next) => Revoked::up_to(ended, next),
        None => Revoked::new(ended, true),
    };
    let begun = Instant::now();
    let mut ended = 0;
    let mut from = cursor::position(request.after.as_ref(), run)?;
    for round_trip in 1.. {
        let (next, found) = scan::page(&turn, keys, namespace, (from, STEPS)).await?;
        if !found.is_empty() {
            let found: Vec<&[u8]> = found.iter().map(Vec::as_slice).collect();
            let answer = turn
                .run(Invocation {
                    script: &script::END_BEGUN_BEFORE,
                    keys: &found,
                    arguments: &[
                        &record::time_bytes(begun_before),
                        keys.indexes(namespace).as_bytes(),
                        (most - ended).to_string().as_bytes(),
                    ],
                })
                .await?;
            let step = read(&answer).ok_or_else(|| pool.nonsense(WHAT))?;
            ended += step.ended;
            if step.more {
                // Some of this page are left: it is looked at again.
                return Ok(up_to(ended, from));
            }
        }
        from = next;
        if from == 0 {
            break;
        }
        let is_long = round_trip == ROUND_TRIPS || begun.elapsed() > LOOKING;
        if ended >= most || (request.limit.is_some() && is_long) {
            return Ok(up_to(ended, from));
        }
        turn.again();
    }
    Ok(Revoked::new(ended, false))
}

fn read(answer: &Value) -> Option<Revoked> {
    match answer {
        Value::Array(parts) => match &**parts {
            [Value::Int(ended), Value::Int(more)] => {
                Some(Revoked::new(u64::try_from(*ended).ok()?, *more != 0))
            }
            _ => None,
        },
        _ => None,
    }
}
