//! Sets marks and reads them, in a store that may need several tries.

use cloakroom_store::{Id, Mark, Principal, Subject, Timestamp};

use super::goes_on;
use crate::Error;
use crate::bounded::{Patience, bounded};
use crate::config::{Config, Sealed};
use crate::policy::Policy;
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

/// What there was to hear of a principal.
pub(super) struct Heard {
    /// The time before the marks were read: whoever sets one that is not among them does so later.
    pub(super) asked: Timestamp,
    /// From which moment on sessions of the principal count, the one of the request among them.
    pub(super) present: Timestamp,
}

/// Reads the marks, so that a session which has ended on another node ends no others: `None` when it turns out to be over, and
/// nothing that the request has recorded begins another one.
pub(super) async fn hear(
    shared: &Shared,
    revocations: &Revocations,
    principal: &Principal,
) -> Result<Option<Heard>, Error> {
    let asked = shared.config.clock.now();
    read_marks(&shared.config, revocations).await?;
    // Before the session is looked at: a mark that arrives in between ends it, or lies above what follows.
    let marked = revocations.copy().moment_for(principal);
    if !goes_on(shared)? && shared.state().drops_changes() {
        return Ok(None);
    }
    let begun = shared
        .state()
        .claims()
        .map(|claims| claims.begun)
        .unwrap_or_default();
    // A session is stamped at a mark. Whoever had the key may have sealed one of the end of time, and above a mark there no
    // other ending would come.
    let begun = begun.min(asked.saturating_add(Policy::LONGEST));
    let present = marked.max(begun);
    Ok(Some(Heard { asked, present }))
}

/// Reads before which moment no session of a principal counts, from a store that may need several tries.
pub(super) async fn moment_of(
    config: &Config,
    revocations: &Revocations,
    principal: &Principal,
) -> Result<Timestamp, Error> {
    // Where the store has lost it: this node's copy says no to whoever is stamped before that. Of before the store is asked, so
    // that an ending which comes meanwhile ends what is stamped at this.
    let known = revocations.copy().moment_for(principal);
    let mut patience = Patience::new(config.patience());
    loop {
        let asking = asking(config, config.clock.now());
        match revocations.moment_of(asking, principal).await {
            Ok(moment) => return Ok(moment.max(known)),
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
