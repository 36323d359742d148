//! A login on actix-web: accounts, a list of devices that can be signed out, the end of an account.
//!
//! ```sh
//! cargo run -p login-actix       # in `examples`; then open http://localhost:3000
//! ```
//!
//! There is one account, of `ada`, whose password is `correct horse`. Accounts and sessions are in memory, and gone when it
//! ends: a database takes the place of `accounts.rs`, and another store that of `Memory`.

mod accounts;
mod pages;

use std::error::Error as StdError;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig, get, post};
use actix_web::{App, HttpServer};
use cloakroom::stores::Memory;
use cloakroom::{Attempts, Cookie, CrossSite, Error, Sessions};

use accounts::Accounts;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    // Clients learn little of what went wrong, and the log learns why.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    // Before the closure: it runs once for each worker, and all of them share what is here.
    let accounts = Accounts::default();
    accounts.add("ada", "correct horse")?;
    let sessions = sessions(&accounts)?;
    let attempts = attempts(&sessions)?;
    let app = move || {
        App::new()
            .app_data(Data::new(accounts.clone()))
            .app_data(Data::new(attempts.clone()))
            .configure(routes)
            .wrap(sessions.middleware())
            // No other site sends these forms: around everything, the one that signs in included.
            .wrap(CrossSite::default().middleware())
    };

    let listen = std::env::args().nth(1).unwrap_or("localhost:3000".to_owned());
    let listener = TcpListener::bind(listen)?;
    println!("listening on http://{}", listener.local_addr()?);
    let server = HttpServer::new(app)
        // Hashing takes 19 MiB each time, and a crowd at the door is not to take all memory.
        .worker_max_blocking_threads(1);
    server.listen(listener)?.run().await?;
    Ok(())
}

fn sessions(accounts: &Accounts) -> Result<Sessions, Error> {
    Sessions::new(Memory::default())
        // A name of its own: browsers do not tell the ports of localhost apart.
        .cookie(Cookie::builder("example-login").build()?)
        .users(accounts.clone())
        .sign_in_page("/sign-in")
}

/// How often a password may be tried: from one address less often than at one name, so that nobody shuts out another alone.
fn attempts(sessions: &Sessions) -> Result<Attempts, Error> {
    let window = Duration::from_secs(15 * 60);
    let attempts = sessions.attempts(Memory::default());
    attempts.per_address(10, window)?.per_principal(30, window)
}

fn routes(app: &mut ServiceConfig) {
    app.route("/", get().to(pages::home))
        .route("/sign-in", get().to(pages::sign_in_page))
        .route("/sign-in", post().to(pages::sign_in))
        .route("/sign-out", post().to(pages::sign_out))
        .route("/end/{id}", post().to(pages::end))
        .route("/end-all", post().to(pages::end_all))
        .route("/delete", post().to(pages::delete));
}

#[cfg(test)]
mod tests;
