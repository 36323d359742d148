//! Connections to the file, and what they are told.

use std::thread;
use std::time::{Duration, Instant};

use cloakroom_store::ErrorKind;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::{self, Fault};
use super::file::DataFile;

/// How long to rest before a lock is asked for again. SQLite's own handler rests for up to 100 ms, and between two
/// transactions of a busy process the lock is free for much less.
const REST: Duration = Duration::from_millis(1);

/// How many statements stay prepared: more than there are.
const STATEMENTS: usize = 64;

/// Said to every connection. No part of a schema that somebody has put there runs functions with side effects.
const TOLD: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";

/// Said to the one that writes. The log is brought into the file every 16 MB, and after a reader has kept it from that,
/// it is cut to 64 MB. `fullfsync` is what macOS calls a sync that reaches the disk.
const TOLD_WRITER: &str = "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; \
                           PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;";

/// Opens a connection that cannot write.
pub(super) fn reader(file: &DataFile, cache: usize) -> Result<Connection, Fault> {
    open(file, OpenFlags::SQLITE_OPEN_READ_ONLY, cache)
}

/// Opens a connection that writes, with a write-ahead log.
pub(super) fn writer(file: &DataFile, cache: usize) -> Result<Connection, Fault> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE, cache)?;
    if connection.is_readonly("main")? {
        return Err(failure::about(
            ErrorKind::Unavailable,
            file.path(),
            "cannot be written to: see that this user may write to it, and that the file system is not read-only",
        )
        .into());
    }
    connection.execute_batch(TOLD_WRITER)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(failure::about(
            ErrorKind::Unavailable,
            file.path(),
            "cannot have a write-ahead log where it is: keep it on a disk of this machine",
        )
        .into());
    }
    Ok(connection)
}

/// Tries again for as long as another process is in the way, at most for this time. Blocks.
pub(super) fn patiently<T>(time: Duration, mut work: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let began = Instant::now();
    loop {
        match work() {
            Err(fault) if fault.is_busy() && began.elapsed() < time => thread::sleep(REST),
            done => return done,
        }
    }
}

fn open(file: &DataFile, access: OpenFlags, cache: usize) -> Result<Connection, Fault> {
    // Each connection is used by one thread at a time.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file.path(), flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(TOLD)?;
    // Plans do not go by values, which takes nothing from ours. Otherwise SQLite compiles a statement anew whenever it is
    // given another id: nine tenths of what a read costs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let kibibytes = i64::try_from(cache / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    Ok(connection)
}
