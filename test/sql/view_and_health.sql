--
-- booking_guards: the guards there are; booking_guard_health(): what weakens them now
--
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE SCHEMA view_and_health;
SET search_path = view_and_health, public;

SELECT * FROM booking_guards;
SELECT * FROM booking_guard_health();
\d booking_guards

CREATE TABLE "Service" (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE "Booking" (
	id int PRIMARY KEY,
	"serviceId" int REFERENCES "Service",
	status text,
	cancelled_at timestamptz,
	date timestamptz
);
CREATE INDEX ON "Booking" ("serviceId", date);
INSERT INTO "Service" VALUES (1, 'a');
INSERT INTO "Booking" VALUES (1, 1, 'PENDING', NULL, '2100-01-01');

--
-- The view
--
SELECT booking_guard_protect('"Service"', '"Booking"');
\x
SELECT * FROM booking_guards;
SELECT booking_guard_protect('"Service"', '"Booking"', tenant_column => 'code', status_column => 'status', free_statuses => ARRAY['CANCELLED', 'REFUNDED'],
	inactive_column => 'cancelled_at', time_zone => 'Europe/Berlin', label => 'course', booking_label => 'seat',
	keep_attached => false, or_replace => true);
SELECT * FROM booking_guards;
\x
-- Everybody may look at it: it tells no more than pg_trigger.
CREATE ROLE regress_view_and_health;
SET ROLE regress_view_and_health;
SELECT guard FROM booking_guards;
SELECT * FROM booking_guard_health();
RESET ROLE;
DROP ROLE regress_view_and_health;
-- It follows the tables' names.
ALTER TABLE "Service" RENAME TO course;
ALTER TABLE "Booking" RENAME TO "Seat";
SELECT guard, service_table, booking_table FROM booking_guards;
ALTER TABLE course RENAME TO "Service";
ALTER TABLE "Seat" RENAME TO "Booking";
SELECT booking_guard_protect('"Service"', '"Booking"', or_replace => true);

--
-- Health: nothing to say when all is well
--
SELECT * FROM booking_guard_health();

-- Triggers that are disabled. Run, each fix mends it.
\x
ALTER TABLE "Service" DISABLE TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TABLE "Booking" DISABLE TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TABLE "Service" DISABLE TRIGGER zz_booking_guard_delete;
ALTER TABLE "Service" DISABLE TRIGGER zz_booking_guard_truncate;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
-- That fire only for replicated changes
ALTER TABLE "Booking" ENABLE REPLICA TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
-- Always is fine.
ALTER TABLE "Booking" ENABLE ALWAYS TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
ALTER TABLE "Booking" ENABLE TRIGGER USER;
ALTER TABLE "Service" DISABLE TRIGGER ALL;
SELECT severity, problem FROM booking_guard_health();
ALTER TABLE "Service" ENABLE TRIGGER ALL;
SELECT * FROM booking_guard_health();

-- The triggers that guards share are missing, or of another function
DROP TRIGGER zz_booking_guard_delete ON "Service";
DROP TRIGGER zz_booking_guard_truncate ON "Service";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';
DROP TRIGGER zz_booking_guard_delete ON "Service";
CREATE TRIGGER zz_booking_guard_delete BEFORE DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT * FROM booking_guard_health();
-- The final verdict is not theirs: the service is held all the same.
DELETE FROM "Service" WHERE id = 1;
SELECT fix FROM booking_guard_health() \gexec
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

-- No index
DROP INDEX "Booking_serviceId_date_idx";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

-- A guard that cannot be enforced
ALTER TABLE "Service" DROP CONSTRAINT "Service_pkey" CASCADE;
SELECT * FROM booking_guard_health();
ALTER TABLE "Service" ADD PRIMARY KEY (id);
SELECT * FROM booking_guard_health();

-- One that has lost one of its triggers
BEGIN;
DROP TRIGGER "BG_Booking_serviceId" ON "Booking";
SELECT * FROM booking_guard_health();
ROLLBACK;
BEGIN;
DROP TRIGGER "BG_Booking_serviceId" ON "Service";
SELECT * FROM booking_guard_health();
ROLLBACK;

-- On a partition
CREATE TABLE "Stay" (id int REFERENCES "Service" (id), status text, date timestamptz) PARTITION BY RANGE (date);
CREATE TABLE "Stay 2100" PARTITION OF "Stay" FOR VALUES FROM ('2100-01-01') TO ('2101-01-01');
CREATE INDEX ON "Stay" (id);
SELECT booking_guard_protect('"Service"', '"Stay"');
ALTER TABLE "Stay 2100" DISABLE TRIGGER "BG_Stay_id";
SELECT * FROM booking_guard_health();
DROP TABLE "Stay";

-- Of several guards, each that has something
CREATE TABLE "Call" (code text REFERENCES "Service" (code), status text, date timestamptz);
CREATE TABLE "Visit" (id int REFERENCES "Service" (id), status text, date timestamptz);
SELECT booking_guard_protect('"Service"', '"Call"', label => 'line');
SELECT booking_guard_protect('"Service"', '"Visit"');
DROP INDEX "Booking_serviceId_date_idx";
ALTER TABLE "Visit" DISABLE TRIGGER USER;
\x
SELECT guard, severity, problem FROM booking_guard_health();
-- It leaves the transaction as it was, also when a guard is broken.
BEGIN;
ALTER TABLE "Service" DROP CONSTRAINT "Service_code_key" CASCADE;
SELECT guard, severity, problem FROM booking_guard_health();
SELECT guard FROM booking_guards;
ROLLBACK;

\set VERBOSITY terse
DROP SCHEMA view_and_health CASCADE;
