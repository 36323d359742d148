//! Listing and counting: a principal's sessions from their index, everyone's by going through the keys.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cloakroom_store::{Count, Entry, Error, Id, List, Namespace, Page, Principal, Query};
use redis::Value;

use super::keys::{self, Keys};
use super::pool::Pool;
use super::script::{self, Invocation, Scripts as _};
use super::turn::Turn;
use super::{cursor, record, scan};

/// How many sessions are looked at for one page at most.
const LOOKED_AT: usize = 4096;

/// How many steps of the key space, or entries of an index, are taken in one round trip at most.
const STEPS: usize = 512;

/// How long one page of everyone may go on to look for what matches, once it has looked.
const LOOKING: Duration = Duration::from_millis(200);

const WHAT: &str = "list sessions";

/// One page, see [`Store::list`](cloakroom_store::Store::list).
pub(super) async fn page(pool: &Pool, keys: &Keys, request: &List) -> Result<Page, Error> {
    match &request.query.principal {
        Some(principal) => of_principal(pool, keys, request, principal).await,
        None => of_everyone(pool, keys, request).await,
    }
}

/// How many match, see [`Store::count`](cloakroom_store::Store::count).
///
/// A count is exact where nothing comes or goes, and the server shows keys twice while its table grows or shrinks. It does
/// not say when that is, so all that were counted are remembered, by their ids: there is no bound to how far apart the two
/// are. Where that is too much, count in pages, or what a query narrows down: only what matches is remembered.
pub(super) async fn count(pool: &Pool, keys: &Keys, request: Count) -> Result<u64, Error> {
    let mut ids = HashSet::new();
    let limit = NonZeroUsize::new(LOOKED_AT).expect("it is not zero");
    let mut list = List::new(request.namespace, request.query, limit);
    loop {
        let page = page(pool, keys, &list).await?;
        // A page may repeat what was on another.
        ids.extend(page.entries.into_iter().map(|entry| entry.id));
        if page.next.is_none() {
            return Ok(ids.len() as u64);
        }
        list = list.after(page.next);
    }
}

async fn of_principal(
    pool: &Pool,
    keys: &Keys,
    request: &List,
    principal: &Principal,
) -> Result<Page, Error> {
    let after = cursor::of_principal(request)?;
    let most = request.limit.get().min(STEPS);
    let answer = pool
        .run(
            WHAT,
            Invocation {
                script: &script::LIST,
                keys: &[keys.index(&request.namespace, principal).as_bytes()],
                arguments: &[
                    keys.sessions(&request.namespace).as_bytes(),
                    principal.as_str().as_bytes(),
                    after.map(|id| id.to_string()).unwrap_or_default().as_bytes(),
                    most.to_string().as_bytes(),
                ],
            },
        )
        .await?;
    let (next, found) = pair(answer).ok_or_else(|| pool.nonsense(WHAT))?;
    let Value::Array(found) = found else {
        return Err(pool.nonsense(WHAT));
    };
    let mut page = Page::default();
    for pair in found.chunks_exact(2) {
        let id = keys::id_in(&pair[0]).ok_or_else(|| pool.nonsense(WHAT))?;
        let Value::BulkString(head) = &pair[1] else {
            return Err(pool.nonsense(WHAT));
        };
        page.entries
            .extend(matching(&request.query, record::entry(id, head)?));
    }
    // Where this was the last page, it is no id.
    page.next = keys::id_in(&next).map(cursor::after);
    Ok(page)
}

async fn of_everyone(pool: &Pool, keys: &Keys, request: &List) -> Result<Page, Error> {
    // One connection for the whole page: another may lead to another server.
    let turn = pool.turn(WHAT).await?;
    let mut place = cursor::of_everyone(request, turn.run_of_server())?;
    let limit = request.limit.get();
    let begun = Instant::now();
    let mut page = Page::default();
    let mut looked_at = 0;
    loop {
        if place.left_over.is_empty() {
            let Some(from) = place.position else {
                break;
            };
            let steps = (limit - page.entries.len()).clamp(16, STEPS);
            let namespace = &request.namespace;
            let (next, found) = scan::page(&turn, keys, namespace, (from, steps)).await?;
            place.position = (next != 0).then_some(next);
            place.left_over = found.iter().filter_map(|key| keys::id_of(key)).collect();
        }
        let room = (limit - page.entries.len()).min(place.left_over.len());
        let ids: Vec<_> = place.left_over.drain(..room).collect();
        looked_at += ids.len().max(1);
        let heads = heads(&turn, keys, &request.namespace, &ids).await?;
        for (id, head) in ids.into_iter().zip(heads) {
            // What has gone since then is an empty string.
            if !head.is_empty() {
                page.entries
                    .extend(matching(&request.query, record::entry(id, &head)?));
            }
        }
        if page.entries.len() == limit || looked_at >= LOOKED_AT || begun.elapsed() > LOOKING {
            break;
        }
    }
    page.next = cursor::at(&place);
    Ok(page)
}

/// The records of these sessions up to their bodies, in one round trip.
async fn heads(
    turn: &Turn<'_>,
    keys: &Keys,
    namespace: &Namespace,
    ids: &[Id],
) -> Result<Vec<Vec<u8>>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut commands = redis::pipe();
    for id in ids {
        commands.cmd("GETRANGE").arg(keys.session(namespace, id));
        commands.arg(0).arg(record::LONGEST_HEAD - 1);
    }
    let answers = turn.send_all(&commands).await?;
    let heads = answers.into_iter().map(|answer| match answer {
        Value::BulkString(head) => Ok(head),
        other => Err(turn.refusal(other)),
    });
    heads.collect()
}

fn matching(query: &Query, entry: Entry) -> Option<Entry> {
    query.matches(&entry).then_some(entry)
}

/// The two parts of an answer.
fn pair(answer: Value) -> Option<(Value, Value)> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [one, other] = <[Value; 2]>::try_from(parts).ok()?;
    Some((one, other))
}
