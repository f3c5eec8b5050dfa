--
-- Removing a tenant: its services and its bookings go with it by foreign keys,
-- so it needs a guard of its own.
--
CREATE SCHEMA tenants;
SET search_path = tenants, public;
SET timezone = 'UTC';
SET datestyle = ISO;

CREATE TABLE "Tenant" (id text PRIMARY KEY);
CREATE TABLE "Service" (id text PRIMARY KEY, "tenantId" text, UNIQUE ("tenantId", id));
CREATE TABLE "Booking" (
	id text PRIMARY KEY,
	"tenantId" text,
	"serviceId" text,
	status text,
	date timestamptz
);
CREATE INDEX ON "Booking" ("serviceId");
CREATE INDEX ON "Booking" ("tenantId");
-- t1 has an upcoming booking, t2 only one that is past
INSERT INTO "Tenant" VALUES ('t1'), ('t2');
INSERT INTO "Service" VALUES ('s1', 't1'), ('s2', 't2');
INSERT INTO "Booking" VALUES
	('b1', 't1', 's1', 'CONFIRMED', '2100-01-01 10:00+00'),
	('b2', 't2', 's2', 'CONFIRMED', '2000-01-01 10:00+00');

SELECT booking_guard_protect('"Service"', '"Booking"', '{serviceId}');

-- Foreign keys fire in the order of their triggers' names, which end in a
-- number, but are compared as text: 9999 fires after 10000. Makes those of one
-- table fire first.
CREATE FUNCTION fire_first(parent regclass, child regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	tg name;
BEGIN
	FOR tg IN SELECT tgname FROM pg_trigger WHERE tgrelid = parent AND tgisinternal AND tgconstrrelid = child LOOP
		EXECUTE format('ALTER TRIGGER %I ON %s RENAME TO %I', tg, parent, replace(tg, 'Trigger_a_', 'Trigger_a_0'));
	END LOOP;
END $$;

-- Deletes a tenant under every choice of foreign keys, those of services and
-- those of bookings made first, and firing first. Says what became of the
-- booking, or who refused, and undoes it all.
CREATE FUNCTION remove_tenant(tenant text, OUT foreign_keys text, OUT older text, OUT fires_first text,
	OUT verdict text, OUT bookings text)
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	kinds text[];
	all_kinds text[] := ARRAY[
		-- service to tenant, booking to tenant, booking to service
		['CASCADE', 'CASCADE', 'CASCADE'],
		['CASCADE', 'CASCADE', 'SET NULL'],
		['CASCADE', 'CASCADE', 'NO ACTION'],
		['CASCADE', 'CASCADE', 'composite CASCADE'],
		['CASCADE', 'CASCADE', 'composite SET NULL'],
		['CASCADE', 'CASCADE', 'none'],
		['SET NULL', 'CASCADE', 'CASCADE'],
		['CASCADE', 'SET NULL', 'CASCADE'],
		['CASCADE', 'SET NULL', 'SET NULL'],
		['SET NULL', 'SET NULL', 'SET NULL'],
		['CASCADE', 'NO ACTION', 'CASCADE'],
		['CASCADE', 'none', 'CASCADE'],
		['CASCADE', 'none', 'SET NULL']];
	service_key text;
	booking_key text;
	con text;
BEGIN
	FOREACH kinds SLICE 1 IN ARRAY all_kinds LOOP
		foreign_keys := array_to_string(kinds, ', ');
		service_key := format('ALTER TABLE "Service" ADD FOREIGN KEY ("tenantId") REFERENCES "Tenant" ON DELETE %s', kinds[1]);
		booking_key := CASE WHEN kinds[2] <> 'none' THEN
			format('ALTER TABLE "Booking" ADD FOREIGN KEY ("tenantId") REFERENCES "Tenant" ON DELETE %s', kinds[2]) ELSE '' END;
		FOREACH older IN ARRAY ARRAY['Service', 'Booking'] LOOP
			FOREACH fires_first IN ARRAY ARRAY['Service', 'Booking'] LOOP
				bookings := NULL;
				BEGIN
					EXECUTE CASE older WHEN 'Service' THEN service_key ELSE booking_key END;
					EXECUTE CASE older WHEN 'Service' THEN booking_key ELSE service_key END;
					IF kinds[3] LIKE 'composite%' THEN
						EXECUTE 'ALTER TABLE "Booking" ADD FOREIGN KEY ("tenantId", "serviceId") REFERENCES "Service" ("tenantId", id) ON DELETE '
							|| replace(kinds[3], 'composite', '');
					ELSIF kinds[3] <> 'none' THEN
						EXECUTE 'ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId") REFERENCES "Service" ON DELETE ' || kinds[3];
					END IF;
					PERFORM fire_first('"Tenant"', format('%I', fires_first)::regclass);

					DELETE FROM "Tenant" WHERE id = tenant;
					verdict := 'done';
					SELECT coalesce(string_agg(format('%s: %s %s', id, coalesce("tenantId", 'none'), coalesce("serviceId", 'none')), ', '), 'none')
						INTO bookings FROM "Booking" WHERE id = replace(tenant, 't', 'b');
					RAISE EXCEPTION SQLSTATE 'UNDO0';
				EXCEPTION
					WHEN SQLSTATE 'UNDO0' THEN
						NULL;
					WHEN foreign_key_violation THEN
						GET STACKED DIAGNOSTICS con = CONSTRAINT_NAME;
						verdict := CASE WHEN con LIKE 'BG%' THEN SQLERRM ELSE 'refused by ' || con END;
				END;
				RETURN NEXT;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;

CREATE VIEW removing AS
SELECT tenant, foreign_keys, CASE count(*) WHEN 4 THEN 'any' ELSE string_agg(fires_first || ' first', ', ') END AS "order",
	verdict, bookings
FROM (VALUES ('t1'), ('t2')) v (tenant), remove_tenant(tenant) WITH ORDINALITY
GROUP BY tenant, foreign_keys, verdict, bookings
ORDER BY tenant, min(ordinality);


--
-- With the guard of services alone
--
-- Where bookings point at the tenant with ON DELETE CASCADE, nothing refuses:
-- they are gone when services are judged, in whatever order. No booking is
-- left without its service, but they are lost.
SELECT foreign_keys, "order", verdict, bookings
FROM removing WHERE tenant = 't1';


--
-- With a guard of tenants beside it
--
SELECT booking_guard_protect('"Tenant"', '"Booking"', '{tenantId}', label => 'tenant');
SELECT foreign_keys, "order", verdict, bookings FROM removing WHERE tenant = 't1';
-- A tenant whose bookings are all past goes, as far as foreign keys let it.
SELECT foreign_keys, "order", verdict, bookings FROM removing WHERE tenant = 't2';


--
-- The message, and the other functions
--
ALTER TABLE "Service" ADD FOREIGN KEY ("tenantId") REFERENCES "Tenant" ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Booking" ADD FOREIGN KEY ("tenantId") REFERENCES "Tenant" ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId") REFERENCES "Service" ON DELETE CASCADE ON UPDATE CASCADE;
INSERT INTO "Booking" VALUES ('b3', 't1', 's1', 'PENDING', '2100-01-02 10:00+00');
DELETE FROM "Tenant" WHERE id = 't1';
DELETE FROM "Tenant";
SELECT * FROM booking_guard_blocking_bookings('t1', service_table => '"Tenant"');
SELECT * FROM safe_delete_service('t1', service_table => '"Tenant"');
-- Without a table it is still about services.
SELECT * FROM safe_delete_service('s1');
DELETE FROM "Service" WHERE id = 's1';
SELECT * FROM booking_guard_health();
-- Neither can be taken from a booking.
UPDATE "Booking" SET "tenantId" = NULL WHERE id = 'b1';
UPDATE "Booking" SET "tenantId" = 't9' WHERE id = 'b1';
-- Another key carries services and bookings along.
BEGIN;
UPDATE "Tenant" SET id = 't9' WHERE id = 't1';
SELECT id, "tenantId", "serviceId" FROM "Booking" ORDER BY id;
ROLLBACK;
-- Two tenants, of which one may go: none does.
DELETE FROM "Tenant" WHERE id IN ('t1', 't2');
-- A booking of one tenant for another one's service keeps both.
BEGIN;
UPDATE "Booking" SET status = 'CANCELLED';
INSERT INTO "Booking" VALUES ('b4', 't2', 's1', 'CONFIRMED', '2100-01-01 10:00+00');
SAVEPOINT s;
DELETE FROM "Tenant" WHERE id = 't1';
ROLLBACK TO s;
DELETE FROM "Tenant" WHERE id = 't2';
ROLLBACK;


--
-- The planned removal: in one transaction, the bookings first
--
BEGIN;
UPDATE "Booking" SET status = 'CANCELLED' WHERE "tenantId" = 't1' AND status IN ('PENDING', 'CONFIRMED') AND date >= now();
DELETE FROM "Tenant" WHERE id = 't1';
SELECT (SELECT count(*) FROM "Tenant") AS tenants, (SELECT count(*) FROM "Service") AS services, (SELECT count(*) FROM "Booking") AS bookings;
ROLLBACK;
-- or delete them
BEGIN;
DELETE FROM "Booking" WHERE "tenantId" = 't1';
DELETE FROM "Tenant" WHERE id = 't1';
SELECT (SELECT count(*) FROM "Tenant") AS tenants, (SELECT count(*) FROM "Service") AS services, (SELECT count(*) FROM "Booking") AS bookings;
ROLLBACK;
-- Those who want the verdict call the function then.
BEGIN;
DELETE FROM "Booking" WHERE "tenantId" = 't1';
SELECT outcome, message FROM safe_delete_service('t1', service_table => '"Tenant"');
ROLLBACK;
-- One that was overlooked, and nothing is removed.
BEGIN;
UPDATE "Booking" SET status = 'CANCELLED' WHERE "tenantId" = 't1' AND status = 'CONFIRMED';
DELETE FROM "Tenant" WHERE id = 't1';
COMMIT;
SELECT id, status FROM "Booking" ORDER BY id;
-- Not in one statement: the DELETE of such a one runs before its WITH.
WITH cancelled AS (UPDATE "Booking" SET status = 'CANCELLED' WHERE "tenantId" = 't1')
DELETE FROM "Tenant" WHERE id = 't1';
-- All tenants at once, as test suites do
BEGIN;
TRUNCATE "Tenant", "Service", "Booking";
ROLLBACK;
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
TRUNCATE "Tenant" CASCADE;
SELECT count(*) FROM "Booking";
ROLLBACK;
RESET client_min_messages;
\set VERBOSITY default


--
-- Keys that have the tenant in them
--
CREATE TABLE tenant (id int PRIMARY KEY);
CREATE TABLE room (tenant_id int REFERENCES tenant ON DELETE CASCADE, id int, PRIMARY KEY (tenant_id, id));
CREATE TABLE stay (
	id int PRIMARY KEY,
	tenant_id int REFERENCES tenant ON DELETE CASCADE,
	room_id int,
	status text,
	date date,
	FOREIGN KEY (tenant_id, room_id) REFERENCES room ON DELETE SET NULL (room_id)
);
CREATE INDEX ON stay (tenant_id, room_id);
SELECT booking_guard_protect('room', 'stay', '{tenant_id, room_id}', tenant_column => 'tenant_id', label => 'room', booking_label => 'stay');
INSERT INTO tenant VALUES (1), (2);
INSERT INTO room VALUES (1, 7), (2, 7);
INSERT INTO stay VALUES (1, 1, 7, 'CONFIRMED', '2100-01-01'), (2, 2, 7, 'CANCELLED', '2100-01-01');
-- the guard of rooms alone
BEGIN;
DELETE FROM tenant WHERE id = 1;
SELECT count(*) FROM stay;
ROLLBACK;
-- with the other
SELECT booking_guard_protect('tenant', 'stay', '{tenant_id}', label => 'tenant', booking_label => 'stay');
DELETE FROM tenant WHERE id = 1;
DELETE FROM room WHERE tenant_id = 1;
SELECT outcome, message FROM safe_delete_service(7, 1, 'room');
SELECT outcome, message FROM safe_delete_service(7, 2, 'room');
SELECT outcome, message FROM safe_delete_service(2, service_table => 'tenant');
BEGIN;
UPDATE stay SET status = 'CANCELLED' WHERE tenant_id = 1 AND status = 'CONFIRMED';
DELETE FROM tenant WHERE id = 1;
COMMIT;
SELECT (SELECT count(*) FROM tenant) AS tenants, (SELECT count(*) FROM room) AS rooms, (SELECT count(*) FROM stay) AS stays;


--
-- Bookings that do not point at the tenant, but at something of it
--
-- They go with their customers, one step later than services do. Now the order
-- of triggers matters: services judged before customers cascade refuse, after
-- them they do not.
CREATE TABLE owner (id int PRIMARY KEY);
CREATE TABLE service (id int PRIMARY KEY, owner_id int);
CREATE TABLE customer (id int PRIMARY KEY, owner_id int);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service ON DELETE CASCADE,
	customer_id int REFERENCES customer ON DELETE CASCADE,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id);
CREATE INDEX ON booking (customer_id);
SELECT booking_guard_protect('service', 'booking');
INSERT INTO owner VALUES (1);
INSERT INTO service VALUES (1, 1);
INSERT INTO customer VALUES (1, 1);
INSERT INTO booking VALUES (1, 1, 1, 'CONFIRMED', '2100-01-01 10:00+00');
-- services first
BEGIN;
ALTER TABLE service ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
ALTER TABLE customer ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
SELECT fire_first('owner', 'service');
DELETE FROM owner;
ROLLBACK;
-- customers first
BEGIN;
ALTER TABLE service ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
ALTER TABLE customer ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
SELECT fire_first('owner', 'customer');
DELETE FROM owner;
SELECT count(*) FROM booking;
ROLLBACK;
-- A guard on every table by which bookings can go makes it refused both ways.
SELECT booking_guard_protect('customer', 'booking', label => 'customer');
BEGIN;
ALTER TABLE service ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
ALTER TABLE customer ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
SELECT fire_first('owner', 'service');
DELETE FROM owner;
ROLLBACK;
BEGIN;
ALTER TABLE service ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
ALTER TABLE customer ADD FOREIGN KEY (owner_id) REFERENCES owner ON DELETE CASCADE;
SELECT fire_first('owner', 'customer');
DELETE FROM owner;
ROLLBACK;

SET client_min_messages = warning;
DROP SCHEMA tenants CASCADE;
