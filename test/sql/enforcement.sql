--
-- A guard that only warns, and the setting that overrides guards
--
CREATE SCHEMA enforcement;
SET search_path = enforcement, public;
SET timezone = 'UTC';
-- the log says who
CREATE ROLE regress_enforcer SUPERUSER;
SET SESSION AUTHORIZATION regress_enforcer;
CREATE TABLE service (id integer PRIMARY KEY, name text, deleted_at timestamptz);
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
INSERT INTO service SELECT n FROM generate_series(1, 9) n;
-- two that break the promise already
INSERT INTO booking (id, service_id) VALUES (1, 1), (2, 1), (3, 3), (90, 90), (91, 91);
UPDATE booking SET status = 'PENDING' WHERE id = 2;

--
-- mode => 'warn'
--
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at', mode => 'warn');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at', mode => 'warn', validate => false);
SELECT mode, definition FROM booking_guards;
-- the sentences that would be errors, each once, and it goes on
DELETE FROM service WHERE id = 1 RETURNING id;
DELETE FROM service WHERE id = 2 RETURNING id;
INSERT INTO booking VALUES (4, 2) RETURNING id;
UPDATE booking SET service_id = NULL WHERE id = 3 RETURNING id;
UPDATE service SET deleted_at = now() WHERE id = 3 RETURNING id;
UPDATE booking SET service_id = 3 WHERE id = 3 RETURNING id;
INSERT INTO booking VALUES (5, 4), (6, 5), (7, 6);
UPDATE service SET deleted_at = now() WHERE id = 4;
UPDATE service SET id = 44 WHERE id = 5;
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(6);
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(7);
BEGIN;
TRUNCATE service;
SELECT count(*) FROM service;
ROLLBACK;
BEGIN;
ALTER TABLE booking DROP COLUMN status;
DELETE FROM service WHERE id = 8;
ROLLBACK;
BEGIN;
ALTER TABLE booking ALTER service_id TYPE text;
DELETE FROM service WHERE id = 8;
ROLLBACK;
-- one that cannot be understood lets pass as well
ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
ALTER TABLE service RENAME id TO number;
DELETE FROM service WHERE number = 8;
INSERT INTO booking VALUES (8, 99);
ALTER TABLE service RENAME number TO id;
ALTER EVENT TRIGGER booking_guard_ddl_end ENABLE;
-- the setting that overrides guards has nothing to override, and so nothing to log
SET client_min_messages = log;
BEGIN;
SET LOCAL booking_guard.enforcement = warn;
DELETE FROM service WHERE id = 4 RETURNING id;
SET LOCAL booking_guard.enforcement = off;
INSERT INTO booking VALUES (9, 4) RETURNING id;
ROLLBACK;
RESET client_min_messages;
-- in earnest: what it warned of is named, and in the way
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at', or_replace => true);
DELETE FROM booking;
INSERT INTO booking VALUES (1, 9, 'CONFIRMED'), (2, 9, 'PENDING');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at', or_replace => true);
SELECT mode FROM booking_guards;
DELETE FROM service WHERE id = 9;
-- no such mode
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], mode => 'off', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], mode => NULL, or_replace => true);

--
-- booking_guard.enforcement: for this session, what the guards say otherwise
--
SHOW booking_guard.enforcement;
SET client_min_messages = log;
BEGIN;
SET LOCAL booking_guard.enforcement = warn;
DELETE FROM service WHERE id = 9;
INSERT INTO booking VALUES (3, 99);
ROLLBACK;
BEGIN;
SET LOCAL booking_guard.enforcement = off;
DELETE FROM service WHERE id = 9 RETURNING id;
INSERT INTO booking VALUES (3, 99) RETURNING id;
UPDATE booking SET service_id = NULL WHERE id = 1;
-- nothing to say where nothing is overridden
DELETE FROM service WHERE id = 8;
INSERT INTO service VALUES (9);
INSERT INTO booking VALUES (4, 9, 'PENDING', NULL);
UPDATE service SET deleted_at = now() WHERE id = 9;
UPDATE service SET deleted_at = NULL WHERE id = 9;
UPDATE service SET id = 10 WHERE id = 9;
TRUNCATE service;
ALTER TABLE booking DROP COLUMN status;
INSERT INTO booking VALUES (5, 99);
TRUNCATE booking;
ROLLBACK;
BEGIN;
SET LOCAL booking_guard.enforcement = off;
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(9);
ROLLBACK;
-- what would fail closed: without its unique index, or too late
INSERT INTO service VALUES (8);
BEGIN;
ALTER TABLE service DROP CONSTRAINT service_pkey;
SAVEPOINT s;
DELETE FROM service WHERE id = 8;
ROLLBACK TO s;
SET LOCAL booking_guard.enforcement = off;
DELETE FROM service WHERE id = 8 RETURNING id;
INSERT INTO booking VALUES (6, 9) RETURNING id;
-- a verdict needs to know what the id is of
SELECT outcome FROM safe_delete_service(9);
ROLLBACK;
BEGIN;
ALTER TRIGGER "BG_booking_service_id" ON service RENAME TO "zz_late";
ALTER TRIGGER "BG_booking_service_id" ON booking RENAME TO "zz_late";
SAVEPOINT s;
DELETE FROM service WHERE id = 9;
ROLLBACK TO s;
SET LOCAL booking_guard.enforcement = warn;
DELETE FROM service WHERE id = 9;
ROLLBACK TO s;
SET LOCAL booking_guard.enforcement = off;
DELETE FROM service WHERE id = 9 RETURNING id;
ROLLBACK;
-- changes of a table that leave bookings without a service, or the guard without its columns
BEGIN;
SET LOCAL booking_guard.enforcement = warn;
ALTER TABLE booking ALTER service_id TYPE integer USING service_id + 100;
ALTER TABLE booking ALTER service_id TYPE text;
ROLLBACK;
BEGIN;
SET LOCAL booking_guard.enforcement = off;
ALTER TABLE booking ALTER service_id TYPE integer USING service_id + 100;
ALTER TABLE booking ALTER service_id TYPE text;
ROLLBACK;
-- a trigger that does not say FROM which table
CREATE TRIGGER "BG_x" AFTER INSERT OR UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION booking_guard_booking();
INSERT INTO booking VALUES (7, 9);
BEGIN;
SET LOCAL booking_guard.enforcement = off;
INSERT INTO booking VALUES (7, 9);
ROLLBACK;
DROP TRIGGER "BG_x" ON booking;
CREATE TRIGGER "BG_x" AFTER DELETE ON service FOR EACH ROW EXECUTE FUNCTION booking_guard_service();
DELETE FROM service WHERE id = 8;
BEGIN;
SET LOCAL booking_guard.enforcement = warn;
DELETE FROM service WHERE id = 8 RETURNING id;
ROLLBACK;
DROP TRIGGER "BG_x" ON service;
-- a log line is one line, whatever is in it
RESET client_min_messages;
DELETE FROM booking;
SELECT booking_guard_unprotect('service', 'booking');
ALTER TABLE service ALTER id TYPE text;
ALTER TABLE booking ALTER service_id TYPE text;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], label => 'room');
INSERT INTO service VALUES (E'a "b"\\\n\tc');
INSERT INTO booking SELECT 1, id FROM service WHERE id ^@ 'a';
BEGIN;
SET LOCAL client_min_messages = log;
SET LOCAL booking_guard.enforcement = off;
DELETE FROM service WHERE id ^@ 'a';
INSERT INTO service VALUES (E'd\re');
INSERT INTO booking SELECT 2, id FROM service WHERE id ^@ 'd';
DELETE FROM service WHERE id ^@ 'd';
ROLLBACK;

-- what is no override is for the server's log alone, whatever the client wants
SET client_min_messages = log;
SET booking_guard.log_blocked = on;
DELETE FROM service WHERE id ^@ 'a';
RESET booking_guard.log_blocked;
RESET client_min_messages;

--
-- Who may: superusers, and who was granted it
--
CREATE ROLE regress_enforcement;
GRANT USAGE ON SCHEMA enforcement TO regress_enforcement;
GRANT ALL ON ALL TABLES IN SCHEMA enforcement TO regress_enforcement;
SET ROLE regress_enforcement;
SET booking_guard.enforcement = off;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SET booking_guard.log_blocked = on;
SET booking_guard.unheard_of = on;
DELETE FROM service WHERE id ^@ 'a';
RESET ROLE;
GRANT SET ON PARAMETER booking_guard.enforcement TO regress_enforcement;
SET client_min_messages = log;
SET ROLE regress_enforcement;
BEGIN;
SET LOCAL booking_guard.enforcement = off;
DELETE FROM service WHERE id ^@ 'a';
ROLLBACK;
DELETE FROM service WHERE id ^@ 'a';
RESET ROLE;
-- what was let pass early is judged when all is done, by how it is then
CREATE FUNCTION enforce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SET booking_guard.enforcement = on;
	RETURN OLD;
END $$;
BEGIN;
CREATE TRIGGER zzz_enforce BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION enforce();
SET LOCAL booking_guard.enforcement = off;
DELETE FROM service WHERE id ^@ 'a';
ROLLBACK;
RESET client_min_messages;
REVOKE SET ON PARAMETER booking_guard.enforcement FROM regress_enforcement;
-- Before the library is loaded nobody knows who may. It does not help.
\c -
SET search_path = enforcement, public;
SET ROLE regress_enforcement;
SET booking_guard.enforcement = off;
DELETE FROM service WHERE id ^@ 'a';
SHOW booking_guard.enforcement;
RESET ROLE;

\set VERBOSITY terse
DROP SCHEMA enforcement CASCADE;
DROP ROLE regress_enforcement, regress_enforcer;
