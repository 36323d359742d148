//! A websocket that ends with its session: signed out in another tab, on another device, or on another node; and with its
//! user, when they are disabled.
//!
//! ```sh
//! cargo run -p websocket                         # in `examples`; then open http://localhost:3000 twice,
//!                                                # and sign out in one of the two tabs
//! cargo run -p websocket -- localhost:3001       # another node, over the same store
//! touch example-websocket.db.disabled            # disables alice
//! ```

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{Html, Redirect, Response};
use axum::routing::{any, get, post};
use cloakroom::store::Principal;
use cloakroom::stores::Sqlite;
use cloakroom::{Cookie, CrossSite, Error, Guard, Session, Sessions, User, Users};
use tokio::net::TcpListener;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("localhost:3000".to_owned());
    let file = arguments.next().unwrap_or("./example-websocket.db".to_owned());

    // Any number of processes of one machine share it. Nodes on several take Redis or PostgreSQL here.
    let sessions = Sessions::new(Sqlite::open(&file).await?)
        .users(Accounts { disabled: format!("{file}.disabled").into() })
        // A name of its own: browsers do not tell the ports of localhost apart.
        .cookie(Cookie::builder("example-websocket").build()?);
    let _sweeper = sessions.sweeper().start();
    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/talk", any(connect))
        .layer(sessions.layer())
        // No other site opens a websocket in the name of who is signed in here.
        .layer(CrossSite::default().layer());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Who has an account. Everybody has, and nobody while there is a file of this name: an application asks its database.
struct Accounts {
    disabled: PathBuf,
}

struct Account;

impl Users for Accounts {
    type User = Account;
    type Error = io::Error;

    async fn find(&self, _: &Principal) -> io::Result<Option<Account>> {
        Ok((!self.disabled.try_exists()?).then_some(Account))
    }
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

/// Whoever is not signed in gets a 401.
async fn connect(_: User<Account>, session: Session, upgrade: WebSocketUpgrade) -> Result<Response, Error> {
    // Without `every` it asks every five seconds: so much later than a sign-out a connection ends.
    let guard = session.guard().user::<Account>()?.every(Duration::from_secs(1));
    Ok(upgrade.on_upgrade(|socket| serve(socket, guard)))
}

/// Talks until the browser has gone or the session is over, whatever is being said at that moment.
async fn serve(mut socket: WebSocket, mut guard: Guard) {
    tokio::select! {
        () = guard.over() => {}
        () = talk(&mut socket) => return,
    }
    let reason = "the session is over".into();
    let frame = CloseFrame {
        code: close_code::POLICY,
        reason,
    };
    let goodbye = socket.send(Message::Close(Some(frame)));
    // Whoever has gone needs no goodbye, and whoever does not read is not waited for.
    let _ = timeout(Duration::from_secs(5), goodbye).await;
}

/// Says everything back.
async fn talk(socket: &mut WebSocket) {
    while let Some(Ok(said)) = socket.recv().await {
        if let Message::Text(text) = said
            && socket.send(Message::Text(text)).await.is_err()
        {
            return;
        }
    }
}
