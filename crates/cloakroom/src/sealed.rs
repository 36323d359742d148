//! Carries out what is done to sealed sessions: opens them, marks what ends, and seals what stays.

mod ending;
mod marking;
mod registry;

use std::time::Duration;

use cloakroom_store::{Deleted, Id, Timestamp};

use crate::bounded::bounded;
use crate::config::{Config, Sealed};
use crate::lifecycle::Why;
use crate::revocations::{LEARN, Revocations, Turn, Verdict};
use crate::sealed_cookie::Opened;
use crate::settle::sealed::Meaning;
use crate::shared::{Shared, announce};
use crate::state::{Pending, SealedStep, State};
use crate::untold::Untold;
use crate::{Error, ErrorKind, events, paseto};
use marking::{mark_session, moment_of, read_marks};

pub(crate) use ending::{end, end_all, end_all_of, end_others, mark_everyone};
pub(crate) use marking::asking;
pub(crate) use registry::end_registered;

/// What a request has of its cookie, whatever is to be believed of it.
///
/// # Errors
///
/// When this node lacks what it takes to know.
pub(crate) async fn open(config: &Config, sealed: &Sealed, text: &[u8]) -> Result<State, Error> {
    let now = config.clock.now();
    let (claims, data) = match sealed.cookie.open(text, now)? {
        Opened::Live(claims, data) => (claims, data),
        other => {
            match other {
                Opened::Malformed => events::malformed_token(),
                Opened::Unverifiable => events::cookie_unverifiable(),
                Opened::UnderRefusedKey(key, state) => events::cookie_under_refused_key(&key, &state),
                Opened::Expired | Opened::Live(..) => {}
            }
            return Ok(State::anonymous());
        }
    };
    if let Some(revocations) = &sealed.revocations {
        revocations.know(asking(config, now)).await?;
    }
    Ok(match sealed.verdict(&claims, claims.rotated) {
        Verdict::Counts => State::sealed(claims, data),
        Verdict::Rotated => {
            events::superseded(claims.id);
            State::superseded()
        }
        Verdict::Over => {
            events::revoked(claims.id);
            State::anonymous()
        }
    })
}

/// Settles what the request did to its session; the cookie is sealed when the response leaves.
///
/// The caller holds the session's gate. It may be dropped at any await: a mark that may have arrived is remembered, and
/// the same one is set by the next commit.
pub(crate) async fn commit(shared: &Shared, sealed: &Sealed) -> Result<(), Error> {
    let config = &shared.config;
    let mut id = None;
    loop {
        let step = shared.state().sealed_step(config, config.clock.now(), id);
        match step {
            SealedStep::Done => return Ok(()),
            SealedStep::Draw => id = Some(Id::from_bytes(config.random.draw()?)),
            SealedStep::Replay(replay) => shared.apply_again(replay)?,
            SealedStep::Dropped(id) => {
                events::dropped(id);
                return Ok(());
            }
            SealedStep::End(claims) => {
                let untold = Untold::new(
                    config,
                    claims.id,
                    Why::SignedInAsAnother,
                    claims.principal.clone(),
                );
                let marked = mark_session(shared, sealed, (claims.id, claims.ends), Timestamp::MAX).await?;
                // Where nobody can end it, it goes on.
                untold.turns_out(marked.map_or(Deleted::Missing, |_| Deleted::Ended));
                if sealed.registers() {
                    registry::strike(config, claims.id, claims.principal.clone()).await;
                }
                shared.state().ended_first(Deleted::Ended);
            }
            SealedStep::Seal(pending) => {
                if seal(shared, sealed, pending).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// Sets and reads the marks that a new cookie takes, and takes it up: `false` when the session turned out to be over.
async fn seal(shared: &Shared, sealed: &Sealed, mut pending: Pending) -> Result<bool, Error> {
    let id = pending.plan.next.id;
    let _turn = match (pending.plan.supersedes, &sealed.revocations) {
        (Some(_), Some(revocations)) => {
            Some(take_turn(shared, revocations, id, "give the session another token").await?)
        }
        _ => None,
    };
    if let (Some(_), Some(revocations)) = (pending.plan.supersedes, &sealed.revocations) {
        // What another node has ended, or given another token, is not to be carried on by a token that it has not heard of.
        read_marks(&shared.config, revocations).await?;
    }
    if !shared.state().counts(&shared.config) {
        // A neighbour was faster.
        return give_up(shared, id);
    }
    let next = &mut pending.plan.next;
    if let (Meaning::SignsIn, Some(revocations), Some(principal)) =
        (pending.plan.meaning, &sealed.revocations, next.principal.clone())
    {
        let moment = match pending.plan.supersedes {
            Some(_) => revocations.copy().moment_for(&principal),
            None => moment_of(&shared.config, revocations, &principal).await?,
        };
        // So it comes after every ending there is, also after one by a node with a faster clock.
        next.begun = next.begun.max(moment);
    }
    if let Some(ends) = pending.plan.supersedes {
        let moment = pending.plan.next.rotated;
        shared.state().stamps(moment);
        let marked = mark_session(shared, sealed, (id, ends), moment).await?;
        if marked.is_some_and(|mark| mark.begun_before > moment) {
            // A neighbour on another node was faster: it ended the session, or got it another token.
            return give_up(shared, id);
        }
    }
    if pending.plan.meaning == Meaning::SignsIn && sealed.registers() {
        registry::register(shared, &pending.plan.next).await?;
    }
    let effect = shared.state().take_up(pending);
    announce(&shared.config, id, effect, || shared.state().owner());
    Ok(true)
}

/// The session turned out to be over. A sign-in begins another one; anything else is dropped.
fn give_up(shared: &Shared, id: Id) -> Result<bool, Error> {
    let step = shared.state().is_over();
    match step {
        SealedStep::Replay(replay) => shared.apply_again(replay)?,
        _ => events::dropped(id),
    }
    Ok(false)
}

/// Waits for whoever on this node gives the same session another token, for as long as a commit may take.
async fn take_turn<'a>(
    shared: &Shared,
    revocations: &'a Revocations,
    id: Id,
    doing: &'static str,
) -> Result<Turn<'a>, Error> {
    let turn = async { Ok(revocations.turns().take(id).await) };
    bounded(shared.config.patience(), turn).await.map_err(|_| {
        let message = format!("could not {doing}: another request of this session waits for the store");
        Error::new(ErrorKind::Unavailable, message)
    })
}

/// Settles what the request did, if that takes neither the store nor a wait: as for most requests.
pub(crate) fn commit_at_once(state: &mut State, config: &Config) -> bool {
    let now = config.clock.now();
    let id = if state.begins() {
        match config.random.draw() {
            Ok(bytes) => Some(Id::from_bytes(bytes)),
            Err(_) => return false,
        }
    } else {
        None
    };
    match state.sealed_at_once(config, now, id) {
        Some(effect) => {
            if let Some(id) = state.id() {
                announce(config, id, effect, || state.owner());
            }
            true
        }
        None => false,
    }
}

/// The value of the cookie and for how long the browser keeps it; nothing, where the session is over by now.
///
/// # Errors
///
/// When there is no randomness.
pub(crate) fn conclude(
    state: &mut State,
    config: &Config,
    sealed: &Sealed,
) -> Result<Option<(String, Option<Duration>)>, Error> {
    let now = config.clock.now();
    let Some(claims) = state.claims() else {
        return Ok(None);
    };
    if now >= claims.expires() || !state.counts(config) {
        // It was over while the request ran: nothing brings it back.
        events::dropped(claims.id);
        return Ok(None);
    }
    let nonce: [u8; paseto::NONCE_LEN] = config.random.draw()?;
    let value = sealed.cookie.seal(claims, state.settled_data(), &nonce)?;
    let lives_for = claims.remembered.then(|| claims.ends.since(now));
    Ok(Some((value, lives_for)))
}

/// Reads the marks, now: whether the session still counts.
pub(crate) async fn confirm(shared: &Shared, sealed: &Sealed) -> Result<bool, Error> {
    let config = &shared.config;
    let now = config.clock.now();
    if shared.state().claims().is_none() {
        return Ok(false);
    }
    if let Some(revocations) = &sealed.revocations {
        let refresh = revocations.refresh(asking(config, now));
        bounded(config.store_timeout, refresh)
            .await
            .map_err(|error| Error::store(LEARN, error))?;
    }
    goes_on(shared)
}

/// Whether the session goes on, as far as this node knows; where it does not, what was done to it is dropped.
fn goes_on(shared: &Shared) -> Result<bool, Error> {
    let now = shared.config.clock.now();
    let over = {
        let mut state = shared.state();
        let expired = state.claims().is_some_and(|claims| now >= claims.expires());
        (expired || !state.counts(&shared.config)).then(|| state.is_over())
    };
    match over {
        None => return Ok(true),
        Some(SealedStep::Replay(replay)) => shared.apply_again(replay)?,
        Some(SealedStep::Dropped(id)) => events::dropped(id),
        Some(_) => {}
    }
    Ok(false)
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;
