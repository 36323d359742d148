//! Serves on loopback until standard input ends, as `harness` serves the others.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use actix_web::{App, HttpServer, web};

use super::{Sessions, plain, routes};

pub(super) async fn serve(store: &str) -> io::Result<()> {
    let sessions = Sessions::at(store).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    std::thread::spawn(|| {
        // Whoever started us holds it open.
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    HttpServer::new(move || {
        App::new()
            .route("/plain", web::get().to(plain))
            .service(web::scope("").wrap(sessions.middleware()).configure(routes))
    })
    .listen(listener)?
    .run()
    .await
}
