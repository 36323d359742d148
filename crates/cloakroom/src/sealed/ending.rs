//! Ends sealed sessions: this one, all of a principal, everyone's.

use std::time::Duration;

use cloakroom_store::{Deleted, Id, Mark, Principal, Subject, Timestamp};

use super::marking::{Heard, hear, mark_session, moment_of, read_marks, set_mark};
use super::{registry, take_turn};
use crate::bounded::Patience;
use crate::claims::Claims;
use crate::config::{Config, Sealed};
use crate::lifecycle::Why;
use crate::revocations::{Revocations, Verdict};
use crate::shared::Shared;
use crate::untold::{Untold, UntoldOfAll};
use crate::{Error, ErrorKind};

/// The least by which one moment is later than another.
const TICK: Duration = Duration::from_millis(1);

/// For as long as this, at most, a mark that is being set outdoes those who have not heard of it.
const LONGEST_TRIES: Duration = Duration::from_mins(5);

/// Ends the session of this request.
pub(crate) async fn end(shared: &Shared, sealed: &Sealed, why: Why) -> Result<Deleted, Error> {
    // Of an anonymous session tokens end, and whoever gives it another one at this moment is to hear of it first.
    let anonymous = shared
        .state()
        .claims()
        .filter(|claims| claims.principal.is_none())
        .map(|claims| claims.id);
    let _turn = match (anonymous, &sealed.revocations) {
        (Some(id), Some(revocations)) => Some(take_turn(shared, revocations, id, "end session").await?),
        _ => None,
    };
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

/// Ends all sessions of who is signed in but this one; says how many were registered.
pub(crate) async fn end_others(
    shared: &Shared,
    sealed: &Sealed,
    principal: &Principal,
) -> Result<u64, Error> {
    let config = &shared.config;
    let revocations = revocations(sealed)?;
    if shared.state().head_sent {
        return Err(Error::new(
            ErrorKind::TooLate,
            "could not sign out elsewhere: the response head has left, and with it the chance to send this session a \
             new cookie",
        ));
    }
    // It gets another token.
    let before = shared.state().id();
    let turn = match before {
        Some(id) => Some(take_turn(shared, revocations, id, "sign out elsewhere").await?),
        None => None,
    };
    // It will be stamped above every mark there is: had another node ended it, that would bring it back.
    let Some(Heard { asked, present }) = hear(shared, revocations, principal).await? else {
        return Ok(0);
    };
    // None, where it has ended meanwhile and a sign-in of this request begins another one.
    let this = shared.state().id();
    let above = asked.saturating_add(revocations.tolerated_skew()).max(present);
    let moment = above.saturating_add(TICK);
    let marked = mark_all(config, revocations, (principal, this), moment).await?;
    // Not at the mark as it stands by now: who has moved it further meant this one, too.
    let kept = keep(shared, revocations, principal, moment);
    if let Some(kept) = kept.filter(|_| sealed.registers() && marked == moment) {
        // As of this moment: whoever signs out the others next takes what is registered as of before for what has ended.
        registry::register(shared, &kept).await?;
    }
    drop(turn);
    registry::strike_all(config, sealed, (principal, this), moment).await
}

/// Stamps the session of this request at the mark that the others of its principal have ended by; answers it as it is then.
fn keep(
    shared: &Shared,
    revocations: &Revocations,
    principal: &Principal,
    moment: Timestamp,
) -> Option<Claims> {
    let mut state = shared.state();
    let rotated = state.rotated()?;
    let claims = state.claims()?;
    if claims.principal.as_ref() != Some(principal) {
        return None;
    }
    let now = shared.config.clock.now();
    // Later than any token that another node gave it before the others' mark was there, and which has ended by that.
    let rotated = now
        .saturating_add(revocations.tolerated_skew())
        .max(rotated.saturating_add(TICK));
    // Known here only, and only to tell what this session was from the others: a late request of the same
    // browser is to be dropped, and must not begin a session whose cookie would replace this one's.
    let until = claims.ends.saturating_add(revocations.tolerated_skew());
    revocations.copy().mark_session(claims.id, rotated, until);
    state.stay(moment, rotated, now);
    state.claims().cloned()
}

/// Ends all sessions of who is signed in, this one too; says how many were registered.
pub(crate) async fn end_all(shared: &Shared, sealed: &Sealed, principal: &Principal) -> Result<u64, Error> {
    let config = &shared.config;
    let revocations = revocations(sealed)?;
    let Some(Heard { present, .. }) = hear(shared, revocations, principal).await? else {
        return Ok(0);
    };
    let moment = above_all(config, revocations, present);
    let moment = mark_all(config, revocations, (principal, None), moment).await?;
    shared.state().end_here();
    registry::strike_all(config, sealed, (principal, None), moment).await
}

/// Ends all sessions of a principal; says how many were registered.
pub(crate) async fn end_all_of(
    config: &Config,
    sealed: &Sealed,
    principal: &Principal,
) -> Result<u64, Error> {
    let revocations = revocations(sealed)?;
    // A session that was stamped at the mark there is, is to end too.
    let present = moment_of(config, revocations, principal).await?;
    let moment = above_all(config, revocations, present);
    let moment = mark_all(config, revocations, (principal, None), moment).await?;
    registry::strike_all(config, sealed, (principal, None), moment).await
}

/// Marks a principal, and tells it, and which session is to be kept; answers the mark as it stands then.
async fn mark_all(
    config: &Config,
    revocations: &Revocations,
    (principal, kept): (&Principal, Option<Id>),
    moment: Timestamp,
) -> Result<Timestamp, Error> {
    let untold = UntoldOfAll::new(config, principal, kept);
    let subject = Subject::Principal(principal.clone());
    let mark = mark_at(config, revocations, subject, moment);
    let marked = set_mark(config, revocations, mark, "end the sessions of a principal").await;
    untold.turns_out(&marked);
    Ok(marked?.begun_before)
}

/// Marks everyone above everything that was begun until now; answers the moment before which nothing counts any more.
pub(crate) async fn mark_everyone(config: &Config, sealed: &Sealed) -> Result<Timestamp, Error> {
    let revocations = revocations(sealed)?;
    // Whoever has signed in since a mark of theirs was stamped at it, and is to end too.
    read_marks(config, revocations).await?;
    let moment = above_all(config, revocations, revocations.copy().latest());
    let mark = mark_at(config, revocations, Subject::Everyone, moment);
    let marked = set_mark(config, revocations, mark, "end everyone's sessions").await?;
    Ok(marked.begun_before)
}

/// A moment later than `present`, than any clock of a node, and than the mark that [`end_others`] sets on a node that has not
/// heard of this one: its session would be above this mark, and would have escaped. Such a node has told the time before this
/// mark was there, and so at the latest when the last try to set it may have arrived.
///
/// Bounded, also where a store may take for ever: there must be room for another ending after this one.
fn above_all(config: &Config, revocations: &Revocations, present: Timestamp) -> Timestamp {
    let skew = revocations.tolerated_skew();
    let tries = config
        .patience()
        .saturating_add(config.store_timeout.saturating_mul(2))
        .saturating_add(Patience::LONGEST_PAUSE)
        .min(LONGEST_TRIES);
    let latest = config.clock.now().saturating_add(skew).max(present);
    latest
        .saturating_add(skew)
        .saturating_add(tries)
        .saturating_add(TICK)
}

/// A mark at a moment, for as long as there can be a session that it is about.
fn mark_at(config: &Config, revocations: &Revocations, subject: Subject, moment: Timestamp) -> Mark {
    // A session that is stamped at the mark lives no longer than any other.
    let until = moment
        .saturating_add(config.policy.longest())
        .saturating_add(revocations.tolerated_skew());
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
