SELECT revision, principal, created, last_seen, expires, label, data
FROM cloakroom_sessions LEFT JOIN cloakroom_bodies ON number = body
WHERE namespace = ?1 AND id = ?2
