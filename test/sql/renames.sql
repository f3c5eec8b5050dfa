--
-- A guard follows every rename of what it names: at once, in the same
-- transaction, and back if that is rolled back.
--
CREATE SCHEMA renames;
SET search_path = renames, public;
SET timezone = 'UTC';

CREATE TYPE booking_state AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
CREATE TABLE "Service" ("Id" integer, "tenantId" integer, "deletedAt" timestamptz, PRIMARY KEY ("tenantId", "Id"));
CREATE TABLE "Booking" (
	id integer PRIMARY KEY,
	"tenantId" integer,
	"serviceId" integer,
	"state" booking_state DEFAULT 'CONFIRMED',
	"startsAt" timestamptz DEFAULT '2100-01-01 10:00+00',
	"goneAt" timestamptz
);
CREATE INDEX ON "Booking" ("tenantId", "serviceId");
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['tenantId', 'serviceId'], ARRAY['tenantId', 'Id'],
	tenant_column => 'tenantId', status_column => 'state', inactive_column => 'goneAt', time_column => 'startsAt');
INSERT INTO "Service" VALUES (1, 7), (2, 7);
INSERT INTO "Booking" VALUES (1, 7, 1);

-- What the guard says of itself, and that it still is one
CREATE VIEW guard AS
	SELECT service_table, service_key, tenant_column, booking_table, booking_key, status_column, blocking_statuses, inactive_column, time_column
	FROM booking_guards;
CREATE VIEW arguments AS
	SELECT tgrelid::regclass, regexp_replace(encode(tgargs, 'escape'), '\\000', ' ', 'g') AS arguments
	FROM pg_trigger WHERE tgname ^@ 'BG_' ORDER BY tgrelid::regclass::text COLLATE "C";
\x
SELECT * FROM guard;

--
-- Columns of either table, one by one
--
ALTER TABLE "Service" RENAME COLUMN "Id" TO "Service, Id";
ALTER TABLE "Service" RENAME "tenantId" TO "Owner's";
ALTER TABLE "Booking" RENAME "tenantId" TO tenant;
ALTER TABLE "Booking" RENAME "serviceId" TO "service""Id";
ALTER TABLE "Booking" RENAME "state" TO "status=";
ALTER TABLE "Booking" RENAME "startsAt" TO "From";
ALTER TABLE "Booking" RENAME "goneAt" TO "Cancelled, at";
-- the server takes other words for a table's column, too
ALTER VIEW "Booking" RENAME COLUMN "Cancelled, at" TO gone;
ALTER MATERIALIZED VIEW "Booking" RENAME COLUMN gone TO gone2;
ALTER FOREIGN TABLE "Booking" RENAME COLUMN gone2 TO gone3;
ALTER TYPE "Booking" RENAME ATTRIBUTE gone3 TO gone4;
SELECT inactive_column FROM guard;
ALTER TABLE "Booking" RENAME gone4 TO "Cancelled, at";
-- columns that no guard names, and views, are nobody's business
ALTER TABLE "Service" RENAME "deletedAt" TO "archivedAt";
ALTER VIEW guard RENAME booking_key TO the_key;
SELECT * FROM guard;
SELECT * FROM arguments;
SELECT * FROM booking_guard_health();
DELETE FROM "Service" WHERE "Service, Id" = 1;
DELETE FROM "Service" WHERE "Service, Id" = 2 RETURNING *;
INSERT INTO "Booking" VALUES (2, 7, 2);
SELECT outcome, message FROM safe_delete_service(1, 7);

-- Two that swap names
BEGIN;
ALTER TABLE "Booking" RENAME "From" TO was_from;
ALTER TABLE "Booking" RENAME "Cancelled, at" TO "From";
ALTER TABLE "Booking" RENAME was_from TO "Cancelled, at";
SELECT time_column, inactive_column FROM guard;
DELETE FROM "Service" WHERE "Service, Id" = 1;
ROLLBACK;
SELECT time_column, inactive_column FROM guard;

-- In the transaction that wrote, and undone with a savepoint
BEGIN;
INSERT INTO "Service" VALUES (3, 7);
INSERT INTO "Booking" VALUES (3, 7, 3);
SAVEPOINT s;
ALTER TABLE "Booking" RENAME "service""Id" TO "serviceId";
ALTER TABLE "Service" RENAME "Service, Id" TO "Id";
SAVEPOINT s2;
DELETE FROM "Service" WHERE "Id" = 3;
ROLLBACK TO s2;
INSERT INTO "Booking" VALUES (4, 7, 99);
ROLLBACK TO s;
SELECT service_key, the_key FROM guard;
DELETE FROM "Service" WHERE "Service, Id" = 3;
ROLLBACK;

--
-- Tables and schemas: the server follows these, the guard's queries too
--
ALTER TABLE "Service" RENAME TO "the Service";
ALTER TABLE "Booking" RENAME TO "the Booking";
DELETE FROM "the Service" WHERE "Service, Id" = 1;
CREATE SCHEMA "Elsewhere";
ALTER TABLE "the Service" SET SCHEMA "Elsewhere";
DELETE FROM "Elsewhere"."the Service" WHERE "Service, Id" = 1;
SELECT outcome FROM safe_delete_service(1, 7);
ALTER SCHEMA "Elsewhere" RENAME TO "Else where";
INSERT INTO "the Booking" VALUES (2, 7, 2);
DELETE FROM "Else where"."the Service" WHERE "Service, Id" = 1;
SELECT outcome FROM safe_delete_service(1, 7);
ALTER TABLE "the Booking" SET SCHEMA "Else where";
SELECT service_table, booking_table FROM guard;
DELETE FROM "Else where"."the Service" WHERE "Service, Id" = 1;
-- another table of the old name is another table
CREATE TABLE "the Booking" (LIKE "Else where"."the Booking");
DELETE FROM "Else where"."the Service" WHERE "Service, Id" = 1;
DROP TABLE "the Booking";
ALTER TABLE "Else where"."the Service" SET SCHEMA renames;
ALTER TABLE "Else where"."the Booking" SET SCHEMA renames;
DROP SCHEMA "Else where";
ALTER TABLE "the Service" RENAME TO "Service";
ALTER TABLE "the Booking" RENAME TO "Booking";
SELECT service_table, booking_table FROM guard;

--
-- Labels of an enum, and the enum itself
--
ALTER TYPE booking_state RENAME VALUE 'CONFIRMED' TO 'it''s "on", sure';
SELECT blocking_statuses FROM guard;
DELETE FROM "Service" WHERE "Service, Id" = 1;
INSERT INTO "Booking" VALUES (2, 7, 2, 'it''s "on", sure');
-- two labels that swap names: the rows that blocked still do
ALTER TYPE booking_state RENAME VALUE 'PENDING' TO 'tmp';
ALTER TYPE booking_state RENAME VALUE 'CANCELLED' TO 'PENDING';
ALTER TYPE booking_state RENAME VALUE 'tmp' TO 'CANCELLED';
SELECT blocking_statuses FROM guard;
INSERT INTO "Booking" VALUES (2, 7, 2, 'PENDING');
INSERT INTO "Booking" VALUES (3, 7, 2, 'CANCELLED');
DELETE FROM "Booking" WHERE id = 2;
BEGIN;
ALTER TYPE booking_state RENAME VALUE 'CANCELLED' TO 'WAITING';
SELECT blocking_statuses FROM guard;
ROLLBACK;
SELECT blocking_statuses FROM guard;
-- a label that no guard names, another enum with the same label, a new label
ALTER TYPE booking_state RENAME VALUE 'PENDING' TO 'NOPE';
CREATE TYPE other_state AS ENUM ('CANCELLED');
ALTER TYPE other_state RENAME VALUE 'CANCELLED' TO 'OTHER';
ALTER TYPE booking_state ADD VALUE 'NEW' BEFORE 'NOPE';
ALTER TYPE booking_state RENAME TO "State";
ALTER TYPE "State" SET SCHEMA public;
ALTER TYPE "State" RENAME VALUE 'CANCELLED' TO 'PENDING';
SELECT blocking_statuses FROM guard;
DELETE FROM "Service" WHERE "Service, Id" = 1;
ALTER TYPE public."State" SET SCHEMA renames;
SELECT * FROM arguments;

-- A domain over the enum
CREATE DOMAIN "State domain" AS "State";
ALTER TABLE "Booking" ALTER "status=" DROP DEFAULT, ALTER "status=" TYPE "State domain";
ALTER TYPE "State" RENAME VALUE 'PENDING' TO 'WAITING';
SELECT blocking_statuses FROM guard;
DELETE FROM "Service" WHERE "Service, Id" = 1;
ALTER DOMAIN "State domain" RENAME TO d;
DELETE FROM "Service" WHERE "Service, Id" = 1;

-- Text statuses are data: nothing renames them
ALTER TABLE "Booking" ALTER "status=" TYPE text;
ALTER TYPE "State" RENAME VALUE 'WAITING' TO 'PENDING';
SELECT blocking_statuses FROM guard;

SELECT booking_guard_unprotect('"Service"', '"Booking"');
DROP TABLE "Service", "Booking";

--
-- Partitioned tables: the clones on the partitions follow as well
--
CREATE TABLE service (id integer PRIMARY KEY, active boolean) PARTITION BY RANGE (id);
CREATE TABLE service_low PARTITION OF service FOR VALUES FROM (0) TO (100);
CREATE TABLE service_high PARTITION OF service FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE service_higher PARTITION OF service_high FOR VALUES FROM (150) TO (200);
CREATE TABLE booking (service_id integer REFERENCES service, status text, date date) PARTITION BY RANGE (date);
CREATE TABLE booking_now PARTITION OF booking FOR VALUES FROM ('2000-01-01') TO (MAXVALUE);
SELECT booking_guard_protect('service', 'booking');
ALTER TABLE service RENAME id TO "Id";
ALTER TABLE booking RENAME service_id TO "serviceId";
ALTER TABLE booking RENAME status TO state;
ALTER TABLE booking RENAME date TO day;
\x
SELECT * FROM arguments;
INSERT INTO service VALUES (1), (151), (152);
INSERT INTO booking VALUES (1, 'CONFIRMED', '2100-01-01'), (151, 'CONFIRMED', '2100-01-01');
DELETE FROM service_low;
DELETE FROM service WHERE "Id" = 151;
DELETE FROM service_higher WHERE "Id" = 152 RETURNING *;
INSERT INTO booking_now VALUES (152, 'CONFIRMED', '2100-01-01');
ALTER TABLE service_higher RENAME TO "Higher";
DELETE FROM "Higher";
SELECT guard, service_key, booking_key, status_column, time_column FROM booking_guards;
SELECT booking_guard_unprotect('service', 'booking');
DROP TABLE service, booking;

--
-- A table of a composite type, whose attributes are its columns
--
CREATE TYPE booking_row AS (service_id integer, status text, date timestamptz);
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking OF booking_row;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
ALTER TYPE booking_row RENAME ATTRIBUTE service_id TO sid CASCADE;
SELECT booking_key FROM booking_guards;
INSERT INTO service VALUES (1);
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01');
DELETE FROM service;

--
-- Somebody else's rename does nothing to a guard of his own
--
CREATE ROLE regress_renames;
GRANT ALL ON SCHEMA renames TO regress_renames;
ALTER TABLE service OWNER TO regress_renames;
ALTER TYPE booking_row OWNER TO regress_renames;
ALTER TABLE booking OWNER TO regress_renames;
SET ROLE regress_renames;
ALTER TABLE service RENAME id TO service_id;
ALTER TYPE booking_row RENAME ATTRIBUTE status TO state CASCADE;
DELETE FROM service;
RESET ROLE;
SELECT service_key, status_column FROM booking_guards;

--
-- With event triggers off, the guard is stale: it refuses, and says what to do
--
ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
ALTER TABLE service RENAME service_id TO number;
ALTER EVENT TRIGGER booking_guard_ddl_end ENABLE;
DELETE FROM service;
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01');
ALTER TABLE service RENAME number TO service_id;
DELETE FROM service;

ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
CREATE TYPE stage AS ENUM ('PENDING', 'CONFIRMED');
CREATE TABLE hall (id integer PRIMARY KEY);
CREATE TABLE concert (hall_id integer, status stage, date timestamptz);
CREATE INDEX ON concert (hall_id);
SELECT booking_guard_protect('hall', 'concert', ARRAY['hall_id'], label => 'hall');
INSERT INTO hall VALUES (1);
INSERT INTO concert VALUES (1, 'PENDING', '2100-01-01'), (1, 'PENDING', '2100-01-01');
ALTER TYPE stage RENAME VALUE 'PENDING' TO 'ASKED';
INSERT INTO concert VALUES (1, 'ASKED', '2100-01-01');
ALTER EVENT TRIGGER booking_guard_ddl_end ENABLE;
DROP TABLE hall, concert;
DROP TYPE stage;

--
-- Triggers that were made by hand and name nothing are in nobody's way
--
CREATE TYPE stage AS ENUM ('PENDING', 'CONFIRMED');
CREATE TABLE hall (id integer PRIMARY KEY);
CREATE TABLE concert (hall_id integer, status stage, date timestamptz);
CREATE INDEX ON concert (hall_id);
SELECT booking_guard_protect('hall', 'concert', ARRAY['hall_id'], label => 'hall');
CREATE CONSTRAINT TRIGGER "BG_x" AFTER DELETE OR UPDATE ON hall FROM concert FOR EACH ROW EXECUTE FUNCTION booking_guard_service('service_key=');
ALTER TABLE hall RENAME id TO number;
ALTER TYPE stage RENAME VALUE 'PENDING' TO 'ASKED';
SELECT guard, service_key, blocking_statuses FROM booking_guards WHERE service_table ~ 'hall' ORDER BY guard;
DROP TRIGGER "BG_x" ON hall;

--
-- An event trigger made by hand may call what follows renames, and for whatever
-- command: each rename is followed once
--
CREATE EVENT TRIGGER a_regress_renames ON ddl_command_end EXECUTE FUNCTION booking_guard_ddl_end();
GRANT SELECT ON hall TO regress_renames;
ALTER TABLE hall RENAME number TO id;
ALTER TYPE stage RENAME VALUE 'ASKED' TO 'PENDING';
DROP EVENT TRIGGER a_regress_renames;
SELECT guard, service_key, blocking_statuses FROM booking_guards WHERE service_table ~ 'hall';
DROP TABLE hall, concert;
DROP TYPE stage;

--
-- A schema and a type: what the guard has prepared goes by their new names
--
CREATE SCHEMA first_name;
CREATE TYPE first_name.state AS ENUM ('PENDING', 'CONFIRMED');
CREATE TABLE first_name.service (id integer PRIMARY KEY);
CREATE TABLE first_name.booking (service_id integer, status first_name.state, date timestamptz);
CREATE INDEX ON first_name.booking (service_id);
SELECT booking_guard_protect('first_name.service', 'first_name.booking', ARRAY['service_id']);
INSERT INTO first_name.service VALUES (1);
INSERT INTO first_name.booking VALUES (1, 'PENDING', '2100-01-01');
DELETE FROM first_name.service;
ALTER SCHEMA first_name RENAME TO second_name;
DELETE FROM second_name.service;
ALTER TYPE second_name.state RENAME TO condition;
DELETE FROM second_name.service;
DROP TABLE second_name.service, second_name.booking;
DROP SCHEMA second_name CASCADE;

\set VERBOSITY terse
DROP SCHEMA renames CASCADE;
DROP ROLE regress_renames;
SELECT count(*) FROM booking_guards;
