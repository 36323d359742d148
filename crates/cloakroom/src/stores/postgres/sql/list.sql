-- Looks at so many rows in the order of their ids, and shows those that match. Where there may be more rows than it
-- looked at, it also says where it stopped, as a row that does not match.
WITH looked_at AS MATERIALIZED (
    SELECT id, revision, principal, created, last_seen, expires, label FROM cloakroom_sessions
    WHERE namespace = $1 AND ($2::bytea IS NULL OR id > $2) AND {whose}
    ORDER BY id LIMIT {rows}
), shown AS (
    SELECT * FROM looked_at WHERE {conditions} ORDER BY id LIMIT {limit}
)
SELECT *, true AS matches FROM shown
UNION ALL
(SELECT *, false FROM looked_at ORDER BY id OFFSET {rows} - 1)
