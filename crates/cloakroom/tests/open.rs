//! A store by its URL.

#![cfg(all(feature = "memory", feature = "disk"))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use cloakroom::stores;
use cloakroom_store::{Counters as _, ErrorKind, Marks as _, Store as _};

#[tokio::test]
async fn a_url_names_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("with spaces: and colons");
    let disk = format!("disk:{}", place.display());
    for (url, name) in [("memory:", "memory"), (disk.as_str(), "disk")] {
        let store = stores::open(url).await.unwrap();
        assert_eq!(store.capabilities().name, name);
        store.ping().await.unwrap();
    }
    assert_eq!(stores::open_marks("memory:").await.unwrap().card().name, "memory");
    assert_eq!(
        stores::open_counters("memory:").await.unwrap().card().name,
        "memory"
    );
    assert!(place.join("sessions.redb").is_file());
}

#[tokio::test]
async fn an_unknown_url_is_told_what_is_known() {
    for (url, says) in [
        ("", "memory:, disk:PATH, sqlite:PATH, redis://"),
        ("memory", "memory:, disk:PATH, sqlite:PATH, redis://"),
        ("mongodb://user:hush@host", "`mongodb:`: memory:, disk:PATH"),
        ("memcached://user:hush@host", "here it is `memcache://`"),
        ("valkey://user:hush@host", "here it is `redis://`"),
        ("DISK:x", "`DISK:`"),
        ("bad\nscheme:x", r"`bad\nscheme:`"),
        ("memory:x", "nothing behind it"),
        ("disk:", "path is missing"),
        ("disk://sessions", "without `//`"),
        ("disk:sessions?cache=1", "options are set in code"),
    ] {
        let error = stores::open(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url:?}");
        assert!(error.to_string().contains(says), "{url:?}: {error}");
        assert!(!error.to_string().contains("hush"), "{url:?}: {error}");
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_file_has_neither_host_nor_options() {
    for url in ["sqlite://sessions.db", "sqlite:sessions.db?mode=rwc"] {
        let error = stores::open(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url:?}");
        assert!(error.to_string().contains("`sqlite:./PATH`"), "{url:?}: {error}");
    }
}

#[cfg(all(
    feature = "redis",
    feature = "memcached",
    feature = "postgres",
    feature = "mysql"
))]
#[tokio::test]
async fn what_is_of_no_use_is_refused_and_not_passed_over() {
    for (url, says) in [
        ("redis://host?tls_ca=ca.pem", "with TLS is `rediss`"),
        ("redis-sentinel://one,two/name?tls_ca=ca.pem", "`rediss-sentinel`"),
        ("redis-cluster://one,two?tls_ca=ca.pem", "`rediss-cluster`"),
        ("redis+unix:///redis.sock?tls_ca=ca.pem", "on a socket"),
        ("memcache://host?tls_ca=ca.pem", "no TLS"),
        (
            "postgres://host/db?sslmode=disable&tls_ca=ca.pem",
            "sslmode=disable",
        ),
        ("postgres:///db?host=/run/postgresql&tls_ca=ca.pem", "on a socket"),
        ("postgres://one/db?host=other", "host="),
        ("postgres://one,other/db?host=one", "host="),
        ("postgres://one:1/db?port=2", "port="),
        (
            "mysql://host/db?ssl_mode=disabled&tls_ca=ca.pem",
            "ssl_mode=disabled",
        ),
        ("mysql:///db?socket=/mysqld.sock&tls_ca=ca.pem", "on a socket"),
    ] {
        let error = stores::open(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url:?}: {error}");
        assert!(error.to_string().contains(says), "{url:?}: {error}");
    }
}
