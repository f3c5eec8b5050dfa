--
-- Who may do what does not change what counts: a guard sees every booking,
-- whoever asks. What its message tells depends on what the caller may read.
--
CREATE ROLE regress_guard_services;    -- owns the services
CREATE ROLE regress_guard_bookings;    -- owns the bookings
CREATE ROLE regress_guard_clerk;       -- deletes services, and reads what she is granted
CREATE ROLE regress_guard_customer;    -- makes bookings
GRANT regress_guard_services, regress_guard_bookings, regress_guard_clerk, regress_guard_customer TO CURRENT_USER;

CREATE SCHEMA roles;
GRANT USAGE ON SCHEMA roles TO PUBLIC;
SET search_path = roles, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer PRIMARY KEY, tenant text, name text);
CREATE TABLE booking (
	id integer PRIMARY KEY,
	service_id integer,
	customer text,
	status text DEFAULT 'CONFIRMED',
	date timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON booking (service_id);
ALTER TABLE service OWNER TO regress_guard_services;
ALTER TABLE booking OWNER TO regress_guard_bookings;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service VALUES (1, 'a', 'Cut'), (2, 'a', 'Shave'), (3, 'b', 'Dye'), (4, 'a', 'Perm');
INSERT INTO booking VALUES (11, 1, 'ann'), (12, 1, 'bob'), (13, 3, 'bob');


--
-- The one who deletes
--
-- may not read the bookings: no detail, no id
GRANT SELECT, UPDATE, DELETE ON service TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 1;
UPDATE service SET id = 9 WHERE id = 1;
SELECT * FROM safe_delete_service(1);
SELECT * FROM booking_guard_blocking_bookings(1);
-- and is not kept from what nobody needs
BEGIN;
DELETE FROM service WHERE id = 2 RETURNING id;
SELECT * FROM safe_delete_service(4);
ROLLBACK;

-- may read the columns that the detail is made from, but not the ids that the
-- call in the hint would list
RESET ROLE;
GRANT SELECT (service_id, status, date) ON booking TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 1;
SELECT * FROM safe_delete_service(1);
RESET ROLE;
REVOKE SELECT (date) ON booking FROM regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 1;
SELECT * FROM safe_delete_service(1);

-- may read all of them
RESET ROLE;
GRANT SELECT ON booking TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 1;
SELECT * FROM safe_delete_service(1);
SELECT * FROM booking_guard_blocking_bookings(1);

-- may read them, but not the services
RESET ROLE;
REVOKE SELECT ON service FROM regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service;
SELECT * FROM safe_delete_service(2);
RESET ROLE;
GRANT SELECT (id) ON service TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 1;
SELECT * FROM safe_delete_service(1);

-- may read them, but not use their schema
RESET ROLE;
GRANT SELECT ON service TO regress_guard_clerk;
CREATE SCHEMA closed;
GRANT USAGE ON SCHEMA closed TO regress_guard_services;
ALTER TABLE service SET SCHEMA closed;
SET ROLE regress_guard_clerk;
SELECT * FROM safe_delete_service(2);
RESET ROLE;
ALTER TABLE closed.service SET SCHEMA roles;
DROP SCHEMA closed;
REVOKE SELECT ON service FROM regress_guard_clerk;
GRANT SELECT (id) ON service TO regress_guard_clerk;

-- may not delete at all
RESET ROLE;
REVOKE DELETE ON service FROM regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 2;
SELECT * FROM safe_delete_service(2);
RESET ROLE;
GRANT SELECT, DELETE ON service TO regress_guard_clerk;

-- in a function that runs as another: both must be allowed to read
REVOKE SELECT ON booking FROM regress_guard_clerk;
CREATE FUNCTION remove(which integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = roles, public
	AS 'BEGIN DELETE FROM service WHERE id = which; END';
SET ROLE regress_guard_clerk;
SELECT remove(1);
RESET ROLE;
SELECT remove(1);
-- the other way round: a function of hers, called by who may read all
ALTER FUNCTION remove OWNER TO regress_guard_clerk;
SELECT remove(1);
DROP FUNCTION remove;

-- by a cascade, which runs as the owner of the services
CREATE TABLE tenant (name text PRIMARY KEY);
INSERT INTO tenant VALUES ('a'), ('b');
ALTER TABLE service ADD CONSTRAINT service_tenant FOREIGN KEY (tenant) REFERENCES tenant ON DELETE CASCADE;
ALTER TABLE tenant OWNER TO regress_guard_clerk;
GRANT SELECT ON booking TO regress_guard_services;
SET ROLE regress_guard_clerk;
DELETE FROM tenant WHERE name = 'a';
RESET ROLE;
DELETE FROM tenant WHERE name = 'a';
ALTER TABLE service DROP CONSTRAINT service_tenant;
REVOKE SELECT ON booking FROM regress_guard_services;

-- need not be able to look up what is in the bookings' schema
CREATE SCHEMA apart AUTHORIZATION regress_guard_bookings;
CREATE TABLE apart.booking (LIKE booking INCLUDING ALL);
ALTER TABLE apart.booking OWNER TO regress_guard_bookings;
SELECT booking_guard_protect('service', 'apart.booking', ARRAY['service_id']);
INSERT INTO apart.booking VALUES (31, 4, 'ann');
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 4;
RESET ROLE;
DROP TABLE apart.booking;
DROP SCHEMA apart;

-- the owner of the services alone, who may not read the bookings
SET ROLE regress_guard_services;
DELETE FROM service WHERE id = 1;
TRUNCATE service;
RESET ROLE;


--
-- Row-level security on the bookings: it hides them from her, not from the guard
--
GRANT SELECT ON booking TO regress_guard_clerk;
ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
SET ROLE regress_guard_clerk;
SELECT count(*) FROM booking;
DELETE FROM service WHERE id = 1;
SELECT * FROM safe_delete_service(1);
SELECT * FROM booking_guard_blocking_bookings(1);
RESET ROLE;
-- she sees a part of them
CREATE POLICY own ON booking FOR ALL TO PUBLIC USING (customer = 'ann') WITH CHECK (true);
SET ROLE regress_guard_clerk;
SELECT count(*) FROM booking;
DELETE FROM service WHERE id = 1;
SELECT * FROM safe_delete_service(1);
SELECT * FROM booking_guard_blocking_bookings(1);
DELETE FROM service WHERE id = 3;
RESET ROLE;
-- FORCE binds the owner, too, as whom the guard counts
ALTER TABLE booking FORCE ROW LEVEL SECURITY;
SET ROLE regress_guard_bookings;
SELECT count(*) FROM booking;
RESET ROLE;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 3;
SELECT * FROM safe_delete_service(3);
RESET ROLE;
-- whether it looks into an index or runs a query
DROP INDEX booking_service_id_idx;
DELETE FROM service WHERE id = 3;
CREATE INDEX ON booking (service_id);
-- who sees them all is told all
SET ROLE regress_guard_clerk;
SET row_security = off;
DELETE FROM service WHERE id = 3;
RESET row_security;
RESET ROLE;
DELETE FROM service WHERE id = 3;

-- neither the owner of the tables nor a policy can slip code into the count:
-- what a policy calls is not even run
CREATE FUNCTION spy() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'spy was called by %', current_user;
	RETURN true;
END $$;
DROP POLICY own ON booking;
CREATE POLICY spying ON booking USING (spy());
DELETE FROM service WHERE id = 3;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 3;
RESET ROLE;
DROP POLICY spying ON booking;
ALTER TABLE booking NO FORCE ROW LEVEL SECURITY;
ALTER TABLE booking DISABLE ROW LEVEL SECURITY;


--
-- The one who books
--
-- needs no right on the services
GRANT INSERT, UPDATE (service_id, status, date) ON booking TO regress_guard_customer;
SET ROLE regress_guard_customer;
INSERT INTO booking VALUES (21, 2, 'eve');
INSERT INTO booking VALUES (22, 99, 'eve');
UPDATE booking SET service_id = 99;
UPDATE booking SET service_id = NULL;
RESET ROLE;
GRANT SELECT ON booking TO regress_guard_customer;
SET ROLE regress_guard_customer;
INSERT INTO booking VALUES (22, 99, 'eve');
UPDATE booking SET service_id = NULL WHERE id = 21;
RESET ROLE;

-- nor a policy that shows them
ALTER TABLE service ENABLE ROW LEVEL SECURITY;
ALTER TABLE service FORCE ROW LEVEL SECURITY;
SET ROLE regress_guard_customer;
INSERT INTO booking VALUES (23, 2, 'eve');
INSERT INTO booking VALUES (24, 99, 'eve');
RESET ROLE;
-- nor can one hide the service
SET ROLE regress_guard_services;
SELECT count(*) FROM service;
RESET ROLE;
UPDATE booking SET status = 'CANCELLED' WHERE id = 23;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 23;
SELECT id, service_id, status FROM booking WHERE id > 20 ORDER BY id;
ALTER TABLE service NO FORCE ROW LEVEL SECURITY;


--
-- safe_delete_service tells nobody about services they cannot see
--
CREATE POLICY of_tenant ON service TO regress_guard_clerk USING (tenant = current_setting('roles.tenant'));
SET roles.tenant = 'a';
SET ROLE regress_guard_clerk;
SELECT id FROM service ORDER BY id;
SELECT * FROM safe_delete_service(1);
SELECT * FROM safe_delete_service(3);
SELECT * FROM safe_delete_service(99);
SELECT * FROM booking_guard_blocking_bookings(1);
SELECT * FROM booking_guard_blocking_bookings(3);
DELETE FROM service WHERE id = 3;
-- a policy that lets her see it, but not delete it
RESET ROLE;
CREATE POLICY not_this ON service AS RESTRICTIVE FOR DELETE TO regress_guard_clerk USING (id <> 4);
SET ROLE regress_guard_clerk;
SELECT * FROM safe_delete_service(4);
RESET ROLE;
DROP POLICY not_this ON service;

-- a tenant column does the same without policies
ALTER TABLE service DISABLE ROW LEVEL SECURITY;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], tenant_column => 'tenant', or_replace => true);
-- who may make triggers may make a guard, but not change one: that is for owners, as with any trigger
GRANT TRIGGER ON service, booking TO regress_guard_customer;
SET ROLE regress_guard_customer;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => ARRAY['PENDING'], tenant_column => 'tenant', or_replace => true);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE TRIGGER ON service, booking FROM regress_guard_customer;
SET ROLE regress_guard_clerk;
SELECT * FROM safe_delete_service(3);
SELECT * FROM safe_delete_service(3, 'a');
SELECT * FROM safe_delete_service(3, 'b');
SELECT * FROM booking_guard_blocking_bookings(3, 'a');
SELECT * FROM booking_guard_blocking_bookings(3, 'b');
DELETE FROM service WHERE id = 3;
BEGIN;
SELECT * FROM safe_delete_service(4, 'b');
SELECT * FROM safe_delete_service(4, 'a');
SELECT * FROM safe_delete_service(4, 'a');
ROLLBACK;
RESET ROLE;
-- whose tenant the detail tells must be allowed to read it
REVOKE SELECT ON service FROM regress_guard_clerk;
GRANT SELECT (id) ON service TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
DELETE FROM service WHERE id = 3;
RESET ROLE;


--
-- A guard goes on when its owner loses every right on the other's table,
-- and when its function may no longer be executed
--
REVOKE ALL ON service FROM regress_guard_bookings;
REVOKE ALL ON booking FROM regress_guard_services;
BEGIN;
REVOKE EXECUTE ON FUNCTION booking_guard_service, booking_guard_booking, booking_guard_before_delete FROM PUBLIC;
SET LOCAL ROLE regress_guard_services;
DELETE FROM roles.service WHERE id = 1;
ROLLBACK;

-- An owner who may not read her own table blinds the guard. It says so and lets
-- nothing pass, as a foreign key would.
REVOKE ALL ON booking FROM regress_guard_bookings;
DELETE FROM service WHERE id = 2;
INSERT INTO booking VALUES (25, 2, 'eve');
REVOKE ALL ON service FROM regress_guard_services;
INSERT INTO booking VALUES (26, 2, 'eve');

--
-- Planning a query calls functions of the table's owner that are in the
-- predicate of an index. They cannot change the session of whoever asks, nor
-- leave anything behind in it.
--
SET client_min_messages = warning;
CREATE SCHEMA trap AUTHORIZATION regress_guard_services;
SET ROLE regress_guard_services;
CREATE TABLE trap.service (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE trap.service_1 PARTITION OF trap.service FOR VALUES FROM (0) TO (10);
CREATE TABLE trap.booking (id int, service_id int, status text, date timestamptz);
CREATE FUNCTION trap.leave() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMPORARY TABLE left_behind ();
EXCEPTION WHEN insufficient_privilege THEN
	NULL;
END $$;
CREATE FUNCTION trap.spring(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	PERFORM trap.leave() WHERE current_setting('booking_guard_test.armed', true) = 'yes';
	PERFORM set_config('booking_guard_test.sprung', 'yes', false);
	PERFORM set_config('datestyle', 'German', false);
	RETURN true;
END $$;
CREATE INDEX ON trap.booking (service_id) WHERE trap.spring(1);
RESET ROLE;
SET datestyle = ISO;
SET booking_guard_test.armed = 'yes';
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['service_id']);
RESET booking_guard_test.armed;
SHOW datestyle;
SELECT to_regclass('pg_temp.left_behind');
-- (the owner's own statements can, as they can without a guard)
SET ROLE regress_guard_services;
INSERT INTO trap.service VALUES (1), (2);
INSERT INTO trap.booking VALUES (1, 1, 'PENDING', '2100-01-01');
RESET ROLE;
SET datestyle = ISO;
DELETE FROM trap.service WHERE id = 2;
SELECT outcome FROM safe_delete_service(1, service_table => 'trap.service');
SELECT count(*) FROM booking_guard_health();
SHOW datestyle;
SET ROLE regress_guard_services;
DELETE FROM trap.booking;
RESET ROLE;
SET datestyle = ISO;
SET booking_guard_test.sprung = 'no';
TRUNCATE trap.service_1;
ALTER TABLE trap.service DETACH PARTITION trap.service_1;
ALTER TABLE trap.service ATTACH PARTITION trap.service_1 FOR VALUES FROM (0) TO (10);
DROP TABLE trap.service_1;
SHOW datestyle;
SELECT current_setting('booking_guard_test.sprung', true);
DROP SCHEMA trap CASCADE;

--
-- To read the statuses of a guard may call functions too: a type may have a
-- domain in it, with a CHECK. They are called as the table's owner, whoever
-- needs the guard; and whatever they raise, health goes on.
--
CREATE SCHEMA trap AUTHORIZATION regress_guard_services;
SET ROLE regress_guard_services;
CREATE FUNCTION trap.check_word(text) RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN RETURN current_user = 'regress_guard_services'; END $$;
CREATE DOMAIN trap.word AS text CHECK (trap.check_word(VALUE));
CREATE TYPE trap.status AS (word trap.word);
CREATE TABLE trap.service (id int PRIMARY KEY, state trap.status);
CREATE TABLE trap.booking (service_id int REFERENCES trap.service, status trap.status, date timestamptz);
CREATE INDEX ON trap.booking (service_id);
SELECT booking_guard_protect('trap.service', 'trap.booking', blocking_statuses => ARRAY['(on)'],
	retire_column => 'state', retire_value => '(off)');
INSERT INTO trap.service VALUES (1), (2);
INSERT INTO trap.booking VALUES (1, '(on)', '2100-01-01');
RESET ROLE;
\c -
SET search_path = roles, public;
SELECT guard, problem FROM booking_guard_health() WHERE problem ~ 'trap';
SELECT outcome, upcoming_bookings FROM safe_delete_service(1, service_table => 'trap.service');
SET ROLE regress_guard_services;
CREATE OR REPLACE FUNCTION trap.check_word(text) RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'sprung' USING ERRCODE = 'object_not_in_prerequisite_state'; END $$;
RESET ROLE;
\c -
SET search_path = roles, public;
SELECT guard, problem FROM booking_guard_health() WHERE problem ~ 'trap';
DELETE FROM trap.service WHERE id = 2;
-- (but not as if it were the value, that somebody cancels it)
SET ROLE regress_guard_services;
CREATE OR REPLACE FUNCTION trap.check_word(text) RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'sprung' USING ERRCODE = 'query_canceled'; END $$;
RESET ROLE;
SELECT booking_guard_protect('trap.service', 'trap.booking', blocking_statuses => ARRAY['(on)'], or_replace => true);
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;

--
-- What a predicate raises ends the check of its owner's guard: health says so,
-- keeps what it has found, and goes on with the others.
--
CREATE SCHEMA trap AUTHORIZATION regress_guard_services;
SET ROLE regress_guard_services;
CREATE TABLE trap.service (id int PRIMARY KEY);
CREATE TABLE trap.room (id int PRIMARY KEY);
CREATE TABLE trap.booking (service_id int, status text, date timestamptz);
CREATE TABLE trap.stay (room_id int, status text, date timestamptz);
CREATE FUNCTION trap.spring(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
	$$ BEGIN RETURN true; END $$;
CREATE INDEX ON trap.booking (service_id) WHERE trap.spring(1);
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['service_id'], label => 'service');
SELECT booking_guard_protect('trap.room', 'trap.stay', ARRAY['room_id'], label => 'room');
ALTER TABLE trap.service DISABLE TRIGGER "BG_booking_service_id";
CREATE OR REPLACE FUNCTION trap.spring(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'sprung'; END $$;
RESET ROLE;
\c -
SET search_path = roles, public;
SELECT guard, severity, problem, fix FROM booking_guard_health() WHERE guard ~ 'booking_service_id|stay' AND problem !~ 'roles' \gx
-- (its fix shows the predicate, and runs nothing)
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE coalesce(pg_partition_root(indrelid), indrelid) IN ('trap.service'::regclass, 'trap.booking'::regclass);
REVOKE EXECUTE ON FUNCTION trap.spring FROM PUBLIC, regress_guard_services;
\c -
SET search_path = roles, public;
SELECT problem FROM booking_guard_health() WHERE problem ~ 'spring';
GRANT EXECUTE ON FUNCTION trap.spring TO PUBLIC;
-- (but not as if it were the guard's, that somebody cancels it)
SET ROLE regress_guard_services;
CREATE OR REPLACE FUNCTION trap.spring(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'canceled' USING ERRCODE = 'query_canceled'; END $$;
RESET ROLE;
\c -
SET search_path = roles, public;
SELECT count(*) FROM booking_guard_health();
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;

--
-- Who only lists what blocks a service runs none of that either: not to read
-- the statuses, and not to read the id.
--
CREATE SCHEMA trap AUTHORIZATION regress_guard_services;
SET ROLE regress_guard_services;
CREATE TABLE trap.ran (what text, by_whom name);
GRANT USAGE ON SCHEMA trap TO PUBLIC;
GRANT INSERT ON trap.ran TO PUBLIC;
CREATE FUNCTION trap.note(what text) RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO trap.ran VALUES (what, current_user); RETURN true; END $$;
CREATE DOMAIN trap.word AS text CHECK (trap.note('status'));
CREATE TYPE trap.status AS (word trap.word);
CREATE DOMAIN trap.id AS int CHECK (trap.note('id'));
CREATE DOMAIN trap.part AS int CHECK (trap.note('part of id'));
CREATE TYPE trap.parts AS (a trap.part, b int);
CREATE TABLE trap.service (id trap.id PRIMARY KEY, parts trap.parts UNIQUE);
CREATE TABLE trap.booking (id int PRIMARY KEY, service_id int, parts trap.parts, status trap.status, date timestamptz);
CREATE INDEX ON trap.booking (service_id);
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['service_id'], blocking_statuses => ARRAY['(on)']);
INSERT INTO trap.service VALUES (1, (1, 2));
INSERT INTO trap.booking VALUES (1, 1, NULL, '(on)', '2100-01-01'), (2, 1, NULL, '(off)', '2100-01-01');
TRUNCATE trap.ran;
RESET ROLE;
\c -
SET search_path = roles, public;
SELECT booking_id, status FROM booking_guard_blocking_bookings('1', service_table => 'trap.service');
SELECT booking_id, status FROM booking_guard_blocking_bookings(1, service_table => 'trap.service');
SELECT DISTINCT what, by_whom FROM trap.ran ORDER BY what, by_whom;
SET ROLE regress_guard_services;
SET client_min_messages = warning;
SELECT booking_guard_unprotect('trap.service', 'trap.booking');
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['parts'], ARRAY['parts'], blocking_statuses => ARRAY['(on)']);
UPDATE trap.booking SET parts = (1, 2);
TRUNCATE trap.ran;
RESET ROLE;
RESET client_min_messages;
\c -
SET search_path = roles, public;
SELECT booking_id, status FROM booking_guard_blocking_bookings('(1,2)', service_table => 'trap.service');
SELECT DISTINCT what, by_whom FROM trap.ran ORDER BY what, by_whom;
-- nor if it is an array
SET ROLE regress_guard_services;
SET client_min_messages = warning;
SELECT booking_guard_unprotect('trap.service', 'trap.booking');
ALTER TABLE trap.service ADD list trap.part[] UNIQUE;
ALTER TABLE trap.booking ADD list trap.part[];
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['list'], ARRAY['list'], blocking_statuses => ARRAY['(on)']);
UPDATE trap.service SET list = '{1,2}';
UPDATE trap.booking SET list = '{1,2}';
TRUNCATE trap.ran;
RESET ROLE;
RESET client_min_messages;
\c -
SET search_path = roles, public;
SELECT booking_id, status FROM booking_guard_blocking_bookings('{1,2}', service_table => 'trap.service');
SELECT DISTINCT what, by_whom FROM trap.ran ORDER BY what, by_whom;

--
-- What is called as a table's owner looks up no names where the caller says.
--
DROP TABLE trap.booking, trap.service;
SET ROLE regress_guard_services;
SET search_path = trap, public;
CREATE FUNCTION trap.inner_check() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION trap.outer_check() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN RETURN inner_check(); EXCEPTION WHEN undefined_function THEN RETURN true; END $$;
CREATE TABLE trap.service (id int PRIMARY KEY);
CREATE TABLE trap.booking (service_id int, status text, date timestamptz);
CREATE INDEX ON trap.booking (service_id) WHERE trap.outer_check();
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['service_id']);
INSERT INTO trap.service VALUES (1), (2);
GRANT SELECT, DELETE ON trap.service TO regress_guard_customer;
RESET ROLE;
CREATE SCHEMA lair AUTHORIZATION regress_guard_customer;
\c -
SET ROLE regress_guard_customer;
GRANT USAGE ON SCHEMA lair TO PUBLIC;
CREATE FUNCTION lair.inner_check() RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN RAISE NOTICE 'customer''s code runs as %', current_user; RETURN true; END $$;
SET search_path = lair, trap, public;
DELETE FROM trap.service WHERE id = 2;
RESET ROLE;
SET search_path = roles, public;
SET client_min_messages = warning;
DROP SCHEMA lair CASCADE;
DROP SCHEMA trap CASCADE;

--
-- A trigger that safe_delete_service() has fired may call it in turn, and have
-- had all plans thrown away before.
--
CREATE SCHEMA trap;
CREATE TABLE trap.service (id int PRIMARY KEY);
CREATE TABLE trap.booking (service_id int REFERENCES trap.service, status text, date timestamptz);
SELECT booking_guard_protect('trap.service', 'trap.booking');
INSERT INTO trap.service VALUES (1), (2);
CREATE FUNCTION trap.next_one() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF pg_trigger_depth() = 1 THEN
			CREATE OPERATOR trap.<~> (leftarg = int, rightarg = int, function = int4pl);
			PERFORM safe_delete_service(OLD.id + 1, service_table => 'trap.service');
		END IF;
		RETURN OLD;
	END $$;
CREATE TRIGGER a BEFORE DELETE ON trap.service FOR EACH ROW EXECUTE FUNCTION trap.next_one();
SELECT outcome FROM safe_delete_service(1, service_table => 'trap.service');
SELECT * FROM trap.service;
DROP SCHEMA trap CASCADE;

--
-- To see whose refusal it was, the service's key is read: that may have called
-- what was refused something else, with a key of another type.
--
CREATE SCHEMA trap;
CREATE TABLE trap.service (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE trap.booking (code text, service_id int, status text, date timestamptz);
CREATE INDEX ON trap.booking (code);
CREATE INDEX ON trap.booking (service_id);
CREATE TABLE trap.other (id int PRIMARY KEY);
CREATE TABLE trap.others_booking (the_id_of_the_other_service int, status text, date timestamptz);
CREATE INDEX ON trap.others_booking (the_id_of_the_other_service);
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['code'], ARRAY['code']);
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['service_id'], ARRAY['id']);
SELECT booking_guard_protect('trap.other', 'trap.others_booking', ARRAY['the_id_of_the_other_service']);
INSERT INTO trap.service VALUES (1, 'one');
INSERT INTO trap.other VALUES (77);
INSERT INTO trap.others_booking VALUES (77, 'PENDING', 'infinity');
CREATE FUNCTION trap.delete_other() RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN DELETE FROM trap.other; EXCEPTION WHEN foreign_key_violation THEN RETURN true; END $$;
CREATE FUNCTION trap.spring() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN RETURN trap.delete_other(); END $$;
CREATE INDEX ON trap.service (id) WHERE trap.spring();
CREATE FUNCTION trap.book() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO trap.booking VALUES (OLD.code, NULL, 'PENDING', 'infinity');
		ANALYZE trap.service; -- so that the index is looked at anew
		RETURN OLD;
	END $$;
CREATE TRIGGER a BEFORE DELETE ON trap.service FOR EACH ROW EXECUTE FUNCTION trap.book();
SELECT outcome, upcoming_bookings, message FROM safe_delete_service(1, service_table => 'trap.service');
DROP SCHEMA trap CASCADE;

--
-- Who may not read the bookings is not told of them where guards are overridden.
--
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO regress_guard_customer;
CREATE TABLE trap.service (id int PRIMARY KEY);
CREATE TABLE trap.booking (service_id int, status text, date timestamptz);
SELECT booking_guard_protect('trap.service', 'trap.booking', ARRAY['service_id']);
INSERT INTO trap.service VALUES (1), (2);
INSERT INTO trap.booking VALUES (1, 'PENDING', '2100-01-01'), (2, 'PENDING', '2100-01-01');
GRANT SELECT, DELETE ON trap.service TO regress_guard_customer;
SET booking_guard.enforcement = off;
SET client_min_messages = log;
SET ROLE regress_guard_customer;
DELETE FROM trap.service WHERE id = 1;
RESET ROLE;
GRANT SELECT ON trap.booking TO regress_guard_customer;
SET ROLE regress_guard_customer;
DELETE FROM trap.service WHERE id = 2;
RESET ROLE;
INSERT INTO trap.service VALUES (3);
INSERT INTO trap.booking VALUES (3, 'PENDING', '2100-01-01');
REVOKE SELECT ON trap.service FROM regress_guard_customer;
SET ROLE regress_guard_customer;
DELETE FROM trap.service;
RESET ROLE;
RESET booking_guard.enforcement;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;

SET client_min_messages = warning;
DROP SCHEMA roles CASCADE;
DROP ROLE regress_guard_services, regress_guard_bookings, regress_guard_clerk, regress_guard_customer;
