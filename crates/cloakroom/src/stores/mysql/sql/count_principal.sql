SELECT COUNT(*)
FROM cloakroom_sessions
WHERE namespace = ? AND principal = ? AND created <= ? AND last_seen <= ? AND expires > ?
    AND (? = 0 OR LOCATE(?, label) > 0)
