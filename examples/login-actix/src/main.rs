//! A login on actix-web: accounts in SQLite, sessions on the disk, a list of devices, a new password, the end of an account.
//!
//! ```sh
//! cargo run -p login-actix       # in `examples`; then open http://localhost:3000
//! ```
//!
//! This file puts it together, `accounts.rs` knows who has an account, `entrance.rs` and `account.rs` have the pages. The same
//! program on axum is `login-axum`, line by line. What an application has besides: a mail when a password was changed.

mod account;
mod accounts;
mod entrance;
mod passwords;
mod problem;

use std::error::Error as StdError;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig, get, post};
use actix_web::{App, HttpServer};
use cloakroom::store::{Counters, Store};
use cloakroom::stores::Disk;
use cloakroom::{Attempts, Cookie, CrossSite, Error, Sessions};

use accounts::Accounts;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn StdError + Send + Sync>> {
    // Clients learn little of what went wrong, and the log learns why.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let directory = arguments.next().unwrap_or("./example-login".to_owned());
    std::fs::create_dir_all(&directory)?;

    // Before the closure: it runs once for each worker, and all of them share what is here.
    let accounts = Accounts::open(&format!("{directory}/accounts.db"))?;
    let store = Disk::open(format!("{directory}/sessions")).await?;
    let sessions = sessions(store.clone(), &accounts)?;
    let attempts = attempts(&sessions, store)?;
    // Without it, expired sessions and what was counted stay on the disk.
    let _sweeper = sessions.sweeper().attempts(&attempts).start();

    let app = move || {
        App::new()
            .configure(routes)
            .app_data(Data::new(accounts.clone()))
            .app_data(Data::new(attempts.clone()))
            .wrap(sessions.middleware())
            // No other site sends these forms: around everything, the one that signs in included.
            .wrap(CrossSite::default().middleware())
    };
    let listener = TcpListener::bind(listen)?;
    println!("listening on http://{}", listener.local_addr()?);
    HttpServer::new(app).listen(listener)?.run().await?;
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

fn routes(app: &mut ServiceConfig) {
    app.route("/", get().to(account::page))
        .route("/sign-in", get().to(entrance::sign_in_page))
        .route("/sign-in", post().to(entrance::sign_in))
        .route("/sign-out", post().to(entrance::sign_out))
        .route("/end", post().to(account::end))
        .route("/end-others", post().to(account::end_others))
        .route("/password", post().to(account::change_password))
        .route("/delete", post().to(account::delete));
}

#[cfg(test)]
mod tests;
