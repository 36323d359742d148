INSERT INTO cloakroom_sessions (namespace, id, revision, principal, created, last_seen, expires, label, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
