//! A login in an axum application: sessions on disk, a list of devices, one that can be ended.
//!
//! ```sh
//! cargo run -p cloakroom --features disk --example sign_in
//! curl -c jar -b jar -d name=alice http://localhost:3000/sign-in
//! curl -c jar -b jar http://localhost:3000/devices
//! ```
//!
//! It believes every name: checking a password is the application's business.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, StatusCode, header::USER_AGENT};
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::stores::Disk;
use cloakroom::{Cookie, CrossSite, Error, Key, Lifetime, Policy, Session, Sessions, SignIn};

const VISITS: Key<u32> = Key::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let sessions = Sessions::new(Disk::open("./example-sessions").await?)
        .policy(Policy::default().lifetime(Lifetime::new(hours(2), hours(12))?))
        // A name of its own: browsers do not tell the ports of localhost apart.
        .cookie(Cookie::builder("example").build()?);
    // Without it, expired sessions stay on the disk.
    let sweeper = sessions.sweeper().start();

    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/devices", get(devices))
        .route("/devices/{id}/end", post(end))
        .layer(sessions.layer())
        // No other site signs anybody in or out.
        .layer(CrossSite::default().layer());
    let listener = tokio::net::TcpListener::bind("localhost:3000").await?;
    println!("listening on http://localhost:3000");
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            // A signal that cannot be listened for does not stop the server.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    sweeper.stop().await;
    Ok(())
}

async fn home(session: Session) -> Result<String, Error> {
    session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    let who = session
        .principal()
        .map_or("nobody".to_owned(), |principal| principal.to_string());
    Ok(format!(
        "{who}: visit number {}\n",
        session.get(VISITS)?.unwrap_or_default()
    ))
}

async fn sign_in(
    session: Session,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Redirect, Error> {
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let name = field("name")
        .filter(|name| !name.is_empty())
        .unwrap_or("somebody");
    let device = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or("unknown");
    let remember = field("remember").is_some();
    session.sign_in(SignIn::new(name).remember(remember).label(device))?;
    Ok(Redirect::to("/"))
}

async fn sign_out(session: Session) -> Result<Redirect, Error> {
    session.sign_out().await?;
    Ok(Redirect::to("/"))
}

async fn devices(session: Session) -> Result<String, Error> {
    let mut list = String::new();
    for device in session.sessions().await? {
        let label = device.label.as_ref().map_or("unknown", |label| label.as_str());
        let ago = SystemTime::from(device.last_seen)
            .elapsed()
            .unwrap_or_default()
            .as_secs();
        let here = if device.current { " (this one)" } else { "" };
        list.push_str(&format!("{} {label}, seen {ago} seconds ago{here}\n", device.id));
    }
    Ok(list)
}

async fn end(session: Session, Path(id): Path<String>) -> Result<(StatusCode, String), Error> {
    let Ok(id) = id.parse() else {
        return Ok((StatusCode::NOT_FOUND, "no such session\n".to_owned()));
    };
    let ended = session.end(id).await?;
    Ok((StatusCode::OK, format!("ended: {ended}\n")))
}
