//! One of several nodes behind nginx. Any of them serves any request: what a user has is in the store.
//!
//! ```sh
//! redis-server --bind 127.0.0.1 --save "" &       # keeps nothing when it stops
//! for port in 3001 3002 3003; do cargo run -p behind-nginx -- localhost:$port redis://localhost & done
//! nginx -p . -c behind-nginx/nginx.conf           # in `examples`; listens on port 8080
//! curl -c jar -b jar -d "" http://localhost:8080/sign-in
//! curl -c jar -b jar -d "" http://localhost:8080/add      # again and again, whichever node answers
//! ```
//!
//! To replace a node without losing a request: start its successor, put that into nginx' list in its place, tell nginx
//! (`nginx -p . -c behind-nginx/nginx.conf -s reload`), and ask the old node to end (SIGTERM) once nginx has let go of it.
//! With `-s stop` nginx ends.

use std::error::Error as StdError;

use axum::Router;
use axum::routing::{get, post};
use cloakroom::stores::Redis;
use cloakroom::{CrossSite, Error, Key, Session, Sessions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const COATS: Key<u32> = Key::new("coats");

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3001".to_owned());
    let redis = arguments.next().unwrap_or("redis://localhost".to_owned());
    let origin = arguments.next().unwrap_or("http://localhost:8080".to_owned());

    let sessions = Sessions::new(Redis::connect(&redis).await?);
    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/add", post(add))
        .layer(sessions.layer())
        // What nginx is to browsers, whatever it tells the nodes.
        .layer(CrossSite::default().own(&origin)?.layer());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut asked_to_end = signal(SignalKind::terminate())?;
    // Requests that are under way are answered first.
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            asked_to_end.recv().await;
        })
        .await?;
    Ok(())
}

async fn home(session: Session) -> Result<String, Error> {
    let coats = session.get(COATS)?.unwrap_or(0);
    Ok(match session.principal() {
        Some(user) => format!("{user} has {coats} coats"),
        None => "nobody".to_owned(),
    })
}

/// It believes everybody: checking a password is the application's business.
async fn sign_in(session: Session) -> Result<&'static str, Error> {
    session.sign_in("alice")?;
    Ok("signed in")
}

async fn add(session: Session) -> Result<String, Error> {
    if session.principal().is_none() {
        return Ok("nobody".to_owned());
    }
    session.update(COATS, |coats| coats.unwrap_or(0) + 1)?;
    Ok(format!("{} coats", session.get(COATS)?.unwrap_or(0)))
}
