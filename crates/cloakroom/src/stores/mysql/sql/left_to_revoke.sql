SELECT EXISTS (
    SELECT 1
    FROM cloakroom_sessions FORCE INDEX (by_created)
    WHERE namespace = ? AND created < ?
)
