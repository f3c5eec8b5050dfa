--
-- booking_guard_protect(): what it learns by itself, what each option means,
-- what it warns of, and what it does when called again
--
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE SCHEMA protect_options;
SET search_path = protect_options, public;

CREATE TABLE service (id int PRIMARY KEY, code text UNIQUE, tenant int);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service,
	code text,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id, date);
CREATE INDEX ON booking (code);
INSERT INTO service VALUES (1, 'a'), (2, 'b');
INSERT INTO booking VALUES (1, 1, 'b', 'PENDING', '2100-01-01'), (2, 1, 'b', 'REQUESTED', '2100-01-01');

--
-- The key
--

-- From the one foreign key there is, and the primary key it points at
SELECT booking_guard_protect('service', 'booking');
SELECT booking_key, service_key FROM booking_guards;
SELECT booking_guard_unprotect('service', 'booking');
-- Without a foreign key on the columns: to the primary key, or as told
SELECT booking_guard_protect('service', 'booking', ARRAY['code'], ARRAY['code']);
SELECT booking_key, service_key FROM booking_guards;
DELETE FROM service WHERE code = 'b';
SELECT booking_guard_unprotect('service', 'booking');
-- From a foreign key to other columns than the primary key
CREATE TABLE call (id int PRIMARY KEY, code text REFERENCES service (code), status text, date timestamptz);
CREATE INDEX ON call (code);
SELECT booking_guard_protect('service', 'call');
SELECT booking_key, service_key FROM booking_guards;
SELECT booking_guard_unprotect('service', 'call');
DROP TABLE call;
-- From the guard there is, if there is no foreign key; the service's as told
CREATE TABLE visit (code text, status text, date timestamptz);
CREATE INDEX ON visit (code);
ALTER TABLE service ADD alias text UNIQUE;
SELECT booking_guard_protect('service', 'visit', ARRAY['code'], ARRAY['code']);
SELECT booking_guard_protect('service', 'visit', service_key => ARRAY['alias'], or_replace => true);
SELECT booking_key, service_key FROM booking_guards;
DROP TABLE visit;
ALTER TABLE service DROP alias;
-- From one of several columns: in its order, or in that of booking_key
CREATE TABLE room (house int, no int, PRIMARY KEY (no, house));
CREATE TABLE stay (house int, no int, status text, date timestamptz, FOREIGN KEY (house, no) REFERENCES room (house, no));
CREATE INDEX ON stay (house, no);
SELECT booking_guard_protect('room', 'stay');
SELECT booking_key, service_key FROM booking_guards;
-- The order is no other guard, but the definition shows it.
SELECT booking_guard_protect('room', 'stay', booking_key => ARRAY['no', 'house'], or_replace => true);
SELECT booking_key, service_key FROM booking_guards;
-- A foreign key that pairs the columns in another way does not say that each booking has its service.
INSERT INTO room VALUES (1, 2);
INSERT INTO stay VALUES (1, 2, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('room', 'stay', ARRAY['house', 'no'], ARRAY['no', 'house'], or_replace => true);
DROP TABLE stay, room;
-- Two foreign keys on the same columns are one key.
ALTER TABLE booking ADD FOREIGN KEY (service_id) REFERENCES service ON DELETE CASCADE;
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_unprotect('service', 'booking');
-- Of several, one is named.
ALTER TABLE booking ADD substitute_id int REFERENCES service (id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
SELECT booking_guard_unprotect('service', 'booking');
ALTER TABLE booking DROP substitute_id;

--
-- Options, each by its effect on the two bookings of service 1
--
CREATE FUNCTION blocked_by() RETURNS TABLE (bookings int, said text) LANGUAGE sql AS
	'SELECT upcoming_bookings, message FROM safe_delete_service(1)';

\pset format unaligned
\pset tuples_only on

-- status_column NULL: every booking is active
SELECT booking_guard_protect('service', 'booking', status_column => NULL);
SELECT * FROM blocked_by();
-- blocking_statuses
SELECT booking_guard_protect('service', 'booking', or_replace => true, blocking_statuses => ARRAY['REQUESTED']);
SELECT * FROM blocked_by();
SELECT booking_guard_protect('service', 'booking', or_replace => true, blocking_statuses => ARRAY['REQUESTED', 'PENDING', 'x']);
SELECT * FROM blocked_by();
-- free_statuses
SELECT booking_guard_protect('service', 'booking', or_replace => true, free_statuses => ARRAY['PENDING', 'CANCELLED']);
SELECT * FROM blocked_by();
-- inactive_column
ALTER TABLE booking ADD deleted_at timestamptz;
UPDATE booking SET deleted_at = '2000-01-01' WHERE id = 2;
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, inactive_column => 'deleted_at');
SELECT * FROM blocked_by();
-- time_column
ALTER TABLE booking ADD ends_at timestamptz DEFAULT '2000-01-01';
SELECT booking_guard_protect('service', 'booking', or_replace => true, time_column => 'ends_at');
UPDATE booking SET ends_at = '2100-01-01' WHERE id = 1;
SELECT * FROM blocked_by();
-- time_column NULL: every booking is upcoming
UPDATE booking SET date = '2000-01-01';
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, time_column => NULL);
SELECT * FROM blocked_by();
UPDATE booking SET date = '2100-01-01';
-- time_zone: where the day of the next booking begins
ALTER TABLE booking ADD day date DEFAULT '2100-06-01';
SELECT booking_guard_protect('service', 'booking', or_replace => true, time_column => 'day', time_zone => 'Asia/Tokyo');
SELECT next_booking FROM safe_delete_service(1);
-- label, booking_label
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, label => 'haircut', booking_label => 'appointment');
SELECT * FROM blocked_by();
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, label => 'école n° 3', booking_label => 'visit by day');
SELECT * FROM blocked_by();
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, booking_label => 'class');
SELECT * FROM blocked_by();
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, booking_label => 'party');
SELECT * FROM blocked_by();
SELECT booking_guard_protect('service', 'booking', or_replace => true, status_column => NULL, booking_label => 'lunch');
SELECT * FROM blocked_by();
-- A percent sign in it is only that.
SELECT booking_guard_protect('service', 'booking', or_replace => true, label => '%s%n', booking_label => '%d');
SELECT * FROM blocked_by();
DELETE FROM service WHERE id = 1;
-- keep_attached
SELECT booking_guard_protect('service', 'booking', or_replace => true);
UPDATE booking SET service_id = NULL WHERE id = 1;
SELECT booking_guard_protect('service', 'booking', or_replace => true, keep_attached => false);
BEGIN;
UPDATE booking SET service_id = NULL WHERE id = 1;
ROLLBACK;
-- tenant_column: the same for all guards of a table, or for none
SELECT booking_guard_protect('service', 'booking', or_replace => true, tenant_column => 'tenant');
SELECT booking_guard_protect('service', 'booking', ARRAY['code'], ARRAY['code']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', ARRAY['code'], ARRAY['code'], tenant_column => 'code');
SELECT booking_guard_protect('service', 'booking', ARRAY['code'], ARRAY['code'], tenant_column => 'tenant');
SELECT booking_guard_protect('service', 'booking', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_unprotect('service', 'booking', ARRAY['code']);
SELECT booking_guard_protect('service', 'booking', or_replace => true);
SELECT booking_guard_protect('service', 'booking', ARRAY['code'], ARRAY['code'], tenant_column => 'tenant');
SELECT booking_guard_unprotect('service', 'booking');

--
-- Called again
--
\pset tuples_only off
\pset format aligned
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at');
SELECT array_agg(oid ORDER BY oid) AS triggers FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)' \gset
-- With the same options: quiet, and nothing is made anew. To say a default is no change.
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at');
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at', or_replace => true);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id'], NULL, 'status', ARRAY['PENDING', 'CONFIRMED'], NULL, 'deleted_at',
	'date', 'utc', 'service', 'booking', true, false, false);
SELECT array_agg(oid ORDER BY oid) = :'triggers' AS same FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)';
-- Replaced, a guard that was disabled is in force again
ALTER TABLE booking DISABLE TRIGGER "BG_booking_service_id";
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at', or_replace => true);
SELECT tgenabled FROM pg_trigger WHERE tgname ~ '^BG_';
-- so is a partition's part of it
BEGIN;
CREATE TABLE pservice (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE pservice_1 PARTITION OF pservice FOR VALUES FROM (0) TO (10);
SELECT booking_guard_protect('pservice', 'booking', ARRAY['service_id'], label => 'other', validate => false);
ALTER TABLE pservice_1 DISABLE TRIGGER USER;
SELECT booking_guard_protect('pservice', 'booking', ARRAY['service_id'], label => 'other', validate => false, or_replace => true);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'pservice_1'::regclass ORDER BY 1;
-- and has its name again, if it was given another (which PostgreSQL 14 still allows)
UPDATE pg_trigger SET tgname = 'BG_mine' WHERE tgrelid = 'pservice_1'::regclass AND tgname ~ '^BG_';
SELECT booking_guard_protect('pservice', 'booking', ARRAY['service_id'], label => 'other', validate => false, or_replace => true);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'pservice_1'::regclass ORDER BY 1;
ROLLBACK;
-- and so is one that guards share, and that was to fire for replicated changes only.
ALTER TABLE service ENABLE REPLICA TRIGGER zz_booking_guard_truncate;
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at', or_replace => true);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgname ~ '^zz_booking_guard' ORDER BY 1;
-- With others: an error that shows both
SELECT booking_guard_protect('service', 'booking', keep_attached => false);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at', label => 'course');
-- Unless it is to be replaced; it keeps its name
SELECT booking_guard_protect('service', 'booking', keep_attached => false, or_replace => true);
SELECT guard, inactive_column, keep_attached FROM booking_guards;
-- A name that somebody gave it is kept as well.
ALTER TRIGGER "BG_booking_service_id" ON service RENAME TO "BG_ours";
ALTER TRIGGER "BG_booking_service_id" ON booking RENAME TO "BG_ours";
SELECT booking_guard_protect('service', 'booking', keep_attached => false);
SELECT booking_guard_protect('service', 'booking', or_replace => true);
SELECT booking_guard_unprotect('service', 'booking');

--
-- Names
--

-- BG_<booking table>_<its columns>, cut to fit as the server does it
CREATE TABLE "a table whose name is as long as a name can ever get in Postgre" (
	id int PRIMARY KEY,
	"a column whose name is as long as a name can get in PostgreSQL" int REFERENCES service,
	"a column whose name is as long as a name can get, the second" int REFERENCES service,
	status text, date timestamptz
);
SELECT booking_guard_protect('service', '"a table whose name is as long as a name can ever get in Postgre"',
	ARRAY['a column whose name is as long as a name can get in PostgreSQL'], status_column => NULL);
SELECT booking_guard_protect('service', '"a table whose name is as long as a name can ever get in Postgre"',
	ARRAY['a column whose name is as long as a name can get, the second'], status_column => NULL);
DROP TABLE "a table whose name is as long as a name can ever get in Postgre";
-- Multibyte characters are not cut in two.
CREATE TABLE "bücherbücherbücherbücherbücherbücherbüch" (
	"ääääääääääääääääääääääääääääää" int REFERENCES service, date date);
CREATE INDEX ON "bücherbücherbücherbücherbücherbücherbüch" ("ääääääääääääääääääääääääääääää");
SELECT booking_guard_protect('service', '"bücherbücherbücherbücherbücherbücherbüch"', status_column => NULL);
DROP TABLE "bücherbücherbücherbücherbücherbücherbüch";
-- Two tables of one name in different schemas
CREATE SCHEMA protect_options_2;
CREATE TABLE protect_options_2.booking (LIKE booking INCLUDING INDEXES);
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_protect('service', 'protect_options_2.booking', ARRAY['service_id']);
SELECT guard, booking_table FROM booking_guards;
INSERT INTO protect_options_2.booking VALUES (1, 2, NULL, 'PENDING', '2100-01-01');
DELETE FROM service WHERE id = 1;
DELETE FROM service WHERE id = 2;
INSERT INTO protect_options_2.booking VALUES (3, 3, NULL, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'protect_options_2.booking', ARRAY['service_id']);
SELECT booking_guard_unprotect('service', 'booking');
SELECT booking_guard_unprotect('service', 'protect_options_2.booking');
\set VERBOSITY terse
DROP SCHEMA protect_options_2 CASCADE;
\set VERBOSITY default
-- A name that some other trigger has already
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER "BG_booking_service_id" AFTER INSERT ON booking FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_unprotect('service', 'booking');
DROP TRIGGER "BG_booking_service_id" ON booking;

--
-- What it says about statuses
--

-- Of an enum, which labels block and which do not
CREATE TYPE state AS ENUM ('DRAFT', 'PENDING', 'CONFIRMED', 'CANCELLED');
CREATE TYPE "one State" AS ENUM ('PENDING', 'CONFIRMED');
CREATE DOMAIN state_domain AS state NOT NULL;
CREATE TABLE labelled (
	service_id int REFERENCES service, date date,
	status state, "State" "one State", domain_status state_domain
);
CREATE INDEX ON labelled (service_id);
SELECT booking_guard_protect('service', 'labelled');
SELECT booking_guard_protect('service', 'labelled', or_replace => true, free_statuses => ARRAY['CANCELLED']);
SELECT booking_guard_protect('service', 'labelled', or_replace => true, status_column => 'State');
SELECT booking_guard_protect('service', 'labelled', or_replace => true, status_column => 'State', blocking_statuses => ARRAY['PENDING']);
SELECT booking_guard_protect('service', 'labelled', or_replace => true, status_column => 'State', free_statuses => ARRAY['CONFIRMED', 'PENDING']);
SELECT booking_guard_protect('service', 'labelled', or_replace => true, status_column => 'domain_status');
SELECT booking_guard_unprotect('service', 'labelled');
-- Of another type, a warning if no row has a status that blocks
UPDATE booking SET status = lower(status);
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_protect('service', 'booking', or_replace => true, free_statuses => ARRAY['pending', 'requested']);
-- One will do; so does a table without rows, or with none that has a status.
SELECT booking_guard_protect('service', 'booking', or_replace => true, blocking_statuses => ARRAY['pending']);
UPDATE booking SET status = NULL;
SELECT booking_guard_protect('service', 'booking', or_replace => true);
DELETE FROM booking;
SELECT booking_guard_protect('service', 'booking', or_replace => true, label => 'x');
SELECT booking_guard_unprotect('service', 'booking');

--
-- What it says about indexes
--

-- indexed(index on plan): protect with this one, and with none other
CREATE TABLE plan (id int PRIMARY KEY, service_id int, "no" text COLLATE "C", status text, gone timestamptz, date timestamptz);
CREATE FUNCTION indexed(columns text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	EXECUTE 'CREATE INDEX only_one ON plan ' || columns;
	PERFORM booking_guard_protect('service', 'plan', ARRAY['service_id']);
	SELECT problem INTO said FROM booking_guard_health();
	PERFORM booking_guard_unprotect('service', 'plan');
	DROP INDEX only_one;
	RETURN coalesce(said, 'serves');
END $$;
\pset tuples_only on
\pset format unaligned
\set VERBOSITY terse
-- These serve
SELECT indexed('(service_id)');
SELECT indexed('(service_id, date)');
SELECT indexed('(service_id DESC, status)');
SELECT indexed('USING hash (service_id)');
SELECT indexed('(service_id) INCLUDE (status, date)');
SELECT indexed('(service_id, date) WHERE status IN (''PENDING'', ''CONFIRMED'')');
SELECT indexed('(service_id, date) WHERE status IN (''CONFIRMED'', ''PENDING'', ''REQUESTED'')');
SELECT indexed('(service_id) WHERE status = ANY (''{PENDING,CONFIRMED}'')');
SELECT indexed('(service_id) WHERE status IS NOT NULL');
SELECT indexed('(service_id) WHERE service_id IS NOT NULL');
-- These do not
SELECT indexed('(date)');
SELECT indexed('(date, service_id)');
SELECT indexed('((service_id + 0))');
SELECT indexed('(service_id) WHERE status = ''PENDING''');
SELECT indexed('(service_id) WHERE status IN (''CANCELLED'')');
SELECT indexed('(service_id) WHERE gone IS NULL');
SELECT indexed('(service_id) WHERE date >= ''2100-01-01''');
-- Of two that do not, health names the first.
CREATE INDEX the_first ON plan (service_id) WHERE status = 'PENDING';
SELECT indexed('(service_id) WHERE gone IS NULL');
DROP INDEX the_first;
\set VERBOSITY default
\pset tuples_only off
\pset format aligned
-- With an inactive column, a partial index on it does
CREATE INDEX partial ON plan (service_id) WHERE gone IS NULL;
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], inactive_column => 'gone');
DROP INDEX partial;
-- The statement that is suggested, run, is what silences it; each of these
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true);
CREATE INDEX CONCURRENTLY ON plan (service_id, date) WHERE status IN ('PENDING', 'CONFIRMED');
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true);
-- (not for other statuses)
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true, free_statuses => ARRAY['it''s off']);
CREATE INDEX CONCURRENTLY ON plan (service_id, date) WHERE status NOT IN ('it''s off');
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true, free_statuses => ARRAY['it''s off'], label => 'x');
DROP INDEX plan_service_id_date_idx, plan_service_id_date_idx1;
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true, inactive_column => 'gone');
CREATE INDEX CONCURRENTLY ON plan (service_id, date) WHERE status IN ('PENDING', 'CONFIRMED') AND gone IS NULL;
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true, inactive_column => 'gone', label => 'x');
DROP INDEX plan_service_id_date_idx;
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true, status_column => NULL, time_column => NULL);
CREATE INDEX CONCURRENTLY ON plan (service_id);
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], or_replace => true, status_column => NULL, time_column => NULL, label => 'x');
SELECT booking_guard_unprotect('service', 'plan');
-- An index of another collation cannot be used; one of the same, or where
-- collation does not matter, can
SELECT booking_guard_protect('service', 'plan', ARRAY['no'], ARRAY['code']);
CREATE INDEX ON plan ("no" COLLATE "POSIX");
SELECT booking_guard_protect('service', 'plan', ARRAY['no'], ARRAY['code'], label => 'x', or_replace => true);
CREATE INDEX ON plan ("no");
SELECT booking_guard_protect('service', 'plan', ARRAY['no'], ARRAY['code'], or_replace => true);
SELECT booking_guard_unprotect('service', 'plan');
-- A partitioned table knows no CONCURRENTLY.
CREATE TABLE parted (service_id int, status text, date timestamptz) PARTITION BY RANGE (date);
SELECT booking_guard_protect('service', 'parted', ARRAY['service_id']);
CREATE INDEX ON parted (service_id, date) WHERE status IN ('PENDING', 'CONFIRMED');
SELECT booking_guard_protect('service', 'parted', ARRAY['service_id'], label => 'x', or_replace => true);
DROP TABLE parted;

--
-- Whatever an option says, it is quoted: in the trigger, and in the definition
--
SELECT booking_guard_protect('service', 'plan', ARRAY['service_id'], label => 'barber''s chair', booking_label => 'so-called "booking"',
	free_statuses => ARRAY['it''s off', 'a "b"', 'c,d']);
SELECT label, booking_label, free_statuses, definition FROM booking_guards WHERE booking_table LIKE '%plan';
SELECT definition AS again FROM booking_guards WHERE booking_table LIKE '%plan' \gset
SELECT booking_guard_unprotect('service', 'plan');
:again
SELECT definition = :'again' AS same FROM booking_guards WHERE booking_table LIKE '%plan';

\set VERBOSITY terse
DROP SCHEMA protect_options CASCADE;
