-- No row where it is somebody else's turn: the function would wait for it, and this connection's other requests with it.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended(
        'cloakroom principal ' || encode($1, 'hex') || ' ' || encode($2, 'hex'), 0)) AS ours
)
SELECT ended
FROM cloakroom_revoke($1, $2, $3, $4) AS ended
WHERE (SELECT ours FROM turn)
