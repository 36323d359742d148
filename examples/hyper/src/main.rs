//! Counts each browser's visits, on hyper alone: the tower layer around a function.
//!
//! ```sh
//! cargo run -p on-hyper          # in `examples`
//! curl -c jar -b jar http://localhost:3000
//! ```

use std::convert::Infallible;

use bytes::Bytes;
use cloakroom::stores::Memory;
use cloakroom::{Error, Key, Sessions};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response, server::conn::http1};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn};

const VISITS: Key<u32> = Key::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::new(Memory::default());
    let service = TowerToHyperService::new(sessions.layer().layer(service_fn(answer)));

    let listen = std::env::args().nth(1).unwrap_or("localhost:3000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                eprintln!("connection: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, _body) = request.into_parts();
    Ok(match visits(&parts).await {
        Ok(text) => Response::new(Full::from(text)),
        Err(error) => refusal(&error),
    })
}

async fn visits(parts: &Parts) -> Result<String, Error> {
    let session = cloakroom::tower::session(parts).await?;
    session.update(VISITS, |seen| seen.unwrap_or(0) + 1)?;
    Ok(format!("visit number {}", session.get(VISITS)?.unwrap_or(0)))
}

/// The client learns the kind, and the log the story.
fn refusal(error: &Error) -> Response<Full<Bytes>> {
    eprintln!("{error}");
    let kind = error.kind();
    let mut response = Response::builder().status(kind.status());
    if let Some(seconds) = error.retry_after() {
        response = response.header("retry-after", seconds);
    }
    if let Some(challenge) = error.challenge() {
        response = response.header("www-authenticate", challenge);
    }
    response
        .body(Full::from(kind.reason()))
        .expect("a status and a header of ours")
}
