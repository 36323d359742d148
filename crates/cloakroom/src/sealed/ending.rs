//! Ends sealed sessions: this one, all of a principal, everyone's.

use std::time::Duration;

use cloakroom_store::{Deleted, Mark, Principal, Subject, Timestamp};

use super::{asking, mark_session, registry};
use crate::config::{Config, Sealed};
use crate::lifecycle::{Happened, Why};
use crate::revocations::{Revocations, Verdict};
use crate::shared::Shared;
use crate::{Error, ErrorKind};

/// The least by which one moment is later than another.
const TICK: Duration = Duration::from_millis(1);

/// Ends the session of this request.
pub(crate) async fn end(shared: &Shared, sealed: &Sealed, why: Why) -> Result<Deleted, Error> {
    let (claims, verdict, rotated) = {
        let state = shared.state();
        match (state.claims(), state.rotated()) {
            (Some(claims), Some(rotated)) => (claims.clone(), sealed.verdict(claims, rotated), rotated),
            _ => return Ok(Deleted::Missing),
        }
    };
    match verdict {
        Verdict::Over => return Ok(Deleted::Missing),
        Verdict::Rotated => return Ok(Deleted::NotOwner),
        Verdict::Counts => {}
    }
    // All tokens of a session that is signed in. Of an anonymous one those up to this one: a neighbour may have signed
    // in with it by now, on another node, and a late sign-out does not end that.
    let moment = match claims.principal {
        Some(_) => Timestamp::MAX,
        None => rotated.saturating_add(TICK),
    };
    let marked = mark_session(shared, sealed, (claims.id, claims.ends), moment).await?;
    if marked.is_some_and(|mark| mark.begun_before > moment) {
        return Ok(Deleted::NotOwner);
    }
    let owner = || claims.principal.clone();
    shared.config.tell(claims.id, Happened::Ended(why), owner);
    if sealed.registers() && claims.principal.is_some() {
        registry::strike(&shared.config, claims.id, claims.principal).await;
    }
    Ok(Deleted::Ended)
}

/// Ends all sessions of a principal, but for the one of this request where it is to stay.
pub(crate) async fn end_all_of(
    shared: &Shared,
    sealed: &Sealed,
    principal: &Principal,
    this: This,
) -> Result<(), Error> {
    let config = &shared.config;
    let revocations = revocations(sealed)?;
    let (begun, rotated) = {
        let state = shared.state();
        if this == This::Stays && state.head_sent {
            return Err(Error::new(
                ErrorKind::TooLate,
                "could not sign out elsewhere: the response head has left, and with it the chance to send this session a \
                 new cookie",
            ));
        }
        state
            .claims()
            .map_or_else(Default::default, |claims| (claims.begun, claims.rotated))
    };
    let moment = mark_principal(config, sealed, principal, begun).await?;
    if this == This::Stays {
        let now = config.clock.now();
        let rotated = now.max(rotated.saturating_add(TICK));
        let mut state = shared.state();
        if let Some(claims) = state.claims() {
            // Known here only, and only to tell what this session was from the others: a late request of the same
            // browser is to be dropped, and must not begin a session whose cookie would replace this one's.
            let until = claims.ends.saturating_add(revocations.tolerated_skew());
            revocations.copy().mark_session(claims.id, rotated, until);
        }
        state.stay(moment, rotated, now);
    }
    Ok(())
}

/// Whether the session of the request stays, when the others of its principal end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum This {
    Stays,
    Ends,
}

/// Marks a principal above everything that was begun until now, at `begun` too; answers the mark.
pub(crate) async fn mark_principal(
    config: &Config,
    sealed: &Sealed,
    principal: &Principal,
    begun: Timestamp,
) -> Result<Timestamp, Error> {
    let revocations = revocations(sealed)?;
    let failed = |error| Error::store("end the sessions of a principal", error);
    let asking = asking(config, config.clock.now());
    // A session that was stamped at the mark there is, is to end too.
    let present = revocations.moment_of(asking, principal).await.map_err(failed)?;
    let subject = Subject::Principal(principal.clone());
    let mark = mark_above(config, revocations, subject, present.max(begun));
    revocations
        .mark(asking, mark)
        .await
        .map_err(failed)
        .map(|mark| mark.begun_before)
}

/// Marks everyone above everything that was begun until now.
pub(crate) async fn mark_everyone(config: &Config, sealed: &Sealed) -> Result<(), Error> {
    let revocations = revocations(sealed)?;
    let failed = |error| Error::store("end everyone's sessions", error);
    let asking = asking(config, config.clock.now());
    // Whoever has signed in since a mark of theirs was stamped at it, and is to end too.
    revocations.refresh(asking).await.map_err(failed)?;
    let mark = mark_above(
        config,
        revocations,
        Subject::Everyone,
        revocations.copy().latest(),
    );
    revocations.mark(asking, mark).await.map_err(failed).map(drop)
}

/// A mark later than `present`, and than any clock of a node.
fn mark_above(config: &Config, revocations: &Revocations, subject: Subject, present: Timestamp) -> Mark {
    let skew = revocations.tolerated_skew();
    let latest = config.clock.now().saturating_add(skew).max(present);
    let moment = latest.saturating_add(TICK);
    // A session that is stamped at the mark lives no longer than any other.
    let until = moment
        .saturating_add(config.policy.longest())
        .saturating_add(skew);
    Mark::new(subject, moment, until)
}

/// # Errors
///
/// [`ErrorKind::Unsupported`] where sessions cannot be ended.
fn revocations(sealed: &Sealed) -> Result<&Revocations, Error> {
    sealed.revocations.as_ref().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            "sealed sessions without revocation end when their cookies do: give `Sessions::sealed` a `Revocations`",
        )
    })
}
