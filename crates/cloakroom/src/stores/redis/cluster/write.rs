//! The conditional write. A session that becomes somebody's is filed under them first.

use cloakroom_store::{Cap, Error, ErrorKind, Expect, Principal, Revision, Write, Written};
use redis::Value;

use super::super::record;
use super::super::script::Invocation;
use super::{Inner, script};

/// What became of the write of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum One {
    Refused,
    Written,
    /// It would become somebody's under whom it was not filed.
    NotFiled,
}

impl Inner {
    /// Writes a record without a cap: in one step, and in two where it becomes somebody's.
    pub(super) async fn write(&self, request: &Write, revision: Revision) -> Result<Written, Error> {
        let written = match &request.record.principal {
            Some(principal) if looks_like_a_sign_in(request) => {
                self.file_and_write(request, revision, principal).await?
            }
            Some(principal) => match self.write_one(request, revision, None).await? {
                One::NotFiled => self.file_and_write(request, revision, principal).await?,
                written => written,
            },
            None => self.write_one(request, revision, None).await?,
        };
        Ok(match written {
            One::Written => Written::Applied {
                revision,
                ended: Vec::new(),
            },
            One::Refused | One::NotFiled => Written::Refused,
        })
    }

    async fn file_and_write(
        &self,
        request: &Write,
        revision: Revision,
        principal: &Principal,
    ) -> Result<One, Error> {
        let created = request.record.created;
        let until = self
            .file(&request.namespace, principal, request.id, created)
            .await?;
        self.write_one(request, revision, Some(until)).await
    }

    /// Writes the record, whoever's it is, if it was filed, until this moment.
    pub(super) async fn write_one(
        &self,
        request: &Write,
        revision: Revision,
        filed_until: Option<u64>,
    ) -> Result<One, Error> {
        const WHAT: &str = "write a session";
        let Write {
            namespace, record, ..
        } = request;
        let expected = match request.expect {
            Expect::Absent => Vec::new(),
            Expect::Revision(revision) => record::revision_bytes(revision).to_vec(),
        };
        let key = self.keys.session(namespace, &request.id);
        let answer = self
            .nodes
            .run(
                WHAT,
                Invocation {
                    script: &script::WRITE,
                    keys: &[key.as_bytes()],
                    arguments: &[
                        &expected,
                        &record::bytes(revision, record),
                        self.goes(record.expires).as_bytes(),
                        record.principal.as_ref().map_or("", Principal::as_str).as_bytes(),
                        filed_until
                            .map(|until| until.to_string())
                            .unwrap_or_default()
                            .as_bytes(),
                    ],
                },
            )
            .await?;
        match answer {
            Value::Int(0) => Ok(One::Refused),
            Value::Int(1) => Ok(One::Written),
            Value::Int(2) => Ok(One::NotFiled),
            Value::Int(3) => Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "could not {WHAT} in the redis cluster at {}: it took too long, or the clocks of its nodes differ",
                    self.nodes.settings().shown
                ),
            )),
            _ => Err(self.nonsense(WHAT)),
        }
    }
}

/// Whether a session becomes its principal's with this write, as far as one can tell without asking: then it is filed
/// first, which is never wrong. Otherwise it is asked for.
fn looks_like_a_sign_in(request: &Write) -> bool {
    request.expect == Expect::Absent || request.record.created == request.record.last_seen
}

/// Whether a cap is one that this release knows.
pub(super) fn is_known(cap: Cap) -> bool {
    matches!(cap, Cap::None | Cap::Refuse(_) | Cap::EndOldest(_))
}
