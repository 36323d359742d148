//! The file as the engine sees it: what the engine writes is held back until the file is known to be ours.
//!
//! Opening a file makes the engine write to it: marks of its own, and after an unclean end a repair. So that a
//! file we then refuse has not changed by a byte, those writes wait in memory until [`Backend::approve`], and are
//! dropped if it never comes. Once damage has shown, [`Backend::seal`] lets nothing through any more.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Shared with the engine, so that it can be approved and sealed while the engine has it.
#[derive(Debug, Clone)]
pub(super) struct Backend(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: Arc<File>,
    /// Whether everything goes straight to the file.
    through: AtomicBool,
    sealed: AtomicBool,
    /// What waits for approval, in order.
    held: Mutex<Vec<Held>>,
    syncs: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Held {
    Write(u64, Vec<u8>),
    Len(u64),
    Sync,
}

impl Backend {
    /// Holds back every write to `file`, and counts how often it is synced.
    pub(super) fn new(file: Arc<File>, syncs: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Shared {
            file,
            through: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            held: Mutex::default(),
            syncs,
        }))
    }

    /// Writes what was held back, in the order it came in; from now on nothing is held.
    ///
    /// Called while nobody uses the engine.
    pub(super) fn approve(&self) -> io::Result<()> {
        let held = std::mem::take(&mut *self.0.held());
        self.0.through.store(true, Ordering::Release);
        held.into_iter().try_for_each(|held| match held {
            Held::Write(offset, data) => self.write(offset, &data),
            Held::Len(length) => self.set_len(length),
            Held::Sync => self.sync_data(),
        })
    }

    /// Refuses every write from now on.
    pub(super) fn seal(&self) {
        self.0.sealed.store(true, Ordering::Release);
    }
}

impl Shared {
    /// What waits for approval, or `None` when nothing has to.
    fn holding(&self) -> Option<MutexGuard<'_, Vec<Held>>> {
        (!self.through.load(Ordering::Acquire)).then(|| self.held())
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        // Whoever panicked has pushed whole entries or none.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_open(&self) -> io::Result<()> {
        if self.sealed.load(Ordering::Acquire) {
            return Err(io::Error::other(
                "the file is damaged, and nothing more is written to it",
            ));
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        let length = self.0.file.metadata()?.len();
        let Some(held) = self.0.holding() else {
            return Ok(length);
        };
        Ok(held.iter().fold(length, |length, held| match held {
            Held::Write(offset, data) => length.max(offset + data.len() as u64),
            Held::Len(length) => *length,
            Held::Sync => length,
        }))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let Some(held) = self.0.holding() else {
            return at::read(&self.0.file, offset, out);
        };
        let length = self.0.file.metadata()?.len();
        let kept = before(offset, out.len(), length);
        let (there, beyond) = out.split_at_mut(kept);
        at::read(&self.0.file, offset, there)?;
        beyond.fill(0);
        for held in held.iter() {
            match held {
                Held::Write(start, data) => lay_over(out, offset, *start, data),
                Held::Len(length) => {
                    let kept = before(offset, out.len(), *length);
                    out[kept..].fill(0);
                }
                Held::Sync => {}
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.check_open()?;
        match self.0.holding() {
            Some(mut held) => held.push(Held::Len(len)),
            None => self.0.file.set_len(len)?,
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.check_open()?;
        if let Some(mut held) = self.0.holding() {
            held.push(Held::Sync);
            return Ok(());
        }
        self.0.syncs.fetch_add(1, Ordering::Relaxed);
        // A write that fails for lack of room has changed nothing that counts; of a failed sync nobody knows. So
        // the two must not look alike.
        self.0
            .file
            .sync_data()
            .map_err(|error| io::Error::other(format!("could not sync: {error}")))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.check_open()?;
        match self.0.holding() {
            Some(mut held) => held.push(Held::Write(offset, data.to_vec())),
            None => at::write(&self.0.file, offset, data)?,
        }
        Ok(())
    }
}

/// How many of `size` bytes at `offset` lie before `end`.
fn before(offset: u64, size: usize, end: u64) -> usize {
    usize::try_from(end.saturating_sub(offset)).map_or(size, |room| size.min(room))
}

/// Copies into `out`, which begins at `offset`, what `data`, which begins at `start`, says about it.
fn lay_over(out: &mut [u8], offset: u64, start: u64, data: &[u8]) {
    let begin = start.max(offset);
    let end = (start + data.len() as u64).min(offset + out.len() as u64);
    if begin < end {
        let length = (end - begin) as usize;
        let (to, from) = ((begin - offset) as usize, (begin - start) as usize);
        out[to..to + length].copy_from_slice(&data[from..from + length]);
    }
}

/// Reading and writing at a position, from several threads at once.
#[cfg(unix)]
mod at {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    pub(super) fn read(file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
        file.read_exact_at(out, offset)
    }

    pub(super) fn write(file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        file.write_all_at(data, offset)
    }
}

/// Reading and writing at a position, from several threads at once.
#[cfg(windows)]
mod at {
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::FileExt;

    pub(super) fn read(file: &File, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            match file.seek_read(out, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    out = &mut out[count..];
                    offset += count as u64;
                }
            }
        }
        Ok(())
    }

    pub(super) fn write(file: &File, mut offset: u64, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            match file.seek_write(data, offset)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => {
                    data = &data[count..];
                    offset += count as u64;
                }
            }
        }
        Ok(())
    }
}
