INSERT INTO cloakroom_counters (namespace, until, counted, times) VALUES (?1, ?2, ?3, 1)
ON CONFLICT (namespace, until, counted) DO UPDATE SET times = times + 1
RETURNING times
