//! A disk that is full: nothing is written, the error says so, and there is room again afterwards.

use cloakroom_store::{ErrorKind, Expect};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{client, create, id, load, patient, record, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_got_over() {
    let server = Server::start_with_a_small_disk();
    let admin = client(&server).await;
    let path = server.small_disk();
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", path.display());
    admin.execute(&space, &[]).await.unwrap();
    admin
        .batch_execute(
            "CREATE TABLE ballast (bytes bytea) TABLESPACE small; ALTER TABLE ballast ALTER bytes SET STORAGE EXTERNAL; \
             INSERT INTO ballast VALUES (convert_to(repeat('x', 2000000), 'UTF8'))",
        )
        .await
        .unwrap();
    let store = patient(&server).await;
    admin
        .batch_execute(
            "ALTER TABLE cloakroom_bodies SET TABLESPACE small; ALTER INDEX cloakroom_bodies_pkey SET TABLESPACE small",
        )
        .await
        .unwrap();
    let revision = create(&store, id(0), record(b"small")).await;
    let mut written = 1;
    let error = loop {
        match write(&store, id(written), Expect::Absent, record(&[written; 500_000])).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    cloakroom_testbed::note(
        "no room left on the server",
        "PostgreSQL",
        &format!("writes: \"{error}\"; reads go on"),
    );
    assert_eq!(
        load(&store, id(written)).await.unwrap(),
        None,
        "nothing of it was written"
    );
    assert_eq!(load(&store, id(0)).await.unwrap().unwrap().revision, revision);
    for n in 1..written {
        let found = load(&store, id(n)).await.unwrap();
        assert_eq!(found.unwrap().record, record(&[n; 500_000]), "session {n}");
    }
    println!("of {written} acknowledged writes none is gone");
    admin.batch_execute("DROP TABLE ballast").await.unwrap();
    create(&store, id(written), record(&[written; 500_000])).await;
}
