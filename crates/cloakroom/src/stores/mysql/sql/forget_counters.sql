DELETE FROM cloakroom_counters WHERE namespace = ? AND over_at < ? ORDER BY over_at LIMIT ?
