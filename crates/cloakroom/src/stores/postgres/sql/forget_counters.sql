-- One that is being counted in is left for the next time.
DELETE FROM cloakroom_counters
WHERE until < $2 AND ctid = ANY (ARRAY (
    SELECT ctid FROM cloakroom_counters
    WHERE namespace = $1 AND until < $2 ORDER BY until LIMIT $3 FOR UPDATE SKIP LOCKED))
