DELETE FROM cloakroom_sessions
WHERE namespace = ?1 AND id IN (
    SELECT id FROM cloakroom_sessions WHERE namespace = ?1 AND principal = ?2 AND id IS NOT ?3 LIMIT ?4)
