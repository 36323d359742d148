//! What an error of the driver or the server means for who asked.

use std::error::Error as _;

use cloakroom_store::{Error, ErrorKind};
use mysql_async::{Error as DriverError, IoError, ServerError};

/// What a failed call means: of a connection that had worked.
pub(super) fn of_call(doing: &str, server: &str, error: &DriverError) -> Error {
    let (kind, advice) = match error {
        DriverError::Server(error) => of_code(error.code),
        _ => (
            ErrorKind::Unavailable,
            "the connection broke, and the next call makes a new one",
        ),
    };
    Error::new(kind, format!("could not {doing} in {server}: {advice}")).with_source(story(error))
}

/// What it means that a server could not be connected to.
pub(super) fn of_connecting(server: &str, error: &DriverError) -> Error {
    let (kind, advice) = match error {
        DriverError::Server(error) => of_code(error.code),
        DriverError::Driver(mysql_async::DriverError::NoClientSslFlagFromServer) => (
            ErrorKind::Misconfigured,
            "it does not speak TLS, and `ssl_mode` or `tls_ca` requires it",
        ),
        DriverError::Driver(_) => (
            ErrorKind::Misconfigured,
            "it and the driver do not agree on how to sign in: see the cause",
        ),
        DriverError::Io(error) if is_about_tls(error) => (
            ErrorKind::Misconfigured,
            "its certificate is not good for its name, or not by an authority of `tls_ca`",
        ),
        _ => (
            ErrorKind::Unavailable,
            "check that it runs and can be reached from here",
        ),
    };
    Error::new(kind, format!("could not connect to {server}: {advice}")).with_source(story(error))
}

/// What nobody has answered in time.
pub(super) fn too_slow(doing: &str, server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {doing} in {server}: no answer within operation_timeout; look for a server that is \
             overloaded, paused or waiting for a lock"
        ),
    )
}

/// Whether the server gave it up for the sake of another transaction, so that none of it has happened.
pub(super) fn was_rolled_back(error: &ServerError) -> bool {
    // ER_LOCK_DEADLOCK; ER_LOCK_WAIT_TIMEOUT takes back the statement, and we have one in a transaction of its own.
    matches!(error.code, 1213 | 1205)
}

/// Whether there is a row with this key already.
pub(super) fn is_duplicate(error: &ServerError) -> bool {
    // ER_DUP_ENTRY
    error.code == 1062
}

/// Whether the tables are not there.
pub(super) fn is_missing_table(error: &DriverError) -> bool {
    // ER_NO_SUCH_TABLE
    matches!(error, DriverError::Server(error) if error.code == 1146)
}

pub(super) fn is_missing_procedure(error: &DriverError) -> bool {
    // ER_SP_DOES_NOT_EXIST
    matches!(error, DriverError::Server(error) if error.code == 1305)
}

/// Whether the server only reads, as one that was the primary may. It keeps its clients, and what is ended on the new
/// primary would live on for those that go on to read here.
pub(super) fn is_read_only(error: &DriverError) -> bool {
    matches!(error, DriverError::Server(error) if READ_ONLY.contains(&error.code))
}

/// An error's own words and its causes'. Of a server's error that nobody has foreseen only the number: its words may
/// quote what is in a row.
pub(super) fn story(error: &DriverError) -> String {
    match error {
        DriverError::Server(error) if of_code(error.code).1 == UNFORESEEN => {
            format!("error {} ({})", error.code, error.state)
        }
        DriverError::Server(error) => error.to_string(),
        _ => {
            let mut story = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                let words = error.to_string();
                // The driver's errors repeat their cause.
                if !story.ends_with(&words) {
                    story.push_str(": ");
                    story.push_str(&words);
                }
                cause = error.source();
            }
            story
        }
    }
}

/// Whether the two could not agree on TLS; what it says of the certificate comes wrapped as an error of input.
fn is_about_tls(error: &IoError) -> bool {
    match error {
        IoError::Tls(_) => true,
        IoError::Io(error) => error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>()),
    }
}

/// ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
const READ_ONLY: [u16; 3] = [1290, 1836, 1792];

const UNFORESEEN: &str = "see the number of the error";

/// What a number of the server's means, and what to do. By MySQL's and MariaDB's lists of errors.
fn of_code(code: u16) -> (ErrorKind, &'static str) {
    match code {
        // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        1044 | 1045 | 1698 => (
            ErrorKind::Misconfigured,
            "it refuses the user, the password or the database: check the URL and the grants",
        ),
        // ER_BAD_DB_ERROR
        1049 => (
            ErrorKind::Misconfigured,
            "there is no such database: make it, or name another in the URL",
        ),
        // ER_TABLEACCESS_DENIED, ER_COLUMNACCESS_DENIED, ER_SPECIFIC_ACCESS_DENIED, ER_PROCACCESS_DENIED
        1142 | 1143 | 1227 | 1370 => (
            ErrorKind::Misconfigured,
            "the user may not: grant SELECT, INSERT, UPDATE, DELETE and EXECUTE on the database, and to who \
             migrates CREATE, INDEX, CREATE ROUTINE and ALTER ROUTINE too",
        ),
        // ER_NO_SUCH_TABLE, ER_BAD_FIELD_ERROR, ER_SP_DOES_NOT_EXIST
        1146 | 1054 | 1305 => (
            ErrorKind::Misconfigured,
            "the tables are not as this release needs them: run migrate() (a dump has the procedure only with \
             --routines)",
        ),
        // ER_DISK_FULL, ER_RECORD_FILE_FULL
        1021 | 1114 => (
            ErrorKind::Full,
            "its disk or its table space is full: make room, or sweep expired sessions",
        ),
        // ER_NET_PACKET_TOO_LARGE
        1153 => (
            ErrorKind::TooLarge,
            "the session is larger than the server's max_allowed_packet: raise it, or keep less in a session",
        ),
        code if READ_ONLY.contains(&code) => (
            ErrorKind::Unavailable,
            "it is read-only, a replica perhaps: name the primary in the URL, or set read_only=OFF",
        ),
        // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED
        1040 | 1203 | 1226 => (
            ErrorKind::Unavailable,
            "it has no connection left: raise its max_connections, or lower `connections` in the URL",
        ),
        // ER_HOST_IS_BLOCKED
        1129 => (
            ErrorKind::Unavailable,
            "it blocks this host after many broken connections: run FLUSH HOSTS, and find out what broke them",
        ),
        // ER_NORMAL_SHUTDOWN, ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED, ER_QUERY_INTERRUPTED
        1077 | 1053 | 1927 | 1317 => (
            ErrorKind::Unavailable,
            "it is shutting down, or somebody has killed the connection",
        ),
        // ER_BINLOG_STMT_MODE_AND_ROW_ENGINE
        1665 => (
            ErrorKind::Misconfigured,
            "its binlog_format is STATEMENT, with which READ COMMITTED cannot write: set ROW or MIXED",
        ),
        _ => (ErrorKind::Unavailable, UNFORESEEN),
    }
}
