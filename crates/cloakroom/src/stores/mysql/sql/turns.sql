-- Sign-ins that count against a cap take turns, one row for many principals: there are never more than 1024 rows.
CREATE TABLE IF NOT EXISTS cloakroom_turns (
    slot SMALLINT NOT NULL PRIMARY KEY,
    turn BIGINT NOT NULL
) ENGINE = InnoDB
