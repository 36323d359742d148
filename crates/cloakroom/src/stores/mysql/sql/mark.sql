-- Sets a mark, whose moments only move forward, and answers one row: the moments as they are now.
--
-- In one round trip, so that no client that is gone or frozen half way holds the locks of an open transaction.
CREATE PROCEDURE cloakroom_mark (
    IN in_namespace VARBINARY(128),
    IN in_subject VARBINARY(256),
    IN in_begun_before BIGINT,
    IN in_over_at BIGINT,
    IN in_epoch BINARY(8)
)
    MODIFIES SQL DATA
    SQL SECURITY INVOKER
BEGIN
    -- By the clock, so that a replica that takes over without the last marks gives none of their numbers again.
    DECLARE given BIGINT DEFAULT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED);
    DECLARE is_begun_before BIGINT;
    DECLARE is_over_at BIGINT;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;

    -- Whoever marks next waits here until this is committed: numbers can be seen in the order in which they are given.
    INSERT INTO cloakroom_mark_numbers (namespace, latest, epoch) VALUES (in_namespace, given, in_epoch)
    ON DUPLICATE KEY UPDATE latest = GREATEST(latest + 1, given);

    SELECT latest INTO given FROM cloakroom_mark_numbers WHERE namespace = in_namespace FOR UPDATE;

    INSERT INTO cloakroom_marks (namespace, subject, begun_before, over_at, number)
    VALUES (in_namespace, in_subject, in_begun_before, in_over_at, given)
    ON DUPLICATE KEY UPDATE
        begun_before = GREATEST(begun_before, in_begun_before),
        over_at = GREATEST(over_at, in_over_at),
        number = given;

    SELECT begun_before, over_at INTO is_begun_before, is_over_at
    FROM cloakroom_marks
    WHERE namespace = in_namespace AND subject = in_subject
    FOR UPDATE;

    COMMIT;

    SELECT is_begun_before, is_over_at;
END
