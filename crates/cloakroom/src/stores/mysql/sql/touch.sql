UPDATE cloakroom_sessions
SET last_seen = GREATEST(last_seen, ?), expires = GREATEST(expires, ?)
WHERE namespace = ? AND id = ? AND revision = ?
