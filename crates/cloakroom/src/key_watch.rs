//! Takes up what changes in a key file, while requests run.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::MissedTickBehavior;

use crate::key_file::KeyFile;
use crate::keyring::KeyRing;
use crate::{Error, events};

/// Takes up what changes in a [`KeyFile`], while requests run.
///
/// It reads the file again and again rather than wait for news of it: that is a few microseconds, works on every file
/// system, and cannot miss anything. A file that is damaged, gone, or for others to read is not taken up: the
/// keys stay as they were, and an event says so, once until something else is wrong with it.
///
/// ```no_run
/// # use cloakroom::{Error, KeyFile, KeyRing};
/// # async fn serve() -> Result<(), Error> {
/// let file = KeyFile::new("/etc/shop/keys");
/// let keys = KeyRing::from(file.read()?);
/// let watcher = file.watch(&keys).start();
/// // … serve …
/// watcher.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until it is started"]
pub struct KeyWatcher {
    file: KeyFile,
    keys: KeyRing,
    every: Duration,
    /// What was wrong at the last look.
    complaint: Option<String>,
}

/// What a look at the file came to.
// Complete: it has changed or it has not.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// The keys are others than before, and in use.
    Changed,
    /// The keys are the same.
    Unchanged,
}

impl KeyFile {
    /// Takes up what changes in this file, once it is started.
    pub fn watch(&self, keys: &KeyRing) -> KeyWatcher {
        KeyWatcher {
            file: self.clone(),
            keys: keys.clone(),
            every: Duration::from_secs(1),
            complaint: None,
        }
    }
}

impl KeyWatcher {
    /// Sets how often to look: every second by default, and at least every millisecond.
    ///
    /// A key that is compromised is refused this much later at the latest.
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period.max(Duration::from_millis(1));
        self
    }

    /// Looks once, now. May block for as long as the file system does.
    ///
    /// # Errors
    ///
    /// What is wrong with the file: those of [`KeyFile::read`] and [`KeyRing::replace`]. The keys are then as they were.
    pub fn look(&mut self) -> Result<Looked, Error> {
        let replaced = self.file.read().and_then(|keys| self.keys.replace(keys));
        match replaced {
            Ok(changed) => {
                self.complaint = None;
                if !changed {
                    return Ok(Looked::Unchanged);
                }
                let uses = self.keys.uses();
                let active = self.keys.active();
                events::keys_changed(&active.key().id(), uses.len());
                Ok(Looked::Changed)
            }
            Err(error) => {
                let complaint = error.to_string();
                if self.complaint.as_ref() != Some(&complaint) {
                    events::keys_unreadable(&error);
                    self.complaint = Some(complaint);
                }
                Err(error)
            }
        }
    }

    /// Starts it on the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    pub fn start(self) -> RunningKeyWatcher {
        let (stop, stopped) = oneshot::channel();
        RunningKeyWatcher {
            _stop: stop,
            task: tokio::spawn(self.run(stopped)),
        }
    }

    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = &mut stopped => return,
            }
            // A file system may take its time. What is wrong has been said by the look itself.
            let look = spawn_blocking(move || {
                let _ = self.look();
                self
            });
            match look.await {
                Ok(watcher) => self = watcher,
                // The runtime is shutting down.
                Err(_) => return,
            }
        }
    }
}

/// A [`KeyWatcher`] at work. Stops when it is dropped.
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct RunningKeyWatcher {
    // Dropping the sender stops the task.
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningKeyWatcher {
    /// Stops it, and waits until it has: for a look under way, as long as the file system takes.
    pub async fn stop(self) {
        let Self { _stop: stop, task } = self;
        drop(stop);
        // It fails only when the runtime is shutting down, and then it has stopped, too.
        let _ = task.await;
    }
}
