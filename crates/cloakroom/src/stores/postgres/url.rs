//! Turns a URL and options into what the driver needs for each server.

use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use super::options::{PostgresOptions, Tls};
use crate::stores::url::StoreUrl;

pub(super) const SCHEMES: &[&str] = &["postgres", "postgresql"];

const PORT: u16 = 5432;

/// One configuration for each server, in the order in which they are tried. Takes the rest of the URL's options.
///
/// # Errors
///
/// [`ErrorKind::Misconfigured`] when the URL names no server, or an option that is not known.
pub(super) fn servers(url: &mut StoreUrl, options: &PostgresOptions) -> Result<Vec<Config>, Error> {
    let mut each = common(url, options);
    let targets = "any, read-write or read-only";
    let target = url.read("target_session_attrs", targets, target)?;
    let host = url.option("host");
    let port = url.read("port", "a number from 1 to 65535", |text| {
        text.parse().ok().filter(|port: &u16| *port != 0)
    })?;
    url.nothing_left()?;
    let contradicted = |option: &str| {
        let message = format!("{option}= in {url} contradicts what is in front of it: name one of them");
        Err(Error::new(ErrorKind::Misconfigured, message))
    };
    let (mut hosts, usual) = (Vec::new(), port.unwrap_or(PORT));
    for named in &url.hosts {
        if host.as_ref().is_some_and(|host| *host != named.name) {
            return contradicted("host");
        }
        if port.is_some_and(|port| named.port_or(port) != port) {
            return contradicted("port");
        }
        hosts.push((named.name.clone(), named.port_or(usual)));
    }
    if let Some(host) = host
        && hosts.is_empty()
    {
        hosts.push((host, usual));
    }
    if options.tls == Some(Tls::Disable) {
        let why = "with sslmode=disable nothing is encrypted";
        options.server.trusts_no_authority(url, why)?;
    }
    if hosts.iter().any(|(host, _)| is_socket(host)) {
        let why = "nothing is encrypted on a socket";
        options.server.trusts_no_authority(url, why)?;
    }
    // Of several servers one is the primary, and the store writes.
    let usual = if hosts.len() > 1 {
        TargetSessionAttrs::ReadWrite
    } else {
        TargetSessionAttrs::Any
    };
    each.target_session_attrs(target.unwrap_or(usual));
    let servers: Vec<Config> = hosts
        .into_iter()
        .map(|(host, port)| each.clone().host(host).port(port).clone())
        .collect();
    if servers.is_empty() {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            format!(
                "{url} names no server: write postgres://host/database, or host=/directory for a Unix socket"
            ),
        ));
    }
    Ok(servers)
}

/// Whether a host is the directory of a Unix socket.
fn is_socket(host: &str) -> bool {
    host.starts_with('/')
}

fn common(url: &StoreUrl, options: &PostgresOptions) -> Config {
    let mut config = Config::new();
    config.application_name("cloakroom");
    config.connect_timeout(options.server.connect_timeout);
    // A connection that a firewall has forgotten is noticed before a request is.
    config.keepalives_idle(Duration::from_secs(60));
    if let Some(user) = &url.user {
        config.user(user);
    }
    if let Some(password) = &url.password {
        config.password(password);
    }
    if !url.path.is_empty() {
        config.dbname(&url.path);
    }
    // Who names an authority means it.
    let usual = if options.server.tls_ca.is_some() {
        Tls::Require
    } else {
        Tls::Prefer
    };
    config.ssl_mode(match options.tls.unwrap_or(usual) {
        Tls::Disable => SslMode::Disable,
        Tls::Prefer => SslMode::Prefer,
        Tls::Require => SslMode::Require,
    });
    config
}

fn target(name: &str) -> Option<TargetSessionAttrs> {
    match name {
        "any" => Some(TargetSessionAttrs::Any),
        "read-write" => Some(TargetSessionAttrs::ReadWrite),
        "read-only" => Some(TargetSessionAttrs::ReadOnly),
        _ => None,
    }
}
