--
-- A service with upcoming bookings stays, whichever way one tries to be rid
-- of it: DELETE in all its forms, a change of its key, TRUNCATE.
--
-- There is no foreign key from bookings to services here, but for the last
-- part: what holds is the guard alone.
--
CREATE SCHEMA delete_paths;
SET search_path = delete_paths, public;

CREATE TABLE tenant (id integer PRIMARY KEY);
CREATE TABLE service (
	id integer PRIMARY KEY,
	tenant_id integer REFERENCES tenant ON DELETE CASCADE,
	name text
);
CREATE TABLE booking (
	id integer PRIMARY KEY,
	service_id integer,
	status text,
	date timestamptz
);
CREATE INDEX ON booking (service_id);

INSERT INTO tenant VALUES (1);
-- 1 is booked, 2 was, 3 never was
INSERT INTO service VALUES (1, 1, 'Cut'), (2, 1, 'Shave'), (3, 1, 'Dye');
INSERT INTO booking VALUES
	(11, 1, 'CONFIRMED', '2100-01-02 10:00+00'),
	(12, 1, 'PENDING', '2100-01-01 10:00+00'),
	(13, 1, 'CONFIRMED', '2100-01-03 10:00+00'),
	(14, 1, 'CANCELLED', '2100-01-03 10:00+00'),
	(15, 1, 'CONFIRMED', '2000-01-03 10:00+00'),
	(21, 2, 'CANCELLED', '2100-01-01 10:00+00'),
	(22, 2, 'CONFIRMED', '2000-01-01 10:00+00');

SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);


--
-- DELETE
--
DELETE FROM service WHERE id = 1;

-- clients know it by these; there is never a column
DO $$
DECLARE
	state text; schema text; tab text; col text; con text;
BEGIN
	DELETE FROM service WHERE id = 1;
EXCEPTION WHEN foreign_key_violation THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, schema = SCHEMA_NAME,
		tab = TABLE_NAME, col = COLUMN_NAME, con = CONSTRAINT_NAME;
	RAISE NOTICE 'state %, schema %, table %, column "%", constraint %', state, schema, tab, col, con;
END $$;

-- one booking is not several
BEGIN;
UPDATE booking SET status = 'CANCELLED' WHERE id IN (11, 12);
DELETE FROM service WHERE id = 1;
ROLLBACK;

-- many rows, of which one is booked: none is deleted
DELETE FROM service;
DELETE FROM service WHERE name >= 'C' RETURNING id;
SELECT id FROM service ORDER BY id;

-- with another table
DELETE FROM service USING booking WHERE booking.service_id = service.id AND booking.status = 'CONFIRMED';

-- MERGE
MERGE INTO service s USING (VALUES (1), (2)) AS v (id) ON s.id = v.id
WHEN MATCHED THEN DELETE;

-- by cascade from the tenant
DELETE FROM tenant WHERE id = 1;

-- through a view
CREATE VIEW catalogue AS SELECT id, name FROM service;
DELETE FROM catalogue WHERE name = 'Cut';

-- through a rule
CREATE TABLE wish (service_id integer);
CREATE RULE wish_granted AS ON INSERT TO wish DO INSTEAD DELETE FROM service WHERE id = NEW.service_id;
INSERT INTO wish VALUES (1);

-- prepared, several times
PREPARE remove (integer) AS DELETE FROM service WHERE id = $1;
BEGIN;
EXECUTE remove(2);
EXECUTE remove(3);
EXECUTE remove(1);
ROLLBACK;
DEALLOCATE remove;

-- in a function
CREATE FUNCTION remove(which integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM service WHERE id = which;
END $$;
SELECT remove(1);
ALTER FUNCTION remove SECURITY DEFINER;
SELECT remove(1);
CREATE FUNCTION remove_sql(which integer) RETURNS void LANGUAGE sql
	AS 'DELETE FROM service WHERE id = which';
SELECT remove_sql(1);


--
-- One statement that does several things
--
WITH gone AS (DELETE FROM service WHERE id = 1 RETURNING id)
SELECT count(*) FROM gone;

-- books service 3 and deletes it: the DELETE runs first, it is the main statement
WITH booked AS (INSERT INTO booking VALUES (31, 3, 'PENDING', '2100-01-01 10:00+00'))
DELETE FROM service WHERE id = 3;
-- and where no index tells
BEGIN;
DROP INDEX booking_service_id_idx;
WITH booked AS (INSERT INTO booking VALUES (31, 3, 'PENDING', '2100-01-01 10:00+00'))
DELETE FROM service WHERE id = 3;
ROLLBACK;

-- the INSERT runs first
WITH gone AS (DELETE FROM service WHERE id = 3)
INSERT INTO booking VALUES (31, 3, 'PENDING', '2100-01-01 10:00+00');

-- each feeds the other
WITH booked AS (INSERT INTO booking VALUES (31, 3, 'PENDING', '2100-01-01 10:00+00') RETURNING service_id)
DELETE FROM service USING booked WHERE service.id = booked.service_id;
WITH gone AS (DELETE FROM service WHERE id = 3 RETURNING id)
INSERT INTO booking SELECT 31, id, 'PENDING', '2100-01-01 10:00+00' FROM gone;

-- re-confirms what was cancelled
WITH confirmed AS (UPDATE booking SET status = 'CONFIRMED' WHERE id = 21)
DELETE FROM service WHERE id = 2;
WITH gone AS (DELETE FROM service WHERE id = 2)
UPDATE booking SET status = 'CONFIRMED' WHERE id = 21;

-- moves what was past
WITH gone AS (DELETE FROM service WHERE id = 2 RETURNING id)
UPDATE booking SET date = '2100-02-01 10:00+00' FROM gone WHERE service_id = gone.id AND status = 'CONFIRMED';

SELECT id FROM service ORDER BY id;
SELECT id, service_id, status FROM booking WHERE service_id <> 1 ORDER BY id;


--
-- Triggers of the application
--
CREATE FUNCTION confirm_bookings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE booking SET status = 'CONFIRMED' WHERE service_id = OLD.id;
	RETURN OLD;
END $$;
CREATE FUNCTION cancel_bookings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE booking SET status = 'CANCELLED' WHERE service_id = OLD.id AND date >= now();
	RETURN OLD;
END $$;
CREATE FUNCTION book_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO booking VALUES (99, OLD.id, 'PENDING', '2100-01-01 10:00+00');
	RETURN OLD;
END $$;

-- one that confirms bookings, before the guard looks the first time and after
CREATE TRIGGER confirm BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION confirm_bookings();
DELETE FROM service WHERE id = 2;
ALTER TRIGGER confirm ON service RENAME TO zzz_confirm;
DELETE FROM service WHERE id = 2;
DROP TRIGGER zzz_confirm ON service;

-- one that books when the service is gone, before the guard's verdict and after
CREATE TRIGGER "AA_again" AFTER DELETE ON service FOR EACH ROW EXECUTE FUNCTION book_again();
DELETE FROM service WHERE id = 2;
ALTER TRIGGER "AA_again" ON service RENAME TO again;
DELETE FROM service WHERE id = 2;
DROP TRIGGER again ON service;
CREATE FUNCTION book_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO booking VALUES (99, 2, 'PENDING', '2100-01-01 10:00+00');
	RETURN NULL;
END $$;
CREATE TRIGGER once AFTER DELETE ON service EXECUTE FUNCTION book_once();
DELETE FROM service WHERE id = 2;
DROP TRIGGER once ON service;

-- one that cancels the bookings makes the delete good: the guard lets it have its say
CREATE TRIGGER cancel BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION cancel_bookings();
BEGIN;
DELETE FROM service WHERE id = 1 RETURNING id;
SELECT id, service_id, status FROM booking WHERE service_id = 1 ORDER BY id;
ROLLBACK;
DROP TRIGGER cancel ON service;


--
-- A change of the key takes the service away as well
--
UPDATE service SET id = 4 WHERE id = 1;
UPDATE service SET id = id + 100;
INSERT INTO service VALUES (1, 1, 'Cut') ON CONFLICT (id) DO UPDATE SET id = 4;
MERGE INTO service s USING (VALUES (1)) AS v (id) ON s.id = v.id
WHEN MATCHED THEN UPDATE SET id = 4;

-- a key that nobody needs may change, and anything else of a service
BEGIN;
UPDATE service SET id = 4 WHERE id = 2;
UPDATE service SET name = 'Trim', tenant_id = NULL WHERE id = 1;
UPDATE service SET id = id WHERE id = 1;
SELECT id, name FROM service ORDER BY id;
ROLLBACK;

-- by a trigger of the application that no SET clause betrays
CREATE FUNCTION renumber() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.id := NEW.id + 100;
	RETURN NEW;
END $$;
CREATE TRIGGER "AA_renumber" BEFORE UPDATE ON service FOR EACH ROW EXECUTE FUNCTION renumber();
UPDATE service SET name = 'Trim' WHERE id = 1;
ALTER TRIGGER "AA_renumber" ON service RENAME TO zzz_renumber;
UPDATE service SET name = 'Trim' WHERE id = 1;
DROP TRIGGER zzz_renumber ON service;

-- by a column that is computed
CREATE TABLE class (
	title text,
	code text GENERATED ALWAYS AS (lower(title)) STORED UNIQUE
);
CREATE TABLE visit (id integer PRIMARY KEY, class_code text, status text, date timestamptz);
CREATE INDEX ON visit (class_code);
SELECT booking_guard_protect('class', 'visit', ARRAY['class_code'], ARRAY['code'],
	label => 'class', booking_label => 'visit');
INSERT INTO class VALUES ('Yoga'), ('Pilates');
INSERT INTO visit VALUES (1, 'yoga', 'CONFIRMED', '2100-01-01 10:00+00');
UPDATE class SET title = 'Hot yoga' WHERE title = 'Yoga';
UPDATE class SET title = 'YOGA' WHERE title = 'Yoga' RETURNING *;
DELETE FROM class WHERE title = 'YOGA';

-- a key that becomes NULL
CREATE TABLE room (id integer PRIMARY KEY, door text UNIQUE);
CREATE TABLE meeting (id integer PRIMARY KEY, door text, status text, date timestamptz);
CREATE INDEX ON meeting (door);
SELECT booking_guard_protect('room', 'meeting', ARRAY['door'], ARRAY['door'],
	label => 'room', booking_label => 'meeting');
INSERT INTO room VALUES (1, 'A'), (2, NULL);
INSERT INTO meeting VALUES (1, 'A', 'CONFIRMED', '2100-01-01 10:00+00'), (2, NULL, 'CONFIRMED', '2100-01-01 10:00+00');
UPDATE room SET door = NULL WHERE id = 1;
-- one that always was
DELETE FROM room WHERE id = 2 RETURNING *;

-- a key that is written otherwise but equal is no change
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE stylist (name text COLLATE any_case PRIMARY KEY);
CREATE TABLE appointment (id integer PRIMARY KEY, stylist text COLLATE any_case, status text, date timestamptz);
CREATE INDEX ON appointment (stylist);
SELECT booking_guard_protect('stylist', 'appointment', ARRAY['stylist'],
	label => 'stylist', booking_label => 'appointment');
INSERT INTO stylist VALUES ('ana');
INSERT INTO appointment VALUES (1, 'Ana', 'CONFIRMED', '2100-01-01 10:00+00');
UPDATE stylist SET name = 'ANA' WHERE name = 'ana' RETURNING name;
UPDATE stylist SET name = 'Anna' WHERE name = 'ana';


--
-- Another row may take the key over
--
-- in one statement: what counts is how it is afterwards
BEGIN;
WITH moved AS (UPDATE service SET id = 9 WHERE id = 1 RETURNING tenant_id, name)
INSERT INTO service SELECT 1, tenant_id, name FROM moved;
SELECT id, name FROM service ORDER BY id;
ROLLBACK;

-- but to DELETE the row is refused at once, before anybody knows what follows
WITH gone AS (DELETE FROM service WHERE id = 1 RETURNING *)
INSERT INTO service SELECT * FROM gone;
BEGIN;
DELETE FROM service WHERE id = 1;
ROLLBACK;


-- nor does a trigger that comes early do away with the last word
BEGIN;
DROP TRIGGER zz_booking_guard_delete ON service;
CREATE TRIGGER zz_booking_guard_delete BEFORE DELETE ON service FOR EACH ROW
	WHEN (OLD.id > 1) EXECUTE FUNCTION booking_guard_before_delete();
DELETE FROM service WHERE id = 1;
ROLLBACK;
BEGIN;
DROP TRIGGER zz_booking_guard_delete ON service;
CREATE TRIGGER zz_booking_guard_delete BEFORE INSERT OR DELETE ON service FOR EACH ROW EXECUTE FUNCTION booking_guard_before_delete();
CREATE TRIGGER zzz_confirm BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION confirm_bookings();
DELETE FROM service WHERE id = 2;
ROLLBACK;
BEGIN;
ALTER TABLE service ENABLE ALWAYS TRIGGER "BG_booking_service_id";
SET LOCAL session_replication_role = replica;
DELETE FROM service WHERE id = 1;
ROLLBACK;


--
-- What some applications do first: take the bookings away
--
UPDATE booking SET service_id = NULL WHERE service_id = 1;
BEGIN;
UPDATE booking SET service_id = NULL WHERE id = 12;
DELETE FROM service WHERE id = 1;
ROLLBACK;


--
-- TRUNCATE
--
TRUNCATE service;
TRUNCATE tenant CASCADE;
TRUNCATE tenant, service RESTART IDENTITY;
SELECT id FROM service ORDER BY id;


--
-- A foreign key with ON UPDATE CASCADE carries the bookings to the new key
--
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service
	ON UPDATE CASCADE ON DELETE SET NULL;
UPDATE service SET id = 4 WHERE id = 1;
SELECT id, service_id, status FROM booking WHERE service_id IN (1, 4) ORDER BY id;
DELETE FROM service WHERE id = 4;
-- if it is in force
BEGIN;
ALTER TABLE service DISABLE TRIGGER ALL;
ALTER TABLE service ENABLE TRIGGER USER;
UPDATE service SET id = 5 WHERE id = 4;
ROLLBACK;
-- with ON DELETE SET NULL it would have stripped them
ALTER TABLE booking DROP CONSTRAINT booking_service;
UPDATE service SET id = 5 WHERE id = 4;

SELECT id, service_id, status FROM booking ORDER BY id;

SET client_min_messages = warning;
DROP SCHEMA delete_paths CASCADE;
