//! Ends one session, if it belongs to whom the caller means.

use cloakroom_store::{Delete, Deleted, Error, Owner, Principal};

use super::values::Values;
use super::{Mysql, row};

/// What is done, in messages.
const DOING: &str = "end a session";

/// See [`Store::delete`](cloakroom_store::Store::delete).
pub(super) async fn delete(store: &Mysql, request: &Delete) -> Result<Deleted, Error> {
    match &request.owner {
        Owner::Any => {
            let values = || Values::of(&request.namespace).id(&request.id);
            let answer = store.ask(DOING, include_str!("sql/end.sql"), values).await?;
            Ok(if answer.affected > 0 {
                Deleted::Ended
            } else {
                Deleted::Missing
            })
        }
        Owner::Is(owner) => delete_owned(store, request, owner.as_ref()).await,
    }
}

/// Ends it, and only when there was nothing to end asks why: there was none, or it is somebody else's.
async fn delete_owned(store: &Mysql, request: &Delete, owner: Option<&Principal>) -> Result<Deleted, Error> {
    let Delete { namespace, id, .. } = request;
    loop {
        let values = || Values::of(namespace).id(id).principal(owner);
        let answer = store
            .ask(DOING, include_str!("sql/end_owned.sql"), values)
            .await?;
        if answer.affected > 0 {
            return Ok(Deleted::Ended);
        }
        let values = || Values::default().principal(owner).namespace(namespace).id(id);
        let mut answer = store.read(DOING, include_str!("sql/owned.sql"), values).await?;
        match answer.rows.pop().map(row::number).transpose()? {
            None => return Ok(Deleted::Missing),
            Some(0) => return Ok(Deleted::NotOwner),
            // It has become the owner's since: it is there to be ended.
            Some(_) => {}
        }
    }
}
