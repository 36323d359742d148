-- All conditions are on the narrow row: whoever has it locked may change the body. After waiting for another's lock
-- PostgreSQL looks at the conditions again, with what the other has left.
WITH session AS (
    UPDATE cloakroom_sessions
    SET revision = $3, principal = $4, created = $5, last_seen = $6, expires = $7, label = $8
    WHERE namespace = $1 AND id = $2 AND revision = $10
    RETURNING namespace, id
)
UPDATE cloakroom_bodies b SET body = $9 FROM session s WHERE b.namespace = s.namespace AND b.id = s.id
