//! The tables: made once by whoever comes first, by hand, or not at all.

use std::io::Write as _;
use std::process::{Command, Stdio};

use cloakroom::stores::Mysql;
use cloakroom::stores::mysql::{Migrate, MysqlOptions};
use cloakroom_store::{AddOne, Counted, Counter, Counters as _, ErrorKind, Store, Timestamp};
use cloakroom_testbed::Program;
use cloakroom_testbed::mysql::Mysqld;

use super::fixture::{self, create, database, id, patient, record_of, run, shared};

#[tokio::test(flavor = "multi_thread")]
async fn ten_nodes_may_start_at_once() {
    let url = database(shared(), "ten_nodes").await;
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let url = url.clone();
        nodes.spawn(async move { Mysql::connect(&url).await });
    }
    for store in nodes.join_all().await {
        store.unwrap().ping().await.unwrap();
    }
    Mysql::migrate(&url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_not_migrate_says_what_to_run() {
    let url = database(shared(), "never").await;
    let never = || MysqlOptions::default().migrate(Migrate::Never);
    let error = never().connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("run migrate()"), "{error}");
    Mysql::migrate(&url).await.unwrap();
    never().connect(&url).await.unwrap();
    run(shared(), "DELETE FROM never.cloakroom_schema").await;
    let error = never().connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("version 0"), "{error}");
    cloakroom_testbed::note(
        "tables of an older release, `migrate=never`",
        "MariaDB",
        &format!("\"{error}\""),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_release_are_left_alone() {
    let url = database(shared(), "newer").await;
    Mysql::migrate(&url).await.unwrap();
    run(shared(), "INSERT INTO newer.cloakroom_schema VALUES (1000)").await;
    for error in [
        Mysql::connect(&url).await.unwrap_err(),
        Mysql::migrate(&url).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NewerFormat);
        assert!(error.to_string().contains("1000"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_half_made_is_finished() {
    let url = database(shared(), "half_made").await;
    let store = Mysql::connect(&url).await.unwrap();
    create(&store, id(1), record_of("alice", "kept")).await;
    run(shared(), "DELETE FROM half_made.cloakroom_schema").await;
    run(shared(), "DROP PROCEDURE half_made.cloakroom_write_capped").await;
    let store = Mysql::connect(&url).await.unwrap();
    assert!(fixture::load(&store, id(1)).await.unwrap().is_some());
}

/// As after `mariadb-dump` without `--routines`, put back.
#[tokio::test(flavor = "multi_thread")]
async fn procedures_that_a_dump_left_out_are_made_again() {
    let url = database(shared(), "dumped").await;
    let store = Mysql::connect(&url).await.unwrap();
    create(&store, id(1), record_of("alice", "kept")).await;
    for procedure in ["cloakroom_write_capped", "cloakroom_mark"] {
        run(shared(), &format!("DROP PROCEDURE dumped.{procedure}")).await;
        let never = MysqlOptions::default().migrate(Migrate::Never);
        let error = never.connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("procedures"), "{error}");
        assert!(error.to_string().contains("schema_sql()"), "{error}");
        let store = Mysql::connect(&url).await.unwrap();
        assert!(fixture::load(&store, id(1)).await.unwrap().is_some());
    }
    let store = patient(&url).await;
    cloakroom_store::conformance::run_marks(store.clone()).await;
    cloakroom_store::conformance::run(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_release_before_are_kept_and_added_to() {
    are_kept_and_added_to("one_before", false).await;
    are_kept_and_added_to("one_before_by_hand", true).await;
}

/// Version 2 has the counters.
async fn are_kept_and_added_to(name: &str, by_hand: bool) {
    let url = database(shared(), name).await;
    let store = Mysql::connect(&url).await.unwrap();
    create(&store, id(1), record_of("alice", "kept")).await;
    run(
        shared(),
        &format!("DELETE FROM {name}.cloakroom_schema WHERE version = 2"),
    )
    .await;
    run(shared(), &format!("DROP TABLE {name}.cloakroom_counters")).await;
    let never = || MysqlOptions::default().migrate(Migrate::Never);
    let error = never().connect(&url).await.unwrap_err();
    assert!(error.to_string().contains("version 1"), "{error}");
    assert!(error.to_string().contains("schema_sql()"), "{error}");
    let options = if by_hand {
        run_printed_sql(name);
        never()
    } else {
        MysqlOptions::default()
    };
    let store = options.connect(&url).await.unwrap();
    assert!(fixture::load(&store, id(1)).await.unwrap().is_some());
    let counted = Counter::new(fixture::namespace(), Counted::from_bytes([1; 16]), Timestamp::MAX);
    assert_eq!(store.add(AddOne::new(counted)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_to_create_is_enough_for_tables_that_are_there() {
    let url = database(shared(), "few_rights").await;
    Mysql::migrate(&url).await.unwrap();
    run(shared(), "CREATE USER 'few'@'%' IDENTIFIED BY 'hunter2'").await;
    let few = url.replace("app:", "few:");
    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON few_rights.* TO 'few'@'%'";
    run(shared(), grant).await;
    let store = patient(&few).await;
    cloakroom_store::conformance::rule("a_refusing_cap_is_exact_under_racing_sign_ins")
        .unwrap()
        .check(cloakroom_store::AnyStore::new(store))
        .await
        .unwrap();
    run(shared(), "CREATE DATABASE few_nothing").await;
    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON few_nothing.* TO 'few'@'%'";
    run(shared(), grant).await;
    let error = Mysql::connect(&few.replace("few_rights", "few_nothing"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("CREATE"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_sql_makes_the_same_tables() {
    let url = database(shared(), "by_hand").await;
    run_printed_sql("by_hand");
    let never = MysqlOptions::default().migrate(Migrate::Never);
    never.connect(&url).await.unwrap();
    cloakroom_store::conformance::run(patient(&url).await).await;
}

/// Runs what `schema_sql()` prints in a database, as a person does.
fn run_printed_sql(database: &str) {
    const CLIENT: Program = Program::new("MYSQL_CLIENT", &["mariadb", "mysql"], "mariadb-client");
    let mut client = Command::new(CLIENT.path())
        .args([
            "--no-defaults",
            "--protocol=tcp",
            "--host=127.0.0.1",
            "--user=app",
        ])
        .arg(format!("--port={}", shared().server().port()))
        .arg(format!("--password={}", Mysqld::PASSWORD))
        .arg(database)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let sql = Mysql::schema_sql();
    client.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert!(client.wait().unwrap().success());
}
