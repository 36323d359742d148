SELECT s.revision, s.principal, s.created, s.last_seen, s.expires, s.label, b.body
FROM cloakroom_sessions s LEFT JOIN cloakroom_bodies b ON b.namespace = s.namespace AND b.id = s.id
WHERE s.namespace = $1 AND s.id = $2
