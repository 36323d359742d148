-- The index is named: where most have expired, the optimizer would rather read and sort the whole table each time.
-- What was revived since it was picked is seen to be when its row is locked.
DELETE swept
FROM (
    SELECT namespace, id
    FROM cloakroom_sessions FORCE INDEX (by_expiry)
    WHERE namespace = ? AND expires < ?
    ORDER BY expires
    LIMIT ?
) AS picked
STRAIGHT_JOIN cloakroom_sessions AS swept
    ON swept.namespace = picked.namespace AND swept.id = picked.id
WHERE swept.expires < ?
