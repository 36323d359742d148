DELETE FROM cloakroom_sessions
WHERE namespace = ?1 AND id IN (
    SELECT id FROM cloakroom_sessions WHERE namespace = ?1 AND expires < ?2 ORDER BY expires LIMIT ?3)
