SELECT EXISTS (
    SELECT 1
    FROM cloakroom_sessions FORCE INDEX (by_expiry)
    WHERE namespace = ? AND expires < ?
)
