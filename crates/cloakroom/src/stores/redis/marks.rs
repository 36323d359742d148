//! Marks, on a single server and in a cluster: three keys of one slot for each namespace.
//!
//! A hash has each subject's moments, and two sorted sets have the subjects by the number of their last change and by when
//! they are over. Each verb is one script, so numbers are given in the order in which they can be seen. Where a server that
//! evicts has dropped a set, it is made again of the hash. Where it has dropped the hash, all are gone.

use cloakroom_store::{
    Cursor, Error, ErrorKind, Mark, MarksOf, News, SetMark, Subject, Sweep, Swept, Timestamp, Told,
};
use redis::Value;

use super::keys::Keys;
use super::record;
use super::script::{self, Invocation, Scripts};
use crate::stores::subject;

const MARK: &str = "set a mark";
const MARKS_OF: &str = "read the marks of a principal";
const NEWS: &str = "read what was marked";
const FORGET: &str = "forget marks";

/// See [`Marks::mark`](cloakroom_store::Marks::mark).
pub(super) async fn mark(
    scripts: &impl Scripts,
    keys: &Keys,
    request: &SetMark,
    epoch: u64,
) -> Result<Mark, Error> {
    let [marks, order, overs] = keys.marks(&request.namespace);
    let Mark {
        subject,
        begun_before,
        until,
        ..
    } = &request.mark;
    let answer = scripts
        .run(
            MARK,
            Invocation {
                script: &script::MARK,
                keys: &[marks.as_bytes(), order.as_bytes(), overs.as_bytes()],
                arguments: &[
                    &subject::key(subject),
                    &record::time_bytes(*begun_before),
                    &record::time_bytes(*until),
                    &epoch.to_be_bytes(),
                ],
            },
        )
        .await?;
    match &answer {
        Value::BulkString(moments) => at(subject.clone(), moments),
        _ => Err(scripts.nonsense(MARK)),
    }
}

/// See [`Marks::marks_of`](cloakroom_store::Marks::marks_of).
pub(super) async fn marks_of(
    scripts: &impl Scripts,
    keys: &Keys,
    request: &MarksOf,
) -> Result<Timestamp, Error> {
    let [marks, ..] = keys.marks(&request.namespace);
    let theirs = subject::of_principal(&request.principal);
    let answer = scripts
        .run(
            MARKS_OF,
            Invocation {
                script: &script::MARKS_OF,
                keys: &[marks.as_bytes()],
                arguments: &[&theirs, subject::EVERYONE],
            },
        )
        .await?;
    let Value::Array(found) = answer else {
        return Err(scripts.nonsense(MARKS_OF));
    };
    let mut latest = Timestamp::default();
    for moments in found {
        if let Value::BulkString(moments) = moments {
            latest = latest.max(at(Subject::Everyone, &moments)?.begun_before);
        }
    }
    Ok(latest)
}

/// See [`Marks::news`](cloakroom_store::Marks::news).
pub(super) async fn news(scripts: &impl Scripts, keys: &Keys, request: &News) -> Result<Told, Error> {
    let [marks, order, overs] = keys.marks(&request.namespace);
    // Whatever does not read is a position that means nothing here: no number is as high.
    let (epoch, after) = match &request.after {
        None => (0, 0),
        Some(cursor) => position(cursor).unwrap_or((0, 1 << 53)),
    };
    let answer = scripts
        .run(
            NEWS,
            Invocation {
                script: &script::NEWS,
                keys: &[marks.as_bytes(), order.as_bytes(), overs.as_bytes()],
                arguments: &[
                    after.to_string().as_bytes(),
                    &epoch.to_be_bytes(),
                    request.limit.to_string().as_bytes(),
                ],
            },
        )
        .await?;
    told(answer)?.ok_or_else(|| scripts.nonsense(NEWS))
}

/// See [`Marks::forget`](cloakroom_store::Marks::forget).
pub(super) async fn forget(scripts: &impl Scripts, keys: &Keys, request: &Sweep) -> Result<Swept, Error> {
    let [marks, order, overs] = keys.marks(&request.namespace);
    let answer = scripts
        .run(
            FORGET,
            Invocation {
                script: &script::FORGET,
                keys: &[marks.as_bytes(), order.as_bytes(), overs.as_bytes()],
                arguments: &[
                    request.expired_before.as_unix_millis().to_string().as_bytes(),
                    request.limit.to_string().as_bytes(),
                ],
            },
        )
        .await?;
    match answer {
        Value::Array(parts) => match &*parts {
            [Value::Int(removed), Value::Int(more)] => Ok(Swept::new(removed.unsigned_abs(), *more != 0)),
            _ => Err(scripts.nonsense(FORGET)),
        },
        _ => Err(scripts.nonsense(FORGET)),
    }
}

/// Reads what the script of news answers; `None` for anything else.
fn told(answer: Value) -> Result<Option<Told>, Error> {
    let Value::Array(parts) = answer else {
        return Ok(None);
    };
    let [
        Value::BulkString(epoch),
        Value::Int(anew),
        Value::Int(more),
        Value::BulkString(number),
        found @ ..,
    ] = &*parts
    else {
        return Ok(None);
    };
    // Nobody has marked anything yet.
    let epoch = <[u8; 8]>::try_from(&epoch[..]).unwrap_or_default();
    let number: Option<u64> = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    let (pairs, []) = found.as_chunks::<2>() else {
        return Ok(None);
    };
    let mut marks = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let [Value::BulkString(subject), Value::BulkString(moments)] = pair else {
            return Ok(None);
        };
        marks.push(at(subject::parse(subject)?, moments)?);
    }
    Ok(number.map(|number| {
        let next = Cursor::new([epoch, number.to_be_bytes()].concat());
        Told::new(marks, next, *more != 0).anew(*anew != 0)
    }))
}

/// The epoch and the number of a cursor.
fn position(cursor: &Cursor) -> Option<(u64, u64)> {
    let (epoch, number) = cursor.as_bytes().split_first_chunk()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    // Beyond it, numbers of a script are not exact.
    (number <= 1 << 53).then_some((u64::from_be_bytes(*epoch), number))
}

/// The mark of a subject whose moments these bytes are.
fn at(subject: Subject, moments: &[u8]) -> Result<Mark, Error> {
    let (begun_before, until) = moments
        .split_first_chunk()
        .and_then(|(begun_before, until)| Some((*begun_before, <[u8; 8]>::try_from(until).ok()?)))
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, "a mark in redis is not one of ours"))?;
    let moment = |bytes| Timestamp::from_unix_millis(u64::from_be_bytes(bytes));
    Ok(Mark::new(subject, moment(begun_before), moment(until)))
}
