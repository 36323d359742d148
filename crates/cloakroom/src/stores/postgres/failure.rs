//! What an error of the driver or the server means for who asked.

use std::error::Error as _;
use std::io;

use cloakroom_store::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

/// What a failed call means: of a connection that had worked.
pub(super) fn of_call(doing: &str, server: &str, error: &tokio_postgres::Error) -> Error {
    let (kind, advice) = match error.as_db_error() {
        Some(said) => of_code(said.code()),
        // The columns are not of the types that we have made them of.
        None if is_foreign(error) => (ErrorKind::Corrupt, "the tables are not as this release made them"),
        None => (ErrorKind::Unavailable, "the connection broke: it is made again"),
    };
    Error::new(kind, format!("could not {doing} in {server}: {advice}")).with_source(story(error))
}

/// What it means that a server could not be connected to.
pub(super) fn of_connecting(server: &str, error: &tokio_postgres::Error) -> Error {
    let (kind, advice) = match error.as_db_error() {
        Some(said) => match of_code(said.code()) {
            // Nothing was asked yet, so what is refused is who we are or what we want to use.
            (ErrorKind::Unavailable, _) if is_refusal(said.code()) => (
                ErrorKind::Misconfigured,
                "it refuses the user, the password, the database or the address: check the URL and pg_hba.conf",
            ),
            of_code => of_code,
        },
        None if is_misconfigured(error) => (
            ErrorKind::Misconfigured,
            "check the credentials, sslmode and tls_ca",
        ),
        None => (
            ErrorKind::Unavailable,
            "check that it runs and can be reached from here",
        ),
    };
    Error::new(kind, format!("could not connect to {server}: {advice}")).with_source(story(error))
}

/// What had no turn in time.
pub(super) fn busy(doing: &str, server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {doing} in {server}: no connection within wait_timeout; it takes none, or others of \
             its kind keep it busy"
        ),
    )
}

/// What nobody has answered in time.
pub(super) fn too_slow(doing: &str, server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {doing} in {server}: no answer within operation_timeout; look for a server that is overloaded, \
             paused or waiting for a lock"
        ),
    )
}

/// An error's own words and its causes', without what the server tells of the rows: that may be anybody's data.
pub(super) fn story(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} {}: {}", said.severity(), said.code().code(), said.message());
    }
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story.push_str(": ");
        story.push_str(&error.to_string());
        cause = error.source();
    }
    story
}

fn of_code(code: &SqlState) -> (ErrorKind, &'static str) {
    match code.code() {
        "25006" => (
            ErrorKind::Unavailable,
            "it is read-only, a replica perhaps: name the primary, or all servers and target_session_attrs=read-write",
        ),
        "53100" => (
            ErrorKind::Full,
            "its disk is full: make room, or sweep expired sessions",
        ),
        "53300" => (
            ErrorKind::Unavailable,
            "it has no connection left: raise its max_connections, or lower connections in the URL",
        ),
        "57014" => (
            ErrorKind::Unavailable,
            "it took longer than operation_timeout: look for a server that is overloaded or waiting for a lock",
        ),
        "42P01" | "42703" | "42883" | "3F000" => (
            ErrorKind::Misconfigured,
            "the tables are not there, or of an older release: run migrate(), or check the option schema",
        ),
        "42501" => (
            ErrorKind::Misconfigured,
            "the user may not use the tables: grant it SELECT, INSERT, UPDATE and DELETE on them",
        ),
        "XX001" | "XX002" => (ErrorKind::Corrupt, "its files are damaged: see its log"),
        _ => (ErrorKind::Unavailable, "it refused: see its log"),
    }
}

/// Whether the server has something against the user, the password, the address or the database.
fn is_refusal(code: &SqlState) -> bool {
    code.code().starts_with("28") || *code == SqlState::INVALID_CATALOG_NAME
}

fn is_foreign(error: &tokio_postgres::Error) -> bool {
    let source = error.source();
    source.is_some_and(|cause| !cause.is::<io::Error>() && !cause.is::<DbError>())
}

/// Whether it is the settings and not the network that stand between us and the server.
fn is_misconfigured(error: &tokio_postgres::Error) -> bool {
    let Some(cause) = error.source() else {
        return false;
    };
    match cause.downcast_ref::<io::Error>() {
        // A certificate that does not convince comes wrapped into one of the network.
        Some(error) => error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
        None => true,
    }
}
