//! The schema: which version is there, and how it becomes this release's.

use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::failure;
use super::opening::quoted;
use super::options::{Migrate, PostgresOptions};

/// Makes the table that says which version is there: version 0, nothing.
const BEGIN: &str = include_str!("schema/0.sql");

/// What makes version 1 of version 0, and so on.
const STEPS: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// This release's version.
const CURRENT: i32 = STEPS.len() as i32;

/// Ten nodes start at once: one migrates, and the others find it done. The lock is the connection's, which ends with the
/// migration, and is taken before the transaction begins: one that was under way would go by the catalogue of before.
const ONE_AT_A_TIME: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
                             SELECT pg_advisory_lock(hashtextextended('cloakroom migrate', 0))";

/// How long a migration may take: what is longer is for a quiet hour and a person who watches.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is printed for teams that run it themselves: where nothing is there, or tables of this version.
pub(super) fn printed(there: Option<u32>) -> String {
    let begin = if there.is_none() { BEGIN } else { "" };
    let mut text = format!("BEGIN;\n\n{begin}");
    let done = there.map_or(0, |version| version as usize);
    for (step, version) in STEPS.iter().zip(1..).skip(done) {
        text.push_str(&format!("\n{step}\n{}\n", arrived(version)));
    }
    text.push_str("\nCOMMIT;\n");
    text
}

/// The schema, over a connection of which nobody else needs the session: what a migration sets stays set.
pub(super) struct Schema<'a> {
    pub(super) client: &'a mut Client,
    pub(super) options: &'a PostgresOptions,
    /// The server, for messages.
    pub(super) address: &'a str,
}

/// What survives that the server is killed, of what was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survivors {
    pub(super) sessions: bool,
    /// They are in the write-ahead log also where sessions are not.
    pub(super) marks: bool,
}

impl Schema<'_> {
    /// Holds when the schema is this release's, or has become it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NewerFormat`] when a newer release made it, [`ErrorKind::Misconfigured`] when it is older or not
    /// there and may not be changed.
    pub(super) async fn prepare(&mut self) -> Result<(), Error> {
        match self.version().await? {
            Some(CURRENT) => Ok(()),
            found if found > Some(CURRENT) => Err(self.newer()),
            _ if self.options.migrate == Migrate::OnConnect => self.migrate().await,
            found => {
                let (there, sql) = match found {
                    None => ("no tables".to_owned(), "schema_sql()".to_owned()),
                    Some(version) => (
                        format!("version {version} of the tables"),
                        format!("schema_sql_since({version})"),
                    ),
                };
                Err(Error::new(
                    ErrorKind::Misconfigured,
                    format!(
                        "there is {there} in {}, and this release needs version {CURRENT}: run migrate(), or the SQL \
                         that {sql} prints, or check the option schema",
                        self.address
                    ),
                ))
            }
        }
    }

    /// What survives that the server is killed: as the tables and the connection are.
    ///
    /// # Errors
    ///
    /// When the server cannot be asked.
    pub(super) async fn survivors(&self) -> Result<Survivors, Error> {
        let text = "SELECT current_setting('synchronous_commit') <> 'off', relpersistence = 'p' \
                    FROM pg_class WHERE oid = 'cloakroom_sessions'::regclass";
        let looking = async {
            let found = self.client.query_one(text, &[]).await?;
            let marks = found.try_get(0)?;
            Ok(Survivors {
                sessions: marks && found.try_get(1)?,
                marks,
            })
        };
        self.in_time("look at the tables", looking).await
    }

    /// Makes the schema this release's, in one transaction.
    async fn migrate(&mut self) -> Result<(), Error> {
        let address = self.address;
        timeout(PATIENCE, self.migrate_patiently())
            .await
            .unwrap_or_else(|_elapsed| Err(failure::too_slow("migrate the tables", address)))
    }

    async fn migrate_patiently(&mut self) -> Result<(), Error> {
        let address = self.address;
        let failed = |error| failure::of_call("migrate the tables", address, &error);
        self.client.batch_execute(ONE_AT_A_TIME).await.map_err(failed)?;
        // Asked again: another node may have been faster.
        let found = self.version().await?;
        if found > Some(CURRENT) {
            return Err(self.newer());
        }
        let transaction = self.client.transaction().await.map_err(failed)?;
        let mut script = String::new();
        if found.is_none() {
            if let Some(schema) = &self.options.schema {
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
        if done == 0 && self.options.unlogged {
            script.push_str(include_str!("schema/unlogged.sql"));
        }
        transaction.batch_execute(&script).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Which version is there.
    async fn version(&self) -> Result<Option<i32>, Error> {
        let asking = async {
            let there = "SELECT to_regclass('cloakroom_schema') IS NOT NULL";
            if !self.client.query_one_scalar(there, &[]).await? {
                return Ok(None);
            }
            let version = "SELECT version FROM cloakroom_schema";
            self.client.query_opt_scalar(version, &[]).await
        };
        self.in_time("read the version of the tables", asking).await
    }

    /// Asks while connecting, and for no longer than that may take.
    async fn in_time<T>(
        &self,
        doing: &str,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        match timeout(self.options.server.connect_timeout, asking).await {
            Ok(answer) => answer.map_err(|error| failure::of_call(doing, self.address, &error)),
            Err(_elapsed) => Err(failure::too_slow(doing, self.address)),
        }
    }

    fn newer(&self) -> Error {
        Error::new(
            ErrorKind::NewerFormat,
            format!(
                "a newer release made the tables in {}: this one knows version {CURRENT}; use one release on all nodes",
                self.address
            ),
        )
    }
}

fn arrived(version: i32) -> String {
    format!("\nUPDATE cloakroom_schema SET version = {version};\n")
}
