-- Version 2: counters, of how often something was tried.

-- What is over comes first in the primary key, and is found by it.
CREATE TABLE cloakroom_counters (
    namespace BLOB NOT NULL,
    until INTEGER NOT NULL,
    counted BLOB NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (namespace, until, counted)
) STRICT, WITHOUT ROWID;
