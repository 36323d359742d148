//! Registers sign-ins, where that was asked for, so that sealed sessions can be listed and ended one by one.

use std::num::NonZeroUsize;

use cloakroom_store::{
    Delete, Deleted, Entry, ErrorKind as StoreErrorKind, Expect, Id, List, Load, Owner, Principal, Query,
    Record, Store as _, Timestamp, Write, Written,
};

use super::marking::{hear, mark_session};
use crate::bounded::{Patience, bounded};
use crate::claims::Claims;
use crate::config::{Config, Sealed};
use crate::lifecycle::Why;
use crate::shared::Shared;
use crate::untold::Untold;
use crate::{Error, ErrorKind, deleting, events};

/// What is done, in messages.
const REGISTER: &str = "register sign-in";
const STRIKE_ALL: &str = "take the sessions of a principal, which have ended, off the list";

/// How many are looked at in one step.
const PAGE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

/// Registers who has signed in, in place of what was registered for the session before.
pub(super) async fn register(shared: &Shared, claims: &Claims) -> Result<(), Error> {
    let config = &shared.config;
    // There is nothing in it: the contents are in the cookie. It lives for as long as the session may, and what ends one
    // ends the other.
    let record = Record::new(claims.begun, claims.ends, &[][..])
        .with_last_seen(claims.seen)
        .with_principal(claims.principal.clone())
        .with_label(claims.label.clone());
    let mut patience = Patience::new(config.patience());
    let mut expect = Expect::Absent;
    loop {
        let write = Write::new(config.namespace.clone(), claims.id, expect, record.clone());
        match bounded(config.store_timeout, config.store.write(write)).await {
            Ok(Written::Applied { .. }) => return Ok(()),
            // It is signed in again, or an answer was lost.
            Ok(_) => {
                let noise = u64::from_le_bytes(config.random.draw()?);
                patience.wait(noise).await.map_err(|_| {
                    let message = "could not register sign-in: too many others write it at the same time";
                    Error::new(ErrorKind::Unavailable, message)
                })?;
            }
            Err(error) => patience.outlast(&config.random, REGISTER, error).await?,
        }
        let load = Load::new(config.namespace.clone(), claims.id).latest();
        expect = match bounded(config.store_timeout, config.store.load(load)).await {
            Ok(Some(stored)) => Expect::Revision(stored.revision),
            Ok(None) => Expect::Absent,
            Err(error) => {
                patience.outlast(&config.random, REGISTER, error).await?;
                expect
            }
        };
    }
}

/// Takes a session off the list. It has ended, also where this fails: then it is listed until it would have expired.
pub(super) async fn strike(config: &Config, id: Id, owner: Option<Principal>) {
    let delete = Delete::new(config.namespace.clone(), id, Owner::Is(owner));
    if let Err(error) = bounded(config.store_timeout, config.store.delete(delete)).await {
        events::still_listed(id, &error);
    }
}

/// Takes a principal's sessions that began before a moment, and have ended, off the list, where there is one; says how many.
///
/// Not what is registered by then: somebody may have signed in since, and is to be listed.
pub(super) async fn strike_all(
    config: &Config,
    sealed: &Sealed,
    (principal, keep): (&Principal, Option<Id>),
    begun_before: Timestamp,
) -> Result<u64, Error> {
    if !sealed.registers() {
        return Ok(0);
    }
    let mut patience = Patience::new(config.patience());
    let query = Query::default().principal(principal.clone());
    let mut list = List::new(config.namespace.clone(), query, PAGE);
    let mut struck = 0;
    loop {
        let page = match bounded(config.store_timeout, config.store.list(list.clone())).await {
            Ok(page) => page,
            // The server has been restarted meanwhile: from the beginning.
            Err(error) if list.after.is_some() && error.kind() == StoreErrorKind::InvalidCursor => {
                list = list.after(None);
                continue;
            }
            Err(error) => {
                events::retrying_all(&error);
                patience.outlast(&config.random, STRIKE_ALL, error).await?;
                continue;
            }
        };
        let have_ended = |entry: &&Entry| entry.created < begun_before && Some(entry.id) != keep;
        for entry in page.entries.iter().filter(have_ended) {
            let owner = Owner::Is(Some(principal.clone()));
            let delete = Delete::new(config.namespace.clone(), entry.id, owner);
            let deleted = deleting::delete(config, delete, &mut patience).await?;
            struck += u64::from(deleted == Deleted::Ended);
        }
        match page.next {
            Some(cursor) => list = list.after(Some(cursor)),
            None => return Ok(struck),
        }
    }
}

/// Ends a session of a principal that is registered.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where sign-ins are not.
pub(crate) async fn end_registered(
    shared: &Shared,
    sealed: &Sealed,
    id: Id,
    principal: Principal,
) -> Result<Deleted, Error> {
    let config = &shared.config;
    let load = Load::new(config.namespace.clone(), id).latest();
    let failed = |error| Error::store("end session", error);
    let found = bounded(config.store_timeout, config.store.load(load))
        .await
        .map_err(failed)?;
    match found {
        None => Ok(Deleted::Missing),
        Some(stored) if stored.record.principal.as_ref() != Some(&principal) => Ok(Deleted::NotOwner),
        Some(stored) => {
            if let Some(revocations) = &sealed.revocations
                && hear(shared, revocations, &principal).await?.is_none()
            {
                return Ok(Deleted::Missing);
            }
            let untold = Untold::new(config, id, Why::EndedByUser, Some(principal.clone()));
            mark_session(shared, sealed, (id, stored.record.expires), Timestamp::MAX).await?;
            untold.turns_out(Deleted::Ended);
            strike(config, id, Some(principal)).await;
            Ok(Deleted::Ended)
        }
    }
}
