//! URLs and settings: what is wrong is named, and what is secret is not.

use std::error::Error as _;
use std::num::NonZeroUsize;

use cloakroom::stores::Mysql;
use cloakroom::stores::mysql::MysqlOptions;
use cloakroom_store::{Error, ErrorKind, Store};
use cloakroom_testbed::mysql::Mysqld;

use super::fixture::{self, create, id, record_of, shared};

async fn refused(url: &str, kind: ErrorKind, words: &[&str]) {
    let error = Mysql::connect(url).await.expect_err("the URL makes no sense");
    let story = story(&error);
    assert_eq!(error.kind(), kind, "{url}: {story}");
    for word in words {
        assert!(story.contains(word), "{url}: expected {word:?} in {story:?}");
    }
    assert!(!story.contains(Mysqld::PASSWORD), "{story}");
    assert!(!story.contains("s3cret"), "{story}");
}

/// All that an error says, to whoever prints it in whatever way.
fn story(error: &Error) -> String {
    let mut story = format!("{error}; {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        story.push_str(&format!("; {error}; {error:?}"));
        cause = error.source();
    }
    story
}

#[tokio::test]
async fn what_is_wrong_in_a_url_is_named() {
    let wrong = ErrorKind::Misconfigured;
    refused(
        "postgres://app:s3cret@localhost/db",
        wrong,
        &["mysql://, mariadb://"],
    )
    .await;
    refused("mysql://app:s3cret@localhost", wrong, &["no database"]).await;
    refused("mysql:///db", wrong, &["no host"]).await;
    refused("mysql://app:s3cret@one,two/db", wrong, &["more than one host"]).await;
    refused(
        "mysql://app:s3cret@h/db?pool=3",
        wrong,
        &["`pool`", "connections", "ssl_mode", "migrate"],
    )
    .await;
    refused("mysql://app:s3cret@h/db?connections=0", wrong, &["connections=0"]).await;
    refused(
        "mysql://app:s3cret@h/db?ssl_mode=preferred",
        wrong,
        &["disabled or required"],
    )
    .await;
    refused(
        "mysql://app:s3cret@h/db?migrate=no",
        wrong,
        &["on_connect or never"],
    )
    .await;
    refused(
        "mysql://app:s3cret@h/db?tls_ca=/nowhere.pem",
        wrong,
        &["/nowhere.pem"],
    )
    .await;
    refused("mysql://app:s3cret@h/db?wait_timeout=5", wrong, &["500ms"]).await;
}

#[tokio::test]
async fn what_the_server_refuses_is_a_setting() {
    let url = shared().url();
    let wrong = ErrorKind::Misconfigured;
    let password = url.replace(Mysqld::PASSWORD, "s3cret");
    refused(&password, wrong, &["refuses the user, the password", "app@"]).await;
    let error = Mysql::connect(&password).await.unwrap_err();
    cloakroom_testbed::note(
        "wrong password",
        "MariaDB",
        &format!("at connecting: \"{error}\""),
    );
    refused(&url.replace("app:", "nobody:"), wrong, &["nobody@"]).await;
    // Somebody who may do anything learns that it is not there, others that they may not.
    let admin = shared().admin_url().replace("/cloakroom", "/nowhere");
    refused(&admin, wrong, &["no such database", "/nowhere"]).await;
    refused(&url.replace("/cloakroom", "/nowhere"), wrong, &["/nowhere"]).await;
    refused(
        &format!("{url}?ssl_mode=required"),
        wrong,
        &["does not speak TLS"],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_heard_of_at_once() {
    refused(
        "mysql://app:s3cret@127.0.0.1:1/db",
        ErrorKind::Unavailable,
        &["127.0.0.1:1/db", "runs"],
    )
    .await;
    let socket = "mysql://app:s3cret@localhost/db?socket=/nowhere";
    refused(socket, ErrorKind::Unavailable, &["runs"]).await;
}

#[tokio::test]
async fn nothing_shows_the_password() {
    let store = Mysql::connect(&shared().url()).await.unwrap();
    assert!(!format!("{store:?}").contains(Mysqld::PASSWORD), "{store:?}");
    let options = MysqlOptions::default().connections(NonZeroUsize::MIN);
    assert!(format!("{options:?}").contains("connections"));
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let url = fixture::database(shared(), "one_connection").await;
    let store = Mysql::connect(&format!("{url}?connections=1&wait_timeout=30s"))
        .await
        .unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = store.clone();
        calls.spawn(async move {
            let body = format!("body {n}");
            create(&store, id(n), record_of("alice", &body)).await;
            let kept = fixture::load(&store, id(n)).await.unwrap().unwrap();
            assert_eq!(&*kept.record.body, body.as_bytes());
        });
    }
    calls.join_all().await;
}

#[tokio::test]
async fn a_small_packet_is_a_small_body() {
    let server = Mysqld::start_with(&["--max-allowed-packet=64K", "--innodb-flush-log-at-trx-commit=0"]);
    let store = Mysql::connect(&server.url()).await.unwrap();
    let card = store.capabilities();
    assert_eq!(card.max_body, 60 << 10);
    assert!(!card.survives_restart);
    create(&store, id(1), record_of("alice", vec![7; card.max_body])).await;
    let record = record_of("alice", vec![7; card.max_body + 1]);
    let error = fixture::write(&store, id(2), cloakroom_store::Expect::Absent, record)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}
