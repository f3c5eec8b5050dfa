--
-- How guards come and go, with their tables and with the extension, and that
-- nothing is ever left behind
--
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE SCHEMA lifecycle;
SET search_path = lifecycle, public;

-- What there is of guards in the catalogs. Dependencies on what is gone would
-- show up as triggers without a name.
CREATE VIEW remains AS
SELECT t.tgrelid::regclass AS "table", t.tgname AS "trigger", c.conname AS "constraint"
FROM pg_trigger t LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint AND c.contype = 't'
WHERE t.tgname ~ '^(BG_|zz_booking_guard)'
UNION ALL
SELECT conrelid::regclass, NULL, conname FROM pg_constraint c
WHERE contype = 't' AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgconstraint = c.oid)
UNION ALL
SELECT NULL, NULL, pg_describe_object(classid, objid, objsubid) FROM pg_depend d
WHERE classid = 'pg_trigger'::regclass AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.oid = objid)
ORDER BY 1, 2;

CREATE TABLE service (id int PRIMARY KEY, name text);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service ON DELETE SET NULL,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service VALUES (1), (2);
INSERT INTO booking VALUES (1, 1, 'CONFIRMED', '2100-01-01');

--
-- protect and unprotect
--
SELECT booking_guard_unprotect('service', 'booking');
SELECT booking_guard_protect('service', 'booking');
SELECT * FROM remains;
DELETE FROM service WHERE id = 1;
SELECT booking_guard_unprotect('service', 'booking');
SELECT * FROM remains;
SELECT booking_guard_unprotect('service', 'booking');
-- By its key, in whatever order
CREATE TABLE room (house int, no int, PRIMARY KEY (house, no));
CREATE TABLE stay (id int PRIMARY KEY, house int, no int, status text, date timestamptz, FOREIGN KEY (house, no) REFERENCES room);
CREATE INDEX ON stay (house, no, date);
SELECT booking_guard_protect('room', 'stay');
SELECT booking_guard_unprotect('room', 'stay', ARRAY['house']);
SELECT booking_guard_unprotect('room', 'stay', ARRAY['no', 'house']);
DROP TABLE stay, room;
-- All or nothing
BEGIN;
SELECT booking_guard_protect('service', 'booking');
ROLLBACK;
SELECT * FROM remains;
SELECT booking_guard_protect('service', 'booking');
BEGIN;
SELECT booking_guard_unprotect('service', 'booking');
DELETE FROM service WHERE id = 1;
ROLLBACK;
DELETE FROM service WHERE id = 1;

--
-- Several guards
--

-- Two booking tables, one of them with two keys; and a booking guarded for
-- both its service and its staff
CREATE TABLE staff (id int PRIMARY KEY);
ALTER TABLE booking ADD staff_id int REFERENCES staff;
CREATE TABLE class (
	id int PRIMARY KEY,
	service_id int REFERENCES service,
	substitute_id int REFERENCES service,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (staff_id);
CREATE INDEX ON class (service_id);
CREATE INDEX ON class (substitute_id);
INSERT INTO service SELECT generate_series(3, 5);
INSERT INTO staff VALUES (1), (2);
INSERT INTO class VALUES (1, 3, 4, 'PENDING', '2100-01-01');
UPDATE booking SET staff_id = 1;
SELECT booking_guard_protect('service', 'class', ARRAY['service_id'], booking_label => 'class');
SELECT booking_guard_protect('service', 'class', ARRAY['substitute_id'], booking_label => 'substitute class');
SELECT booking_guard_protect('staff', 'booking', label => 'member of staff');
SELECT * FROM remains;
DELETE FROM service WHERE id = 1;
DELETE FROM staff WHERE id = 1;
DELETE FROM service WHERE id = 3;
DELETE FROM service WHERE id = 4;
UPDATE booking SET service_id = 99;
UPDATE booking SET staff_id = 99;
-- One guard less leaves the others, and what they share.
SELECT booking_guard_unprotect('service', 'class', ARRAY['service_id']);
SELECT * FROM remains;
DELETE FROM service WHERE id = 3;	-- the foreign key refuses that, it is no guard
DELETE FROM service WHERE id = 4;
SELECT booking_guard_unprotect('service', 'booking');
SELECT booking_guard_unprotect('service', 'class');
SELECT booking_guard_unprotect('staff', 'booking');
SELECT * FROM remains;

--
-- Tables go, and take their guards with them
--

-- The booking table
SELECT booking_guard_protect('service', 'class', ARRAY['service_id']);
SELECT booking_guard_protect('service', 'class', ARRAY['substitute_id']);
DROP TABLE class;
SELECT * FROM remains;
DELETE FROM service WHERE id = 3;
-- The service table, which leaves the booking table's other guard
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_protect('staff', 'booking');
DROP TABLE staff CASCADE;
SELECT * FROM remains;
INSERT INTO booking VALUES (2, 2, 'CONFIRMED', '2100-01-01');
DELETE FROM service WHERE id = 2;
-- Whoever owns the one table may drop it, though the other has triggers that go too.
CREATE ROLE regress_lifecycle;
GRANT USAGE ON SCHEMA lifecycle TO regress_lifecycle;
ALTER TABLE booking OWNER TO regress_lifecycle;
SET ROLE regress_lifecycle;
DROP TABLE booking;
RESET ROLE;
REVOKE USAGE ON SCHEMA lifecycle FROM regress_lifecycle;
DROP ROLE regress_lifecycle;
SELECT * FROM remains;
-- Made again, the tables have no guard until there is a new one.
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service ON DELETE SET NULL,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id, date);
INSERT INTO booking VALUES (1, 1, 'CONFIRMED', '2100-01-01');
SELECT booking_guard_protect('service', 'booking');
DELETE FROM service WHERE id = 1;
-- Undone
BEGIN;
DROP TABLE booking;
SELECT * FROM remains;
ROLLBACK;
SELECT * FROM remains;
DELETE FROM service WHERE id = 1;
-- By hand, one after the other
DROP TRIGGER "BG_booking_service_id" ON service;
SELECT * FROM remains;
DROP TRIGGER "BG_booking_service_id" ON booking;
SELECT * FROM remains;
-- By a trigger of the application, while ours are still to fire for the same
-- statement: there is no guard any more, so that they let everything pass.
SELECT booking_guard_protect('service', 'booking');
CREATE FUNCTION unprotects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking_guard_unprotect('service', 'booking');
	RETURN NULL;
END $$;
CREATE TRIGGER "AA" AFTER INSERT ON booking FOR EACH ROW EXECUTE FUNCTION unprotects();
CREATE TRIGGER "AA" AFTER DELETE ON service FOR EACH ROW EXECUTE FUNCTION unprotects();
BEGIN;
INSERT INTO booking VALUES (2, 1, 'CONFIRMED', '2100-01-01');
SELECT * FROM remains;
ROLLBACK;
BEGIN;
INSERT INTO service VALUES (9);
DELETE FROM service WHERE id = 9;
SELECT * FROM remains;
ROLLBACK;
SELECT * FROM remains;
DROP TRIGGER "AA" ON booking;
DROP TRIGGER "AA" ON service;
DROP FUNCTION unprotects;
SELECT booking_guard_unprotect('service', 'booking');
-- Where no event trigger fires, what the guards shared is left, and does no harm.
SELECT booking_guard_protect('service', 'booking');
BEGIN;
SET LOCAL session_replication_role = replica;
DROP TRIGGER "BG_booking_service_id" ON service;
DROP TRIGGER "BG_booking_service_id" ON booking;
COMMIT;
SELECT * FROM remains;
BEGIN;
DELETE FROM service WHERE id = 1;
TRUNCATE service, booking;
ROLLBACK;
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_unprotect('service', 'booking');
SELECT * FROM remains;
-- Both, and their schema
CREATE SCHEMA lifecycle_2
	CREATE TABLE service (id int PRIMARY KEY)
	CREATE TABLE booking (id int PRIMARY KEY, service_id int REFERENCES service, status text, date timestamptz);
SELECT booking_guard_protect('lifecycle_2.service', 'lifecycle_2.booking');
SELECT * FROM remains;
\set VERBOSITY terse
DROP SCHEMA lifecycle_2 CASCADE;
\set VERBOSITY default
SELECT * FROM remains;

-- The foreign key may go: the guard does not need it.
SELECT booking_guard_protect('service', 'booking');
ALTER TABLE booking DROP CONSTRAINT booking_service_id_fkey;
DELETE FROM service WHERE id = 1;
INSERT INTO booking VALUES (3, 99, 'CONFIRMED', '2100-01-01');
-- And come back
ALTER TABLE booking ADD FOREIGN KEY (service_id) REFERENCES service ON DELETE CASCADE;
DELETE FROM service WHERE id = 1;
INSERT INTO booking VALUES (3, 99, 'CONFIRMED', '2100-01-01');

-- What a session has looked up about a guard it looks up again when it is told to forget all of a catalog, or all tables.
VACUUM FULL pg_enum;
DELETE FROM service WHERE id = 1;
BEGIN;
SET LOCAL client_min_messages = error;
CREATE PUBLICATION lifecycle FOR ALL TABLES;
DELETE FROM service WHERE id = 1;
ROLLBACK;

--
-- A guard's definition makes the same guard on a copy of the tables
--
CREATE TABLE "Room ""1""" ("Id" int, "Hotel, Id" int, tenant text, PRIMARY KEY ("Id", "Hotel, Id"));
CREATE TABLE "Stay's" (
	"Room Id" int, "Hotel\Id" int, "St=at" text, gone timestamptz, "From" tstzrange
);
SELECT booking_guard_protect('"Room ""1"""', '"Stay''s"', ARRAY['Hotel\Id', 'Room Id'], ARRAY['Hotel, Id', 'Id'], 'tenant',
	'St=at', free_statuses => ARRAY['it''s off', '"no"', 'a, b', '', ' x ', 'back\slash', 'ünïcode', '=', E'\n'],
	inactive_column => 'gone', time_column => 'From', time_zone => 'Europe/Berlin',
	label => 'room "with" a view', booking_label => 'guest''s stay', keep_attached => false);
SELECT booking_guard_protect('service', 'booking', status_column => NULL, time_column => NULL, or_replace => true);
SELECT definition FROM booking_guards;
-- The rows of the view are those of the call.
\x
SELECT * FROM booking_guards;
\x
CREATE SCHEMA lifecycle_copy;
CREATE TABLE lifecycle_copy.service (LIKE service INCLUDING ALL);
CREATE TABLE lifecycle_copy.booking (LIKE booking INCLUDING ALL);
CREATE TABLE lifecycle_copy."Room ""1""" (LIKE "Room ""1""" INCLUDING ALL);
CREATE TABLE lifecycle_copy."Stay's" (LIKE "Stay's" INCLUDING ALL);
SELECT replace(definition, '''lifecycle.', '''lifecycle_copy.') AS copy FROM booking_guards WHERE service_table ~ 'Room' \gset
:copy
SELECT replace(definition, '''lifecycle.', '''lifecycle_copy.') AS copy FROM booking_guards WHERE service_table = 'lifecycle.service' \gset
:copy
SELECT a.tgrelid::regclass, b.tgrelid::regclass, a.tgname, b.tgname = a.tgname AS same_name,
	b.tgargs = a.tgargs AS same_arguments, b.tgfoid = a.tgfoid AND b.tgtype = a.tgtype AS same_kind
FROM pg_trigger a JOIN pg_class ac ON ac.oid = a.tgrelid
LEFT JOIN (pg_trigger b JOIN pg_class bc ON bc.oid = b.tgrelid AND bc.relnamespace = 'lifecycle_copy'::regnamespace)
	ON bc.relname = ac.relname AND b.tgname = a.tgname
WHERE ac.relnamespace = 'lifecycle'::regnamespace AND NOT a.tgisinternal
ORDER BY 1, 3;
-- Said again, it changes nothing.
SELECT definition FROM booking_guards WHERE service_table ~ 'copy' \gexec
\set VERBOSITY terse
DROP SCHEMA lifecycle_copy CASCADE;
\set VERBOSITY default
DROP TABLE "Stay's";
SELECT * FROM remains;
DROP TABLE "Room ""1""";
SELECT booking_guard_protect('service', 'booking', or_replace => true);

--
-- The extension may move to another schema
--
CREATE SCHEMA lifecycle_extension;
ALTER EXTENSION booking_guard SET SCHEMA lifecycle_extension;
-- Its functions are called by their schema then, by messages too.
DELETE FROM service WHERE id = 1;
SELECT * FROM lifecycle_extension.booking_guard_blocking_bookings('1');
SELECT outcome FROM lifecycle_extension.safe_delete_service(1);
UPDATE booking SET service_id = NULL;
SELECT definition FROM lifecycle_extension.booking_guards;
SELECT * FROM lifecycle_extension.booking_guard_health();
CREATE TABLE visit (id int PRIMARY KEY, service_id int REFERENCES service, status text, date timestamptz);
CREATE INDEX ON visit (service_id);
SELECT lifecycle_extension.booking_guard_protect('service', 'visit');
DROP TABLE visit;
SELECT * FROM remains;
DROP TRIGGER "BG_booking_service_id" ON service;
INSERT INTO booking VALUES (4, 1, 'CONFIRMED', '2100-01-01');
SELECT lifecycle_extension.booking_guard_unprotect('service', 'booking');
SELECT lifecycle_extension.booking_guard_protect('service', 'booking');
ALTER EXTENSION booking_guard SET SCHEMA public;
DELETE FROM service WHERE id = 1;
SELECT definition FROM booking_guards;
DROP SCHEMA lifecycle_extension;

--
-- The extension is not dropped while there are guards
--
DROP EXTENSION booking_guard;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP FUNCTION booking_guard_booking();
\echo SQLSTATE :LAST_ERROR_SQLSTATE
BEGIN;
DROP EXTENSION booking_guard CASCADE;
SELECT * FROM remains;
SELECT count(*) FROM pg_event_trigger WHERE evtname ~ 'booking_guard';
-- Now only the foreign key speaks.
DELETE FROM service WHERE id = 1;
SELECT * FROM booking;
ROLLBACK;
DELETE FROM service WHERE id = 1;
-- With no guard it goes, and comes again.
SELECT booking_guard_unprotect('service', 'booking');
DROP EXTENSION booking_guard;
SELECT proname FROM pg_proc WHERE proname ~ 'booking_guard|safe_delete';
CREATE EXTENSION booking_guard SCHEMA public;
SELECT booking_guard_protect('service', 'booking');
DELETE FROM service WHERE id = 1;
-- In one session, after CASCADE
\set VERBOSITY terse
DROP EXTENSION booking_guard CASCADE;
SELECT * FROM remains;
CREATE EXTENSION booking_guard SCHEMA public;
DELETE FROM service WHERE id = 2;
SELECT booking_guard_protect('service', 'booking');
DELETE FROM service WHERE id = 1;

DROP SCHEMA lifecycle CASCADE;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)';
