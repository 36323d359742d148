DELETE FROM cloakroom_marks
WHERE namespace = ?1 AND subject IN (
    SELECT subject FROM cloakroom_marks WHERE namespace = ?1 AND until < ?2 ORDER BY until LIMIT ?3)
