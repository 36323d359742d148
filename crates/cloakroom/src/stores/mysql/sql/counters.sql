-- How often something was tried. What is over is found by the primary key, so a count changes no index.
CREATE TABLE IF NOT EXISTS cloakroom_counters (
    namespace VARBINARY(128) NOT NULL,
    over_at BIGINT NOT NULL,
    counted BINARY(16) NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (namespace, over_at, counted)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC
