--
-- What a booking's key may be, and when it is equal to a service's: as the
-- unique index of the service's key has it.
--
CREATE SCHEMA keys;
SET search_path = keys, public;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- Makes a pair of tables with keys of these types, guards them, and tries a
-- booking of a service and one of none, a key change and a delete.
CREATE PROCEDURE try(service_type text, booking_type text, key text, other text) LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	message text;
	detail text;
BEGIN
	EXECUTE format('CREATE TABLE service (id %s PRIMARY KEY)', service_type);
	EXECUTE format('CREATE TABLE booking (service_id %s, status text, date timestamptz)', booking_type);
	CREATE INDEX ON booking (service_id);
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id']);
	EXECUTE format('INSERT INTO service VALUES (%L)', key);
	EXECUTE format('INSERT INTO booking VALUES (%L, %L, %L)', key, 'PENDING', '2100-01-01 10:00+00');
	FOREACH statement IN ARRAY ARRAY[
		format('INSERT INTO booking VALUES (%L, %L, %L)', other, 'PENDING', '2100-01-01 10:00+00'),
		format('UPDATE service SET id = %L', other),
		'DELETE FROM service']
	LOOP
		BEGIN
			EXECUTE statement;
			RAISE WARNING 'passed: %', statement;
		EXCEPTION WHEN foreign_key_violation THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
			RAISE NOTICE '% %', message, split_part(detail, ';', 1);
		END;
	END LOOP;
	UPDATE booking SET status = 'CANCELLED';
	DELETE FROM service;
	DROP TABLE service, booking;
END $$;


--
-- Types
--
CALL try('integer', 'integer', '1', '2');
CALL try('bigint', 'integer', '1', '2');
CALL try('smallint', 'bigint', '1', '2');
CALL try('uuid', 'uuid', '0a1b2c3d-0000-4000-8000-000000000001', '0a1b2c3d-0000-4000-8000-000000000002');
CALL try('text', 'text', 'cut', 'shave');
CALL try('text', 'varchar(20)', 'cut', 'shave');
CALL try('varchar(20)', 'text', 'it''s "cut"', 'Cut');
CALL try('char(5)', 'char(8)', 'cut', 'shave');
CALL try('numeric', 'integer', '1', '2');
CALL try('date', 'date', '2100-01-01', '2100-01-02');
CALL try('timestamptz', 'timestamptz', '2100-01-01 10:00+00', '2100-01-01 11:00+00');
CALL try('inet', 'inet', '10.0.0.1', '10.0.0.2');
CALL try('bytea', 'bytea', '\x00ff', '\x00');
CALL try('name', 'name', 'cut', 'shave');
CALL try('name', 'varchar(20)', 'cut', 'shave');
CALL try('text', '"char"', 'c', 's');
CALL try('text[]', 'text[]', '{cut,shave}', '{cut}');
CREATE TYPE kind AS ENUM ('cut', 'shave');
CALL try('kind', 'kind', 'cut', 'shave');
CREATE TYPE place AS (street text, number integer);
CALL try('place', 'place', '(Main,1)', '(Main,2)');
CALL try('int4range', 'int4range', '[1,5]', '[1,6]');
-- domains, on either side or both
CREATE DOMAIN service_id AS integer CHECK (VALUE > 0);
CREATE DOMAIN slug AS text CHECK (VALUE = lower(VALUE));
CREATE DOMAIN kind_of AS kind;
CALL try('service_id', 'integer', '1', '2');
CALL try('integer', 'service_id', '1', '2');
CALL try('service_id', 'service_id', '1', '2');
CALL try('service_id', 'bigint', '1', '2');
CALL try('slug', 'slug', 'cut', 'shave');
CALL try('varchar(20)', 'slug', 'cut', 'shave');
CALL try('kind_of', 'kind_of', 'cut', 'shave');
CALL try('kind', 'kind_of', 'cut', 'shave');
-- equal, but written otherwise
CALL try('numeric', 'numeric', '1.0', '2');
-- of no common equality
CREATE TABLE service (id uuid PRIMARY KEY);
CREATE TABLE booking (service_id text, status text, date timestamptz);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
DROP TABLE service, booking;
CREATE TYPE site AS (street text, number integer);
CREATE TABLE service (id place PRIMARY KEY);
CREATE TABLE booking (service_id site, status text, date timestamptz);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
DROP TABLE service, booking;


--
-- Several columns: a NULL in any points at nothing
--
CREATE TABLE service (tenant text, id integer, name text, PRIMARY KEY (tenant, id));
CREATE TABLE booking (id integer PRIMARY KEY, service_id bigint, tenant text, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (tenant, service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'tenant'], ARRAY['id', 'tenant']);
INSERT INTO service VALUES ('a', 1), ('a', 2), ('b', 1), ('b', 2);
INSERT INTO booking VALUES (1, 1, 'a'), (2, 2, 'b'), (3, NULL, 'a'), (4, 1, NULL);
INSERT INTO booking VALUES (5, 3, 'a');
DELETE FROM service WHERE tenant = 'a' AND id = 1;
UPDATE service SET tenant = 'c' WHERE tenant = 'b' AND id = 2;
UPDATE booking SET tenant = 'c' WHERE id = 1;
UPDATE booking SET tenant = 'b' WHERE id = 1;
UPDATE booking SET tenant = NULL WHERE id = 1;
UPDATE booking SET service_id = 1 WHERE id = 3;
UPDATE booking SET service_id = 7 WHERE id = 4;
DELETE FROM service WHERE tenant = 'a' AND id = 2;
SELECT * FROM safe_delete_service(ARRAY['1', 'b']);
SELECT tenant, id FROM service ORDER BY tenant, id;
-- not the same one twice, nor more than an index can have, nor without one
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'tenant'], ARRAY['id', 'id']);
SELECT booking_guard_protect('service', 'booking', array_fill('id'::text, ARRAY[33]), array_fill('id'::text, ARRAY[33]));
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'tenant'], ARRAY['id', 'name']);
DROP TABLE service, booking;

-- the tenant is part of the key, and of the call
CREATE TABLE service (tenant text, id integer, PRIMARY KEY (tenant, id));
CREATE TABLE booking (id integer PRIMARY KEY, tenant text, service_id integer, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00',
	FOREIGN KEY (tenant, service_id) REFERENCES service ON DELETE SET NULL (service_id));
CREATE INDEX ON booking (tenant, service_id);
SELECT booking_guard_protect('service', 'booking', tenant_column => 'tenant');
INSERT INTO service VALUES ('a', 1), ('b', 1);
INSERT INTO booking VALUES (1, 'a', 1);
DELETE FROM service WHERE id = 1;
SELECT outcome FROM safe_delete_service(1, 'b');
SELECT outcome, message FROM safe_delete_service(1, 'a');
UPDATE booking SET status = 'CANCELLED';
SELECT outcome FROM safe_delete_service(1, 'a');
SELECT * FROM booking;
DROP TABLE service, booking;


--
-- Names: upper case, blanks, quotes, as long as a name can be
--
CREATE SCHEMA "Größe, ""so"" x";
CREATE TABLE "Größe, ""so"" x"."The 'Services'" ("Id %s" integer PRIMARY KEY, "or" text);
CREATE TABLE "Größe, ""so"" x"."select" (
	id integer PRIMARY KEY,
	"service"" Id\" integer,
	"wh$1at" text DEFAULT 'It''s "on"',
	"; DROP TABLE x; --" timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON "Größe, ""so"" x"."select" ("service"" Id\");
SELECT booking_guard_protect('"Größe, ""so"" x"."The ''Services''"', '"Größe, ""so"" x"."select"', ARRAY['service" Id\'],
	tenant_column => 'or', status_column => 'wh$1at', blocking_statuses => ARRAY['It''s "on"'],
	time_column => '; DROP TABLE x; --', label => 'thing %s', booking_label => '"stay" \n');
INSERT INTO "Größe, ""so"" x"."The 'Services'" VALUES (1, 'o''r'), (2, '');
INSERT INTO "Größe, ""so"" x"."select" VALUES (1, 1);
INSERT INTO "Größe, ""so"" x"."select" VALUES (2, 3);
UPDATE "Größe, ""so"" x"."select" SET "service"" Id\" = NULL;
DELETE FROM "Größe, ""so"" x"."The 'Services'" WHERE "Id %s" = 1;
SELECT * FROM booking_guard_blocking_bookings('1', 'o''r');
SELECT * FROM safe_delete_service(1, 'o''r');
SELECT * FROM safe_delete_service(2, '');
DELETE FROM "Größe, ""so"" x"."The 'Services'" WHERE "Id %s" = 1;
TRUNCATE "Größe, ""so"" x"."The 'Services'";
-- a name that is not there may have quotes in it, or around it
SELECT booking_guard_protect('"Größe, ""so"" x"."The ''Services''"', '"Größe, ""so"" x"."select"', ARRAY['"service" Id']);
SELECT booking_guard_protect('"Größe, ""so"" x"."The ''Services''"', '"Größe, ""so"" x"."select"', ARRAY['"wh$1at"']);
-- the call in the hint can be copied from anywhere
SET search_path = "Größe, ""so"" x";
DELETE FROM "The 'Services'" WHERE "Id %s" = 1;
SELECT * FROM public.booking_guard_blocking_bookings('1', 'o''r');
SET search_path = keys, public;
SET client_min_messages = warning;
DROP SCHEMA "Größe, ""so"" x" CASCADE;

SELECT repeat('s', 63) AS s, repeat('b', 63) AS b, repeat('k', 60) AS k, repeat('n', 63) AS n \gset
CREATE SCHEMA :"n";
CREATE TABLE :"n".:"s" (:"k" integer PRIMARY KEY);
CREATE TABLE :"n".:"b" (:"k" integer, status text DEFAULT 'PENDING', date timestamptz);
CREATE INDEX ON :"n".:"b" (:"k");
SELECT booking_guard_protect(format('%I.%I', :'n', :'s'), format('%I.%I', :'n', :'b'), ARRAY[:'k']) AS guard;
INSERT INTO :"n".:"s" VALUES (1);
INSERT INTO :"n".:"b" VALUES (1);
INSERT INTO :"n".:"b" VALUES (2);
DELETE FROM :"n".:"s";
DROP SCHEMA :"n" CASCADE;
RESET client_min_messages;


--
-- A cast of somebody's own: the guard would run it as the table's owner
--
CREATE TYPE ticket AS (number integer);
CREATE FUNCTION ticket_number(ticket) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN ($1).number; END';
CREATE CAST (ticket AS integer) WITH FUNCTION ticket_number AS IMPLICIT;
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (service_id ticket, status text, date timestamptz);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
DROP TABLE service, booking;


--
-- Collations: a booking that the service's index takes for one of it is one,
-- whatever the booking's own column would say
--
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE service (code text COLLATE any_case PRIMARY KEY);
CREATE TABLE booking (id integer PRIMARY KEY, code text, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (code COLLATE any_case);
SELECT booking_guard_protect('service', 'booking', ARRAY['code']);
INSERT INTO service VALUES ('cut'), ('dye');
INSERT INTO booking VALUES (1, 'CUT'), (2, 'Cut');
INSERT INTO booking VALUES (3, 'shave');
DELETE FROM service WHERE code = 'cut';
UPDATE service SET code = 'Cut' WHERE code = 'cut';
UPDATE service SET code = 'kut' WHERE code = 'cut';
UPDATE booking SET code = 'cUT' WHERE id = 1;
SELECT booking_id FROM booking_guard_blocking_bookings('cuT') ORDER BY booking_id;
SELECT outcome, upcoming_bookings FROM safe_delete_service('CUT');
SELECT outcome, upcoming_bookings FROM safe_delete_service('DYE');
DROP TABLE service, booking;

-- the other way round: to the service they are two
CREATE TABLE service (code text PRIMARY KEY);
CREATE TABLE booking (id integer PRIMARY KEY, code text COLLATE any_case, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (code COLLATE "default");
SELECT booking_guard_protect('service', 'booking', ARRAY['code']);
INSERT INTO service VALUES ('cut'), ('CUT');
INSERT INTO booking VALUES (1, 'cut');
INSERT INTO booking VALUES (2, 'Cut');
DELETE FROM service WHERE code = 'CUT' RETURNING *;
DELETE FROM service WHERE code = 'cut';
UPDATE booking SET code = 'CUT' WHERE id = 1;
DROP TABLE service, booking;

-- nor is a foreign key leaned on, which compares as the service's column does
CREATE TABLE service (code text COLLATE any_case NOT NULL);
CREATE UNIQUE INDEX ON service (code COLLATE "C");
CREATE TABLE booking (id integer PRIMARY KEY, code text COLLATE any_case REFERENCES service (code), status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (code COLLATE "C");
SELECT booking_guard_protect('service', 'booking');
INSERT INTO service VALUES ('cut');
INSERT INTO booking VALUES (1, 'cut');
INSERT INTO booking VALUES (2, 'Cut');
-- and a verdict deletes one service, not all that the column takes for equal
INSERT INTO service VALUES ('dye'), ('DYE');
SELECT outcome FROM safe_delete_service('Dye');
SELECT outcome FROM safe_delete_service('dye');
SELECT * FROM service;
DROP TABLE service, booking;

-- a unique index of another collation than its column: it is the one
CREATE TABLE service (code text NOT NULL);
CREATE UNIQUE INDEX service_code ON service (code COLLATE any_case);
CREATE TABLE booking (id integer PRIMARY KEY, code text, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (code COLLATE any_case);
SELECT booking_guard_protect('service', 'booking', ARRAY['code'], ARRAY['code']);
INSERT INTO service VALUES ('cut');
INSERT INTO booking VALUES (1, 'CUT');
DELETE FROM service;
-- a foreign key goes by the column's, so it is not left to look after bookings
UPDATE booking SET code = 'cut';
ALTER TABLE booking ADD FOREIGN KEY (code) REFERENCES service (code);
INSERT INTO booking VALUES (2, 'cut');
DELETE FROM service;
-- a verdict goes by the index's, whether it looks by itself or asks as the caller
BEGIN;
DELETE FROM booking;
CREATE ROLE regress_keys_clerk;
GRANT USAGE ON SCHEMA keys TO regress_keys_clerk;
GRANT SELECT, UPDATE, DELETE ON service TO regress_keys_clerk;
ALTER TABLE service ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON service USING (true);
SAVEPOINT s;
SELECT outcome FROM safe_delete_service('CUT');
ROLLBACK TO s;
SET LOCAL ROLE regress_keys_clerk;
SELECT outcome FROM safe_delete_service('CUT');
SELECT * FROM service;
ROLLBACK;
-- what an index must be
DROP INDEX booking_code_idx;
SELECT problem, fix FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT problem, fix FROM booking_guard_health();
DROP TABLE service, booking;


--
-- The unique index
--
CREATE TABLE service (id integer NOT NULL, code text NOT NULL, active boolean);
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
-- there must be one, over all rows and on these columns as they are, not deferrable
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id']);
CREATE UNIQUE INDEX service_active ON service (id) WHERE active;
CREATE UNIQUE INDEX service_expression ON service ((id + 0));
CREATE UNIQUE INDEX service_two ON service (id, code);
ALTER TABLE service ADD CONSTRAINT service_deferrable UNIQUE (id) DEFERRABLE;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id']);
ALTER TABLE service ADD CONSTRAINT service_id UNIQUE (id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id']);
INSERT INTO service VALUES (1, 'cut'), (2, 'shave');
INSERT INTO booking VALUES (1, 1);

-- without it nothing can be said, and nothing that matters passes
ALTER TABLE service DROP CONSTRAINT service_id;
DELETE FROM service WHERE id = 1;
DELETE FROM service WHERE id = 2;
UPDATE service SET id = 3 WHERE id = 2;
INSERT INTO booking VALUES (2, 2);
UPDATE booking SET status = 'CANCELLED';
TRUNCATE service;
SELECT * FROM safe_delete_service(2);
SELECT guard, severity, problem FROM booking_guard_health();
-- with another one it goes on
CREATE UNIQUE INDEX service_other ON service (id) INCLUDE (code);
INSERT INTO booking VALUES (2, 2);
DELETE FROM service WHERE id = 2;
-- with one more as well
ALTER TABLE service ADD PRIMARY KEY (id);
DROP INDEX service_other;
DELETE FROM service WHERE id = 2;
DROP TABLE service, booking;


--
-- Several guards
--
-- two keys of one booking table, with names of their own, on people
CREATE TABLE staff (id integer PRIMARY KEY, name text);
CREATE TABLE delivery (id integer PRIMARY KEY, staff_id integer, assistant_id integer, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON delivery (staff_id);
CREATE INDEX ON delivery (assistant_id);
SELECT booking_guard_protect('staff', 'delivery', ARRAY['staff_id'], label => 'staff member', booking_label => 'delivery');
SELECT booking_guard_protect('staff', 'delivery', ARRAY['assistant_id'], label => 'assistant', booking_label => 'delivery');
INSERT INTO staff VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Eve');
INSERT INTO delivery VALUES (1, 1, 2), (2, 1, NULL);
DELETE FROM staff WHERE id = 1;
DELETE FROM staff WHERE id = 2;
UPDATE delivery SET assistant_id = 4 WHERE id = 2;
UPDATE delivery SET staff_id = 4 WHERE id = 2;
UPDATE delivery SET assistant_id = NULL WHERE id = 1;
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(2);
SELECT * FROM booking_guard_blocking_bookings(2);
BEGIN;
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(3);
ROLLBACK;

-- two booking tables of one service table, and a booking table of two
CREATE TABLE class (id integer PRIMARY KEY);
CREATE TABLE visit (id integer PRIMARY KEY, class_id integer, staff_id integer, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE TABLE party (id integer PRIMARY KEY, class_id integer, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON visit (class_id);
CREATE INDEX ON visit (staff_id);
CREATE INDEX ON party (class_id);
SELECT booking_guard_protect('class', 'visit', ARRAY['class_id'], label => 'class', booking_label => 'visit');
SELECT booking_guard_protect('class', 'party', ARRAY['class_id'], label => 'class', booking_label => 'party');
SELECT booking_guard_protect('staff', 'visit', ARRAY['staff_id'], label => 'trainer', booking_label => 'visit');
INSERT INTO class VALUES (1), (2), (3);
INSERT INTO visit VALUES (1, 1, 3), (2, 1, 3), (3, 2, NULL);
INSERT INTO party VALUES (1, 1), (2, 3), (3, 3);
DELETE FROM class WHERE id = 1;
DELETE FROM class WHERE id = 2;
DELETE FROM class WHERE id = 3;
DELETE FROM staff WHERE id = 3;
INSERT INTO visit VALUES (4, 1, 4);
INSERT INTO visit VALUES (4, 4, 1);
INSERT INTO party VALUES (4, 4);
UPDATE visit SET class_id = NULL, staff_id = NULL WHERE id = 1;
SELECT booking_table, booking_id FROM booking_guard_blocking_bookings(1, service_table => 'class');
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(3, service_table => 'class');
SELECT booking_table, booking_id FROM booking_guard_blocking_bookings(3, service_table => 'staff');
-- what one guard lets go another may keep
UPDATE visit SET status = 'CANCELLED';
DELETE FROM class WHERE id = 1;
DELETE FROM class WHERE id = 2 RETURNING *;
-- none of them is labelled 'service', so that a call must name one
SELECT * FROM safe_delete_service(1);
SELECT booking_guard_protect('class', 'visit', ARRAY['class_id'], booking_label => 'visit', or_replace => true);
SELECT outcome, message FROM safe_delete_service(1);
TRUNCATE class;
TRUNCATE class, visit;
TRUNCATE class, visit, party;
TRUNCATE staff, delivery, visit;

-- guards on different keys of one service table
CREATE TABLE service (id integer PRIMARY KEY, code text UNIQUE);
CREATE TABLE by_id (id integer PRIMARY KEY, service_id integer, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE TABLE by_code (id integer PRIMARY KEY, code text, status text DEFAULT 'PENDING', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON by_id (service_id);
CREATE INDEX ON by_code (code);
SELECT booking_guard_protect('service', 'by_code', ARRAY['code'], ARRAY['code']);
SELECT booking_guard_protect('service', 'by_id', ARRAY['service_id']);
INSERT INTO service VALUES (1, 'cut'), (2, 'shave'), (3, NULL);
INSERT INTO by_code VALUES (1, 'cut');
INSERT INTO by_id VALUES (1, 2);
DELETE FROM service WHERE id = 1;
DELETE FROM service WHERE id = 2;
UPDATE service SET code = 'kut' WHERE id = 1;
UPDATE service SET code = 'razor' WHERE id = 2;
UPDATE service SET id = 4 WHERE id = 1;
SELECT outcome, message FROM safe_delete_service(4, service_table => 'service');
SELECT * FROM booking_guard_blocking_bookings(4, service_table => 'service');
SELECT outcome, message FROM safe_delete_service(3, service_table => 'service');

SET client_min_messages = warning;
DROP SCHEMA keys CASCADE;
