DELETE FROM cloakroom_sessions
WHERE namespace = ? AND created < ?
ORDER BY created
LIMIT ?
