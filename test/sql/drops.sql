--
-- What a guard needs cannot be dropped from under it; with the guard, or
-- without need, everything goes, and cleanly.
--
CREATE SCHEMA drops;
SET search_path = drops, public;
SET timezone = 'UTC';
CREATE VIEW remains AS
	SELECT tgrelid::regclass AS "table", tgname AS "trigger" FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)' ORDER BY 1, 2;

CREATE TYPE state AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
CREATE TABLE "Service" (id integer PRIMARY KEY, tenant integer, name text);
CREATE TABLE "Booking" (
	id integer PRIMARY KEY,
	"serviceId" integer,
	assistant_id integer,
	status state DEFAULT 'CONFIRMED',
	cancelled_at timestamptz,
	date timestamptz DEFAULT '2100-01-01 10:00+00',
	note text
);
CREATE INDEX ON "Booking" ("serviceId");
CREATE INDEX ON "Booking" (assistant_id);
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['serviceId'], tenant_column => 'tenant', inactive_column => 'cancelled_at');
INSERT INTO "Service" VALUES (1), (2);
INSERT INTO "Booking" VALUES (1, 1);

--
-- Columns
--
ALTER TABLE "Service" DROP COLUMN id CASCADE;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ALTER TABLE "Service" DROP COLUMN tenant;
ALTER TABLE "Booking" DROP COLUMN "serviceId";
ALTER TABLE "Booking" DROP COLUMN status;
ALTER TABLE "Booking" DROP COLUMN cancelled_at;
ALTER TABLE "Booking" DROP COLUMN date;
-- with its type, or with whatever drops it
DROP TYPE state CASCADE;
-- for another of the same name: the old values would be lost
ALTER TABLE "Booking" DROP COLUMN status, ADD COLUMN status text DEFAULT 'CONFIRMED';
-- what no guard names goes, also beside what it does
ALTER TABLE "Booking" DROP COLUMN note, ALTER COLUMN date SET DEFAULT '2100-01-02 10:00+00';
ALTER TABLE "Service" DROP COLUMN name;
DELETE FROM "Service" WHERE id = 1;

-- Of two guards, each says which
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['assistant_id'], tenant_column => 'tenant');
ALTER TABLE "Booking" DROP COLUMN assistant_id;
SELECT booking_guard_unprotect('"Service"', '"Booking"', ARRAY['assistant_id']);
ALTER TABLE "Booking" DROP COLUMN assistant_id;
ALTER TABLE "Booking" ADD COLUMN assistant_id integer;

-- In one transaction with the guard, and back
BEGIN;
SELECT booking_guard_unprotect('"Service"', '"Booking"');
ALTER TABLE "Booking" DROP COLUMN cancelled_at;
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['serviceId'], tenant_column => 'tenant');
DELETE FROM "Service" WHERE id = 1;
ROLLBACK;
DELETE FROM "Service" WHERE id = 1;

--
-- Tables: the guard goes with either
--
BEGIN;
DROP TABLE "Booking";
SELECT * FROM remains;
DELETE FROM "Service" WHERE id = 1;
ROLLBACK;
BEGIN;
DROP TABLE "Service";
SELECT * FROM remains;
INSERT INTO "Booking" VALUES (2, 99);
ROLLBACK;
BEGIN;
DROP TABLE "Service", "Booking";
SELECT * FROM remains;
ROLLBACK;
DELETE FROM "Service" WHERE id = 1;
SELECT * FROM remains;

--
-- The unique index that the key needs, and the foreign key that a guard leans
-- on: noticed at the next use
--
ALTER TABLE "Service" DROP CONSTRAINT "Service_pkey";
DELETE FROM "Service" WHERE id = 1;
INSERT INTO "Booking" VALUES (2, 1);
CREATE UNIQUE INDEX any_name ON "Service" (id);
DELETE FROM "Service" WHERE id = 1;
DROP INDEX any_name;
DELETE FROM "Service" WHERE id = 1;
ALTER TABLE "Service" ADD PRIMARY KEY (id);
ALTER TABLE "Booking" ADD CONSTRAINT fk FOREIGN KEY ("serviceId") REFERENCES "Service" ON UPDATE CASCADE ON DELETE SET NULL;
INSERT INTO "Booking" VALUES (2, 99);
UPDATE "Service" SET id = 3 WHERE id = 1;
UPDATE "Service" SET id = 1 WHERE id = 3;
ALTER TABLE "Booking" DROP CONSTRAINT fk;
INSERT INTO "Booking" VALUES (2, 99);
UPDATE "Service" SET id = 3 WHERE id = 1;
DELETE FROM "Service" WHERE id = 1;
-- to give the guard other options it takes no foreign key to learn the columns from
SELECT booking_guard_protect('"Service"', '"Booking"', tenant_column => 'tenant', or_replace => true);
SELECT booking_guard_protect('"Service"', '"Booking"', tenant_column => 'tenant', inactive_column => 'cancelled_at', or_replace => true);

--
-- Who may drop a column need not be able to drop the guard: he is told
--
CREATE ROLE regress_drops;
GRANT USAGE ON SCHEMA drops TO regress_drops;
ALTER TABLE "Booking" OWNER TO regress_drops;
SET ROLE regress_drops;
ALTER TABLE "Booking" DROP COLUMN date;
SELECT booking_guard_unprotect('"Service"', '"Booking"', ARRAY['serviceId']);
RESET ROLE;

--
-- Everything at once
--
BEGIN;
DROP OWNED BY regress_drops;
SELECT * FROM remains;
ROLLBACK;
BEGIN;
DROP EXTENSION booking_guard CASCADE;
SELECT * FROM remains;
ALTER TABLE "Booking" DROP COLUMN date;
ROLLBACK;
DELETE FROM "Service" WHERE id = 1;
BEGIN;
\set VERBOSITY terse
DROP SCHEMA drops CASCADE;
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)';
ROLLBACK;
-- a reset, with the extension inside
CREATE SCHEMA app;
DROP EXTENSION booking_guard CASCADE;
CREATE EXTENSION booking_guard SCHEMA app;
CREATE TABLE app.service (id integer PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE app.service_1 PARTITION OF app.service FOR VALUES IN (1);
CREATE TABLE app.booking (service_id integer REFERENCES app.service, status text, date date);
SELECT app.booking_guard_protect('app.service', 'app.booking');
INSERT INTO app.service VALUES (1);
INSERT INTO app.booking VALUES (1, 'PENDING', '2100-01-01');
DROP SCHEMA app CASCADE;
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)';
SELECT evtname FROM pg_event_trigger WHERE evtname ~ 'booking_guard';
CREATE EXTENSION booking_guard SCHEMA public;

DROP SCHEMA drops CASCADE;
DROP ROLE regress_drops;
