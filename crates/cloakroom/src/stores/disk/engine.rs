//! The engine over its file: opened when it is known to be ours, read by everyone, opened again after a failure.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cloakroom_store::{Error, ErrorKind};
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageError};

use super::backend::Backend;
use super::failure::{self, Failure, Fault};
use super::file::{DataFile, Origin};
use super::options::{Check, DiskOptions};
use super::tables;

/// The engine, and the lock on its file.
pub(super) struct Engine {
    path: PathBuf,
    /// Holds the lock, also while the engine is opened again.
    file: Arc<File>,
    options: DiskOptions,
    state: RwLock<State>,
    /// Set once damage has shown: from then on nothing is written.
    damage: OnceLock<Failure>,
    syncs: Arc<AtomicU64>,
}

enum State {
    Open(Opened),
    /// It failed, and is opened again when the writer next tries.
    Failed(Failure),
    Closed,
}

struct Opened {
    database: Database,
    backend: Backend,
}

impl Engine {
    /// Opens what is in this directory, or makes it. Blocks, for as long as reading the whole file takes.
    pub(super) fn open(directory: &Path, options: &DiskOptions) -> Result<Self, Failure> {
        let data = DataFile::open(directory)?;
        let syncs = Arc::new(AtomicU64::new(0));
        let opened = Opened::new(&data.file, data.origin, &data.path, options, &syncs)?;
        data.publish()?;
        Ok(Self {
            path: data.path,
            file: data.file,
            // Opened again, it was not closed in good order.
            options: options.clone().check(Check::AfterCrash),
            state: RwLock::new(State::Open(opened)),
            damage: OnceLock::new(),
            syncs,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How often the file was synced.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Reads from one snapshot.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        self.run(|database| read(&database.begin_read()?))
            .map_err(|failure| failure.error())
    }

    /// Lets the writer write. After a failure the engine has been opened again, or is when this is next called.
    pub(super) fn write<T>(&self, write: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Failure> {
        if let Some(damage) = self.damage.get() {
            return Err(damage.clone());
        }
        if self.has_failed() {
            self.reopen()?;
        }
        let written = self.run(write);
        if written.is_err() && self.damage.get().is_none() {
            // The engine answers nothing but errors after one. If this fails too, the state says so.
            let _ = self.reopen();
        }
        written
    }

    pub(super) fn has_failed(&self) -> bool {
        let state = self.state();
        matches!(&*state, State::Failed(_))
    }

    /// Ends all use, and writes what the engine leaves for the next time it is opened.
    pub(super) fn close(&self) {
        leave(&mut self.state_to_change(), State::Closed);
        // What still holds the file may hold it for longer, and the next one may have it now.
        drop(self.file.unlock());
    }

    fn run<T>(&self, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Failure> {
        let state = self.state();
        let opened = match &*state {
            State::Open(opened) => opened,
            State::Failed(failure) => return Err(failure.clone()),
            State::Closed => return Err(failure::closed(&self.path)),
        };
        guarded(|| work(&opened.database)).map_err(|fault| {
            let failure = Failure::of(&fault, &self.path);
            if fault.is_damage() {
                opened.backend.seal();
                let _ = self.damage.set(failure.clone());
            }
            failure
        })
    }

    // What panics while it is locked does so in the engine, and the state is whole.

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_to_change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the engine again. Called by the writer alone, so nobody else opens or closes it meanwhile.
    fn reopen(&self) -> Result<(), Failure> {
        self.reopen_by(|| {
            Opened::new(
                &self.file,
                Origin::Existing,
                &self.path,
                &self.options,
                &self.syncs,
            )
        })
    }

    /// It may read the whole file: meanwhile who reads is told so, and holds up no thread of the runtime.
    fn reopen_by(&self, open: impl FnOnce() -> Result<Opened, Failure>) -> Result<(), Failure> {
        {
            let mut state = self.state_to_change();
            if matches!(&*state, State::Closed) {
                return Err(failure::closed(&self.path));
            }
            // The old one must be gone before the new one comes.
            leave(&mut state, State::Failed(failure::reopening(&self.path)));
        }
        let (state, outcome) = match open() {
            Ok(opened) => (State::Open(opened), Ok(())),
            Err(failure) => (State::Failed(failure.clone()), Err(failure)),
        };
        *self.state_to_change() = state;
        outcome
    }
}

impl Opened {
    fn new(
        file: &Arc<File>,
        origin: Origin,
        path: &Path,
        options: &DiskOptions,
        syncs: &Arc<AtomicU64>,
    ) -> Result<Self, Failure> {
        let backend = Backend::new(Arc::clone(file), Arc::clone(syncs));
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let checked = Arc::new(AtomicBool::new(false));
            let checking = Arc::clone(&checked);
            let mut database = Database::builder()
                .set_cache_size(options.cache)
                .set_repair_callback(move |_| checking.store(true, Ordering::Relaxed))
                .create_with_backend(backend.clone())
                .map_err(|error| refusal(error, path))?;
            if origin == Origin::New {
                tables::create(&database).map_err(|fault| Failure::of(&fault, path))?;
                return Ok(database);
            }
            check_format(&database, path)?;
            if options.check == Check::Always && !checked.load(Ordering::Relaxed) {
                let whole = database.check_integrity().map_err(|error| refusal(error, path))?;
                if !whole {
                    return Err(failure::damaged(path));
                }
            }
            Ok(database)
        }));
        let database = opened.unwrap_or_else(|_| Err(Failure::of(&Fault::Panicked, path)))?;
        backend
            .approve()
            .map_err(|error| failure::path("write to the session store", path, &error))?;
        Ok(Self { database, backend })
    }
}

/// Ends the use of the engine. It writes what it leaves for the next time, and may meet damage while it does.
fn leave(state: &mut State, next: State) {
    let before = std::mem::replace(state, next);
    drop(catch_unwind(AssertUnwindSafe(|| drop(before))));
}

/// Runs the engine where its panics are answers: it does not check everything that it reads.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // What may be left half done is the engine's own, and it is not used any more after this but to read.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Fault::Panicked))
}

fn check_format(database: &Database, path: &Path) -> Result<(), Failure> {
    match tables::format(database) {
        Ok(Some(tables::FORMAT)) => Ok(()),
        Ok(Some(newer)) if newer > tables::FORMAT => Err(newer_format(path).because(format!(
            "its format is {newer}, and this release knows {}",
            tables::FORMAT
        ))),
        Ok(_) => Err(not_ours(path).because("it is a redb database of something else")),
        Err(Fault::Engine(redb::Error::TableTypeMismatch { .. } | redb::Error::TableIsMultimap(_))) => {
            Err(not_ours(path).because("it is a redb database of something else"))
        }
        Err(fault) => Err(Failure::of(&fault, path)),
    }
}

/// What it means that the engine does not open a file.
fn refusal(error: DatabaseError, path: &Path) -> Failure {
    match error {
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            not_ours(path).because(error)
        }
        // The engine has no error of its own for a newer format.
        DatabaseError::Storage(StorageError::Corrupted(text)) if text.contains("file format version") => {
            newer_format(path).because(text)
        }
        DatabaseError::UpgradeRequired(_) => not_ours(path).because(error),
        error => Failure::of(&Fault::Engine(error.into()), path),
    }
}

fn not_ours(path: &Path) -> Failure {
    Failure::new(
        ErrorKind::Corrupt,
        format!(
            "{} is not a session store, and is left as it is: move it away, restore the store from a backup, or name \
             another directory",
            path.display()
        ),
    )
}

fn newer_format(path: &Path) -> Failure {
    Failure::new(
        ErrorKind::NewerFormat,
        format!(
            "the session store {} was written by a newer release, and is left as it is: run that release, or name \
             another directory",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_reads_does_not_wait_for_the_engine_to_be_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Arc::new(Engine::open(directory.path(), &DiskOptions::default()).unwrap());
        let reopened = engine.reopen_by(|| {
            let (answer, answered) = mpsc::channel();
            let reader = Arc::clone(&engine);
            thread::spawn(move || answer.send(reader.read(|_| Ok(()))));
            let read = answered.recv_timeout(Duration::from_secs(10));
            let read = read.expect("it answers while the engine is being opened");
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Unavailable);
            Opened::new(
                &engine.file,
                Origin::Existing,
                &engine.path,
                &engine.options,
                &engine.syncs,
            )
        });
        assert!(reopened.is_ok());
        assert!(engine.read(|_| Ok(())).is_ok());
    }
}
