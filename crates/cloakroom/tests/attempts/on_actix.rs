//! The same hundred guesses, on actix-web.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web::{Data, Form, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use cloakroom::stores::Memory;
use cloakroom::{Attempts, Error, ErrorKind, Session, Sessions};
use tokio::sync::Barrier;

use crate::over_http::{Credentials, LIMIT, as_many_as_the_limit, guess, guess_at_once};

struct Login {
    attempts: Attempts,
    checked: Arc<AtomicUsize>,
}

async fn sign_in(
    request: HttpRequest,
    login: Data<Login>,
    session: Session,
    given: Form<Credentials>,
) -> Result<HttpResponse, Error> {
    let from = request.peer_addr().expect("it came over a connection");
    let attempt = login.attempts.begin(&given.name, from.ip()).await?;
    login.checked.fetch_add(1, Ordering::SeqCst);
    tokio::task::yield_now().await;
    if given.password != "right" {
        return Ok(HttpResponse::UnprocessableEntity().finish());
    }
    attempt.succeeded().await;
    session.sign_in(given.name.clone())?;
    Ok(HttpResponse::NoContent().finish())
}

/// Serves in a thread of its own, which ends with the process.
fn serve(checked: Arc<AtomicUsize>) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let sessions = Sessions::new(Memory::default());
        let attempts = sessions.attempts(Memory::default());
        let login = Data::new(Login {
            attempts: attempts.per_principal(LIMIT, Duration::from_hours(24)).unwrap(),
            checked,
        });
        let app = move || {
            App::new()
                .app_data(login.clone())
                .route("/sign-in", post().to(sign_in))
                .wrap(sessions.middleware())
        };
        actix_web::rt::System::new().block_on(async {
            let server = HttpServer::new(app).workers(2).bind("127.0.0.1:0").unwrap();
            tell.send(server.addrs()[0]).unwrap();
            server.disable_signals().run().await.unwrap();
        });
    });
    told.recv().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_guesses_at_once_as_many_are_checked_as_the_limit_says() {
    let checked = Arc::<AtomicUsize>::default();
    let address = serve(Arc::clone(&checked));
    as_many_as_the_limit(&guess_at_once(address, "alice").await);
    assert_eq!(checked.load(Ordering::SeqCst), LIMIT as usize);
    let alone = Barrier::new(1);
    let right = guess(address, "alice", "right", &alone).await;
    assert!(right.starts_with("HTTP/1.1 429 "), "{right}");
    let other = guess(address, "bob", "right", &alone).await;
    assert!(other.starts_with("HTTP/1.1 204 "), "{other}");
    assert_eq!(ErrorKind::TooManyAttempts.status(), 429);
}
