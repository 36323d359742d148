UPDATE cloakroom_counters SET times = times - LEAST(times, ?)
WHERE namespace = ? AND over_at = ? AND counted = ?
