//! A websocket that ends with its session, and with its user, on actix-web: what `websocket` is on axum.
//!
//! ```sh
//! cargo run -p websocket-actix                   # in `examples`; then open http://localhost:3000 twice,
//!                                                # and sign out in one of the two tabs
//! cargo run -p websocket-actix -- localhost:3001 # another node, over the same store
//! touch example-websocket.db.disabled            # disables alice
//! ```

use std::error::Error as StdError;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::web::{Html, Payload, get, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason};
use cloakroom::store::Principal;
use cloakroom::stores::Sqlite;
use cloakroom::{Cookie, CrossSite, Error, Guard, Session, Sessions, User, Users};
use tokio::time::timeout;

#[actix_web::main]
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
    let app = move || {
        App::new()
            .route("/", get().to(home))
            .route("/sign-in", post().to(sign_in))
            .route("/sign-out", post().to(sign_out))
            .route("/talk", get().to(connect))
            .wrap(sessions.middleware())
            // No other site opens a websocket in the name of who is signed in here.
            .wrap(CrossSite::default().middleware())
    };
    let listener = TcpListener::bind(listen)?;
    println!("listening on http://{}", listener.local_addr()?);
    HttpServer::new(app).listen(listener)?.run().await?;
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

async fn home(session: Session) -> Html {
    Html::new(match session.principal() {
        Some(_) => include_str!("../../websocket/src/signed_in.html"),
        None => r#"<!doctype html><form method="post" action="/sign-in"><button>Sign in</button></form>"#,
    })
}

/// It believes everybody: checking a password is the application's business.
async fn sign_in(session: Session) -> Result<HttpResponse, Error> {
    session.sign_in("alice")?;
    Ok(home_again())
}

async fn sign_out(session: Session) -> Result<HttpResponse, Error> {
    session.sign_out().await?;
    Ok(home_again())
}

fn home_again() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, "/")).finish()
}

/// Whoever is not signed in gets a 401.
async fn connect(
    _: User<Account>,
    session: Session,
    request: HttpRequest,
    body: Payload,
) -> actix_web::Result<HttpResponse> {
    // Without `every` it asks every five seconds: so much later than a sign-out a connection ends.
    let guard = session.guard().user::<Account>()?.every(Duration::from_secs(1));
    let (response, socket, messages) = actix_ws::handle(&request, body)?;
    rt::spawn(serve(socket, messages.aggregate_continuations(), guard));
    Ok(response)
}

/// Talks until the browser has gone or the session is over, whatever is being said at that moment.
async fn serve(socket: actix_ws::Session, messages: AggregatedMessageStream, mut guard: Guard) {
    tokio::select! {
        () = guard.over() => {}
        () = talk(socket.clone(), messages) => return,
    }
    let goodbye = socket.close(Some(CloseReason {
        code: CloseCode::Policy,
        description: Some("the session is over".to_owned()),
    }));
    // Whoever has gone needs no goodbye, and whoever does not read is not waited for. Nothing more is said to them; actix-web
    // keeps what was said before until they read it or go.
    let _ = timeout(Duration::from_secs(5), goodbye).await;
}

/// Says everything back.
async fn talk(mut socket: actix_ws::Session, mut messages: AggregatedMessageStream) {
    while let Some(Ok(said)) = messages.recv().await {
        let answered = match said {
            AggregatedMessage::Text(text) => socket.text(text).await,
            AggregatedMessage::Ping(ping) => socket.pong(&ping).await,
            AggregatedMessage::Close(_) => return,
            AggregatedMessage::Binary(_) | AggregatedMessage::Pong(_) => Ok(()),
        };
        if answered.is_err() {
            return;
        }
    }
}
