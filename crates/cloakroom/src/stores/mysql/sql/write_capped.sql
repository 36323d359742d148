-- Writes a record of a principal who may have only so many live sessions, and ends their oldest or refuses.
--
-- In one round trip, so that no client that is gone or frozen half way holds the locks of an open transaction.
-- Expects the revision `in_expected`, or no record where that is NULL. Answers one row: what became of it, and the
-- ids that ended, one behind the other.
CREATE PROCEDURE cloakroom_write_capped (
    IN in_namespace VARBINARY(128),
    IN in_id BINARY(16),
    IN in_expected BIGINT,
    IN in_revision BIGINT,
    IN in_principal VARBINARY(255),
    IN in_created BIGINT,
    IN in_last_seen BIGINT,
    IN in_expires BIGINT,
    IN in_label VARBINARY(255),
    IN in_body MEDIUMBLOB,
    IN in_now BIGINT,
    IN in_places BIGINT,
    IN in_end_oldest BOOLEAN
)
    MODIFIES SQL DATA
    SQL SECURITY INVOKER
BEGIN
    DECLARE found_revision BIGINT DEFAULT NULL;
    DECLARE found_principal VARBINARY(255) DEFAULT NULL;
    DECLARE excess BIGINT DEFAULT 0;
    DECLARE oldest BINARY(16);
    DECLARE ended MEDIUMBLOB DEFAULT '';
    DECLARE outcome VARBINARY(16) DEFAULT 'applied';

    DECLARE theirs CURSOR FOR
        SELECT id FROM cloakroom_sessions
        WHERE namespace = in_namespace AND principal = in_principal AND expires > in_now
        ORDER BY created, id
        FOR UPDATE;
    DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;

    -- The turn is written, not only locked: nodes of a cluster that lock for themselves then collide at the commit.
    INSERT INTO cloakroom_turns (slot, turn)
    VALUES (CRC32(CONCAT(in_namespace, '%', in_principal)) & 1023, 1)
    ON DUPLICATE KEY UPDATE turn = turn + 1;

    SELECT revision, principal INTO found_revision, found_principal
    FROM cloakroom_sessions
    WHERE namespace = in_namespace AND id = in_id
    FOR UPDATE;

    IF NOT (found_revision <=> in_expected) THEN
        SET outcome = 'refused';
    ELSEIF NOT (found_principal <=> in_principal) THEN
        SELECT COUNT(*) + 1 - in_places INTO excess
        FROM cloakroom_sessions
        WHERE namespace = in_namespace AND principal = in_principal AND expires > in_now
        FOR UPDATE;
        IF excess > 0 AND NOT in_end_oldest THEN
            SET outcome = 'at cap';
        END IF;
    END IF;

    IF outcome = 'applied' THEN
        IF excess > 0 THEN
            OPEN theirs;
            WHILE excess > 0 DO
                FETCH theirs INTO oldest;
                DELETE FROM cloakroom_sessions WHERE namespace = in_namespace AND id = oldest;
                SET ended = CONCAT(ended, oldest), excess = excess - 1;
            END WHILE;
            CLOSE theirs;
        END IF;
        IF in_expected IS NULL THEN
            INSERT INTO cloakroom_sessions
                (namespace, id, revision, principal, created, last_seen, expires, label, body)
            VALUES
                (in_namespace, in_id, in_revision, in_principal, in_created, in_last_seen, in_expires, in_label,
                 in_body);
        ELSE
            UPDATE cloakroom_sessions
            SET revision = in_revision, principal = in_principal, created = in_created,
                last_seen = in_last_seen, expires = in_expires, label = in_label, body = in_body
            WHERE namespace = in_namespace AND id = in_id;
        END IF;
    END IF;

    COMMIT;
    SELECT outcome, ended;
END
