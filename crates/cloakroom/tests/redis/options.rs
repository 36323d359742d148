//! URLs, credentials and what a user must be allowed.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cloakroom::stores::Redis;
use cloakroom::stores::redis::RedisOptions;
use cloakroom_store::{
    ErrorKind, Mark, Marks as _, News, SetMark, Store as _, Subject, Timestamp, conformance,
};
use cloakroom_testbed::Certificates;
use cloakroom_testbed::redis::{Redis as Server, RedisLaunch};

use crate::fixture::{create, delete, fails, load, namespace};

/// What the documentation says that a user must be allowed.
const RIGHTS: &str = "~cloakroom%* ~{cloakroom%* -@all +get +getrange +set +setrange +del +exists +pexpire +pexpireat \
    +persist +pttl +zadd +zcard +zrem +zrange +zrangebylex +zrangebyscore +zrandmember +hget +hgetall +hlen +hmget +hset +hsetnx +hdel \
    +time +scan +incr +decr +eval +evalsha +wait +role +info +ping +select +config|get";

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_named() {
    for (url, says) in [
        ("http://host", "redis://, rediss://"),
        (
            "redis://host?timeout=1s",
            "accepted are connect_timeout, connections",
        ),
        ("redis://host?operation_timeout=1", "500ms, 2s or 10m"),
        ("redis://host?connections=0", "a number from 1"),
        ("redis://host?prefix=a%25b", "percent sign"),
        (
            "redis://host?wait_replicas=1&wait_replicas_timeout=1s",
            "wait_replicas_timeout",
        ),
        (
            "redis://host?wait_replicas_timeout=100ms",
            "without wait_replicas",
        ),
        ("redis://host/x", "number of a database"),
        ("rediss://host?tls_ca=/does/not/exist", "tls_ca"),
    ] {
        let text = fails(ErrorKind::Misconfigured, Redis::connect(url)).await;
        assert!(text.contains(says), "{url}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_at_once() {
    let server = Server::start();
    server.server().stop();
    let text = fails(ErrorKind::Unavailable, Redis::connect(&server.url())).await;
    assert!(text.contains(&server.server().address().to_string()), "{text}");
    // One that takes connections and is silent.
    server.server().start_again();
    server.server().pause();
    let begun = Instant::now();
    let options = RedisOptions::default().connect_timeout(Duration::from_millis(300));
    fails(ErrorKind::Unavailable, options.connect(&server.url())).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_refused_and_never_repeated() {
    let server = RedisLaunch::default().password("wiltshire").start();
    let address = server.server().address();
    for url in [
        format!("redis://{address}"),
        format!("redis://:hunter2@{address}"),
        format!("redis://bob:hunter2@{address}/1"),
    ] {
        let error = Redis::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2") && text.contains("password"), "{text}");
        cloakroom_testbed::note("wrong password", "Redis", &format!("at connecting: \"{error}\""));
    }
    let store = Redis::connect(&server.url()).await.unwrap();
    create(&store, 1, "alice").await;
    let text = format!("{store:?} {:?}", RedisOptions::default());
    assert!(!text.contains("wiltshire"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_needs_what_the_documentation_says() {
    let server = Server::start();
    let documentation = include_str!("../../src/stores/redis/mod.rs").replace("\n//!", "");
    assert!(
        documentation.contains(&format!("`{RIGHTS}`")),
        "these are what it says"
    );
    let mut words = vec!["ACL", "SETUSER", "app", "on", ">secret"];
    words.extend(RIGHTS.split_whitespace());
    server.command(&words);
    let address = server.server().address();
    let url = format!("redis://app:secret@{address}/1");
    let store = Redis::connect(&url).await.unwrap();
    conformance::run_counters(store.clone()).await;
    conformance::run_marks(store.clone()).await;
    // Also to order marks anew where a server that evicts has dropped a part of them.
    let drop_order = "redis.call('SELECT', 1) return redis.call('DEL', '{cloakroom%test%m}o')";
    let everyone = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
    store.mark(SetMark::new(namespace(), everyone)).await.unwrap();
    assert_eq!(server.command(&["EVAL", drop_order, "0"]), "1");
    let news = News::new(namespace(), None, NonZeroUsize::MIN);
    assert_eq!(store.news(news).await.unwrap().marks.len(), 1);
    conformance::run(store).await;

    let waiting = format!("redis://app:secret@{address}/1?wait_replicas=1");
    let text = fails(ErrorKind::Misconfigured, Redis::connect(&waiting)).await;
    assert!(text.contains("grant the user"), "{text}");
    server.command(&["ACL", "SETUSER", "app", "+publish", "&cloakroom%waits"]);
    Redis::connect(&waiting).await.unwrap();

    for withdrawn in ["-evalsha", "-eval", "-@scripting"] {
        server.command(&["ACL", "SETUSER", "app", "+eval", "+evalsha"]);
        server.command(&["ACL", "SETUSER", "app", withdrawn]);
        let text = fails(ErrorKind::Misconfigured, Redis::connect(&url)).await;
        assert!(
            text.contains("grant the user") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_trusts_whom_it_is_told_to() {
    let certificates = Certificates::make();
    let server = RedisLaunch::default().tls(&certificates).start();
    for host in ["localhost", "127.0.0.1"] {
        let url = server.tls_url(host);
        let trusting = format!("{url}?tls_ca={}", certificates.authority.display());
        let store = Redis::connect(&trusting).await.unwrap();
        let revision = create(&store, 1, "alice").await;
        assert_eq!(load(&store, 1).await.unwrap().unwrap().revision, revision);
        delete(&store, 1).await.unwrap();
        // Nobody knows this authority but who was told.
        let text = fails(ErrorKind::Unavailable, Redis::connect(&url)).await;
        assert!(text.contains("certificate"), "{text}");
    }
    let not_one = format!(
        "{}?tls_ca={}",
        server.tls_url("localhost"),
        certificates.key.display()
    );
    fails(ErrorKind::Misconfigured, Redis::connect(&not_one)).await;
    // A server without TLS waits for more.
    let plain = server.url().replace("redis://", "rediss://") + "?connect_timeout=500ms";
    let text = fails(ErrorKind::Unavailable, Redis::connect(&plain)).await;
    assert!(text.contains("perhaps it does not speak TLS"), "{text}");
    let encrypted = server.tls_url("localhost").replace("rediss://", "redis://");
    let text = fails(ErrorKind::Unavailable, Redis::connect(&encrypted)).await;
    assert!(text.contains("perhaps because it speaks TLS"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_said_to_be_missing() {
    let server = Server::start();
    let address = server.server().address();
    let store = Redis::connect(&format!("redis://{address}/15")).await.unwrap();
    create(&store, 1, "alice").await;
    let missing = format!("redis://{address}/99");
    let text = fails(ErrorKind::Misconfigured, Redis::connect(&missing)).await;
    assert!(text.contains("from /0 to /15"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_promises_less_where_nothing_is_known() {
    let server = RedisLaunch::default().durable().start();
    assert!(
        Redis::connect(&server.url())
            .await
            .unwrap()
            .capabilities()
            .survives_restart
    );
    let words = ["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-config"];
    server.command(&words);
    let url = format!("redis://app:secret@{}", server.server().address());
    assert!(
        !Redis::connect(&url)
            .await
            .unwrap()
            .capabilities()
            .survives_restart
    );
}
