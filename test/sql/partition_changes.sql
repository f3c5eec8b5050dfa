--
-- Partitions come and go: none with services that upcoming bookings need goes,
-- none with bookings that have no service comes, and nothing is left behind.
--
CREATE SCHEMA partition_changes;
SET search_path = partition_changes, public;
SET timezone = 'UTC';
CREATE VIEW remains AS
	SELECT tgrelid::regclass AS "table", tgname AS "trigger", tgparentid <> 0 AS clone
	FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)' ORDER BY tgrelid::regclass::text COLLATE "C", 2;

-- By list, with a second level; the bookings by range
CREATE TABLE service (id integer, city text, PRIMARY KEY (id, city)) PARTITION BY LIST (city);
CREATE TABLE service_berlin PARTITION OF service FOR VALUES IN ('Berlin');
CREATE TABLE service_wien (city text NOT NULL, dropped text, id integer NOT NULL) PARTITION BY HASH (id);
ALTER TABLE service_wien DROP dropped;
CREATE TABLE service_wien_0 PARTITION OF service_wien FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE service_wien_1 PARTITION OF service_wien FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE service ATTACH PARTITION service_wien FOR VALUES IN ('Wien');
CREATE TABLE booking (id integer, service_id integer, city text, status text DEFAULT 'CONFIRMED', date timestamptz) PARTITION BY RANGE (date);
CREATE TABLE booking_2099 PARTITION OF booking FOR VALUES FROM ('2099-01-01') TO ('2100-01-01');
CREATE TABLE booking_2100 PARTITION OF booking FOR VALUES FROM ('2100-01-01') TO ('2101-01-01');
CREATE INDEX ON booking (service_id, city);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'city']);
-- TRUNCATE of one partition fires its own triggers only, so each has one
SELECT * FROM remains;
INSERT INTO service SELECT n, city FROM generate_series(1, 8) n, unnest(ARRAY['Berlin', 'Wien']) city;
INSERT INTO booking VALUES (1, 1, 'Wien', 'CONFIRMED', '2099-02-01'), (2, 2, 'Wien', 'PENDING', '2100-02-01'), (3, 3, 'Berlin', 'CANCELLED', '2100-02-01');

--
-- Service partitions that go
--
TRUNCATE service_wien;
TRUNCATE service_wien_0, service_wien_1;
DROP TABLE service_wien;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE service DETACH PARTITION service_wien;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE service DETACH PARTITION service_wien CONCURRENTLY;
-- what is none of it
ALTER TABLE service DETACH PARTITION booking_2099 CONCURRENTLY;
ALTER TABLE service DETACH PARTITION service_nowhere CONCURRENTLY;
CREATE TABLE no_partition (LIKE service);
ALTER TABLE service DETACH PARTITION no_partition CONCURRENTLY;
ALTER TABLE service_nowhere DETACH PARTITION service_wien CONCURRENTLY;
DROP TABLE no_partition;
-- those of the second level
SELECT DISTINCT tableoid::regclass FROM service WHERE id IN (1, 2) AND city = 'Wien' ORDER BY 1;
SELECT tableoid::regclass AS with_claims FROM service WHERE id = 1 AND city = 'Wien' \gset
TRUNCATE :with_claims;
ALTER TABLE service_wien DETACH PARTITION :with_claims;
ALTER TABLE service_wien DETACH PARTITION :with_claims CONCURRENTLY;
DROP TABLE :with_claims CASCADE;
SELECT count(*) FROM service;
SELECT inhrelid::regclass, inhdetachpending FROM pg_inherits WHERE inhdetachpending;
DO $$
DECLARE
	sch text; tab text; con text; state text;
BEGIN
	ALTER TABLE service DETACH PARTITION service_wien;
EXCEPTION WHEN foreign_key_violation THEN
	GET STACKED DIAGNOSTICS sch = SCHEMA_NAME, tab = TABLE_NAME, con = CONSTRAINT_NAME, state = RETURNED_SQLSTATE;
	RAISE NOTICE '%: schema %, table %, constraint %', state, sch, tab, con;
END $$;

-- Those that nobody needs go, and take their triggers along
BEGIN;
TRUNCATE service_berlin;
SELECT count(*) FROM service;
ROLLBACK;
BEGIN;
DROP TABLE service_berlin;
SELECT count(*) FROM remains;
ROLLBACK;
ALTER TABLE service DETACH PARTITION service_berlin;
SELECT * FROM remains WHERE "table" = 'service_berlin'::regclass;
INSERT INTO booking VALUES (4, 4, 'Berlin', 'CONFIRMED', '2099-02-01');
DELETE FROM service_berlin WHERE id = 1;
-- and back, and concurrently, and finished by hand
ALTER TABLE service ATTACH PARTITION service_berlin FOR VALUES IN ('Berlin');
SELECT * FROM remains WHERE "table" = 'service_berlin'::regclass;
INSERT INTO booking VALUES (4, 4, 'Berlin', 'CONFIRMED', '2099-02-01');
DELETE FROM service WHERE id = 4;
TRUNCATE service_berlin;
DELETE FROM booking WHERE id = 4;
ALTER TABLE service DETACH PARTITION service_berlin CONCURRENTLY;
SELECT * FROM remains WHERE "table" = 'service_berlin'::regclass;
ALTER TABLE service ATTACH PARTITION service_berlin FOR VALUES IN ('Berlin');
-- with the second level
UPDATE booking SET status = 'CANCELLED';
BEGIN;
DROP TABLE service_berlin, service_wien_0;
SELECT count(*) FROM remains;
ROLLBACK;
ALTER TABLE service DETACH PARTITION service_wien;
SELECT * FROM remains;
TRUNCATE service_wien;
ALTER TABLE service ATTACH PARTITION service_wien FOR VALUES IN ('Wien');
SELECT * FROM remains;
INSERT INTO service_wien (id, city) SELECT n, 'Wien' FROM generate_series(1, 8) n;
UPDATE booking SET status = 'CONFIRMED' WHERE id < 3;
-- all bookings with them, in one statement
BEGIN;
TRUNCATE service_wien, booking;
ROLLBACK;
-- both truncated, but the bookings of another partition remain
TRUNCATE service_wien, booking_2099;

--
-- Service partitions that come
--
CREATE TABLE service_graz PARTITION OF service FOR VALUES IN ('Graz');
CREATE TABLE service_linz PARTITION OF service FOR VALUES IN ('Linz') PARTITION BY RANGE (id);
CREATE TABLE service_linz_1 PARTITION OF service_linz FOR VALUES FROM (0) TO (100);
SELECT * FROM remains WHERE "table"::text ~ 'graz|linz';
INSERT INTO service VALUES (1, 'Graz'), (1, 'Linz');
INSERT INTO booking VALUES (5, 1, 'Graz', 'CONFIRMED', '2099-02-01'), (6, 1, 'Linz', 'CONFIRMED', '2099-02-01');
TRUNCATE service_graz;
TRUNCATE service_linz;
TRUNCATE service_linz_1;
DROP TABLE service_graz;
DELETE FROM booking WHERE id IN (5, 6);
DROP TABLE service_graz, service_linz;
-- while a trigger that is cloned to it is missing: it is not made twice
BEGIN;
DROP TRIGGER zz_booking_guard_delete ON service;
CREATE TABLE service_ems PARTITION OF service FOR VALUES IN ('Ems');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'city'], or_replace => true);
SELECT * FROM remains WHERE "table"::text ~ 'ems';
ROLLBACK;
-- in a CREATE SCHEMA
CREATE SCHEMA nested CREATE TABLE service_nested PARTITION OF partition_changes.service FOR VALUES IN ('Nested');
SELECT * FROM remains WHERE "table"::text ~ 'nested';
DROP SCHEMA nested CASCADE;
SELECT count(*) FROM remains;

-- not as one that a crash empties
CREATE UNLOGGED TABLE service_unlogged PARTITION OF service FOR VALUES IN ('Unlogged');
CREATE UNLOGGED TABLE service_unlogged (LIKE service);
ALTER TABLE service ATTACH PARTITION service_unlogged FOR VALUES IN ('Unlogged');
DROP TABLE service_unlogged;
ALTER TABLE service_berlin SET UNLOGGED;
-- whatever the guard is called by now
BEGIN;
ALTER TRIGGER "BG_booking_service_id_city" ON service RENAME TO "A guard";
ALTER TRIGGER "BG_booking_service_id_city" ON booking RENAME TO "A guard";
SAVEPOINT s;
DROP TABLE service_wien;
ROLLBACK TO s;
DROP TABLE service_berlin;
DROP TABLE booking;
SELECT * FROM remains;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'service'::regclass AND NOT tgisinternal;
ROLLBACK;

--
-- Booking partitions that come: their bookings must have services
--
CREATE TABLE booking_2101 (LIKE booking);
INSERT INTO booking_2101 VALUES (7, 1, 'Wien', 'CONFIRMED', '2101-02-01'), (8, 99, 'Wien', 'CANCELLED', '2101-02-01'), (9, 99, 'Wien', 'PENDING', '2101-02-01');
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
BEGIN;
INSERT INTO booking_2101 VALUES (10, 98, 'Wien', 'PENDING', '2101-02-01');
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
ROLLBACK;
-- as what goes is, it is let come where guards only warn, or are overridden
BEGIN;
SET LOCAL booking_guard.enforcement = warn;
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
ALTER TABLE service DETACH PARTITION service_wien;
ROLLBACK;
BEGIN;
SET LOCAL booking_guard.enforcement = off;
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
ALTER TABLE service DETACH PARTITION service_wien;
ROLLBACK;
-- nor does anything come or go, but then, if the guard cannot be understood
BEGIN;
ALTER TABLE service DROP CONSTRAINT service_pkey;
SAVEPOINT s;
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
ROLLBACK TO s;
\set VERBOSITY terse
ALTER TABLE service DETACH PARTITION service_wien;
ROLLBACK TO s;
DROP TABLE service_wien;
ROLLBACK TO s;
SET LOCAL booking_guard.enforcement = warn;
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
ALTER TABLE service DETACH PARTITION service_berlin;
DROP TABLE service_wien;
\set VERBOSITY default
ROLLBACK;
-- a column that the guard needs is the whole table's: one warning is enough
BEGIN;
SET LOCAL booking_guard.enforcement = warn;
ALTER TABLE booking DROP COLUMN status;
ROLLBACK;
DELETE FROM booking_2101 WHERE id = 9;
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
UPDATE booking SET status = 'PENDING' WHERE id = 8;
DELETE FROM service WHERE id = 1 AND city = 'Wien';
-- at a lower level
CREATE TABLE booking_2102 PARTITION OF booking FOR VALUES FROM ('2102-01-01') TO ('2103-01-01') PARTITION BY LIST (status);
CREATE TABLE booking_2102_p (LIKE booking);
INSERT INTO booking_2102_p VALUES (9, 99, 'Wien', 'PENDING', '2102-02-01');
ALTER TABLE booking_2102 ATTACH PARTITION booking_2102_p FOR VALUES IN ('PENDING');
-- what is not upcoming, or not active, need not
CREATE TABLE booking_past (LIKE booking);
INSERT INTO booking_past VALUES (10, 99, 'Wien', 'CONFIRMED', '2000-02-01');
ALTER TABLE booking ATTACH PARTITION booking_past FOR VALUES FROM ('2000-01-01') TO ('2001-01-01');
-- Those that go take nothing with them that anybody needs
ALTER TABLE booking DETACH PARTITION booking_past;
ALTER TABLE booking DETACH PARTITION booking_2101 CONCURRENTLY;
SELECT * FROM remains WHERE "table"::text ~ '2101|past';
INSERT INTO booking_past VALUES (11, 99, 'Wien', 'CONFIRMED', '2000-02-01');
DELETE FROM service WHERE id = 3;
ALTER TABLE booking ATTACH PARTITION booking_2101 FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
DROP TABLE booking_2101;
DROP TABLE booking_2102;

-- A row that moves between partitions is the service that it was
UPDATE service SET city = 'Berlin' WHERE id = 7 AND city = 'Wien';
DELETE FROM service WHERE id = 7;
UPDATE service SET city = 'Wien' WHERE id = 7;
UPDATE service SET city = 'Berlin' WHERE id = 1;

--
-- A table with a guard of its own cannot become a partition
--
CREATE TABLE all_bookings (LIKE booking) PARTITION BY RANGE (date);
ALTER TABLE all_bookings ATTACH PARTITION booking FOR VALUES FROM ('2000-01-01') TO ('3000-01-01');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TABLE all_services (LIKE service) PARTITION BY RANGE (id);
ALTER TABLE all_services ATTACH PARTITION service FOR VALUES FROM (0) TO (100);
-- nor with what is left of one
BEGIN;
DROP TRIGGER "BG_booking_service_id_city" ON booking;
ALTER TABLE all_services ATTACH PARTITION service FOR VALUES FROM (0) TO (100);
ROLLBACK;
DROP TABLE all_bookings, all_services;

-- One that did so behind the guard's back keeps the triggers of its own
ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
CREATE TABLE all_bookings (LIKE booking) PARTITION BY RANGE (date);
ALTER TABLE all_bookings ATTACH PARTITION booking FOR VALUES FROM ('2000-01-01') TO ('3000-01-01');
ALTER EVENT TRIGGER booking_guard_ddl_end ENABLE;
SELECT guard, severity, problem FROM booking_guard_health() WHERE problem ~ 'partition';
ALTER TABLE all_bookings DETACH PARTITION booking;
SELECT count(*) FROM remains;
DROP TABLE all_bookings;

--
-- Others' guards of the same name have no say: each tenant may have a schema
--
CREATE SCHEMA other;
CREATE TABLE other.service (LIKE service, PRIMARY KEY (id, city)) PARTITION BY LIST (city);
CREATE TABLE other.service_wien PARTITION OF other.service FOR VALUES IN ('Wien');
CREATE TABLE other.booking (LIKE booking);
INSERT INTO other.booking VALUES (1, 99, 'Nowhere', 'CONFIRMED', '2099-02-01');
SELECT booking_guard_protect('other.service', 'other.booking', ARRAY['service_id', 'city'], validate => false);
CREATE TABLE service_here PARTITION OF service FOR VALUES IN ('Here');
DROP TABLE service_here;
-- its own partitions are another matter: what was broken before is named
DROP TABLE other.service_wien;
ALTER TABLE other.service DETACH PARTITION other.service_wien;
DROP SCHEMA other CASCADE;

--
-- A partition may not be made where somebody else's trigger has a name of ours
--
CREATE TABLE service_rom (LIKE service);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER zz_booking_guard_truncate AFTER TRUNCATE ON service_rom EXECUTE FUNCTION nothing();
ALTER TABLE service ATTACH PARTITION service_rom FOR VALUES IN ('Rom');
ALTER TRIGGER zz_booking_guard_truncate ON service_rom RENAME TO mine;
ALTER TABLE service ATTACH PARTITION service_rom FOR VALUES IN ('Rom');

--
-- Rights: as for any trigger that the server clones to a partition
--
CREATE ROLE regress_partition_changes;
CREATE ROLE regress_partition_owner;
GRANT ALL ON SCHEMA partition_changes TO regress_partition_changes, regress_partition_owner;
ALTER TABLE service OWNER TO regress_partition_changes;
ALTER TABLE service_rom OWNER TO regress_partition_changes;
ALTER TABLE service_wien OWNER TO regress_partition_owner;
GRANT TRIGGER ON booking TO regress_partition_changes;
GRANT SELECT ON remains TO regress_partition_changes;
SET ROLE regress_partition_changes;
ALTER TABLE service DETACH PARTITION service_rom;
ALTER TABLE service ATTACH PARTITION service_rom FOR VALUES IN ('Rom');
CREATE TABLE service_bonn PARTITION OF service FOR VALUES IN ('Bonn');
SELECT * FROM remains WHERE "table"::text ~ 'rom|bonn';
RESET ROLE;
-- and none to the schema of the extension
CREATE SCHEMA locked;
ALTER EXTENSION booking_guard SET SCHEMA locked;
SET ROLE regress_partition_changes;
CREATE TABLE service_ulm PARTITION OF service FOR VALUES IN ('Ulm');
RESET ROLE;
ALTER EXTENSION booking_guard SET SCHEMA public;
DROP SCHEMA locked;
SELECT * FROM remains WHERE "table"::text ~ 'ulm';
SELECT booking_guard_unprotect('service', 'booking');
SELECT * FROM remains;
CREATE ROLE regress_partition_guard;
GRANT ALL ON SCHEMA partition_changes TO regress_partition_guard;
GRANT TRIGGER ON ALL TABLES IN SCHEMA partition_changes TO regress_partition_guard;
SET ROLE regress_partition_guard;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'city']);
RESET ROLE;
SELECT count(*) FROM remains;
TRUNCATE service_wien;

-- Without the guard nothing is in the way
SELECT booking_guard_unprotect('service', 'booking');
CREATE UNLOGGED TABLE service_unlogged PARTITION OF service FOR VALUES IN ('Unlogged');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'city']);
DROP TABLE service_unlogged;
ALTER TABLE service DETACH PARTITION service_wien;
TRUNCATE service_wien;
ALTER TABLE service ATTACH PARTITION service_wien FOR VALUES IN ('Wien');
SELECT * FROM remains;

--
-- Hash partitions, and a foreign key beside the guard
--
CREATE TABLE room (id integer PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE room_0 PARTITION OF room FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE room_1 PARTITION OF room FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX room_idx ON ONLY room (id);
CREATE INDEX room_0_idx ON room_0 (id);
CREATE TABLE stay (room_id integer REFERENCES room ON DELETE CASCADE, status text, date date);
CREATE INDEX ON stay (room_id);
SELECT booking_guard_protect('room', 'stay');
-- the partition of an index is none of a table
ALTER INDEX room_idx ATTACH PARTITION room_0_idx;
INSERT INTO room SELECT generate_series(1, 8);
INSERT INTO stay VALUES (1, 'CONFIRMED', '2100-01-01'), (2, 'CANCELLED', '2100-01-01');
SELECT tableoid::regclass AS one, CASE tableoid::regclass::text WHEN 'room_0' THEN 'room_1' ELSE 'room_0' END AS other FROM room WHERE id = 1 \gset
TRUNCATE :one CASCADE;
SELECT * FROM stay;
INSERT INTO room VALUES (1);
INSERT INTO stay VALUES (1, 'CONFIRMED', '2100-01-01');
-- the foreign key to one partition is named otherwise since PostgreSQL 18
\set VERBOSITY sqlstate
ALTER TABLE room DETACH PARTITION :one;
\set VERBOSITY default
DELETE FROM :one WHERE id = 1;
SELECT count(*) FROM room WHERE id = 1;

--
-- Another event trigger renames what comes or goes: a guard says that it cannot
-- find it, and tables without one are no business of the extension
--
CREATE FUNCTION archive() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN IF current_query() ~ 'TACH' AND to_regclass('part') IS NOT NULL THEN ALTER TABLE part RENAME TO archived; END IF; END $$;
CREATE EVENT TRIGGER a_regress_archive ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION archive();
CREATE TABLE free (id integer PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF free FOR VALUES IN (101);
ALTER TABLE free DETACH PARTITION part;
ALTER TABLE archived RENAME TO part;
ALTER TABLE free ATTACH PARTITION part FOR VALUES IN (101);
ALTER TABLE archived RENAME TO part;
DROP TABLE free;
CREATE TABLE part (id integer NOT NULL);
CREATE TABLE free (id integer PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE visit (free_id integer, status text, date date);
CREATE INDEX ON visit (free_id);
SELECT booking_guard_protect('free', 'visit', ARRAY['free_id']);
ALTER TABLE free ATTACH PARTITION part FOR VALUES IN (101);
DROP EVENT TRIGGER a_regress_archive;
-- also if another table has the name by then, or a partition of another one
CREATE FUNCTION exchange() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_query() ~ 'TACH' AND to_regclass('crowd_part') IS NOT NULL THEN
		ALTER TABLE crowd_part RENAME TO other_part;
		ALTER TABLE part RENAME TO archived;
		ALTER TABLE other_part RENAME TO part;
	END IF;
END $$;
CREATE EVENT TRIGGER a_regress_exchange ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION exchange();
CREATE TABLE crowd_part (id integer);
\set VERBOSITY terse
ALTER TABLE free ATTACH PARTITION part FOR VALUES IN (101);
DROP TABLE crowd_part;
CREATE TABLE crowd (id integer) PARTITION BY LIST (id);
CREATE TABLE crowd_part PARTITION OF crowd FOR VALUES IN (1);
ALTER TABLE free ATTACH PARTITION part FOR VALUES IN (101);
\set VERBOSITY default
DROP EVENT TRIGGER a_regress_exchange;
DROP TABLE crowd;
ALTER TABLE free ATTACH PARTITION part FOR VALUES IN (101);

--
-- What a dropped table was a partition of is known exactly: a claim that lost
-- its service long ago is not held against the drop of another table, whatever
-- the transaction has locked, nor does it matter who has the name by then
--
ALTER TABLE visit DISABLE TRIGGER ALL;
INSERT INTO visit VALUES (109, 'CONFIRMED', '2100-01-01');
ALTER TABLE visit ENABLE TRIGGER ALL;
CREATE SCHEMA other
  CREATE TABLE free (id integer PRIMARY KEY)
  CREATE TABLE visit (free_id integer, status text, date date)
  CREATE INDEX ON visit (free_id);
SELECT booking_guard_protect('other.free', 'other.visit', ARRAY['free_id']);
BEGIN;
ALTER TABLE free ADD note text;
DROP TABLE other.free;
COMMIT;
DELETE FROM visit;
INSERT INTO free VALUES (101);
INSERT INTO visit VALUES (101, 'CONFIRMED', '2100-01-01');
CREATE FUNCTION again() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN CREATE TABLE part (id integer); END $$;
CREATE EVENT TRIGGER a_regress_again ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION again();
DROP TABLE part;
DROP EVENT TRIGGER a_regress_again;
-- without the shared triggers too
BEGIN;
DROP TRIGGER zz_booking_guard_delete ON free;
DROP TRIGGER zz_booking_guard_truncate ON part;
DROP TABLE part;
ROLLBACK;
-- and or_replace lets them fire again
ALTER TABLE part DISABLE TRIGGER zz_booking_guard_truncate;
ALTER TABLE free DISABLE TRIGGER zz_booking_guard_delete;
SELECT booking_guard_protect('free', 'visit', ARRAY['free_id'], or_replace => true);
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'zz%' AND tgrelid IN ('free'::regclass, 'part'::regclass) ORDER BY 1, 2;
TRUNCATE part;
-- nobody needs it for a day that is over
UPDATE visit SET date = current_date - 1;
ALTER TABLE free DETACH PARTITION part;
-- nor does it matter what else it was a partition of in the same transaction, in
-- whatever order the catalog has them
CREATE TABLE hall (LIKE free, PRIMARY KEY (id)) PARTITION BY LIST (id);
CREATE TABLE concert (LIKE visit);
CREATE INDEX ON concert (free_id);
SELECT booking_guard_protect('hall', 'concert', ARRAY['free_id'], label => 'hall');
CREATE TABLE earlier PARTITION OF free FOR VALUES IN (107);
CREATE TABLE moving PARTITION OF free FOR VALUES IN (108);
INSERT INTO free VALUES (108);
DROP TABLE earlier;
VACUUM pg_inherits;
BEGIN;
ALTER TABLE free DETACH PARTITION moving;
ALTER TABLE hall ATTACH PARTITION moving FOR VALUES IN (108);
INSERT INTO concert VALUES (108, 'CONFIRMED', '2100-01-01');
DROP TABLE moving;
ROLLBACK;
DROP TABLE hall, concert;


-- Services whose bookings were until yesterday may go: the query's bound is a day
-- early
CREATE TABLE course (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE course_low PARTITION OF course FOR VALUES FROM (0) TO (10);
CREATE TABLE lesson (course_id integer, status text DEFAULT 'PENDING', date date);
CREATE INDEX ON lesson (course_id);
SELECT booking_guard_protect('course', 'lesson', ARRAY['course_id'], label => 'course');
INSERT INTO course VALUES (1);
INSERT INTO lesson VALUES (1, 'PENDING', (now() AT TIME ZONE 'UTC')::date - 1);
ALTER TABLE course DETACH PARTITION course_low;
DROP TABLE course, lesson, course_low;

\set VERBOSITY terse
DROP SCHEMA other CASCADE;
DROP SCHEMA partition_changes CASCADE;
DROP ROLE regress_partition_changes, regress_partition_owner, regress_partition_guard;
