-- One row at least, so that who is told nothing is told where to go on. All of it is of one snapshot, in which numbers
-- have no gap that could be filled later.
WITH state AS (
    SELECT epoch, latest FROM cloakroom_mark_numbers WHERE namespace = $1
), place AS (
    SELECT CASE
        WHEN $2::bigint = 0 OR EXISTS (SELECT FROM state WHERE epoch = $3 AND latest >= $2) THEN $2 ELSE 0
    END AS after
)
SELECT (SELECT epoch FROM state), place.after, mark.subject, mark.begun_before, mark.until, mark.number
FROM place LEFT JOIN LATERAL (
    SELECT subject, begun_before, until, number FROM cloakroom_marks
    WHERE namespace = $1 AND number > place.after ORDER BY number LIMIT $4
) mark ON true
ORDER BY mark.number
