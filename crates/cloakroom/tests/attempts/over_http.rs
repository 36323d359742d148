//! A hundred guesses at once, over HTTP: exactly as many passwords are checked as the limit says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Form, Router};
use cloakroom::store::{AnyCounters, Counters};
use cloakroom::stores::{self, Memory};
use cloakroom::{Attempts, Error, Session, Sessions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

/// How many guesses there are at once, and how many of them may be checked.
pub(crate) const GUESSES: usize = 100;
pub(crate) const LIMIT: u32 = 7;

#[derive(Clone)]
struct Login {
    attempts: Attempts,
    checked: Arc<AtomicUsize>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

async fn sign_in(
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    State(login): State<Login>,
    session: Session,
    Form(given): Form<Credentials>,
) -> Result<StatusCode, Error> {
    let attempt = login.attempts.begin(&given.name, from.ip()).await?;
    login.checked.fetch_add(1, Ordering::SeqCst);
    tokio::task::yield_now().await;
    if given.password != "right" {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY);
    }
    attempt.succeeded().await;
    session.sign_in(given.name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An application that limits attempts per principal, with counters in this store.
async fn serve(counters: AnyCounters, limit: u32) -> (SocketAddr, Login) {
    let sessions = Sessions::new(Memory::default()).store_timeout(Duration::from_secs(30));
    let attempts = sessions.attempts(counters);
    let login = Login {
        attempts: attempts.per_principal(limit, Duration::from_hours(24)).unwrap(),
        checked: Arc::default(),
    };
    let app = Router::new()
        .route("/sign-in", post(sign_in))
        .layer(sessions.layer())
        .with_state(login.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, login)
}

/// Sends one form on a connection of its own, once all others are there; answers the head of the response.
pub(crate) async fn guess(address: SocketAddr, name: &str, password: &str, line: &Barrier) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let form = format!("name={name}&password={password}");
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{form}",
        form.len()
    );
    line.wait().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What so many guesses at once are answered.
pub(crate) async fn guess_at_once(address: SocketAddr, name: &'static str) -> Vec<String> {
    let line = Arc::new(Barrier::new(GUESSES));
    let mut guessing = tokio::task::JoinSet::new();
    for n in 0..GUESSES {
        let line = Arc::clone(&line);
        guessing.spawn(async move { guess(address, name, &format!("wrong{n}"), &line).await });
    }
    guessing.join_all().await
}

/// Holds when so many were checked, and the others refused with a 429 that says when to come again.
pub(crate) fn as_many_as_the_limit(answers: &[String]) {
    let (checked, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.starts_with("HTTP/1.1 422 "));
    assert_eq!(checked.len(), LIMIT as usize, "{answers:#?}");
    for answer in refused {
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let seconds = head
            .lines()
            .find_map(|line| line.strip_prefix("retry-after: "))
            .unwrap();
        assert!((1..=86_400).contains(&seconds.parse().unwrap()), "{seconds}");
        assert!(head.contains("cache-control: no-store"), "{head}");
        assert_eq!(body, "too many attempts: try again later");
    }
}

async fn a_hundred_guesses(counters: impl Counters) {
    let (address, login) = serve(AnyCounters::new(counters), LIMIT).await;
    as_many_as_the_limit(&guess_at_once(address, "alice").await);
    assert_eq!(login.checked.load(Ordering::SeqCst), LIMIT as usize);
    // Not even the right one now, and somebody else's is none of it.
    let alone = Barrier::new(1);
    let right = guess(address, "alice", "right", &alone).await;
    assert!(right.starts_with("HTTP/1.1 429 "), "{right}");
    let other = guess(address, "bob", "right", &alone).await;
    assert!(other.starts_with("HTTP/1.1 204 "), "{other}");
    assert_eq!(login.checked.load(Ordering::SeqCst), LIMIT as usize + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_guesses_at_once_as_many_are_checked_as_the_limit_says() {
    a_hundred_guesses(Memory::default()).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_guesses_at_once_redis_counts_each() {
    let server = cloakroom_testbed::redis::Redis::start();
    a_hundred_guesses(stores::open_counters(&server.url()).await.unwrap()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_guesses_at_once_postgres_counts_each() {
    let server = cloakroom_testbed::postgres::Postgres::start();
    let url = format!("{}?wait_timeout=20s&operation_timeout=20s", server.url());
    a_hundred_guesses(stores::open_counters(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_often_is_not_refused() {
    let counters = stores::open_counters("memory:").await.unwrap();
    let (address, login) = serve(counters, 3).await;
    let alone = Barrier::new(1);
    for _ in 0..10 {
        let answer = guess(address, "alice", "right", &alone).await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
    assert_eq!(login.checked.load(Ordering::SeqCst), 10);
}
