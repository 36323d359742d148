SELECT id, revision, principal, created, last_seen, expires, label
FROM cloakroom_sessions
WHERE namespace = ? AND id > ?
ORDER BY id
LIMIT ?
