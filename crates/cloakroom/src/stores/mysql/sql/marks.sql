-- What ends sessions that no store keeps. A subject begins with one of s, p and e, and then the id of a session or a
-- principal. The number is that of the last change: what readers go on from.
CREATE TABLE IF NOT EXISTS cloakroom_marks (
    namespace VARBINARY(128) NOT NULL,
    subject VARBINARY(256) NOT NULL,
    begun_before BIGINT NOT NULL,
    over_at BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (namespace, subject),
    UNIQUE KEY by_number (namespace, number),
    KEY by_end (namespace, over_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC
