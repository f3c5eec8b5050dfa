-- What a client's error object holds: SQLSTATE 23503 with schema, table and
-- constraint, and never a column. Clients tell by these that it is a foreign key
-- refusal (PostgREST 409, ActiveRecord InvalidForeignKey, psycopg IntegrityError,
-- Prisma P2003).
BEGIN;
SELECT plan(67);

CREATE SCHEMA shop;
CREATE TABLE shop."Service" (id int PRIMARY KEY, code text, tenant int);
CREATE TABLE shop."Booking" (id int PRIMARY KEY, "serviceId" int, status text, date timestamptz);
CREATE INDEX ON shop."Booking" ("serviceId");
INSERT INTO shop."Service" VALUES (1, 'a', 7), (2, 'b', 7);
INSERT INTO shop."Booking" VALUES (1, 1, 'CONFIRMED', '2100-01-01'), (2, NULL, 'CANCELLED', '2100-01-01');

-- The fields of the error that a statement raises
CREATE FUNCTION pg_temp.fields(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	state text; schema text; tbl text; col text; cons text; typ text; message text;
BEGIN
	EXECUTE statement;
	RETURN ARRAY['00000', 'no error'];
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, schema = SCHEMA_NAME, tbl = TABLE_NAME, col = COLUMN_NAME,
		cons = CONSTRAINT_NAME, typ = PG_DATATYPE_NAME, message = MESSAGE_TEXT;
	RETURN ARRAY[state, schema, tbl, col, cons, typ, message];
END $$;
-- What is not the message but goes with it
CREATE FUNCTION pg_temp.more(statement text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN CASE what WHEN 'detail' THEN detail ELSE hint END;
END $$;

SELECT is(booking_guard_protect('shop."Service"', 'shop."Booking"'::regclass, ARRAY['serviceId']), 'BG_Booking_serviceId', 'the guard''s name');

--
-- The service side: the service table
--
SELECT is(pg_temp.fields('DELETE FROM shop."Service" WHERE id = 1'),
	ARRAY['23503', 'shop', 'Service', '', 'BG_Booking_serviceId', '', 'Cannot delete service with 1 upcoming booking.'], 'DELETE');
SELECT is(pg_temp.more('DELETE FROM shop."Service" WHERE id = 1', 'detail'),
	'Key (id)=(1) has 1 CONFIRMED; the next is at 2100-01-01 00:00:00+00.', 'its detail');
SELECT is(pg_temp.more('DELETE FROM shop."Service" WHERE id = 1', 'hint'),
	'Cancel or move it first. To list it: SELECT * FROM booking_guard_blocking_bookings(''1'');', 'its hint');
SELECT is(pg_temp.fields('UPDATE shop."Service" SET id = 3 WHERE id = 1'),
	ARRAY['23503', 'shop', 'Service', '', 'BG_Booking_serviceId', '', 'Cannot change the key of service with 1 upcoming booking.'], 'key change');
SELECT is(pg_temp.fields('TRUNCATE shop."Service"'),
	ARRAY['23503', 'shop', 'Service', '', 'BG_Booking_serviceId', '', 'Cannot truncate table shop."Service" with 1 upcoming booking.'], 'TRUNCATE');
SELECT is(pg_temp.fields('TRUNCATE shop."Service", shop."Booking"'), ARRAY['00000', 'no error'], 'TRUNCATE of both');
INSERT INTO shop."Service" VALUES (1, 'a', 7), (2, 'b', 7);
INSERT INTO shop."Booking" VALUES (1, 1, 'CONFIRMED', '2100-01-01'), (2, NULL, 'CANCELLED', '2100-01-01');
SELECT is(pg_temp.fields('MERGE INTO shop."Service" USING (VALUES (1)) v ON id = v.column1 WHEN MATCHED THEN DELETE'),
	ARRAY['23503', 'shop', 'Service', '', 'BG_Booking_serviceId', '', 'Cannot delete service with 1 upcoming booking.'], 'MERGE');
CREATE TABLE shop.house (id int PRIMARY KEY);
INSERT INTO shop.house VALUES (7);
ALTER TABLE shop."Service" ADD FOREIGN KEY (tenant) REFERENCES shop.house ON DELETE CASCADE;
SELECT is(pg_temp.fields('DELETE FROM shop.house'),
	ARRAY['23503', 'shop', 'Service', '', 'BG_Booking_serviceId', '', 'Cannot delete service with 1 upcoming booking.'], 'a cascade');

--
-- The booking side: the booking table
--
SELECT is(pg_temp.fields('INSERT INTO shop."Booking" VALUES (3, 9, ''PENDING'', ''2100-01-01'')'),
	ARRAY['23503', 'shop', 'Booking', '', 'BG_Booking_serviceId', '', 'Cannot save upcoming booking: its service does not exist.'], 'INSERT');
SELECT is(pg_temp.more('INSERT INTO shop."Booking" VALUES (3, 9, ''PENDING'', ''2100-01-01'')', 'detail'),
	'Key (serviceId)=(9) is not present in table "Service".', 'its detail');
SELECT is(pg_temp.fields('UPDATE shop."Booking" SET "serviceId" = 9 WHERE id = 1'),
	ARRAY['23503', 'shop', 'Booking', '', 'BG_Booking_serviceId', '', 'Cannot save upcoming booking: its service does not exist.'], 'UPDATE of the key');
SELECT is(pg_temp.fields('INSERT INTO shop."Booking" VALUES (1, 9, ''PENDING'', ''2100-01-01'') ON CONFLICT (id) DO UPDATE SET "serviceId" = excluded."serviceId"'),
	ARRAY['23503', 'shop', 'Booking', '', 'BG_Booking_serviceId', '', 'Cannot save upcoming booking: its service does not exist.'], 'INSERT ... ON CONFLICT');
INSERT INTO shop."Booking" VALUES (4, 9, 'CANCELLED', '2100-01-01');
SELECT is(pg_temp.fields('UPDATE shop."Booking" SET status = ''CONFIRMED'' WHERE id = 4'),
	ARRAY['23503', 'shop', 'Booking', '', 'BG_Booking_serviceId', '', 'Cannot save upcoming booking: its service does not exist.'], 're-confirming');
SELECT is(pg_temp.fields('SET CONSTRAINTS ALL DEFERRED; INSERT INTO shop."Booking" VALUES (3, 9, ''PENDING'', ''2100-01-01''); SET CONSTRAINTS ALL IMMEDIATE'),
	ARRAY['23503', 'shop', 'Booking', '', 'BG_Booking_serviceId', '', 'Cannot save upcoming booking: its service does not exist.'], 'deferred');
SELECT is(pg_temp.fields('UPDATE shop."Booking" SET "serviceId" = NULL WHERE id = 1'),
	ARRAY['23503', 'shop', 'Booking', '', 'BG_Booking_serviceId', '', 'Cannot detach upcoming booking from its service.'], 'detaching');
-- Where a foreign key is there to say it, it says it.
DELETE FROM shop."Booking" WHERE id = 4;
ALTER TABLE shop."Booking" ADD FOREIGN KEY ("serviceId") REFERENCES shop."Service" ON DELETE SET NULL;
SELECT is((pg_temp.fields('INSERT INTO shop."Booking" VALUES (3, 9, ''PENDING'', ''2100-01-01'')'))[:5],
	ARRAY['23503', 'shop', 'Booking', '', 'Booking_serviceId_fkey'], 'a foreign key''s own refusal');
SELECT is(pg_temp.fields('DELETE FROM shop."Service" WHERE id = 1'),
	ARRAY['23503', 'shop', 'Service', '', 'BG_Booking_serviceId', '', 'Cannot delete service with 1 upcoming booking.'], 'ON DELETE SET NULL');

-- Refused, nothing has changed.
SELECT results_eq('SELECT id, code FROM shop."Service" ORDER BY id', $$VALUES (1, 'a'), (2, 'b')$$, 'the services are as before');
SELECT results_eq('SELECT id, "serviceId", status FROM shop."Booking" ORDER BY id',
	$$VALUES (1, 1, 'CONFIRMED'), (2, NULL, 'CANCELLED')$$, 'and so are the bookings');

--
-- Partitions: the table that is guarded, never the partition
--
CREATE TABLE shop.room (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE shop.room_1 PARTITION OF shop.room DEFAULT;
CREATE TABLE shop.stay (id int, room_id int, status text, date timestamptz) PARTITION BY LIST (id);
CREATE TABLE shop.stay_1 PARTITION OF shop.stay DEFAULT;
CREATE INDEX ON shop.stay (room_id);
INSERT INTO shop.room VALUES (1);
INSERT INTO shop.stay VALUES (1, 1, 'PENDING', '2100-01-01');
SELECT is(booking_guard_protect('shop.room', 'shop.stay', ARRAY['room_id'], label => 'room', booking_label => 'stay'), 'BG_stay_room_id', 'a guard on partitioned tables');
SELECT is(pg_temp.fields('DELETE FROM shop.room'),
	ARRAY['23503', 'shop', 'room', '', 'BG_stay_room_id', '', 'Cannot delete room with 1 upcoming stay.'], 'DELETE');
SELECT is(pg_temp.fields('DELETE FROM shop.room_1'),
	ARRAY['23503', 'shop', 'room', '', 'BG_stay_room_id', '', 'Cannot delete room with 1 upcoming stay.'], 'DELETE from the partition');
SELECT is(pg_temp.fields('UPDATE shop.stay SET room_id = 2'),
	ARRAY['23503', 'shop', 'stay', '', 'BG_stay_room_id', '', 'Cannot save upcoming stay: its room does not exist.'], 'UPDATE');
SELECT is(pg_temp.fields('UPDATE shop.stay_1 SET room_id = NULL'),
	ARRAY['23503', 'shop', 'stay', '', 'BG_stay_room_id', '', 'Cannot detach upcoming stay from its room.'], 'UPDATE of the partition');

--
-- Retiring
--
ALTER TABLE shop.room ADD active boolean DEFAULT true;
SELECT is(booking_guard_protect('shop.room', 'shop.stay', ARRAY['room_id'], label => 'room', booking_label => 'stay',
	retire_column => 'active', retire_value => 'false', or_replace => true), 'BG_stay_room_id', 'a guard that retires');
SELECT is(pg_temp.fields('UPDATE shop.room SET active = false'),
	ARRAY['23503', 'shop', 'room', '', 'BG_stay_room_id', '', 'Cannot retire room with 1 upcoming stay.'], 'retiring');
SELECT is(pg_temp.more('UPDATE shop.room SET active = false', 'detail'),
	'Key (id)=(1) has 1 PENDING; the next is at 2100-01-01 00:00:00+00.', 'its detail');
SELECT is(pg_temp.more('UPDATE shop.room SET active = false', 'hint'),
	'Cancel or move it first. To list it: SELECT * FROM booking_guard_blocking_bookings(''1'', service_table => ''shop.room'');', 'its hint');
SELECT is(pg_temp.fields('WITH stays AS (UPDATE shop.stay SET status = ''CANCELLED'') UPDATE shop.room SET active = false'), ARRAY['00000', 'no error'], 'retired');
SELECT is(pg_temp.fields('INSERT INTO shop.stay VALUES (2, 1, ''PENDING'', ''2100-01-01'')'),
	ARRAY['23503', 'shop', 'stay', '', 'BG_stay_room_id', '', 'Cannot save upcoming stay: its room is retired.'], 'INSERT');
SELECT is(pg_temp.more('INSERT INTO shop.stay VALUES (2, 1, ''PENDING'', ''2100-01-01'')', 'detail'),
	'Key (room_id)=(1) points at a retired row of table "room".', 'its detail');
SELECT is(pg_temp.fields('UPDATE shop.stay SET status = ''PENDING'''),
	ARRAY['23503', 'shop', 'stay', '', 'BG_stay_room_id', '', 'Cannot save upcoming stay: its room is retired.'], 're-confirming');

--
-- A guard that cannot be enforced names itself
--
ALTER TRIGGER "BG_stay_room_id" ON shop.stay RENAME TO "BG_other";
SELECT is((pg_temp.fields('DELETE FROM shop.room'))[1], '55000', 'a broken guard, service side');
SELECT is((pg_temp.fields('DELETE FROM shop.room'))[5], 'BG_stay_room_id', 'its name');
SELECT is((pg_temp.fields('UPDATE shop.stay SET id = 2'))[1], '55000', 'a broken guard, booking side');
SELECT is((pg_temp.fields('UPDATE shop.stay SET id = 2'))[5], 'BG_other', 'its name');
DROP TABLE shop.stay, shop.room;

--
-- The SQLSTATEs of the functions' refusals
--
CREATE TYPE shop.status AS ENUM ('PENDING', 'CONFIRMED');
CREATE TABLE shop.two (id int PRIMARY KEY, a int REFERENCES shop."Service", b int REFERENCES shop."Service", status shop.status, date timestamptz, day text);
CREATE VIEW shop.view AS SELECT * FROM shop."Service";
CREATE UNLOGGED TABLE shop.unlogged (id int PRIMARY KEY);
CREATE TABLE shop.orphan (id int, service_id int, status text, date timestamptz);
INSERT INTO shop.orphan VALUES (1, 9, 'PENDING', '2100-01-01');
CREATE ROLE booking_guard_nobody;
SET search_path = shop, public;

SELECT throws_ok(format('SELECT booking_guard_protect(%s)', arguments), sqlstate::char(5), NULL, format('%s: %s', sqlstate, what))
FROM (VALUES
	('''"Service"'', ''two''', '42702', 'several foreign keys'),
	('''"Service"'', ''orphan''', '42830', 'no foreign key'),
	('''two'', ''"Service"''', '42830', 'the wrong way round'),
	('''"Service"'', ''orphan'', ARRAY[''service_id''], ARRAY[''code'']', '42830', 'no unique index'),
	('''"Service"'', ''two'', ARRAY[''c'']', '42703', 'no such column'),
	('''"Service"'', ''two'', ARRAY[''day'']', '42804', 'types of keys'),
	('''"Service"'', ''two'', ARRAY[''a''], time_column => ''day''', '42804', 'not a time'),
	('''"Service"'', ''two'', ARRAY[''a''], free_statuses => ARRAY[''x'']', '22023', 'no such label'),
	('''"Service"'', ''two'', ARRAY[''a''], time_zone => ''x''', '22023', 'no such time zone'),
	('''"Service"'', ''two'', ''{}''', '22023', 'an empty list'),
	('''"Service"'', ''two'', ARRAY[''a''], label => NULL', '22004', 'NULL'),
	('''"Service"'', ''view''', '42809', 'a view'),
	('''unlogged'', ''two''', '42P16', 'an unlogged service'),
	('''"Service"'', ''orphan'', ARRAY[''service_id'']', '23503', 'bookings without a service'),
	('''"Service"'', ''"Booking"'', label => ''x''', '42710', 'other options'),
	('''"Service"'', ''two'', ARRAY[''a''], retire_column => ''id''', '22023', 'retired by the key'),
	('''"Service"'', ''two'', ARRAY[''a''], retire_column => ''tenant'', retire_value => ''x''', '22023', 'no such value')
) AS v (arguments, sqlstate, what);
SELECT throws_ok('SELECT * FROM ' || call, sqlstate::char(5), NULL, format('%s: %s', sqlstate, what))
FROM (VALUES
	('safe_delete_service(1, service_table => ''two'')', '55000', 'no guard'),
	('safe_delete_service(1, 7)', '22023', 'a tenant too many'),
	('safe_delete_service(NULL)', '22004', 'no id'),
	('safe_delete_service(''x'')', '22P02', 'an id that is none'),
	('safe_delete_service(ARRAY[1, 2])', '22023', 'an id of another length'),
	('safe_retire_service(1)', '55000', 'no guard that retires'),
	('safe_retire_service(NULL)', '22004', 'no id'),
	('booking_guard_blocking_bookings(1, service_table => ''two'')', '55000', 'no guard'),
	('booking_guard_unprotect(NULL, ''two'')', '22004', 'NULL')
) AS v (call, sqlstate, what);
SELECT throws_ok('SELECT booking_guard_before_delete()', '39P01', NULL, '39P01: not called by a trigger');
SET LOCAL ROLE booking_guard_nobody;
SELECT throws_ok('SELECT booking_guard_protect(''shop."Service"'', ''shop."Booking"'')', '42501', NULL, '42501: no right to the schema or the tables');
RESET ROLE;
SELECT lives_ok('SELECT booking_guard_unprotect(''"Service"'', ''"Booking"'')', 'unprotect');
SELECT is(pg_temp.fields('DELETE FROM shop."Service" WHERE id = 1'), ARRAY['00000', 'no error'], 'without a guard the service goes');

SELECT * FROM finish();
ROLLBACK;
