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
