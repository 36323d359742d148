//! A websocket that ends with its session: signed out in another tab, on another device, or on another node.
//!
//! ```sh
//! cargo run -p websocket                         # in `examples`; then open http://localhost:3000 twice,
//!                                                # and sign out in one of the two tabs
//! cargo run -p websocket -- localhost:3001       # another node, over the same store
//! ```

use std::error::Error as StdError;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use cloakroom::stores::Sqlite;
use cloakroom::{Cookie, CrossSite, Error, Session, Sessions};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let file = arguments.next().unwrap_or("./example-websocket.db".to_owned());

    // Any number of processes of one machine share it. Nodes on several take Redis or PostgreSQL here.
    let sessions = Sessions::new(Sqlite::open(file).await?)
        // A name of its own: browsers do not tell the ports of localhost apart.
        .cookie(Cookie::builder("example-websocket").build()?);
    let _sweeper = sessions.sweeper().start();
    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/talk", any(talk))
        .layer(sessions.layer())
        // No other site opens a websocket in the name of who is signed in here.
        .layer(CrossSite::default().layer());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn home(session: Session) -> Html<&'static str> {
    match session.principal() {
        Some(_) => Html(include_str!("signed_in.html")),
        None => {
            Html(r#"<!doctype html><form method="post" action="/sign-in"><button>Sign in</button></form>"#)
        }
    }
}

/// It believes everybody: checking a password is the application's business.
async fn sign_in(session: Session) -> Result<Redirect, Error> {
    session.sign_in("alice")?;
    Ok(Redirect::to("/"))
}

async fn sign_out(session: Session) -> Result<Redirect, Error> {
    session.sign_out().await?;
    Ok(Redirect::to("/"))
}

async fn talk(session: Session, upgrade: WebSocketUpgrade) -> Response {
    if session.principal().is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.on_upgrade(|socket| serve(socket, session))
}

/// Says everything back, until the browser has gone or the session is over.
async fn serve(mut socket: WebSocket, session: Session) {
    // Without `every` the store is asked every five seconds: so much later than a sign-out a connection ends.
    let mut guard = session.guard().every(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = guard.over() => {
                let reason = "the session is over".into();
                let frame = CloseFrame { code: close_code::POLICY, reason };
                // Whoever has gone needs no goodbye.
                let _ = socket.send(Message::Close(Some(frame))).await;
                return;
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => {
                    if socket.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
