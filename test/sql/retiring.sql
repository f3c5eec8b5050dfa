--
-- Retiring a service (soft delete): the row stays, and says that it is no longer to be booked
--
SET datestyle = ISO;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE SCHEMA retiring;
SET search_path = retiring, public;

--
-- By a column that is not NULL; names as Prisma writes them
--
CREATE TABLE "Service" (id int PRIMARY KEY, name text, "deletedAt" timestamptz);
CREATE TABLE "Booking" (id int PRIMARY KEY, "serviceId" int, status text, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON "Booking" ("serviceId", date);
INSERT INTO "Service" SELECT n, 'service ' || n FROM generate_series(1, 9) n;
INSERT INTO "Booking" VALUES
	(1, 1, 'CONFIRMED', '2100-01-01 10:00+00'), (2, 1, 'PENDING', '2100-02-01 10:00+00'), (3, 1, 'CONFIRMED', '2000-01-01 10:00+00'),
	(4, 2, 'CANCELLED', '2100-01-01 10:00+00'), (5, 2, 'CONFIRMED', '2000-01-01 10:00+00'), (6, 3, 'PENDING', NULL);
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['serviceId'], retire_column => 'deletedAt');
SELECT retire_column, retire_value, definition FROM booking_guards;
SELECT count(*) AS problems FROM booking_guard_health();

-- refused, with the sentence, DETAIL and HINT that a DELETE would have
UPDATE "Service" SET "deletedAt" = now() WHERE id = 1;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
UPDATE "Service" SET "deletedAt" = now() WHERE id = 3;
UPDATE "Service" SET "deletedAt" = now();
UPDATE "Service" SET "deletedAt" = 'infinity', name = 'gone' WHERE id = 1;
INSERT INTO "Service" VALUES (1) ON CONFLICT (id) DO UPDATE SET "deletedAt" = now();
MERGE INTO "Service" USING (VALUES (1)) v (n) ON id = n WHEN MATCHED THEN UPDATE SET "deletedAt" = now();
WITH retired AS (UPDATE "Service" SET "deletedAt" = now() WHERE id = 1 RETURNING id) SELECT * FROM retired;
SELECT id FROM "Service" WHERE "deletedAt" IS NOT NULL;
-- past and cancelled bookings do not hold it
UPDATE "Service" SET "deletedAt" = '2050-01-01' WHERE id = 2;
-- nor do those that were cancelled in the same transaction, or in the same statement
BEGIN;
UPDATE "Booking" SET status = 'CANCELLED' WHERE "serviceId" = 1;
UPDATE "Service" SET "deletedAt" = now() WHERE id = 1;
ROLLBACK;
BEGIN;
WITH freed AS (UPDATE "Booking" SET status = 'CANCELLED' WHERE "serviceId" = 1)
UPDATE "Service" SET "deletedAt" = now() WHERE id = 1;
ROLLBACK;
-- a statement cannot both book and retire
WITH booked AS (INSERT INTO "Booking" VALUES (10, 4, 'CONFIRMED')) UPDATE "Service" SET "deletedAt" = now() WHERE id = 4;
-- an UPDATE of other columns is nothing to the guard, nor is one of a retired service, nor one that brings it back
UPDATE "Service" SET name = 'cut' WHERE id = 1;
UPDATE "Service" SET "deletedAt" = NULL WHERE id = 1;
UPDATE "Service" SET "deletedAt" = '2051-01-01', name = 'shave' WHERE id = 2;
UPDATE "Service" SET "deletedAt" = NULL WHERE id = 2;
UPDATE "Service" SET "deletedAt" = '2050-01-01' WHERE id = 2;
-- retired and back before the statement is done
CREATE FUNCTION bring_back() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN UPDATE "Service" SET "deletedAt" = NULL WHERE id = NEW.id; RETURN NULL; END';
CREATE TRIGGER "A_bring_back" AFTER UPDATE ON "Service" FOR EACH ROW WHEN (NEW."deletedAt" IS NOT NULL) EXECUTE FUNCTION bring_back();
UPDATE "Service" SET "deletedAt" = now() WHERE id = 1;
SELECT * FROM "Service" WHERE id = 1;
DROP TRIGGER "A_bring_back" ON "Service";
-- retired by a BEFORE trigger
CREATE FUNCTION retire() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN NEW."deletedAt" := now(); RETURN NEW; END';
CREATE TRIGGER retire BEFORE UPDATE ON "Service" FOR EACH ROW EXECUTE FUNCTION retire();
UPDATE "Service" SET name = 'cut' WHERE id = 1;
DROP TRIGGER retire ON "Service";

--
-- A retired service cannot be booked
--
INSERT INTO "Booking" VALUES (20, 2, 'CONFIRMED');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
INSERT INTO "Booking" VALUES (20, 99, 'CONFIRMED');
-- confirmed again; moved ahead; given to it
UPDATE "Booking" SET status = 'PENDING' WHERE id = 4;
UPDATE "Booking" SET date = '2100-01-01' WHERE id = 5;
UPDATE "Booking" SET date = NULL WHERE id = 5;
UPDATE "Booking" SET "serviceId" = 2 WHERE id = 1;
INSERT INTO "Booking" VALUES (1, 2, 'CONFIRMED') ON CONFLICT (id) DO UPDATE SET "serviceId" = excluded."serviceId";
-- what is no claim may point at it
INSERT INTO "Booking" VALUES (20, 2, 'CANCELLED', '2100-01-01'), (21, 2, 'CONFIRMED', '2000-01-01');
UPDATE "Booking" SET status = 'DONE' WHERE id = 5;
UPDATE "Booking" SET "serviceId" = 2 WHERE id = 3;
-- in one transaction
BEGIN;
UPDATE "Service" SET "deletedAt" = now() WHERE id = 5;
SAVEPOINT s;
INSERT INTO "Booking" VALUES (22, 5, 'CONFIRMED');
ROLLBACK TO s;
UPDATE "Service" SET "deletedAt" = NULL WHERE id = 5;
INSERT INTO "Booking" VALUES (22, 5, 'CONFIRMED');
UPDATE "Service" SET "deletedAt" = now() WHERE id = 5;
ROLLBACK;
-- a booking that was moved on, or cancelled, before its deferred trigger fires needs its first service no more
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO "Booking" VALUES (23, 2, 'CONFIRMED');
UPDATE "Booking" SET "serviceId" = 5 WHERE id = 23;
INSERT INTO "Booking" VALUES (24, 2, 'CONFIRMED');
UPDATE "Booking" SET status = 'CANCELLED' WHERE id = 24;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO "Booking" VALUES (23, 2, 'CONFIRMED');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;

--
-- Key changes
--
-- of a retired service, and of one that is no longer retired
UPDATE "Service" SET id = 12 WHERE id = 2;
UPDATE "Service" SET id = 2, "deletedAt" = NULL WHERE id = 12;
-- together with retiring: its bookings are in the way, and are not carried along to a retired service
UPDATE "Service" SET id = 11, "deletedAt" = now() WHERE id = 1;
ALTER TABLE "Booking" ADD CONSTRAINT fk FOREIGN KEY ("serviceId") REFERENCES "Service" ON UPDATE CASCADE;
UPDATE "Service" SET id = 11, "deletedAt" = now() WHERE id = 1;
BEGIN;
UPDATE "Service" SET id = 11 WHERE id = 1;
SELECT id, "serviceId" FROM "Booking" WHERE id IN (1, 2) ORDER BY id;
UPDATE "Service" SET "deletedAt" = now() WHERE id = 11;
ROLLBACK;
ALTER TABLE "Booking" DROP CONSTRAINT fk;
-- bookings that wait for a service with the new key, with a trigger that is deferred
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO "Booking" VALUES (30, 20, 'CONFIRMED');
UPDATE "Service" SET id = 20, "deletedAt" = now() WHERE id = 6;
ROLLBACK;

--
-- DELETE and TRUNCATE
--
UPDATE "Service" SET "deletedAt" = now() WHERE id IN (2, 7);
DELETE FROM "Service" WHERE id = 7;
BEGIN;
UPDATE "Service" SET "deletedAt" = now() WHERE id = 8;
DELETE FROM "Service" WHERE id = 8;
SELECT outcome, message FROM safe_delete_service(2);
ROLLBACK;
DELETE FROM "Service" WHERE id = 1;
TRUNCATE "Service";
SELECT outcome, upcoming_bookings, next_booking, message FROM safe_delete_service(1);

--
-- A foreign key knows nothing of retiring: the guard does not lean on one
--
ALTER TABLE "Booking" ADD CONSTRAINT fk FOREIGN KEY ("serviceId") REFERENCES "Service" ON DELETE SET NULL;
INSERT INTO "Booking" VALUES (40, 2, 'CONFIRMED');
UPDATE "Booking" SET status = 'CONFIRMED' WHERE id = 4;
UPDATE "Booking" SET "serviceId" = 2 WHERE id = 1;
UPDATE "Service" SET "deletedAt" = now() WHERE id = 1;
ALTER TABLE "Booking" DROP CONSTRAINT fk;
-- nor leave a booking to one that checks later
ALTER TABLE "Booking" ADD CONSTRAINT fk FOREIGN KEY ("serviceId") REFERENCES "Service" DEFERRABLE INITIALLY DEFERRED;
INSERT INTO "Booking" VALUES (40, 2, 'CONFIRMED');
INSERT INTO "Booking" VALUES (40, 50, 'CONFIRMED');
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO "Booking" VALUES (40, 50, 'CONFIRMED'), (41, 51, 'CONFIRMED');
INSERT INTO "Service" VALUES (50, 'new');
INSERT INTO "Service" VALUES (51, 'new, and retired', now());
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO "Booking" VALUES (40, 50, 'CONFIRMED');
INSERT INTO "Service" VALUES (50, 'new');
COMMIT;
-- the same after a guard that leans was replaced
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['serviceId'], or_replace => true);
BEGIN;
INSERT INTO "Booking" VALUES (42, 2, 'CONFIRMED');
ROLLBACK;
SELECT booking_guard_protect('"Service"', '"Booking"', ARRAY['serviceId'], retire_column => 'deletedAt', or_replace => true);
INSERT INTO "Booking" VALUES (42, 2, 'CONFIRMED');
DROP TABLE "Booking", "Service";

--
-- By a value: a boolean
--
CREATE TABLE service (id int PRIMARY KEY, active boolean DEFAULT true, plan json);
CREATE TABLE booking (id int PRIMARY KEY, service_id int REFERENCES service, status text, date date DEFAULT '2100-01-01');
CREATE INDEX ON booking (service_id);
INSERT INTO service VALUES (1, true), (2, true), (3, NULL), (4, false);
INSERT INTO booking VALUES (1, 1, 'CONFIRMED');
SELECT booking_guard_protect('service', 'booking', retire_column => 'active');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', retire_column => 'active', retire_value => 'false');
UPDATE service SET active = false WHERE id = 1;
UPDATE service SET active = NULL WHERE id = 1;
UPDATE service SET active = true WHERE id = 1;
UPDATE service SET active = false WHERE id = 2;
INSERT INTO booking VALUES (2, 2, 'CONFIRMED');
INSERT INTO booking VALUES (2, 4, 'CONFIRMED');
INSERT INTO booking VALUES (3, 3, 'CONFIRMED');
UPDATE service SET active = true WHERE id = 2;
INSERT INTO booking VALUES (2, 2, 'CONFIRMED');

--
-- What protect refuses
--
SELECT booking_guard_protect('service', 'booking', retire_column => 'activ', or_replace => true);
SELECT booking_guard_protect('service', 'booking', retire_column => '"active"', or_replace => true);
SELECT booking_guard_protect('service', 'booking', retire_column => '', or_replace => true);
SELECT booking_guard_protect('service', 'booking', retire_value => 'x', or_replace => true);
SELECT booking_guard_protect('service', 'booking', retire_column => 'active', retire_value => '', or_replace => true);
SELECT booking_guard_protect('service', 'booking', retire_column => 'active', retire_value => 'perhaps', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', retire_column => 'id', retire_value => '0', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', retire_column => 'plan', retire_value => '{}', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- without a value no equality is needed
BEGIN;
SELECT booking_guard_protect('service', 'booking', retire_column => 'plan', or_replace => true);
UPDATE service SET plan = 'null' WHERE id = 1;
ROLLBACK;

--
-- The guards of one table agree, or say nothing of it
--
CREATE TABLE visit (id int PRIMARY KEY, service_id int, status text, date date);
CREATE INDEX ON visit (service_id);
INSERT INTO visit VALUES (1, 2, 'PENDING');
SELECT booking_guard_protect('service', 'visit', ARRAY['service_id'], retire_column => 'active', retire_value => 'true');
SELECT booking_guard_protect('service', 'visit', ARRAY['service_id'], retire_column => 'plan');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'visit', ARRAY['service_id'], booking_label => 'visit');
DELETE FROM booking WHERE service_id = 2;
-- to a guard without it nothing is ever retired
BEGIN;
SELECT outcome FROM safe_retire_service(2);
INSERT INTO visit VALUES (2, 2, 'PENDING');
ROLLBACK;
SELECT booking_guard_protect('service', 'visit', ARRAY['service_id'], booking_label => 'visit', retire_column => 'active', retire_value => 'false', or_replace => true);
UPDATE service SET active = false WHERE id = 2;
SELECT outcome, upcoming_bookings, message FROM safe_retire_service(2);
SELECT booking_guard_unprotect('service', 'visit');
DROP TABLE visit;

--
-- Validation: bookings of retired services count, and a foreign key does not say that there are none
--
SELECT booking_guard_unprotect('service', 'booking');
UPDATE service SET active = false WHERE id = 1;
SELECT booking_guard_protect('service', 'booking');
SELECT booking_guard_protect('service', 'booking', retire_column => 'active', retire_value => 'false', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM booking x WHERE x.service_id IS NOT NULL AND NOT EXISTS (SELECT FROM service s WHERE s.id = x.service_id AND s.active IS DISTINCT FROM 'false') AND x.status IN ('PENDING', 'CONFIRMED') AND (x.date >= (now() AT TIME ZONE 'UTC')::date OR x.date IS NULL);
SELECT booking_guard_protect('service', 'booking', retire_column => 'plan', or_replace => true);
UPDATE service SET plan = '1' WHERE id = 4;
INSERT INTO booking VALUES (4, 1, 'PENDING');
UPDATE booking SET status = 'CANCELLED';
UPDATE service SET plan = '1' WHERE id = 1;
ALTER TABLE booking DISABLE TRIGGER USER;
UPDATE booking SET status = 'PENDING' WHERE id IN (1, 4);
ALTER TABLE booking ENABLE TRIGGER USER;
SELECT booking_guard_protect('service', 'booking', label => 'room', retire_column => 'plan', or_replace => true);
-- without it the guard watches what comes; what is there already can be edited and ended
SELECT booking_guard_protect('service', 'booking', retire_column => 'plan', validate => false, or_replace => true);
SELECT problem FROM booking_guard_health() WHERE severity = 'error';
UPDATE booking SET status = 'CONFIRMED' WHERE id = 1;
UPDATE service SET plan = '2' WHERE id = 1;
INSERT INTO booking VALUES (5, 1, 'PENDING');
UPDATE service SET plan = NULL WHERE id = 1;
UPDATE service SET plan = '2' WHERE id = 1;
DROP TABLE booking, service;

--
-- By a value: an enum, a domain, text under a collation
--
CREATE TYPE state AS ENUM ('DRAFT', 'LIVE', 'ARCHIVED');
CREATE TABLE service (id int PRIMARY KEY, state state DEFAULT 'LIVE', note text);
CREATE TABLE booking (id int PRIMARY KEY, service_id int, status text, date date DEFAULT '2100-01-01');
CREATE INDEX ON booking (service_id);
INSERT INTO service VALUES (1, 'LIVE'), (2, 'LIVE'), (3, 'DRAFT');
INSERT INTO booking VALUES (1, 1, 'CONFIRMED'), (3, 3, 'CONFIRMED');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'state', retire_value => 'archived');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'state', retire_value => repeat('x', 100));
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'state', retire_value => 'ARCHIVED');
UPDATE service SET state = 'ARCHIVED' WHERE id = 1;
-- under whatever name the type has
ALTER TYPE state RENAME TO stage;
UPDATE service SET state = 'ARCHIVED' WHERE id = 1;
ALTER TYPE stage RENAME TO state;
UPDATE service SET state = 'DRAFT' WHERE id = 1;
UPDATE service SET state = 'ARCHIVED' WHERE id = 2;
INSERT INTO booking VALUES (2, 2, 'CONFIRMED');
SELECT outcome, message FROM safe_retire_service(3);
UPDATE booking SET status = 'DONE' WHERE id = 3;
SELECT outcome, message FROM safe_retire_service(3);
SELECT * FROM service WHERE id = 3;
-- a label that is renamed while the event triggers are off
BEGIN;
ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
ALTER TYPE state RENAME VALUE 'ARCHIVED' TO 'GONE';
UPDATE service SET state = 'DRAFT' WHERE id = 1;
ROLLBACK;
SELECT booking_guard_unprotect('service', 'booking');
CREATE DOMAIN word AS varchar(10);
ALTER TABLE service ALTER state DROP DEFAULT, ALTER state TYPE word USING state::text;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'state', retire_value => 'ARCHIVED');
UPDATE service SET state = 'ARCHIVED' WHERE id = 1;
UPDATE service SET state = 'archived' WHERE id = 1;
SELECT outcome FROM safe_retire_service(1);
SELECT booking_guard_unprotect('service', 'booking');
DROP TABLE booking, service;
-- a collation to which they are the same
CREATE COLLATION IF NOT EXISTS insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE service (id int PRIMARY KEY, state text COLLATE insensitive);
CREATE TABLE booking (id int PRIMARY KEY, service_id int, status text, date date DEFAULT '2100-01-01');
CREATE INDEX ON booking (service_id);
INSERT INTO service VALUES (1, 'live'), (2, 'Archived');
INSERT INTO booking VALUES (1, 1, 'CONFIRMED');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'state', retire_value => 'ARCHIVED');
UPDATE service SET state = 'archived' WHERE id = 1;
INSERT INTO booking VALUES (2, 2, 'CONFIRMED');
SELECT outcome FROM safe_retire_service(2);
DROP TABLE booking, service;

--
-- A key of several columns, with a tenant
--
CREATE TABLE room (tenant int, no int, archived_at timestamptz, PRIMARY KEY (tenant, no));
CREATE TABLE stay (id int PRIMARY KEY, tenant int, room_no int, status text, date date DEFAULT '2100-01-01',
	FOREIGN KEY (tenant, room_no) REFERENCES room);
CREATE INDEX ON stay (tenant, room_no);
INSERT INTO room SELECT t, n FROM generate_series(1, 2) t, generate_series(1, 3) n;
INSERT INTO stay VALUES (1, 1, 1, 'PENDING');
SELECT booking_guard_protect('room', 'stay', tenant_column => 'tenant', label => 'room', booking_label => 'stay', retire_column => 'archived_at');
UPDATE room SET archived_at = now() WHERE no = 1;
UPDATE room SET archived_at = now() WHERE no = 1 AND tenant = 2;
INSERT INTO stay VALUES (2, 2, 1, 'PENDING');
UPDATE stay SET tenant = 2;
SELECT * FROM safe_retire_service(1, 1);
SELECT outcome, message FROM safe_retire_service('2', '1');
SELECT outcome, message FROM safe_retire_service(ARRAY[2], 1);
SELECT outcome, message FROM safe_retire_service(1, 2);
SELECT outcome, message FROM safe_retire_service(3, 3, 'room');
SELECT outcome FROM safe_retire_service(3);
SELECT outcome FROM safe_retire_service(ARRAY[3, 1], 3);
SELECT tenant, no, archived_at IS NOT NULL AS archived FROM room ORDER BY 1, 2;
DROP TABLE stay, room;

--
-- Partitions: a row that moves has another key, and fires the triggers of a DELETE and an INSERT
--
CREATE TABLE service (id int, shop text, deleted_at timestamptz, PRIMARY KEY (id, shop)) PARTITION BY LIST (shop);
CREATE TABLE service_a PARTITION OF service FOR VALUES IN ('a');
-- its columns are in another order
CREATE TABLE service_b (deleted_at timestamptz, dropped int, shop text NOT NULL, id int NOT NULL);
ALTER TABLE service_b DROP dropped;
ALTER TABLE service ATTACH PARTITION service_b FOR VALUES IN ('b');
CREATE TABLE booking (id int, service_id int, shop text, status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01') PARTITION BY LIST (status);
CREATE TABLE booking_on PARTITION OF booking FOR VALUES IN ('PENDING', 'CONFIRMED');
CREATE TABLE booking_off PARTITION OF booking DEFAULT;
CREATE INDEX ON booking (service_id, shop);
INSERT INTO service VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, 'b');
INSERT INTO booking VALUES (1, 1, 'a'), (2, 2, 'b');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id', 'shop'], retire_column => 'deleted_at');
UPDATE service SET deleted_at = now() WHERE id = 1;
UPDATE service SET deleted_at = now() WHERE id = 2;
UPDATE service_b SET deleted_at = now() WHERE id = 2;
UPDATE service SET deleted_at = now() WHERE id IN (3, 4);
INSERT INTO booking VALUES (3, 3, 'a');
INSERT INTO booking VALUES (3, 4, 'b');
INSERT INTO booking VALUES (3, 4, 'b', 'CANCELLED');
-- confirmed again, which moves it to the other partition
UPDATE booking SET status = 'CONFIRMED' WHERE id = 3;
SELECT outcome FROM safe_retire_service(ARRAY['1', 'a']);
SELECT outcome FROM safe_retire_service(ARRAY['3', 'a']);
-- moved, and so with another key, and retired on the way: its bookings stay behind
UPDATE service SET shop = 'b', deleted_at = now() WHERE id = 1;
UPDATE service SET shop = 'b' WHERE id = 1;
-- come back under the old key in the same statement: as it was, and retired
BEGIN;
WITH moved AS (UPDATE service SET shop = 'b' WHERE id = 1 RETURNING id) INSERT INTO service SELECT id, 'a' FROM moved;
SELECT id, shop, deleted_at FROM service WHERE id = 1 ORDER BY shop;
ROLLBACK;
WITH moved AS (UPDATE service SET shop = 'b' WHERE id = 1 RETURNING id) INSERT INTO service SELECT id, 'a', now() FROM moved;
-- replaced by another row
BEGIN;
WITH gone AS (DELETE FROM service WHERE id = 1 RETURNING id) INSERT INTO service SELECT id, 'a' FROM gone;
ROLLBACK;
WITH gone AS (DELETE FROM service WHERE id = 1 RETURNING id) INSERT INTO service SELECT id, 'a', now() FROM gone;
-- one that is retired may move, and come back
UPDATE service SET shop = 'b' WHERE id = 3;
UPDATE service SET shop = 'a', deleted_at = NULL WHERE id = 3;
-- a foreign key carries bookings along, but not to a retired service
ALTER TABLE booking ADD CONSTRAINT fk FOREIGN KEY (service_id, shop) REFERENCES service ON UPDATE CASCADE;
UPDATE service SET shop = 'b', deleted_at = now() WHERE id = 1;
UPDATE service SET shop = 'b' WHERE id = 1;
SELECT id, service_id, shop FROM booking WHERE service_id = 1;
ALTER TABLE booking DROP CONSTRAINT fk;
-- a retired service that has bookings all the same, made behind the guard's back, may be replaced but not go
ALTER TABLE booking_on DISABLE TRIGGER USER;
INSERT INTO booking VALUES (4, 4, 'b');
ALTER TABLE booking_on ENABLE TRIGGER USER;
BEGIN;
WITH gone AS (DELETE FROM service WHERE id = 4 RETURNING *) INSERT INTO service SELECT id, shop, deleted_at FROM gone;
ROLLBACK;
UPDATE service SET shop = 'a' WHERE id = 4;
DROP TABLE booking, service;
--
-- safe_retire_service(): retire a service and get a verdict, not an error
--
SELECT * FROM safe_retire_service(1);
CREATE TABLE service (id int PRIMARY KEY, code text UNIQUE, deleted_at timestamptz, name text);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service SELECT i, 'c' || i FROM generate_series(1, 20) i;
INSERT INTO booking VALUES
	(1, 1, 'CONFIRMED', '2100-01-02 10:00+00'), (2, 1, 'PENDING', '2100-01-01 10:00+00'), (3, 2, 'CONFIRMED', '2000-01-01'),
	(4, 3, 'PENDING', NULL);
SELECT * FROM safe_retire_service(1, service_table => 'service');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking');
SELECT * FROM safe_retire_service(1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', retire_column => 'deleted_at', or_replace => true);
SELECT * FROM safe_retire_service(1);
SELECT * FROM safe_retire_service(3);
SELECT * FROM safe_retire_service(2);
SELECT * FROM safe_retire_service(2);
SELECT * FROM safe_retire_service(99);
BEGIN;
SELECT outcome FROM safe_retire_service(4);
SELECT deleted_at = now() AS now FROM service WHERE id = 4;
ROLLBACK;
-- every form of call
SELECT outcome FROM safe_retire_service('5');
SELECT outcome FROM safe_retire_service(6::bigint);
SELECT outcome FROM safe_retire_service('7'::text, service_table => 'service');
SELECT outcome FROM safe_retire_service(ARRAY[8]);
PREPARE retire AS SELECT outcome FROM safe_retire_service($1);
EXECUTE retire(9);
SELECT outcome FROM safe_retire_service(10, NULL, 'service');
SELECT outcome FROM safe_retire_service(11, 1);
SELECT outcome FROM safe_retire_service('x');
SELECT outcome FROM safe_retire_service(NULL);
-- what the caller has done before counts, and blocked leaves the transaction as it was
BEGIN;
UPDATE booking SET status = 'CANCELLED' WHERE service_id = 1;
SELECT outcome, message FROM safe_retire_service(1);
SELECT outcome FROM safe_retire_service(3);
INSERT INTO booking VALUES (5, 3, 'PENDING', '2100-01-01');
ROLLBACK;
-- suppressed
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER suppress BEFORE UPDATE ON service FOR EACH ROW EXECUTE FUNCTION suppress();
SELECT outcome FROM safe_retire_service(12);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TRIGGER suppress ON service;
-- undone before, and after
CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.deleted_at := OLD.deleted_at; RETURN NEW; END';
CREATE TRIGGER undo BEFORE UPDATE ON service FOR EACH ROW EXECUTE FUNCTION undo();
SELECT outcome FROM safe_retire_service(12);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TRIGGER undo ON service;
CREATE FUNCTION bring_back_service() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN UPDATE service SET deleted_at = NULL WHERE id = NEW.id; RETURN NULL; END';
CREATE TRIGGER bring_back AFTER UPDATE ON service FOR EACH ROW WHEN (NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION bring_back_service();
SELECT outcome FROM safe_retire_service(12);
DROP TRIGGER bring_back ON service;
SELECT deleted_at FROM service WHERE id = 12;
-- blocked by what a trigger does while it retires
CREATE FUNCTION book() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO booking VALUES (NEW.id + 100, NEW.id, ''PENDING'', ''2100-01-01 10:00+00''); RETURN NEW; END';
CREATE TRIGGER book BEFORE UPDATE ON service FOR EACH ROW EXECUTE FUNCTION book();
SELECT * FROM safe_retire_service(12);
SELECT count(*) FROM booking WHERE service_id = 12;
DROP TRIGGER book ON service;
-- another service's refusal is an error, as it is to the UPDATE
CREATE FUNCTION retire_1() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN UPDATE service SET deleted_at = now() WHERE id = 1; RETURN NEW; END';
CREATE TRIGGER retire_1 BEFORE UPDATE ON service FOR EACH ROW WHEN (NEW.id = 12) EXECUTE FUNCTION retire_1();
SELECT outcome FROM safe_retire_service(12);
DROP TRIGGER retire_1 ON service;
-- a second guard, on another key, that does not retire; then one that does
CREATE TABLE visit (id int PRIMARY KEY, code text, status text, date timestamptz);
CREATE INDEX ON visit (code);
INSERT INTO visit VALUES (1, 'c13', 'PENDING', '2100-03-01 10:00+00');
SELECT booking_guard_protect('service', 'visit', ARRAY['code'], ARRAY['code'], booking_label => 'visit');
BEGIN;
SELECT outcome FROM safe_retire_service(13);
SELECT outcome FROM safe_delete_service(13);
ROLLBACK;
SELECT booking_guard_protect('service', 'visit', ARRAY['code'], ARRAY['code'], booking_label => 'visit', retire_column => 'deleted_at', or_replace => true);
SELECT * FROM safe_retire_service(13);
UPDATE service SET deleted_at = now() WHERE id = 13;
SELECT booking_guard_unprotect('service', 'booking');
SELECT outcome, message FROM safe_retire_service('c13');
SELECT outcome, message FROM safe_retire_service('c14');
SELECT booking_guard_unprotect('service', 'visit');
DROP TABLE visit;
-- only the guard on another key says what is retired: its columns may be NULL
SELECT booking_guard_protect('service', 'booking');
CREATE TABLE visit (id int PRIMARY KEY, code text, status text, date timestamptz);
CREATE INDEX ON visit (code);
INSERT INTO visit VALUES (1, 'c15', 'PENDING', '2100-03-01 10:00+00');
SELECT booking_guard_protect('service', 'visit', ARRAY['code'], ARRAY['code'], booking_label => 'visit', retire_column => 'deleted_at');
UPDATE service SET code = NULL WHERE id = 16;
SELECT outcome, message FROM safe_retire_service(15);
SELECT outcome, message FROM safe_retire_service(16);
SELECT outcome, message FROM safe_retire_service(16);
UPDATE service SET code = 'c16' WHERE id = 16;
INSERT INTO visit VALUES (2, 'c16', 'PENDING', '2100-03-01 10:00+00');
DROP TABLE visit;

--
-- What is written: now, by the clock of the guard's zone; or the retire_value
--
ALTER TABLE service ADD at timestamp, ADD ends date, ADD moment timestamptz(0), ADD who text, ADD state varchar(20), ADD code_length int GENERATED ALWAYS AS (length(state)) STORED;
SELECT booking_guard_protect('service', 'booking', retire_column => 'at', time_zone => 'Pacific/Kiritimati', or_replace => true);
BEGIN;
SELECT outcome FROM safe_retire_service(17);
SELECT at = now() AT TIME ZONE 'Pacific/Kiritimati' AS local FROM service WHERE id = 17;
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', retire_column => 'ends', time_zone => 'Pacific/Kiritimati', or_replace => true);
BEGIN;
SET LOCAL timezone = 'Pacific/Pago_Pago';
SELECT outcome FROM safe_retire_service(17);
SELECT ends = (now() AT TIME ZONE 'Pacific/Kiritimati')::date AS local FROM service WHERE id = 17;
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', retire_column => 'moment', or_replace => true);
BEGIN;
SELECT outcome FROM safe_retire_service(17);
SELECT moment = now()::timestamptz(0) AS rounded FROM service WHERE id = 17;
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', retire_column => 'state', retire_value => 'it''s over', or_replace => true);
SELECT outcome FROM safe_retire_service(17);
SELECT state FROM service WHERE id = 17;
SELECT booking_guard_protect('service', 'booking', retire_column => 'code_length', retire_value => '9', or_replace => true);
SELECT outcome FROM safe_retire_service(18);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
UPDATE service SET state = 'it''s over' WHERE id = 1;
SELECT booking_guard_protect('service', 'booking', retire_column => 'who', or_replace => true);
SELECT outcome FROM safe_retire_service(18);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
UPDATE service SET who = 'me' WHERE id = 1;
UPDATE service SET who = 'me' WHERE id = 18;

--
-- Which table
--
CREATE TABLE room (id int PRIMARY KEY, deleted_at timestamptz);
CREATE TABLE stay (id int PRIMARY KEY, room_id int, status text, date timestamptz);
CREATE INDEX ON stay (room_id);
INSERT INTO room VALUES (1);
SELECT outcome FROM safe_retire_service(1, service_table => 'room');
SELECT booking_guard_protect('room', 'stay', ARRAY['room_id'], label => 'room', retire_column => 'deleted_at');
SELECT outcome, message FROM safe_retire_service(1, service_table => 'room');
-- the one that is labelled so
SELECT booking_guard_protect('service', 'booking', retire_column => 'deleted_at', or_replace => true);
SELECT outcome, upcoming_bookings FROM safe_retire_service(1);
SELECT booking_guard_protect('room', 'stay', ARRAY['room_id'], retire_column => 'deleted_at', or_replace => true);
SELECT outcome, upcoming_bookings FROM safe_retire_service(1);
DROP TABLE stay, room;

--
-- Who may, and who sees what
--
CREATE ROLE booking_guard_retirer;
CREATE ROLE booking_guard_tenant;
GRANT USAGE ON SCHEMA retiring TO booking_guard_retirer, booking_guard_tenant;
SET ROLE booking_guard_retirer;
SELECT outcome FROM safe_retire_service(1, service_table => 'service');
RESET ROLE;
GRANT SELECT (id) ON service TO booking_guard_retirer;
GRANT DELETE, UPDATE (name) ON service TO booking_guard_retirer;
SET ROLE booking_guard_retirer;
SELECT outcome FROM safe_retire_service(1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
-- the right to update the column is enough; the bookings count, seen or not
GRANT UPDATE (deleted_at) ON service TO booking_guard_retirer;
SET ROLE booking_guard_retirer;
SELECT * FROM safe_retire_service(1);
UPDATE service SET deleted_at = now() WHERE id = 1;
SELECT outcome, message FROM safe_retire_service(19);
SELECT outcome, message FROM safe_retire_service(19);
RESET ROLE;
-- row-level security: what the caller does not see is not there, what the caller must not update is an error
GRANT ALL ON service TO booking_guard_tenant;
GRANT INSERT, SELECT (id) ON booking TO booking_guard_tenant;
ALTER TABLE service ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY see ON service FOR SELECT TO booking_guard_tenant USING (id IN (1, 18, 20));
CREATE POLICY change ON service FOR UPDATE TO booking_guard_tenant USING (id IN (1, 3, 20));
SET ROLE booking_guard_tenant;
SELECT outcome FROM safe_retire_service(3);
SELECT outcome, upcoming_bookings, next_booking FROM safe_retire_service(1);
SELECT outcome FROM safe_retire_service(18);
SELECT outcome FROM safe_retire_service(20);
SELECT outcome FROM safe_retire_service(20);
-- a booker need not see that it is retired
INSERT INTO booking VALUES (50, 19, 'PENDING', '2100-01-01');
RESET ROLE;
-- whoever retires a service must be able to see it afterwards
CREATE POLICY hide ON service AS RESTRICTIVE FOR SELECT TO booking_guard_tenant USING (deleted_at IS NULL);
UPDATE service SET deleted_at = NULL WHERE id = 20;
SET ROLE booking_guard_tenant;
SELECT outcome FROM safe_retire_service(20);
RESET ROLE;
SELECT deleted_at FROM service WHERE id = 20;

--
-- A guard that cannot be understood any more, because its event triggers were off
--
BEGIN;
ALTER EVENT TRIGGER booking_guard_ddl_start DISABLE;
ALTER EVENT TRIGGER booking_guard_ddl_end DISABLE;
ALTER EVENT TRIGGER booking_guard_sql_drop DISABLE;
SELECT booking_guard_protect('service', 'booking', retire_column => 'who', retire_value => 'me', or_replace => true);
ALTER TABLE service ALTER who TYPE boolean USING true;
SAVEPOINT s;
SELECT outcome FROM safe_retire_service(1);
ROLLBACK TO s;
UPDATE service SET who = false WHERE id = 1;
ROLLBACK TO s;
UPDATE booking SET status = 'PENDING', service_id = 20 WHERE id = 1;
ROLLBACK;

--
-- A refusal to delete is none to retire, though it is of the same service
--
CREATE TABLE hall (id integer PRIMARY KEY, closed_at timestamptz);
CREATE TABLE concert (hall_id integer, status text, date timestamptz);
CREATE TABLE rehearsal (hall_id integer, status text, date timestamptz);
CREATE INDEX ON concert (hall_id);
CREATE INDEX ON rehearsal (hall_id);
SELECT booking_guard_protect('hall', 'concert', ARRAY['hall_id'], label => 'hall', retire_column => 'closed_at');
SELECT booking_guard_protect('hall', 'rehearsal', ARRAY['hall_id'], label => 'hall');
CREATE FUNCTION demolish() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM hall WHERE id = NEW.id;
	RETURN NULL;
END $$;
CREATE TRIGGER demolish AFTER UPDATE ON hall FOR EACH ROW EXECUTE FUNCTION demolish();
INSERT INTO hall VALUES (1);
INSERT INTO rehearsal VALUES (1, 'PENDING', '2100-01-01');
SELECT outcome FROM safe_retire_service(1, service_table => 'hall');

SET client_min_messages = warning;
DROP SCHEMA retiring CASCADE;
DROP ROLE booking_guard_retirer, booking_guard_tenant;
