SELECT revision, principal, created, last_seen, expires, label, body
FROM cloakroom_sessions
WHERE namespace = ? AND id = ?
