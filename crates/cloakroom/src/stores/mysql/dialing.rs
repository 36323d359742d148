//! Makes connections: to whom, with which credentials, and what every session is set to.

use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use rustls::crypto::{CryptoProvider, ring};
use tokio::time::timeout;

use super::failure;
use super::options::MysqlOptions;
use crate::stores::url::StoreUrl;

/// How connections are made, for as long as the store lives.
pub(super) struct Dialing {
    driver: Opts,
    /// The URL without its password, for messages.
    pub(super) server: String,
}

impl Dialing {
    /// Understands a URL, whose options win over those given.
    pub(super) fn parse(options: &mut MysqlOptions, url: &str) -> Result<Self, Error> {
        let url = options.parse(url)?;
        let driver = driver(options, &url)?;
        Ok(Self {
            driver: driver.into(),
            server: url.to_string(),
        })
    }

    /// Makes a connection.
    pub(super) async fn dial(&self) -> Result<Conn, Error> {
        let dialed = Conn::new(self.driver.clone()).await;
        dialed.map_err(|error| failure::of_connecting(&self.server, &error))
    }

    /// Makes a connection within this time.
    pub(super) async fn dial_within(&self, bound: Duration) -> Result<Conn, Error> {
        timeout(bound, self.dial()).await.unwrap_or_else(|_elapsed| {
            Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "could not connect to {} within {bound:?}: check that it runs and can be reached from here",
                    self.server
                ),
            ))
        })
    }
}

fn driver(options: &MysqlOptions, url: &StoreUrl) -> Result<OptsBuilder, Error> {
    let wrong = |what: &str| Err(Error::new(ErrorKind::Misconfigured, format!("{what} in {url}")));
    let host = match &url.hosts[..] {
        [host] => host,
        [] if options.socket.is_some() => return with_all_but_host(options, url),
        [] => return wrong("there is no host"),
        _ => return wrong("there is more than one host, and this store takes one"),
    };
    let driver = with_all_but_host(options, url)?;
    Ok(driver
        .ip_or_hostname(host.name.clone())
        .tcp_port(host.port_or(3306)))
}

fn with_all_but_host(options: &MysqlOptions, url: &StoreUrl) -> Result<OptsBuilder, Error> {
    if url.path.is_empty() {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            format!("there is no database in {url}: name one behind the host, as in mysql://host/database"),
        ));
    }
    let socket = options
        .socket
        .as_ref()
        .map(|path| path.to_string_lossy().into_owned());
    let tls = if options.encrypts() && socket.is_none() {
        Some(tls(options)?)
    } else {
        None
    };
    Ok(OptsBuilder::default()
        .user(url.user.clone())
        .pass(url.password.clone())
        .db_name(Some(url.path.clone()))
        .socket(socket)
        .ssl_opts(tls)
        // Otherwise the driver looks for a socket on this machine, whatever the URL says.
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_secs(60)))
        // A row that a touch has found already where it should be is a row that it has found.
        .client_found_rows(true)
        .wait_timeout(Some(SESSION_WAIT.as_secs() as usize))
        .setup(vec![settings(options)]))
}

/// How long the server keeps a connection that nobody uses. Longer than any store waits to use one; the server's own
/// setting is often for people at a prompt.
const SESSION_WAIT: Duration = Duration::from_secs(8 * 3600);

/// What every connection is told before anything else, in one request.
fn settings(options: &MysqlOptions) -> String {
    let lock_wait = options.server.operation_timeout.as_secs_f64().ceil().max(1.0);
    let wait = SESSION_WAIT.as_secs();
    format!(
        "SET NAMES binary; SET autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
         wait_timeout = {wait}, innodb_lock_wait_timeout = {lock_wait}; \
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
    )
}

fn tls(options: &MysqlOptions) -> Result<SslOpts, Error> {
    // The driver takes the process's provider. Where the application has chosen none, and two are compiled in,
    // rustls panics rather than to guess: the choice is made for it then, and only then.
    if CryptoProvider::get_default().is_none() {
        // Somebody may have been faster, and then theirs it is.
        let _ = ring::default_provider().install_default();
    }
    let Some(path) = &options.server.tls_ca else {
        return Ok(SslOpts::default());
    };
    // Read by the driver for every connection: a path that is wrong should be heard of at once, and by its name.
    std::fs::metadata(path).map_err(|cause| {
        Error::new(
            ErrorKind::Misconfigured,
            format!(
                "could not read the authorities to trust from tls_ca={}",
                path.display()
            ),
        )
        .with_source(cause)
    })?;
    Ok(SslOpts::default()
        .with_disable_built_in_roots(true)
        .with_root_certs(vec![path.clone().into()]))
}
