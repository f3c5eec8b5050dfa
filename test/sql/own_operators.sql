--
-- Types, operators and operator classes of somebody's own: bookings hold their
-- services by them as by the server's
--
CREATE SCHEMA own_operators;
SET search_path = own_operators, public;
SET timezone = 'UTC';
SET datestyle = ISO;
SET client_min_messages = error;

-- Numbers in another order, and with an equality that is not the server's, which
-- tells nothing of an index with the server's: it is the same from left to right as
-- from right to left, or nobody has said so
CREATE FUNCTION same(integer, integer) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION backwards(integer, integer) RETURNS integer IMMUTABLE STRICT LANGUAGE sql AS 'SELECT btint4cmp($2, $1)';
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = same);
CREATE OPERATOR CLASS backwards FOR TYPE integer USING btree AS
	OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 ===, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 backwards(integer, integer);
CREATE OPERATOR ==== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = same, COMMUTATOR = ====);
CREATE OPERATOR CLASS backwards_too FOR TYPE integer USING btree AS
	OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 ====, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 backwards(integer, integer);
-- Times in another order
CREATE FUNCTION backwards(timestamptz, timestamptz) RETURNS integer IMMUTABLE STRICT LANGUAGE sql AS 'SELECT timestamptz_cmp($2, $1)';
CREATE OPERATOR CLASS backwards_in_time FOR TYPE timestamptz USING btree AS
	OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 backwards(timestamptz, timestamptz);

-- try(index of the services, index of the bookings): service 1 has an upcoming
-- booking among past ones, service 2 a past one
CREATE PROCEDURE try(service_index text, booking_index text) LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	message text;
BEGIN
	CREATE TABLE service (id integer NOT NULL);
	CREATE TABLE booking (service_id integer, status text, date timestamptz);
	EXECUTE service_index;
	EXECUTE booking_index;
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id']);
	INSERT INTO service VALUES (1), (2);
	INSERT INTO booking SELECT 1, 'PENDING', d::timestamptz FROM unnest(ARRAY['2000-01-01', '2100-01-01', '2000-01-02']) d;
	INSERT INTO booking VALUES (2, 'PENDING', '2000-01-01');
	FOREACH statement IN ARRAY ARRAY[
		'DELETE FROM service WHERE id = 1',
		'UPDATE service SET id = 3 WHERE id = 1',
		'INSERT INTO booking VALUES (4, ''PENDING'', ''2100-01-01'')',
		'INSERT INTO booking VALUES (2, ''CANCELLED'', ''2100-01-01'')',
		'DELETE FROM service WHERE id = 2']
	LOOP
		BEGIN
			EXECUTE statement;
			RAISE INFO 'passed: %', statement;
		EXCEPTION WHEN foreign_key_violation THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
			RAISE INFO '%', message;
		END;
	END LOOP;
	DROP TABLE service, booking;
END $$;

-- The bookings' index is of that class, for the key or for the time
CALL try('CREATE UNIQUE INDEX ON service (id)', 'CREATE INDEX ON booking (service_id backwards, date)');
CALL try('CREATE UNIQUE INDEX ON service (id)', 'CREATE INDEX ON booking (service_id, date backwards_in_time)');
-- The services' index is
CALL try('CREATE UNIQUE INDEX ON service (id backwards)', 'CREATE INDEX ON booking (service_id, date)');
CALL try('CREATE UNIQUE INDEX ON service (id backwards_too)', 'CREATE INDEX ON booking (service_id, date)');
CALL try('CREATE UNIQUE INDEX ON service (id backwards)', 'CREATE INDEX ON booking (service_id backwards, date)');

-- A foreign key that goes by another equality than the guard does not look after
-- bookings
CREATE TABLE service (id integer NOT NULL);
CREATE UNIQUE INDEX ON service (id backwards);
CREATE TABLE booking (service_id integer REFERENCES service (id) ON UPDATE CASCADE, status text, date timestamptz);
CREATE INDEX ON booking (service_id);
ALTER TABLE service ADD PRIMARY KEY (id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id']);
INSERT INTO service VALUES (1);
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01');
INSERT INTO booking VALUES (2, 'PENDING', '2100-01-01');
UPDATE service SET id = 2;
DROP TABLE service, booking;

-- A status type whose equality has no opposite: an index or a query cannot tell
-- which bookings have none of these
CREATE TYPE state;
CREATE FUNCTION state_in(cstring) RETURNS state LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION state_out(state) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE state (INPUT = state_in, OUTPUT = state_out, LIKE = text);
CREATE FUNCTION same(state, state) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'byteaeq';
CREATE FUNCTION order_of(state, state) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'byteacmp';
CREATE OPERATOR = (LEFTARG = state, RIGHTARG = state, FUNCTION = same, COMMUTATOR = =);
CREATE OPERATOR CLASS state_ops DEFAULT FOR TYPE state USING btree AS OPERATOR 3 =, FUNCTION 1 order_of(state, state);
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, status state, date timestamptz DEFAULT '2100-01-01');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => ARRAY['off', 'done']);
INSERT INTO service VALUES (1), (2);
INSERT INTO booking VALUES (1, 1, 'off'), (2, 1, 'on'), (3, 1, 'maybe'), (4, 1, NULL), (5, 2, 'done');
SELECT booking_id, status FROM booking_guard_blocking_bookings(1);
DELETE FROM service WHERE id = 1;
DELETE FROM service WHERE id = 2 RETURNING id;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => ARRAY['on'], or_replace => true);
SELECT booking_id, status FROM booking_guard_blocking_bookings(1);
DELETE FROM service WHERE id = 1;
DROP TABLE service, booking;

-- A booking's key of a type that may be equal to a service's, but of which nobody
-- has said when it is equal to its own: whether a deferrable foreign key will
-- look at an UPDATE is not known, and so it is not relied on
CREATE TYPE number;
CREATE FUNCTION number_in(cstring) RETURNS number LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION number_out(number) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE number (INPUT = number_in, OUTPUT = number_out, LIKE = integer);
CREATE FUNCTION same(number, number) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION same(integer, number) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION order_of(integer, number) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE FUNCTION order_of(number, number) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE OPERATOR = (LEFTARG = number, RIGHTARG = number, FUNCTION = same);
CREATE OPERATOR = (LEFTARG = integer, RIGHTARG = number, FUNCTION = same);
CREATE OPERATOR CLASS forwards FOR TYPE integer USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
ALTER OPERATOR FAMILY forwards USING btree ADD
	OPERATOR 3 = (number, number), OPERATOR 3 = (integer, number),
	FUNCTION 1 order_of(integer, number), FUNCTION 1 order_of(number, number);
CREATE TABLE service (id integer NOT NULL);
CREATE UNIQUE INDEX ON service (id forwards);
CREATE TABLE booking (service_id number REFERENCES service (id) DEFERRABLE INITIALLY DEFERRED, status text, date timestamptz);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], ARRAY['id']);
INSERT INTO service VALUES (1);
INSERT INTO booking VALUES ('1', 'PENDING', '2100-01-01');
DELETE FROM service;
BEGIN;
INSERT INTO booking VALUES ('2', 'PENDING', '2100-01-01');
INSERT INTO service VALUES (2);
COMMIT;
BEGIN;
UPDATE booking SET service_id = '3' WHERE service_id::text = '2';
ROLLBACK;
UPDATE booking SET service_id = '1' WHERE service_id::text = '2';
SELECT * FROM booking;

DROP SCHEMA own_operators CASCADE;
