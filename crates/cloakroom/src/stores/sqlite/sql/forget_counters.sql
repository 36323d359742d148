DELETE FROM cloakroom_counters
WHERE namespace = ?1 AND (until, counted) IN (
    SELECT until, counted FROM cloakroom_counters WHERE namespace = ?1 AND until < ?2 ORDER BY until LIMIT ?3)
