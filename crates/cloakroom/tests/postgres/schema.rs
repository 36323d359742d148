//! The tables: made once however many nodes start, by hand, and refused when they are not ours to use.

use cloakroom::stores::Postgres;
use cloakroom_store::{AddOne, Counted, Counter, Counters as _, ErrorKind, Store as _, Timestamp};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{PATIENT, client, create, id, load, namespace, patient, record, refused, with};

#[tokio::test(flavor = "multi_thread")]
async fn ten_nodes_may_start_at_once() {
    let server = Server::start();
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let url = with(&server, "schema=fresh&connections=2&connect_timeout=20s");
        starting.spawn(async move { Postgres::connect(&url).await });
    }
    for started in starting.join_all().await {
        started.unwrap().ping().await.unwrap();
    }
    let rows = "SELECT count(*) FROM fresh.cloakroom_schema";
    assert_eq!(
        client(&server)
            .await
            .query_one_scalar::<i64, _>(rows, &[])
            .await
            .unwrap(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_again_changes_nothing() {
    let server = Server::start();
    Postgres::migrate(&server.url()).await.unwrap();
    let store = patient(&server).await;
    create(&store, id(1), record(b"kept")).await;
    Postgres::migrate(&server.url()).await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_may_not_migrate_says_who_must() {
    let server = Server::start();
    let url = with(&server, "migrate=never");
    let error = refused(&url).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("run migrate()"), "{error}");
    client(&server)
        .await
        .batch_execute(&Postgres::schema_sql())
        .await
        .unwrap();
    let store = Postgres::connect(&url).await.unwrap();
    create(&store, id(1), record(b"by hand")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_the_right_to_make_tables_can_use_them() {
    let server = Server::start();
    Postgres::migrate(&server.url()).await.unwrap();
    let admin = client(&server).await;
    admin
        .batch_execute(
            "CREATE ROLE app LOGIN PASSWORD 'app'; REVOKE ALL ON SCHEMA public FROM PUBLIC;
             GRANT USAGE ON SCHEMA public TO app; GRANT SELECT ON cloakroom_schema TO app;
             GRANT SELECT, INSERT, UPDATE, DELETE ON cloakroom_sessions, cloakroom_bodies TO app",
        )
        .await
        .unwrap();
    let url = server
        .url()
        .replace(&format!("cloakroom:{}", Server::PASSWORD), "app:app");
    cloakroom_store::conformance::run(Postgres::connect(&format!("{url}?{PATIENT}")).await.unwrap()).await;
    let error = refused(&format!("{url}?schema=another")).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    admin
        .batch_execute("REVOKE INSERT ON cloakroom_sessions FROM app")
        .await
        .unwrap();
    let store = Postgres::connect(&url).await.unwrap();
    let create = crate::fixture::write(&store, id(9), cloakroom_store::Expect::Absent, record(b"refused"));
    let error = create.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("grant"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_the_tables_decides() {
    let server = Server::start();
    Postgres::migrate(&server.url()).await.unwrap();
    let admin = client(&server).await;
    admin
        .batch_execute("UPDATE cloakroom_schema SET version = 99")
        .await
        .unwrap();
    for url in [
        with(&server, PATIENT),
        with(&server, &format!("{PATIENT}&migrate=never")),
    ] {
        assert_eq!(refused(&url).await.kind(), ErrorKind::NewerFormat);
    }
    // As an older release has left it: a version before, and not yet what this one adds.
    admin
        .batch_execute(
            "UPDATE cloakroom_schema SET version = 0; 
             DROP TABLE cloakroom_sessions, cloakroom_bodies, cloakroom_marks, cloakroom_mark_numbers,
                 cloakroom_counters;
             DO $$ DECLARE f regprocedure; BEGIN
                 FOR f IN SELECT oid FROM pg_proc WHERE proname LIKE 'cloakroom%' LOOP
                     EXECUTE 'DROP FUNCTION ' || f;
                 END LOOP;
             END $$",
        )
        .await
        .unwrap();
    let error = refused(&with(&server, "migrate=never")).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(
        error.to_string().contains("version 0") && error.to_string().contains("migrate()"),
        "{error}"
    );
    cloakroom_testbed::note(
        "tables of an older release, `migrate=never`",
        "PostgreSQL",
        &format!("\"{error}\""),
    );
    let store = patient(&server).await;
    create(&store, id(1), record(b"migrated")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_release_before_are_kept_and_added_to() {
    for by_hand in [false, true] {
        are_kept_and_added_to(by_hand).await;
    }
}

/// Version 2 has the counters.
async fn are_kept_and_added_to(by_hand: bool) {
    let server = Server::start();
    let store = patient(&server).await;
    create(&store, id(1), record(b"kept")).await;
    client(&server)
        .await
        .batch_execute("UPDATE cloakroom_schema SET version = 1; DROP TABLE cloakroom_counters")
        .await
        .unwrap();
    let error = refused(&with(&server, "migrate=never")).await;
    assert!(error.to_string().contains("schema_sql_since(1)"), "{error}");
    let mut url = with(&server, PATIENT);
    if by_hand {
        let printed = Postgres::schema_sql_since(1);
        client(&server).await.batch_execute(&printed).await.unwrap();
        url = with(&server, &format!("{PATIENT}&migrate=never"));
    }
    let store = Postgres::connect(&url).await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_some());
    let counted = Counter::new(namespace(), Counted::from_bytes([1; 16]), Timestamp::MAX);
    assert_eq!(store.add(AddOne::new(counted)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_go_away_are_an_error_that_says_so() {
    let server = Server::start();
    let store = patient(&server).await;
    client(&server)
        .await
        .batch_execute("DROP TABLE cloakroom_sessions")
        .await
        .unwrap();
    let error = load(&store, id(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert!(error.to_string().contains("run migrate()"), "{error}");
}
