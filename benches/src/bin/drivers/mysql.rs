//! MySQL and MariaDB: what the driver and its pool take for the store's own statements.

use std::sync::Arc;

use cloakroom::store::Id;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, Row, Value};

use crate::compare::Contest;
use crate::subject::{self, Subject};
use crate::through::Through;

/// How many connections the store has when it is not told.
const CONNECTIONS: usize = 10;

/// The driver with as many connections as the store, and without the reset that would forget its statements.
pub(crate) async fn contest(url: &str) -> Contest {
    // The store makes its tables.
    let store = Through::open(url).await;
    Contest::default()
        .with("mysql_async, a pool of 10 without reset", Alone::new(url))
        .await
        .with("Cloakroom, MariaDB", store)
        .await
}

#[derive(Clone)]
struct Alone {
    pool: Pool,
    body: Arc<[u8]>,
}

impl Alone {
    fn new(url: &str) -> Self {
        let constraints = PoolConstraints::new(CONNECTIONS, CONNECTIONS).expect("as many as there are");
        let pool = PoolOpts::default()
            .with_constraints(constraints)
            .with_reset_connection(false);
        let options = Opts::from_url(url).expect("a URL of MySQL");
        // As the store has it: over TCP, and counting the rows that were found.
        let options = OptsBuilder::from_opts(options)
            .pool_opts(pool)
            .client_found_rows(true)
            .prefer_socket(false);
        Self {
            pool: Pool::new(options),
            body: subject::record().body,
        }
    }

    async fn applied(&self, id: &Id, expected: Option<i64>, revision: i64) {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let (namespace, id) = (bytes(b"alone"), bytes(id.as_bytes()));
        let now = Value::Int(1_800_000_000_000);
        let record = [
            Value::Int(revision),
            Value::NULL,
            now.clone(),
            now,
            Value::Int(4_000_000_000_000),
            Value::NULL,
            bytes(&self.body),
        ];
        let (statement, values) = match expected {
            None => (
                include_str!("../../../../crates/cloakroom/src/stores/mysql/sql/create.sql"),
                [[namespace, id].as_slice(), &record].concat(),
            ),
            Some(expected) => (
                include_str!("../../../../crates/cloakroom/src/stores/mysql/sql/replace.sql"),
                [record.as_slice(), &[namespace, id, Value::Int(expected)]].concat(),
            ),
        };
        let mut connection = self.pool.get_conn().await.expect("a connection");
        let answer = connection
            .exec_iter(statement, Params::Positional(values))
            .await
            .expect("an answer");
        assert_eq!(answer.affected_rows(), 1);
        answer.drop_result().await.expect("an answer");
    }
}

impl Subject for Alone {
    type Held = (Id, i64);

    async fn begin(&self, id: Id) -> Self::Held {
        self.applied(&id, None, 1).await;
        (id, 1)
    }

    async fn read(&self, (id, _): &Self::Held) {
        let statement = include_str!("../../../../crates/cloakroom/src/stores/mysql/sql/load.sql");
        let mut connection = self.pool.get_conn().await.expect("a connection");
        let row: Option<Row> = connection
            .exec_first(statement, (b"alone".as_slice(), id.as_bytes().as_slice()))
            .await
            .expect("an answer");
        assert!(row.is_some());
    }

    async fn write(&self, (id, revision): &mut Self::Held) {
        self.applied(id, Some(*revision), *revision + 1).await;
        *revision += 1;
    }
}
