//! Carries out what settle decides, until the store has taken it or there is nothing left to do.

use cloakroom_store::{
    Cap, Delete, ErrorKind as StoreErrorKind, Id, Load, Principal, Store as _, Touch, Touched, Write, Written,
};

use crate::bounded::{Patience, bounded};
use crate::config::Config;
use crate::lifecycle::{Happened, Why};
use crate::recent::Tag;
use crate::settle::Fresh;
use crate::shared::{self, Shared};
use crate::state::{Doubt, Effect, Found, Reading, Step};
use crate::untold::Untold;
use crate::{Error, ErrorKind, deleting, events, sealed};

/// What is done, in messages.
const WRITE: &str = "write session";

/// Writes what the request did to its session.
///
/// The caller holds the session's gate, so one commit runs at a time. It may be dropped at any await: what is
/// under way is remembered in the state, and the next commit finds out first what became of it.
pub(crate) async fn commit(shared: &Shared) -> Result<(), Error> {
    if shared.state().is_settled() {
        return Ok(());
    }
    if let Some(sealed) = &shared.config.sealed {
        return sealed::commit(shared, sealed).await;
    }
    let _told = LeftInDoubt(shared);
    let mut patience = Patience::new(shared.config.patience());
    let mut next = Next::Step(shared.state().doubt());
    loop {
        next = match next {
            Next::Done => return Ok(()),
            Next::Step(Doubt::About(id)) => find_out(shared, id, Reading::IfChanged, &mut patience).await?,
            Next::Step(Doubt::None) => match decide(shared)? {
                // Nothing is drawn for twice: with randomness there is always something else to do.
                Step::Done | Step::Draw => Next::Done,
                Step::Touch(request) => touch(shared, request).await,
                Step::Replay(replay) => shared.apply_again(replay).map(|()| Next::Step(Doubt::None))?,
                // On the word of a copy nobody's session is ended: it may be another token's by now.
                Step::End(delete) if shared.state().is_copy() => {
                    find_out(shared, delete.id, Reading::Anew, &mut patience).await?
                }
                Step::End(delete) => end(shared, delete, &mut patience).await?,
                Step::Write { write: request, tag } => write(shared, request, tag, &mut patience).await?,
            },
        };
    }
}

/// How a commit goes on.
enum Next {
    Done,
    /// Take another step, once this doubt has been cleared up.
    Step(Doubt),
}

/// Asks what to do, with randomness only where something is to be written.
fn decide(shared: &Shared) -> Result<Step, Error> {
    let config = &shared.config;
    let now = config.clock.now();
    let draw = || config.random.draw().map(|bytes| Fresh::from_bytes(&bytes));
    // What was changed is nearly always to be written: no need to ask first.
    let changed = shared.state().is_changed();
    let fresh = changed.then(draw).transpose()?;
    let step = shared.state().step(config, now, fresh);
    match step {
        Step::Draw => {
            let fresh = draw()?;
            Ok(shared.state().step(config, now, Some(fresh)))
        }
        step => Ok(step),
    }
}

/// Clears up what became of a session, or stays in doubt for another try.
async fn find_out(shared: &Shared, id: Id, reading: Reading, patience: &mut Patience) -> Result<Next, Error> {
    let config = &shared.config;
    match reload(shared, id, reading).await {
        Ok(()) => Ok(Next::Step(Doubt::None)),
        Err(Failure::Store(error)) => {
            events::retrying(id, &error);
            patience.outlast(&config.random, WRITE, error).await?;
            Ok(Next::Step(Doubt::About(id)))
        }
        Err(Failure::Other(error)) => Err(error),
    }
}

/// Touches the session. A touch that fails fails nothing: the session may end sooner.
async fn touch(shared: &Shared, touch: Touch) -> Next {
    let config = &shared.config;
    let (id, last_seen, expires) = (touch.id, touch.last_seen, touch.expires);
    match bounded(config.store_timeout, config.store.touch(touch)).await {
        Ok(Touched::Applied(revision)) => shared.state().touched(revision, last_seen, expires),
        Ok(Touched::Refused) => {}
        Err(error) => events::touch_failed(id, &error),
    }
    Next::Done
}

/// Ends the session of somebody else, before this request's own begins.
async fn end(shared: &Shared, delete: Delete, patience: &mut Patience) -> Result<Next, Error> {
    let config = &shared.config;
    let untold = Untold::new(config, delete.id, Why::SignedInAsAnother, shared.state().owner());
    let deleted = deleting::delete(config, delete, patience).await?;
    shared.state().ended_first(deleted);
    untold.turns_out(deleted);
    Ok(Next::Step(Doubt::None))
}

/// Writes the session. Refused, or without an answer, there is something to find out first.
async fn write(shared: &Shared, write: Write, tag: Tag, patience: &mut Patience) -> Result<Next, Error> {
    let config = &shared.config;
    let id = write.id;
    match bounded(config.store_timeout, config.store.write(write)).await {
        Ok(Written::Applied { revision, ended }) => {
            let effect = shared.state().applied(tag, revision);
            for id in ended {
                config.outdate(id);
                let owner = || shared.state().owner();
                config.tell(id, Happened::Ended(Why::OverLimit), owner);
            }
            took_effect(shared, id, effect);
            Ok(Next::Done)
        }
        Ok(Written::AtCap) => {
            // Said once: a handler that heard it from `save` answers with a page of its own.
            let mut state = shared.state();
            state.give_up();
            state.drop_changes();
            Err(Error::new(
                ErrorKind::AtCap,
                "could not sign in: as many sessions as the policy allows",
            ))
        }
        Ok(_) => {
            let doubt = shared.state().refused(tag);
            wait(shared, patience).await?;
            Ok(Next::Step(doubt))
        }
        Err(error) if error.kind() == StoreErrorKind::Unavailable => {
            events::retrying(id, &error);
            patience.outlast(&config.random, WRITE, error).await?;
            Ok(Next::Step(shared.state().doubt()))
        }
        Err(error) => {
            shared.state().give_up();
            Err(Error::store(WRITE, error))
        }
    }
}

/// Tells what a write meant, once it is known to have been applied.
fn took_effect(shared: &Shared, id: Id, effect: Effect) {
    let config = &shared.config;
    if (effect.signs_in() || effect == Effect::Rotated)
        && let Some((token, rotated)) = shared.state().token()
    {
        config.outdate_tokens_before(token, rotated);
    }
    shared::announce(config, id, effect, || shared.state().owner());
}

/// A commit that is dropped, or gives up, before it has heard what became of a sign-in: that may have ended somebody's
/// oldest session all the same, and nobody would say so.
struct LeftInDoubt<'a>(&'a Shared);

impl Drop for LeftInDoubt<'_> {
    fn drop(&mut self) {
        let principal = self.0.state().signing_in().cloned();
        if let Some(principal) = principal {
            others_may_have_ended(&self.0.config, &principal);
        }
    }
}

/// Tells that a sign-in may have ended the oldest session of its principal: the answer would have said which.
fn others_may_have_ended(config: &Config, principal: &Principal) {
    if matches!(config.policy.cap, Cap::EndOldest(_)) {
        config.outdate_principal(principal);
        config.tell_all(Happened::MayHaveEnded(Why::OverLimit), Some(principal));
    }
}

/// Reads the session again and takes it up as it is now: `false` when it is over, or never was.
pub(crate) async fn refresh(shared: &Shared) -> Result<bool, Error> {
    if let Some(sealed) = &shared.config.sealed {
        return sealed::confirm(shared, sealed).await;
    }
    let doubt = shared.state().doubt();
    let id = match doubt {
        Doubt::About(id) => Some(id),
        Doubt::None => shared.state().id(),
    };
    let Some(id) = id else { return Ok(false) };
    match reload(shared, id, Reading::Anew).await {
        Ok(()) => Ok(shared.state().id().is_some()),
        Err(Failure::Store(error)) => Err(Error::store("read session", error)),
        Err(Failure::Other(error)) => Err(error),
    }
}

/// Finds out what became of a write that was dropped half way. A new token it has stored would be nobody's.
pub(crate) async fn settle_doubt(shared: &Shared) -> Result<(), Error> {
    let doubt = shared.state().doubt();
    match doubt {
        Doubt::None => Ok(()),
        Doubt::About(_) => refresh(shared).await.map(drop),
    }
}

/// Why it is not known what became of a session.
enum Failure {
    /// The store could not be asked: worth another try.
    Store(cloakroom_store::Error),
    /// Anything else is not.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

async fn reload(shared: &Shared, id: Id, reading: Reading) -> Result<(), Failure> {
    let config = &shared.config;
    // Not a copy: with one, what was refused would be refused again.
    let load = Load::new(config.namespace.clone(), id).latest();
    let stored = bounded(config.store_timeout, config.store.load(load))
        .await
        .map_err(Failure::Store)?;
    let found = shared
        .state()
        .reconsider(stored, config, config.clock.now(), reading)?;
    match found {
        Found::Unchanged => {}
        Found::Changed(replay) => shared.apply_again(replay)?,
        Found::Written(replay, effect) => {
            let owner = shared.state().owner();
            if let (true, Some(principal)) = (effect.signs_in(), owner) {
                others_may_have_ended(config, &principal);
            }
            took_effect(shared, id, effect);
            shared.apply_again(replay)?;
        }
        Found::Over => events::dropped(id),
    }
    Ok(())
}

async fn wait(shared: &Shared, patience: &mut Patience) -> Result<(), Error> {
    let noise = u64::from_le_bytes(shared.config.random.draw()?);
    patience.wait(noise).await.map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "could not write session: too many others write it at the same time",
        )
    })
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;
