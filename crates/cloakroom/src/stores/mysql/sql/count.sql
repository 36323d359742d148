SELECT COUNT(IF(matching, 1, NULL)), COUNT(*), MAX(id)
FROM (
    SELECT id, created <= ? AND last_seen <= ? AND expires > ? AND (? = 0 OR LOCATE(?, label) > 0) AS matching
    FROM cloakroom_sessions
    WHERE namespace = ? AND id > ?
    ORDER BY id
    LIMIT ?
) AS looked_at
