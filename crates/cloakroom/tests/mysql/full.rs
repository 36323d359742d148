//! A table space that is full: nothing is written, the error says so, and there is room again afterwards.

use std::time::{Duration, Instant};

use cloakroom_store::{ErrorKind, Expect};
use cloakroom_testbed::mysql::Mysqld;

use super::fixture::{create, id, load, patient, record_of, run, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_table_space_is_said_and_got_over() {
    // InnoDB answers a file that may not grow as it answers a disk that is full.
    let server = Mysqld::start_with(&[
        "--innodb-data-file-path=ibdata1:12M;ibdata2:8M",
        "--innodb-file-per-table=OFF",
    ]);
    run(
        &server,
        "CREATE TABLE cloakroom.ballast (bytes MEDIUMBLOB NOT NULL)",
    )
    .await;
    for _ in 0..15 {
        run(
            &server,
            "INSERT INTO cloakroom.ballast VALUES (REPEAT('x', 200000))",
        )
        .await;
    }
    let store = patient(&server.url()).await;
    let revision = create(&store, id(0), record_of("alice", "small")).await;
    // Bodies that stand in their page: MariaDB 10.11.19 aborts when it finds no room for one beside it.
    let record = || record_of("alice", vec![7; 6_000]);
    let mut written = 1;
    let error = loop {
        match write(&store, id(written), Expect::Absent, record()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 5000, "it is never full");
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
    assert!(error.to_string().contains("make room"), "{error}");
    cloakroom_testbed::note(
        "no room left on the server",
        "MariaDB",
        &format!("writes: \"{error}\"; reads go on"),
    );
    let kept = load(&store, id(written)).await.unwrap();
    assert_eq!(kept, None, "nothing of it was written");
    assert_eq!(load(&store, id(0)).await.unwrap().unwrap().revision, revision);

    for n in 1..written {
        let found = load(&store, id(n)).await.unwrap();
        assert_eq!(found.unwrap().record, record(), "session {n}");
    }
    println!("of {written} acknowledged writes none is gone");
    run(&server, "DROP TABLE cloakroom.ballast").await;
    // The server gives the room back in its own time.
    let begun = Instant::now();
    while let Err(error) = write(&store, id(written), Expect::Absent, record()).await {
        assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(30), "there is room again");
    }
}
