//! With actix-session on actix-web, as they come: its Redis store, and its cookies.

mod instructions;
mod serve;

use std::process::ExitCode;

use actix_session::storage::{CookieSessionStore, RedisSessionStore};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{Result, web};
use harness::data;

/// What it is called on the command line.
pub(crate) const NAME: &str = "actix-session-redis";

/// The same with sessions in cookies.
pub(crate) const COOKIES: &str = "actix-session-cookies";

/// The same without the middleware, and with all of actix-web.
pub(crate) const BARE: &str = "actix-bare";

/// Serves the app, or counts what a request to it takes: what the harness does with the others.
pub(crate) fn run(arguments: &[&str]) -> Option<ExitCode> {
    let done = match *arguments {
        ["serve", app @ (NAME | COOKIES), store] => {
            actix_web::rt::System::new().block_on(serve::serve(kind(app, store)))
        }
        [
            "instructions",
            app @ (NAME | COOKIES | BARE),
            store,
            route,
            requests,
            _,
        ] => instructions::count(kind(app, store), route, requests.parse().ok()?),
        _ => return None,
    };
    Some(done.map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    ))
}

/// Where sessions are kept.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Nowhere,
    Cookies,
    Redis(&'a str),
}

fn kind<'a>(app: &str, store: &'a str) -> Kind<'a> {
    match app {
        NAME => Kind::Redis(store),
        COOKIES => Kind::Cookies,
        _ => Kind::Nowhere,
    }
}

fn in_cookies(key: &Key) -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::new(CookieSessionStore::default(), key.clone())
}

/// What begins, finds and keeps sessions in Redis.
#[derive(Clone)]
struct Sessions {
    store: RedisSessionStore,
    key: Key,
}

impl Sessions {
    async fn at(url: &str) -> Self {
        Self {
            store: RedisSessionStore::new(url).await.expect("a server"),
            key: Key::generate(),
        }
    }

    fn middleware(&self) -> SessionMiddleware<RedisSessionStore> {
        SessionMiddleware::new(self.store.clone(), self.key.clone())
    }
}

/// The routes that the middleware stands before.
fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/begin", web::post().to(begin))
        .route("/unused", web::get().to(unused))
        .route("/read", web::get().to(read))
        .route("/write", web::post().to(write))
        .route("/sign-in", web::post().to(sign_in))
        .route("/size/{bytes}", web::post().to(size));
}

/// Routes of the same names that know no sessions.
fn bare_routes(config: &mut web::ServiceConfig) {
    config
        .route("/begin", web::post().to(unused))
        .route("/unused", web::get().to(unused))
        .route("/read", web::get().to(plain))
        .route("/write", web::post().to(bare_write))
        .route("/sign-in", web::post().to(bare_sign_in));
}

async fn plain() -> String {
    data::USER.to_owned()
}

async fn begin(session: Session) -> Result<&'static str> {
    session.insert("user_id", data::USER)?;
    session.insert("email", data::EMAIL)?;
    session.insert("csrf", data::CSRF)?;
    session.insert("theme", data::THEME)?;
    session.insert("counter", data::next_count())?;
    Ok("begun")
}

async fn unused() -> &'static str {
    "nothing"
}

async fn read(session: Session) -> Result<String> {
    Ok(session.get("user_id")?.unwrap_or_default())
}

async fn write(session: Session) -> Result<&'static str> {
    session.insert("counter", data::next_count())?;
    Ok("written")
}

async fn sign_in(session: Session) -> Result<&'static str> {
    session.renew();
    session.insert("user_id", data::next_user())?;
    Ok("signed in")
}

async fn size(session: Session, bytes: web::Path<usize>) -> Result<&'static str> {
    session.insert("theme", "x".repeat(bytes.into_inner()))?;
    Ok("sized")
}

async fn bare_write() -> &'static str {
    std::hint::black_box(data::next_count());
    "written"
}

async fn bare_sign_in() -> &'static str {
    std::hint::black_box(data::next_user());
    "signed in"
}
