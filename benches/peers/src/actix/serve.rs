//! Serves on loopback until standard input ends, as `harness` serves the others.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use actix_web::{App, HttpServer, web};

use super::{Key, Kind, Sessions, in_cookies, plain, routes};

pub(super) async fn serve(kind: Kind<'_>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    std::thread::spawn(|| {
        // Whoever started us holds it open.
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    if let Kind::Redis(store) = kind {
        let sessions = Sessions::at(store).await;
        let app = move || {
            App::new()
                .route("/plain", web::get().to(plain))
                .service(web::scope("").wrap(sessions.middleware()).configure(routes))
        };
        return HttpServer::new(app).listen(listener)?.run().await;
    }
    let key = Key::generate();
    let app = move || {
        App::new()
            .route("/plain", web::get().to(plain))
            .service(web::scope("").wrap(in_cookies(&key)).configure(routes))
    };
    HttpServer::new(app).listen(listener)?.run().await
}
