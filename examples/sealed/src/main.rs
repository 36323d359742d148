//! Sessions in the cookie itself, which end all the same when one signs out.
//!
//! ```sh
//! cargo run -p sealed            # in `examples`
//! curl -c jar -b jar -d "" http://localhost:3000/sign-in
//! curl -b jar http://localhost:3000
//! cp jar copied
//! curl -c jar -b jar -d "" http://localhost:3000/sign-out
//! curl -b copied http://localhost:3000
//! ```
//!
//! What has ended is kept in a store on the disk, so that a copied cookie stays dead when the program starts again.

use std::error::Error as StdError;
use std::path::Path;
use std::time::SystemTime;

use axum::Router;
use axum::routing::{get, post};
use cloakroom::store::Timestamp;
use cloakroom::stores::Disk;
use cloakroom::{Error, Key, KeyFile, KeyRing, Keys, Revocations, ServerKey, Session, Sessions};
use tokio::net::TcpListener;

const VISITS: Key<u32> = Key::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let directory = arguments.next().unwrap_or("./example-sealed".to_owned());
    let directory = Path::new(&directory);

    std::fs::create_dir_all(directory)?;
    let keys = keys(&directory.join("keys"))?;
    let revocations = Revocations::new(Disk::open(directory.join("ended")).await?)?;
    let sessions = Sessions::sealed(keys, revocations);
    // Reads what other nodes have ended.
    let _refreshing = sessions.revocations_refresher().start();

    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(sessions.layer());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// The server's keys. In production `cloakroom keys generate` makes them once, and every node has the file.
fn keys(path: &Path) -> Result<KeyRing, Box<dyn StdError>> {
    let file = KeyFile::new(path);
    if !path.exists() {
        let now = Timestamp::from(SystemTime::now());
        file.create(&Keys::new(ServerKey::generate()?, now))?;
    }
    Ok(KeyRing::from(file.read()?))
}

async fn home(session: Session) -> Result<String, Error> {
    session.update(VISITS, |seen| seen.unwrap_or(0) + 1)?;
    let visits = session.get(VISITS)?.unwrap_or(0);
    Ok(match session.principal() {
        Some(user) => format!("{user}, visit number {visits}"),
        None => format!("nobody, visit number {visits}"),
    })
}

/// It believes everybody: checking a password is the application's business.
async fn sign_in(session: Session) -> Result<&'static str, Error> {
    session.sign_in("alice")?;
    Ok("signed in")
}

async fn sign_out(session: Session) -> Result<&'static str, Error> {
    session.sign_out().await?;
    Ok("signed out")
}
