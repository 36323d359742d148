-- Version 1: the sessions, and their sealed data beside them.

-- What is looked for and what moves with every touch. Keys, principals and labels are bytes, which are compared as they
-- are; times are milliseconds since 1970, by the clock of the application.
CREATE TABLE cloakroom_sessions (
    namespace BLOB NOT NULL,
    id BLOB NOT NULL,
    revision INTEGER NOT NULL,
    principal BLOB,
    created INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    label BLOB,
    -- The row of cloakroom_bodies with the sealed data.
    body INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX cloakroom_sessions_principal ON cloakroom_sessions (namespace, principal, id)
    WHERE principal IS NOT NULL;
CREATE INDEX cloakroom_sessions_expires ON cloakroom_sessions (namespace, expires);

-- The sealed data, which a touch does not write: SQLite writes a row anew to change it.
CREATE TABLE cloakroom_bodies (
    number INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- Whoever ends a session ends its data, also with the sqlite3 program.
CREATE TRIGGER cloakroom_sessions_ended AFTER DELETE ON cloakroom_sessions
BEGIN
    DELETE FROM cloakroom_bodies WHERE number = OLD.body;
END;

-- Marks: what ends sessions that no store keeps.
CREATE TABLE cloakroom_marks (
    namespace BLOB NOT NULL,
    -- Whom it is about: one of s, p and e, and then the id of a session or a principal.
    subject BLOB NOT NULL,
    begun_before INTEGER NOT NULL,
    until INTEGER NOT NULL,
    -- That of its last change: what readers go on from.
    number INTEGER NOT NULL,
    PRIMARY KEY (namespace, subject)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX cloakroom_marks_number ON cloakroom_marks (namespace, number);
CREATE INDEX cloakroom_marks_until ON cloakroom_marks (namespace, until);

-- The latest number, which outlives the mark that had it: one row.
CREATE TABLE cloakroom_mark_numbers (
    latest INTEGER NOT NULL
) STRICT;
INSERT INTO cloakroom_mark_numbers VALUES (0);
