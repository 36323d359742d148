-- Takes back from some counters, never below nothing, in the order in which others add.
UPDATE cloakroom_counters AS c SET times = greatest(c.times - n.times, 0)
FROM (
    SELECT namespace, until, counted, n.times
    FROM cloakroom_counters JOIN unnest($1, $2, $3, $4) AS n (namespace, until, counted, times)
        USING (namespace, until, counted)
    ORDER BY namespace, until, counted FOR UPDATE OF cloakroom_counters
) AS n
WHERE (c.namespace, c.until, c.counted) = (n.namespace, n.until, n.counted)
