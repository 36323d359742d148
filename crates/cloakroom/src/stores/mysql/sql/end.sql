DELETE FROM cloakroom_sessions
WHERE namespace = ? AND id = ?
