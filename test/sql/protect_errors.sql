--
-- What booking_guard_protect() and booking_guard_unprotect() refuse. Every
-- refusal says what is wrong and what to do, and leaves nothing behind.
--
SET datestyle = ISO;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE SCHEMA protect_errors;
SET search_path = protect_errors, public;

CREATE TYPE status AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
CREATE TABLE service (
	id int PRIMARY KEY,
	code text,
	tenant int
);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service,
	code text,
	state status,
	status text,
	numeric_status int,
	paid boolean,
	document json,
	labels text[],
	date timestamptz,
	starts_at time
);
CREATE INDEX ON booking (service_id, date);

--
-- Columns
--

-- A name that is nearly one of the table's
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['serviceId']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- A name that is like none: all columns are listed
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['product']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Names are given as they are, not as SQL writes them
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['"service_id"']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', service_key => ARRAY['ID']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', tenant_column => 'tenant_id');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- one whose values cannot be compared
BEGIN;
ALTER TABLE service ADD place json;
SELECT booking_guard_protect('service', 'booking', tenant_column => 'place');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', status_column => 'booking_state');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', inactive_column => 'deleted_at');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', time_column => 'Date');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- System columns and dropped ones do not count
SELECT booking_guard_protect('service', 'booking', time_column => 'xmin');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE booking ADD dropped int;
ALTER TABLE booking DROP dropped;
SELECT booking_guard_protect('service', 'booking', time_column => '........pg.dropped.12........');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The longest of names does not upset the search for likely ones
\set VERBOSITY sqlstate
SELECT booking_guard_protect('service', 'booking', time_column => repeat('x', 5000));
\set VERBOSITY default

--
-- Keys
--

-- No foreign key to learn from
CREATE TABLE loose (id int PRIMARY KEY, service_id int, big_id bigint, day date, status text, date timestamptz);
SELECT booking_guard_protect('service', 'loose');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Several of them
CREATE TABLE pair (
	id int PRIMARY KEY,
	staff_id int REFERENCES service,
	assistant_id int REFERENCES service,
	status text,
	date timestamptz
);
SELECT booking_guard_protect('service', 'pair');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The tables the wrong way round; the hint is the call that was meant
SELECT booking_guard_protect('booking', 'service');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Keys of different lengths
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['service_id', 'code']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', service_key => ARRAY['id', 'code']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The same column twice
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['code', 'code'], service_key => ARRAY['id', 'code']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Types that cannot be compared
SELECT booking_guard_protect('service', 'loose', booking_key => ARRAY['status']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'loose', booking_key => ARRAY['day']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- A wider integer compares well, as for a foreign key
BEGIN;
SELECT booking_guard_protect('service', 'loose', booking_key => ARRAY['big_id']);
ROLLBACK;
-- No primary key to take
CREATE TABLE keyless (id int, code text);
SELECT booking_guard_protect('keyless', 'loose', booking_key => ARRAY['service_id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE

-- The service key needs a unique index that a foreign key could use, too
SELECT booking_guard_protect('keyless', 'loose', booking_key => ARRAY['service_id'], service_key => ARRAY['id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE INDEX ON keyless (id);
CREATE UNIQUE INDEX ON keyless (id) WHERE id > 0;
CREATE UNIQUE INDEX ON keyless ((id + 0));
CREATE UNIQUE INDEX ON keyless (id, code);
ALTER TABLE keyless ADD UNIQUE (id) DEFERRABLE;
SELECT booking_guard_protect('keyless', 'loose', booking_key => ARRAY['service_id'], service_key => ARRAY['id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- An index that could not be built
INSERT INTO keyless VALUES (1, 'a'), (2, 'a');
CREATE UNIQUE INDEX CONCURRENTLY ON keyless (code);
SELECT booking_guard_protect('keyless', 'loose', booking_key => ARRAY['status'], service_key => ARRAY['code'], status_column => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- What the hint says helps
CREATE UNIQUE INDEX CONCURRENTLY ON keyless (id);
BEGIN;
SELECT booking_guard_protect('keyless', 'loose', booking_key => ARRAY['service_id'], service_key => ARRAY['id']);
ROLLBACK;
-- In the hint, names are quoted where they must be
CREATE TABLE "Key less" ("Id" int, "Room" int);
SELECT booking_guard_protect('"Key less"', 'loose', booking_key => ARRAY['service_id'], service_key => ARRAY['Id']);
CREATE UNIQUE INDEX CONCURRENTLY ON "Key less" ("Id");

--
-- Statuses
--

-- An unknown label of an enum: a guard on it would never block
SELECT booking_guard_protect('service', 'booking', status_column => 'state', blocking_statuses => ARRAY['PENDING', 'CONFRIMED']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => 'state', free_statuses => ARRAY['cancelled']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => 'state', free_statuses => ARRAY[repeat('x', 70)]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The default statuses do not suit a number or a truth value
SELECT booking_guard_protect('service', 'booking', status_column => 'numeric_status');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => 'paid');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- What the hints say helps
BEGIN;
SELECT booking_guard_protect('service', 'booking', status_column => 'numeric_status', blocking_statuses => ARRAY['1', '2']);
SELECT booking_guard_protect('service', 'booking', status_column => 'paid', blocking_statuses => ARRAY['true'], or_replace => true);
ROLLBACK;
-- A type without equality, and one of many values
SELECT booking_guard_protect('service', 'booking', status_column => 'document');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => 'labels', blocking_statuses => ARRAY['{PENDING}']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Both lists, and lists for no column
SELECT booking_guard_protect('service', 'booking', blocking_statuses => ARRAY['PENDING'], free_statuses => ARRAY['CANCELLED']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => NULL, blocking_statuses => ARRAY['PENDING']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => NULL, free_statuses => ARRAY['CANCELLED']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE

--
-- Times
--

-- Zones that the server itself would take and get wrong by hours
SELECT booking_guard_protect('service', 'booking', time_zone => 'Mars/Olympus');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', time_zone => 'FOO+5');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', time_zone => 'PST');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', time_zone => '+02');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- In whatever case; the guard keeps the proper name
BEGIN;
SELECT booking_guard_protect('service', 'booking', time_zone => 'utc');
SELECT time_zone FROM booking_guards;
SELECT booking_guard_protect('service', 'booking', time_zone => 'europe/BERLIN', or_replace => true);
SELECT time_zone FROM booking_guards;
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', time_column => 'starts_at');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', time_column => 'code');
\echo SQLSTATE :LAST_ERROR_SQLSTATE

--
-- NULL, empty and malformed arguments
--
SELECT booking_guard_protect(NULL, 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', time_zone => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', label => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', booking_label => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', keep_attached => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', validate => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', or_replace => NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', label => '');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', status_column => '');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY[]::text[]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', service_key => ARRAY['id', NULL]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', blocking_statuses => '{}');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', blocking_statuses => ARRAY[NULL]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', free_statuses => ARRAY[['a', 'b'], ['c', 'd']]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE

--
-- Tables
--
SELECT booking_guard_protect('service', 'service');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('no_such_table', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect(1::oid::regclass, 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 0::regclass);
\echo SQLSTATE :LAST_ERROR_SQLSTATE

CREATE VIEW service_view AS SELECT * FROM service;
SELECT booking_guard_protect('service_view', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW service_matview AS SELECT * FROM service;
SELECT booking_guard_protect('service_matview', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE FOREIGN DATA WRAPPER protect_errors;
CREATE SERVER protect_errors FOREIGN DATA WRAPPER protect_errors;
CREATE FOREIGN TABLE foreign_booking (service_id int) SERVER protect_errors;
SELECT booking_guard_protect('service', 'foreign_booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TEMPORARY TABLE temporary_booking (service_id int);
SELECT booking_guard_protect('service', 'temporary_booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('pg_catalog.pg_class', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE SEQUENCE sequence;
SELECT booking_guard_protect('sequence', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service_pkey', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TYPE composite AS (service_id int);
SELECT booking_guard_protect('service', 'composite');
\echo SQLSTATE :LAST_ERROR_SQLSTATE

-- Inheritance: neither a key nor a trigger of the parent is the child's
CREATE TABLE parent (LIKE booking);
CREATE TABLE child () INHERITS (parent);
SELECT booking_guard_protect('service', 'parent', booking_key => ARRAY['service_id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'child', booking_key => ARRAY['service_id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE child NO INHERIT parent;
-- A partition: the guard belongs on the whole
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF parted DEFAULT PARTITION BY LIST (id);
CREATE TABLE part_of_part PARTITION OF part DEFAULT;
SELECT booking_guard_protect('part', 'loose', booking_key => ARRAY['service_id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('part_of_part', 'loose', booking_key => ARRAY['service_id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE

-- While a statement of this session uses a table: rows that it has still to
-- write would be judged by no guard.
CREATE FUNCTION protects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking_guard_protect(TG_ARGV[0]::regclass, TG_ARGV[1]::regclass, '{service_id}', '{id}');
	RETURN coalesce(NEW, OLD);
END $$;
CREATE TABLE used (id int PRIMARY KEY, service_id int, status text, date date) PARTITION BY LIST (id);
CREATE TABLE used_1 PARTITION OF used FOR VALUES IN (1);
CREATE TABLE used_rest PARTITION OF used DEFAULT;
CREATE TRIGGER protects BEFORE INSERT ON used_1 FOR EACH ROW EXECUTE FUNCTION protects('service', 'used');
CREATE TRIGGER protects_too BEFORE DELETE ON used FOR EACH ROW EXECUTE FUNCTION protects('used', 'booking');
INSERT INTO used_1 VALUES (1, 99, 'CONFIRMED', 'infinity');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
INSERT INTO used VALUES (2, 99, 'CANCELLED', 'infinity');
DELETE FROM used;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM used;
SELECT booking_guard_protect('service', 'used', '{service_id}');
ROLLBACK;

-- An unlogged service would be empty after a crash, its bookings would not
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
SELECT booking_guard_protect('fleeting', 'loose', booking_key => ARRAY['service_id']);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The other way, or both unlogged, is safe
CREATE UNLOGGED TABLE fleeting_booking (id int PRIMARY KEY, service_id int, status text, date timestamptz);
CREATE INDEX ON fleeting_booking (service_id);
BEGIN;
SELECT booking_guard_protect('service', 'fleeting_booking', booking_key => ARRAY['service_id']);
SELECT booking_guard_protect('fleeting', 'fleeting_booking', booking_key => ARRAY['service_id']);
ROLLBACK;

-- A trigger of somebody else's has the name of one that guards share
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';
CREATE TRIGGER zz_booking_guard_delete BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT booking_guard_protect('service', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TRIGGER zz_booking_guard_delete ON service;

--
-- Rights: TRIGGER on both tables, as for CREATE CONSTRAINT TRIGGER
--
CREATE ROLE regress_protect_errors;
GRANT USAGE ON SCHEMA protect_errors TO regress_protect_errors;
GRANT SELECT ON service, booking TO regress_protect_errors;
SET ROLE regress_protect_errors;
SELECT booking_guard_protect('service', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT TRIGGER ON service TO regress_protect_errors;
SET ROLE regress_protect_errors;
SELECT booking_guard_protect('service', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
-- No right to read the bookings is needed, though they are looked at
REVOKE SELECT ON service, booking FROM regress_protect_errors;
GRANT TRIGGER ON booking TO regress_protect_errors;
SET ROLE regress_protect_errors;
SELECT booking_guard_protect('service', 'booking');
-- Dropping a trigger takes the owner, and so does unprotect
SELECT booking_guard_unprotect('service', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', label => 'x', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
ALTER TABLE booking OWNER TO regress_protect_errors;
SET ROLE regress_protect_errors;
SELECT booking_guard_unprotect('service', 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
ALTER TABLE service OWNER TO regress_protect_errors;
SET ROLE regress_protect_errors;
SELECT booking_guard_unprotect('service', 'booking');
RESET ROLE;

--
-- Bookings that break the promise already
--
CREATE TABLE orphan (
	id int PRIMARY KEY,
	"serviceId" int,
	status text,
	cancelled_at timestamptz,
	date timestamp,
	day date,
	during tstzrange,
	local_during tsrange,
	days daterange
);
CREATE INDEX ON orphan ("serviceId");
INSERT INTO service VALUES (1, 'a');
INSERT INTO orphan VALUES
	(1, 1, 'PENDING', NULL, '2100-01-01'),			-- has its service
	(2, 2, 'PENDING', NULL, '2100-01-01'),			-- has none
	(3, 3, 'CONFIRMED', NULL, NULL),				-- nor has this
	(4, 3, 'CANCELLED', NULL, '2100-01-01'),		-- cancelled
	(5, 3, 'CONFIRMED', NULL, '2000-01-01'),		-- past
	(6, 3, 'CONFIRMED', '2000-01-01', '2100-01-01'),	-- cancelled in another way
	(7, NULL, 'CONFIRMED', NULL, '2100-01-01');		-- on no service
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], inactive_column => 'cancelled_at');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The query that it shows finds them.
SELECT * FROM orphan x WHERE x."serviceId" IS NOT NULL AND NOT EXISTS (SELECT FROM service s WHERE s.id = x."serviceId") AND x.status IN ('PENDING', 'CONFIRMED') AND x.cancelled_at IS NULL AND (x.date AT TIME ZONE 'UTC' >= now() OR x.date IS NULL);
-- With other columns, it is another query, that finds them as well.
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], free_statuses => ARRAY['CANCELLED', 'it''s off'], time_column => 'day', time_zone => 'Europe/Berlin', label => 'room', booking_label => 'stay');
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], status_column => NULL, time_column => 'during');
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], status_column => NULL, time_column => 'local_during', time_zone => 'Asia/Tokyo');
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], status_column => NULL, time_column => 'days', time_zone => 'Asia/Tokyo');
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], status_column => NULL, time_column => NULL);
-- orphans(options): how many the message says there are, and how many its query lists
CREATE FUNCTION orphans(options text, OUT said text, OUT listed bigint) LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE format('SELECT booking_guard_protect(''service'', ''orphan'', ARRAY[''serviceId''], %s)', options);
EXCEPTION WHEN foreign_key_violation THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	said = substring(said FROM '(\d+) upcoming');
	EXECUTE format('SELECT count(*) FROM (%s) x', rtrim(substring(detail FROM 'SELECT .*'), ';')) INTO listed;
END $$;
UPDATE orphan SET day = date, during = tstzrange('2000-01-01', date), local_during = tsrange('2000-01-01', date), days = daterange('2000-01-01', date::date);
SELECT options, o.* FROM (VALUES
	('status_column => ''status'''),
	('free_statuses => ARRAY[''CANCELLED'', ''it''''s off'']'),
	('inactive_column => ''cancelled_at'''),
	('status_column => NULL, time_column => ''day'''),
	('status_column => NULL, time_column => ''during'''),
	('status_column => NULL, time_column => ''local_during'''),
	('status_column => NULL, time_column => ''days'''),
	('status_column => NULL, time_column => NULL')
) AS v (options), orphans(options) o;
-- One only
DELETE FROM orphan WHERE id > 2;
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId']);
-- Whoever knows of them may guard what comes.
SELECT booking_guard_protect('service', 'orphan', ARRAY['serviceId'], validate => false);
SELECT booking_guard_unprotect('service', 'orphan');
-- A foreign key that is not validated says nothing, one that is says it all.
ALTER TABLE orphan ADD FOREIGN KEY ("serviceId") REFERENCES service NOT VALID;
SELECT booking_guard_protect('service', 'orphan');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DELETE FROM orphan WHERE id = 2;
ALTER TABLE orphan VALIDATE CONSTRAINT "orphan_serviceId_fkey";
SELECT booking_guard_protect('service', 'orphan');
SELECT booking_guard_unprotect('service', 'orphan');
-- One whose triggers are disabled, on either side, says nothing either.
ALTER TABLE orphan DISABLE TRIGGER ALL;
INSERT INTO orphan VALUES (2, 2, 'PENDING', NULL, '2100-01-01');
SELECT booking_guard_protect('service', 'orphan');
DELETE FROM orphan WHERE id = 2;
ALTER TABLE orphan ENABLE TRIGGER ALL;
ALTER TABLE service DISABLE TRIGGER ALL;
DELETE FROM service WHERE id = 1;
SELECT booking_guard_protect('service', 'orphan');
INSERT INTO service VALUES (1, 'a');
ALTER TABLE service ENABLE TRIGGER ALL;

--
-- unprotect
--
SELECT booking_guard_unprotect(NULL, 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_unprotect('service', NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_unprotect('service', 'booking', ARRAY[NULL]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_unprotect('service', 1::oid::regclass);
SELECT booking_guard_unprotect('service', 'booking');
-- Of two guards it takes the one that is named.
CREATE INDEX ON pair (staff_id);
CREATE INDEX ON pair (assistant_id);
SELECT booking_guard_protect('service', 'pair', ARRAY['staff_id']);
SELECT booking_guard_protect('service', 'pair', ARRAY['assistant_id']);
SELECT booking_guard_unprotect('service', 'pair');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_unprotect('service', 'pair', ARRAY['id']);
SELECT booking_guard_unprotect('service', 'pair', booking_key => ARRAY['staff_id']);
SELECT booking_guard_unprotect('service', 'pair');

-- Nothing is left of all that
SELECT tgrelid::regclass, tgname FROM pg_trigger
WHERE tgname ~ '^(BG_|zz_)' OR tgfoid::regproc::text ~ 'booking_guard';

\set VERBOSITY terse
DROP SCHEMA protect_errors CASCADE;
DROP SERVER protect_errors;
DROP FOREIGN DATA WRAPPER protect_errors;
DROP ROLE regress_protect_errors;
