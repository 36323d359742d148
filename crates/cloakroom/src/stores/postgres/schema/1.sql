-- Version 1: the sessions, their bodies, and what must be decided in several steps.

-- What is looked for and what moves with every touch: narrow, because PostgreSQL writes a row anew to change it.
CREATE TABLE cloakroom_sessions (
    namespace bytea NOT NULL,
    id bytea NOT NULL,
    revision bigint NOT NULL,
    principal bytea,
    -- Milliseconds since 1970, by the clock of the application.
    created bigint NOT NULL,
    last_seen bigint NOT NULL,
    expires bigint NOT NULL,
    -- Bytes, because a text cannot hold every character.
    label bytea,
    PRIMARY KEY (namespace, id)
);
CREATE INDEX cloakroom_sessions_principal ON cloakroom_sessions (namespace, principal, id)
    WHERE principal IS NOT NULL;
CREATE INDEX cloakroom_sessions_expires ON cloakroom_sessions (namespace, expires);

-- The sealed data. A row here is only changed by who has locked its row above.
CREATE TABLE cloakroom_bodies (
    namespace bytea NOT NULL,
    id bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (namespace, id)
);
-- What is encrypted cannot be compressed.
ALTER TABLE cloakroom_bodies ALTER COLUMN body SET STORAGE EXTERNAL;

-- One after the other for each principal: what a snapshot cannot show is who else is about to sign in.
CREATE FUNCTION cloakroom_one_at_a_time(of_namespace bytea, of_principal bytea) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(
        'cloakroom principal ' || encode(of_namespace, 'hex') || ' ' || encode(of_principal, 'hex'), 0));
$$;

-- Ends these sessions, which the caller has locked.
CREATE FUNCTION cloakroom_end(of_namespace bytea, these bytea[]) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM cloakroom_sessions WHERE namespace = of_namespace AND id = ANY (these);
    DELETE FROM cloakroom_bodies WHERE namespace = of_namespace AND id = ANY (these);
$$;

-- Writes a session of a principal who may have `places` live ones. `expected` is NULL where nothing may be there.
CREATE FUNCTION cloakroom_write_capped(
    of_namespace bytea, of_id bytea, expected bigint, new_revision bigint, new_principal bytea,
    new_created bigint, new_last_seen bigint, new_expires bigint, new_label bytea, new_body bytea,
    places bigint, ends_oldest boolean, moment bigint,
    OUT outcome text, OUT ended bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    seen record;
    excess bigint := 0;
BEGIN
    ended := '{}';
    PERFORM cloakroom_one_at_a_time(of_namespace, new_principal);
    -- Whoever locks several sessions does it in the order of their ids, so that nobody waits in a circle. What the
    -- statements after this one see includes everything that was waited for.
    PERFORM 1 FROM cloakroom_sessions
        WHERE namespace = of_namespace AND (id = of_id OR principal = new_principal) ORDER BY id FOR UPDATE;
    SELECT revision, principal INTO seen FROM cloakroom_sessions WHERE namespace = of_namespace AND id = of_id;
    IF FOUND <> (expected IS NOT NULL) OR seen.revision IS DISTINCT FROM expected THEN
        outcome := 'refused';
        RETURN;
    END IF;
    IF seen.principal IS DISTINCT FROM new_principal THEN
        SELECT 1 + count(*) - places INTO excess FROM cloakroom_sessions
            WHERE namespace = of_namespace AND principal = new_principal AND expires > moment AND id <> of_id;
        IF excess > 0 AND NOT ends_oldest THEN
            outcome := 'at cap';
            RETURN;
        END IF;
    END IF;
    IF expected IS NULL THEN
        INSERT INTO cloakroom_sessions (namespace, id, revision, principal, created, last_seen, expires, label)
            VALUES (of_namespace, of_id, new_revision, new_principal, new_created, new_last_seen, new_expires,
                    new_label)
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'refused';
            RETURN;
        END IF;
        INSERT INTO cloakroom_bodies (namespace, id, body) VALUES (of_namespace, of_id, new_body);
    ELSE
        UPDATE cloakroom_sessions
            SET revision = new_revision, principal = new_principal, created = new_created,
                last_seen = new_last_seen, expires = new_expires, label = new_label
            WHERE namespace = of_namespace AND id = of_id;
        UPDATE cloakroom_bodies SET body = new_body WHERE namespace = of_namespace AND id = of_id;
    END IF;
    IF excess > 0 THEN
        ended := ARRAY (
            SELECT id FROM cloakroom_sessions
                WHERE namespace = of_namespace AND principal = new_principal AND expires > moment AND id <> of_id
                ORDER BY created, id LIMIT excess FOR UPDATE);
        PERFORM cloakroom_end(of_namespace, ended);
    END IF;
    outcome := 'applied';
END
$$;

-- Ends one session if it is still the owner's, who may be nobody.
CREATE FUNCTION cloakroom_delete(of_namespace bytea, of_id bytea, anybodys boolean, owner bytea) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM cloakroom_sessions
        WHERE namespace = of_namespace AND id = of_id AND (anybodys OR principal IS NOT DISTINCT FROM owner);
    IF FOUND THEN
        DELETE FROM cloakroom_bodies WHERE namespace = of_namespace AND id = of_id;
        RETURN 'ended';
    ELSIF EXISTS (SELECT FROM cloakroom_sessions WHERE namespace = of_namespace AND id = of_id) THEN
        RETURN 'not owner';
    END IF;
    RETURN 'missing';
END
$$;

-- Ends at most so many sessions of a principal, all where `at_most` is NULL, and answers how many.
CREATE FUNCTION cloakroom_revoke(of_namespace bytea, of_principal bytea, keep bytea, at_most bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    these bytea[];
BEGIN
    PERFORM cloakroom_one_at_a_time(of_namespace, of_principal);
    these := ARRAY (
        SELECT id FROM cloakroom_sessions
            WHERE namespace = of_namespace AND principal = of_principal AND id IS DISTINCT FROM keep
            ORDER BY id LIMIT at_most FOR UPDATE);
    PERFORM cloakroom_end(of_namespace, these);
    RETURN cardinality(these);
END
$$;

-- Looks at so many sessions after one, whoever's they are, and ends those that began before a moment. Answers how many
-- ended, and the last that it looked at: NULL where there are no more.
CREATE FUNCTION cloakroom_revoke_everyone(
    of_namespace bytea, begun_before bigint, after bytea, looks_at bigint, OUT ended bigint, OUT last bytea)
LANGUAGE plpgsql AS $$
DECLARE
    these bytea[];
BEGIN
    these := ARRAY (
        SELECT id FROM cloakroom_sessions
            WHERE namespace = of_namespace AND id > coalesce(after, '') ORDER BY id LIMIT looks_at);
    IF cardinality(these) = looks_at THEN
        last := these[looks_at];
    END IF;
    these := ARRAY (
        SELECT id FROM cloakroom_sessions
            WHERE namespace = of_namespace AND id = ANY (these) AND created < begun_before ORDER BY id FOR UPDATE);
    PERFORM cloakroom_end(of_namespace, these);
    ended := cardinality(these);
END
$$;

-- Marks: what ends sessions that no store keeps. They are in the write-ahead log also where sessions are not.
CREATE TABLE cloakroom_marks (
    namespace bytea NOT NULL,
    -- Whom it is about: one of s, p and e, and then the id of a session or a principal.
    subject bytea NOT NULL,
    begun_before bigint NOT NULL,
    until bigint NOT NULL,
    -- That of its last change: what readers go on from.
    number bigint NOT NULL,
    PRIMARY KEY (namespace, subject)
);
CREATE UNIQUE INDEX cloakroom_marks_number ON cloakroom_marks (namespace, number);
CREATE INDEX cloakroom_marks_until ON cloakroom_marks (namespace, until);

-- The latest number of each namespace, and which of its histories it belongs to.
CREATE TABLE cloakroom_mark_numbers (
    namespace bytea PRIMARY KEY,
    latest bigint NOT NULL,
    epoch bytea NOT NULL
);

-- Sets a mark, whose moments only move forward, and answers them as they are now.
CREATE FUNCTION cloakroom_mark(
    of_namespace bytea, of_subject bytea, new_begun_before bigint, new_until bigint, new_epoch bytea,
    OUT is_begun_before bigint, OUT is_until bigint)
LANGUAGE plpgsql AS $$
DECLARE
    -- By the clock, so that a standby that takes over without the last marks gives none of their numbers again.
    moment bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    -- Whoever marks next waits here until this is committed: numbers can be seen in the order in which they are given.
    INSERT INTO cloakroom_mark_numbers AS n VALUES (of_namespace, moment, new_epoch)
        ON CONFLICT (namespace) DO UPDATE SET latest = greatest(n.latest + 1, moment)
        RETURNING latest INTO moment;
    INSERT INTO cloakroom_marks AS m VALUES (of_namespace, of_subject, new_begun_before, new_until, moment)
        ON CONFLICT (namespace, subject) DO UPDATE
            SET begun_before = greatest(m.begun_before, new_begun_before), until = greatest(m.until, new_until),
                number = moment
        RETURNING begun_before, until INTO is_begun_before, is_until;
END
$$;
