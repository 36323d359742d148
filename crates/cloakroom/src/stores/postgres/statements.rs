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
    pub(super) marks_of: Statement,
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
            "SELECT coalesce(max(begun_before), 0) FROM cloakroom_marks WHERE namespace = $1 AND subject = ANY ($2)",
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
            marks_of,
            ping,
        ] = <[Statement; 9]>::try_from(prepared).expect("each text makes one statement");
        Ok(Self {
            load,
            create,
            replace,
            write_capped,
            touch,
            delete,
            revoke,
            marks_of,
            ping,
        })
    }
}
