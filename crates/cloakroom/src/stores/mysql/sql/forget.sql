DELETE FROM cloakroom_marks WHERE namespace = ? AND over_at < ? ORDER BY over_at LIMIT ?
