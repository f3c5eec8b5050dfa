--
-- What nobody needs may go: a guard refuses for upcoming, active bookings of
-- that very service, as they are in the end, and for nothing else.
--
CREATE SCHEMA no_false_refusals;
SET search_path = no_false_refusals, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer PRIMARY KEY, code text UNIQUE, name text);
CREATE TABLE booking (
	id integer PRIMARY KEY,
	service_id integer,
	status text DEFAULT 'CONFIRMED',
	date timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service SELECT n, 'code' || n, 'name' || n FROM generate_series(1, 5) n;
INSERT INTO booking VALUES
	(11, 1, 'CONFIRMED', '2000-01-01 10:00+00'),
	(12, 1, 'CANCELLED', '2100-01-01 10:00+00'),
	(13, 1, NULL, '2100-01-01 10:00+00'),
	(14, 1, 'PENDING', '-infinity'),
	(15, NULL, 'CONFIRMED', '2100-01-01 10:00+00'),
	(21, 2, 'CONFIRMED', '2100-01-01 10:00+00'),
	(22, 2, 'PENDING', NULL);

--
-- Past, cancelled and unclear ones; of another service, or of none
--
BEGIN;
DELETE FROM service WHERE id = 1 RETURNING id;
-- what is left behind may be changed and deleted
UPDATE booking SET status = 'NO_SHOW' WHERE id = 11;
UPDATE booking SET date = '2100-02-01 10:00+00' WHERE id = 12;
DELETE FROM booking WHERE service_id = 1;
ROLLBACK;
BEGIN;
UPDATE service SET id = 6 WHERE id = 1 RETURNING id;
ROLLBACK;
BEGIN;
DELETE FROM service WHERE id > 2 RETURNING id;
UPDATE service SET id = id + 10 WHERE id <> 2;
ROLLBACK;
BEGIN;
SELECT outcome FROM safe_delete_service(1);
ROLLBACK;

--
-- Given up earlier in the transaction
--
BEGIN;
UPDATE booking SET status = 'CANCELLED' WHERE id = 21;
UPDATE booking SET date = '2000-01-01 10:00+00' WHERE id = 22;
DELETE FROM service WHERE id = 2 RETURNING id;
ROLLBACK;
BEGIN;
UPDATE booking SET service_id = 3 WHERE service_id = 2;
DELETE FROM service WHERE id = 2 RETURNING id;
ROLLBACK;
BEGIN;
DELETE FROM booking WHERE service_id = 2;
DELETE FROM service WHERE id = 2 RETURNING id;
ROLLBACK;
BEGIN;
SELECT outcome, upcoming_bookings FROM safe_delete_service(2);
UPDATE booking SET status = 'CANCELLED' WHERE service_id = 2;
SELECT outcome FROM safe_delete_service(2);
ROLLBACK;
-- made and given up
BEGIN;
INSERT INTO booking VALUES (31, 3);
DELETE FROM booking WHERE id = 31;
INSERT INTO booking VALUES (32, 3);
UPDATE booking SET status = 'CANCELLED' WHERE id = 32;
SAVEPOINT tried;
INSERT INTO booking VALUES (33, 3);
ROLLBACK TO tried;
DELETE FROM service WHERE id = 3 RETURNING id;
ROLLBACK;

--
-- In the same statement. A DELETE of the service is judged when it comes to the
-- row, so that the bookings must have been given up before: it has to wait for
-- all of them, as an aggregate does. A change of the key is judged at the end of
-- the statement.
--
BEGIN;
WITH cancelled AS (UPDATE booking SET status = 'CANCELLED' WHERE service_id = 2 RETURNING service_id)
DELETE FROM service WHERE id = (SELECT max(service_id) FROM cancelled) RETURNING id;
ROLLBACK;
BEGIN;
WITH moved AS (UPDATE booking SET service_id = 3 WHERE service_id = 2 RETURNING 1)
DELETE FROM service WHERE id = 2 AND (SELECT count(*) FROM moved) > 0 RETURNING id;
ROLLBACK;
BEGIN;
WITH gone AS (DELETE FROM booking WHERE service_id = 2 RETURNING service_id)
DELETE FROM service WHERE id = ANY (ARRAY(SELECT service_id FROM gone)) RETURNING id;
ROLLBACK;
-- here the DELETE comes first
WITH cancelled AS (UPDATE booking SET status = 'CANCELLED' WHERE service_id = 2)
DELETE FROM service WHERE id = 2;
-- bookings carried along to the new key, in either order
BEGIN;
WITH moved AS (UPDATE booking SET service_id = 6 WHERE service_id = 2)
UPDATE service SET id = 6 WHERE id = 2;
SELECT id, service_id FROM booking WHERE service_id = 6 ORDER BY id;
WITH renumbered AS (UPDATE service SET id = 7 WHERE id = 6)
UPDATE booking SET service_id = 7 WHERE service_id = 6;
SELECT id, service_id FROM booking WHERE service_id = 7 ORDER BY id;
ROLLBACK;
-- another service takes the key of one whose bookings stay
BEGIN;
DELETE FROM service WHERE id = 3;
INSERT INTO service VALUES (3, 'code3', 'again');
INSERT INTO booking VALUES (31, 3);
ROLLBACK;

--
-- Other columns of a service
--
BEGIN;
UPDATE service SET name = 'other', code = 'other' WHERE id = 2;
UPDATE service SET id = 2 WHERE id = 2;
UPDATE service SET id = id;
INSERT INTO service VALUES (2) ON CONFLICT (id) DO UPDATE SET name = 'another';
MERGE INTO service s USING (VALUES (2), (6)) AS v (id) ON s.id = v.id
WHEN MATCHED THEN UPDATE SET name = 'yet another' WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id);
SELECT id, name FROM service WHERE id IN (2, 6) ORDER BY id;
ALTER TABLE service DROP COLUMN name, ADD COLUMN price integer DEFAULT 0;
ALTER TABLE service ALTER id TYPE bigint;
UPDATE service SET price = 1;
ROLLBACK;

--
-- A booking that stays where it is never asks for its service: here one that has
-- lost it before the guard was made
--
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO booking VALUES (91, 99);
SET LOCAL session_replication_role = origin;
UPDATE booking SET id = 92 WHERE id = 91;
UPDATE booking SET status = 'PENDING' WHERE id = 92;
UPDATE booking SET date = '2099-01-01 10:00+00' WHERE id = 92;
UPDATE booking SET date = date, service_id = service_id, status = status WHERE id = 92;
UPDATE booking SET status = 'CANCELLED' WHERE id = 92;
DELETE FROM booking WHERE id = 92;
ROLLBACK;

-- deleting bookings is nobody's business
BEGIN;
DELETE FROM booking;
TRUNCATE booking;
ROLLBACK;

--
-- TRUNCATE that leaves no booking behind
--
BEGIN;
TRUNCATE service, booking;
ROLLBACK;
BEGIN;
TRUNCATE booking, service RESTART IDENTITY;
ROLLBACK;
BEGIN;
TRUNCATE booking;
TRUNCATE service;
ROLLBACK;
BEGIN;
ALTER TABLE booking ADD FOREIGN KEY (service_id) REFERENCES service NOT VALID;
SET client_min_messages = warning;
TRUNCATE service CASCADE;
SELECT count(*) FROM booking;
ROLLBACK;
-- none that matters
BEGIN;
UPDATE booking SET status = 'CANCELLED' WHERE service_id = 2;
TRUNCATE service;
ROLLBACK;

--
-- Dropping a table is dropping its guard
--
BEGIN;
DROP TABLE service;
INSERT INTO booking VALUES (99, 99);
ROLLBACK;
BEGIN;
DROP TABLE booking;
DELETE FROM service;
ROLLBACK;

SET client_min_messages = warning;
DROP SCHEMA no_false_refusals CASCADE;
