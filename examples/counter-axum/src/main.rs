//! Counts each browser's visits, on axum.
//!
//! ```sh
//! cargo run -p counter-axum      # in `examples`
//! curl -c jar -b jar http://localhost:3000
//! ```

use axum::{Router, routing::get};
use cloakroom::stores::Memory;
use cloakroom::{Error, Key, Session, Sessions};
use tokio::net::TcpListener;

const VISITS: Key<u32> = Key::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::new(Memory::default());
    let app = Router::new().route("/", get(visits)).layer(sessions.layer());

    let listen = std::env::args().nth(1).unwrap_or("localhost:3000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn visits(session: Session) -> Result<String, Error> {
    session.update(VISITS, |seen| seen.unwrap_or(0) + 1)?;
    Ok(format!("visit number {}", session.get(VISITS)?.unwrap_or(0)))
}
