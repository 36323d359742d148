//! Sets marks and reads them, in a store that may need several tries.

use cloakroom_store::{Id, Mark, Principal, Subject, Timestamp};

use super::goes_on;
use crate::Error;
use crate::bounded::{Patience, bounded};
use crate::config::{Config, Sealed};
use crate::revocations::{Asking, LEARN, Revocations};
use crate::shared::Shared;

/// Marks the tokens of a session from before a moment, until those would have ended anyway.
pub(super) async fn mark_session(
    shared: &Shared,
    sealed: &Sealed,
    (id, ends): (Id, Timestamp),
    moment: Timestamp,
) -> Result<Option<Mark>, Error> {
    let Some(revocations) = &sealed.revocations else {
        return Ok(None);
    };
    let until = ends.saturating_add(revocations.tolerated_skew());
    let mark = Mark::new(Subject::Session(id), moment, until);
    let marked = set_mark(&shared.config, revocations, mark, "end session").await?;
    Ok(Some(marked))
}

/// Sets a mark, in a store that may need several tries; answers it as it stands now.
pub(super) async fn set_mark(
    config: &Config,
    revocations: &Revocations,
    mark: Mark,
    doing: &'static str,
) -> Result<Mark, Error> {
    let mut patience = Patience::new(config.patience());
    loop {
        let asking = asking(config, config.clock.now());
        // The same mark again moves nothing, so a lost answer is asked for once more.
        match revocations.mark(asking, mark.clone()).await {
            Ok(mark) => return Ok(mark),
            Err(error) => patience.outlast(&config.random, doing, error).await?,
        }
    }
}

/// Reads what is marked by now, from a store that may need several tries.
pub(super) async fn read_marks(config: &Config, revocations: &Revocations) -> Result<(), Error> {
    let mut patience = Patience::new(config.patience());
    loop {
        let refresh = revocations.refresh(asking(config, config.clock.now()));
        match bounded(config.store_timeout, refresh).await {
            Ok(()) => return Ok(()),
            Err(error) => patience.outlast(&config.random, LEARN, error).await?,
        }
    }
}

/// What there was to hear.
pub(super) struct Heard {
    /// The time before the marks were read: whoever sets one that is not among them does so later.
    pub(super) asked: Timestamp,
    /// From which moment sessions of the principal count, the one of the request among them.
    pub(super) present: Timestamp,
}

/// Reads the marks, so that a session which another node has ended ends no others: `None` when it is over, and nothing of
/// what the request did remains to be done.
pub(super) async fn hear(
    shared: &Shared,
    revocations: &Revocations,
    principal: &Principal,
) -> Result<Option<Heard>, Error> {
    let asked = shared.config.clock.now();
    read_marks(&shared.config, revocations).await?;
    // Before the session is looked at: a mark that arrives in between ends it, or comes after all that follows.
    let present = revocations.copy().moment_for(principal);
    if !goes_on(shared)? && shared.state().drops_changes() {
        return Ok(None);
    }
    let begun = shared.state().claims().map(|claims| claims.begun);
    let present = present.max(begun.unwrap_or_default());
    Ok(Some(Heard { asked, present }))
}

/// Reads before which moment no session of a principal counts, from a store that may need several tries; as far as this node
/// knows, where the store has lost it.
pub(super) async fn moment_of(
    config: &Config,
    revocations: &Revocations,
    principal: &Principal,
) -> Result<Timestamp, Error> {
    let mut patience = Patience::new(config.patience());
    loop {
        let asking = asking(config, config.clock.now());
        match revocations.moment_of(asking, principal).await {
            Ok(moment) => return Ok(moment.max(revocations.copy().moment_for(principal))),
            Err(error) => patience.outlast(&config.random, LEARN, error).await?,
        }
    }
}

pub(crate) fn asking(config: &Config, now: Timestamp) -> Asking<'_> {
    Asking {
        namespace: &config.namespace,
        timeout: config.store_timeout,
        clock: &config.clock,
        now,
    }
}
