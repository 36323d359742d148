-- One that is being moved is left for the next time.
DELETE FROM cloakroom_marks
WHERE until < $2 AND ctid = ANY (ARRAY (
    SELECT ctid FROM cloakroom_marks
    WHERE namespace = $1 AND until < $2 ORDER BY until LIMIT $3 FOR UPDATE SKIP LOCKED))
