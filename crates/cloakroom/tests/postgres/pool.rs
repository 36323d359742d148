//! The store over an application's pool: the contract, and that the pool is as good as it was.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::stores::Postgres;
use cloakroom::stores::postgres::{Migrate, PostgresOptions, SynchronousCommit};
use cloakroom_store::conformance::{self, Outage, Outages, Restarts};
use cloakroom_store::{
    AddOne, AnyStore, Count, Counted, Counter, Counters as _, Delete, ErrorKind, Expect, List, Load, Mark,
    Marks as _, Owner, Query, Revoke, Scope, SetMark, Store as _, Subject, Sweep, TakeBack, Timestamp, Touch,
};
use cloakroom_testbed::postgres::Postgres as Server;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_postgres::NoTls;

use crate::fixture::{BOUND, client, create, id, load, namespace, outage, record, recovered, write};
use crate::turns::{somebody_waits, take_rows};

/// An application's pool, of so many clients.
fn pool(server: &Server, size: usize) -> Pool {
    let config = server.url().parse().unwrap();
    let fast = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    Pool::builder(Manager::from_config(config, NoTls, fast))
        .max_size(size)
        .build()
        .unwrap()
}

/// For tests about what is answered, and not how fast a busy machine answers.
fn patient() -> PostgresOptions {
    let long = Duration::from_secs(20);
    PostgresOptions::default()
        .connect_timeout(long)
        .wait_timeout(long)
        .operation_timeout(long)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_over_a_pool() {
    let server = Server::start();
    conformance::run(patient().from_pool(pool(&server, 8)).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_in_a_schema_of_its_own_with_one_client() {
    let server = Server::start();
    let options = patient().schema("my \"sessions\"");
    let store = options.from_pool(pool(&server, 1)).await.unwrap();
    conformance::run(store.clone()).await;
    conformance::run_counters(store.clone()).await;
    conformance::run_marks(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_counts_and_keeps_marks_over_a_pool() {
    let server = Server::start();
    let store = patient().from_pool(pool(&server, 8)).await.unwrap();
    conformance::run_counters(store.clone()).await;
    conformance::run_marks(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_over_a_pool_serves_all_rules_at_once() {
    let server = Server::start();
    let store = AnyStore::new(patient().from_pool(pool(&server, 4)).await.unwrap());
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        let store = store.clone();
        checking.spawn(async move { rule.check(store).await });
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_keeps_over_a_pool_survives_that_the_server_is_killed() {
    let server = Arc::new(Server::start());
    let pool = pool(&server, 4);
    let open = move || {
        let (server, pool) = (Arc::clone(&server), pool.clone());
        async move {
            outage(Arc::clone(&server), Outage::Stop).await;
            outage(server, Outage::Start).await;
            patient().from_pool(pool).await.unwrap()
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_over_a_pool_are_errors_in_bounded_time() {
    let server = Arc::new(Server::start());
    let store = Postgres::from_pool(pool(&server, 4)).await.unwrap();
    let does = move |what| outage(Arc::clone(&server), what);
    let outages = Outages::new(store.clone(), BOUND, does).and_counters(store.clone());
    conformance::run_outages(outages.and_marks(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_counts_or_marks_leaves_clients_to_the_others() {
    let server = Server::start();
    let store = patient().from_pool(pool(&server, 3)).await.unwrap();
    create(&store, id(1), record(b"somebody's")).await;
    let counter = Counter::new(
        namespace(),
        Counted::from_bytes([7; Counted::LEN]),
        Timestamp::MAX,
    );
    let mark = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
    let mark = SetMark::new(namespace(), mark);
    store.add(AddOne::new(counter.clone())).await.unwrap();
    store.mark(mark.clone()).await.unwrap();
    let other = take_rows(&server).await;
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (adds, marks, counter, mark) = (store.clone(), store.clone(), counter.clone(), mark.clone());
        crowd.spawn(async move { adds.add(AddOne::new(counter)).await.map(drop) });
        crowd.spawn(async move { marks.mark(mark).await.map(drop) });
    }
    somebody_waits(&other).await;
    for _ in 0..50 {
        assert!(load(&store, id(1)).await.unwrap().is_some());
    }
    assert!(crowd.try_join_next().is_none());
    other.batch_execute("COMMIT").await.unwrap();
    crowd.join_all().await.into_iter().for_each(Result::unwrap);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_has_no_turn_in_time_is_not_begun_with_what_is_left() {
    let server = Server::start();
    let options = patient().wait_timeout(Duration::from_secs(1));
    let store = options.from_pool(pool(&server, 3)).await.unwrap();
    let mark = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
    let mark = SetMark::new(namespace(), mark);
    store.mark(mark.clone()).await.unwrap();
    let other = take_rows(&server).await;
    let first = tokio::spawn({
        let (store, mark) = (store.clone(), mark.clone());
        async move { store.mark(mark).await }
    });
    somebody_waits(&other).await;
    let error = store.mark(mark).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("within wait_timeout"), "{error}");
    other.batch_execute("COMMIT").await.unwrap();
    first.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_is_one_round_trip() {
    let server = Server::start();
    let gate = Gate::before(server.port()).await;
    let url = server
        .url()
        .replace(&format!(":{}", server.port()), &format!(":{}", gate.port));
    let pool = Pool::builder(Manager::new(url.parse().unwrap(), NoTls))
        .max_size(1)
        .build()
        .unwrap();
    let store = Postgres::from_pool(pool).await.unwrap();
    // Prepares the statements on the only client.
    create(&store, id(1), record(b"one")).await;
    gate.holds.send_replace(true);
    let revision = create(&store, id(2), record(b"two")).await;
    assert!(load(&store, id(2)).await.unwrap().is_some());
    let moment = Timestamp::from_unix_millis(2000);
    store
        .touch(Touch::new(namespace(), id(2), revision, moment, moment))
        .await
        .unwrap();
    store
        .delete(Delete::new(namespace(), id(2), Owner::Any))
        .await
        .unwrap();
    let counter = Counter::new(
        namespace(),
        Counted::from_bytes([7; Counted::LEN]),
        Timestamp::MAX,
    );
    assert_eq!(store.add(AddOne::new(counter.clone())).await.unwrap(), 1);
    store.take_back(TakeBack::new(counter)).await.unwrap();
    let mark = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
    store.mark(SetMark::new(namespace(), mark)).await.unwrap();
    // It does hold up what waits for an answer before it goes on.
    let counted = store.count(Count::new(namespace(), Query::default())).await;
    assert_eq!(counted.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_leaves_no_client_that_owes_an_answer() {
    let server = Server::start();
    let pool = pool(&server, 1);
    let store = patient().from_pool(pool.clone()).await.unwrap();
    create(&store, id(1), record(b"one")).await;
    create(&store, id(2), record(b"two")).await;
    let process = async || -> i32 {
        let lent = pool.get().await.unwrap();
        lent.query_one_scalar("SELECT pg_backend_pid()", &[])
            .await
            .unwrap()
    };
    let locking = client(&server).await;
    for verb in 0..4 {
        let before = process().await;
        locking
            .batch_execute("BEGIN; LOCK TABLE cloakroom_sessions IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let calling = {
            let store = store.clone();
            tokio::spawn(async move {
                match verb {
                    0 => drop(store.load(Load::new(namespace(), id(1))).await),
                    1 => drop(write(&store, id(9), Expect::Absent, record(b"late")).await),
                    2 => drop(
                        store
                            .list(List::new(namespace(), Query::default(), 10.try_into().unwrap()))
                            .await,
                    ),
                    _ => drop(
                        store
                            .sweep(Sweep::new(
                                namespace(),
                                Timestamp::default(),
                                10.try_into().unwrap(),
                            ))
                            .await,
                    ),
                }
            })
        };
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let mut looking = tokio::time::interval(Duration::from_millis(5));
        while locking.query_one_scalar::<i64, _>(waits, &[]).await.unwrap() == 0 {
            looking.tick().await;
        }
        calling.abort();
        assert!(calling.await.unwrap_err().is_cancelled());
        // The pool's only client is another one, in no transaction, and knows nothing of what was asked.
        assert_ne!(process().await, before, "verb {verb}: the client was given back");
        locking.batch_execute("COMMIT").await.unwrap();
        let found = load(&store, id(2)).await.unwrap().unwrap();
        assert_eq!(&*found.record.body, b"two");
        assert_eq!(pool.status().size, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_answered_in_time_is_ended_by_the_server_too() {
    let server = Server::start();
    let pool = pool(&server, 2);
    let store = Postgres::from_pool(pool.clone()).await.unwrap();
    create(&store, id(1), record(b"one")).await;
    let locking = client(&server).await;
    locking
        .batch_execute("BEGIN; LOCK TABLE cloakroom_sessions IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let error = write(&store, id(2), Expect::Absent, record(b"late"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("operation_timeout"), "{error}");
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let mut looking = tokio::time::interval(Duration::from_millis(5));
    let ended = async {
        while locking.query_one_scalar::<i64, _>(waits, &[]).await.unwrap() > 0 {
            looking.tick().await;
        }
    };
    tokio::time::timeout(BOUND, ended)
        .await
        .expect("the server ends what nobody waits for any more");
    locking.batch_execute("COMMIT").await.unwrap();
    assert!(load(&store, id(2)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_left_as_the_application_has_set_it() {
    let server = Server::start();
    let pool = pool(&server, 1);
    let options = patient().synchronous_commit(SynchronousCommit::Local);
    let store = options.from_pool(pool.clone()).await.unwrap();
    let settings = async || -> String {
        let lent = pool.get().await.unwrap();
        let text = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings";
        lent.query_one_scalar(text, &[]).await.unwrap()
    };
    // What a function is written in has settings of its own once it is loaded.
    let set = "LOAD 'plpgsql'; SET search_path = pg_catalog; SET statement_timeout = 77777; SET synchronous_commit = off; \
               SET default_transaction_isolation = 'serializable'";
    pool.get().await.unwrap().batch_execute(set).await.unwrap();
    let before = settings().await;
    let revision = create(&store, id(1), record(b"one")).await;
    write(&store, id(1), Expect::Absent, record(b"refused"))
        .await
        .unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_some());
    let moment = Timestamp::from_unix_millis(2000);
    store
        .touch(Touch::new(namespace(), id(1), revision, moment, moment))
        .await
        .unwrap();
    store
        .list(List::new(namespace(), Query::default(), 10.try_into().unwrap()))
        .await
        .unwrap();
    store
        .count(Count::new(namespace(), Query::default()))
        .await
        .unwrap();
    store
        .sweep(Sweep::new(
            namespace(),
            Timestamp::default(),
            10.try_into().unwrap(),
        ))
        .await
        .unwrap();
    let scope = Scope::Everyone {
        begun_before: Timestamp::default(),
    };
    store.revoke(Revoke::new(namespace(), scope)).await.unwrap();
    store
        .delete(Delete::new(namespace(), id(1), Owner::Any))
        .await
        .unwrap();
    assert_eq!(settings().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_the_application_discards_are_prepared_again() {
    let server = Server::start();
    let pool = pool(&server, 1);
    let store = patient().from_pool(pool.clone()).await.unwrap();
    create(&store, id(1), record(b"one")).await;
    pool.get()
        .await
        .unwrap()
        .batch_execute("DISCARD ALL")
        .await
        .unwrap();
    let error = load(&store, id(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(load(&store, id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_lends_nothing_says_what_to_do() {
    let server = Server::start();
    let pool = pool(&server, 1);
    let store = Postgres::from_pool(pool.clone()).await.unwrap();
    let kept = pool.get().await.unwrap();
    let error = load(&store, id(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("max_size"), "{error}");
    drop(kept);
    recovered(&store).await;
    pool.close();
    let error = load(&store, id(1)).await.unwrap_err();
    assert!(error.to_string().contains("closed its pool"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_over_a_database_without_tables_is_refused_where_nothing_may_be_made() {
    let server = Server::start();
    let options = PostgresOptions::default().migrate(Migrate::Never);
    let error = options.from_pool(pool(&server, 1)).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert!(error.to_string().contains("migrate()"), "{error}");
    assert!(!format!("{error:?}").contains(Server::PASSWORD));
}

/// Stands before the server, and lets answers through only when the question has ended with a `COMMIT`.
struct Gate {
    port: u16,
    holds: watch::Sender<bool>,
}

impl Gate {
    async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (holds, held) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(guard(client, upstream, held.clone()));
            }
        });
        Self { port, holds }
    }
}

async fn guard(client: TcpStream, upstream: TcpStream, holds: watch::Receiver<bool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let (asked, mut has_asked) = watch::channel(Vec::new());
    let asking = async {
        let mut question = vec![0; 65536];
        while let Ok(length @ 1..) = from_client.read(&mut question).await {
            asked.send_modify(|asked| asked.extend_from_slice(&question[..length]));
            to_server.write_all(&question[..length]).await.unwrap();
        }
    };
    let answering = async {
        let mut answer = vec![0; 65536];
        while let Ok(length @ 1..) = from_server.read(&mut answer).await {
            if *holds.borrow() {
                has_asked
                    .wait_for(|asked| asked.ends_with(b"COMMIT\0"))
                    .await
                    .unwrap();
            }
            to_client.write_all(&answer[..length]).await.unwrap();
        }
    };
    tokio::select! {
        () = asking => {}
        () = answering => {}
    }
}
