//! Counts each browser's visits, on actix-web.
//!
//! ```sh
//! cargo run -p counter-actix     # in `examples`
//! curl -c jar -b jar http://localhost:3000
//! ```

use std::net::TcpListener;

use actix_web::{App, HttpServer, web};
use cloakroom::stores::Memory;
use cloakroom::{Error, Key, Session, Sessions};

const VISITS: Key<u32> = Key::new("visits");

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    // Before the closure: it runs once for each worker, and all of them share one store.
    let sessions = Sessions::new(Memory::default());
    let app = move || {
        App::new()
            .route("/", web::get().to(visits))
            .wrap(sessions.middleware())
    };

    let listen = std::env::args().nth(1).unwrap_or("localhost:3000".to_owned());
    let listener = TcpListener::bind(listen)?;
    println!("listening on http://{}", listener.local_addr()?);
    HttpServer::new(app).listen(listener)?.run().await
}

async fn visits(session: Session) -> Result<String, Error> {
    session.update(VISITS, |seen| seen.unwrap_or(0) + 1)?;
    Ok(format!("visit number {}", session.get(VISITS)?.unwrap_or(0)))
}
