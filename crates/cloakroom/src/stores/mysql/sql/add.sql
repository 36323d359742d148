INSERT INTO cloakroom_counters (namespace, over_at, counted, times) VALUES (?, ?, ?, LAST_INSERT_ID(?))
ON DUPLICATE KEY UPDATE times = LAST_INSERT_ID(times + ?)
