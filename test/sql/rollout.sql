--
-- A guard for a large live table: the index, the guard in warn mode without
-- looking at what is there, what is wrong, then the guard in earnest. The locks
-- are in the specs rollout_locks and race_protect.
--
CREATE SCHEMA rollout;
SET search_path = rollout, public;
SET timezone = 'UTC';
SET datestyle = ISO;

CREATE TABLE service (id int PRIMARY KEY, name text);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int,
	status text,
	date timestamptz
);
INSERT INTO service VALUES (1, 'Cut'), (2, 'Shave');
-- 3 and 4 have lost their service already; 4 is past, and nobody's concern; 6
-- waits for one
INSERT INTO booking VALUES
	(1, 1, 'CONFIRMED', '2100-01-01 10:00+00'),
	(2, 2, 'CANCELLED', '2100-01-01 10:00+00'),
	(3, 9, 'CONFIRMED', '2100-01-01 10:00+00'),
	(4, 9, 'CONFIRMED', '2000-01-01 10:00+00'),
	(6, NULL, 'CONFIRMED', '2100-01-01 10:00+00');

-- A guard at once says what is in its way, and is not made.
SELECT booking_guard_protect('service', 'booking', '{service_id}');
SELECT guard FROM booking_guards;

-- 1. The index, beside writers
CREATE INDEX CONCURRENTLY booking_service_id_date ON booking (service_id, date);
-- One that failed half-way is left, serves nobody, and has to go first.
SELECT indisvalid FROM pg_index WHERE indexrelid = 'booking_service_id_date'::regclass;
BEGIN;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'booking_service_id_date'::regclass;
SET LOCAL client_min_messages = error;
SELECT booking_guard_protect('service', 'booking', '{service_id}', validate => false);
RESET client_min_messages;
SELECT severity, problem FROM booking_guard_health();
ROLLBACK;

-- 2. The guard, in warn mode
SET lock_timeout = '2s';
SELECT booking_guard_protect('service', 'booking', '{service_id}', validate => false, mode => 'warn');

-- 3. What is wrong
SELECT * FROM booking_guard_health();
SELECT mode, definition FROM booking_guards;
SELECT b.id, b.service_id, b.status, b.date FROM booking b
WHERE b.status IN ('PENDING', 'CONFIRMED') AND b.date >= now() AND NOT EXISTS (SELECT FROM service s WHERE s.id = b.service_id);

-- 4. In earnest: the same call without those two, and with or_replace. It looks
-- at what is there, and until that is mended the guard stays as it was.
SELECT booking_guard_protect('service', 'booking', '{service_id}');
SELECT booking_guard_protect('service', 'booking', '{service_id}', or_replace => true);
SELECT mode FROM booking_guards;
UPDATE booking SET status = 'CANCELLED' WHERE id = 3;
SELECT booking_guard_protect('service', 'booking', '{service_id}', or_replace => true);
RESET lock_timeout;
SELECT mode, definition FROM booking_guards;
SELECT * FROM booking_guard_health();
DELETE FROM service WHERE id = 1;
INSERT INTO booking VALUES (5, 9, 'CONFIRMED', '2100-01-01 10:00+00');
DELETE FROM service WHERE id = 2;
-- Said once more, as the next deployment will, it does nothing.
SELECT booking_guard_protect('service', 'booking', '{service_id}');

-- With a foreign key, its own validation goes before: that lets others write,
-- and spares the guard looking.
SELECT booking_guard_unprotect('service', 'booking');
ALTER TABLE booking ADD FOREIGN KEY (service_id) REFERENCES service NOT VALID;
-- (as long as it has not, the guard does look)
BEGIN;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 3;
SELECT booking_guard_protect('service', 'booking');
ROLLBACK;
SELECT booking_guard_protect('service', 'booking', validate => false, mode => 'warn');
DELETE FROM booking WHERE service_id NOT IN (SELECT id FROM service);
ALTER TABLE booking VALIDATE CONSTRAINT booking_service_id_fkey;
SELECT booking_guard_protect('service', 'booking', or_replace => true);
SELECT mode FROM booking_guards;
SELECT * FROM booking_guard_health();

-- Back again, should it be in the way
SET lock_timeout = '2s';
SELECT booking_guard_unprotect('service', 'booking');
RESET lock_timeout;
DROP INDEX CONCURRENTLY booking_service_id_date;

SET client_min_messages = warning;
DROP SCHEMA rollout CASCADE;
