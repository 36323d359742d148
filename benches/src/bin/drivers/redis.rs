//! Redis: what the driver's own multiplexed connection takes for a GET, and for the script of a conditional write.

use cloakroom::store::Id;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue, Script};

use crate::compare::Contest;
use crate::subject::{self, Subject};
use crate::through::Through;

/// The driver as it comes, and the store.
pub(crate) async fn contest(url: &str) -> Contest {
    let client = Client::open(url).expect("a URL of Redis");
    let connection = client.get_multiplexed_async_connection().await.expect("a server");
    Contest::default()
        .with("redis, one multiplexed connection", Alone::new(connection).await)
        .await
        .with("Cloakroom, Redis", Through::open(url).await)
        .await
}

#[derive(Clone)]
struct Alone {
    connection: MultiplexedConnection,
    hash: String,
    record: Vec<u8>,
}

/// What a session's key begins with: another prefix than the store has.
const SESSIONS: &str = "alone%bench%s%";

/// Where the revision is in a record, as `record.rs` of the store has it.
const REVISION: std::ops::Range<usize> = 1..9;

impl Alone {
    async fn new(connection: MultiplexedConnection) -> Self {
        let script = concat!(
            include_str!("../../../../crates/cloakroom/src/stores/redis/lua/record.lua"),
            include_str!("../../../../crates/cloakroom/src/stores/redis/lua/write.lua"),
            include_str!("../../../../crates/cloakroom/src/stores/redis/lua/times.lua"),
            include_str!("../../../../crates/cloakroom/src/stores/redis/lua/index.lua"),
            include_str!("../../../../crates/cloakroom/src/stores/redis/lua/write_and_file.lua"),
        );
        let () = redis::cmd("SCRIPT")
            .arg("LOAD")
            .arg(script)
            .query_async(&mut connection.clone())
            .await
            .expect("a script");
        let record = subject::record();
        let mut bytes = vec![1];
        bytes.extend_from_slice(&[0; 8]);
        for moment in [record.created, record.last_seen, record.expires] {
            bytes.extend_from_slice(&moment.as_unix_millis().to_be_bytes());
        }
        bytes.extend_from_slice(&[0, 0, 0]);
        bytes.extend_from_slice(&record.body);
        Self {
            connection,
            hash: Script::new(script).get_hash().to_owned(),
            record: bytes,
        }
    }

    async fn applied(&self, key: &str, expected: &[u8], revision: u64) {
        let mut record = self.record.clone();
        record[REVISION].copy_from_slice(&revision.to_be_bytes());
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash).arg(1).arg(key).arg(expected).arg(record);
        // Until when, and the keys of indexes.
        command.arg("4000000600000").arg("alone%bench%p%");
        let answer: u8 = self.send(&command).await;
        assert_eq!(answer, 2, "it is written");
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> T {
        command
            .query_async(&mut self.connection.clone())
            .await
            .expect("an answer of this kind")
    }
}

impl Subject for Alone {
    type Held = (String, u64);

    async fn begin(&self, id: Id) -> Self::Held {
        let key = format!("{SESSIONS}{id}");
        self.applied(&key, b"", 1).await;
        (key, 1)
    }

    async fn read(&self, (key, _): &Self::Held) {
        let mut command = redis::cmd("GET");
        command.arg(key);
        let record: Option<Vec<u8>> = self.send(&command).await;
        assert!(record.is_some());
    }

    async fn write(&self, (key, revision): &mut Self::Held) {
        let next = *revision + 1;
        self.applied(key, &revision.to_be_bytes(), next).await;
        *revision = next;
    }
}
