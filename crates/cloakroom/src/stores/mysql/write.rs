//! The one conditional write: a statement, or with a cap a procedure, that the server decides.

use cloakroom_store::{Cap, Error, ErrorKind, Expect, Id, Write, Written};

use super::lease::{Answer, Refusal};
use super::values::Values;
use super::{Mysql, row};
use crate::stores::sql;

/// What is done, in messages.
const DOING: &str = "write a session";

/// See [`Store::write`](cloakroom_store::Store::write).
pub(super) async fn write(store: &Mysql, request: &Write) -> Result<Written, Error> {
    if request.record.body.len() > store.0.card.max_body {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "the session is larger than the database takes: keep less in it, or raise max_allowed_packet where that \
             is what limits it",
        ));
    }
    let limit = match request.cap {
        // Nobody's sessions are not counted.
        _ if request.record.principal.is_none() => None,
        Cap::None => None,
        Cap::Refuse(places) => Some((places, false)),
        Cap::EndOldest(places) => Some((places, true)),
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the MySQL store does not know this kind of cap: use one release of all crates",
            ));
        }
    };
    match limit {
        None => write_unlimited(store, request).await,
        Some((places, end_oldest)) => write_capped(store, request, places.get(), end_oldest).await,
    }
}

async fn write_unlimited(store: &Mysql, request: &Write) -> Result<Written, Error> {
    let Write {
        namespace,
        id,
        record,
        ..
    } = request;
    let revision = store.0.revisions.mint();
    let answer = match request.expect {
        Expect::Absent => {
            let values = || Values::of(namespace).id(id).record(revision, record);
            store.try_ask(DOING, include_str!("sql/create.sql"), values).await
        }
        Expect::Revision(seen) => {
            let values = || {
                Values::default()
                    .record(revision, record)
                    .namespace(namespace)
                    .id(id)
                    .revision(seen)
            };
            store
                .try_ask(DOING, include_str!("sql/replace.sql"), values)
                .await
        }
    };
    match answer {
        Ok(Answer { affected: 0, .. }) | Err(Refusal::Exists) => Ok(Written::Refused),
        Ok(_) => Ok(Written::Applied {
            revision,
            ended: Vec::new(),
        }),
        Err(Refusal::Failed(error)) => Err(error),
    }
}

async fn write_capped(
    store: &Mysql,
    request: &Write,
    places: u32,
    end_oldest: bool,
) -> Result<Written, Error> {
    let revision = store.0.revisions.mint();
    let values = || {
        let values = Values::of(&request.namespace).id(&request.id);
        let values = match request.expect {
            Expect::Absent => values.nothing(),
            Expect::Revision(seen) => values.revision(seen),
        };
        values
            .record(revision, &request.record)
            .moment(request.now)
            .number(places.into())
            .number(end_oldest.into())
    };
    let answer = store
        .try_ask(DOING, include_str!("sql/call_write_capped.sql"), values)
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(Refusal::Exists) => return Ok(Written::Refused),
        Err(Refusal::Failed(error)) => return Err(error),
    };
    let row = answer.rows.into_iter().next();
    let (outcome, ended) = row::pair(row.ok_or_else(|| sql::corrupt("a procedure that answers nothing"))?)?;
    match &outcome[..] {
        b"applied" => Ok(Written::Applied {
            revision,
            ended: ended.chunks(Id::LEN).map(sql::id).collect::<Result<_, _>>()?,
        }),
        b"at cap" => Ok(Written::AtCap),
        b"refused" => Ok(Written::Refused),
        _ => Err(sql::corrupt("a procedure of another release")),
    }
}
