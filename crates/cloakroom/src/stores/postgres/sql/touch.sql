UPDATE cloakroom_sessions SET last_seen = greatest(last_seen, $4), expires = greatest(expires, $5)
WHERE namespace = $1 AND id = $2 AND revision = $3
