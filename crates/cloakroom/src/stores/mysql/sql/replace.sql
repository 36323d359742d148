UPDATE cloakroom_sessions
SET revision = ?, principal = ?, created = ?, last_seen = ?, expires = ?, label = ?, body = ?
WHERE namespace = ? AND id = ? AND revision = ?
