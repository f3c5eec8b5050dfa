--
-- booking_guard_blocking_bookings(): which bookings keep a service from being deleted
--
SET datestyle = ISO;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE SCHEMA blocking_bookings;
SET search_path = blocking_bookings, public;

SELECT * FROM booking_guard_blocking_bookings('1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TABLE service (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id, date);
SELECT * FROM booking_guard_blocking_bookings('1', service_table => 'service');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
INSERT INTO service VALUES (1, 'a'), (2, 'b');
INSERT INTO booking VALUES
	(1, 1, 'CONFIRMED', '2100-01-02 10:00+00'),
	(2, 1, 'PENDING',   NULL),
	(3, 1, 'CONFIRMED', 'infinity'),
	(4, 1, 'PENDING',   '2100-01-01 10:00+00'),
	(5, 1, 'PENDING',   '2100-01-01 10:00+02'),
	(6, 1, 'CONFIRMED', '2000-01-01 10:00+00'),
	(7, 1, 'CANCELLED', '2100-01-01 09:00+00'),
	(8, 1, NULL,        '2100-01-01 09:00+00'),
	(9, NULL, 'PENDING', '2100-01-01 09:00+00'),
	(10, 2, 'CONFIRMED', '2000-01-01 10:00+00');
SELECT booking_guard_protect('service', 'booking');

-- Soonest first; those without a time last. The hint of a refusal is this call.
SELECT * FROM booking_guard_blocking_bookings('1');
DELETE FROM service WHERE id = 1;
-- A service that nothing holds, and none
SELECT * FROM booking_guard_blocking_bookings('2');
SELECT * FROM booking_guard_blocking_bookings('3');
-- Equal times: by their ids
INSERT INTO booking SELECT i, 2, 'PENDING', '2100-01-01' FROM generate_series(14, 11, -1) i;
SELECT booking_id FROM booking_guard_blocking_bookings('2');
-- As many as safe_delete_service() says
SELECT (SELECT count(*) FROM booking_guard_blocking_bookings('1')) = upcoming_bookings AS same FROM safe_delete_service('1');
-- They need not be saved yet, and a change shows at once.
BEGIN;
UPDATE booking SET status = 'CANCELLED' WHERE id = 4;
INSERT INTO booking VALUES (20, 1, 'PENDING', '2099-01-01');
SELECT * FROM booking_guard_blocking_bookings('1') LIMIT 2;
ROLLBACK;

--
-- It is called as safe_delete_service() is, in any form
--
SELECT count(*) FROM booking_guard_blocking_bookings(1);
SELECT count(*) FROM booking_guard_blocking_bookings(1::bigint);
SELECT count(*) FROM booking_guard_blocking_bookings('1'::text);
SELECT count(*) FROM booking_guard_blocking_bookings(ARRAY[1]);
SELECT count(*) FROM booking_guard_blocking_bookings(service_id => 1);
SELECT count(*) FROM booking_guard_blocking_bookings('1', NULL);
SELECT count(*) FROM booking_guard_blocking_bookings(1, NULL, 'service');
SELECT count(*) FROM booking_guard_blocking_bookings('1', service_table => 'service');
SELECT count(*) FROM booking_guard_blocking_bookings(1::bigint, service_table => 'service');
PREPARE untyped AS SELECT count(*) FROM booking_guard_blocking_bookings($1);
EXECUTE untyped('1');
PREPARE typed(int) AS SELECT count(*) FROM booking_guard_blocking_bookings($1);
EXECUTE typed('1');
SELECT s.id, b.booking_id FROM service s, booking_guard_blocking_bookings(s.id) b WHERE s.id = 2;
-- With the same errors
SELECT * FROM booking_guard_blocking_bookings('x');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM booking_guard_blocking_bookings(NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM booking_guard_blocking_bookings(ARRAY[1, 2]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM booking_guard_blocking_bookings(1, 7);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM booking_guard_blocking_bookings(1, service_table => 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM booking_guard_blocking_bookings(1, service_table => 1::oid::regclass);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Tenants
SELECT booking_guard_protect('service', 'booking', tenant_column => 'code', or_replace => true);
SELECT count(*) FROM booking_guard_blocking_bookings(1, 'a');
SELECT count(*) FROM booking_guard_blocking_bookings('1', 'a');
SELECT count(*) FROM booking_guard_blocking_bookings(1, 'a'::text, service_table => 'service');
SELECT count(*) FROM booking_guard_blocking_bookings(1, 'b');
PREPARE untyped_two AS SELECT count(*) FROM booking_guard_blocking_bookings($1, $2);
EXECUTE untyped_two('1', 'a');
SELECT * FROM booking_guard_blocking_bookings(1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- The hint says the tenant, too.
DELETE FROM service WHERE id = 1;
SELECT booking_guard_protect('service', 'booking', or_replace => true);

--
-- What it reads of the bookings
--

-- Of several guards, all, with a name for each table
CREATE TABLE call (id int, line int, code text REFERENCES service (code), state text, at timestamptz, PRIMARY KEY (line, id));
CREATE INDEX ON call (code);
INSERT INTO call VALUES (1, 2, 'a', 'open', '2100-01-01 09:00+00'), (2, 1, 'a', 'done', '2100-01-02 09:00+00');
SELECT booking_guard_protect('service', 'call', status_column => 'state', free_statuses => ARRAY['done'], time_column => 'at');
SELECT * FROM booking_guard_blocking_bookings('1');
-- A service without a code has no calls.
INSERT INTO service VALUES (5, NULL);
SELECT * FROM booking_guard_blocking_bookings('5');
-- Held by the call alone, the refusal of its guard names the service by its id.
UPDATE booking SET status = 'CANCELLED';
DELETE FROM service WHERE id = 1;
SELECT * FROM booking_guard_blocking_bookings('1');
DROP TABLE call;
-- A key of several columns comes as an array; no primary key gives no id,
-- no status column no status, and no time column no time.
CREATE TABLE plain (service_id int REFERENCES service);
CREATE INDEX ON plain (service_id);
INSERT INTO plain VALUES (1), (1), (NULL);
CREATE TABLE "Odd Table" ("Id" text, "It's" date, service_id int REFERENCES service, PRIMARY KEY ("Id", "It's"));
CREATE INDEX ON "Odd Table" (service_id);
INSERT INTO "Odd Table" VALUES ('a,b "c"', '2100-01-01', 1);
SELECT booking_guard_protect('service', 'plain', status_column => NULL, time_column => NULL);
SELECT booking_guard_protect('service', '"Odd Table"', status_column => NULL, time_column => 'It''s', time_zone => 'America/New_York');
SELECT * FROM booking_guard_blocking_bookings('1');
DROP TABLE plain, "Odd Table";
-- An enum status, and the start of a range
CREATE TYPE state AS ENUM ('PENDING', 'CONFIRMED');
CREATE TABLE stay (id uuid PRIMARY KEY, service_id int REFERENCES service, status state, date daterange);
CREATE INDEX ON stay (service_id);
INSERT INTO stay VALUES
	('00000000-0000-0000-0000-000000000001', 1, 'PENDING', '[2000-01-01,2100-01-01)'),
	('00000000-0000-0000-0000-000000000002', 1, 'PENDING', '[2100-01-01,)'),
	('00000000-0000-0000-0000-000000000003', 1, 'CONFIRMED', '(,)'),
	('00000000-0000-0000-0000-000000000004', 1, 'CONFIRMED', 'empty');
SELECT booking_guard_protect('service', 'stay');
SELECT * FROM booking_guard_blocking_bookings('1');
DROP TABLE stay;

--
-- Keys of several columns, quoted in the hint
--
CREATE TABLE room (house text, no int, PRIMARY KEY (house, no));
CREATE TABLE visit (id int PRIMARY KEY, house text, no int, status text, date timestamptz, FOREIGN KEY (house, no) REFERENCES room);
CREATE INDEX ON visit (house, no);
INSERT INTO room VALUES ('O''Hara "3", \x', 7);
INSERT INTO visit VALUES (1, 'O''Hara "3", \x', 7, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('room', 'visit', label => 'room');
DELETE FROM room;
SELECT * FROM booking_guard_blocking_bookings(ARRAY[E'O''Hara "3", \\x', '7'], service_table => 'room');
SELECT booking_guard_protect('room', 'visit', label => 'room', tenant_column => 'house', or_replace => true);
DELETE FROM room;
SELECT * FROM booking_guard_blocking_bookings('7', E'O''Hara "3", \\x', service_table => 'room');
DROP TABLE visit, room;

--
-- What the caller may read
--
UPDATE booking SET status = 'CONFIRMED';
CREATE ROLE regress_blocking_bookings;
GRANT USAGE ON SCHEMA blocking_bookings TO regress_blocking_bookings;
GRANT DELETE, SELECT (id) ON service TO regress_blocking_bookings;
SET ROLE regress_blocking_bookings;
SELECT * FROM booking_guard_blocking_bookings('1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- So no refusal points there.
DELETE FROM service WHERE id = 1;
RESET ROLE;
-- Nor if only their ids are hidden
GRANT SELECT (service_id, status, date) ON booking TO regress_blocking_bookings;
SET ROLE regress_blocking_bookings;
DELETE FROM service WHERE id = 1;
RESET ROLE;
GRANT SELECT (id) ON booking TO regress_blocking_bookings;
SET ROLE regress_blocking_bookings;
DELETE FROM service WHERE id = 1;
SELECT count(*) FROM booking_guard_blocking_bookings('1');
RESET ROLE;
GRANT SELECT ON booking TO regress_blocking_bookings;
SET ROLE regress_blocking_bookings;
SELECT count(*) FROM booking_guard_blocking_bookings('1');
DELETE FROM service WHERE id = 1;
RESET ROLE;
-- Row-level security on the bookings
ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON booking USING (id < 3);
SET ROLE regress_blocking_bookings;
SELECT booking_id FROM booking_guard_blocking_bookings('1');
DELETE FROM service WHERE id = 1;
RESET ROLE;
-- And on the services: who does not see the service is told nothing of its bookings
ALTER TABLE booking DISABLE ROW LEVEL SECURITY;
ALTER TABLE service ENABLE ROW LEVEL SECURITY;
SET ROLE regress_blocking_bookings;
SELECT * FROM booking_guard_blocking_bookings('1');
RESET ROLE;
REVOKE SELECT (id) ON service FROM regress_blocking_bookings;
SET ROLE regress_blocking_bookings;
SELECT * FROM booking_guard_blocking_bookings('1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;

\set VERBOSITY terse
DROP SCHEMA blocking_bookings CASCADE;
DROP ROLE regress_blocking_bookings;
