-- The index is named, and rows are judged again when they are locked, as in `sweep.sql`.
DELETE ended
FROM (
    SELECT namespace, id
    FROM cloakroom_sessions FORCE INDEX (by_created)
    WHERE namespace = ? AND created < ?
    ORDER BY created
    LIMIT ?
) AS picked
STRAIGHT_JOIN cloakroom_sessions AS ended
    ON ended.namespace = picked.namespace AND ended.id = picked.id
WHERE ended.created < ?
