-- Which version of the schema is there: one row.
CREATE TABLE cloakroom_schema (version integer NOT NULL);
INSERT INTO cloakroom_schema (version) VALUES (0);
