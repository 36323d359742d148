//! Fills the tables of each engine, with its own means: going through the store would take hours.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cloakroom::store::Id;
use mysql_async::prelude::Queryable as _;

use crate::Failure;

/// Every so manieth session is live; the others expired within the day before yesterday.
pub(crate) const LIVE: u64 = 50;

/// How many sessions one transaction writes.
const STEP: u64 = 250_000;

/// The namespace that `Sessions` has by default.
const NAMESPACE: &str = "app:__Host-session";

/// The id of a session. Not in the order of their numbers: real ones are random.
pub(crate) fn id(n: u64) -> Id {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&((n * 2_654_435_761 % (1 << 32)) as u32).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

pub(crate) async fn postgres(url: &str, sessions: u64) -> Result<(), Failure> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let connection = tokio::spawn(connection);
    let id = "decode(lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(n), 24, '0'), 'hex')";
    let expires = expires();
    for (first, last) in steps(sessions) {
        client
            .batch_execute(&format!(
                "BEGIN; SET LOCAL synchronous_commit = off;
                 INSERT INTO cloakroom_sessions
                 SELECT '{NAMESPACE}', {id}, n, CASE WHEN n % 2 = 0 THEN ('user ' || n / 4)::bytea END, 0, 0, {expires}, NULL
                 FROM generate_series({first}::bigint, {last}) n;
                 INSERT INTO cloakroom_bodies
                 SELECT '{NAMESPACE}', {id}, decode(repeat(md5(n::text), 19), 'hex')
                 FROM generate_series({first}::bigint, {last}) n;
                 COMMIT"
            ))
            .await?;
    }
    for tidying in [
        "VACUUM ANALYZE cloakroom_sessions",
        "VACUUM ANALYZE cloakroom_bodies",
        "CHECKPOINT",
    ] {
        client.batch_execute(tidying).await?;
    }
    drop(client);
    connection.await??;
    Ok(())
}

pub(crate) async fn mysql(url: &str, sessions: u64) -> Result<(), Failure> {
    let mut client = mysql_async::Conn::from_url(format!("{url}?prefer_socket=false")).await?;
    let id = "UNHEX(CONCAT(LPAD(HEX(n * 2654435761 % 4294967296), 8, '0'), LPAD(HEX(n), 24, '0')))";
    let expires = expires();
    for (first, last) in steps(sessions) {
        client
            .query_drop(format!(
                "SET STATEMENT max_recursive_iterations = {STEP} FOR
                 INSERT INTO cloakroom_sessions
                 WITH RECURSIVE numbers AS (SELECT {first} AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
                 SELECT '{NAMESPACE}', {id}, n, IF(n % 2 = 0, CONCAT('user ', n DIV 4), NULL), 0, 0, {expires}, NULL,
                        REPEAT(UNHEX(MD5(n)), 19)
                 FROM numbers"
            ))
            .await?;
    }
    client.query_drop("ANALYZE TABLE cloakroom_sessions").await?;
    client.disconnect().await?;
    Ok(())
}

pub(crate) fn sqlite(file: &Path, sessions: u64) -> Result<(), Failure> {
    let client = rusqlite::Connection::open(file)?;
    client.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000")?;
    let id = "unhex(printf('%08x', n * 2654435761 % 4294967296) || printf('%024x', n))";
    let expires = expires();
    for (first, last) in steps(sessions) {
        client.execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
             INSERT INTO cloakroom_sessions
             SELECT CAST('{NAMESPACE}' AS BLOB), {id}, n, CASE WHEN n % 2 = 0 THEN CAST('user ' || n / 4 AS BLOB) END, 0, 0,
                    {expires}, NULL, n + 1
             FROM numbers;
             WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
             INSERT INTO cloakroom_bodies SELECT n + 1, randomblob(304) FROM numbers;
             COMMIT"
        ))?;
    }
    client.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// The first and the last session of each transaction.
fn steps(sessions: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..sessions)
        .step_by(STEP as usize)
        .map(move |first| (first, (first + STEP).min(sessions) - 1))
}

/// When session `n` expires, in SQL that all of them speak: tomorrow, or at some moment of the day before yesterday.
fn expires() -> String {
    const DAY: u128 = 86_400_000;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    let (tomorrow, before) = (now + DAY, now - 2 * DAY);
    format!("CASE WHEN n % {LIVE} = 0 THEN {tomorrow} + n ELSE {before} + n * 7919 % {DAY} END")
}
