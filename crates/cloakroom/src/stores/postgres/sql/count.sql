-- Looks at so many rows in the order of their ids, and counts those that match. Where there may be more, it also says where
-- it stopped.
WITH looked_at AS MATERIALIZED (
    SELECT id, {conditions} AS matches FROM cloakroom_sessions
    WHERE namespace = $1 AND ($2::bytea IS NULL OR id > $2) AND {whose}
    ORDER BY id LIMIT {rows}
)
SELECT
    (SELECT count(*) FROM looked_at WHERE matches),
    (SELECT id FROM looked_at ORDER BY id OFFSET {rows} - 1)
