//! The conditional write: one script on the key of the session, and on the index where it is on the same server.

use cloakroom_store::{Cap, Error, ErrorKind, Expect, Id, Revision, Write, Written};
use redis::Value;

use super::keys::{self, Keys};
use super::record;
use super::script::{self, Invocation, Scripts};

/// Writes a record at this revision, under a key that goes at that time.
pub(super) async fn write(
    server: &impl Scripts,
    keys: &Keys,
    request: &Write,
    revision: Revision,
    goes: &str,
) -> Result<Written, Error> {
    const WHAT: &str = "write a session";
    let Write {
        namespace, record, ..
    } = request;
    let expected = match request.expect {
        Expect::Absent => None,
        Expect::Revision(revision) => Some(record::revision_bytes(revision)),
    };
    let cap = match request.cap {
        Cap::None => None,
        Cap::Refuse(most) => Some(("refuse", most.to_string())),
        Cap::EndOldest(most) => Some(("end oldest", most.to_string())),
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the redis store does not know this kind of cap: use one release of all crates",
            ));
        }
    };
    let (record, indexes) = (record::bytes(revision, record), keys.indexes(namespace));
    let now = record::time_bytes(request.now);
    let mut arguments: Vec<&[u8]> = vec![
        expected.as_ref().map_or(&[], |revision| &revision[..]),
        &record,
        goes.as_bytes(),
        indexes.as_bytes(),
    ];
    if let Some((cap, most)) = &cap {
        arguments.extend([cap.as_bytes(), most.as_bytes(), &now]);
    }
    let answer = server
        .run(
            WHAT,
            Invocation {
                script: &script::WRITE,
                keys: &[keys.session(namespace, &request.id).as_bytes()],
                arguments: &arguments,
            },
        )
        .await?;
    match answer {
        Value::Int(0) => Ok(Written::Refused),
        Value::Int(1) => Ok(Written::AtCap),
        Value::Int(2) => Ok(Written::Applied {
            revision,
            ended: Vec::new(),
        }),
        Value::Array(ended) => {
            let ended: Option<Vec<Id>> = ended.iter().map(keys::id_in).collect();
            let ended = ended.ok_or_else(|| server.nonsense(WHAT))?;
            Ok(Written::Applied { revision, ended })
        }
        _ => Err(server.nonsense(WHAT)),
    }
}
