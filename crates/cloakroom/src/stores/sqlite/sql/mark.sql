INSERT INTO cloakroom_marks (namespace, subject, begun_before, until, number)
VALUES (?1, ?2, ?3, ?4, (SELECT latest FROM cloakroom_mark_numbers))
ON CONFLICT (namespace, subject) DO UPDATE SET
    begun_before = max(begun_before, excluded.begun_before),
    until = max(until, excluded.until),
    number = excluded.number
RETURNING begun_before, until
