-- Version 2: counters, of how often something was tried.

-- What is over is found by the primary key, so a count changes no index.
CREATE TABLE cloakroom_counters (
    namespace bytea NOT NULL,
    -- Milliseconds since 1970, by the clock of the application.
    until bigint NOT NULL,
    counted bytea NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (namespace, until, counted)
) WITH (fillfactor = 80);
