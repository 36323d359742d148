UPDATE cloakroom_sessions
SET revision = ?3, principal = ?4, created = ?5, last_seen = ?6, expires = ?7, label = ?8
WHERE namespace = ?1 AND id = ?2
