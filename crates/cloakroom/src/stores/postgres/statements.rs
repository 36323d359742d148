//! The statements of the request path, prepared once for each connection.

use futures_util::future::try_join_all;
use tokio_postgres::{Client, Error, Statement};

/// What a request asks, one statement for each verb.
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) create: Statement,
    pub(super) replace: Statement,
    pub(super) write_capped: Statement,
    pub(super) touch: Statement,
    pub(super) delete: Statement,
    pub(super) revoke: Statement,
    pub(super) mark: Statement,
    pub(super) marks_of: Statement,
    pub(super) add: Statement,
    pub(super) take_back: Statement,
    pub(super) ping: Statement,
}

/// A connection, and the statements that were prepared on it.
pub(super) struct Prepared<'a> {
    pub(super) client: &'a Client,
    pub(super) statements: &'a Statements,
}

impl Statements {
    /// Prepares all of them at once.
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let texts = [
            include_str!("sql/load.sql"),
            include_str!("sql/create.sql"),
            include_str!("sql/replace.sql"),
            include_str!("sql/write_capped.sql"),
            include_str!("sql/touch.sql"),
            "SELECT cloakroom_delete($1, $2, $3, $4)",
            include_str!("sql/revoke.sql"),
            "SELECT is_begun_before, is_until FROM cloakroom_mark($1, $2, $3, $4, $5)",
            "SELECT coalesce(max(begun_before), 0) FROM cloakroom_marks WHERE namespace = $1 AND subject = ANY ($2)",
            "INSERT INTO cloakroom_counters AS c VALUES ($1, $2, $3, 1) \
             ON CONFLICT (namespace, until, counted) DO UPDATE SET times = c.times + 1 RETURNING times",
            "UPDATE cloakroom_counters SET times = times - 1 \
             WHERE namespace = $1 AND until = $2 AND counted = $3 AND times > 0",
            "SELECT current_setting('transaction_read_only')",
        ];
        let prepared = try_join_all(texts.map(|text| client.prepare(text))).await?;
        let [
            load,
            create,
            replace,
            write_capped,
            touch,
            delete,
            revoke,
            mark,
            marks_of,
            add,
            take_back,
            ping,
        ] = <[Statement; 12]>::try_from(prepared).expect("each text makes one statement");
        Ok(Self {
            load,
            create,
            replace,
            write_capped,
            touch,
            delete,
            revoke,
            mark,
            marks_of,
            add,
            take_back,
            ping,
        })
    }
}
