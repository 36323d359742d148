-- One node at a time for each namespace; the lock is given back with the end of the statement. A row that somebody
-- has locked is being used: it is left for the next round, and one that was revived meanwhile is not taken.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended('cloakroom sweep ' || encode($1, 'hex'), 0)) AS ours
), expired AS MATERIALIZED (
    SELECT ctid, expires FROM cloakroom_sessions
    WHERE namespace = $1 AND expires >= $4 AND expires < $2 AND (SELECT ours FROM turn)
    ORDER BY expires LIMIT $3 FOR UPDATE SKIP LOCKED
), swept AS (
    DELETE FROM cloakroom_sessions
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM expired)) AND expires < $2
    RETURNING namespace, id
), bodies AS (
    DELETE FROM cloakroom_bodies b USING swept s WHERE b.namespace = s.namespace AND b.id = s.id
)
SELECT (SELECT count(*) FROM swept), (SELECT max(expires) FROM expired),
    -- Whether some are left, perhaps: these were as many as asked for, or others are locked.
    (SELECT count(*) FROM expired) >= $3 OR EXISTS (
        SELECT FROM cloakroom_sessions
        WHERE namespace = $1 AND expires >= $4 AND expires < $2 AND ctid NOT IN (SELECT ctid FROM expired)
    ),
    (SELECT ours FROM turn)
