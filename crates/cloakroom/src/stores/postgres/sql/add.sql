-- Adds to some counters, in one order for all who do, so that no two wait for each other.
INSERT INTO cloakroom_counters AS c
SELECT * FROM unnest($1, $2, $3, $4) AS n (namespace, until, counted, times) ORDER BY namespace, until, counted
ON CONFLICT (namespace, until, counted) DO UPDATE SET times = c.times + excluded.times
RETURNING namespace, until, counted, times
