//! A login on axum: accounts in SQLite, sessions on the disk, a list of devices, a new password, the end of an account.
//!
//! ```sh
//! cargo run -p login-axum        # in `examples`; then open http://localhost:3000
//! ```
//!
//! This file puts it together, `accounts.rs` has names and passwords, `entrance.rs` and `account.rs` the pages. What an
//! application has besides: a limit on how often a password may be tried, and a mail when one was changed.

mod account;
mod accounts;
mod entrance;
mod problem;

use std::error::Error as StdError;
use std::path::Path;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use cloakroom::store::Store;
use cloakroom::stores::Disk;
use cloakroom::{Cookie, CrossSite, Error, Sessions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use accounts::Accounts;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError + Send + Sync>> {
    // Clients learn little of what went wrong, and the log learns why.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let directory = arguments.next().unwrap_or("./example-login".to_owned());
    let directory = Path::new(&directory);

    std::fs::create_dir_all(directory)?;
    let accounts = Accounts::open(&directory.join("accounts.db"))?;
    let sessions = sessions(Disk::open(directory.join("sessions")).await?, &accounts)?;
    // Without it, expired sessions stay on the disk.
    let sweeper = sessions.sweeper().start();

    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut asked_to_end = signal(SignalKind::terminate())?;
    axum::serve(listener, app(&sessions, accounts))
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = asked_to_end.recv() => {}
                Ok(()) = tokio::signal::ctrl_c() => {}
            }
        })
        .await?;
    sweeper.stop().await;
    Ok(())
}

/// How sessions are kept. Tests give it another store.
fn sessions(store: impl Store, accounts: &Accounts) -> Result<Sessions, Error> {
    Sessions::new(store)
        // A name of its own: browsers do not tell the ports of localhost apart.
        .cookie(Cookie::builder("example-login").build()?)
        .users(accounts.clone())
        .sign_in_page("/sign-in")
}

fn app(sessions: &Sessions, accounts: Accounts) -> Router {
    Router::new()
        .route("/", get(account::page))
        .route("/sign-in", get(entrance::sign_in_page).post(entrance::sign_in))
        .route("/sign-out", post(entrance::sign_out))
        .route("/end", post(account::end))
        .route("/end-others", post(account::end_others))
        .route("/password", post(account::change_password))
        .route("/delete", post(account::delete))
        .with_state(accounts)
        .layer(sessions.layer())
        .layer(DefaultBodyLimit::max(16 * 1024))
        // No other site sends these forms: around everything, the one that signs in included.
        .layer(CrossSite::default().layer())
}

#[cfg(test)]
mod tests;
