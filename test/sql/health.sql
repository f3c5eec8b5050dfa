--
-- booking_guard_health(): what weakens a guard now, and statements that mend it
--
SET datestyle = ISO;
SET timezone = 'UTC';
SELECT * FROM booking_guard_health();
SELECT * FROM booking_guard_health(scan => NULL);
CREATE SCHEMA "health check";
SET search_path = "health check", public;

CREATE TABLE "Service" (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE "Booking" (
	id int PRIMARY KEY,
	"serviceId" int REFERENCES "Service",
	status text,
	cancelled_at timestamptz,
	date timestamptz
);
CREATE INDEX "Booking_serviceId_date_idx" ON "Booking" ("serviceId", date);
INSERT INTO "Service" VALUES (1, 'a'), (2, 'b');
INSERT INTO "Booking" VALUES (1, 1, 'PENDING', NULL, '2100-01-01'), (2, 2, 'CANCELLED', NULL, '2100-01-01');
SELECT booking_guard_protect('"Service"', '"Booking"');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';

-- Nothing to say when all is well
SELECT * FROM booking_guard_health();
SELECT * FROM booking_guard_health(scan => false);
\x

--
-- Triggers that do not fire. Run, each fix ends its finding.
--
ALTER TABLE "Service" DISABLE TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TABLE "Booking" DISABLE TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TABLE "Service" DISABLE TRIGGER zz_booking_guard_delete;
ALTER TABLE "Service" DISABLE TRIGGER zz_booking_guard_truncate;
SELECT * FROM booking_guard_health();
-- A fix can be run whatever the search_path.
SET search_path = '';
SELECT fix FROM public.booking_guard_health() \gexec
SET search_path = "health check", public;
-- For replicated changes only
ALTER TABLE "Booking" ENABLE REPLICA TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TABLE "Service" DISABLE TRIGGER USER;
SELECT severity, problem FROM booking_guard_health();
ALTER TABLE "Service" ENABLE TRIGGER USER;
SELECT * FROM booking_guard_health();
-- For replicated changes too: on both sides that is whole, on one it may be what is wanted
ALTER TABLE "Booking" ENABLE ALWAYS TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TABLE "Service" ENABLE ALWAYS TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
ALTER TABLE "Booking" ENABLE ALWAYS TRIGGER "BG_Booking_serviceId";
SELECT * FROM booking_guard_health();
ALTER TABLE "Service" ENABLE TRIGGER USER;
ALTER TABLE "Booking" ENABLE TRIGGER USER;
SELECT * FROM booking_guard_health();

--
-- Triggers that guards share: missing, somebody else's, or firing for something else
--
DROP TRIGGER zz_booking_guard_delete ON "Service";
DROP TRIGGER zz_booking_guard_truncate ON "Service";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP TRIGGER zz_booking_guard_delete ON "Service";
DROP TRIGGER zz_booking_guard_truncate ON "Service";
CREATE TRIGGER zz_booking_guard_delete BEFORE DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER my_zz_booking_guard_delete BEFORE DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER zz_booking_guard_truncate AFTER TRUNCATE ON "Service" FOR EACH STATEMENT EXECUTE FUNCTION nothing();
SELECT * FROM booking_guard_health();
-- The final verdict is not theirs: the service is held all the same.
DELETE FROM "Service" WHERE id = 1;
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
\x
SELECT tgname, tgfoid::regproc FROM pg_trigger WHERE tgrelid = '"Service"'::regclass AND NOT tgisinternal ORDER BY 1;
\x
DROP TRIGGER my_my_zz_booking_guard_delete ON "Service";
DROP TRIGGER my_zz_booking_guard_delete ON "Service";
DROP TRIGGER my_zz_booking_guard_truncate ON "Service";
DROP TRIGGER zz_booking_guard_delete ON "Service";
DROP TRIGGER zz_booking_guard_truncate ON "Service";
CREATE TRIGGER zz_booking_guard_delete BEFORE DELETE ON "Service" FOR EACH ROW WHEN (old.id > 1) EXECUTE FUNCTION booking_guard_before_delete();
CREATE TRIGGER zz_booking_guard_truncate BEFORE TRUNCATE ON "Service" FOR EACH STATEMENT EXECUTE FUNCTION booking_guard_truncate();
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

-- A trigger that fires after the guard has looked may come too late.
CREATE TRIGGER zzz_cancel BEFORE DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER zzz_stamp BEFORE UPDATE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER zzz_audit AFTER DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER zzz_log BEFORE DELETE ON "Service" FOR EACH STATEMENT EXECUTE FUNCTION nothing();
CREATE TRIGGER zzz_off BEFORE DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER cancel BEFORE DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE "Service" DISABLE TRIGGER zzz_off;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP FUNCTION nothing CASCADE;

--
-- A guard's own triggers: renamed on one side or to a late name, or dropped
--
ALTER TRIGGER "BG_Booking_serviceId" ON "Service" RENAME TO my_guard;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TRIGGER "BG_Booking_serviceId" ON "Booking" RENAME TO my_guard;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
ALTER TRIGGER "BG_Booking_serviceId" ON "Service" RENAME TO my_guard;
ALTER TRIGGER "BG_Booking_serviceId" ON "Booking" RENAME TO your_guard;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ALTER TRIGGER "BG_your_guard" ON "Service" RENAME TO my_guard;
ALTER TRIGGER "BG_your_guard" ON "Booking" RENAME TO my_guard;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
SELECT booking_guard_unprotect('"Service"', '"Booking"');
SELECT booking_guard_protect('"Service"', '"Booking"', service_key => ARRAY['id'], tenant_column => 'code',
	free_statuses => ARRAY['CANCELLED'], time_zone => 'Europe/Berlin', label => 'course');
-- Dropped on the service: what the other one kept is kept.
DROP TRIGGER "BG_Booking_serviceId" ON "Service";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
SELECT free_statuses, time_zone, label FROM booking_guards;
SELECT booking_guard_protect('"Service"', '"Booking"', tenant_column => 'code', label => 'course', or_replace => true);
-- Dropped on the booking
DROP TRIGGER "BG_Booking_serviceId" ON "Booking";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
SELECT tenant_column, label FROM booking_guards;
-- Of two guards of a table, one has lost its trigger on the service. Their tenant column is the same.
CREATE TABLE "Visit" (id int REFERENCES "Service" (id), "guideId" int, status text, date timestamptz);
CREATE INDEX ON "Visit" (id);
CREATE INDEX ON "Visit" ("guideId");
SELECT booking_guard_protect('"Service"', '"Visit"', tenant_column => 'code');
DROP TRIGGER "BG_Visit_id" ON "Service";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- Two halves on each side: which belongs to which cannot be told.
SELECT booking_guard_protect('"Service"', '"Visit"', ARRAY['guideId'], ARRAY['id'], tenant_column => 'code');
ALTER TRIGGER "BG_Visit_id" ON "Visit" RENAME TO "BG_one";
ALTER TRIGGER "BG_Visit_guideId" ON "Visit" RENAME TO "BG_two";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() LIMIT 1 \gexec
SELECT * FROM booking_guard_health();
SELECT guard FROM booking_guards;
-- Two that have lost all that is known about their bookings
BEGIN;
DROP TRIGGER "BG_Visit_id" ON "Visit";
DROP TRIGGER "BG_Visit_guideId" ON "Visit";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() LIMIT 1 \gexec
SELECT * FROM booking_guard_health();
ROLLBACK;
SELECT booking_guard_unprotect('"Service"', '"Visit"', ARRAY['guideId']);
-- The name to go back to is taken.
ALTER TRIGGER "BG_Visit_id" ON "Visit" RENAME TO "BG_one";
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';
CREATE TRIGGER "BG_Visit_id" AFTER DELETE ON "Visit" FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() LIMIT 1 \gexec
SELECT * FROM booking_guard_health();
DROP TABLE "Visit";
SELECT booking_guard_protect('"Service"', '"Booking"', or_replace => true);
SELECT * FROM booking_guard_health();

-- Triggers made by hand: without FROM, with arguments that cannot be read, firing for less
CREATE CONSTRAINT TRIGGER "BG_a" AFTER DELETE ON "Service" FOR EACH ROW EXECUTE FUNCTION booking_guard_service();
CREATE CONSTRAINT TRIGGER "BG_b" AFTER INSERT ON "Booking" FOR EACH ROW EXECUTE FUNCTION booking_guard_booking();
CREATE CONSTRAINT TRIGGER "BG_c" AFTER DELETE OR UPDATE ON "Service" FROM "Booking" FOR EACH ROW EXECUTE FUNCTION booking_guard_service();
CREATE CONSTRAINT TRIGGER "BG_c" AFTER INSERT OR UPDATE ON "Booking" FROM "Service" FOR EACH ROW EXECUTE FUNCTION booking_guard_booking();
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP TRIGGER "BG_Booking_serviceId" ON "Service";
CREATE CONSTRAINT TRIGGER "BG_Booking_serviceId" AFTER DELETE ON "Service" FROM "Booking" FOR EACH ROW
	EXECUTE FUNCTION booking_guard_service('service_key=id', 'label=service');
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

-- What a guard leaves behind, if the event trigger that tidies up was off
ALTER EVENT TRIGGER booking_guard_sql_drop DISABLE;
CREATE TABLE "Call" (code text REFERENCES "Service" (code), status text, date timestamptz);
CREATE TABLE "Lone" (id int PRIMARY KEY);
CREATE TABLE "Talk" (id int REFERENCES "Lone", status text, date timestamptz);
CREATE INDEX ON "Talk" (id);
SELECT booking_guard_protect('"Lone"', '"Talk"');
DROP TABLE "Talk";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

--
-- Names that are there no longer, since the event triggers were off
--
ALTER EVENT TRIGGER booking_guard_sql_drop DISABLE;
ALTER EVENT TRIGGER booking_guard_ddl_start DISABLE;
ALTER EVENT TRIGGER booking_guard_ddl_end ENABLE REPLICA;
SELECT * FROM booking_guard_health();
CREATE TYPE state AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
CREATE TABLE "Class" (id int REFERENCES "Service", status state, deleted_at timestamptz, date timestamptz);
CREATE INDEX ON "Class" (id);
SELECT booking_guard_protect('"Service"', '"Class"', tenant_column => 'code', inactive_column => 'deleted_at', free_statuses => ARRAY['CANCELLED']);
SELECT booking_guard_unprotect('"Service"', '"Booking"');
SELECT booking_guard_protect('"Service"', '"Class"', tenant_column => 'code', inactive_column => 'deleted_at', free_statuses => ARRAY['CANCELLED']);
-- Without them, a booking is active and upcoming.
ALTER TABLE "Service" RENAME code TO tenant;
ALTER TABLE "Class" RENAME status TO state;
ALTER TABLE "Class" RENAME date TO day;
ALTER TABLE "Class" RENAME deleted_at TO gone;
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
ALTER TABLE "Class" RENAME state TO status;
ALTER TABLE "Class" RENAME day TO date;
-- What is there still stays: the tenant, what retires a service, what makes a booking inactive
BEGIN;
ALTER TABLE "Service" ADD retired timestamptz;
SELECT booking_guard_protect('"Service"', '"Class"', tenant_column => 'tenant', inactive_column => 'gone', retire_column => 'retired', or_replace => true);
ALTER TABLE "Class" RENAME date TO day;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT tenant_column, inactive_column, retire_column, time_column FROM booking_guards;
ROLLBACK;
-- The column that a service is retired by
ALTER TABLE "Service" ADD retired timestamptz;
SELECT booking_guard_protect('"Service"', '"Class"', or_replace => true, retire_column => 'retired');
ALTER TABLE "Service" RENAME retired TO gone;
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
ALTER TABLE "Service" DROP gone;
-- An enum's label: all that the guard does not know blocks ...
SELECT booking_guard_protect('"Service"', '"Class"', or_replace => true);
ALTER TYPE state RENAME VALUE 'PENDING' TO 'WAITING';
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
-- ... and so if it had been listed as one that does not
SELECT booking_guard_protect('"Service"', '"Class"', or_replace => true, free_statuses => ARRAY['CANCELLED', 'WAITING']);
ALTER TYPE state RENAME VALUE 'WAITING' TO 'OPEN';
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
ALTER TYPE state RENAME VALUE 'CANCELLED' TO 'OFF';
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
-- Types that no statuses are values of, and that tell no time
ALTER TABLE "Class" ALTER status TYPE int USING 1, ALTER date TYPE text;
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
-- Keys: the foreign key knows their new names.
ALTER TABLE "Service" RENAME id TO number;
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
ALTER TABLE "Service" RENAME number TO id;
ALTER TABLE "Class" RENAME id TO "serviceId";
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
-- Types that cannot be compared: nothing is left to mend.
ALTER TABLE "Class" DROP CONSTRAINT "Class_id_fkey";
ALTER TABLE "Class" ALTER "serviceId" TYPE text;
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard IS NOT NULL;
SELECT fix FROM booking_guard_health() WHERE guard IS NOT NULL \gexec
DROP TABLE "Class";
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- An event trigger that is missing altogether is made as it was.
CREATE TABLE was AS SELECT evtname, evtevent, evtfoid, evtenabled, evttags FROM pg_event_trigger WHERE evtname ~ 'booking_guard';
ALTER EXTENSION booking_guard DROP EVENT TRIGGER booking_guard_ddl_start;
ALTER EXTENSION booking_guard DROP EVENT TRIGGER booking_guard_ddl_end;
ALTER EXTENSION booking_guard DROP EVENT TRIGGER booking_guard_sql_drop;
DROP EVENT TRIGGER booking_guard_ddl_start;
DROP EVENT TRIGGER booking_guard_ddl_end;
DROP EVENT TRIGGER booking_guard_sql_drop;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
SELECT count(*) AS as_before FROM was JOIN pg_event_trigger USING (evtname, evtevent, evtfoid, evtenabled)
WHERE was.evttags IS NOT DISTINCT FROM pg_event_trigger.evttags;
COMMENT ON EVENT TRIGGER booking_guard_ddl_start IS
'refuses to detach a partition concurrently while upcoming bookings need its services';
COMMENT ON EVENT TRIGGER booking_guard_ddl_end IS
'guards follow renames, and are validated after what may break their promise';
COMMENT ON EVENT TRIGGER booking_guard_sql_drop IS
'refuses to drop what a guard needs, and removes what guards of a service table shared when the last is gone';
DROP TABLE was;

--
-- Indexes
--
ALTER TABLE "Service" RENAME tenant TO code;
SELECT booking_guard_protect('"Service"', '"Booking"');
DROP INDEX "Booking_serviceId_date_idx";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP INDEX "Booking_serviceId_date_idx";
-- One that is not on the key, and some that are and do not serve
CREATE INDEX no ON "Booking" (date, "serviceId");
SELECT severity, problem FROM booking_guard_health();
DROP INDEX no;
CREATE INDEX no ON "Booking" ("serviceId") WHERE status = 'CONFIRMED';
SELECT severity, problem FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP INDEX no, "Booking_serviceId_date_idx";
CREATE INDEX no ON "Booking" USING brin ("serviceId");
SELECT severity, problem FROM booking_guard_health();
DROP INDEX no;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE OPERATOR CLASS other_ops FOR TYPE int USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 ===, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE INDEX no ON "Booking" ("serviceId" other_ops);
SELECT severity, problem FROM booking_guard_health();
DROP OPERATOR FAMILY other_ops USING btree CASCADE;
DROP OPERATOR === (int, int);
-- CREATE INDEX CONCURRENTLY that failed
CREATE INDEX CONCURRENTLY half ON "Booking" ("serviceId", (1 / (id - 1)));
UPDATE "Booking" SET id = 3 WHERE id = 1;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
UPDATE "Booking" SET "serviceId" = 1;
DROP INDEX half;
CREATE UNIQUE INDEX CONCURRENTLY half ON "Booking" ("serviceId");
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP INDEX half, "Booking_serviceId_date_idx";
CREATE INDEX ON "Booking" ("serviceId");
SELECT * FROM booking_guard_health();
-- Another collation
SELECT booking_guard_protect('"Service"', '"Call"', label => 'line');
CREATE INDEX no ON "Call" (code COLLATE "POSIX");
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

--
-- Partitions, of services and of bookings
--
CREATE TABLE "Room" (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE "Room 1" PARTITION OF "Room" FOR VALUES FROM (1) TO (10) PARTITION BY RANGE (id);
CREATE TABLE "Room 1a" PARTITION OF "Room 1" FOR VALUES FROM (1) TO (5);
CREATE TABLE "Stay" (id int, "roomId" int REFERENCES "Room", status text, date timestamptz) PARTITION BY RANGE (date);
CREATE TABLE "Stay 2100" PARTITION OF "Stay" FOR VALUES FROM ('2100-01-01') TO ('2101-01-01');
CREATE TABLE "Stay 2101" (note text, status text, date timestamptz, "roomId" int, id int);
ALTER TABLE "Stay 2101" DROP COLUMN note;
ALTER TABLE "Stay" ATTACH PARTITION "Stay 2101" FOR VALUES FROM ('2101-01-01') TO ('2102-01-01');
CREATE INDEX ON "Stay" ("roomId");
SELECT booking_guard_protect('"Room"', '"Stay"', label => 'room');
-- Each partition has a trigger of its own for TRUNCATE.
SET client_min_messages = warning;
DROP TRIGGER IF EXISTS zz_booking_guard_truncate ON "Room 1";
DROP TRIGGER IF EXISTS zz_booking_guard_truncate ON "Room 1a";
RESET client_min_messages;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- Clones that do not fire; a late trigger does no harm here.
ALTER TABLE "Room 1a" DISABLE TRIGGER "BG_Stay_roomId";
ALTER TABLE "Room 1a" DISABLE TRIGGER zz_booking_guard_truncate;
ALTER TABLE "Stay 2101" DISABLE TRIGGER "BG_Stay_roomId";
CREATE TRIGGER zzz_cancel BEFORE DELETE ON "Room" FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- Many that are equally bad, in the order in which they were found
SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', relid) FROM (SELECT * FROM pg_partition_tree('"Room"') UNION ALL SELECT * FROM pg_partition_tree('"Stay"')) AS tables \gexec
SELECT guard, severity, problem FROM booking_guard_health();
SELECT format('ALTER TABLE %s ENABLE TRIGGER USER', relid) FROM (SELECT * FROM pg_partition_tree('"Room"') UNION ALL SELECT * FROM pg_partition_tree('"Stay"')) AS tables \gexec
SELECT * FROM booking_guard_health();
-- A partition's triggers may have other names: until PostgreSQL 14 they could be renamed.
BEGIN;
UPDATE pg_trigger SET tgname = 'BG_other' WHERE tgrelid = '"Room 1"'::regclass AND tgname ~ '^BG_';
ALTER TABLE "Room 1" DISABLE TRIGGER "BG_other";
SELECT guard, severity, problem FROM booking_guard_health();
ROLLBACK;
-- A partition that was detached keeps its triggers, if the event triggers were off.
ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
ALTER EVENT TRIGGER booking_guard_sql_drop DISABLE;
CREATE TABLE "Room 2" PARTITION OF "Room" FOR VALUES FROM (10) TO (20);
CREATE TRIGGER zz_booking_guard_truncate AFTER TRUNCATE ON "Room 2" EXECUTE FUNCTION booking_guard_truncate();
ALTER TABLE "Room" DETACH PARTITION "Room 2";
CREATE TABLE "Stay 2102" PARTITION OF "Stay" FOR VALUES FROM ('2102-01-01') TO ('2103-01-01');
ALTER TABLE "Stay" DETACH PARTITION "Stay 2102";
ALTER EVENT TRIGGER booking_guard_ddl_end ENABLE;
ALTER EVENT TRIGGER booking_guard_sql_drop ENABLE;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP TABLE "Stay 2102";
-- A session that overrides guards
SET booking_guard.enforcement = warn;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

-- Indexes: of the whole, or of each partition
DROP INDEX "Stay_roomId_idx";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DROP INDEX "Stay_roomId_date_idx";
CREATE INDEX half ON ONLY "Stay" ("roomId");
CREATE INDEX "index 2100" ON "Stay 2100" ("roomId") WHERE status IN ('CONFIRMED', 'PENDING');
SELECT severity, problem FROM booking_guard_health();
CREATE INDEX "index 2101" ON "Stay 2101" ("roomId") WHERE status IN ('CONFIRMED');
SELECT severity, problem FROM booking_guard_health();
DROP INDEX "index 2101";
CREATE INDEX "index 2101" ON "Stay 2101" ("roomId") WHERE status IN ('CONFIRMED', 'PENDING');
SELECT severity, problem FROM booking_guard_health();
-- The unique index
ALTER TABLE "Room" DROP CONSTRAINT "Room_pkey" CASCADE;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ALTER TABLE "Service" DROP CONSTRAINT "Service_pkey" CASCADE;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();

-- of several columns
BEGIN;
CREATE TABLE "Seat" ("Row" int, no int, PRIMARY KEY ("Row", no));
CREATE TABLE "Sale" ("row" int, no int, status text, date timestamptz);
SELECT booking_guard_protect('"Seat"', '"Sale"', ARRAY['row', 'no'], label => 'seat');
ALTER TABLE "Seat" DROP CONSTRAINT "Seat_pkey";
SELECT guard, problem, fix FROM booking_guard_health();
ROLLBACK;

--
-- Foreign keys on the guard's columns
--
ALTER TABLE "Booking" ADD CONSTRAINT "to service" FOREIGN KEY ("serviceId") REFERENCES "Service" (id) NOT VALID;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- After DISABLE TRIGGER ALL and ENABLE TRIGGER USER it is still said to be valid. Its triggers have numbers in their names.
ALTER TABLE "Booking" DISABLE TRIGGER ALL;
ALTER TABLE "Booking" ENABLE TRIGGER USER;
ALTER TABLE "Service" DISABLE TRIGGER ALL;
ALTER TABLE "Service" ENABLE TRIGGER USER;
SELECT guard, severity, problem, regexp_replace(fix, '\d+', 'N', 'g') AS fix FROM booking_guard_health();
DO $$ DECLARE mend text; BEGIN FOR mend IN SELECT fix FROM booking_guard_health() LOOP EXECUTE mend; END LOOP; END $$;
SELECT * FROM booking_guard_health();
-- NOT ENFORCED, where the server knows it
DO $$
BEGIN
	IF current_setting('server_version_num')::int >= 180000 THEN
		ALTER TABLE "Booking" DROP CONSTRAINT "to service";
		EXECUTE 'ALTER TABLE "Booking" ADD CONSTRAINT "to service" FOREIGN KEY ("serviceId") REFERENCES "Service" (id) NOT ENFORCED';
		ASSERT (SELECT severity || ': ' || problem FROM booking_guard_health()) =
			'warning: Foreign key "to service" of table "health check"."Booking" is NOT ENFORCED.';
		EXECUTE (SELECT fix FROM booking_guard_health());
	END IF;
	ASSERT (SELECT count(*) FROM booking_guard_health()) = 0;
END $$;
-- On one partition
ALTER TABLE "Room" ADD PRIMARY KEY (id);
ALTER TABLE "Stay" ADD CONSTRAINT "to room" FOREIGN KEY ("roomId") REFERENCES "Room" (id);
ALTER TABLE "Stay 2101" DISABLE TRIGGER ALL;
ALTER TABLE "Stay 2101" ENABLE TRIGGER USER;
SELECT guard, severity, problem, regexp_replace(fix, '\d+"', 'N"', 'g') AS fix FROM booking_guard_health();
DO $$ DECLARE mend text; BEGIN FOR mend IN SELECT fix FROM booking_guard_health() LOOP EXECUTE mend; END LOOP; END $$;
SELECT * FROM booking_guard_health();
-- Others say nothing about the guard.
CREATE TABLE "Tenant" (id int PRIMARY KEY);
ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId") REFERENCES "Tenant" NOT VALID;
ALTER TABLE "Booking" ADD other int;
ALTER TABLE "Booking" ADD FOREIGN KEY (other) REFERENCES "Service" (id) NOT VALID;
ALTER TABLE "Service" ADD number int UNIQUE, ADD UNIQUE (id, number);
ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId") REFERENCES "Service" (number) NOT VALID;
ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId", other) REFERENCES "Service" (id, number) NOT VALID;
-- Nor does a trigger that is made by hand with a foreign key's function.
CREATE TRIGGER "RI_mine" AFTER INSERT ON "Booking" FOR EACH ROW EXECUTE FUNCTION "RI_FKey_check_ins"();
ALTER TABLE "Booking" DISABLE TRIGGER "RI_mine";
SELECT * FROM booking_guard_health();
DROP TRIGGER "RI_mine" ON "Booking";
DROP TABLE "Tenant" CASCADE;
ALTER TABLE "Booking" DROP other;
ALTER TABLE "Service" DROP number CASCADE;
-- The booking table became a partition behind the guard's back: its foreign key is the whole's, but it is not guarded.
BEGIN;
SET LOCAL session_replication_role = replica;
CREATE TABLE "All bookings" (LIKE "Booking", FOREIGN KEY ("serviceId") REFERENCES "Service" (id)) PARTITION BY RANGE (id);
ALTER TABLE "All bookings" ATTACH PARTITION "Booking" DEFAULT;
SET LOCAL session_replication_role = origin;
SELECT conparentid <> 0 AS of_the_whole FROM pg_constraint WHERE conrelid = '"Booking"'::regclass AND contype = 'f';
SELECT guard, severity, problem FROM booking_guard_health();
ROLLBACK;

--
-- Key types that differ: with an operator for the two, or with a cast
--
ALTER TABLE "Booking" DROP CONSTRAINT "to service";
ALTER TABLE "Service" ALTER id TYPE bigint;
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ALTER TABLE "Service" ALTER id TYPE numeric(12, 0);
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ALTER TABLE "Service" ADD PRIMARY KEY (id);
ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId") REFERENCES "Service";
-- These are as good as the same.
ALTER TABLE "Call" ALTER code TYPE varchar(10);
SELECT * FROM booking_guard_health();
DROP TABLE "Room", "Stay", "Call";

--
-- The right to read, of owners and of callers
--
CREATE ROLE "regress health owner";
CREATE ROLE regress_health_caller;
CREATE SCHEMA regress_health_schema;
CREATE TABLE regress_health_schema.booking (id numeric, status text, date timestamptz);
CREATE INDEX ON regress_health_schema.booking (id);
SELECT booking_guard_protect('"Service"', 'regress_health_schema.booking', ARRAY['id']);
ALTER TABLE regress_health_schema.booking OWNER TO "regress health owner";
DELETE FROM "Service" WHERE id = 2;
SELECT * FROM booking_guard_health();
GRANT USAGE ON SCHEMA regress_health_schema TO "regress health owner";
REVOKE SELECT ON regress_health_schema.booking FROM "regress health owner";
DELETE FROM "Service" WHERE id = 2;
SELECT * FROM booking_guard_health();
-- Of bookings, the right to read each column will do.
BEGIN;
GRANT SELECT (id, status, date) ON regress_health_schema.booking TO "regress health owner";
INSERT INTO regress_health_schema.booking VALUES (2, 'PENDING', '2100-01-01');
DELETE FROM "Service" WHERE id = 2;
ROLLBACK;
BEGIN;
GRANT SELECT (id, status, date) ON regress_health_schema.booking TO "regress health owner";
SELECT * FROM booking_guard_health();
ROLLBACK;
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- Of services it will not: a booker looks where the row is.
BEGIN;
ALTER TABLE "Service" OWNER TO "regress health owner";
GRANT USAGE ON SCHEMA "health check" TO "regress health owner";
REVOKE ALL ON "Service" FROM "regress health owner";
SELECT format('GRANT SELECT (%s), UPDATE (id) ON "Service" TO "regress health owner"', string_agg(quote_ident(attname), ', '))
	FROM pg_attribute WHERE attrelid = '"Service"'::regclass AND attnum > 0 AND NOT attisdropped \gexec
SELECT * FROM booking_guard_health();
ROLLBACK;
DELETE FROM "Service" WHERE id = 2;
-- The type of the statuses is in a schema as well.
BEGIN;
SELECT booking_guard_protect('"Service"', 'regress_health_schema.booking', ARRAY['id'], status_column => NULL, or_replace => true);
ALTER TABLE regress_health_schema.booking ALTER status TYPE state USING NULL;
GRANT USAGE ON SCHEMA "health check" TO "regress health owner";
SELECT booking_guard_protect('"Service"', 'regress_health_schema.booking', ARRAY['id'], free_statuses => ARRAY['OFF'], or_replace => true);
REVOKE USAGE ON SCHEMA "health check" FROM "regress health owner";
SELECT * FROM booking_guard_health();
-- All of it at once
REVOKE USAGE ON SCHEMA regress_health_schema FROM "regress health owner";
REVOKE SELECT ON regress_health_schema.booking FROM "regress health owner";
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ROLLBACK;
ALTER TABLE "Service" OWNER TO "regress health owner";
SELECT * FROM booking_guard_health() WHERE guard = 'BG_booking_id';
SELECT DISTINCT fix FROM booking_guard_health() \gexec
-- To lock rows is a right of its own; on one column is enough.
REVOKE UPDATE ON "Service" FROM "regress health owner";
UPDATE "Booking" SET date = '2101-01-01', status = 'CONFIRMED' WHERE id = 3;
SELECT * FROM booking_guard_health() WHERE guard = 'BG_booking_id';
GRANT UPDATE (code) ON "Service" TO "regress health owner";
UPDATE "Booking" SET date = '2101-01-01', status = 'CONFIRMED' WHERE id = 3;
SELECT * FROM booking_guard_health();
REVOKE UPDATE (code), SELECT ON "Service" FROM "regress health owner";
SELECT * FROM booking_guard_health() WHERE guard = 'BG_booking_id';
SELECT DISTINCT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- Whoever may not read the bookings is not told about them, but about all else.
SET session_replication_role = replica;
INSERT INTO "Booking" VALUES (7, 7, 'PENDING', NULL, '2100-01-01');
RESET session_replication_role;
ALTER TABLE "Service" DISABLE TRIGGER zz_booking_guard_truncate;
SET ROLE regress_health_caller;
SELECT guard, severity, problem FROM public.booking_guard_health();
RESET ROLE;
ALTER TABLE "Service" ENABLE TRIGGER zz_booking_guard_truncate;
GRANT SELECT ON "Booking" TO regress_health_caller;
SET ROLE regress_health_caller;
SELECT * FROM public.booking_guard_health() WHERE guard = 'BG_Booking_serviceId';
SELECT * FROM public.booking_guard_health(scan => false);
RESET ROLE;
GRANT SELECT ON "Service" TO regress_health_caller;
SET ROLE regress_health_caller;
SELECT guard, severity, problem FROM public.booking_guard_health();
RESET ROLE;
-- The fix is for those who may.
ALTER ROLE regress_health_caller NOINHERIT;
GRANT "regress health owner" TO regress_health_caller;
SET SESSION AUTHORIZATION regress_health_caller;
SELECT * FROM public.booking_guard_health() WHERE guard = 'BG_booking_id';
SELECT fix FROM public.booking_guard_health() WHERE guard = 'BG_booking_id' \gexec
SELECT guard, severity, problem FROM public.booking_guard_health();
RESET SESSION AUTHORIZATION;
-- Row-level security hides bookings as well.
ALTER TABLE "Booking" ENABLE ROW LEVEL SECURITY;
SET ROLE regress_health_caller;
SELECT guard, severity, problem FROM public.booking_guard_health();
RESET ROLE;
ALTER TABLE "Booking" DISABLE ROW LEVEL SECURITY;
ALTER TABLE "Service" OWNER TO CURRENT_USER;
DROP SCHEMA regress_health_schema CASCADE;
DROP OWNED BY "regress health owner", regress_health_caller;
DROP ROLE "regress health owner", regress_health_caller;

--
-- Bookings that point at no service
--
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SET session_replication_role = replica;
INSERT INTO "Booking" SELECT n, n, s, c, d FROM (VALUES
	(8, 'CONFIRMED', NULL::timestamptz, NULL::timestamptz),
	(9, 'CANCELLED', NULL, '2100-01-01'),
	(10, 'PENDING', NULL, '2000-01-01'),
	(11, NULL, NULL, '2100-01-01')) AS v(n, s, c, d);
INSERT INTO "Booking" VALUES (12, NULL, 'PENDING', NULL, '2100-01-01');
RESET session_replication_role;
SELECT * FROM booking_guard_health();
SELECT * FROM booking_guard_health(scan => false);
-- Also what this transaction has not committed, and at another isolation level
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM "Booking" WHERE id = 8;
SELECT severity, problem FROM booking_guard_health();
DELETE FROM "Booking" WHERE id = 7;
SELECT severity, problem FROM booking_guard_health();
ROLLBACK;
DELETE FROM "Booking" WHERE id > 4;
SELECT * FROM booking_guard_health();

--
-- Statuses that nobody has
--
SELECT booking_guard_protect('"Service"', '"Booking"', blocking_statuses => ARRAY['pending', 'confirmed'], or_replace => true);
SELECT * FROM booking_guard_health();
SELECT * FROM booking_guard_health(scan => false);
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
-- One of them is enough.
SELECT booking_guard_protect('"Service"', '"Booking"', blocking_statuses => ARRAY['pending', 'CONFIRMED'], or_replace => true);
SELECT * FROM booking_guard_health();
SELECT booking_guard_protect('"Service"', '"Booking"', free_statuses => ARRAY['CANCELLED', 'CANCELED'], or_replace => true);
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
SELECT booking_guard_protect('"Service"', '"Booking"', free_statuses => ARRAY['CANCELED'], or_replace => true);
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
-- No row at all is fine.
BEGIN;
DELETE FROM "Booking";
SELECT * FROM booking_guard_health();
ROLLBACK;
-- Too many to compare
BEGIN;
INSERT INTO "Booking" SELECT n, 1, 's' || n, NULL, '2000-01-01' FROM generate_series(100, 200) n;
SELECT * FROM booking_guard_health();
ROLLBACK;
-- An enum's labels that are not listed: listing those that do not block settles it.
SELECT booking_guard_unprotect('"Service"', '"Booking"');
ALTER TABLE "Booking" ALTER status TYPE state USING (CASE status WHEN 'CANCELLED' THEN 'OFF' ELSE 'CONFIRMED' END)::state;
SELECT booking_guard_protect('"Service"', '"Booking"', blocking_statuses => ARRAY['CONFIRMED']);
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ALTER TYPE state ADD VALUE 'NEW';
SELECT * FROM booking_guard_health();
SELECT booking_guard_protect('"Service"', '"Booking"', blocking_statuses => enum_range(NULL::state)::text[], or_replace => true);
SELECT * FROM booking_guard_health();

-- A guard that only warns
SELECT booking_guard_protect('"Service"', '"Booking"', blocking_statuses => enum_range(NULL::state)::text[], mode => 'warn', or_replace => true);
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
\x

--
-- What the documentation recommends
--
\set ci 'SELECT coalesce(string_agg(concat_ws(E\': \', guard, problem), E\'\\n\'), \'0\')::int FROM booking_guard_health() WHERE severity <> \'info\''
\set monitor 'SELECT count(*) FROM booking_guard_health(scan => false) WHERE severity = \'error\''
:ci;
:monitor;
SELECT booking_guard_protect('"Service"', '"Booking"', blocking_statuses => enum_range(NULL::state)::text[], mode => 'warn', or_replace => true);
:ci;
ALTER TABLE "Service" DISABLE TRIGGER USER;
:ci;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
:monitor;
ALTER TABLE "Service" ENABLE TRIGGER USER;

--
-- Of several guards, each that has something, the worst first
--
CREATE TABLE "Call" (code text, status text, date timestamptz);
CREATE TABLE "Visit" (id bigint REFERENCES "Service" (id), status text, date timestamptz);
SELECT booking_guard_protect('"Service"', '"Call"', ARRAY['code'], ARRAY['code'], label => 'line');
SELECT booking_guard_protect('"Service"', '"Visit"');
ALTER TABLE "Visit" DISABLE TRIGGER USER;
DROP TRIGGER zz_booking_guard_truncate ON "Service";
SELECT guard, severity, problem FROM booking_guard_health();
-- It reads, and locks nothing against writers.
BEGIN;
SELECT count(*) FROM booking_guard_health();
SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid';
ROLLBACK;
-- It leaves the transaction and the session as they were, also when a guard is broken.
BEGIN;
ALTER TABLE "Service" DROP CONSTRAINT "Service_code_key" CASCADE;
SELECT guard, severity FROM booking_guard_health();
SELECT guard FROM booking_guards;
SHOW search_path;
ROLLBACK;

-- The library of this version under the SQL objects of version 1.0
BEGIN;
SET LOCAL client_min_messages = warning;
DROP SCHEMA "health check" CASCADE;
DROP EXTENSION booking_guard;
CREATE EXTENSION booking_guard SCHEMA public VERSION '1.0';
SELECT * FROM booking_guard_health();
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
ROLLBACK;

\set VERBOSITY terse
DROP SCHEMA "health check" CASCADE;
