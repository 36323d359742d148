-- Bytes and signed 64-bit integers only: no collation decides what is equal, and no time zone what is late.
CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    namespace VARBINARY(128) NOT NULL,
    id BINARY(16) NOT NULL,
    revision BIGINT NOT NULL,
    principal VARBINARY(255) NULL,
    created BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    label VARBINARY(255) NULL,
    body MEDIUMBLOB NOT NULL,
    PRIMARY KEY (namespace, id),
    KEY by_principal (namespace, principal),
    KEY by_created (namespace, created),
    KEY by_expiry (namespace, expires)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC
