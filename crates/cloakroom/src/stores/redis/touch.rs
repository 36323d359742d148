//! The touch: moves the times of a record where they are, without the rest.

use cloakroom_store::{Error, Touch, Touched};
use redis::Value;

use super::keys::Keys;
use super::record;
use super::script::{self, Invocation, Scripts};

/// Moves last seen and the expiry forward, and with them the time at which the key goes.
pub(super) async fn touch(
    server: &impl Scripts,
    keys: &Keys,
    request: &Touch,
    goes: &str,
) -> Result<Touched, Error> {
    const WHAT: &str = "touch a session";
    let answer = server
        .run(
            WHAT,
            Invocation {
                script: &script::TOUCH,
                keys: &[keys.session(&request.namespace, &request.id).as_bytes()],
                arguments: &[
                    &record::revision_bytes(request.revision),
                    &record::time_bytes(request.last_seen),
                    &record::time_bytes(request.expires),
                    goes.as_bytes(),
                    keys.indexes(&request.namespace).as_bytes(),
                ],
            },
        )
        .await?;
    match answer {
        Value::Int(0) => Ok(Touched::Refused),
        Value::Int(1) => Ok(Touched::Applied(request.revision)),
        _ => Err(server.nonsense(WHAT)),
    }
}
