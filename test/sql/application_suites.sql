--
-- The test suites of applications: what they send to clean up, to load
-- fixtures and to switch triggers off, beside a guard. Each shows what works
-- and, where something does not, the way that does.
--
CREATE SCHEMA application_suites;
SET search_path = application_suites, public;
SET timezone = 'UTC';
SET datestyle = ISO;

-- The same tables three times: bookings without a foreign key, with one that
-- checks at once, as Rails and Prisma make it, and with one that checks at the
-- end of the transaction, as Django makes it.
CREATE SCHEMA none
	CREATE TABLE services (id serial PRIMARY KEY, name text)
	CREATE TABLE bookings (id serial PRIMARY KEY, service_id int, status text DEFAULT 'CONFIRMED',
		date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE SCHEMA immediate
	CREATE TABLE services (id serial PRIMARY KEY, name text)
	CREATE TABLE bookings (id serial PRIMARY KEY, service_id int REFERENCES services, status text DEFAULT 'CONFIRMED',
		date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE SCHEMA deferred
	CREATE TABLE services (id serial PRIMARY KEY, name text)
	CREATE TABLE bookings (id serial PRIMARY KEY,
		service_id int REFERENCES services DEFERRABLE INITIALLY DEFERRED, status text DEFAULT 'CONFIRMED',
		date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON none.bookings (service_id);
CREATE INDEX ON immediate.bookings (service_id);
CREATE INDEX ON deferred.bookings (service_id);
SELECT booking_guard_protect('none.services', 'none.bookings', '{service_id}');
SELECT booking_guard_protect('immediate.services', 'immediate.bookings');
SELECT booking_guard_protect('deferred.services', 'deferred.bookings');

-- Runs statements in one transaction against each of the three, says what came
-- of it and what is left then, and undoes it all.
CREATE FUNCTION try(VARIADIC statements text[], OUT foreign_key text, OUT outcome text,
	OUT services bigint, OUT bookings bigint, OUT lost bigint)
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	statement text;
BEGIN
	FOREACH foreign_key IN ARRAY ARRAY['none', 'immediate', 'deferred'] LOOP
		services := NULL;
		bookings := NULL;
		lost := NULL;
		BEGIN
			PERFORM set_config('search_path', foreign_key || ', public', true);
			FOREACH statement IN ARRAY statements LOOP
				EXECUTE statement;
			END LOOP;
			SET CONSTRAINTS ALL IMMEDIATE;
			outcome := 'works';
			EXECUTE 'SELECT (SELECT count(*) FROM services), count(*), count(*) FILTER (WHERE status = ''CONFIRMED'' AND date >= now()
				AND NOT EXISTS (SELECT FROM services s WHERE s.id = service_id)) FROM bookings'
				INTO services, bookings, lost;
			RAISE EXCEPTION SQLSTATE 'UNDO0';
		EXCEPTION
			WHEN SQLSTATE 'UNDO0' THEN
				NULL;
			WHEN OTHERS THEN
				outcome := SQLERRM;
		END;
		RETURN NEXT;
	END LOOP;
END $$;

INSERT INTO none.services (name) VALUES ('Cut'), ('Shave');
INSERT INTO immediate.services (name) VALUES ('Cut'), ('Shave');
INSERT INTO deferred.services (name) VALUES ('Cut'), ('Shave');
INSERT INTO none.bookings (service_id) VALUES (1), (1), (2);
INSERT INTO immediate.bookings (service_id) VALUES (1), (1), (2);
INSERT INTO deferred.bookings (service_id) VALUES (1), (1), (2);


--
-- Cleaning up
--

-- database_cleaner's truncation: all tables in one statement, in any order
SELECT * FROM try('TRUNCATE TABLE bookings, services RESTART IDENTITY CASCADE;');
SELECT * FROM try('TRUNCATE TABLE services, bookings RESTART IDENTITY CASCADE;');
-- Django's flush and TransactionTestCase; with available_apps it adds CASCADE
SELECT * FROM try('TRUNCATE "services", "bookings";');
SELECT * FROM try('TRUNCATE "bookings", "services" RESTART IDENTITY CASCADE;');
-- Rails' truncate_tables
SELECT * FROM try('TRUNCATE TABLE "bookings", "services"');

-- Only some tables (:only, :except), or one after the other, as the snippets
-- for Prisma do it: services alone only take the bookings along by a foreign
-- key. Without one, truncate the bookings first or in the same statement.
SELECT * FROM try('TRUNCATE TABLE services RESTART IDENTITY CASCADE;');
SELECT * FROM try('TRUNCATE TABLE services CASCADE;', 'TRUNCATE TABLE bookings CASCADE;');
SELECT * FROM try('TRUNCATE TABLE bookings CASCADE;', 'TRUNCATE TABLE services CASCADE;');

-- Row by row, bookings first (Rails' delete_all, Django's delete(), which finds
-- that order itself, Prisma's deleteMany())
SELECT * FROM try('DELETE FROM bookings', 'DELETE FROM services');
SELECT * FROM try('DELETE FROM "bookings" WHERE "bookings"."service_id" IN (1, 2)', 'DELETE FROM "services" WHERE "services"."id" IN (2, 1)');
SELECT * FROM try('DELETE FROM "bookings" WHERE 1=1', 'DELETE FROM "services" WHERE 1=1');

-- Services first is refused, at once: the guard does not wait for the end of
-- the transaction, not even where the foreign key does and SET CONSTRAINTS asks
-- for it.
SELECT * FROM try('DELETE FROM "services" WHERE 1=1', 'DELETE FROM "bookings" WHERE 1=1');
SELECT * FROM try('SET CONSTRAINTS ALL DEFERRED', 'DELETE FROM services', 'DELETE FROM bookings');
-- Any order works once no booking is active, as far as the foreign key has it,
SELECT * FROM try('UPDATE bookings SET status = ''CANCELLED''', 'DELETE FROM services', 'DELETE FROM bookings');
-- and with ON DELETE CASCADE it takes no second statement.
SELECT * FROM try('ALTER TABLE bookings DROP CONSTRAINT IF EXISTS bookings_service_id_fkey',
	'ALTER TABLE bookings ADD FOREIGN KEY (service_id) REFERENCES services ON DELETE CASCADE',
	'UPDATE bookings SET status = ''CANCELLED''', 'DELETE FROM services');
-- An ORM that sets the keys to NULL first (Django's SET_NULL, Rails'
-- dependent: :nullify) is refused there.
SELECT * FROM try('UPDATE "bookings" SET "service_id" = NULL WHERE "bookings"."id" IN (1, 2, 3)', 'DELETE FROM "services" WHERE "services"."id" IN (2, 1)');

-- The same in autocommit: each statement stands for itself.
SET search_path = immediate, public;
BEGIN;
SAVEPOINT clean;
DELETE FROM services;
ROLLBACK TO clean;
DELETE FROM bookings;
DELETE FROM services;
ROLLBACK;
SET search_path = deferred, public;
DELETE FROM services;
SELECT count(*) FROM bookings;
SET search_path = application_suites, public;

-- database_cleaner's deletion, table by table in any order, inside Rails'
-- disable_referential_integrity. It needs a superuser.
SELECT * FROM try('ALTER TABLE "services" DISABLE TRIGGER ALL;ALTER TABLE "bookings" DISABLE TRIGGER ALL',
	'DELETE FROM "services" WHERE 1=1', 'DELETE FROM "bookings" WHERE 1=1',
	'ALTER TABLE "services" ENABLE TRIGGER ALL;ALTER TABLE "bookings" ENABLE TRIGGER ALL');
SELECT * FROM try('SET LOCAL session_replication_role = replica',
	'DELETE FROM "services" WHERE 1=1', 'DELETE FROM "bookings" WHERE 1=1',
	'SET LOCAL session_replication_role = DEFAULT');

-- Rails goes on where it may not do that. It is guarded then, and has to
-- delete bookings first, or to truncate.
CREATE ROLE regress_suite;
GRANT USAGE ON SCHEMA immediate TO regress_suite;
ALTER TABLE immediate.services OWNER TO regress_suite;
ALTER TABLE immediate.bookings OWNER TO regress_suite;
SET search_path = immediate, public;
SET ROLE regress_suite;
BEGIN;
SAVEPOINT active_record_1;
\set VERBOSITY sqlstate
ALTER TABLE "services" DISABLE TRIGGER ALL;ALTER TABLE "bookings" DISABLE TRIGGER ALL;
ROLLBACK TO active_record_1;
SET session_replication_role = replica;
\set VERBOSITY default
ROLLBACK TO active_record_1;
DELETE FROM "services" WHERE 1=1;
ROLLBACK TO active_record_1;
DELETE FROM "bookings" WHERE 1=1;
DELETE FROM "services" WHERE 1=1;
ROLLBACK TO active_record_1;
TRUNCATE TABLE services, bookings RESTART IDENTITY CASCADE;
ROLLBACK;
RESET ROLE;
ALTER TABLE immediate.services OWNER TO CURRENT_USER;
ALTER TABLE immediate.bookings OWNER TO CURRENT_USER;
REVOKE USAGE ON SCHEMA immediate FROM regress_suite;
DROP ROLE regress_suite;
SET search_path = application_suites, public;


--
-- Fixtures, all in one transaction
--

-- services first
SELECT * FROM try('INSERT INTO services VALUES (7, ''Dye'')', 'INSERT INTO bookings VALUES (7, 7)');
-- Bookings first is a matter for the foreign key: one that checks at the end
-- allows it. Without one, the guard can be told to wait; one that checks at
-- once cannot.
SELECT * FROM try('INSERT INTO bookings VALUES (7, 7)', 'INSERT INTO services VALUES (7, ''Dye'')');
SELECT * FROM try('SET CONSTRAINTS ALL DEFERRED', 'INSERT INTO bookings VALUES (7, 7)', 'INSERT INTO services VALUES (7, ''Dye'')');
-- Nothing is forgotten: a service that never comes is missed at the end.
SELECT * FROM try('SET CONSTRAINTS ALL DEFERRED', 'INSERT INTO bookings VALUES (7, 7)');
-- Unless it is past or cancelled, it is no booking that the guard knows.
SELECT * FROM try('INSERT INTO bookings VALUES (7, 7, ''CANCELLED'')', 'INSERT INTO bookings VALUES (8, 8, ''CONFIRMED'', ''2000-01-01'')');

-- Django's loaddata: rows in the order of the file; for each it tries an
-- UPDATE, then INSERTs; then it checks, and resets the sequences.
SET search_path = deferred, public;
BEGIN;
UPDATE "bookings" SET "service_id" = 7, "status" = 'CONFIRMED', "date" = '2100-01-01T10:00:00+00:00'::timestamptz WHERE "bookings"."id" = 7;
INSERT INTO "bookings" ("id", "service_id", "status", "date") VALUES (7, 7, 'CONFIRMED', '2100-01-01T10:00:00+00:00'::timestamptz);
UPDATE "services" SET "name" = 'Dye' WHERE "services"."id" = 7;
INSERT INTO "services" ("id", "name") VALUES (7, 'Dye');
-- one that is there already gets another service
UPDATE "bookings" SET "service_id" = 8, "status" = 'PENDING', "date" = '2100-01-01T10:00:00+00:00'::timestamptz WHERE "bookings"."id" = 3;
INSERT INTO "services" ("id", "name") VALUES (8, 'Nails');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT setval(pg_get_serial_sequence('"services"','id'), coalesce(max("id"), 1), max("id") IS NOT null) FROM "services";
COMMIT;
SELECT b.id, s.name, status FROM bookings b JOIN services s ON s.id = service_id ORDER BY b.id;
TRUNCATE services, bookings RESTART IDENTITY;
INSERT INTO services (name) VALUES ('Cut'), ('Shave');
INSERT INTO bookings (service_id) VALUES (1), (1), (2);
-- The check finds what is wrong. From then on in that transaction, TestCase's
-- say, the guard's own check waits too, until it is asked for or the end.
BEGIN;
INSERT INTO "bookings" ("id", "service_id") VALUES (9, 9);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
SET search_path = none, public;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO "bookings" ("id", "service_id") VALUES (9, 9);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
-- Deletes are never held back.
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM "services" WHERE "services"."id" IN (2);
ROLLBACK;
SET search_path = application_suites, public;

-- Rails' fixtures: inside disable_referential_integrity, it deletes from the
-- tables and fills them, in the order of their names or any other.
SELECT * FROM try('ALTER TABLE "bookings" DISABLE TRIGGER ALL;ALTER TABLE "services" DISABLE TRIGGER ALL',
	'DELETE FROM "services";DELETE FROM "bookings";INSERT INTO "bookings" ("id", "service_id") VALUES (298486374, 980190962);INSERT INTO "services" ("id", "name") VALUES (980190962, ''Dye'')',
	'ALTER TABLE "bookings" ENABLE TRIGGER ALL;ALTER TABLE "services" ENABLE TRIGGER ALL');
-- Not allowed to do that, it must be told the order: deletes bookings first,
-- inserts services first.
SELECT * FROM try('DELETE FROM "services";DELETE FROM "bookings";INSERT INTO "bookings" ("id", "service_id") VALUES (298486374, 980190962);INSERT INTO "services" ("id", "name") VALUES (980190962, ''Dye'')');
SELECT * FROM try('DELETE FROM "bookings";DELETE FROM "services";INSERT INTO "services" ("id", "name") VALUES (980190962, ''Dye'');INSERT INTO "bookings" ("id", "service_id") VALUES (298486374, 980190962)');
-- Nobody has looked at what was loaded with triggers off. The foreign key can
-- be made to, as Rails does after loading fixtures; a guard without one by a
-- query, or by making it anew.
SELECT * FROM try('ALTER TABLE "bookings" DISABLE TRIGGER ALL', 'INSERT INTO bookings VALUES (7, 7)', 'ALTER TABLE "bookings" ENABLE TRIGGER ALL');
SELECT * FROM try('ALTER TABLE "bookings" DISABLE TRIGGER ALL', 'INSERT INTO bookings VALUES (7, 7)', 'ALTER TABLE "bookings" ENABLE TRIGGER ALL',
	'UPDATE pg_constraint SET convalidated = false WHERE conrelid = ''bookings''::regclass AND contype = ''f''',
	'DO ''BEGIN ALTER TABLE bookings VALIDATE CONSTRAINT bookings_service_id_fkey; EXCEPTION WHEN undefined_object THEN END''',
	'SELECT booking_guard_unprotect(''services'', ''bookings'')', 'SELECT booking_guard_protect(''services'', ''bookings'', ''{service_id}'')');


--
-- Tests inside one transaction that is rolled back: Rails' transactional tests,
-- database_cleaner's transaction strategy, Django's TestCase
--
SET search_path = immediate, public;

-- A refusal ends the transaction, as any error does, and with it the test …
BEGIN;
DELETE FROM services WHERE id = 1;
SELECT count(*) FROM services;
ROLLBACK;
-- … unless there is a savepoint around it (transaction(requires_new: true),
-- transaction.atomic()). A verdict needs none.
BEGIN;
SAVEPOINT active_record_1;
DELETE FROM services WHERE id = 1;
ROLLBACK TO SAVEPOINT active_record_1;
SELECT count(*) FROM services;
SELECT outcome, upcoming_bookings FROM safe_delete_service(1, service_table => 'services');
SELECT count(*) FROM services;
ROLLBACK;

-- now() is the start of the transaction, so time stands still in such a test:
-- what has come and gone since is still upcoming.
BEGIN;
UPDATE bookings SET date = clock_timestamp() WHERE service_id = 2;
SAVEPOINT later;
SELECT date < clock_timestamp() AS past_by_the_clock, date >= now() AS upcoming FROM bookings WHERE service_id = 2;
\set VERBOSITY terse
DELETE FROM services WHERE id = 2;
\set VERBOSITY default
ROLLBACK TO later;
-- Give it a time before the test instead.
UPDATE bookings SET date = now() - interval '1 minute' WHERE service_id = 2;
SELECT count(*) AS blocking FROM booking_guard_blocking_bookings(2, service_table => 'services');
ROLLBACK;


--
-- Triggers off
--

-- DISABLE TRIGGER USER may be said by the owner. It is the guard's triggers
-- that it disables, and the foreign key's that it leaves.
ALTER TABLE bookings DROP CONSTRAINT bookings_service_id_fkey,
	ADD CONSTRAINT bookings_service_id_fkey FOREIGN KEY (service_id) REFERENCES services ON DELETE SET NULL;

-- On services: the delete is not stopped, but bookings are not stripped.
ALTER TABLE services DISABLE TRIGGER USER;
SELECT severity, problem, fix FROM booking_guard_health();
DELETE FROM services WHERE id = 1;
UPDATE bookings SET service_id = NULL WHERE id = 1;
INSERT INTO bookings VALUES (9, 99);
-- With ON DELETE CASCADE they go, without a foreign key they are left alone.
BEGIN;
ALTER TABLE bookings DROP CONSTRAINT bookings_service_id_fkey,
	ADD CONSTRAINT bookings_service_id_fkey FOREIGN KEY (service_id) REFERENCES services ON DELETE CASCADE;
DELETE FROM services WHERE id = 1;
SELECT id, service_id FROM bookings;
ROLLBACK;
BEGIN;
ALTER TABLE bookings DROP CONSTRAINT bookings_service_id_fkey;
DELETE FROM services WHERE id = 1;
TRUNCATE services;
SELECT id, service_id FROM bookings ORDER BY id;
ROLLBACK;
ALTER TABLE services ENABLE TRIGGER USER;
SELECT * FROM booking_guard_health();
DELETE FROM services WHERE id = 1;

-- On bookings: services are held, but a booking may be detached, and come back
-- to life without its service.
ALTER TABLE bookings DISABLE TRIGGER USER;
SELECT severity, problem, fix FROM booking_guard_health();
DELETE FROM services WHERE id = 1;
INSERT INTO bookings VALUES (9, 99);
BEGIN;
UPDATE bookings SET service_id = NULL WHERE id = 3;
ROLLBACK;
ALTER TABLE bookings DROP CONSTRAINT bookings_service_id_fkey;
BEGIN;
INSERT INTO bookings VALUES (9, 99);
ROLLBACK;
ALTER TABLE bookings ENABLE TRIGGER USER;
INSERT INTO bookings VALUES (9, 99);

-- What health says to do ends it, whoever forgot.
ALTER TABLE services DISABLE TRIGGER USER;
ALTER TABLE bookings DISABLE TRIGGER USER;
SELECT fix FROM booking_guard_health() \gexec
SELECT * FROM booking_guard_health();
DELETE FROM services WHERE id = 1;
-- ENABLE TRIGGER ALL, with which Rails ends its own, too; but triggers that were
-- set to fire ALWAYS are ordinary ones then.
ALTER TABLE services ENABLE ALWAYS TRIGGER "BG_bookings_service_id";
ALTER TABLE services DISABLE TRIGGER ALL;
ALTER TABLE services ENABLE TRIGGER ALL;
SELECT * FROM booking_guard_health();
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'services'::regclass ORDER BY tgname;

-- Not while a deferred check is due: a suite cannot get past one that way.
SET search_path = none, public;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO bookings VALUES (9, 99);
SAVEPOINT s;
ALTER TABLE bookings DISABLE TRIGGER USER;
ROLLBACK TO s;
SET LOCAL session_replication_role = replica;
COMMIT;

\set VERBOSITY terse
DROP SCHEMA application_suites, none, immediate, deferred CASCADE;
