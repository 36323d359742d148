-- The latest number of each namespace, and which of its histories it belongs to.
CREATE TABLE IF NOT EXISTS cloakroom_mark_numbers (
    namespace VARBINARY(128) NOT NULL PRIMARY KEY,
    latest BIGINT NOT NULL,
    epoch BINARY(8) NOT NULL
) ENGINE = InnoDB
