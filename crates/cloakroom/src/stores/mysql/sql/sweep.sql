DELETE FROM cloakroom_sessions
WHERE namespace = ? AND expires < ?
ORDER BY expires
LIMIT ?
