//! Ends sealed sessions: this one, all of a principal, everyone's.

use std::time::Duration;

use cloakroom_store::{Deleted, Id, Mark, Principal, Subject, Timestamp};

use super::marking::{mark_session, moment_of, read_marks, set_mark};
use super::{goes_on, registry};
use crate::config::{Config, Sealed};
use crate::lifecycle::Why;
use crate::revocations::{Revocations, Verdict};
use crate::shared::Shared;
use crate::untold::{Untold, UntoldOfAll};
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
    let untold = Untold::new(&shared.config, claims.id, why, claims.principal.clone());
    let marked = mark_session(shared, sealed, (claims.id, claims.ends), moment).await?;
    if marked.is_some_and(|mark| mark.begun_before > moment) {
        untold.turns_out(Deleted::NotOwner);
        return Ok(Deleted::NotOwner);
    }
    untold.turns_out(Deleted::Ended);
    if sealed.registers() && claims.principal.is_some() {
        registry::strike(&shared.config, claims.id, claims.principal).await;
    }
    Ok(Deleted::Ended)
}

/// Ends all sessions of a principal, but for the one of this request where it is to stay: `false` when that one turned out
/// to be over, and nothing was done.
pub(crate) async fn end_all_of(
    shared: &Shared,
    sealed: &Sealed,
    principal: &Principal,
    this: This,
) -> Result<bool, Error> {
    let config = &shared.config;
    let revocations = revocations(sealed)?;
    if this == This::Stays {
        if shared.state().head_sent {
            return Err(Error::new(
                ErrorKind::TooLate,
                "could not sign out elsewhere: the response head has left, and with it the chance to send this session a \
                 new cookie",
            ));
        }
        // It will be stamped above every mark there is: had another node ended it, that would bring it back.
        read_marks(config, revocations).await?;
        if !goes_on(shared)? && shared.state().drops_changes() {
            return Ok(false);
        }
    }
    let present = match this {
        This::Stays => revocations.copy().moment_for(principal),
        This::Ends => moment_of(config, revocations, principal).await?,
    };
    let begun = shared.state().claims().map(|claims| claims.begun);
    let above = present.max(begun.unwrap_or_default());
    let kept = match this {
        This::Stays => shared.state().id(),
        This::Ends => None,
    };
    let moment = set_above(config, revocations, (principal, kept), above).await?;
    let mut state = shared.state();
    if let (This::Stays, Some(claims)) = (this, state.claims())
        && claims.principal.as_ref() == Some(principal)
    {
        let now = config.clock.now();
        let rotated = now.max(claims.rotated.saturating_add(TICK));
        // Known here only, and only to tell what this session was from the others: a late request of the same
        // browser is to be dropped, and must not begin a session whose cookie would replace this one's.
        let until = claims.ends.saturating_add(revocations.tolerated_skew());
        revocations.copy().mark_session(claims.id, rotated, until);
        state.stay(moment, rotated, now);
    }
    Ok(true)
}

/// Whether the session of the request stays, when the others of its principal end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum This {
    Stays,
    Ends,
}

/// Marks a principal above everything that was begun until now.
pub(crate) async fn mark_principal(
    config: &Config,
    sealed: &Sealed,
    principal: &Principal,
) -> Result<(), Error> {
    let revocations = revocations(sealed)?;
    let present = moment_of(config, revocations, principal).await?;
    set_above(config, revocations, (principal, None), present)
        .await
        .map(drop)
}

/// Marks a principal, also above the mark there is: a session that was stamped at that is to end too. Tells it, and which one is
/// to be kept.
async fn set_above(
    config: &Config,
    revocations: &Revocations,
    (principal, kept): (&Principal, Option<Id>),
    present: Timestamp,
) -> Result<Timestamp, Error> {
    let untold = UntoldOfAll::new(config, principal, kept);
    let subject = Subject::Principal(principal.clone());
    let mark = mark_above(config, revocations, subject, present);
    let marked = set_mark(config, revocations, mark, "end the sessions of a principal").await;
    untold.turns_out(&marked);
    Ok(marked?.begun_before)
}

/// Marks everyone above everything that was begun until now; answers the moment before which nothing counts any more.
pub(crate) async fn mark_everyone(config: &Config, sealed: &Sealed) -> Result<Timestamp, Error> {
    let revocations = revocations(sealed)?;
    // Whoever has signed in since a mark of theirs was stamped at it, and is to end too.
    read_marks(config, revocations).await?;
    let latest = revocations.copy().latest();
    let mark = mark_above(config, revocations, Subject::Everyone, latest);
    let marked = set_mark(config, revocations, mark, "end everyone's sessions").await?;
    Ok(marked.begun_before)
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
