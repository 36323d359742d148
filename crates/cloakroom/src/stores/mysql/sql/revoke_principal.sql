DELETE FROM cloakroom_sessions
WHERE namespace = ? AND principal = ? AND id <> ?
LIMIT ?
