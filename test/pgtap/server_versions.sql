-- What only newer servers have, and must not fool a guard: virtual generated columns, foreign keys that
-- are not enforced, and temporal keys, all since PostgreSQL 18.
SELECT current_setting('server_version_num')::int < 180000 AS before_18 \gset
\if :before_18
SELECT plan(1);
SELECT skip('PostgreSQL 18 or later has these', 1);
SELECT * FROM finish();
\quit
\endif

BEGIN;
SELECT plan(26);

CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	state text; cons text; message text; hint text;
BEGIN
	EXECUTE statement;
	RETURN ARRAY['no error'];
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, cons = CONSTRAINT_NAME, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN ARRAY[state, cons, message, hint];
END $$;

--
-- A virtual generated column is NULL in the rows that triggers get: no rule may name one.
--
CREATE TABLE service (
	id int PRIMARY KEY,
	virtual_id int GENERATED ALWAYS AS (id) VIRTUAL
);
CREATE TABLE booking (
	id int PRIMARY KEY,
	of int,
	service_id int GENERATED ALWAYS AS (of) STORED,
	virtual_id int GENERATED ALWAYS AS (of) VIRTUAL,
	status text,
	virtual_status text GENERATED ALWAYS AS (upper(status)) VIRTUAL,
	date timestamptz,
	virtual_date timestamptz GENERATED ALWAYS AS (date) VIRTUAL
);
CREATE INDEX ON booking (service_id);

SELECT is(pg_temp.refusal(format('SELECT booking_guard_protect(''service'', ''booking'', %s)', arguments)),
	ARRAY['0A000', '',
		format('Cannot guard table service by table booking: column "%s" of table %s is a virtual generated column.', col, tab),
		'Drop the column and add it again as a STORED one.'], 'virtual: ' || arguments)
FROM (VALUES
	('ARRAY[''virtual_id'']', 'booking', 'virtual_id'),
	('ARRAY[''service_id''], ARRAY[''virtual_id'']', 'service', 'virtual_id'),
	('ARRAY[''service_id''], tenant_column => ''virtual_id''', 'service', 'virtual_id'),
	('ARRAY[''service_id''], status_column => ''virtual_status''', 'booking', 'virtual_status'),
	('ARRAY[''service_id''], inactive_column => ''virtual_status''', 'booking', 'virtual_status'),
	('ARRAY[''service_id''], time_column => ''virtual_date''', 'booking', 'virtual_date')
) AS v (arguments, tab, col);

-- A stored one does, until somebody swaps it for a virtual one where event triggers do not stop them.
SELECT is(booking_guard_protect('service', 'booking', ARRAY['service_id']), 'BG_booking_service_id', 'stored: a guard');
INSERT INTO service VALUES (1), (2);
INSERT INTO booking (id, of, status, date) VALUES (1, 1, 'CONFIRMED', '2100-01-01');
SELECT throws_ok('INSERT INTO booking (id, of, status, date) VALUES (2, 3, ''CONFIRMED'', ''2100-01-01'')', '23503', NULL, 'stored: no such service');
SET LOCAL event_triggers = off;
SET LOCAL client_min_messages = warning;
ALTER TABLE booking DROP date CASCADE;
ALTER TABLE booking ADD date timestamptz GENERATED ALWAYS AS ('2100-01-01 00:00+00'::timestamptz) VIRTUAL;
SET LOCAL event_triggers = on;
SELECT is((pg_temp.refusal(statement))[1:3],
	ARRAY['55000', 'BG_booking_service_id',
		'Guard "BG_booking_service_id" on table service cannot be enforced: column "date" of table booking is a virtual generated column.'],
	'virtual: ' || statement)
FROM (VALUES
	('DELETE FROM service WHERE id = 1'),
	('INSERT INTO booking (id, of, status) VALUES (2, 1, ''CONFIRMED'')')
) AS v (statement);

--
-- A foreign key that is NOT ENFORCED checks, locks and carries along nothing; once it is ENFORCED, it does.
--
CREATE TABLE room (id int PRIMARY KEY);
CREATE TABLE stay (
	id int PRIMARY KEY,
	room_id int CONSTRAINT stay_room REFERENCES room ON UPDATE CASCADE NOT ENFORCED,
	status text,
	date timestamptz
);
CREATE INDEX ON stay (room_id);
CREATE TABLE meal (
	id int PRIMARY KEY,
	room_id int CONSTRAINT meal_room REFERENCES room DEFERRABLE INITIALLY DEFERRED NOT ENFORCED,
	status text,
	date timestamptz
);
CREATE INDEX ON meal (room_id);
INSERT INTO room VALUES (1), (2), (3);
SELECT is(booking_guard_protect('room', 'stay'), 'BG_stay_room_id', 'not enforced: its columns are the guard''s all the same');
SELECT is(booking_guard_protect('room', 'meal'), 'BG_meal_room_id', 'not enforced and deferrable: likewise');
INSERT INTO stay VALUES (1, 1, 'CONFIRMED', '2100-01-01');

CREATE FUNCTION pg_temp.refused_by(statement text) RETURNS text LANGUAGE sql AS
	'SELECT array_to_string((pg_temp.refusal(statement))[1:2], '' '')';
SELECT is(pg_temp.refused_by('INSERT INTO stay VALUES (2, 9, ''CONFIRMED'', ''2100-01-01'')'), '23503 BG_stay_room_id', 'not enforced: no such room');
SELECT is(pg_temp.refused_by('INSERT INTO meal VALUES (2, 9, ''CONFIRMED'', ''2100-01-01'')'), '23503 BG_meal_room_id', 'not enforced and deferrable: no such room');
SELECT is(pg_temp.refused_by('UPDATE room SET id = 4 WHERE id = 1'), '23503 BG_stay_room_id', 'not enforced: the key may not change');
SELECT is(pg_temp.refused_by('DELETE FROM room WHERE id = 1'), '23503 BG_stay_room_id', 'not enforced: DELETE');

ALTER TABLE stay ALTER CONSTRAINT stay_room ENFORCED;
SELECT is(pg_temp.refused_by('INSERT INTO stay VALUES (2, 9, ''CONFIRMED'', ''2100-01-01'')'), '23503 stay_room', 'enforced: no such room, says the foreign key');
SELECT is(pg_temp.refused_by('UPDATE room SET id = 4 WHERE id = 1'), 'no error', 'enforced: it carries the booking along');

ALTER TABLE stay ALTER CONSTRAINT stay_room NOT ENFORCED;
SELECT is(pg_temp.refused_by('INSERT INTO stay VALUES (2, 9, ''CONFIRMED'', ''2100-01-01'')'), '23503 BG_stay_room_id', 'not enforced any more: no such room');
SELECT is(pg_temp.refused_by('UPDATE room SET id = 5 WHERE id = 4'), '23503 BG_stay_room_id', 'not enforced any more: the key may not change');

--
-- A temporal key tells rows apart by GiST, and a temporal foreign key is content with a time that several
-- rows cover together. Neither is what a guard rests on.
--
CREATE TABLE desk (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE seat (id int PRIMARY KEY, desk int4range, during daterange, status text, date timestamptz,
	CONSTRAINT seat_desk FOREIGN KEY (desk, PERIOD during) REFERENCES desk (id, PERIOD during));
CREATE INDEX ON seat (desk);
INSERT INTO desk VALUES ('[1,2)', '[2100-01-01,2100-02-01)'), ('[1,2)', '[2100-02-01,2100-03-01)');

SELECT alike((pg_temp.refusal('SELECT booking_guard_protect(''desk'', ''seat'')'))[3],
	'Cannot guard table desk by table seat: %unique%', 'temporal: its index is no key');
ALTER TABLE desk ADD UNIQUE (id, during);
SELECT is(booking_guard_protect('desk', 'seat'), 'BG_seat_desk_during', 'temporal: an ordinary one beside it is');
SELECT is(pg_temp.refused_by('INSERT INTO seat VALUES (1, ''[1,2)'', ''[2100-01-15,2100-02-15)'', ''CONFIRMED'', ''2100-01-15'')'),
	'23503 BG_seat_desk_during', 'temporal: two rows together are no service');
INSERT INTO seat VALUES (1, '[1,2)', '[2100-02-01,2100-03-01)', 'CONFIRMED', '2100-02-01');
SELECT is(pg_temp.refused_by('DELETE FROM desk WHERE lower(during) = ''2100-02-01'''), '23503 BG_seat_desk_during', 'temporal: DELETE');

--
-- NOT NULL that is NOT VALID: bookings without a time may be there, and are upcoming.
--
CREATE TABLE stand (id int PRIMARY KEY);
CREATE TABLE ticket (id int, stand_id int, status text, date timestamptz);
CREATE INDEX ON ticket (stand_id) WHERE date IS NOT NULL;
SELECT is(booking_guard_protect('stand', 'ticket', ARRAY['stand_id'], label => 'stand'), 'BG_ticket_stand_id', 'NOT VALID: a guard');
INSERT INTO stand VALUES (1);
INSERT INTO ticket VALUES (1, 1, 'CONFIRMED', NULL);
ALTER TABLE ticket ADD CONSTRAINT timed NOT NULL date NOT VALID;
SELECT throws_ok('DELETE FROM stand', '23503', 'Cannot delete stand with 1 upcoming booking.', 'NOT VALID: a booking without a time blocks');

SELECT * FROM finish();
ROLLBACK;
