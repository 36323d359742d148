-- Nothing is inserted where a session is; one that is just being ended or begun is waited for.
WITH session AS (
    INSERT INTO cloakroom_sessions (namespace, id, revision, principal, created, last_seen, expires, label)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING
    RETURNING namespace, id
)
INSERT INTO cloakroom_bodies (namespace, id, body) SELECT namespace, id, $9 FROM session
