-- No row where it is somebody else's turn: the function would wait for it, and this connection's other requests with it.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended(
        'cloakroom principal ' || encode($1, 'hex') || ' ' || encode($4, 'hex'), 0)) AS ours
)
SELECT outcome, ended
FROM cloakroom_write_capped($1, $2, $10, $3, $4, $5, $6, $7, $8, $9, $11, $12, $13)
WHERE (SELECT ours FROM turn)
