//! Counters, on a single server and in a cluster: a key for each, which goes when it is over.

use cloakroom_store::{Counter, Error};
use redis::Value;

use super::keys::Keys;
use super::script::{self, Invocation, Scripts};

const ADD: &str = "count";
const TAKE_BACK: &str = "take back what was counted";

/// See [`Counters::add`](cloakroom_store::Counters::add).
///
/// It says when the key goes in the same step that makes it, so that none is left for ever.
pub(super) async fn add(
    scripts: &impl Scripts,
    keys: &Keys,
    counter: &Counter,
    goes: &str,
) -> Result<u64, Error> {
    let answer = scripts
        .run(
            ADD,
            Invocation {
                script: &script::ADD,
                keys: &[keys.counter(counter).as_bytes()],
                arguments: &[goes.as_bytes()],
            },
        )
        .await?;
    match answer {
        Value::Int(count) => u64::try_from(count).map_err(|_| scripts.nonsense(ADD)),
        _ => Err(scripts.nonsense(ADD)),
    }
}

/// See [`Counters::take_back`](cloakroom_store::Counters::take_back).
pub(super) async fn take_back(scripts: &impl Scripts, keys: &Keys, counter: &Counter) -> Result<(), Error> {
    let answer = scripts
        .run(
            TAKE_BACK,
            Invocation {
                script: &script::TAKE_BACK,
                keys: &[keys.counter(counter).as_bytes()],
                arguments: &[],
            },
        )
        .await?;
    match answer {
        Value::Int(1) => Ok(()),
        _ => Err(scripts.nonsense(TAKE_BACK)),
    }
}
