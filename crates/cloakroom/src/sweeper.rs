//! Removes now and then what is over: expired sessions, and counters of attempts.

mod pace;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{AnyCounters, Counters as _, Error as StoreError, Namespace, Store as _, Sweep, Swept};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::bounded::bounded;
use crate::config::Config;
use crate::{Attempts, Sessions, clock, events};
use pace::Pace;

/// Removes expired sessions from a store that does not do so by itself.
///
/// In batches, so that no lock is held long, and smaller ones where a batch takes long; at moments that differ between
/// nodes; and whatever goes wrong, it goes on. A store whose card says that it expires records by itself is left alone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # #[cfg(feature = "memory")] {
/// # use cloakroom::{Sessions, stores::Memory};
/// let sessions = Sessions::new(Memory::default());
/// let sweeper = sessions.sweeper().start();
/// // … serve …
/// sweeper.stop().await;
/// # }
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is started"]
pub struct Sweeper {
    config: Arc<Config>,
    every: Duration,
    batch: NonZeroUsize,
    margin: Duration,
    /// Whose counters are forgotten, too.
    attempts: Vec<Attempts>,
}

impl Sessions {
    /// Removes expired sessions from a store that does not do so by itself, once it is started.
    pub fn sweeper(&self) -> Sweeper {
        const BATCH: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
        Sweeper {
            config: Arc::clone(&self.config),
            every: Duration::from_secs(60),
            batch: BATCH,
            margin: Duration::from_secs(600),
            attempts: Vec::new(),
        }
    }
}

impl Sweeper {
    /// Sets how long to wait between two rounds, give or take a quarter: a minute by default.
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self
    }

    /// Sets how many records one call removes at most: 1000 by default.
    pub fn batch(mut self, batch: NonZeroUsize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets how long after its expiry a record is removed: 10 minutes by default.
    ///
    /// So that a node whose clock is ahead does not remove sessions that are live for the others.
    pub fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// Also forgets what these [`Attempts`] have counted, once it is over, and whatever else has been counted in the same
    /// store for the same [application](Sessions::application) and cookie. Called again for others, it forgets theirs as well.
    ///
    /// Where that store lets counters go by itself, there is nothing to do.
    pub fn attempts(mut self, attempts: &Attempts) -> Self {
        self.attempts.push(attempts.clone());
        self
    }

    /// Starts it on the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    pub fn start(self) -> RunningSweeper {
        let (stop, stopped) = oneshot::channel();
        RunningSweeper {
            _stop: stop,
            task: tokio::spawn(self.run(stopped)),
        }
    }

    /// Removes what has expired, once, and says how many sessions that were and whether some are left. Forgets what
    /// [`attempts`](Self::attempts) have counted, too, once it is over.
    ///
    /// After each batch it rests for as long as the batch took, so that the store has at least half of its time for
    /// requests. A batch that takes long, or fails, is followed by a smaller one. What another node is removing, or
    /// somebody has locked, is left: [`Swept::held`].
    ///
    /// # Errors
    ///
    /// The store's, when smaller batches failed, too; what was removed until then stays removed.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        // Each of them, whatever becomes of the other: they may be in two stores.
        let removed = match self.sweeps() {
            true => self.round(&mut swept).await,
            false => Ok(()),
        };
        let forgotten = self.forget().await;
        removed.and(forgotten)?;
        Ok(swept)
    }

    /// Whether sessions are there that do not go by themselves.
    fn sweeps(&self) -> bool {
        !self.config.store.capabilities().expires_by_itself
    }

    /// Adds up what it removes, which counts also when it fails.
    async fn round(&self, total: &mut Swept) -> Result<(), StoreError> {
        let namespace = &self.config.namespace;
        self.batches(namespace, total, |sweep| self.config.store.sweep(sweep))
            .await
    }

    /// Forgets what was counted and is over, where the store does not do so by itself. Where one store fails, the others'
    /// is forgotten all the same.
    async fn forget(&self) -> Result<(), StoreError> {
        let mut all = Ok(());
        for (namespace, counters) in self.lasting() {
            let mut forgotten = Swept::default();
            let done = self
                .batches(namespace, &mut forgotten, |sweep| counters.forget(sweep))
                .await;
            all = all.and(done);
        }
        all
    }

    /// The counters that do not go by themselves.
    fn lasting(&self) -> impl Iterator<Item = (&Namespace, &AnyCounters)> {
        let all = self.attempts.iter().map(Attempts::counted_in);
        all.filter(|(_, counters)| !counters.card().expires_by_itself)
    }

    /// Has so much removed at a time until nothing is left that can be had.
    async fn batches<Sweeping>(
        &self,
        namespace: &Namespace,
        total: &mut Swept,
        remove: impl Fn(Sweep) -> Sweeping,
    ) -> Result<(), StoreError>
    where
        Sweeping: Future<Output = Result<Swept, StoreError>>,
    {
        let config = &self.config;
        let mut pace = Pace::new(self.batch);
        loop {
            let began = clock::instant();
            let expired_before = config.clock.now().saturating_sub(self.margin);
            let sweep = Sweep::new(namespace.clone(), expired_before, pace.next());
            let swept = bounded(config.store_timeout, remove(sweep)).await;
            let took = clock::instant().duration_since(began);
            match swept {
                Ok(swept) => {
                    total.removed += swept.removed;
                    (total.more, total.held) = (swept.more, swept.held);
                    if !swept.more || swept.held {
                        return Ok(());
                    }
                    pace.removed_in(took);
                }
                Err(error) if !pace.failed() => return Err(error),
                Err(_) => {}
            }
            // A store in memory is faster than a timer: there, the requests that wait go first.
            if took < Duration::from_millis(1) {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(took).await;
            }
        }
    }

    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let sweeps = self.sweeps();
        if !sweeps && self.lasting().next().is_none() {
            return;
        }
        let rounds = async {
            loop {
                tokio::time::sleep(self.pause()).await;
                if sweeps {
                    let mut total = Swept::default();
                    match self.round(&mut total).await {
                        Ok(()) => events::swept(&total),
                        Err(error) => events::sweep_failed(total.removed, &error),
                    }
                }
                if let Err(error) = self.forget().await {
                    events::forget_attempts_failed(&error);
                }
            }
        };
        // Dropping the rounds in the middle of a batch is safe: every verb of a store is.
        tokio::select! {
            () = rounds => {}
            _ = &mut stopped => {}
        }
    }

    /// The period, give or take a quarter, so that nodes that started together do not sweep together.
    fn pause(&self) -> Duration {
        let noise = self.config.random.draw::<1>().map_or(0, |[byte]| byte);
        let seconds = self.every.as_secs_f64() * (0.75 + f64::from(noise) / 510.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// A [`Sweeper`] at work. Stops when it is dropped.
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct RunningSweeper {
    // Dropping the sender stops the task.
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningSweeper {
    /// Stops it, and waits until it has.
    pub async fn stop(self) {
        let Self { _stop: stop, task } = self;
        drop(stop);
        // It fails only when the runtime is shutting down, and then it has stopped, too.
        let _ = task.await;
    }
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::stores::Memory;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_cannot_remove_many_at_once_is_asked_for_fewer() {
        let sweeper = Sessions::new(Memory::default()).sweeper();
        let limits = Mutex::new(Vec::new());
        let mut total = Swept::default();
        let swept = sweeper.batches(&sweeper.config.namespace, &mut total, async |sweep: Sweep| {
            let limit = sweep.limit.get();
            let calls = {
                let mut limits = limits.lock().unwrap();
                limits.push(limit);
                limits.len()
            };
            // As on a cold disk: so many are never removed in time.
            if limit > 100 {
                std::future::pending::<()>().await;
            }
            Ok(Swept::new(limit as u64, calls < 7))
        });
        swept.await.unwrap();
        assert_eq!(limits.into_inner().unwrap(), [1000, 125, 15, 30, 60, 120, 15]);
        assert_eq!(total, Swept::new(15 + 30 + 60 + 15, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_have_is_not_asked_for_again_in_this_round() {
        let sweeper = Sessions::new(Memory::default()).sweeper();
        let answers = Mutex::new(vec![Swept::all_but_held(3), Swept::new(1000, true)]);
        let mut total = Swept::default();
        let swept = sweeper.batches(&sweeper.config.namespace, &mut total, async |_: Sweep| {
            Ok(answers.lock().unwrap().pop().expect("it goes on"))
        });
        swept.await.unwrap();
        assert_eq!(total, Swept::all_but_held(1003));
    }

    #[test]
    fn any_period_has_a_pause() {
        for period in [Duration::ZERO, Duration::from_secs(60), Duration::MAX] {
            let sweeper = Sessions::new(Memory::default()).sweeper().every(period);
            for _ in 0..64 {
                let pause = sweeper.pause();
                assert!(pause >= period / 2, "{pause:?} of {period:?}");
                assert!(pause <= period.saturating_mul(2), "{pause:?} of {period:?}");
            }
        }
    }
}
