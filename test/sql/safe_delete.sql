--
-- safe_delete_service(): delete a service and get a verdict, not an error
--
SET datestyle = ISO;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE SCHEMA safe_delete;
SET search_path = safe_delete, public;

-- Without a guard there is nothing that it could promise.
SELECT * FROM safe_delete_service('1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TABLE service (id int PRIMARY KEY, name text);
CREATE TABLE booking (
	id int PRIMARY KEY,
	service_id int REFERENCES service ON DELETE SET NULL,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id, date);
SELECT * FROM safe_delete_service('1', service_table => 'service');
\echo SQLSTATE :LAST_ERROR_SQLSTATE

INSERT INTO service SELECT i, 'service ' || i FROM generate_series(1, 40) i;
INSERT INTO booking VALUES
	(1, 1, 'CONFIRMED', '2100-01-02 10:00+00'),
	(2, 1, 'PENDING',   '2100-01-01 10:00+00'),
	(3, 1, 'CONFIRMED', '2000-01-01 10:00+00'),
	(4, 1, 'CANCELLED', '2100-01-01 09:00+00'),
	(5, 2, 'CONFIRMED', '2000-01-01 10:00+00'),
	(6, 2, 'CANCELLED', '2100-01-01 10:00+00'),
	(7, 3, 'PENDING',   NULL);
SELECT booking_guard_protect('service', 'booking');

--
-- The verdicts
--

-- blocked: how many upcoming bookings there are, and when the next one is
SELECT * FROM safe_delete_service(1);
-- The message is that of a DELETE.
DELETE FROM service WHERE id = 1;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- A booking without a time yet blocks, and has no next time.
SELECT * FROM safe_delete_service(3);
-- deleted: past and cancelled bookings do not hold it; the foreign key does its part
SELECT * FROM safe_delete_service(2);
SELECT * FROM booking WHERE id IN (5, 6) ORDER BY id;
-- not_found: and so says a second call
SELECT * FROM safe_delete_service(2);
SELECT * FROM safe_delete_service(99);

--
-- An id may be of any type that its column can read: no call needs a cast
--
SELECT outcome FROM safe_delete_service('11');
SELECT outcome FROM safe_delete_service(12);
SELECT outcome FROM safe_delete_service(13::bigint);
SELECT outcome FROM safe_delete_service(14::smallint);
SELECT outcome FROM safe_delete_service('15'::text);
SELECT outcome FROM safe_delete_service('16'::varchar);
SELECT outcome FROM safe_delete_service('17'::name);
SELECT outcome FROM safe_delete_service(18::numeric);
SELECT outcome FROM safe_delete_service(service_id => 19);
SELECT outcome FROM safe_delete_service(ARRAY[20]);
SELECT outcome FROM safe_delete_service(ARRAY['21']);
SELECT outcome FROM safe_delete_service('22', NULL);
SELECT outcome FROM safe_delete_service(23, NULL);
SELECT outcome FROM safe_delete_service(' 24 ');	-- as integer reads it
-- Untyped parameters, as drivers send them
PREPARE untyped AS SELECT outcome FROM safe_delete_service($1);
EXECUTE untyped('25');
PREPARE typed(bigint) AS SELECT outcome FROM safe_delete_service($1);
EXECUTE typed(26);
-- With the table
SELECT outcome FROM safe_delete_service('27', service_table => 'service');
SELECT outcome FROM safe_delete_service(28, service_table => 'service');
SELECT outcome FROM safe_delete_service(29::bigint, service_table => 'safe_delete.service');
SELECT outcome FROM safe_delete_service(30, NULL, 'service');
PREPARE with_table AS SELECT outcome FROM safe_delete_service($1, service_table => $2);
EXECUTE with_table('31', 'service');
-- For each of several services
SELECT s.id, d.outcome, d.upcoming_bookings
FROM service s, safe_delete_service(s.id) d WHERE s.id IN (1, 32, 33) ORDER BY s.id;
-- As a column, and by a cursor
SELECT safe_delete_service(1);
BEGIN;
DECLARE c CURSOR FOR SELECT outcome FROM safe_delete_service(1);
FETCH ALL FROM c;
MOVE BACKWARD ALL FROM c;
FETCH ALL FROM c;
COMMIT;
-- All were meant, and no others deleted
SELECT array_agg(id ORDER BY id) FROM service;

-- What its column cannot read is an error, not "not found".
SELECT * FROM safe_delete_service('x');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(1.5);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(3000000000);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service('');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(NULL::int);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(ARRAY[1, 2]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(ARRAY[NULL::int]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(ARRAY[]::int[]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- A tenant where there is no tenant column is never ignored.
SELECT * FROM safe_delete_service(1, 7);
\echo SQLSTATE :LAST_ERROR_SQLSTATE

--
-- blocked does not abort the transaction
--
BEGIN;
INSERT INTO service VALUES (50, 'new');
SELECT outcome, upcoming_bookings FROM safe_delete_service(1);
SAVEPOINT a;
SELECT outcome, upcoming_bookings FROM safe_delete_service(1);
SELECT outcome FROM safe_delete_service(50);
ROLLBACK TO a;
SELECT outcome, upcoming_bookings FROM safe_delete_service(1);
-- It sees what this transaction has done so far.
UPDATE booking SET status = 'CANCELLED' WHERE service_id = 1;
SELECT outcome FROM safe_delete_service(1);
SELECT outcome FROM safe_delete_service(1);
ROLLBACK;

-- In functions, exception blocks and DO
DO $$
DECLARE
	v record;
BEGIN
	SELECT * INTO v FROM safe_delete_service(1);
	RAISE INFO '% %', v.outcome, v.message;
	BEGIN
		SELECT * INTO v FROM safe_delete_service(34);
		RAISE INFO '% %', v.outcome, v.message;
		RAISE 'undo that';
	EXCEPTION WHEN raise_exception THEN
		SELECT * INTO v FROM safe_delete_service(34);
		RAISE INFO '% %', v.outcome, v.message;
	END;
	SELECT * INTO v FROM safe_delete_service(34);
	RAISE INFO '% %', v.outcome, v.message;
END $$;
CREATE FUNCTION remove(bigint) RETURNS text LANGUAGE sql AS 'SELECT outcome FROM safe_delete_service($1)';
SELECT remove(1), remove(35), remove(35);
-- Prepared, often enough for a generic plan
PREPARE often(int) AS SELECT outcome, upcoming_bookings FROM safe_delete_service($1);
DO 'BEGIN FOR i IN 1..7 LOOP PERFORM remove(1); END LOOP; END';
EXECUTE often(1);
EXECUTE often(1);
EXECUTE often(1);
EXECUTE often(1);
EXECUTE often(1);
EXECUTE often(1);
EXECUTE often(36);
EXECUTE often(36);
-- A read-only transaction can be told that it is blocked.
BEGIN READ ONLY;
SELECT outcome FROM safe_delete_service(1);
SELECT outcome FROM safe_delete_service(2);
SELECT outcome FROM safe_delete_service(37);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
ROLLBACK;
-- At the other levels too
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT outcome, upcoming_bookings FROM safe_delete_service(1);
SELECT outcome FROM safe_delete_service(37);
SELECT outcome FROM safe_delete_service(37);
COMMIT;

--
-- Triggers of the application's own
--

-- One that cancels the bookings has its say first.
CREATE FUNCTION set_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE booking SET status = TG_ARGV[0], date = '2100-03-01' WHERE service_id = old.id;
	RETURN old;
END $$;
INSERT INTO booking VALUES (10, 38, 'PENDING', '2100-01-01'), (11, 38, 'PENDING', '2100-01-01');
CREATE TRIGGER cancel BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION set_status('CANCELLED');
-- Here it looks before it deletes, and is done.
SELECT outcome, upcoming_bookings FROM safe_delete_service(38);
-- A DELETE is what gives the trigger the chance.
DELETE FROM service WHERE id = 38;
DROP TRIGGER cancel ON service;
-- One that re-confirms bookings is found out, and undone.
INSERT INTO booking VALUES (12, 39, 'CANCELLED', '2000-01-01'), (13, 39, 'CANCELLED', '2000-01-01');
CREATE TRIGGER confirm BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION set_status('CONFIRMED');
SELECT * FROM safe_delete_service(39);
SELECT * FROM booking WHERE service_id = 39 ORDER BY id;
-- Whichever of the service's guards refuses
BEGIN;
CREATE TABLE another (service_id int REFERENCES service, status text, date timestamptz);
SELECT booking_guard_protect('service', 'another');
SELECT * FROM safe_delete_service(39);
ROLLBACK;
DROP TRIGGER confirm ON service;
-- Even if it fires after the guard has counted
CREATE TRIGGER zzzz_confirm BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION set_status('CONFIRMED');
SELECT * FROM safe_delete_service(39);
SELECT * FROM booking WHERE service_id = 39 ORDER BY id;
DROP TRIGGER zzzz_confirm ON service;

-- A delete that something suppressed is no "deleted", and no "not_found".
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION keep();
SELECT * FROM safe_delete_service(40);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TRIGGER keep ON service;
CREATE RULE keep AS ON DELETE TO service DO INSTEAD NOTHING;
SELECT * FROM safe_delete_service(40);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP RULE keep ON service;
CREATE RULE keep AS ON DELETE TO service DO INSTEAD UPDATE service SET name = 'gone' WHERE id = old.id;
SELECT * FROM safe_delete_service(40);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM service WHERE id = 40;
DROP RULE keep ON service;
CREATE RULE note AS ON DELETE TO service DO ALSO SELECT 'noted';
SELECT outcome FROM safe_delete_service(40);
DROP RULE note ON service;

--
-- Other errors are raised as always
--

-- Another table's foreign key
CREATE TABLE review (service_id int REFERENCES service);
INSERT INTO service VALUES (60), (61);
INSERT INTO review VALUES (60);
SELECT * FROM safe_delete_service(60);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- But bookings come first
INSERT INTO booking VALUES (20, 60, 'PENDING', '2100-01-01');
SELECT outcome, upcoming_bookings FROM safe_delete_service(60);

-- An error that only looks like the guard's
CREATE FUNCTION look_alike() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE foreign_key_violation USING MESSAGE = 'look-alike', SCHEMA = 'safe_delete', TABLE = 'service', CONSTRAINT = 'BG_booking_service_id';
END $$;
DELETE FROM service WHERE id = 1;
CREATE TRIGGER look_alike BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION look_alike();
SELECT * FROM safe_delete_service(61);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TRIGGER look_alike ON service;
-- or does not even say of which constraint it is
CREATE OR REPLACE FUNCTION look_alike() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE foreign_key_violation USING MESSAGE = 'look-alike';
END $$;
CREATE TRIGGER look_alike BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION look_alike();
SELECT * FROM safe_delete_service(61);
DROP TRIGGER look_alike ON service;
-- or is made of a refusal of the guard's
CREATE OR REPLACE FUNCTION look_alike() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM service WHERE id = 1;
EXCEPTION WHEN foreign_key_violation THEN
	RAISE foreign_key_violation USING MESSAGE = 'look-alike', CONSTRAINT = 'mine';
END $$;
CREATE TRIGGER look_alike BEFORE DELETE ON service FOR EACH ROW WHEN (old.id = 61) EXECUTE FUNCTION look_alike();
SELECT * FROM safe_delete_service(61);
DROP TRIGGER look_alike ON service;

-- Another table's guard, met by a cascade, is not about this service
CREATE TABLE part (id int PRIMARY KEY, service_id int REFERENCES service ON DELETE CASCADE);
CREATE TABLE part_booking (id int PRIMARY KEY, part_id int REFERENCES part, status text, date timestamptz);
CREATE INDEX ON part_booking (part_id, date);
INSERT INTO part VALUES (1, 61);
INSERT INTO part_booking VALUES (1, 1, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('part', 'part_booking', label => 'part');
SELECT * FROM safe_delete_service(61);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM service WHERE id = 61;
-- Nor is a refusal to delete another service of this table.
ALTER TABLE service ADD belongs_to int REFERENCES service ON DELETE CASCADE;
INSERT INTO service VALUES (70), (71);
UPDATE service SET belongs_to = 70 WHERE id = 71;
INSERT INTO booking VALUES (30, 71, 'PENDING', '2100-01-01');
SELECT * FROM safe_delete_service(70);
UPDATE booking SET status = 'CANCELLED' WHERE id = 30;
SELECT * FROM safe_delete_service(70);

--
-- Which table is meant, if none is named
--

-- Two are guarded now; it is the one labelled 'service'.
SELECT outcome, message FROM safe_delete_service(1);
SELECT outcome, message FROM safe_delete_service(1, service_table => 'part');
-- With none or two of that label, it must be told.
SELECT booking_guard_protect('service', 'booking', label => 'course', or_replace => true);
SELECT * FROM safe_delete_service(1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT booking_guard_protect('service', 'booking', or_replace => true);
SELECT booking_guard_protect('part', 'part_booking', or_replace => true);
SELECT * FROM safe_delete_service(1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Tables that have no guard, or are none
SELECT * FROM safe_delete_service(1, service_table => 'booking');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(1, service_table => 'no_such_table');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(1, service_table => 1::oid::regclass);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Unguarded, the other is the only one again, whatever its label.
SELECT booking_guard_unprotect('service', 'booking');
SELECT outcome, message FROM safe_delete_service(1);
DROP TABLE part_booking, part, review, booking, service;

--
-- Tenants
--

-- A tenant column makes tenant_id required; here both are of type uuid.
CREATE TABLE service (id uuid PRIMARY KEY, tenant uuid, name text);
CREATE TABLE booking (id int PRIMARY KEY, service_id uuid REFERENCES service, status text, date timestamptz);
CREATE INDEX ON booking (service_id, date);
SELECT booking_guard_protect('service', 'booking', tenant_column => 'tenant');
INSERT INTO service
SELECT ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'aaaaaaaa-0000-0000-0000-000000000000', i FROM generate_series(1, 9) i;
INSERT INTO booking SELECT i, ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'CONFIRMED', '2100-01-01' FROM generate_series(1, 7) i;
\set s '\'00000000-0000-0000-0000-000000000001\''
\set t '\'aaaaaaaa-0000-0000-0000-000000000000\''
\set u '\'bbbbbbbb-0000-0000-0000-000000000000\''
SELECT outcome FROM safe_delete_service(:s, :t);
SELECT outcome FROM safe_delete_service(:s::uuid, :t::uuid);
SELECT outcome FROM safe_delete_service(:s::uuid, :t);
SELECT outcome FROM safe_delete_service(:s, :t::uuid);
SELECT outcome FROM safe_delete_service(tenant_id => :t, service_id => :s::uuid);
SELECT outcome FROM safe_delete_service(:s::uuid, :t::uuid, 'service');
SELECT outcome FROM safe_delete_service(:s::uuid, :t::uuid, service_table => 'service');
SELECT outcome FROM safe_delete_service(:s, :t, service_table => 'service');
PREPARE untyped_two AS SELECT outcome FROM safe_delete_service($1, $2);
EXECUTE untyped_two(:s, :t);
PREPARE typed_two(uuid, uuid) AS SELECT outcome FROM safe_delete_service($1, $2);
EXECUTE typed_two(:s, :t);
-- Another tenant's service is not found, be it held by bookings or not.
SELECT * FROM safe_delete_service(:s, :u);
SELECT * FROM safe_delete_service('00000000-0000-0000-0000-000000000008', :u);
SELECT * FROM safe_delete_service('00000000-0000-0000-0000-000000000008', :t);
-- Without a tenant, nobody's
SELECT * FROM safe_delete_service(:s);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(:s::uuid, NULL);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(:s, 'x');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- A service that belongs to no tenant is not found either.
UPDATE service SET tenant = NULL WHERE id = '00000000-0000-0000-0000-000000000009';
SELECT outcome FROM safe_delete_service('00000000-0000-0000-0000-000000000009', :t);
DROP TABLE booking, service;

-- Numbers and texts
CREATE TABLE service (id int PRIMARY KEY, tenant int, shop text);
CREATE TABLE booking (id int PRIMARY KEY, service_id int REFERENCES service, status text, date timestamptz);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service VALUES (42, 7, 't');
INSERT INTO booking VALUES (1, 42, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'booking', tenant_column => 'tenant');
SELECT outcome FROM safe_delete_service(42, 7);
SELECT outcome FROM safe_delete_service('42', 7);
SELECT outcome FROM safe_delete_service(42, '7');
SELECT outcome FROM safe_delete_service('42', '7');
SELECT outcome FROM safe_delete_service(42::bigint, 7::smallint);
SELECT outcome FROM safe_delete_service(42, 7, 'service');
SELECT outcome FROM safe_delete_service('42', 7, 'service');
SELECT outcome FROM safe_delete_service(42, '7', service_table => 'service');
EXECUTE untyped_two('42', '7');
SELECT booking_guard_protect('service', 'booking', tenant_column => 'shop', or_replace => true);
SELECT outcome FROM safe_delete_service(42, 't');
SELECT outcome FROM safe_delete_service('42', 't');
SELECT outcome FROM safe_delete_service(42, 't'::text);
SELECT outcome FROM safe_delete_service('42', 't'::text);
SELECT outcome FROM safe_delete_service('42'::text, 't'::varchar);
SELECT outcome FROM safe_delete_service(42::bigint, 't', service_table => 'service');
EXECUTE untyped_two('42', 't');
DROP TABLE booking, service;

--
-- Keys of several columns
--

-- An array, in the order of service_key
CREATE TABLE service (house int, room int, PRIMARY KEY (house, room));
CREATE TABLE booking (id int PRIMARY KEY, house int, room int, status text, date timestamptz);
CREATE INDEX ON booking (house, room, date);
INSERT INTO service VALUES (7, 101), (101, 7), (7, 7);
INSERT INTO booking VALUES (1, 7, 101, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['house', 'room']);
SELECT outcome, upcoming_bookings FROM safe_delete_service(ARRAY['7', '101']);
SELECT outcome, upcoming_bookings FROM safe_delete_service(ARRAY[7, 101]);
SELECT outcome, upcoming_bookings FROM safe_delete_service(ARRAY['7', '101'], service_table => 'service');
SELECT outcome FROM safe_delete_service(ARRAY['101', '7']);
SELECT outcome FROM safe_delete_service(ARRAY['101', '7']);
SELECT * FROM safe_delete_service(7);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(ARRAY[7]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service(ARRAY[7, NULL]);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM safe_delete_service('{7,101}');
\echo SQLSTATE :LAST_ERROR_SQLSTATE

-- The tenant as a part of the key: the id is the rest of it
SELECT booking_guard_protect('service', 'booking', booking_key => ARRAY['house', 'room'], tenant_column => 'house', or_replace => true);
SELECT outcome, upcoming_bookings FROM safe_delete_service(101, 7);
SELECT outcome, upcoming_bookings FROM safe_delete_service('101', '7');
SELECT outcome, upcoming_bookings FROM safe_delete_service(101, '7', service_table => 'service');
SELECT outcome FROM safe_delete_service(7, 101);
SELECT outcome FROM safe_delete_service(7, 7);
SELECT * FROM safe_delete_service(ARRAY['7', '101'], 7);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DROP TABLE booking, service;

-- A key that is an array itself
CREATE TABLE service (path text[] PRIMARY KEY);
CREATE TABLE booking (id int PRIMARY KEY, path text[] REFERENCES service, status text, date timestamptz);
CREATE INDEX ON booking (path, date);
INSERT INTO service VALUES ('{a,b}'), ('{c}');
INSERT INTO booking VALUES (1, '{a,b}', 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'booking');
SELECT outcome FROM safe_delete_service(ARRAY['a', 'b']);
SELECT outcome FROM safe_delete_service('{a,b}');
SELECT outcome FROM safe_delete_service('{c}');
DROP TABLE booking, service;

--
-- Guards on different keys of one table: the id is the primary key
--
CREATE TABLE service (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE booking (id int PRIMARY KEY, service_id int REFERENCES service, status text, date timestamptz);
CREATE TABLE call (id int PRIMARY KEY, code text REFERENCES service (code) ON DELETE SET NULL, status text, date timestamptz);
CREATE INDEX ON booking (service_id, date);
CREATE INDEX ON call (code, date);
INSERT INTO service VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, 'd');
INSERT INTO call VALUES (1, 'a', 'PENDING', '2100-01-01'), (2, 'b', 'PENDING', '2000-01-01');
INSERT INTO booking VALUES (1, 4, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'call', booking_label => 'call');
-- One guard: its key is the id.
SELECT outcome, message FROM safe_delete_service('a');
SELECT booking_guard_protect('service', 'booking');
SELECT outcome, message FROM safe_delete_service(1);
SELECT outcome, message FROM safe_delete_service(2);
SELECT outcome, message FROM safe_delete_service(3);
SELECT outcome, message FROM safe_delete_service(4);
SELECT * FROM safe_delete_service('a');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
-- Both hold it: the first in the order of names says so.
INSERT INTO booking VALUES (2, 1, 'CONFIRMED', '2100-01-01');
SELECT outcome, message FROM safe_delete_service(1);
-- One without a code would take along another, whose code is needed: that one is refused.
BEGIN;
ALTER TABLE service ADD belongs_to int REFERENCES service ON DELETE CASCADE;
INSERT INTO service VALUES (5, NULL, NULL), (6, 'f', 5);
INSERT INTO call VALUES (3, 'f', 'PENDING', '2100-01-01');
SELECT outcome, message FROM safe_delete_service(5);
ROLLBACK;
-- Keys of several columns, in another order than the id's
CREATE TABLE tour (id int PRIMARY KEY, code text, service_id int, status text, date timestamptz);
CREATE INDEX ON tour (code, service_id);
ALTER TABLE service ADD UNIQUE (code, id);
INSERT INTO service VALUES (7, 'g');
INSERT INTO tour VALUES (1, 'g', 7, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'tour', ARRAY['code', 'service_id'], ARRAY['code', 'id'], booking_label => 'tour');
SELECT outcome, message FROM safe_delete_service(7);
SELECT * FROM booking_guard_blocking_bookings(7);
DROP TABLE tour;
-- Where several say what is retired, it is that of the id's key whose time zone counts.
BEGIN;
ALTER TABLE service ADD retired_at timestamp;
SELECT booking_guard_protect('service', 'booking', retire_column => 'retired_at', time_zone => 'Asia/Tokyo', or_replace => true);
SELECT booking_guard_protect('service', 'call', booking_label => 'call', retire_column => 'retired_at', time_zone => 'Asia/Kolkata', or_replace => true);
ALTER TRIGGER "BG_booking_service_id" ON service RENAME TO "BG_later";
ALTER TRIGGER "BG_booking_service_id" ON booking RENAME TO "BG_later";
SELECT outcome FROM safe_retire_service(7);
SELECT retired_at - now() AT TIME ZONE 'UTC' AS ahead FROM service WHERE id = 7;
ROLLBACK;
DROP TABLE call, booking, service;

--
-- What the caller may see and do
--
CREATE TABLE service (id int PRIMARY KEY, owner text);
CREATE TABLE booking (id int PRIMARY KEY, service_id int REFERENCES service ON DELETE SET NULL, status text, date timestamptz);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service VALUES (1, 'anna'), (2, 'anna'), (3, 'ben'), (4, 'ben');
INSERT INTO booking VALUES (1, 1, 'PENDING', '2100-01-01'), (2, 3, 'PENDING', '2100-01-01');
SELECT booking_guard_protect('service', 'booking');
CREATE ROLE regress_safe_delete_anna;
GRANT USAGE ON SCHEMA safe_delete TO regress_safe_delete_anna;
SET ROLE regress_safe_delete_anna;
SELECT * FROM safe_delete_service(1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT ON service TO regress_safe_delete_anna;
SET ROLE regress_safe_delete_anna;
SELECT * FROM safe_delete_service(2);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
-- Who may not read the bookings learns how many, and not when.
GRANT DELETE ON service TO regress_safe_delete_anna;
SET ROLE regress_safe_delete_anna;
SELECT * FROM safe_delete_service(1);
SELECT outcome FROM safe_delete_service(2);
RESET ROLE;
GRANT SELECT ON booking TO regress_safe_delete_anna;
SET ROLE regress_safe_delete_anna;
SELECT * FROM safe_delete_service(1);
RESET ROLE;
-- Row-level security: what the caller does not see is not there, held or not.
ALTER TABLE service ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON service FOR SELECT USING (owner = 'anna');
INSERT INTO service VALUES (2, 'anna');
SET ROLE regress_safe_delete_anna;
SELECT outcome, message FROM safe_delete_service(1);
SELECT outcome, message FROM safe_delete_service(3);
SELECT outcome, message FROM safe_delete_service(4);
-- What the caller sees but may not delete
SELECT outcome, message FROM safe_delete_service(2);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
CREATE POLICY remove ON service FOR DELETE USING (true);
SET ROLE regress_safe_delete_anna;
SELECT outcome, message FROM safe_delete_service(2);
SELECT outcome, message FROM safe_delete_service(4);
RESET ROLE;
-- What a policy of theirs does meanwhile to the bookings' definition does not matter.
CREATE FUNCTION meddle() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	DROP INDEX IF EXISTS safe_delete.meddled;
	CREATE INDEX meddled ON safe_delete.booking (date);
	RETURN true;
END $$;
CREATE POLICY meddle ON service AS RESTRICTIVE FOR SELECT USING (meddle());
SET ROLE regress_safe_delete_anna;
SELECT outcome, upcoming_bookings FROM safe_delete_service(1);
RESET ROLE;
DROP POLICY meddle ON service;
DROP INDEX meddled;
-- Hidden bookings are counted all the same.
ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
SET ROLE regress_safe_delete_anna;
SELECT count(*) FROM booking;
SELECT * FROM safe_delete_service(1);
RESET ROLE;
SELECT * FROM service ORDER BY id;


--
-- A refusal is about another service if its table is another one, also where
-- guard and id are the same
--
CREATE SCHEMA branch;
CREATE TABLE course (id integer PRIMARY KEY);
CREATE TABLE lesson (course_id integer, status text, date timestamptz);
CREATE TABLE branch.course (id integer PRIMARY KEY REFERENCES course ON DELETE CASCADE);
CREATE TABLE branch.lesson (course_id integer, status text, date timestamptz);
CREATE INDEX ON lesson (course_id);
CREATE INDEX ON branch.lesson (course_id);
SELECT booking_guard_protect('course', 'lesson', ARRAY['course_id'], label => 'course');
SELECT booking_guard_protect('branch.course', 'branch.lesson', ARRAY['course_id'], label => 'course of the branch');
INSERT INTO course VALUES (1);
INSERT INTO branch.course VALUES (1);
INSERT INTO branch.lesson VALUES (1, 'PENDING', '2100-01-01');
SELECT outcome FROM safe_delete_service(1, service_table => 'course');
SET client_min_messages = warning;
DROP SCHEMA branch CASCADE;
DROP TABLE course, lesson;
RESET client_min_messages;

DROP SCHEMA safe_delete CASCADE;
DROP ROLE regress_safe_delete_anna;
