//! The connections that read: as many as there are threads that read at the same time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::Error;
use rusqlite::Connection;

use super::connection::{self, patiently};
use super::failure::{self, Fault};
use super::file::{DataFile, Identity};

/// Reads from one snapshot each, and waits for nobody who writes.
pub(super) struct Readers {
    file: DataFile,
    identity: Option<Identity>,
    cache: usize,
    /// Those that nobody uses at the moment; nothing once the store is closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(file: DataFile, cache: usize) -> Self {
        Self {
            identity: file.identity(),
            file,
            cache,
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Reads now, without waiting for anybody: a fault that [is busy](Fault::is_busy) says that it must be waited for.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        self.see_that_it_is_there()?;
        let connection = match self.take()? {
            Some(connection) => connection,
            None => connection::reader(&self.file, self.cache)?,
        };
        let answer = work(&connection)?;
        // One that failed is not used again.
        self.put_back(connection);
        Ok(answer)
    }

    /// Reads, and waits at most this long while another process has the file for itself. Blocks.
    pub(super) fn read_patiently<T>(
        &self,
        time: Duration,
        work: impl Fn(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        patiently(time, || self.read(&work)).map_err(|fault| fault.error(self.file.path()))
    }

    /// Holds when the path still leads to the file that was opened.
    ///
    /// Otherwise other processes may have another one there: what they end would live on here.
    pub(super) fn see_that_it_is_there(&self) -> Result<(), Error> {
        match self.file.identity() == self.identity {
            true => Ok(()),
            false => Err(failure::moved(self.file.path())),
        }
    }

    /// Closes the connections, those in use as soon as they are put back.
    pub(super) fn close(&self) {
        drop(self.idle().take());
    }

    fn take(&self) -> Result<Option<Connection>, Error> {
        match self.idle().as_mut() {
            Some(idle) => Ok(idle.pop()),
            None => Err(failure::closed(self.file.path())),
        }
    }

    fn put_back(&self, connection: Connection) {
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        // Nothing that panics runs while it is locked.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
