INSERT INTO cloakroom_sessions (namespace, id, revision, principal, created, last_seen, expires, label, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
