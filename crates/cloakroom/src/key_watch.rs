//! Takes up what changes in a key file, while requests run, and tells what keys that are to go still open.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use crate::key_file::KeyFile;
use crate::keyring::{KeyId, KeyRing, KeyState, KeyUse};
use crate::{Error, events};

/// Takes up what changes in a [`KeyFile`], while requests run.
///
/// It reads the file again and again rather than wait for news of it: that is a few microseconds, works on every file
/// system, and cannot miss anything. A file that is damaged, gone, or for others to read is not taken up: the
/// keys stay as they were, and an event says so, once until something else is wrong with it.
///
/// Every hour, and when it stops, it tells the log of each retiring key how often something was opened that the key had
/// sealed. A key that has opened nothing on any node for longer than sessions may be idle has none left.
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
    tell_every: Duration,
    /// What the keys had been used for when the log was last told.
    told: Vec<KeyUse>,
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
            tell_every: Duration::from_secs(60 * 60),
            told: keys.uses(),
            complaint: None,
        }
    }
}

impl KeyWatcher {
    /// Sets how often to look: every second by default, and at most every millisecond.
    ///
    /// A key that is compromised is refused this much later at the latest.
    pub fn every(mut self, period: Duration) -> Self {
        self.every = period.max(Duration::from_millis(1));
        self
    }

    /// Sets how often to tell the log what retiring keys still open: every hour by default, and at most every millisecond.
    pub fn tell_every(mut self, period: Duration) -> Self {
        self.tell_every = period.max(Duration::from_millis(1));
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

    /// Tells the log what retiring keys have opened since it was last told.
    fn tell(&mut self) {
        let uses = self.keys.uses();
        for (key, opened) in opened_by_retiring(&self.told, &uses) {
            events::retiring_key(&key, opened);
        }
        self.told = uses;
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
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tells = interval(self.tell_every);
        tells.reset();
        tells.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = tells.tick() => {
                    self.tell();
                    continue;
                }
                _ = &mut stopped => {
                    self.tell();
                    return;
                }
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

/// How often each retiring key has opened something between two counts.
fn opened_by_retiring(before: &[KeyUse], now: &[KeyUse]) -> Vec<(KeyId, u64)> {
    let retiring = now.iter().filter(|used| used.key.state == KeyState::Retiring);
    retiring
        .map(|used| {
            let earlier = before.iter().find(|earlier| earlier.key.id == used.key.id);
            // One that was off the ring meanwhile counts anew.
            let counted = earlier.filter(|earlier| earlier.opened <= used.opened);
            (
                used.key.id,
                used.opened - counted.map_or(0, |earlier| earlier.opened),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use cloakroom_store::Timestamp;

    use super::*;
    use crate::keyring::{KeyInfo, KeyState::*};

    #[test]
    fn retiring_keys_are_told_of_and_no_others() {
        let used = |id: u8, state: KeyState, opened: u64| KeyUse {
            key: KeyInfo {
                id: KeyId::from_bytes([id; 8]),
                state,
                created: Timestamp::default().into(),
                since: Timestamp::default().into(),
            },
            sealed: 3,
            opened,
            refused: 5,
        };
        let check = |before: &[KeyUse], now: &[KeyUse], expected: &[(u8, u64)]| {
            let told = expected
                .iter()
                .map(|(id, opened)| (KeyId::from_bytes([*id; 8]), *opened));
            assert_eq!(opened_by_retiring(before, now), told.collect::<Vec<_>>());
        };
        check(&[], &[], &[]);
        check(&[used(1, Active, 7)], &[used(1, Retiring, 9)], &[(1, 2)]);
        check(&[used(1, Retiring, 9)], &[used(1, Retiring, 9)], &[(1, 0)]);
        check(&[used(1, Retiring, 9)], &[used(1, Retiring, 4)], &[(1, 4)]);
        check(
            &[],
            &[used(1, Retiring, 4), used(2, Retiring, 0)],
            &[(1, 4), (2, 0)],
        );
        for state in [Pending, Active, Retired, Compromised] {
            check(&[used(1, Retiring, 1)], &[used(1, state, 9)], &[]);
        }
    }
}
