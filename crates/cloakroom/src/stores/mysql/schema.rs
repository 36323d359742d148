//! The tables, and how they come to be as this release needs them.

use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tokio::time::timeout;

use super::failure;

/// The version of the tables that this release needs: how many steps there are.
const VERSION: i64 = STEPS.len() as i64;

/// What each version adds to the one before. Every statement can be run again over what a crash has left.
const STEPS: &[&[&str]] = &[
    &[
        include_str!("sql/sessions.sql"),
        include_str!("sql/turns.sql"),
        DROP_PROCEDURE,
        PROCEDURE,
        include_str!("sql/marks.sql"),
        include_str!("sql/mark_numbers.sql"),
        "DROP PROCEDURE IF EXISTS cloakroom_mark",
        include_str!("sql/mark.sql"),
    ],
    &[include_str!("sql/counters.sql")],
];

const VERSIONS: &str = include_str!("sql/schema.sql");
const DROP_PROCEDURE: &str = "DROP PROCEDURE IF EXISTS cloakroom_write_capped";
const PROCEDURE: &str = include_str!("sql/write_capped.sql");

/// How long a migration may take, waiting for another node's included.
const PATIENCE: Duration = Duration::from_secs(600);

/// All of it, for the program `mysql` or `mariadb`.
pub(super) fn sql() -> String {
    let mut text = String::new();
    for statement in [VERSIONS].iter().chain(STEPS.iter().copied().flatten()) {
        let statement = statement.trim_end();
        // The statements in a procedure end with semicolons too.
        if statement.contains("CREATE PROCEDURE") {
            text.push_str(&format!("DELIMITER //\n{statement} //\nDELIMITER ;\n\n"));
        } else {
            text.push_str(&format!("{statement};\n\n"));
        }
    }
    text.push_str(&format!(
        "INSERT IGNORE INTO cloakroom_schema (version) VALUES ({VERSION});\n"
    ));
    text
}

/// Holds when the tables are as this release needs them.
///
/// # Errors
///
/// [`ErrorKind::Misconfigured`] when they are older, [`ErrorKind::NewerFormat`] when they are newer.
pub(super) async fn check(connection: &mut Conn, server: &str) -> Result<(), Error> {
    let found = version(connection, server).await?;
    let what = if found != VERSION {
        format!("are of version {found} and this release needs {VERSION}")
    } else if !has_procedures(connection, server).await? {
        "have lost their procedures, as by a dump without --routines".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::Misconfigured,
        format!("the tables in {server} {what}: run migrate() or the SQL of schema_sql()"),
    ))
}

/// Whether there is nothing to migrate.
pub(super) async fn is_current(connection: &mut Conn, server: &str) -> Result<bool, Error> {
    Ok(version(connection, server).await? == VERSION && has_procedures(connection, server).await?)
}

/// Makes the tables, or brings them up to date. One connection does it at a time, and the others find it done.
pub(super) async fn migrate(connection: &mut Conn, server: &str) -> Result<(), Error> {
    let failed = |error: mysql_async::Error| failure::of_call(DOING, server, &error);
    let migrating = async {
        // Freed when the connection is closed, at the latest.
        let locked: Option<i64> = connection.query_first(LOCK).await.map_err(failed)?;
        if locked != Some(1) {
            return Err(too_long(server));
        }
        run(connection, server).await?;
        connection.query_drop(UNLOCK).await.map_err(failed)
    };
    timeout(PATIENCE, migrating)
        .await
        .unwrap_or_else(|_elapsed| Err(too_long(server)))
}

async fn run(connection: &mut Conn, server: &str) -> Result<(), Error> {
    let failed = |error: mysql_async::Error| failure::of_call(DOING, server, &error);
    // Another node may have done it meanwhile.
    let found = version(connection, server).await?;
    let done = match has_procedures(connection, server).await? {
        true => usize::try_from(found).unwrap_or(0),
        false => 0,
    };
    connection.query_drop(VERSIONS).await.map_err(failed)?;
    for (step, statements) in STEPS.iter().enumerate().skip(done) {
        for statement in *statements {
            connection.query_drop(*statement).await.map_err(failed)?;
        }
        connection
            .exec_drop(
                "INSERT IGNORE INTO cloakroom_schema (version) VALUES (?)",
                (step as i64 + 1,),
            )
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// Which version the tables have; 0 when there are none.
///
/// # Errors
///
/// [`ErrorKind::NewerFormat`] when this release does not know it.
async fn version(connection: &mut Conn, server: &str) -> Result<i64, Error> {
    let found: Result<Option<i64>, _> = connection
        .query_first("SELECT COALESCE(MAX(version), 0) FROM cloakroom_schema")
        .await;
    let found = match found {
        Ok(found) => found.unwrap_or(0),
        Err(error) if failure::is_missing_table(&error) => 0,
        Err(error) => return Err(failure::of_call("read the version of the tables", server, &error)),
    };
    if found > VERSION {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "the tables in {server} are of version {found}, which a newer release has made: this one knows \
                 {VERSION}; use the newer release"
            ),
        ));
    }
    Ok(found)
}

/// Whether the procedures are there: a dump takes tables along, and procedures only when it is told to.
async fn has_procedures(connection: &mut Conn, server: &str) -> Result<bool, Error> {
    // Whoever may only execute one is told that it is there.
    for question in [
        "SHOW CREATE PROCEDURE cloakroom_mark",
        "SHOW CREATE PROCEDURE cloakroom_write_capped",
    ] {
        match connection.query_drop(question).await {
            Ok(()) => {}
            Err(error) if failure::is_missing_procedure(&error) => return Ok(false),
            Err(error) => return Err(failure::of_call("look for the procedures", server, &error)),
        }
    }
    Ok(true)
}

/// What is done, in messages.
const DOING: &str = "migrate the tables";

/// Locks by the name of the database: the locks of a server are one for all its databases.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('cloakroom.migrate.', SHA1(DATABASE())), 300)";
const UNLOCK: &str = "DO RELEASE_LOCK(CONCAT('cloakroom.migrate.', SHA1(DATABASE())))";

fn too_long(server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {DOING} in {server}: another node has been migrating for minutes; look whether it still is"
        ),
    )
}
