--
-- Partitioned tables, on either side: a guard stands on the whole table, and so
-- on each partition.
--
CREATE SCHEMA partitions;
SET search_path = partitions, public;
SET timezone = 'UTC';

CREATE TABLE service (id integer, name text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE service_low PARTITION OF service FOR VALUES FROM (0) TO (100);
-- its columns are in another order, and one was dropped
CREATE TABLE service_high (dropped text, name text, id integer NOT NULL);
ALTER TABLE service_high DROP dropped;
ALTER TABLE service ATTACH PARTITION service_high FOR VALUES FROM (100) TO (200);

CREATE TABLE booking (
	id integer,
	service_id integer,
	status text DEFAULT 'CONFIRMED',
	date timestamptz DEFAULT '2100-01-01 10:00+00',
	PRIMARY KEY (id, status)
) PARTITION BY LIST (status);
CREATE TABLE booking_on PARTITION OF booking FOR VALUES IN ('CONFIRMED', 'PENDING') PARTITION BY HASH (id);
CREATE TABLE booking_on_0 PARTITION OF booking_on FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE booking_on_1 (date timestamptz, dropped integer, status text NOT NULL, service_id integer, id integer NOT NULL);
ALTER TABLE booking_on_1 DROP dropped;
ALTER TABLE booking_on ATTACH PARTITION booking_on_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE booking_off PARTITION OF booking DEFAULT;
CREATE INDEX ON booking (service_id);

SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service VALUES (1, 'Cut'), (2, 'Shave'), (101, 'Dye'), (102, 'Perm');
-- in both hash partitions
INSERT INTO booking SELECT n, 1 FROM generate_series(1, 4) n;
INSERT INTO booking SELECT n, 101 FROM generate_series(11, 14) n;
SELECT tableoid::regclass, count(*) FROM booking GROUP BY 1 ORDER BY 1;

--
-- Deleting, through the whole and through a partition
--
DELETE FROM service WHERE id = 1;
DELETE FROM service_low WHERE id = 1;
DELETE FROM service WHERE id = 101;
DELETE FROM service_high WHERE id = 101;
DELETE FROM service;
WITH gone AS (DELETE FROM service_high RETURNING id) SELECT count(*) FROM gone;
TRUNCATE service;
SELECT outcome, message FROM safe_delete_service(101);
SELECT * FROM booking_guard_blocking_bookings(101);
BEGIN;
DELETE FROM service WHERE id IN (2, 102) RETURNING id;
INSERT INTO booking VALUES (21, 102);
ROLLBACK;
BEGIN;
SELECT outcome FROM safe_delete_service(2);
SELECT outcome FROM safe_delete_service(102);
ROLLBACK;
-- a client knows the table by its name
DO $$
DECLARE
	tab text; con text;
BEGIN
	DELETE FROM service_high WHERE id = 101;
EXCEPTION WHEN foreign_key_violation THEN
	GET STACKED DIAGNOSTICS tab = TABLE_NAME, con = CONSTRAINT_NAME;
	RAISE NOTICE 'table %, constraint %', tab, con;
END $$;
-- an application's triggers on the partitions have their say
CREATE FUNCTION confirm_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE booking SET status = 'CONFIRMED' WHERE service_id = OLD.id;
	RETURN OLD;
END $$;
BEGIN;
INSERT INTO booking VALUES (21, 102, 'CANCELLED');
CREATE TRIGGER zzz_confirm BEFORE DELETE ON service_high FOR EACH ROW EXECUTE FUNCTION confirm_all();
DELETE FROM service WHERE id = 102;
ROLLBACK;

--
-- The key, within a partition and from one to another
--
UPDATE service SET id = 3 WHERE id = 1;
UPDATE service SET id = 103 WHERE id = 1;
UPDATE service_high SET id = 103 WHERE id = 101;
UPDATE service SET id = id - 98 WHERE id = 101;
BEGIN;
UPDATE service SET id = 3 WHERE id = 2;
UPDATE service SET id = 103 WHERE id = 3;
UPDATE service SET name = 'Trim' WHERE id IN (1, 101);
UPDATE service_high SET name = 'Wash' WHERE id = 101;
SELECT * FROM service ORDER BY id;
ROLLBACK;
-- the bookings may come along
BEGIN;
WITH moved AS (UPDATE booking SET service_id = 103 WHERE service_id = 1)
UPDATE service SET id = 103 WHERE id = 1;
SELECT id, service_id FROM booking WHERE service_id IN (1, 103) ORDER BY id;
ROLLBACK;

--
-- Booking, through the whole and through a partition
--
INSERT INTO booking VALUES (21, 99);
INSERT INTO booking VALUES (22, 199);
INSERT INTO booking_on_0 SELECT n, 99 FROM generate_series(100, 200) n WHERE satisfies_hash_partition('booking_on'::regclass, 2, 0, n) LIMIT 1;
INSERT INTO booking_on_1 (id, service_id, status) SELECT n, 99, 'PENDING' FROM generate_series(100, 200) n WHERE satisfies_hash_partition('booking_on'::regclass, 2, 1, n) LIMIT 1;
INSERT INTO booking_on VALUES (23, 99);
INSERT INTO booking_off VALUES (24, 99, 'CANCELLED');
COPY booking (id, service_id) FROM stdin;
25	102
26	199
\.
UPDATE booking SET service_id = 99 WHERE id = 1;
UPDATE booking_on_1 SET service_id = 99;
UPDATE booking SET service_id = NULL WHERE service_id = 101;
-- rows that move: re-confirmed, cancelled, and confirmed again
UPDATE booking SET status = 'CONFIRMED' WHERE id = 24;
UPDATE booking_off SET status = 'CONFIRMED' WHERE id = 24;
BEGIN;
UPDATE booking SET status = 'CANCELLED' WHERE service_id = 101;
SELECT count(*) FROM booking_off;
SAVEPOINT s;
DELETE FROM service WHERE id = 101 RETURNING id;
UPDATE booking SET status = 'CONFIRMED' WHERE service_id = 101;
ROLLBACK TO s;
UPDATE booking SET status = 'CONFIRMED' WHERE service_id = 101;
DELETE FROM service WHERE id = 101;
ROLLBACK;
UPDATE booking SET id = id + 1000, date = date + interval '1 day' WHERE service_id = 1;
SELECT count(*) FROM booking WHERE service_id = 1;
MERGE INTO booking b USING (VALUES (1001, 99)) AS v (id, service_id) ON b.id = v.id
WHEN MATCHED THEN UPDATE SET service_id = v.service_id;
-- a booking that is stripped of its service as it moves
BEGIN;
CREATE TABLE booking_pending PARTITION OF booking FOR VALUES IN ('REQUESTED');
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'],
	free_statuses => '{CANCELLED}', or_replace => true);
UPDATE booking SET service_id = NULL, status = 'REQUESTED' WHERE id = 1001;
ROLLBACK;

--
-- A partition that comes later is guarded as well
--
CREATE TABLE service_top PARTITION OF service FOR VALUES FROM (200) TO (300);
CREATE TABLE booking_new (LIKE booking);
ALTER TABLE booking DETACH PARTITION booking_off;
ALTER TABLE booking ATTACH PARTITION booking_new DEFAULT;
INSERT INTO service VALUES (201, 'Nails');
INSERT INTO booking VALUES (31, 201, 'CONFIRMED'), (32, 201, 'CANCELLED');
DELETE FROM service WHERE id = 201;
DELETE FROM service_top;
UPDATE booking_new SET service_id = 299, status = 'PENDING' WHERE id = 32;
UPDATE booking SET service_id = 299, status = 'PENDING' WHERE id = 32;
DELETE FROM booking WHERE service_id = 201;
DELETE FROM service WHERE id = 201 RETURNING id;

--
-- With a foreign key between them
--
DELETE FROM booking WHERE service_id NOT IN (SELECT id FROM service);
ALTER TABLE booking ADD CONSTRAINT booking_service FOREIGN KEY (service_id) REFERENCES service
	ON DELETE SET NULL ON UPDATE CASCADE;
DELETE FROM service WHERE id = 101;
DELETE FROM service_low WHERE id = 1;
INSERT INTO booking VALUES (41, 99);
INSERT INTO booking VALUES (41, 2);
UPDATE booking SET service_id = 99 WHERE id = 41;
UPDATE service SET id = 4 WHERE id = 2;
SELECT service_id FROM booking WHERE id = 41;
-- to another partition
UPDATE service SET id = 104 WHERE id = 4;
SELECT service_id FROM booking WHERE id = 41;
UPDATE booking SET status = 'CANCELLED' WHERE id = 41;
DELETE FROM service WHERE id IN (4, 104);
SELECT service_id FROM booking WHERE id = 41;
ALTER TABLE booking DROP CONSTRAINT booking_service;

--
-- One side only
--
CREATE TABLE plain_booking (id integer PRIMARY KEY, service_id integer, status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON plain_booking (service_id);
SELECT booking_guard_protect('service', 'plain_booking', ARRAY['service_id']);
INSERT INTO plain_booking VALUES (1, 102);
INSERT INTO plain_booking VALUES (2, 199);
DELETE FROM service_high WHERE id = 102;
DROP TABLE plain_booking;
CREATE TABLE plain_service (id integer PRIMARY KEY);
SELECT booking_guard_protect('plain_service', 'booking', ARRAY['service_id'], or_replace => true, validate => false);
INSERT INTO plain_service VALUES (102);
INSERT INTO booking VALUES (51, 102);
INSERT INTO booking VALUES (52, 101);
DELETE FROM plain_service;
DROP TABLE plain_service;

--
-- A key of several columns, of which one says the partition
--
CREATE TABLE branch_service (branch text, id integer, active boolean DEFAULT true, PRIMARY KEY (branch, id)) PARTITION BY LIST (branch);
CREATE TABLE branch_a PARTITION OF branch_service FOR VALUES IN ('a');
CREATE TABLE branch_b PARTITION OF branch_service FOR VALUES IN ('b');
CREATE TABLE branch_booking (id integer PRIMARY KEY, service integer, branch text, status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON branch_booking (branch, service);
SELECT booking_guard_protect('branch_service', 'branch_booking', ARRAY['service', 'branch'], ARRAY['id', 'branch'], tenant_column => 'branch');
INSERT INTO branch_service VALUES ('a', 1), ('a', 2), ('b', 2);
INSERT INTO branch_booking VALUES (1, 1, 'a');
INSERT INTO branch_booking VALUES (2, 1, 'b');
UPDATE branch_service SET branch = 'b' WHERE id = 1;
UPDATE branch_a SET branch = 'b' WHERE id = 1;
DELETE FROM branch_service WHERE id = 1;
SELECT outcome FROM safe_delete_service(1, 'a', 'branch_service');
SELECT outcome FROM safe_delete_service(2, 'a', 'branch_service');
UPDATE branch_service SET branch = 'a' WHERE id = 2 RETURNING *;
UPDATE branch_service SET active = false WHERE id = 1 RETURNING *;
-- a row that leaves and comes back in one statement
BEGIN;
WITH moved AS (UPDATE branch_service SET branch = 'b' WHERE id = 1 RETURNING id)
INSERT INTO branch_service SELECT 'a', id FROM moved;
SELECT branch, id FROM branch_service ORDER BY branch, id;
ROLLBACK;

--
-- Several guards and several rows on the move: each is judged by what it was
--
CREATE TABLE person (id integer PRIMARY KEY);
CREATE TABLE visit (id integer, staff_id integer, assistant_id integer, status text, date timestamptz DEFAULT '2100-01-01 10:00+00')
	PARTITION BY LIST (status);
CREATE TABLE visit_pending PARTITION OF visit FOR VALUES IN ('PENDING');
CREATE TABLE visit_other PARTITION OF visit DEFAULT;
CREATE INDEX ON visit (staff_id);
CREATE INDEX ON visit (assistant_id);
SELECT booking_guard_protect('person', 'visit', ARRAY['staff_id'], label => 'person');
SELECT booking_guard_protect('person', 'visit', ARRAY['assistant_id'], label => 'assistant');
INSERT INTO person VALUES (1), (2), (3);
INSERT INTO visit VALUES (1, 1, 2, 'PENDING'), (2, NULL, NULL, 'PENDING');
UPDATE visit SET status = 'CONFIRMED', staff_id = NULL WHERE id = 1;
UPDATE visit SET status = 'CONFIRMED', assistant_id = NULL WHERE id = 1;
-- a claim that keeps its keys, and a booking that never had any
UPDATE visit SET status = 'CONFIRMED';
BEGIN;
WITH moved AS (UPDATE visit SET status = 'PENDING' WHERE id = 1 RETURNING id)
INSERT INTO visit SELECT 3, NULL, NULL, 'PENDING' FROM moved;
SELECT id, staff_id, assistant_id, status FROM visit ORDER BY id;
ROLLBACK;
-- a foreign key cannot tell what they were
BEGIN;
ALTER TABLE visit ADD FOREIGN KEY (staff_id) REFERENCES person;
INSERT INTO visit VALUES (3, 2, 1, 'CONFIRMED');
UPDATE visit SET status = 'PENDING';
UPDATE visit SET status = 'CONFIRMED', staff_id = NULL WHERE id = 1;
ROLLBACK;
-- who writes to a partition has no lock on the whole
BEGIN;
WITH gone AS (DELETE FROM person WHERE id = 3 RETURNING id)
INSERT INTO visit_other SELECT 3, id, NULL, 'CONFIRMED' FROM gone;
ROLLBACK;
UPDATE visit SET status = 'CANCELLED', staff_id = NULL WHERE id = 1;
-- one that a trigger stops on its way, and what is booked after it
BEGIN;
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER stop BEFORE INSERT ON visit_pending FOR EACH ROW EXECUTE FUNCTION stop();
UPDATE visit SET status = 'PENDING' WHERE id = 2;
INSERT INTO visit VALUES (4, 1, NULL, 'CONFIRMED');
SELECT id, staff_id, assistant_id, status FROM visit ORDER BY id;
INSERT INTO visit VALUES (5, 9, NULL, 'CONFIRMED');
ROLLBACK;
-- nor does what that one was tell anything of others: of the next row of the same
-- statement, of one that a later subtransaction moves, or of another table's
-- whose guard has the same name
BEGIN;
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER stop BEFORE INSERT ON visit_pending FOR EACH ROW WHEN (NEW.staff_id = 1) EXECUTE FUNCTION stop();
INSERT INTO visit VALUES (4, 1, NULL, 'CONFIRMED'), (5, NULL, NULL, 'CONFIRMED'), (6, 1, NULL, 'CONFIRMED'), (7, 1, NULL, 'CONFIRMED');
UPDATE visit SET status = 'PENDING' WHERE id IN (4, 5);
UPDATE visit SET status = 'PENDING' WHERE id = 7;
SAVEPOINT s;
UPDATE visit SET status = 'PENDING' WHERE id = 2;
RELEASE s;
CREATE TABLE guide (id integer PRIMARY KEY);
CREATE TABLE tour (LIKE visit);
CREATE INDEX ON tour (staff_id);
SELECT booking_guard_protect('guide', 'tour', ARRAY['staff_id'], label => 'guide');
ALTER TRIGGER "BG_tour_staff_id" ON guide RENAME TO "BG_visit_staff_id";
ALTER TRIGGER "BG_tour_staff_id" ON tour RENAME TO "BG_visit_staff_id";
-- (the UPDATE runs first, it is the main statement)
WITH made AS (INSERT INTO tour VALUES (1, NULL, NULL, 'PENDING'))
UPDATE visit SET status = 'PENDING' WHERE id = 6;
SELECT id, staff_id, assistant_id, status FROM visit UNION ALL SELECT id, staff_id, assistant_id, status FROM tour ORDER BY id, status;
ROLLBACK;

--
-- A row that is deleted is none that moves, whatever else the same statement
-- inserts
--
BEGIN;
INSERT INTO visit VALUES (4, 1, 2, 'PENDING');
WITH gone AS (DELETE FROM visit WHERE id = 4 RETURNING id)
INSERT INTO visit SELECT id + 10, NULL, NULL, 'PENDING' FROM gone;
SELECT id, staff_id, assistant_id, status FROM visit ORDER BY id;
ROLLBACK;

--
-- A foreign key that one partition has by itself: it carries bookings along
-- within a partition of services, not to another one
--
CREATE TABLE room (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE room_low PARTITION OF room FOR VALUES FROM (0) TO (100);
CREATE TABLE room_high PARTITION OF room FOR VALUES FROM (100) TO (200);
CREATE TABLE stay (id integer, room_id integer REFERENCES room_low ON DELETE SET NULL ON UPDATE CASCADE,
	status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON stay (room_id);
SELECT booking_guard_protect('room', 'stay', ARRAY['room_id'], label => 'room', keep_attached => false);
INSERT INTO room VALUES (1);
INSERT INTO stay VALUES (1, 1);
UPDATE room SET id = 2 WHERE id = 1;
UPDATE room SET id = 102 WHERE id = 2;
SELECT id, room_id FROM stay;
DROP TABLE stay;
-- and it is in force for one partition of bookings, or not
CREATE TABLE stay (id integer, room_id integer, status text DEFAULT 'CONFIRMED', date timestamptz DEFAULT '2100-01-01 10:00+00')
	PARTITION BY RANGE (id);
CREATE TABLE stay_low PARTITION OF stay FOR VALUES FROM (0) TO (100);
CREATE TABLE hall (id integer PRIMARY KEY);
CREATE INDEX ON stay (room_id);
ALTER TABLE stay_low ADD CONSTRAINT stay_hall FOREIGN KEY (room_id) REFERENCES hall;
SELECT booking_guard_protect('hall', 'stay', ARRAY['room_id'], label => 'hall');
INSERT INTO stay VALUES (1, 99);
INSERT INTO stay VALUES (1, 99);
ALTER TABLE stay_low DISABLE TRIGGER ALL;
ALTER TABLE stay_low ENABLE TRIGGER USER;
INSERT INTO stay VALUES (1, 99);

SET client_min_messages = warning;
DROP SCHEMA partitions CASCADE;
