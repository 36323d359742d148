//! URLs, options, credentials and TLS: what makes no sense is an error that says what does.

use std::time::Duration;

use cloakroom::stores::Postgres;
use cloakroom::stores::postgres::PostgresOptions;
use cloakroom_store::{ErrorKind, Marks as _, Store as _};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{client, create, id, record, refused, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_makes_no_sense_names_what_does() {
    for (url, named) in [
        ("redis://host", "postgres://, postgresql://"),
        ("postgres://host/db?sslmod=require", "sslmode"),
        (
            "postgres://host/db?sslmode=verify-ca",
            "disable, prefer, require or verify-full",
        ),
        ("postgres://host/db?synchronous_commit=maybe", "remote_apply"),
        ("postgres://host/db?migrate=yes", "on_connect or never"),
        ("postgres://host/db?connections=0", "a number from 1"),
        ("postgres://host/db?operation_timeout=1", "500ms"),
        ("postgres://host/db?target_session_attrs=primary", "read-write"),
        ("postgres:///db", "names no server"),
        ("postgres://host/db?tls_ca=/nowhere.pem", "/nowhere.pem"),
    ] {
        let error = refused(url).await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url}: {error}");
        assert!(error.to_string().contains(named), "{url}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_is_an_error_at_once() {
    let error = refused("postgres://me:hidden@127.0.0.1:1/db").await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_shows_no("hidden", &error);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_no_outage_and_stay_secret() {
    let server = Server::start();
    let url = server.url();
    let wrong = url.replace(Server::PASSWORD, "battery-staple");
    let error = refused(&wrong).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert_shows_no("battery-staple", &error);
    cloakroom_testbed::note(
        "wrong password",
        "PostgreSQL",
        &format!("at connecting: \"{error}\""),
    );
    let none = url.replace(&format!(":{}", Server::PASSWORD), "");
    assert_eq!(refused(&none).await.kind(), ErrorKind::Misconfigured);
    let elsewhere = url
        .replace("/postgres", "/nowhere")
        .replace("nowhere://", "postgres://");
    let error = refused(&elsewhere).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert!(error.to_string().contains("database"), "{error}");
    let store = Postgres::connect(&url).await.unwrap();
    assert!(!format!("{store:?}").contains(Server::PASSWORD));
    let options = format!("{:?}", PostgresOptions::default());
    assert!(!options.contains(Server::PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_is_its_directory() {
    let server = Server::start();
    let url = format!(
        "postgresql://cloakroom:{}@/postgres?host={}&port={}",
        Server::PASSWORD,
        server.directory().display(),
        server.port()
    );
    Postgres::connect(&url).await.unwrap().ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_reach_every_connection() {
    let server = Server::start();
    let store = PostgresOptions::default()
        .operation_timeout(Duration::from_millis(700))
        .connect(&with(&server, "synchronous_commit=off"))
        .await
        .unwrap();
    assert!(
        !store.capabilities().survives_restart && !store.card().survives_restart,
        "with synchronous_commit=off it does not"
    );
    // The server ends a statement that waits for a lock, also when nobody waits for its answer.
    let revision = create(&store, id(1), record(b"locked")).await;
    let holder = client(&server).await;
    holder
        .batch_execute("BEGIN; LOCK TABLE cloakroom_sessions")
        .await
        .unwrap();
    let write = crate::fixture::write(
        &store,
        id(1),
        cloakroom_store::Expect::Revision(revision),
        record(b"late"),
    );
    assert_eq!(write.await.unwrap_err().kind(), ErrorKind::Unavailable);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let begun = std::time::Instant::now();
    let mut looking = tokio::time::interval(Duration::from_millis(20));
    while holder.query_one_scalar::<i64, _>(waiting, &[]).await.unwrap() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "a statement waits for ever"
        );
        looking.tick().await;
    }
    holder.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_a_server_whose_authority_is_trusted() {
    let server = Server::start_with_tls();
    let authority = server.authority();
    let store = Postgres::connect(&with(&server, &format!("tls_ca={}", authority.display())))
        .await
        .unwrap();
    store.ping().await.unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE ssl AND application_name = 'cloakroom'";
    let watching = client(&server).await;
    assert!(watching.query_one_scalar::<i64, _>(encrypted, &[]).await.unwrap() > 0);
    // Without the file nobody trusts it, also where TLS is only preferred.
    for options in ["sslmode=require", "sslmode=prefer"] {
        let error = refused(&with(&server, options)).await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{options}: {error}");
        assert!(error.to_string().contains("tls_ca"), "{error}");
    }
    Postgres::connect(&with(&server, "sslmode=disable"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn required_tls_is_not_given_up() {
    let server = Server::start();
    let error = refused(&with(&server, "sslmode=require")).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
}

fn assert_shows_no(secret: &str, error: &cloakroom_store::Error) {
    assert!(!error.to_string().contains(secret), "{error}");
    assert!(!format!("{error:?}").contains(secret), "{error:?}");
}
