SELECT id, revision, principal, created, last_seen, expires, label
FROM cloakroom_sessions
WHERE namespace = ? AND principal = ? AND id > ?
ORDER BY id
LIMIT ?
