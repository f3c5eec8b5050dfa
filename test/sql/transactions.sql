--
-- A guard in transactions: what is cancelled, rolled back, prepared or changed
-- underneath it leaves it whole.
--
CREATE SCHEMA transactions;
SET search_path = transactions, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer PRIMARY KEY, name text);
CREATE TABLE booking (
	id integer PRIMARY KEY,
	service_id integer,
	status text DEFAULT 'CONFIRMED',
	date timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service SELECT n, 'name' || n FROM generate_series(1, 5) n;
INSERT INTO booking VALUES (11, 1), (12, 2);


--
-- Savepoints and exceptions
--
BEGIN;
SAVEPOINT tried;
DELETE FROM service WHERE id = 1;
ROLLBACK TO tried;
INSERT INTO booking VALUES (13, 1);
SAVEPOINT tried_again;
INSERT INTO booking VALUES (14, 99);
ROLLBACK TO tried_again;
DELETE FROM service WHERE id = 3 RETURNING id;
SAVEPOINT and_again;
INSERT INTO booking VALUES (15, 3);
ROLLBACK TO and_again;
COMMIT;
SELECT id, service_id FROM booking ORDER BY id;
-- a delete that is rolled back never was
BEGIN;
SAVEPOINT s;
DELETE FROM service WHERE id = 4;
ROLLBACK TO s;
INSERT INTO booking VALUES (14, 4);
COMMIT;

DO $$
DECLARE
	n integer := 0;
BEGIN
	FOR i IN 1 .. 200 LOOP
		BEGIN
			DELETE FROM service WHERE id = 1 + i % 2;
		EXCEPTION WHEN foreign_key_violation THEN
			n := n + 1;
		END;
		BEGIN
			INSERT INTO booking VALUES (1000 + i, 99);
		EXCEPTION WHEN foreign_key_violation THEN
			n := n + 1;
		END;
	END LOOP;
	RAISE NOTICE '% of 400 were refused', n;
END $$;

-- a procedure that commits as it goes
CREATE PROCEDURE sweep() LANGUAGE plpgsql AS $$
DECLARE
	s integer;
BEGIN
	FOR s IN SELECT id FROM service ORDER BY id LOOP
		BEGIN
			DELETE FROM service WHERE id = s;
			RAISE NOTICE '% deleted', s;
		EXCEPTION WHEN foreign_key_violation THEN
			RAISE NOTICE '% kept: %', s, SQLERRM;
		END;
		COMMIT;
	END LOOP;
END $$;
CALL sweep();


--
-- Cursors
--
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM service WHERE id = 1 FOR UPDATE;
FETCH c;
SAVEPOINT s;
DELETE FROM service WHERE CURRENT OF c;
ROLLBACK TO s;
UPDATE service SET id = 99 WHERE CURRENT OF c;
ROLLBACK TO s;
UPDATE service SET name = 'first' WHERE CURRENT OF c;
CLOSE c;
DECLARE b CURSOR FOR SELECT * FROM booking WHERE id = 11;
FETCH b;
UPDATE booking SET status = 'CANCELLED' WHERE CURRENT OF b;
UPDATE booking SET service_id = 99 WHERE CURRENT OF b;
UPDATE booking SET status = 'PENDING' WHERE CURRENT OF b;
ROLLBACK;


--
-- Cancelled statements
--
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(10);
	RETURN OLD;
END $$;
\set SHOW_CONTEXT never
-- in the midst of a delete, before the guard has looked and after
CREATE TRIGGER dawdle BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION dawdle();
BEGIN;
SET LOCAL statement_timeout = '50ms';
DELETE FROM service;
ROLLBACK;
ALTER TRIGGER dawdle ON service RENAME TO zzz_dawdle;
INSERT INTO service VALUES (6, 'free');
BEGIN;
SET LOCAL statement_timeout = '50ms';
DELETE FROM service WHERE id = 6;
ROLLBACK;
DROP TRIGGER zzz_dawdle ON service;
DELETE FROM service WHERE id = 1;
DELETE FROM service WHERE id = 6 RETURNING id;

-- while the guard itself waits, as another who owns the bookings; it is she again
-- who goes on
CREATE ROLE regress_guard_owner;
GRANT USAGE ON SCHEMA transactions TO regress_guard_owner;
ALTER TABLE booking OWNER TO regress_guard_owner;
BEGIN;
LOCK TABLE booking;
PREPARE TRANSACTION 'regress_guard_lock';
SET lock_timeout = '50ms';
DO $$
BEGIN
	DELETE FROM service WHERE id = 1;
EXCEPTION WHEN lock_not_available THEN
	RAISE NOTICE '% (current_user is session_user: %)', SQLERRM, current_user = session_user;
END $$;
RESET lock_timeout;
SET statement_timeout = '50ms';
SELECT outcome FROM safe_delete_service(1);
RESET statement_timeout;
SELECT current_user = session_user AS is_herself;
COMMIT PREPARED 'regress_guard_lock';
DELETE FROM service WHERE id = 1;
ALTER TABLE booking OWNER TO CURRENT_USER;


--
-- Two-phase commit: a booking that is prepared holds its service
--
BEGIN;
INSERT INTO booking VALUES (20, 1);
UPDATE booking SET status = 'CANCELLED' WHERE id <> 20 AND service_id = 1;
PREPARE TRANSACTION 'regress_guard_booking';
SET lock_timeout = '100ms';
DELETE FROM service WHERE id = 1;
UPDATE service SET id = 99 WHERE id = 1;
-- others can book it, and it may be renamed
BEGIN;
INSERT INTO booking VALUES (21, 1);
UPDATE service SET name = 'Trim' WHERE id = 1;
ROLLBACK;
COMMIT PREPARED 'regress_guard_booking';
DELETE FROM service WHERE id = 1;

-- a delete that is prepared holds up who books it
INSERT INTO service VALUES (6, 'free');
BEGIN;
DELETE FROM service WHERE id = 6;
PREPARE TRANSACTION 'regress_guard_delete';
INSERT INTO booking VALUES (22, 6);
INSERT INTO booking VALUES (22, 1);
COMMIT PREPARED 'regress_guard_delete';
INSERT INTO booking VALUES (23, 6);
RESET lock_timeout;
\set SHOW_CONTEXT errors
-- a transaction in which a guard is made can be prepared too
BEGIN;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], label => 'thing', or_replace => true);
INSERT INTO service VALUES (6, 'free');
INSERT INTO booking VALUES (23, 6);
SAVEPOINT s;
DELETE FROM service WHERE id = 6;
ROLLBACK TO s;
PREPARE TRANSACTION 'regress_guard_protect';
ROLLBACK PREPARED 'regress_guard_protect';
DELETE FROM service WHERE id = 1;


--
-- Prepared statements, and what guards keep prepared, across changes
--
PREPARE remove (integer) AS DELETE FROM service WHERE id = $1;
PREPARE book (integer, integer) AS INSERT INTO booking (id, service_id) VALUES ($1, $2);
EXECUTE remove(1);
EXECUTE book(30, 99);
-- an index comes and goes
CREATE INDEX booking_other ON booking (service_id, date);
EXECUTE remove(1);
DROP INDEX booking_other;
EXECUTE remove(1);
ANALYZE booking, service;
EXECUTE book(30, 99);
-- columns
ALTER TABLE booking ADD note text;
ALTER TABLE service ADD price integer DEFAULT 0;
EXECUTE remove(1);
EXECUTE book(30, 99);
ALTER TABLE booking DROP note;
EXECUTE remove(1);
-- types
ALTER TABLE service ALTER id TYPE bigint;
ALTER TABLE booking ALTER service_id TYPE bigint;
EXECUTE remove(1);
EXECUTE book(30, 99);
ALTER TABLE booking ALTER date TYPE timestamp USING date AT TIME ZONE 'UTC';
EXECUTE remove(1);
EXECUTE book(30, 99);
ALTER TABLE booking ALTER date TYPE timestamptz USING date AT TIME ZONE 'UTC';
-- names of tables and schemas
ALTER TABLE booking RENAME TO reservation;
EXECUTE remove(1);
EXECUTE book(30, 99);
ALTER TABLE service RENAME TO offer;
EXECUTE remove(1);
EXECUTE book(30, 99);
CREATE TABLE booking (id integer, service_id integer, status text, date timestamptz);
CREATE TABLE service (id integer PRIMARY KEY);
DELETE FROM offer WHERE id = 1;
DROP TABLE booking, service;
ALTER SCHEMA transactions RENAME TO moved;
SET search_path = moved, public;
EXECUTE remove(1);
ALTER SCHEMA moved RENAME TO transactions;
SET search_path = transactions, public;
ALTER TABLE reservation RENAME TO booking;
ALTER TABLE offer RENAME TO service;
EXECUTE remove(1);
-- a foreign key, to lean on or not
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service NOT VALID;
EXECUTE book(30, 99);
UPDATE booking SET service_id = NULL WHERE status = 'CANCELLED';
ALTER TABLE booking VALIDATE CONSTRAINT booking_service;
EXECUTE book(30, 99);
ALTER TABLE booking DROP CONSTRAINT booking_service;
EXECUTE book(30, 99);
-- within one transaction, and undone
BEGIN;
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service;
EXECUTE book(30, 1);
ROLLBACK;
EXECUTE book(30, 99);
-- the guard itself
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], label => 'treatment', or_replace => true);
EXECUTE remove(1);
SELECT booking_guard_unprotect('service', 'booking');
BEGIN;
EXECUTE remove(1);
EXECUTE book(30, 99);
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{CONFIRMED}');
BEGIN;
EXECUTE remove(1);
ROLLBACK;
BEGIN;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], or_replace => true);
SAVEPOINT s;
EXECUTE remove(1);
ROLLBACK;
-- rolled back: CONFIRMED is free again
BEGIN;
EXECUTE remove(1);
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], or_replace => true);
DISCARD PLANS;
EXECUTE remove(1);
DEALLOCATE ALL;
DISCARD ALL;
SET search_path = transactions, public;
SET timezone = 'UTC';
DELETE FROM service WHERE id = 1;


--
-- Names that stand in the way
--
-- temporary tables of the same names come first in every search
CREATE TEMPORARY TABLE booking (LIKE transactions.booking);
CREATE TEMPORARY TABLE service (LIKE transactions.service INCLUDING ALL);
INSERT INTO pg_temp.service VALUES (99);
DELETE FROM transactions.service WHERE id = 1;
INSERT INTO transactions.booking VALUES (40, 99);
SELECT outcome FROM safe_delete_service(1);
DROP TABLE pg_temp.booking, pg_temp.service;

-- operators, functions, casts and types of other schemas that come first
CREATE SCHEMA hostile;
SET search_path = hostile, pg_catalog, transactions, public;
CREATE FUNCTION never(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'hostile'; RETURN false; END $$;
CREATE FUNCTION never(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'hostile'; RETURN false; END $$;
CREATE FUNCTION never(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'hostile'; RETURN false; END $$;
CREATE FUNCTION never(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'hostile'; RETURN false; END $$;
CREATE OPERATOR = (FUNCTION = never, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR = (FUNCTION = never, LEFTARG = bigint, RIGHTARG = bigint);
CREATE OPERATOR = (FUNCTION = never, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR >= (FUNCTION = never, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'infinity'::timestamptz $$;
CREATE DOMAIN text AS pg_catalog.text CHECK (false);
CREATE DOMAIN "bigint" AS pg_catalog.int8 CHECK (false);
CREATE TYPE "int8" AS ENUM ('x');
CREATE TABLE pg_trigger (oid oid);
DELETE FROM service WHERE id IS NOT NULL;
INSERT INTO booking (id, service_id) VALUES (41, 99);
UPDATE booking SET service_id = 98;
TRUNCATE service;
SELECT outcome FROM public.safe_delete_service('1');
-- nor when nothing was cached yet
\c -
SET search_path = hostile, pg_catalog, transactions, public;
DELETE FROM service WHERE id IS NOT NULL;
INSERT INTO booking (id, service_id) VALUES (41, 99);
UPDATE booking SET service_id = 98;
SELECT outcome FROM public.safe_delete_service('1');
SELECT public.booking_guard_protect('service', 'booking', ARRAY['service_id'], label => 'treatment', or_replace => true);
DELETE FROM service WHERE id IS NOT NULL;
\c -
-- nor with nothing to find at all
SET search_path = '';
DELETE FROM transactions.service;
INSERT INTO transactions.booking VALUES (41, 99);
SELECT outcome FROM public.safe_delete_service('1');

SET client_min_messages = warning;
DROP SCHEMA hostile CASCADE;
DROP SCHEMA transactions CASCADE;
DROP ROLE regress_guard_owner;
