UPDATE cloakroom_sessions
SET last_seen = max(last_seen, ?4), expires = max(expires, ?5)
WHERE namespace = ?1 AND id = ?2 AND revision = ?3
