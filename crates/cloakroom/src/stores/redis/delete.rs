//! Ends one session, if it still belongs to whom the caller means.

use cloakroom_store::{Delete, Deleted, Error, Owner, Principal};
use redis::Value;

use super::keys::Keys;
use super::script::{self, Invocation, Scripts};

/// Ends one session.
pub(super) async fn delete(server: &impl Scripts, keys: &Keys, request: &Delete) -> Result<Deleted, Error> {
    const WHAT: &str = "end a session";
    let (owner, who) = match &request.owner {
        Owner::Any => ("any", ""),
        Owner::Is(who) => ("is", who.as_ref().map_or("", Principal::as_str)),
    };
    let answer = server
        .run(
            WHAT,
            Invocation {
                script: &script::DELETE,
                keys: &[keys.session(&request.namespace, &request.id).as_bytes()],
                arguments: &[
                    keys.indexes(&request.namespace).as_bytes(),
                    owner.as_bytes(),
                    who.as_bytes(),
                ],
            },
        )
        .await?;
    match answer {
        Value::Int(0) => Ok(Deleted::Missing),
        Value::Int(1) => Ok(Deleted::Ended),
        Value::Int(2) => Ok(Deleted::NotOwner),
        _ => Err(server.nonsense(WHAT)),
    }
}
