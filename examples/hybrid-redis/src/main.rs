//! Sessions in Redis, and what Redis said of one for ten seconds in a second cookie: reading asks it once in a while.
//!
//! ```sh
//! redis-server --bind 127.0.0.1 --save "" &  # keeps nothing when it stops
//! cargo run -p hybrid-redis      # in `examples`
//! curl -c jar -b jar -d "" http://localhost:3000/sign-in
//! redis-cli monitor &
//! curl -c jar -b jar http://localhost:3000     # several times
//! ```

use std::error::Error as StdError;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use cloakroom::stores::Redis;
use cloakroom::{Error, Key, KeyRing, ServerKey, Session, Sessions};
use tokio::net::TcpListener;

const SEATS: Key<u32> = Key::new("seats");

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let redis = arguments.next().unwrap_or("redis://localhost".to_owned());

    // Snapshots live for seconds, so a key of this process is good enough while there is one. Several nodes share a key file.
    let keys = KeyRing::new(ServerKey::generate()?);
    let sessions = Sessions::new(Redis::connect(&redis).await?).snapshots(keys, Duration::from_secs(10));

    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/reserve", post(reserve))
        .layer(sessions.layer());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn home(session: Session) -> Result<String, Error> {
    let seats = session.get(SEATS)?.unwrap_or(0);
    Ok(match session.principal() {
        Some(user) => format!("{user} has {seats} seats"),
        None => "nobody".to_owned(),
    })
}

/// It believes everybody: checking a password is the application's business.
async fn sign_in(session: Session) -> Result<&'static str, Error> {
    session.sign_in("alice")?;
    Ok("signed in")
}

/// What must not be decided on a copy: whether this session still counts is asked of Redis itself.
async fn reserve(session: Session) -> Result<String, Error> {
    if !session.confirm().await? {
        return Ok("signed out elsewhere".to_owned());
    }
    session.update(SEATS, |seats| seats.unwrap_or(0) + 1)?;
    Ok(format!("{} seats", session.get(SEATS)?.unwrap_or(0)))
}
