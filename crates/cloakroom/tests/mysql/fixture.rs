//! A server for the tests that share one, sessions to keep, and the verbs in few words.

use std::sync::OnceLock;
use std::time::Duration;

use cloakroom::stores::Mysql;
use cloakroom::stores::mysql::MysqlOptions;
use cloakroom_store::{
    Error, Expect, Id, Label, Load, Namespace, Principal, Record, Revision, Store, Stored, Timestamp, Write,
    Written,
};
use cloakroom_testbed::mysql::Mysqld;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

/// As long as a verb may take, with the default settings, and what a busy machine adds.
pub(crate) const BOUND: Duration = Duration::from_millis(1500 + 1000);

/// The server of the tests that do it no harm.
pub(crate) fn shared() -> &'static Mysqld {
    static SHARED: OnceLock<Mysqld> = OnceLock::new();
    SHARED.get_or_init(|| {
        println!("tested on {}", Mysqld::version());
        Mysqld::start()
    })
}

/// A new database on a server, and the URL of it.
pub(crate) async fn database(server: &Mysqld, name: &str) -> String {
    run(server, &format!("CREATE DATABASE {name}")).await;
    run(server, &format!("GRANT ALL ON {name}.* TO 'app'@'%'")).await;
    server
        .url()
        .replace(&format!("/{}", Mysqld::DATABASE), &format!("/{name}"))
}

/// A store that waits longer than any machine is busy, for tests that are not about time.
pub(crate) async fn patient(url: &str) -> Mysql {
    let patience = Duration::from_secs(30);
    let options = MysqlOptions::default()
        .wait_timeout(patience)
        .operation_timeout(patience);
    options.connect_timeout(patience).connect(url).await.unwrap()
}

/// A connection of somebody who may do everything.
pub(crate) async fn admin(server: &Mysqld) -> Conn {
    let url = format!("{}?prefer_socket=false", server.admin_url());
    Conn::from_url(url).await.unwrap()
}

/// Runs a statement as somebody who may do everything.
pub(crate) async fn run(server: &Mysqld, statement: &str) {
    let mut admin = admin(server).await;
    admin.query_drop(statement).await.unwrap();
}

/// What the server counts under a name.
pub(crate) async fn status(admin: &mut Conn, name: &str) -> u64 {
    let row: Option<(String, u64)> = admin
        .query_first(format!("SHOW GLOBAL STATUS LIKE '{name}'"))
        .await
        .unwrap();
    row.unwrap().1
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("app/__Host-session").unwrap()
}

pub(crate) fn id(n: u64) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[..8].copy_from_slice(
        &n.wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

pub(crate) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000).saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn principal(who: &str) -> Principal {
    Principal::new(who).unwrap()
}

/// A session with everything that can be kept, that expires after an hour.
pub(crate) fn record_of(who: &str, body: impl AsRef<[u8]>) -> Record {
    Record::new(moment(0), moment(3600), body.as_ref())
        .with_principal(Some(principal(who)))
        .with_label(Some(Label::new("Firefox on Linux")))
        .with_last_seen(moment(60))
}

pub(crate) async fn write(store: &Mysql, id: Id, expect: Expect, record: Record) -> Result<Written, Error> {
    store.write(Write::new(namespace(), id, expect, record)).await
}

/// Writes a session that must not be there yet.
pub(crate) async fn create(store: &Mysql, id: Id, record: Record) -> Revision {
    match write(store, id, Expect::Absent, record).await.unwrap() {
        Written::Applied { revision, .. } => revision,
        other => panic!("a new session: {other:?}"),
    }
}

pub(crate) async fn load(store: &Mysql, id: Id) -> Result<Option<Stored>, Error> {
    store.load(Load::new(namespace(), id)).await
}
