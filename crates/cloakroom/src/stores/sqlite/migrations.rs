//! The schema: whether the file is ours, which version it has, and how it becomes this release's.

use std::path::Path;

use cloakroom_store::{Error, ErrorKind};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::connection::{self, patiently};
use super::failure::{self, Fault};
use super::file::DataFile;
use super::options::{Migrate, SqliteOptions};

/// What makes version 1 of nothing, and so on.
const STEPS: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// This release's version, in the database's `user_version`.
const CURRENT: i32 = STEPS.len() as i32;

/// Says in the database's header that it is ours: "Clkr".
const APPLICATION: i32 = 0x436c_6b72;

/// What is printed for teams that run it themselves, where tables of this version are there: of 0, none.
pub(super) fn printed(version: u32) -> String {
    let steps: Vec<&str> = STEPS.into_iter().skip(version as usize).collect();
    format!(
        "PRAGMA journal_mode = WAL;\n\nBEGIN IMMEDIATE;\n\n{}\n{}\n\nCOMMIT;\n",
        steps.join("\n"),
        arrived()
    )
}

/// Opens the connection that writes, when the file is ours and its schema this release's, or has become it.
///
/// # Errors
///
/// [`ErrorKind::Corrupt`] when it is somebody else's, [`ErrorKind::NewerFormat`] when it is of a newer release,
/// [`ErrorKind::Misconfigured`] when it is older or not there and may not be changed.
pub(super) fn prepare(file: &DataFile, options: &SqliteOptions) -> Result<Connection, Error> {
    let prepared = patiently(options.wait_timeout, || prepare_now(file, options));
    prepared.map_err(|fault| fault.error(file.path()))
}

fn prepare_now(file: &DataFile, options: &SqliteOptions) -> Result<Connection, Fault> {
    if !file.exists()? {
        match options.migrate {
            Migrate::OnConnect => create(file, options)?,
            Migrate::Never => return Err(outdated(file, "is not there", "schema_sql()").into()),
        }
    }
    // Seen without being able to write: what is not ours stays as it is.
    let found = version(&connection::reader(file, options.cache)?, file)?;
    file.make_private()?;
    let connection = connection::writer(file, options.cache)?;
    if found < CURRENT {
        match options.migrate {
            Migrate::OnConnect => migrate(&connection, file)?,
            Migrate::Never => {
                let sql = format!("schema_sql_since({found})");
                return Err(outdated(file, "has the tables of an older release", &sql).into());
            }
        }
    }
    Ok(connection)
}

/// Makes a whole database beside it, and gives it the name. Of many processes that do so at once, one has made it.
fn create(file: &DataFile, options: &SqliteOptions) -> Result<(), Fault> {
    let begun = file.begin()?;
    let made = make(&begun, options);
    if made.is_err() {
        // It is of no use, and the error that counts is the one there is already.
        drop(std::fs::remove_file(&begun));
    }
    made?;
    Ok(file.publish(&begun)?)
}

fn make(path: &Path, options: &SqliteOptions) -> Result<(), Fault> {
    let connection = connection::writer(&DataFile::locate(path)?, options.cache)?;
    connection.execute_batch(&printed(0))?;
    // Closing brings everything into the file, and syncs it.
    connection.close().map_err(|(_, error)| error.into())
}

/// Which version of our schema there is.
fn version(connection: &Connection, file: &DataFile) -> Result<i32, Fault> {
    let not_ours = || {
        failure::about(
            ErrorKind::Corrupt,
            file.path(),
            "is a database of another application: name another file, or move it away",
        )
    };
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    let application: i32 = number("application_id").map_err(|error| match error.sqlite_error_code() {
        // A rollback journal waits to be played back: ours never has one.
        Some(rusqlite::ErrorCode::ReadOnly) => Fault::from(not_ours()),
        _ => error.into(),
    })?;
    if application != APPLICATION {
        return Err(not_ours().into());
    }
    let version: i32 = number("user_version")?;
    if version > CURRENT {
        return Err(failure::about(
            ErrorKind::NewerFormat,
            file.path(),
            format_args!(
                "was made by a newer release: its tables have version {version}, and this release knows {CURRENT}; run \
                 the newer one"
            ),
        )
        .into());
    }
    Ok(version)
}

/// Makes the schema this release's, in one transaction.
fn migrate(connection: &Connection, file: &DataFile) -> Result<(), Fault> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Asked again: another process may have been faster.
    let found = usize::try_from(version(&transaction, file)?).unwrap_or(0);
    for step in &STEPS[found..] {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(&arrived())?;
    Ok(transaction.commit()?)
}

fn arrived() -> String {
    format!("PRAGMA application_id = {APPLICATION};\nPRAGMA user_version = {CURRENT};")
}

fn outdated(file: &DataFile, what: &str, sql: &str) -> Error {
    failure::about(
        ErrorKind::Misconfigured,
        file.path(),
        format_args!("{what}: run migrate(), or the SQL that {sql} prints"),
    )
}
