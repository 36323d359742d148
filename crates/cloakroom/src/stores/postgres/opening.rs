//! Opens connections: to the first server that takes one, with what each connection is set to.

use std::fmt::Write as _;

use cloakroom_store::{Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Connection, SimpleQueryMessage, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure;
use super::migrations::Schema;
use super::options::PostgresOptions;
use super::{tls, url};

/// The half of a connection that does the talking.
pub(super) type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// How connections are opened, for as long as the store lives.
pub(super) struct Opening {
    servers: Vec<Config>,
    tls: MakeRustlsConnect,
    pub(super) options: PostgresOptions,
    /// Where the store was connected. Its connections live there, whoever is the first to need one.
    pub(super) runtime: Handle,
    /// The URL without its password, for messages.
    pub(super) address: String,
}

impl Opening {
    /// Understands a URL, whose options win over those given, within the runtime on which its connections are to live.
    pub(super) fn parse(mut options: PostgresOptions, url: &str) -> Result<Self, Error> {
        let mut url = options.parse(url)?;
        let servers = url::servers(&mut url, &options)?;
        Ok(Self {
            servers,
            tls: tls::connector(&options.server)?,
            options,
            runtime: Handle::current(),
            address: url.to_string(),
        })
    }

    /// Opens a connection to the first server that takes it, each within the time to connect.
    ///
    /// The driver is not running yet: whoever opens says who runs it.
    pub(super) async fn open(&self) -> Result<(Client, Driver), Error> {
        let mut answer = Err(self.silent());
        for server in &self.servers {
            answer = match timeout(
                self.options.server.connect_timeout,
                server.connect(self.tls.clone()),
            )
            .await
            {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(error)) => Err(failure::of_connecting(&self.address, &error)),
                Err(_elapsed) => Err(self.silent()),
            };
        }
        answer
    }

    /// The schema, over this connection.
    pub(super) fn schema<'a>(&'a self, client: &'a mut Client) -> Schema<'a> {
        Schema {
            client,
            options: &self.options,
            address: &self.address,
        }
    }

    fn silent(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "could not connect to {}: no answer within connect_timeout",
                self.address
            ),
        )
    }
}

/// Sets a connection of the store's own, and answers which of the server's processes serves it.
pub(super) async fn set(client: &Client, settings: &str) -> Result<i32, tokio_postgres::Error> {
    let answers = client
        .simple_query(&format!("{settings}; SELECT pg_backend_pid()"))
        .await?;
    let process = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    // Something between us and the server that knows none: there is nothing to ask about then.
    Ok(process.unwrap_or_default())
}

/// What a connection of the store's own is told before anything else.
pub(super) fn settings(options: &PostgresOptions) -> String {
    let milliseconds = options.server.operation_timeout.as_millis().max(1);
    let mut settings = format!(
        "SET statement_timeout = {milliseconds}; SET idle_in_transaction_session_timeout = {milliseconds}; \
         SET default_transaction_isolation = 'read committed'; SET client_min_messages = 'error'"
    );
    if let Some(commit) = options.synchronous_commit {
        let _ = write!(settings, "; SET synchronous_commit = {}", commit.name());
    }
    if let Some(schema) = &options.schema {
        let _ = write!(settings, "; SET search_path = {}", quoted(schema));
    }
    settings
}

/// A name as SQL takes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
