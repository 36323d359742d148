//! The demo: a small shop that shows what sessions do.
//!
//! An anonymous cart, accounts, a list of devices to end sessions from. Everything is a page and a form; there
//! is no script.

mod accounts;
mod cart;
mod catalogue;
mod clock;
mod device;
mod door;
mod dress;
mod headers;
mod pages;
mod passwords;
mod problem;
mod router;
mod style;
mod time;
mod visitor;

use std::error::Error;
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use cloakroom::{Cookie, RunningSweeper, Sessions, stores};
use tokio::sync::oneshot;

use self::accounts::Accounts;
use self::door::{Caller, Door};
use crate::listen::Listeners;

/// A shop that is open: sessions and accounts have been read, and nothing listens yet.
#[derive(Debug)]
pub struct Demo {
    router: Router,
    sweeper: RunningSweeper,
}

impl Demo {
    /// Opens the stores of sessions and accounts.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or used, when another process has it open, or when what is in it
    /// cannot be read. Nothing is overwritten.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        // The sessions first: the store knows whether another process has the directory.
        let opened = stores::open_all(&config.store)
            .await
            .map_err(|error| OpenError::new(config.failed(), error))?;
        let accounts = match &config.accounts {
            Some(directory) => {
                make_private(directory).map_err(|error| OpenError::new(config.failed(), error))?;
                Accounts::open(directory).map_err(|error| OpenError::new(config.failed(), error))?
            }
            None => Accounts::in_memory(),
        };
        // A name of its own: browsers do not tell the ports of localhost apart, and another program's cookie would
        // take the place of ours.
        let cookie = Cookie::builder("cloakroom-demo")
            .build()
            .expect("a short name and the default attributes make a cookie");
        let sessions = Sessions::new(opened.store)
            .cookie(cookie)
            .users(accounts.clone())
            .sign_in_page("/sign-in")
            .expect("it is a path of the shop");
        let door = Door::new(&sessions, opened.counters)
            .expect("the limits are not zero, and a quarter of an hour is a window");
        let sweeper = sessions.sweeper().attempts(&door.signing_in).start();
        Ok(Self {
            router: router::router(Shop { accounts, door }, &sessions),
            sweeper,
        })
    }

    /// Serves the shop until `shutdown` ends, then finishes what it has begun and closes the stores.
    ///
    /// Whatever has been answered by then is kept. A request that goes on for long is cut off.
    ///
    /// # Errors
    ///
    /// When the listeners fail for good.
    pub async fn run(
        self,
        listeners: Listeners,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (stopping, stopped) = oneshot::channel();
        let graceful = async move {
            shutdown.await;
            // Nobody waits any more when serving failed: then there is nothing to stop either.
            let _ = stopping.send(());
        };
        let shop = self.router.into_make_service_with_connect_info::<Caller>();
        let serving = axum::serve(listeners, shop).with_graceful_shutdown(graceful);
        let mut serving = pin!(serving.into_future());
        let served = tokio::select! {
            served = &mut serving => served,
            () = patience_after(stopped) => {
                tracing::warn!("stopped without waiting longer for the requests that were under way");
                Ok(())
            }
        };
        self.sweeper.stop().await;
        served
    }
}

/// What the shop keeps, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The URL of the store of sessions.
    store: String,
    /// The directory of the accounts; without one they are gone at the end.
    accounts: Option<PathBuf>,
    /// The option that chooses another place.
    option: &'static str,
}

impl Config {
    /// Keeps sessions and accounts in one directory.
    pub fn directory(directory: &str) -> Self {
        Self {
            store: format!("disk:{directory}"),
            accounts: Some(directory.into()),
            option: "--data",
        }
    }

    /// Keeps sessions in the store of this URL, and accounts where they live as long: in the same directory,
    /// in memory, or in `directory` when the store is another server.
    pub fn store(url: &str, directory: &str) -> Self {
        let accounts = match url.split_once(':') {
            Some(("disk", path)) => Some(path.into()),
            Some(("memory", _)) => None,
            _ => Some(directory.into()),
        };
        Self {
            store: url.to_owned(),
            accounts,
            option: "--store",
        }
    }

    /// Whether a restart finds everything again.
    pub fn lasts(&self) -> bool {
        self.accounts.is_some()
    }

    /// Where accounts are kept, when it is not where sessions are.
    pub fn accounts_elsewhere(&self) -> Option<std::path::Display<'_>> {
        let beside = self.store.starts_with("disk:");
        let directory = self.accounts.as_deref().filter(|_| !beside)?;
        Some(directory.display())
    }

    /// Where sessions are kept, in words. Of the URL of another server only the scheme: the rest may hold a
    /// password.
    pub fn place(&self) -> String {
        match self.store.split_once(':') {
            Some(("disk", path)) if !path.is_empty() => path.to_owned(),
            Some(("memory", _)) => "memory".to_owned(),
            Some((scheme, _)) => format!("the {scheme} store"),
            None => "the store".to_owned(),
        }
    }

    fn failed(&self) -> String {
        format!(
            "could not open {} ({} chooses another)",
            self.place(),
            self.option
        )
    }
}

/// Why the shop stays closed; the text names what is in the way.
#[derive(Debug)]
pub struct OpenError {
    message: String,
    source: Box<dyn Error + Send + Sync>,
}

impl OpenError {
    fn new(message: String, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            message,
            source: Box::new(source),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// What handlers share, besides the sessions.
#[derive(Debug, Clone)]
struct Shop {
    accounts: Accounts,
    door: Door,
}

/// Makes the directory for the eyes of this user only. One that is there is left as it is.
fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Ends some time after `stopped` says so.
async fn patience_after(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
}
