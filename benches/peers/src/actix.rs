//! With actix-session and its Redis store on actix-web, as they come.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use actix_session::storage::RedisSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{App, HttpServer, Result, web};
use harness::data;

/// Serves on loopback until standard input ends, as `harness` serves the others.
pub(crate) fn serve(store: &str) -> ExitCode {
    let served: io::Result<()> = actix_web::rt::System::new().block_on(async {
        let store = RedisSessionStore::new(store).await.expect("a server");
        let key = Key::generate();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        println!("{}", listener.local_addr()?);
        io::stdout().flush()?;
        std::thread::spawn(|| {
            // Whoever started us holds it open.
            let _ = io::stdin().read(&mut [0]);
            std::process::exit(0);
        });
        HttpServer::new(move || {
            let sessions = SessionMiddleware::new(store.clone(), key.clone());
            App::new().route("/plain", web::get().to(plain)).service(
                web::scope("")
                    .wrap(sessions)
                    .route("/begin", web::post().to(begin))
                    .route("/unused", web::get().to(unused))
                    .route("/read", web::get().to(read))
                    .route("/write", web::post().to(write))
                    .route("/sign-in", web::post().to(sign_in)),
            )
        })
        .listen(listener)?
        .run()
        .await
    });
    served.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
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
