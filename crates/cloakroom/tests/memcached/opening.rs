//! What a URL may say, and what opening finds wrong.

use std::time::{Duration, Instant};

use cloakroom::stores::Memcached;
use cloakroom::stores::memcached::MemcachedOptions;
use cloakroom_store::{ErrorKind, Expect, Store as _};
use cloakroom_testbed as testbed;

use crate::fixture::{create, load, record, write};

async fn refused(url: &str, kind: ErrorKind, says: &str) {
    let error = Memcached::connect(url)
        .await
        .expect_err("nothing is there to be opened");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains(says), "{text:?} does not say {says:?}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_url_that_makes_no_sense_is_refused_with_what_does() {
    let long = format!("memcache://host?prefix={}", "p".repeat(89));
    for (url, says) in [
        ("redis://host", "memcache://, memcache+unix://"),
        ("memcaches://host", "no TLS"),
        ("memcache://host?tls_ca=ca.pem", "no TLS"),
        ("memcache://", "names no server"),
        ("memcache://host/0", "no databases"),
        ("memcache://host:11211,HOST", "twice"),
        ("memcache+unix://host/path", "socket"),
        ("memcache+unix://", "socket"),
        ("memcache://host:0", "65535"),
        ("memcache://bob@host", "both or neither"),
        ("memcache://:hunter2@host", "both or neither"),
        ("memcache://bo%0Db:hunter2@host", "cannot take"),
        ("memcache://bob:hunter2%20more@host", "cannot take"),
        ("memcache://bob:hunter2@host?timeout=1s", "operation_timeout"),
        ("memcache://bob:hunter2@host?ttl_margin=1", "ttl_margin"),
        ("memcache://bob:hunter2@host?connections=0", "connections"),
        ("memcache://host?prefix=a%25b", "percent sign"),
        (&long, "88 bytes"),
    ] {
        refused(url, ErrorKind::Misconfigured, says).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_heard_of_at_once() {
    let server = testbed::memcached::Memcached::start();
    server.server().stop();
    refused(&server.url(), ErrorKind::Unavailable, &server.host()).await;
    // Also when it is only one of several.
    let other = testbed::memcached::Memcached::start();
    let url = format!("{},{}", other.url(), server.host());
    refused(&url, ErrorKind::Unavailable, &server.host()).await;
}

#[tokio::test]
async fn a_server_that_is_silent_is_heard_of_within_the_bound() {
    let server = testbed::memcached::Memcached::start();
    server.server().pause();
    let begun = Instant::now();
    let url = format!("{}?connect_timeout=200ms", server.url());
    refused(&url, ErrorKind::Unavailable, "200ms").await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_asks_for_a_password_gets_the_right_one() {
    let server = testbed::memcached::Memcached::with_password();
    let host = server.host();
    refused(&server.url(), ErrorKind::Misconfigured, "asks for a user").await;
    let wrong = format!("memcache://bob:hunter2@{host}");
    refused(
        &wrong,
        ErrorKind::Misconfigured,
        "refused the user and the password",
    )
    .await;
    let error = Memcached::connect(&wrong).await.unwrap_err();
    testbed::note(
        "wrong password",
        "Memcached",
        &format!("with `-Y`, at connecting: \"{error}\""),
    );
    let right = format!("memcache://bob:hunter2-and-more@{host}");
    let store = Memcached::connect(&right).await.unwrap();
    create(&store, 1, record("kept")).await;
    assert!(!format!("{store:?}").contains("hunter2"));
    // Every connection says who it is, also one that is made later.
    server.server().stop();
    assert!(load(&store, 1).await.is_err());
    server.server().start_again();
    assert_eq!(load(&store, 1).await.unwrap(), None);
    create(&store, 1, record("kept")).await;
}

#[tokio::test]
async fn a_password_is_not_left_with_a_server_that_asks_for_none() {
    let server = testbed::memcached::Memcached::start();
    let url = format!("memcache://bob:hunter2@{}", server.host());
    refused(&url, ErrorKind::Misconfigured, "asks for no password").await;
    assert_eq!(server.stats()["total_items"], 0);
}

#[tokio::test]
async fn a_server_without_cas_is_refused() {
    let server = testbed::memcached::Memcached::with(&["-C"]);
    refused(&server.url(), ErrorKind::Misconfigured, "without -C").await;
}

#[tokio::test]
async fn a_server_of_tiny_items_is_refused() {
    let server = testbed::memcached::Memcached::with(&["-I", "8k", "-o", "slab_chunk_max=4"]);
    refused(&server.url(), ErrorKind::Misconfigured, "-I 1m").await;
}

#[tokio::test]
async fn a_socket_does_as_well() {
    let server = testbed::memcached::Memcached::on_a_socket();
    let url = format!("memcache+unix://{}", server.socket().display());
    let store = Memcached::connect(&url).await.unwrap();
    let revision = create(&store, 1, record("kept")).await;
    assert_eq!(load(&store, 1).await.unwrap().unwrap().revision, revision);
}

#[tokio::test]
async fn the_card_has_the_smallest_item_size_of_all() {
    let (large, small) = (
        testbed::memcached::Memcached::with(&["-I", "4m"]),
        testbed::memcached::Memcached::with(&["-I", "512k"]),
    );
    let url = format!("{},{}", large.url(), small.host());
    let store = Memcached::connect(&url).await.unwrap();
    let max_body = store.capabilities().max_body;
    assert_eq!(max_body, (512 << 10) - 1024);
    for n in 0..10 {
        create(&store, n, record(vec![0xff; max_body])).await;
        let over = write(&store, n + 10, Expect::Absent, record(vec![0xff; max_body + 1])).await;
        assert_eq!(over.unwrap_err().kind(), ErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn stores_with_different_prefixes_do_not_meet() {
    let server = testbed::memcached::Memcached::start();
    let store = Memcached::connect(&server.url()).await.unwrap();
    let options = MemcachedOptions::default().prefix("other");
    let other = options.connect(&server.url()).await.unwrap();
    create(&store, 1, record("one")).await;
    assert_eq!(load(&other, 1).await.unwrap(), None);
    create(&other, 1, record("another")).await;
    // The URL wins over the option.
    let options = MemcachedOptions::default().prefix("other");
    let same = options
        .connect(&format!("{}?prefix=cloakroom", server.url()))
        .await
        .unwrap();
    assert_eq!(&*load(&same, 1).await.unwrap().unwrap().record.body, b"one");
}
