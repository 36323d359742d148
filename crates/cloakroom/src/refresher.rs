//! Reads now and then which sealed sessions have ended, so that requests need not.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{Error as StoreError, Marks as _, Sweep};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::bounded::bounded;
use crate::config::Config;
use crate::revocations::Revocations;
use crate::{Sessions, clock, events, sealed};

/// Reads which sealed sessions have ended, twice within the bound that [`Revocations`] set, and removes
/// marks whose time is over.
///
/// Without it a request whose copy of the marks is too old reads what is new, and all others wait for that: correct, and
/// slower for those. Marks are then never removed from a store that does not do so by itself.
///
/// Where sessions are in a store, or nobody can end them, there is nothing for it to do, and it ends at once.
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is started"]
pub struct RevocationsRefresher {
    config: Arc<Config>,
    batch: NonZeroUsize,
    margin: Duration,
}

impl Sessions {
    /// Reads which sealed sessions have ended, once it is started: so that requests need not.
    pub fn revocations_refresher(&self) -> RevocationsRefresher {
        const BATCH: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
        RevocationsRefresher {
            config: Arc::clone(&self.config),
            batch: BATCH,
            margin: Duration::from_secs(600),
        }
    }
}

/// How often marks whose time is over are removed from the store.
const FORGET_EVERY: Duration = Duration::from_secs(60);

impl RevocationsRefresher {
    /// Starts it on the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    pub fn start(self) -> RunningRevocationsRefresher {
        let (stop, stopped) = oneshot::channel();
        RunningRevocationsRefresher {
            _stop: stop,
            task: tokio::spawn(self.run(stopped)),
        }
    }

    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let sealed = self.config.sealed.as_ref();
        let Some(revocations) = sealed.and_then(|sealed| sealed.revocations.as_ref()) else {
            return;
        };
        // Dropping a round in the middle is safe: what was read is known, and the rest is read by the next.
        tokio::select! {
            () = self.rounds(revocations) => {}
            _ = &mut stopped => {}
        }
    }

    /// Beside each other: a store that has much to forget is read all the same.
    async fn rounds(&self, revocations: &Revocations) {
        tokio::join!(self.refreshing(revocations), self.forgetting(revocations));
    }

    async fn refreshing(&self, revocations: &Revocations) {
        loop {
            let now = self.config.clock.now();
            if let Err(error) = revocations.refresh(sealed::asking(&self.config, now)).await {
                events::refresh_failed(&error);
            }
            sleep(self.pause(revocations.bound())).await;
        }
    }

    async fn forgetting(&self, revocations: &Revocations) {
        loop {
            sleep(FORGET_EVERY).await;
            if let Err(error) = self.forget(revocations).await {
                events::forget_failed(&error);
            }
        }
    }

    /// Removes marks whose time is over, and rests for as long as each batch took.
    async fn forget(&self, revocations: &Revocations) -> Result<(), StoreError> {
        let config = &self.config;
        loop {
            let began = clock::instant();
            let until_before = config.clock.now().saturating_sub(self.margin);
            let over = Sweep::new(config.namespace.clone(), until_before, self.batch);
            let forgotten = bounded(config.store_timeout, revocations.marks().forget(over)).await?;
            if !forgotten.more {
                return Ok(());
            }
            sleep(clock::instant().duration_since(began)).await;
        }
    }

    /// Two fifths of the bound, give or take a quarter: so that nodes which started together do not ask together, and
    /// one that fails is followed by another in time.
    fn pause(&self, bound: Duration) -> Duration {
        let noise = self.config.random.draw::<1>().map_or(0, |[byte]| byte);
        bound
            .mul_f64(0.3 + 0.2 * f64::from(noise) / 255.0)
            .max(Duration::from_millis(1))
    }
}

/// A [`RevocationsRefresher`] at work. Stops when it is dropped.
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct RunningRevocationsRefresher {
    // Dropping the sender stops the task.
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningRevocationsRefresher {
    /// Stops it, and waits until it has.
    pub async fn stop(self) {
        let Self { _stop: stop, task } = self;
        drop(stop);
        // It fails only when the runtime is shutting down, and then it has stopped, too.
        let _ = task.await;
    }
}
