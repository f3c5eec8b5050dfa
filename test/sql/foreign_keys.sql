--
-- A guard and a foreign key on the same columns: while there are upcoming
-- bookings the guard refuses, with its own sentence and before the foreign
-- key does anything; without them the foreign key does what it always did.
--
CREATE SCHEMA foreign_keys;
SET search_path = foreign_keys, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer PRIMARY KEY, name text);
CREATE TABLE booking (
	id integer PRIMARY KEY,
	service_id integer DEFAULT 7,
	status text DEFAULT 'CONFIRMED',
	date timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);

-- Runs a statement, says what came of it and where the bookings are then, and
-- undoes it all. "refused by" names the constraint that did.
CREATE FUNCTION try(statement text, OUT verdict text, OUT bookings text) LANGUAGE plpgsql AS $$
DECLARE
	con text;
BEGIN
	BEGIN
		EXECUTE statement;
		SET CONSTRAINTS ALL IMMEDIATE;
		verdict := 'done';
		SELECT coalesce(string_agg(format('%s of %s', id, coalesce(service_id::text, 'none')), ', ' ORDER BY id), 'none')
			INTO bookings FROM booking;
		RAISE EXCEPTION SQLSTATE 'UNDO0';
	EXCEPTION
		WHEN SQLSTATE 'UNDO0' THEN
			NULL;
		WHEN OTHERS THEN -- 23503, but for RESTRICT 23001 since PostgreSQL 18
			IF SQLSTATE NOT LIKE '23%' THEN
				RAISE;
			END IF;
			GET STACKED DIAGNOSTICS con = CONSTRAINT_NAME;
			verdict := 'refused by ' || con;
	END;
END $$;

-- Tries every kind of foreign key on the bookings as they are now.
CREATE FUNCTION try_all(statement text, OUT kind text, OUT verdict text, OUT bookings text)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH kind IN ARRAY ARRAY['', 'ON DELETE NO ACTION', 'ON DELETE RESTRICT', 'ON DELETE CASCADE',
		'ON DELETE SET NULL', 'ON DELETE SET DEFAULT', 'DEFERRABLE', 'DEFERRABLE INITIALLY DEFERRED',
		'ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED', 'ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED',
		'NOT VALID', 'ON DELETE SET NULL NOT VALID', 'ON DELETE CASCADE (disabled)', '(disabled)',
		'ON UPDATE CASCADE', 'ON UPDATE CASCADE (disabled)', 'ON UPDATE SET NULL', 'ON UPDATE SET DEFAULT']
	LOOP
		IF kind <> '' THEN
			EXECUTE 'ALTER TABLE booking ADD CONSTRAINT fk FOREIGN KEY (service_id) REFERENCES service '
				|| replace(kind, '(disabled)', '');
			IF kind LIKE '%(disabled)' THEN
				ALTER TABLE service DISABLE TRIGGER ALL;
				ALTER TABLE service ENABLE TRIGGER USER;
				ALTER TABLE booking DISABLE TRIGGER ALL;
				ALTER TABLE booking ENABLE TRIGGER USER;
			END IF;
		END IF;
		SELECT t.verdict, t.bookings INTO verdict, bookings FROM try(statement) t;
		SET CONSTRAINTS ALL IMMEDIATE;
		ALTER TABLE booking DROP CONSTRAINT IF EXISTS fk;
		RETURN NEXT;
	END LOOP;
END $$;
SET client_min_messages = warning;

INSERT INTO service VALUES (1, 'Cut'), (2, 'Shave'), (7, 'Any');
INSERT INTO booking VALUES
	(11, 1, 'CONFIRMED', '2100-01-01 10:00+00'),
	(12, 1, 'CANCELLED', '2100-01-01 10:00+00'),
	(13, 1, 'CONFIRMED', '2000-01-01 10:00+00');

-- an upcoming booking: always our refusal
SELECT * FROM try_all('DELETE FROM service WHERE id = 1');

-- only past and cancelled ones
UPDATE booking SET date = '2000-01-01 10:00+00' WHERE id = 11;
SELECT * FROM try_all('DELETE FROM service WHERE id = 1');

-- bookings of other services only
UPDATE booking SET service_id = 2, date = '2100-01-01 10:00+00';
SELECT * FROM try_all('DELETE FROM service WHERE id = 1');

-- A change of the key: only ON UPDATE CASCADE, in force, carries upcoming
-- bookings along.
UPDATE booking SET service_id = 1;
SELECT * FROM try_all('UPDATE service SET id = 3 WHERE id = 1');

UPDATE booking SET date = '2000-01-01 10:00+00';
SELECT * FROM try_all('UPDATE service SET id = 3 WHERE id = 1');

-- A refusal by the server itself reads as ever.
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service;
DELETE FROM service WHERE id = 1;
UPDATE booking SET date = '2100-01-01 10:00+00';
DELETE FROM service WHERE id = 1;
ALTER TABLE booking DROP CONSTRAINT booking_service;

-- One upcoming booking keeps the service, and so all the others too.
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service ON DELETE SET NULL;
UPDATE booking SET status = 'CANCELLED' WHERE id > 11;
DELETE FROM service WHERE id = 1;
UPDATE booking SET status = 'CANCELLED';
DELETE FROM service WHERE id = 1;
SELECT id, service_id, status FROM booking ORDER BY id;

-- ON DELETE SET DEFAULT gives them to another service.
ALTER TABLE booking DROP CONSTRAINT booking_service;
INSERT INTO service VALUES (1, 'Cut');
UPDATE booking SET service_id = 1;
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service ON DELETE SET DEFAULT;
DELETE FROM service WHERE id = 1;
SELECT id, service_id, status FROM booking ORDER BY id;

-- A foreign key that reaches the bookings by another way: services go with
-- their shop, bookings with their customer. Only what loses its service counts.
CREATE TABLE shop (id integer PRIMARY KEY);
CREATE TABLE customer (id integer PRIMARY KEY);
ALTER TABLE service ADD shop_id integer REFERENCES shop ON DELETE CASCADE;
ALTER TABLE booking ADD customer_id integer REFERENCES customer ON DELETE CASCADE,
	ADD shop_id integer REFERENCES shop ON DELETE CASCADE;
INSERT INTO shop VALUES (1);
INSERT INTO customer VALUES (1);
INSERT INTO service VALUES (1, 'Cut', 1);
INSERT INTO booking VALUES (21, 1, 'CONFIRMED', '2100-01-01 10:00+00', 1, NULL);
DELETE FROM shop WHERE id = 1;
BEGIN;
DELETE FROM customer WHERE id = 1;
DELETE FROM shop WHERE id = 1;
ROLLBACK;
-- bookings that go with the shop, too: no booking is left without its service,
-- whichever of the two foreign keys is older and cascades first
UPDATE booking SET shop_id = 1 WHERE id = 21;
BEGIN;
DELETE FROM shop WHERE id = 1;
SELECT count(*) FROM booking WHERE id = 21;
ROLLBACK;
ALTER TABLE service DROP CONSTRAINT service_shop_id_fkey;
ALTER TABLE service ADD FOREIGN KEY (shop_id) REFERENCES shop ON DELETE CASCADE;
BEGIN;
DELETE FROM shop WHERE id = 1;
SELECT count(*) FROM booking WHERE id = 21;
ROLLBACK;

-- A deferrable foreign key does not check an update to an equal key, however it
-- looks: then the guard does. To a different one it does.
CREATE TABLE price_list (id numeric PRIMARY KEY);
CREATE TABLE order_line (id integer PRIMARY KEY, list_id numeric CONSTRAINT order_list REFERENCES price_list DEFERRABLE INITIALLY DEFERRED,
	status text, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON order_line (list_id);
SELECT booking_guard_protect('price_list', 'order_line', label => 'price list');
INSERT INTO price_list VALUES (1);
INSERT INTO order_line VALUES (1, 1.0, 'CANCELLED');
SET session_replication_role = replica;
DELETE FROM price_list;
RESET session_replication_role;
UPDATE order_line SET status = 'CONFIRMED', list_id = 1.00;
UPDATE order_line SET status = 'CONFIRMED', list_id = 2.00;
SELECT status, list_id FROM order_line;

-- a foreign key that has these columns and another has no say
CREATE TABLE room (house integer, no integer UNIQUE, PRIMARY KEY (house, no));
CREATE TABLE stay (house integer, no integer, status text, date date);
CREATE INDEX ON stay (no);
ALTER TABLE stay ADD FOREIGN KEY (house, no) REFERENCES room ON DELETE SET NULL;
SELECT booking_guard_protect('room', 'stay', ARRAY['no'], ARRAY['no']);
INSERT INTO room VALUES (1, 1);
INSERT INTO stay VALUES (1, 1, 'PENDING', NULL), (NULL, 1, 'PENDING', NULL);
INSERT INTO stay VALUES (NULL, 2, 'PENDING', NULL);
DELETE FROM room;

DROP SCHEMA foreign_keys CASCADE;
