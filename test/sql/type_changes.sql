--
-- A column that a guard names changes its type: the guard goes on, or the
-- ALTER is refused and says why.
--
CREATE SCHEMA type_changes;
SET search_path = type_changes, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer PRIMARY KEY, name varchar(20), archived boolean DEFAULT false);
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, status text DEFAULT 'CONFIRMED', gone boolean, date timestamp DEFAULT '2100-01-01 10:00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], inactive_column => 'gone');
INSERT INTO service SELECT n FROM generate_series(1, 9) n;
INSERT INTO booking (id, service_id, status) VALUES (1, 1, 'CONFIRMED'), (2, 2, 'PENDING'), (3, 3, 'CANCELLED'), (4, 77, 'CANCELLED');
INSERT INTO booking VALUES (5, 78, 'CONFIRMED', NULL, '2000-01-01'), (6, 79, 'CONFIRMED', true, '2100-01-01');
-- What is guarded, to be the same after each change
CREATE FUNCTION guarded() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record; yes text := '';
BEGIN
	FOR r IN SELECT id::text AS id FROM service ORDER BY id LOOP
		BEGIN
			EXECUTE format('DELETE FROM service WHERE id::text = %L', r.id);
			RAISE EXCEPTION 'was deleted' USING ERRCODE = 'UT000';
		EXCEPTION
			WHEN foreign_key_violation THEN yes := yes || ' ' || r.id;
			WHEN SQLSTATE 'UT000' THEN NULL;
		END;
	END LOOP;
	RETURN yes;
END $$;
SELECT guarded();

--
-- Keys: int to bigint to text and to uuid, one table after the other
--
ALTER TABLE service ALTER id TYPE bigint;
SELECT guarded();
INSERT INTO booking VALUES (7, 99);
ALTER TABLE booking ALTER service_id TYPE bigint;
SELECT guarded();
-- one side alone cannot become what the other cannot be compared with
ALTER TABLE service ALTER id TYPE text;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE booking ALTER service_id TYPE text;
SELECT guarded();
BEGIN;
SELECT booking_guard_unprotect('service', 'booking');
ALTER TABLE service ALTER id TYPE text;
ALTER TABLE booking ALTER service_id TYPE text;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], inactive_column => 'gone');
SELECT guarded();
ROLLBACK;
-- values that point at nothing, on either side
ALTER TABLE booking ALTER service_id TYPE integer USING service_id + 100;
ALTER TABLE service ALTER id TYPE integer USING id + 100;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE booking ALTER service_id TYPE integer USING least(service_id, 4);
SELECT guarded();
ALTER TABLE booking ALTER service_id TYPE integer USING CASE id WHEN 1 THEN 1 WHEN 2 THEN 2 ELSE 70 + id END;
SELECT guarded();

--
-- Statuses: text to enum, an enum for another, as Prisma takes a label away
--
CREATE TYPE "Status" AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED', 'NO_SHOW');
BEGIN;
ALTER TABLE booking ALTER status DROP DEFAULT;
ALTER TABLE booking ALTER status TYPE "Status" USING status::"Status";
ALTER TABLE booking ALTER status SET DEFAULT 'CONFIRMED';
COMMIT;
SELECT guarded();
BEGIN;
CREATE TYPE "Status_new" AS ENUM ('CONFIRMED', 'CANCELLED', 'PENDING');
ALTER TABLE booking ALTER status DROP DEFAULT;
ALTER TABLE booking ALTER status TYPE "Status_new" USING (status::text::"Status_new");
ALTER TYPE "Status" RENAME TO "Status_old";
ALTER TYPE "Status_new" RENAME TO "Status";
DROP TYPE "Status_old";
ALTER TABLE booking ALTER status SET DEFAULT 'CONFIRMED';
COMMIT;
SELECT guarded();
-- also with the index that the guard asks for
SELECT booking_guard_unprotect('service', 'booking');
DROP INDEX booking_service_id_idx;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], inactive_column => 'gone');
SELECT fix FROM booking_guard_health() WHERE problem ~ 'index' \gexec
SELECT count(*) FROM booking_guard_health() WHERE problem ~ 'index';
BEGIN;
CREATE TYPE "Status_new" AS ENUM ('CONFIRMED', 'CANCELLED', 'PENDING');
ALTER TABLE booking ALTER status DROP DEFAULT;
ALTER TABLE booking ALTER status TYPE "Status_new" USING (status::text::"Status_new");
ROLLBACK;
-- a label that blocks is not there any more
BEGIN;
CREATE TYPE "Status_new" AS ENUM ('BOOKED', 'CANCELLED', 'PENDING');
ALTER TABLE booking ALTER status DROP DEFAULT;
ALTER TABLE booking ALTER status TYPE "Status_new" USING (replace(status::text, 'CONFIRMED', 'BOOKED')::"Status_new");
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ROLLBACK;
-- the documented way: one transaction, without the guard
BEGIN;
CREATE TYPE "Status_new" AS ENUM ('BOOKED', 'CANCELLED', 'PENDING');
SELECT booking_guard_unprotect('service', 'booking');
ALTER TABLE booking ALTER status DROP DEFAULT;
ALTER TABLE booking ALTER status TYPE "Status_new" USING (replace(status::text, 'CONFIRMED', 'BOOKED')::"Status_new");
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], inactive_column => 'gone', blocking_statuses => ARRAY['BOOKED', 'PENDING']);
SELECT guarded();
ROLLBACK;
-- rows become claims: of a service that is there, and of one that is not
BEGIN;
UPDATE booking SET service_id = 5 WHERE service_id > 70;
ALTER TABLE booking ALTER status TYPE text USING 'PENDING';
SELECT guarded();
ROLLBACK;
BEGIN;
ALTER TABLE booking ALTER status TYPE text USING 'PENDING';
ROLLBACK;
SELECT guarded();
-- what is no type for a status
ALTER TABLE booking ALTER status DROP DEFAULT, ALTER status TYPE point USING '(1,2)';
-- bounded text, and an equality of its own
ALTER TABLE booking ALTER status DROP DEFAULT;
ALTER TABLE booking ALTER status TYPE varchar(9);
SELECT guarded();
ALTER TABLE booking ALTER status TYPE integer USING length(status);
ALTER TABLE booking ALTER status TYPE text;
SELECT guarded();

--
-- The other columns
--
ALTER TABLE booking ALTER gone TYPE timestamptz USING CASE WHEN gone THEN now() END;
SELECT guarded();
-- timestamp to timestamptz: in a session's zone, and in the guard's
UPDATE booking SET service_id = 77 WHERE id = 5;
ALTER TABLE booking ALTER date DROP DEFAULT;
ALTER TABLE booking ALTER date TYPE timestamptz;
SELECT guarded();
ALTER TABLE booking ALTER date TYPE timestamptz USING date + interval '150 years';
UPDATE booking SET service_id = 6 WHERE id = 5;
ALTER TABLE booking ALTER date TYPE timestamptz USING date + interval '150 years';
SELECT guarded();
ALTER TABLE booking ALTER date TYPE date;
ALTER TABLE booking ALTER date TYPE daterange USING daterange(date, date, '[]');
SELECT guarded();
ALTER TABLE booking ALTER date TYPE text;
-- columns that no guard names may become anything
ALTER TABLE service ALTER name TYPE text, ALTER archived TYPE text;
SELECT guarded();

--
-- Partitioned tables: the type changes in all of them
--
CREATE TABLE pservice (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE pservice_1 PARTITION OF pservice FOR VALUES FROM (0) TO (100);
CREATE TABLE pbooking (service_id integer, status text, date date) PARTITION BY RANGE (date);
CREATE TABLE pbooking_1 PARTITION OF pbooking DEFAULT;
CREATE INDEX ON pbooking (service_id);
SELECT booking_guard_protect('pservice', 'pbooking', ARRAY['service_id'], label => 'room');
INSERT INTO pservice VALUES (1);
INSERT INTO pbooking VALUES (1, 'PENDING', '2100-01-01'), (2, 'CANCELLED', '2100-01-01');
ALTER TABLE pbooking ALTER service_id TYPE bigint;
ALTER TABLE pbooking ALTER status TYPE "Status" USING status::"Status";
DELETE FROM pservice_1;
ALTER TABLE pbooking ALTER status TYPE text USING 'PENDING';
DELETE FROM pbooking_1 WHERE service_id = 2;
ALTER TABLE pbooking ALTER status TYPE text USING 'PENDING';
DELETE FROM pservice;

--
-- Attributes of a composite type that a table is of
--
CREATE TYPE brow AS (service_id integer, status text, date date);
CREATE TABLE tbooking OF brow;
CREATE INDEX ON tbooking (service_id);
SELECT booking_guard_protect('service', 'tbooking', ARRAY['service_id'], label => 'typed');
INSERT INTO tbooking VALUES (9, 'PENDING', '2100-01-01');
ALTER TYPE brow ALTER ATTRIBUTE service_id TYPE text CASCADE;
ALTER TYPE brow ALTER ATTRIBUTE service_id TYPE bigint CASCADE;
ALTER TYPE brow DROP ATTRIBUTE status CASCADE;
DELETE FROM service WHERE id = 9;

--
-- Tables that are not logged are emptied by a crash
--
ALTER TABLE service SET UNLOGGED;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TABLE tbooking;
ALTER TABLE booking SET UNLOGGED;
ALTER TABLE service SET UNLOGGED;
ALTER TABLE booking SET LOGGED;
ALTER TABLE service SET LOGGED;
ALTER TABLE booking SET LOGGED;
SELECT guarded();
-- a trigger that was made by hand and does not say FROM which table has no say
CREATE TRIGGER "BG_x" AFTER INSERT ON booking FOR EACH ROW EXECUTE FUNCTION booking_guard_booking();
ALTER TABLE booking SET UNLOGGED;
ALTER TABLE booking SET LOGGED;
DROP TRIGGER "BG_x" ON booking;

--
-- Half a guard is one yet, and keeps its columns
--
BEGIN;
DROP TRIGGER "BG_booking_service_id" ON booking;
SAVEPOINT s;
ALTER TABLE service DROP COLUMN id;
ROLLBACK TO s;
ALTER TABLE service ALTER id TYPE text;
ROLLBACK TO s;
CREATE CONSTRAINT TRIGGER "BG_booking_service_id" AFTER INSERT OR UPDATE ON booking FROM service FOR EACH ROW EXECUTE FUNCTION booking_guard_booking();
ALTER TABLE service ALTER id TYPE text;
ROLLBACK;

--
-- Children by inheritance would not be guarded, so there are none
--
CREATE TABLE child () INHERITS (booking);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TABLE child (name text) INHERITS (service);
CREATE TABLE child (LIKE booking);
ALTER TABLE child INHERIT booking;
CREATE TABLE parent (LIKE service);
ALTER TABLE service INHERIT parent;
CREATE TABLE free (LIKE parent);
ALTER TABLE free INHERIT parent;
CREATE SCHEMA nested CREATE TABLE child () INHERITS (type_changes.booking);
CREATE TABLE child2 () INHERITS (child);
SELECT guarded();

\set VERBOSITY terse
DROP SCHEMA type_changes CASCADE;
