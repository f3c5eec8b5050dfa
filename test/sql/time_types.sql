--
-- When is a booking upcoming: for each type of time, in the guard's time zone,
-- never in the session's.
--
CREATE SCHEMA time_types;
SET search_path = time_types, public;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE TABLE service (id integer PRIMARY KEY);
INSERT INTO service VALUES (1);

-- The ids of bookings say what they are. Within a transaction now() is one
-- instant, so that bookings can be put right on it.
CREATE FUNCTION blocking(OUT booking text) RETURNS SETOF text LANGUAGE sql
	AS 'SELECT booking_id FROM booking_guard_blocking_bookings(1) ORDER BY booking_id COLLATE "C"';


--
-- timestamptz: until it has begun
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, date timestamptz);
CREATE INDEX ON booking (service_id, date);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL);
BEGIN;
INSERT INTO booking VALUES
	('now', 1, now()),
	('a microsecond ago', 1, now() - interval '1 microsecond'),
	('in a microsecond', 1, now() + interval '1 microsecond'),
	('an hour ago', 1, now() - interval '1 hour'),
	('in an hour', 1, now() + interval '1 hour'),
	('sometime', 1, NULL),
	('forever', 1, 'infinity'),
	('never', 1, '-infinity'),
	('in an hour, of another', NULL, now() + interval '1 hour');
SELECT * FROM blocking();
SET LOCAL timezone = 'Pacific/Kiritimati';
SELECT * FROM blocking();
ROLLBACK;
-- how the refusal shows it
INSERT INTO booking VALUES ('next', 1, '2100-07-01 10:00+00'), ('sometime', 1, NULL);
DELETE FROM service;
DELETE FROM booking WHERE id = 'next';
DELETE FROM service;
INSERT INTO booking VALUES ('sometime else', 1, NULL);
DELETE FROM service;
UPDATE booking SET date = 'infinity' WHERE id = 'sometime';
DELETE FROM service;
DROP TABLE booking;


--
-- timestamp: the same, on a clock in the guard's zone
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, date timestamp);
CREATE INDEX ON booking (service_id, date);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
	time_zone => 'Pacific/Kiritimati');
BEGIN;
INSERT INTO booking SELECT id, 1, now() AT TIME ZONE 'Pacific/Kiritimati' + after
FROM (VALUES ('now', interval '0'), ('in a microsecond', '1 microsecond'), ('in an hour', '1 hour'),
	('a microsecond ago', '-1 microsecond'), ('an hour ago', '-1 hour')) AS v (id, after);
INSERT INTO booking VALUES ('sometime', 1, NULL), ('forever', 1, 'infinity'), ('never', 1, '-infinity'),
	-- 25 hours apart: one clock is behind, the other ahead of all
	('now in Pago Pago', 1, now() AT TIME ZONE 'Pacific/Pago_Pago'),
	('now in UTC', 1, now() AT TIME ZONE 'UTC');
SELECT * FROM blocking();
SET LOCAL timezone = 'Pacific/Pago_Pago';
SELECT * FROM blocking();
-- the same guard on a clock that is behind
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
	time_zone => 'Pacific/Pago_Pago', or_replace => true);
SELECT * FROM blocking();
-- whose first instants were too early for a timestamptz: its clock was ahead then
SAVEPOINT s;
DELETE FROM booking;
INSERT INTO booking VALUES ('the first', 99, '4714-11-24 00:00 BC'), ('the last', 1, '294276-12-31 23:59:59');
SELECT booking_id FROM booking_guard_blocking_bookings(1);
ROLLBACK TO s;
ROLLBACK;
INSERT INTO booking VALUES ('next', 1, '2100-07-01 10:00');
DELETE FROM service;
DROP TABLE booking;


--
-- date: the whole day, in the guard's zone
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, date date);
CREATE INDEX ON booking (service_id, date);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
	time_zone => 'Pacific/Kiritimati');
BEGIN;
INSERT INTO booking SELECT id, 1, (now() AT TIME ZONE 'Pacific/Kiritimati')::date + after
FROM (VALUES ('today', 0), ('tomorrow', 1), ('yesterday', -1)) AS v (id, after);
INSERT INTO booking VALUES ('sometime', 1, NULL), ('forever', 1, 'infinity'), ('never', 1, '-infinity'),
	-- at any hour of the day, it is one or two days earlier there
	('today in Pago Pago', 1, (now() AT TIME ZONE 'Pacific/Pago_Pago')::date);
SELECT * FROM blocking();
SET LOCAL timezone = 'Pacific/Pago_Pago';
SELECT * FROM blocking();
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
	time_zone => 'Pacific/Pago_Pago', or_replace => true);
-- what was yesterday in Kiritimati is not over there at any hour
SELECT * FROM blocking();
ROLLBACK;
INSERT INTO booking VALUES ('next', 1, '2100-07-01');
DELETE FROM service;
DROP TABLE booking;


--
-- Ranges: until the last instant has passed
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, date tstzrange);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL);
BEGIN;
INSERT INTO booking SELECT text, 1, format(text, now() - interval '1 hour', now(), now() + interval '1 hour')::tstzrange
FROM unnest(ARRAY[
	'[%1$s,%2$s]', '[%1$s,%2$s)', '(%1$s,%2$s]', '(%1$s,%2$s)', '[%1$s,%1$s]',
	'[%1$s,%3$s]', '[%1$s,%3$s)', '(%1$s,%3$s]', '(%1$s,%3$s)',
	'[%2$s,%2$s]', '[%2$s,%3$s)', '(%2$s,%3$s)', '[%3$s,%3$s]',
	'(,%1$s]', '(,%2$s)', '(,%2$s]', '(,%3$s)', '[%1$s,)', '[%3$s,)', '(,)', 'empty',
	'[%1$s,infinity)', '[%1$s,infinity]', '[-infinity,%1$s]', '[-infinity,-infinity]', '[infinity,infinity]']) AS text;
INSERT INTO booking VALUES ('sometime', 1, NULL);
-- 1 is an hour ago, 2 is now, 3 is in an hour
SELECT replace(replace(id, '%', ''), '$s', '') AS range, id IN (SELECT * FROM blocking()) AS blocks FROM booking ORDER BY blocks, id COLLATE "C";
ROLLBACK;
INSERT INTO booking VALUES ('next', 1, '[2100-07-01 10:00+00, 2100-07-01 11:00+00)');
DELETE FROM service;
UPDATE booking SET date = '(, 2100-07-01 11:00+00)';
DELETE FROM service;
DROP TABLE booking;

CREATE TABLE booking (id text PRIMARY KEY, service_id integer, date daterange);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
	time_zone => 'Pacific/Kiritimati');
BEGIN;
INSERT INTO booking SELECT text, 1, format(text, today - 1, today, today + 1)::daterange
FROM (SELECT (now() AT TIME ZONE 'Pacific/Kiritimati')::date) AS t (today), unnest(ARRAY[
	'[%1$s,%1$s]', '[%1$s,%2$s)', '[%1$s,%2$s]', '[%2$s,%2$s]', '(%1$s,%2$s]', '[%2$s,%3$s)', '[%3$s,%3$s]',
	'(,%2$s)', '(,%2$s]', '[%1$s,)', '(,)', 'empty', '[%1$s,infinity]', '[-infinity,%1$s]']) AS text;
INSERT INTO booking VALUES ('sometime', 1, NULL);
-- 1 is yesterday, 2 is today, 3 is tomorrow
SELECT replace(replace(id, '%', ''), '$s', '') AS range, id IN (SELECT * FROM blocking()) AS blocks FROM booking ORDER BY blocks, id COLLATE "C";
ROLLBACK;
INSERT INTO booking VALUES ('next', 1, '[2100-07-01, 2100-07-03]');
DELETE FROM service;
DROP TABLE booking;


--
-- Domains are as their base types, also one over another
--
CREATE DOMAIN slot AS timestamp CHECK (VALUE IS NULL OR VALUE > '1990-01-01');
CREATE DOMAIN future_slot AS slot;
CREATE DOMAIN stay AS daterange;
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, date future_slot, nights stay);
CREATE INDEX ON booking (service_id, date);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL);
BEGIN;
INSERT INTO booking VALUES ('ahead', 1, now() AT TIME ZONE 'UTC' + interval '1 hour'),
	('past', 1, now() AT TIME ZONE 'UTC' - interval '1 hour'), ('sometime', 1, NULL);
SELECT * FROM blocking();
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
	time_column => 'nights', or_replace => true);
UPDATE booking SET nights = daterange(date::date, date::date, '[]');
UPDATE booking SET nights = '[2000-01-01,2000-01-02]' WHERE id = 'past';
SELECT * FROM blocking();
ROLLBACK;
DROP TABLE booking;

-- The ends of the calendar, in zones that shift them over the edge
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, day date, date timestamp, slot tsrange);
CREATE INDEX ON booking (service_id);
INSERT INTO booking VALUES
	('last', 1, '5874897-12-31', '294276-12-31 23:59:59.999999', '[294276-12-31 23:59:59.999998,294276-12-31 23:59:59.999999)'),
	('first', 1, '4714-11-24 BC', '4714-11-24 00:00:00 BC', '(,4714-11-24 00:00:00 BC]');
CREATE FUNCTION blocking_by(col text, zone text, OUT blocking text[]) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
		time_column => col, time_zone => zone, or_replace => true);
	blocking := ARRAY(SELECT * FROM blocking());
END $$;
SELECT zone, col, b.*
FROM unnest(ARRAY['Pacific/Kiritimati', 'Pacific/Pago_Pago']) zone, unnest(ARRAY['day', 'date', 'slot']) col,
	blocking_by(col, zone) b;
DELETE FROM service;
DROP TABLE booking;

-- no time at all: every booking is upcoming
CREATE TABLE booking (id text PRIMARY KEY, service_id integer);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL, time_column => NULL);
INSERT INTO booking VALUES ('any', 1);
DELETE FROM service;
DROP TABLE booking;


--
-- Does the guard agree with SQL? These are the rules, for a booking at t.
--
CREATE TABLE rule (type text PRIMARY KEY, upcoming text, sample text);
INSERT INTO rule VALUES
	('timestamptz',
	 't >= now()',
	 'now() + aside()'),
	('timestamp',
	 't AT TIME ZONE zone >= now()',
	 'now() AT TIME ZONE zone + aside()'),
	('date',
	 '(t + 1)::timestamp AT TIME ZONE zone > now()',
	 '(now() AT TIME ZONE zone)::date + days()'),
	('tstzrange',
	 't && tstzrange(now(), NULL)',
	 'tstzrange(b.lower, greatest(b.lower, b.lower + aside()), bounds())
	  FROM (SELECT CASE WHEN random() < 0.95 THEN now() + aside() END AS lower) b'),
	('tsrange',
	 'NOT isempty(t) AND (upper_inf(t) OR upper(t) AT TIME ZONE zone > now() OR upper_inc(t) AND upper(t) AT TIME ZONE zone = now())',
	 'tsrange(b.lower, greatest(b.lower, b.lower + aside()), bounds())
	  FROM (SELECT CASE WHEN random() < 0.95 THEN now() AT TIME ZONE zone + aside() END AS lower) b'),
	('daterange',
	 'NOT isempty(t) AND (upper_inf(t) OR upper(t)::timestamp AT TIME ZONE zone > now())',
	 'daterange(b.lower, b.lower + abs(days()), bounds())
	  FROM (SELECT CASE WHEN random() < 0.95 THEN (now() AT TIME ZONE zone)::date + days() END AS lower) b');

-- some time ahead or ago, from no microsecond to some days, mostly short
CREATE FUNCTION aside() RETURNS interval LANGUAGE sql VOLATILE AS $$
	SELECT CASE (random() * 20)::integer
		WHEN 0 THEN interval '0'
		WHEN 1 THEN interval '1 microsecond'
		WHEN 2 THEN interval '-1 microsecond'
		ELSE sign(random() - 0.5) * 10 ^ (random() * 12) * interval '1 microsecond'
	END
$$;
CREATE FUNCTION days() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT (random() * 6)::integer - 3';
CREATE FUNCTION bounds() RETURNS text LANGUAGE sql VOLATILE
	AS $$ SELECT (ARRAY['[]', '[)', '(]', '()'])[1 + (random() * 3)::integer] $$;

-- Makes bookings at random times around now. Counts those of which the guard
-- says otherwise than the rule: on the service side, in the list of what blocks
-- it and in the number that a DELETE gives; and on the booking side, when each
-- is to be booked for a service that does not exist.
CREATE FUNCTION disagreements(which text, zone text, n integer,
	OUT bookings integer, OUT both_kinds boolean, OUT listed integer, OUT refusal integer, OUT booked integer)
LANGUAGE plpgsql AS $$
DECLARE
	r rule;
	b record;
	message text;
BEGIN
	SELECT * INTO r FROM rule WHERE type = which;
	CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, upcoming boolean);
	EXECUTE format('ALTER TABLE booking ADD t %s', which);
	CREATE INDEX ON booking (service_id);
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
		time_column => 't', time_zone => zone);

	FOR i IN 1 .. n LOOP
		EXECUTE format('INSERT INTO booking (id, service_id, t) SELECT %s, 1, %s', i,
			replace(r.sample, 'zone', quote_literal(zone)));
	END LOOP;
	EXECUTE format('UPDATE booking SET upcoming = %s', replace(r.upcoming, 'zone', quote_literal(zone)));

	SELECT count(*), count(DISTINCT upcoming) = 2 INTO bookings, both_kinds FROM booking;
	SELECT count(*) INTO listed FROM booking
	WHERE (id IN (SELECT booking_id::integer FROM booking_guard_blocking_bookings(1)))
		IS DISTINCT FROM coalesce(upcoming, true);
	BEGIN
		DELETE FROM service;
	EXCEPTION WHEN foreign_key_violation THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	END;
	SELECT substring(message FROM 'with (\d+) upcoming')::integer - count(*) INTO refusal FROM booking
	WHERE coalesce(upcoming, true);

	booked := 0;
	FOR b IN SELECT * FROM booking LOOP
		BEGIN
			INSERT INTO booking SELECT id + n, 2, upcoming, t FROM booking WHERE id = b.id;
			IF coalesce(b.upcoming, true) THEN
				booked := booked + 1;
			END IF;
		EXCEPTION WHEN foreign_key_violation THEN
			IF NOT coalesce(b.upcoming, true) THEN
				booked := booked + 1;
			END IF;
		END;
	END LOOP;
	DROP TABLE booking;
END $$;

SELECT setseed(0.42);
SET client_min_messages = warning;

-- in a session whose own clock is elsewhere
SET timezone = 'America/Anchorage';
SELECT type, sum(bookings) AS bookings, bool_and(both_kinds) AS both_kinds,
	sum(listed) AS listed, sum(refusal) AS refusal, sum(booked) AS booked
FROM rule, unnest(ARRAY['UTC', 'Europe/Berlin', 'Pacific/Kiritimati', 'Pacific/Pago_Pago',
	'Asia/Kathmandu', 'America/St_Johns']) AS zone, disagreements(type, zone, 200)
GROUP BY type ORDER BY type;
SET timezone = 'UTC';


--
-- Summer time
--
-- An hour that the clock shows twice, or not at all, is the one that SQL takes
-- it for: in the list of what blocks a service, for every five minutes around
-- both changes of some zones.
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, date timestamp);
CREATE INDEX ON booking (service_id, date);
CREATE FUNCTION clock_disagreements(zone text, OUT bookings bigint, OUT disagreements bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
		time_zone => zone, or_replace => true);
	SELECT count(*), count(*) FILTER (WHERE b.date AT TIME ZONE zone <> g.booking_time) INTO bookings, disagreements
	FROM booking b JOIN booking_guard_blocking_bookings(1) g ON b.id = g.booking_id::integer;
END $$;
INSERT INTO booking SELECT row_number() OVER (), 1, t
FROM generate_series('2036-03-25 00:00'::timestamp, '2036-04-07 00:00', '5 minutes') t;
INSERT INTO booking SELECT 10000 + row_number() OVER (), 1, t
FROM generate_series('2036-10-24 00:00'::timestamp, '2036-11-03 00:00', '5 minutes') t;
SELECT zone, d.* FROM unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) AS zone,
	clock_disagreements(zone) d;
DROP TABLE booking;

-- Moving a booking ahead needs the service, moving it back does not: judged on
-- bookings that have lost their service, each moved from and to every quarter of
-- an hour in the night in which Berlin's clock shows 02:00 to 03:00 twice.
CREATE FUNCTION move_disagreements(type text, sample text, later text, OUT moves integer, OUT disagreements integer)
LANGUAGE plpgsql AS $$
DECLARE
	m record;
	needed boolean;
	ahead boolean;
BEGIN
	moves := 0;
	disagreements := 0;
	CREATE TABLE booking (id integer PRIMARY KEY, service_id integer);
	EXECUTE format('ALTER TABLE booking ADD t %s', type);
	CREATE INDEX ON booking (service_id);
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL,
		time_column => 't', time_zone => 'Europe/Berlin');
	FOR m IN EXECUTE format('WITH s AS (SELECT row_number() OVER (ORDER BY q) n, %s AS t'
		'	FROM generate_series(0, 20) q)'
		' SELECT a.t::text AS from_t, b.t::text AS to_t, %s AS ahead FROM s a, s b', sample, later)
	LOOP
		SET LOCAL session_replication_role = replica;
		EXECUTE format('INSERT INTO booking VALUES (1, 2, %L)', m.from_t);
		SET LOCAL session_replication_role = origin;
		BEGIN
			EXECUTE format('UPDATE booking SET t = %L', m.to_t);
			needed := false;
		EXCEPTION WHEN foreign_key_violation THEN
			needed := true;
		END;
		moves := moves + 1;
		IF needed <> m.ahead THEN
			disagreements := disagreements + 1;
		END IF;
		DELETE FROM booking;
	END LOOP;
	DROP TABLE booking;
END $$;
SELECT * FROM move_disagreements('timestamp', $$'2036-10-26 00:30'::timestamp + q * interval '15 minutes'$$,
	$$b.t AT TIME ZONE 'Europe/Berlin' > a.t AT TIME ZONE 'Europe/Berlin'$$);
SELECT * FROM move_disagreements('timestamp', $$'2036-03-30 00:30'::timestamp + q * interval '15 minutes'$$,
	$$b.t AT TIME ZONE 'Europe/Berlin' > a.t AT TIME ZONE 'Europe/Berlin'$$);
SELECT * FROM move_disagreements('tsrange', $$tsrange('2036-10-26 00:00'::timestamp, '2036-10-26 00:30'::timestamp + q * interval '15 minutes')$$,
	$$upper(b.t) AT TIME ZONE 'Europe/Berlin' > upper(a.t) AT TIME ZONE 'Europe/Berlin'$$);
SELECT * FROM move_disagreements('timestamptz', $$'2036-10-25 22:00+00'::timestamptz + q * interval '15 minutes'$$, 'b.t > a.t');
SELECT * FROM move_disagreements('date', $$'2036-10-20'::date + q$$, 'b.t > a.t');
SELECT * FROM move_disagreements('daterange', $$daterange('2036-01-01', '2036-10-20'::date + q, '[]')$$, 'upper(b.t) > upper(a.t)');
-- the same on the scale of what has no end
SELECT * FROM move_disagreements('timestamptz',
	$$(ARRAY['2100-01-01', 'infinity', NULL])[1 + q % 3]::timestamptz$$,
	$$coalesce(b.t, 'infinity') > coalesce(a.t, 'infinity')$$);
SELECT * FROM move_disagreements('tstzrange',
	$$(ARRAY['[2100-01-01,2100-01-02)', '[2100-01-01,2100-01-02]', '[2100-01-01,)', '[2100-01-01,infinity)', NULL])[1 + q % 5]::tstzrange$$,
	$$coalesce(upper(b.t), 'infinity') > coalesce(upper(a.t), 'infinity')
	  OR upper(b.t) = upper(a.t) AND upper_inc(b.t) AND NOT upper_inc(a.t)$$);

-- What is over has no say when a guard is made either, although the query's bound
-- is a day early.
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, t date);
CREATE INDEX ON booking (service_id);
INSERT INTO booking VALUES (1, 99, (now() AT TIME ZONE 'UTC')::date - 1);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL, time_column => 't');
DROP TABLE booking;

DROP SCHEMA time_types CASCADE;
