-- What booking_guard.log_blocked writes to the server's log: one line for each
-- refusal, warning or blocked verdict, that a program can read.
SET client_min_messages = warning;
SET timezone = 'UTC';
BEGIN;
SELECT plan(17);

CREATE TABLE service (id int PRIMARY KEY, deleted_at timestamptz);
CREATE TABLE booking (id int PRIMARY KEY, service_id int, status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at') \g /dev/null
INSERT INTO service SELECT n FROM generate_series(1, 3) n;
INSERT INTO booking (id, service_id) VALUES (1, 1), (2, 1);

-- What a statement adds to the log: the server writes to a file beside its data.
CREATE FUNCTION logged(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/../server.log';
	before bigint := (pg_stat_file(file)).size;
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN foreign_key_violation OR object_not_in_prerequisite_state THEN NULL;
	END;
	RETURN QUERY
		SELECT substring(line FROM 'booking_guard: (.*)')
		FROM regexp_split_to_table(pg_read_file(file, before, 1000000), '\n') line
		WHERE line ~ 'LOG:  booking_guard: ';
END $$;

-- The fields of a line, as a program would read them
CREATE FUNCTION fields(line text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_object_agg(m[1], coalesce(m[2], m[3]))
	FROM regexp_matches(line, '(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))', 'g') m
$$;

SELECT is_empty($$SELECT logged('DELETE FROM service WHERE id = 1')$$, 'nothing is logged unless asked for');
SET LOCAL booking_guard.log_blocked = on;
SELECT is_empty($$SELECT logged('DELETE FROM service WHERE id = 2')$$, 'nor what is not refused');

SELECT results_eq($$SELECT logged('DELETE FROM service WHERE id = 1')$$,
	format($$VALUES ('outcome=refused action="delete service" guard="BG_booking_service_id" service_table="public.service" booking_table="public.booking" key="(id)=(1)" bookings=2 next="2100-01-01 10:00:00+00" user="%s"')$$, session_user),
	'a refused delete: one line');
SELECT is(fields(logged('UPDATE service SET id = 9 WHERE id = 1')) - 'user',
	'{"outcome": "refused", "action": "change key of service", "guard": "BG_booking_service_id", "service_table": "public.service", "booking_table": "public.booking", "key": "(id)=(1)", "bookings": "2", "next": "2100-01-01 10:00:00+00"}',
	'a key change, read by a program');
SELECT is(fields(logged('UPDATE service SET deleted_at = now() WHERE id = 1')) ->> 'action', 'retire service', 'retiring');
SELECT is(fields(logged('TRUNCATE service')) - 'user' - 'next' - 'guard' - 'service_table' - 'booking_table',
	'{"outcome": "refused", "action": "truncate services", "bookings": "2"}', 'TRUNCATE, which is about no one row');
SELECT is(fields(logged('INSERT INTO booking VALUES (3, 99)')) - 'user' - 'guard' - 'service_table' - 'booking_table',
	'{"outcome": "refused", "action": "save booking", "key": "(service_id)=(99)", "bookings": "1"}', 'a booking without its service');
SELECT is(fields(logged('UPDATE booking SET service_id = NULL')) ->> 'action', 'detach booking', 'a booking that is stripped of it');

SELECT is(fields(logged('SELECT safe_delete_service(1)')) - 'user' - 'next' - 'guard' - 'service_table' - 'booking_table',
	'{"outcome": "blocked", "action": "delete service", "key": "(id)=(1)", "bookings": "2"}', 'the verdict blocked: one line');
SELECT is(fields(logged('SELECT safe_retire_service(1)')) ->> 'outcome', 'blocked', 'likewise for retiring');
SELECT is_empty($$SELECT logged('SELECT safe_delete_service(99)')$$, 'other verdicts are not logged');

-- a key of several columns, not in the order of a booking's
CREATE TABLE room (house text, no int, PRIMARY KEY (house, no));
CREATE TABLE stay (no int, house text, status text, date timestamptz);
CREATE INDEX ON stay (house, no);
SELECT booking_guard_protect('room', 'stay', ARRAY['no', 'house'], ARRAY['no', 'house']) \g /dev/null
INSERT INTO room VALUES ('north "1"', 7);
INSERT INTO stay VALUES (7, 'north "1"', 'CONFIRMED');
SELECT is(fields(logged($$SELECT safe_delete_service(ARRAY['7', 'north "1"'], service_table => 'room')$$)) ->> 'key',
	'(no, house)=(7, north \"1\")', 'the verdict on a key of several columns');

-- a guard that cannot be enforced refuses everything
ALTER TABLE service DROP CONSTRAINT service_pkey;
SELECT is(fields(logged('DELETE FROM service WHERE id = 3')) - 'user' - 'guard' - 'service_table' - 'booking_table' - 'problem',
	'{"outcome": "refused", "action": "change service"}', 'a guard that cannot be enforced: one line');
SELECT is(fields(logged('UPDATE booking SET id = id')) - 'user' - 'guard' - 'service_table' - 'booking_table' - 'problem',
	'{"outcome": "refused", "action": "change booking"}', 'on its other side, too');
ALTER TABLE service ADD PRIMARY KEY (id);

SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at', mode => 'warn', or_replace => true) \g /dev/null
SET LOCAL client_min_messages = error;
SELECT is(fields(logged('DELETE FROM service WHERE id = 1')) - 'user' - 'next' - 'guard' - 'service_table' - 'booking_table',
	'{"outcome": "warned", "action": "delete service", "key": "(id)=(1)", "bookings": "2"}', 'what a guard only warns of: one line');
SET LOCAL booking_guard.enforcement = off;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], retire_column => 'deleted_at', validate => false, or_replace => true) \g /dev/null
SET LOCAL booking_guard.log_blocked = off;
SELECT is(fields(logged('INSERT INTO booking VALUES (4, 99)')) ->> 'outcome', 'overridden', 'what is overridden is logged whether asked for or not');
SELECT is_empty($$SELECT logged('INSERT INTO booking VALUES (5, 3)')$$, 'but not what is no override');

SELECT * FROM finish();
ROLLBACK;
