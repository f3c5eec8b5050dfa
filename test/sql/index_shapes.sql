--
-- Whatever index there is, and whatever the key's and the time's types are, a
-- delete is refused just if there is an upcoming, active booking: where one
-- look at an index tells, and where a query does
--
CREATE SCHEMA index_shapes;
SET search_path = index_shapes, public;
SET client_min_messages = error;
SET TimeZone = 'America/New_York';

CREATE FUNCTION disagreements(key_type text, service_type text, time_type text, index text, OUT services int, OUT refused int, OUT wrong int)
LANGUAGE plpgsql AS $$
DECLARE
	s record;
	was_refused bool;
BEGIN
	PERFORM setseed(0.4);
	EXECUTE format('CREATE TABLE service (id %s PRIMARY KEY, name text)', service_type);
	EXECUTE format('CREATE TABLE booking (service_id %s, status text, "at" %s, note text)', key_type, time_type);
	INSERT INTO service SELECT g FROM generate_series(1, 60) g;
	EXECUTE format($sql$INSERT INTO booking
		SELECT s.id, (ARRAY['CANCELED', 'PENDING', 'CANCELED', 'DONE', NULL])[1 + floor(random() * 5)::int],
			CASE floor(random() * 40)::int
				WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity'
				ELSE (now() + (random() * 4 - 3.9) * interval '20 days')::%s END
		FROM service s, LATERAL generate_series(1, (ARRAY[0, 1, 2, 5, 20, 33, 50])[1 + floor(random() * 7 + 0 * s.id)::int]) g$sql$, time_type);
	/* many have nothing but past and cancelled ones */
	DELETE FROM booking WHERE service_id::int % 2 = 0 AND status = 'PENDING' AND ("at" IS NULL OR "at" >= now() - interval '1 day');
	EXECUTE index;
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], time_column => 'at', time_zone => 'America/New_York');
	services := 0;
	refused := 0;
	wrong := 0;
	FOR s IN SELECT id, EXISTS (SELECT FROM booking b WHERE b.service_id = x.id AND b.status = 'PENDING' AND
			(b."at" IS NULL OR b."at" >= CASE time_type WHEN 'date' THEN now()::date::timestamptz ELSE now() END)) AS blocked
		FROM service x ORDER BY id
	LOOP
		services := services + 1;
		BEGIN
			DELETE FROM service WHERE id = s.id;
			was_refused := false;
		EXCEPTION WHEN foreign_key_violation THEN
			was_refused := true;
			refused := refused + 1;
		END;
		IF was_refused IS DISTINCT FROM s.blocked THEN
			wrong := wrong + 1;
		END IF;
	END LOOP;
	DROP TABLE service, booking;
END $$;

SELECT key_type, service_type, time_type, index, services, wrong, refused > 0 AND refused < services AS both
FROM (VALUES
	('integer', 'integer', 'timestamptz', 'SELECT'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id); CREATE INDEX ON booking (service_id, status)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at")'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at" DESC)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at" NULLS FIRST)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id DESC, "at" DESC NULLS LAST)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking ("at", service_id)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, status, "at")'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id) INCLUDE ("at")'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at") WHERE status IN (''PENDING'', ''CONFIRMED'')'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at") WHERE status = ''CONFIRMED'''),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at") WHERE "at" IS NOT NULL'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking ((service_id + 0), "at")'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking USING hash (service_id)'),
	('integer', 'integer', 'timestamptz', 'CREATE INDEX ON booking USING brin (service_id)'),
	('integer', 'integer', 'timestamp', 'CREATE INDEX ON booking (service_id, "at")'),
	('integer', 'integer', 'date', 'CREATE INDEX ON booking (service_id, "at")'),
	('integer', 'integer', 'date', 'CREATE INDEX ON booking (service_id, "at" DESC)'),
	('integer', 'bigint', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at")'),
	('bigint', 'smallint', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at")'),
	('integer', 'numeric', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at")'),
	('numeric', 'numeric', 'timestamptz', 'CREATE INDEX ON booking (service_id, "at")')
) AS v (key_type, service_type, time_type, index), LATERAL disagreements(key_type, service_type, time_type, index);

-- An index on another time, and one that could not be finished and lacks rows
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (service_id integer, status text, date timestamptz, made timestamptz);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service VALUES (1);
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01', '2000-01-01'), (1, 'PENDING', '2000-01-01', '2100-01-01');
CREATE INDEX ON booking (service_id, made);
DELETE FROM service;
DROP INDEX booking_service_id_made_idx;
CREATE UNIQUE INDEX CONCURRENTLY booking_unique ON booking (service_id);
SELECT indisvalid, indisready FROM pg_index WHERE indexrelid = 'booking_unique'::regclass;
DELETE FROM service;
DROP INDEX booking_unique;
-- A booking at the very moment is one yet
CREATE INDEX ON booking (service_id, date);
BEGIN;
DELETE FROM booking;
INSERT INTO booking VALUES (1, 'PENDING', now());
SAVEPOINT s;
\set VERBOSITY terse
DELETE FROM service;
\set VERBOSITY default
ROLLBACK TO s;
UPDATE booking SET date = now() - interval '1 microsecond';
DELETE FROM service RETURNING id;
ROLLBACK;
DROP TABLE service, booking;

-- An index of another collation does not know which keys are equal
CREATE COLLATION case_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE service (id text COLLATE case_blind PRIMARY KEY);
CREATE TABLE booking (service_id text COLLATE case_blind, status text, date date);
CREATE INDEX ON booking (service_id COLLATE "C", date);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service VALUES ('a');
INSERT INTO booking VALUES ('A', 'PENDING', '2100-01-01');
DELETE FROM service;
DROP TABLE service, booking;

-- One that has the times as numbers is none that is ordered by time
BEGIN;
CREATE CAST (timestamptz AS bigint) WITHOUT FUNCTION AS IMPLICIT;
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (service_id integer, status text, date timestamptz NOT NULL);
CREATE INDEX ON booking (service_id, date int8_ops);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
INSERT INTO service VALUES (1), (2);
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01'), (1, 'PENDING', '2000-01-01'), (2, 'PENDING', '2000-01-01');
DELETE FROM service WHERE id = 2 RETURNING id;
DELETE FROM service WHERE id = 1;
ROLLBACK;

-- By a unique index of the services that could not be finished none is found
CREATE TABLE service (id integer NOT NULL);
CREATE TABLE booking (service_id integer, status text, date timestamptz);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY service_unfinished ON service (id);
DELETE FROM service WHERE ctid = '(0,2)';
ALTER TABLE service ADD PRIMARY KEY (id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'service'::regclass ORDER BY indexrelid;
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01');
INSERT INTO booking VALUES (2, 'PENDING', '2100-01-01');
DELETE FROM service;
DROP TABLE service, booking;

-- One that is not to be read yet: it passes over what its transaction changed before it was made
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (service_id integer, status text, date date);
INSERT INTO service VALUES (1), (2);
INSERT INTO booking VALUES (2, 'PENDING', '2100-01-01');
BEGIN;
UPDATE booking SET service_id = 1;
CREATE INDEX ON booking (service_id, date);
SELECT indcheckxmin FROM pg_index WHERE indrelid = 'booking'::regclass;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
DELETE FROM service WHERE id = 2;
DELETE FROM service WHERE id = 1;
ROLLBACK;
-- but later
BEGIN;
UPDATE booking SET service_id = 1;
CREATE INDEX booking_later ON booking (service_id, date);
COMMIT;
SELECT indcheckxmin FROM pg_index WHERE indrelid = 'booking'::regclass;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
DELETE FROM service WHERE id = 2 RETURNING id;
DELETE FROM service WHERE id = 1;
-- and when nobody can tell any more since when it is there
VACUUM (FREEZE) pg_index;
\c -
SET search_path = index_shapes, public;
SET client_min_messages = error;
SET TimeZone = 'America/New_York';
DELETE FROM service WHERE id = 1;
DROP TABLE service, booking;

-- A session that books on and on does not grow: to compare rows takes notes
CREATE TYPE pair AS (a int, b int);
CREATE TABLE room (id pair PRIMARY KEY);
CREATE TABLE stay (room_id pair, status text, date date);
CREATE INDEX ON stay (room_id, date);
SELECT booking_guard_protect('room', 'stay', ARRAY['room_id']);
INSERT INTO room VALUES ((1, 1)), ((2, 2));
INSERT INTO stay VALUES ((1, 1), 'PENDING', '2100-01-01');
DELETE FROM room WHERE id = (2, 2);
CREATE TEMP TABLE before AS SELECT sum(used_bytes) AS used FROM pg_backend_memory_contexts WHERE name = 'booking_guard guard';
INSERT INTO stay SELECT (1, 1)::pair, 'PENDING', '2100-01-01' FROM generate_series(1, 2000);
SELECT sum(used_bytes) - (SELECT used FROM before) < 10000 AS keeps_its_size FROM pg_backend_memory_contexts WHERE name = 'booking_guard guard';

DROP SCHEMA index_shapes CASCADE;
