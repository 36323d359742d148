//! A login on axum: accounts in SQLite, sessions on the disk, a list of devices, a new password, the end of an account.
//!
//! ```sh
//! cargo run -p login-axum        # in `examples`; then open http://localhost:3000
//! ```
//!
//! This file puts it together, `accounts.rs` knows who has an account, `entrance.rs` and `account.rs` have the pages. The same
//! program on actix-web is `login-actix`, line by line. What an application has besides: a mail when a password was changed.

mod account;
mod accounts;
mod entrance;
mod passwords;
mod problem;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Extension, Router};
use cloakroom::store::{Counters, Store};
use cloakroom::stores::Disk;
use cloakroom::{Attempts, Cookie, CrossSite, Error, Sessions};
use tokio::net::TcpListener;

use accounts::Accounts;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError + Send + Sync>> {
    // Clients learn little of what went wrong, and the log learns why.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let directory = arguments.next().unwrap_or("./example-login".to_owned());
    std::fs::create_dir_all(&directory)?;

    let accounts = Accounts::open(&format!("{directory}/accounts.db"))?;
    let store = Disk::open(format!("{directory}/sessions")).await?;
    let sessions = sessions(store.clone(), &accounts)?;
    let attempts = attempts(&sessions, store)?;
    // Without it, expired sessions and what was counted stay on the disk.
    let _sweeper = sessions.sweeper().attempts(&attempts).start();

    let app = routes()
        .with_state(accounts)
        .layer(Extension(attempts))
        .layer(sessions.layer())
        // No other site sends these forms: around everything, the one that signs in included.
        .layer(CrossSite::default().layer())
        // The address of whoever asks. Behind a proxy that is the proxy's: then take what the proxy says.
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
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

/// How often a password may be tried: from one address less often than at one name, so that nobody shuts out another alone.
fn attempts(sessions: &Sessions, counters: impl Counters) -> Result<Attempts, Error> {
    let window = Duration::from_secs(15 * 60);
    let attempts = sessions.attempts(counters).per_address(10, window)?;
    attempts.per_principal(30, window)
}

fn routes() -> Router<Accounts> {
    Router::new()
        .route("/", get(account::page))
        .route("/sign-in", get(entrance::sign_in_page))
        .route("/sign-in", post(entrance::sign_in))
        .route("/sign-out", post(entrance::sign_out))
        .route("/end", post(account::end))
        .route("/end-others", post(account::end_others))
        .route("/password", post(account::change_password))
        .route("/delete", post(account::delete))
}

#[cfg(test)]
mod tests;
