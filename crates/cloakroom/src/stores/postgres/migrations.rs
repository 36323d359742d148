//! The schema: which version is there, and how it becomes this release's.

use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::opening::{Opening, quoted};
use super::options::Migrate;
use super::{aside, failure};

/// Makes the table that says which version is there: version 0, nothing.
const BEGIN: &str = include_str!("schema/0.sql");

/// What makes version 1 of version 0, and so on.
const STEPS: [&str; 1] = [include_str!("schema/1.sql")];

/// This release's version.
const CURRENT: i32 = STEPS.len() as i32;

/// Ten nodes start at once: one migrates, and the others find it done. The lock is the connection's, which ends with the
/// migration, and is taken before the transaction begins: one that was under way would go by the catalogue of before.
const ONE_AT_A_TIME: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
                             SELECT pg_advisory_lock(hashtextextended('cloakroom migrate', 0))";

/// How long a migration may take: what is longer is for a quiet hour and a person who watches.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is printed for teams that run it themselves.
pub(super) fn printed() -> String {
    let mut text = format!("BEGIN;\n\n{BEGIN}");
    for (step, version) in STEPS.iter().zip(1..) {
        text.push_str(&format!("\n{step}\n{}\n", arrived(version)));
    }
    text.push_str("\nCOMMIT;\n");
    text
}

/// Holds when the schema is this release's, or has become it.
///
/// # Errors
///
/// [`ErrorKind::NewerFormat`] when a newer release made it, [`ErrorKind::Misconfigured`] when it is older or not there
/// and may not be changed.
pub(super) async fn prepare(opening: &Opening) -> Result<(), Error> {
    let client = aside::open(opening).await?;
    match version(opening, &client).await? {
        Some(CURRENT) => Ok(()),
        found if found > Some(CURRENT) => Err(newer(opening)),
        _ if opening.options.migrate == Migrate::OnConnect => migrate(opening, client).await,
        found => {
            let there = found.map_or_else(
                || "no tables".to_owned(),
                |version| format!("version {version} of the tables"),
            );
            Err(Error::new(
                ErrorKind::Misconfigured,
                format!(
                    "there is {there} in {}, and this release needs version {CURRENT}: run migrate(), or check the \
                     option schema",
                    opening.address
                ),
            ))
        }
    }
}

/// Makes the schema this release's, in one transaction.
///
/// # Errors
///
/// As [`prepare`], and when the user may not make tables.
pub(super) async fn migrate(opening: &Opening, mut client: Client) -> Result<(), Error> {
    let failed = |error| failure::of_call("migrate the tables", &opening.address, &error);
    let migrating = async {
        client.batch_execute(ONE_AT_A_TIME).await.map_err(failed)?;
        let transaction = client.transaction().await.map_err(failed)?;
        // Asked again: another node may have been faster.
        let found = version(opening, transaction.client()).await?;
        if found > Some(CURRENT) {
            return Err(newer(opening));
        }
        let mut script = String::new();
        if found.is_none() {
            if let Some(schema) = &opening.options.schema {
                let there = transaction
                    .client()
                    .query_one_scalar("SELECT to_regnamespace($1) IS NOT NULL", &[&quoted(schema)])
                    .await;
                if !there.map_err(failed)? {
                    script.push_str(&format!("CREATE SCHEMA {};\n", quoted(schema)));
                }
            }
            script.push_str(BEGIN);
        }
        let done = usize::try_from(found.unwrap_or(0)).unwrap_or(0);
        for (step, version) in STEPS.iter().zip(1..).skip(done) {
            script.push_str(step);
            script.push_str(&arrived(version));
        }
        if done == 0 && opening.options.unlogged {
            script.push_str(include_str!("schema/unlogged.sql"));
        }
        transaction.batch_execute(&script).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    };
    timeout(PATIENCE, migrating)
        .await
        .unwrap_or_else(|_elapsed| Err(failure::too_slow("migrate the tables", &opening.address)))
}

/// Whether what is written survives that the server is killed: as the tables and the connection are.
///
/// # Errors
///
/// When the server cannot be asked.
pub(super) async fn survives_restart(opening: &Opening) -> Result<bool, Error> {
    let client = aside::open(opening).await?;
    let text = "SELECT current_setting('synchronous_commit') <> 'off' AND relpersistence = 'p' \
                FROM pg_class WHERE oid = 'cloakroom_sessions'::regclass";
    in_time(opening, "look at the tables", client.query_one_scalar(text, &[])).await
}

/// Which version is there.
async fn version(opening: &Opening, client: &Client) -> Result<Option<i32>, Error> {
    let asking = async {
        let there = "SELECT to_regclass('cloakroom_schema') IS NOT NULL";
        if !client.query_one_scalar(there, &[]).await? {
            return Ok(None);
        }
        let version = "SELECT version FROM cloakroom_schema";
        client.query_opt_scalar(version, &[]).await
    };
    in_time(opening, "read the version of the tables", asking).await
}

/// Asks while connecting, and for no longer than that may take.
async fn in_time<T>(
    opening: &Opening,
    doing: &str,
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match timeout(opening.options.server.connect_timeout, asking).await {
        Ok(answer) => answer.map_err(|error| failure::of_call(doing, &opening.address, &error)),
        Err(_elapsed) => Err(failure::too_slow(doing, &opening.address)),
    }
}

fn arrived(version: i32) -> String {
    format!("\nUPDATE cloakroom_schema SET version = {version};\n")
}

fn newer(opening: &Opening) -> Error {
    Error::new(
        ErrorKind::NewerFormat,
        format!(
            "a newer release made the tables in {}: this one knows version {CURRENT}; use one release on all nodes",
            opening.address
        ),
    )
}
