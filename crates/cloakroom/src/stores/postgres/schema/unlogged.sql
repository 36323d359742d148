-- Nothing of the sessions goes to the write-ahead log: faster, empty after a crash, and not replicated.
ALTER TABLE cloakroom_sessions SET UNLOGGED;
ALTER TABLE cloakroom_bodies SET UNLOGGED;
