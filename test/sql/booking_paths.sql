--
-- An upcoming booking of a service that does not exist cannot be made,
-- whichever way one tries; of one that exists, it can, in every way.
--
-- There is no foreign key here at first: what holds is the guard alone. Then
-- come the foreign keys that the guard leans on, and those that it must not.
--
CREATE SCHEMA booking_paths;
SET search_path = booking_paths, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer PRIMARY KEY, name text);
CREATE TABLE booking (
	id integer PRIMARY KEY,
	service_id integer,
	status text DEFAULT 'PENDING',
	date timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service VALUES (1, 'Cut'), (2, 'Shave');


--
-- INSERT
--
INSERT INTO booking VALUES (1, 1), (2, 2);
INSERT INTO booking VALUES (3, 99);

-- clients know it by these
DO $$
DECLARE
	state text; schema text; tab text; col text; con text;
BEGIN
	INSERT INTO booking VALUES (3, 99);
EXCEPTION WHEN foreign_key_violation THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, schema = SCHEMA_NAME,
		tab = TABLE_NAME, col = COLUMN_NAME, con = CONSTRAINT_NAME;
	RAISE NOTICE 'state %, schema %, table %, column "%", constraint %', state, schema, tab, col, con;
END $$;

-- several rows, one of them wrong: none is kept
INSERT INTO booking SELECT 100 + n, n FROM generate_series(1, 3) n;
SELECT count(*) FROM booking WHERE id > 100;

-- what is no claim needs no service: past, cancelled, of no service
INSERT INTO booking VALUES
	(4, 99, 'CONFIRMED', '2000-01-01 10:00+00'),
	(5, 99, 'CANCELLED', '2100-01-01 10:00+00'),
	(6, NULL, 'CONFIRMED', '2100-01-01 10:00+00');

-- COPY
COPY booking (id, service_id) FROM stdin;
7	1
8	2
\.
COPY booking (id, service_id) FROM stdin;
9	1
10	99
\.
COPY booking FROM stdin;
9	99	CANCELLED	2100-01-01 10:00+00
10	99	CONFIRMED	2000-01-01 10:00+00
\.

-- INSERT … ON CONFLICT
INSERT INTO booking VALUES (1, 99) ON CONFLICT DO NOTHING;
INSERT INTO booking VALUES (9, 99, 'CONFIRMED') ON CONFLICT DO NOTHING;
INSERT INTO booking VALUES (19, 99) ON CONFLICT DO NOTHING;
INSERT INTO booking VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET service_id = 99;
INSERT INTO booking VALUES (5, 1) ON CONFLICT (id) DO UPDATE SET status = 'CONFIRMED';
INSERT INTO booking VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET service_id = 2 RETURNING id, service_id;
INSERT INTO booking VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET service_id = excluded.service_id RETURNING id, service_id;

-- MERGE
MERGE INTO booking b USING (VALUES (1, 99)) AS v (id, service_id) ON b.id = v.id
WHEN MATCHED THEN UPDATE SET service_id = v.service_id;
MERGE INTO booking b USING (VALUES (11, 99)) AS v (id, service_id) ON b.id = v.id
WHEN NOT MATCHED THEN INSERT (id, service_id) VALUES (v.id, v.service_id);
MERGE INTO booking b USING (VALUES (1, 2), (11, 1)) AS v (id, service_id) ON b.id = v.id
WHEN MATCHED THEN UPDATE SET service_id = v.service_id
WHEN NOT MATCHED THEN INSERT (id, service_id) VALUES (v.id, v.service_id);
SELECT id, service_id FROM booking WHERE id IN (1, 11) ORDER BY id;

-- in a writable CTE, through a view, from a function
WITH made AS (INSERT INTO booking VALUES (12, 99) RETURNING id) SELECT count(*) FROM made;
CREATE VIEW agenda AS SELECT id, service_id FROM booking;
INSERT INTO agenda VALUES (12, 99);
INSERT INTO agenda VALUES (12, 1);
CREATE FUNCTION book(which integer) RETURNS void LANGUAGE sql SECURITY DEFINER
	AS 'INSERT INTO booking_paths.booking VALUES (13, which)';
SELECT book(99);
SELECT book(1);

-- a service and its booking in one statement, either first
WITH made AS (INSERT INTO service VALUES (3, 'Dye'))
INSERT INTO booking VALUES (14, 3);
WITH booked AS (INSERT INTO booking VALUES (15, 4))
INSERT INTO service VALUES (4, 'Perm');


--
-- UPDATE of a booking of a service that is gone. It could lose its service,
-- as it was past or cancelled; to come back to life it needs it again.
--
SELECT id, service_id, status, date FROM booking WHERE service_id = 99 ORDER BY id;

-- re-confirm
UPDATE booking SET status = 'CONFIRMED' WHERE id = 5;
UPDATE booking SET status = 'PENDING' WHERE service_id = 99;
-- reschedule
UPDATE booking SET date = '2100-01-01 10:00+00' WHERE id = 4;
UPDATE booking SET date = NULL WHERE id = 4;
UPDATE booking SET date = 'infinity' WHERE id = 4;
-- both at once
UPDATE booking SET status = 'CONFIRMED', date = '2100-02-01 10:00+00' WHERE service_id = 99;
-- anything that leaves it dead goes
UPDATE booking SET date = '2000-02-01 10:00+00' WHERE id = 4;
UPDATE booking SET date = '2100-02-01 10:00+00' WHERE id = 5;
UPDATE booking SET status = 'NO_SHOW' WHERE id = 4;
UPDATE booking SET service_id = 98 WHERE id = 4;
-- with another service too
UPDATE booking SET status = 'CONFIRMED', date = '2100-02-01 10:00+00', service_id = 1 WHERE id = 4;


--
-- UPDATE of a living booking
--
-- re-assign
UPDATE booking SET service_id = 99 WHERE id = 1;
UPDATE booking SET service_id = 1 WHERE id = 1;
-- adopt
UPDATE booking SET service_id = 99 WHERE id = 6;
UPDATE booking SET service_id = 2 WHERE id = 6;
-- whatever keeps it where it is
UPDATE booking SET status = 'CONFIRMED', date = '2100-03-01 10:00+00' WHERE id = 6;
UPDATE booking SET id = 16 WHERE id = 6;
-- with a WHERE that reads it
UPDATE booking b SET service_id = s.id + 90 FROM service s WHERE s.id = b.service_id AND b.id = 1;

-- detach: it would be nobody's
UPDATE booking SET service_id = NULL WHERE id = 16;
UPDATE booking SET service_id = NULL, date = '2100-04-01 10:00+00' WHERE id = 16;
-- also where bookings have no status that could be told
BEGIN;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL, validate => false, or_replace => true);
UPDATE booking SET service_id = NULL WHERE id = 16;
ROLLBACK;
-- unless it is given up in the same stroke
BEGIN;
UPDATE booking SET service_id = NULL, status = 'CANCELLED' WHERE id = 16;
UPDATE booking SET service_id = NULL, date = '2000-01-01 10:00+00' WHERE id = 1;
ROLLBACK;
-- or the guard was told to let it go
BEGIN;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], keep_attached => false, or_replace => true);
UPDATE booking SET service_id = NULL WHERE id = 16 RETURNING id, service_id, status;
UPDATE booking SET service_id = 99 WHERE id = 16;
ROLLBACK;


--
-- Triggers and computed columns have the last word on what a booking is
--
-- payment confirms, cancels or postpones
ALTER TABLE booking ADD paid boolean NOT NULL DEFAULT false;
CREATE FUNCTION on_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.paid THEN
		NEW.status := 'CONFIRMED';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER on_payment BEFORE INSERT OR UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION on_payment();
UPDATE booking SET paid = true WHERE id = 5;
INSERT INTO booking (id, service_id, status, paid) VALUES (20, 99, 'CANCELLED', true);
INSERT INTO booking (id, service_id, status, paid) VALUES (20, 1, 'CANCELLED', true) RETURNING status;

-- one that makes of a wrong booking none at all
CREATE FUNCTION on_unknown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.service_id = 99 THEN
		NEW.status := 'WAITING';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER zz_on_unknown BEFORE INSERT OR UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION on_unknown();
INSERT INTO booking (id, service_id) VALUES (21, 99) RETURNING status;
DROP TRIGGER zz_on_unknown ON booking;

-- one that re-assigns
CREATE FUNCTION on_any() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.service_id := 99;
	RETURN NEW;
END $$;
CREATE TRIGGER zz_on_any BEFORE INSERT OR UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION on_any();
INSERT INTO booking (id, service_id) VALUES (22, 1);
UPDATE booking SET date = date WHERE id = 1;
DROP TRIGGER zz_on_any ON booking;

-- an AFTER trigger that takes the service away again
CREATE FUNCTION on_last() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM service WHERE id = NEW.service_id;
	RETURN NULL;
END $$;
CREATE TRIGGER "AA_on_last" AFTER INSERT ON booking FOR EACH ROW EXECUTE FUNCTION on_last();
INSERT INTO service VALUES (5, 'Wash');
INSERT INTO booking (id, service_id) VALUES (22, 5);
ALTER TRIGGER "AA_on_last" ON booking RENAME TO on_last;
INSERT INTO booking (id, service_id) VALUES (22, 5);
DROP TRIGGER on_last ON booking;

-- a status and a key that are computed
CREATE TABLE visit (
	id integer PRIMARY KEY,
	plan jsonb,
	cancelled boolean DEFAULT false,
	status text GENERATED ALWAYS AS (CASE WHEN cancelled THEN 'CANCELLED' ELSE 'CONFIRMED' END) STORED,
	service_id integer GENERATED ALWAYS AS ((plan ->> 'service')::integer) STORED,
	date timestamptz DEFAULT '2100-01-01 10:00+00'
);
CREATE INDEX ON visit (service_id);
SELECT booking_guard_protect('service', 'visit', ARRAY['service_id'], booking_label => 'visit');
INSERT INTO visit VALUES (1, '{"service": 1}', false), (2, '{"service": 99}', true);
INSERT INTO visit VALUES (3, '{"service": 99}');
UPDATE visit SET cancelled = false WHERE id = 2;
UPDATE visit SET plan = '{"service": 99}' WHERE id = 1;
UPDATE visit SET plan = '{}' WHERE id = 1;
UPDATE visit SET plan = '{"service": 2}' WHERE id = 1 RETURNING service_id, status;
DROP TABLE visit;


--
-- The guard's own trigger may be deferred: then it judges at the end
--
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (30, 6);
INSERT INTO service VALUES (6, 'Beard');
COMMIT;

BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (31, 7);
SAVEPOINT asked;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO asked;
COMMIT;

-- a booking that is deleted, moved or cancelled before the end needs nothing
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (31, 7), (32, 7), (33, 7), (34, 7);
DELETE FROM booking WHERE id = 31;
UPDATE booking SET service_id = 1 WHERE id = 32;
UPDATE booking SET status = 'CANCELLED' WHERE id = 33;
UPDATE booking SET date = '2000-01-01 10:00+00' WHERE id = 34;
COMMIT;
-- one that is changed otherwise, or comes back, does
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (35, 7);
UPDATE booking SET date = '2100-01-01 09:00+00' WHERE id = 35;
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (35, 7);
UPDATE booking SET service_id = 1 WHERE id = 35;
UPDATE booking SET service_id = 7 WHERE id = 35;
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 33;
UPDATE booking SET date = '2100-01-01 09:00+00' WHERE id = 33;
COMMIT;
SELECT id, service_id, status FROM booking WHERE id >= 30 ORDER BY id;

-- deferred past the deletion of the service
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE booking SET status = 'CANCELLED' WHERE id = 30;
DELETE FROM service WHERE id = 6 RETURNING id;
UPDATE booking SET status = 'PENDING' WHERE id = 30;
COMMIT;
SELECT id, service_id, status FROM booking WHERE id = 30;
-- nor can the service be deleted before the end
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (36, 4);
DELETE FROM service WHERE id = 4;
ROLLBACK;


--
-- Foreign keys
--
-- Before each: bookings only of services that exist.
DELETE FROM booking WHERE service_id IS NULL OR service_id NOT IN (SELECT id FROM service);

-- One that is in force sees to INSERTs; the guard to UPDATEs, which a foreign
-- key does not look at when they leave the key alone.
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service;
INSERT INTO booking (id, service_id) VALUES (40, 99);
UPDATE booking SET service_id = 99 WHERE id = 1;
INSERT INTO booking (id, service_id) VALUES (40, 1);
UPDATE booking SET service_id = 2 WHERE id = 40;
UPDATE booking SET service_id = NULL WHERE id = 40;
DELETE FROM service WHERE id = 2;

-- Not in force: the guard does the work itself.
-- disabled
ALTER TABLE booking DISABLE TRIGGER ALL;
ALTER TABLE booking ENABLE TRIGGER USER;
INSERT INTO booking (id, service_id) VALUES (41, 99);
INSERT INTO booking (id, service_id) VALUES (41, 1);
ALTER TABLE booking ENABLE TRIGGER ALL;
-- and leans on it again
INSERT INTO booking (id, service_id) VALUES (42, 99);
-- only one of its triggers is
SELECT tgname AS check_insert FROM pg_trigger
WHERE tgrelid = 'booking'::regclass AND tgfoid = '"RI_FKey_check_ins"'::regproc \gset
ALTER TABLE booking DISABLE TRIGGER :"check_insert";
INSERT INTO booking (id, service_id) VALUES (42, 99);
ALTER TABLE booking ENABLE TRIGGER :"check_insert";

-- not validated
ALTER TABLE booking DROP CONSTRAINT booking_service;
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service NOT VALID;
INSERT INTO booking (id, service_id) VALUES (42, 99);
INSERT INTO booking (id, service_id) VALUES (42, 1);
ALTER TABLE booking VALIDATE CONSTRAINT booking_service;

-- on other columns, or to another table
ALTER TABLE booking DROP CONSTRAINT booking_service;
ALTER TABLE booking ADD alternative integer CONSTRAINT booking_alternative REFERENCES service;
CREATE TABLE archive (id integer PRIMARY KEY);
INSERT INTO archive SELECT id FROM service UNION ALL VALUES (99);
ALTER TABLE booking ADD CONSTRAINT booking_archive FOREIGN KEY (service_id) REFERENCES archive;
INSERT INTO booking (id, service_id, alternative) VALUES (43, 99, 1);
ALTER TABLE booking DROP CONSTRAINT booking_archive, DROP COLUMN alternative;
-- to other columns of the service, or on more than the guard's
ALTER TABLE service ADD number integer UNIQUE, ADD UNIQUE (id, number);
UPDATE service SET number = CASE id WHEN 1 THEN 1 ELSE id + 1000 END;
UPDATE booking SET service_id = NULL, status = 'CANCELLED' WHERE service_id > 1;
ALTER TABLE booking ADD CONSTRAINT booking_number FOREIGN KEY (service_id) REFERENCES service (number);
INSERT INTO booking (id, service_id) SELECT 44, max(number) FROM service;
ALTER TABLE booking DROP CONSTRAINT booking_number, ADD number integer;
ALTER TABLE booking ADD CONSTRAINT booking_both FOREIGN KEY (service_id, number) REFERENCES service (id, number);
INSERT INTO booking (id, service_id) VALUES (45, 99);
ALTER TABLE booking DROP CONSTRAINT booking_both, DROP COLUMN number;
ALTER TABLE service DROP COLUMN number;

-- a trigger of the same function that is made by hand, and is of no foreign key
CREATE CONSTRAINT TRIGGER look_alike AFTER INSERT ON booking FROM service FOR EACH ROW EXECUTE FUNCTION "RI_FKey_check_ins"();
INSERT INTO booking (id, service_id) VALUES (45, 99);
DROP TRIGGER look_alike ON booking;

-- Deferrable: children may be loaded first.
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service
	DEFERRABLE INITIALLY IMMEDIATE;
INSERT INTO booking (id, service_id) VALUES (50, 8);
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (50, 8);
INSERT INTO service VALUES (8, 'Nails');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO booking (id, service_id) VALUES (51, 9);
COMMIT;
-- even if nobody thinks of our trigger
BEGIN;
SET CONSTRAINTS booking_service DEFERRED;
INSERT INTO booking (id, service_id) VALUES (51, 9);
INSERT INTO service VALUES (9, 'Brows');
COMMIT;
ALTER TABLE booking ALTER CONSTRAINT booking_service DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO booking (id, service_id) VALUES (52, 10);
UPDATE booking SET status = 'CANCELLED' WHERE id = 52;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 52;
INSERT INTO service VALUES (10, 'Lashes');
COMMIT;
BEGIN;
INSERT INTO booking (id, service_id) VALUES (53, 11);
COMMIT;
-- both in one transaction cannot fool it
BEGIN;
INSERT INTO booking (id, service_id) VALUES (53, 10);
UPDATE booking SET status = 'CANCELLED' WHERE service_id = 10;
DELETE FROM service WHERE id = 10;
UPDATE booking SET status = 'CONFIRMED' WHERE service_id = 10;
COMMIT;
SELECT id, service_id, status FROM booking WHERE id >= 50 ORDER BY id;
-- nor is anything left to it that it does not look at: an UPDATE that keeps the
-- key, here of a booking whose service was taken away behind its back
SET session_replication_role = replica;
INSERT INTO booking (id, service_id, status) VALUES (54, 12, 'CANCELLED');
RESET session_replication_role;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 54;
BEGIN;
UPDATE booking SET status = 'NO_SHOW' WHERE id = 54;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 54;
COMMIT;
DELETE FROM booking WHERE id = 54;

-- deferrable, but not valid or not in force: nothing is left to it
ALTER TABLE booking DISABLE TRIGGER ALL;
ALTER TABLE booking ENABLE TRIGGER USER;
BEGIN;
INSERT INTO booking (id, service_id) VALUES (53, 11);
ROLLBACK;
ALTER TABLE booking ENABLE TRIGGER ALL;
ALTER TABLE service DISABLE TRIGGER ALL;
ALTER TABLE service ENABLE TRIGGER USER;
BEGIN;
INSERT INTO booking (id, service_id) VALUES (53, 11);
ROLLBACK;
ALTER TABLE service ENABLE TRIGGER ALL;
ALTER TABLE booking DROP CONSTRAINT booking_service;
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service
	DEFERRABLE INITIALLY DEFERRED NOT VALID;
BEGIN;
INSERT INTO booking (id, service_id) VALUES (53, 11);
ROLLBACK;
ALTER TABLE booking DROP CONSTRAINT booking_service;


--
-- A session that replays what another server has judged fires no triggers …
--
SET session_replication_role = replica;
BEGIN;
INSERT INTO booking (id, service_id) VALUES (60, 99);
DELETE FROM service WHERE id = 1;
ROLLBACK;
-- … unless they are set to fire ALWAYS; then the guard leans on nothing
RESET session_replication_role;
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service;
ALTER TABLE booking ENABLE ALWAYS TRIGGER "BG_booking_service_id";
ALTER TABLE service ENABLE ALWAYS TRIGGER "BG_booking_service_id";
SET session_replication_role = replica;
INSERT INTO booking (id, service_id) VALUES (60, 99);
INSERT INTO booking (id, service_id) VALUES (60, 1);
DELETE FROM service WHERE id = 1;
SET session_replication_role = local;
INSERT INTO booking (id, service_id) VALUES (61, 99);
RESET session_replication_role;
INSERT INTO booking (id, service_id) VALUES (61, 99);

-- No upcoming booking is without its service.
SELECT count(*) AS lost FROM booking b
WHERE status IN ('PENDING', 'CONFIRMED') AND date >= now()
	AND NOT EXISTS (SELECT FROM service s WHERE s.id = b.service_id);

SET client_min_messages = warning;
DROP SCHEMA booking_paths CASCADE;
