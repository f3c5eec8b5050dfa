-- A million guarded deletes in one transaction, each a statement of its own: what
-- the first hundred thousand left in memory, and what the million. One that left
-- eight bytes behind would show as seven megabytes. For test/server_checks/run.
CREATE EXTENSION booking_guard;
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (id integer PRIMARY KEY, service_id integer, status text, date timestamptz);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service SELECT generate_series(1, 1000000);
-- one that is over and one that is cancelled
INSERT INTO booking SELECT 2 * i, i, 'CONFIRMED', now() - interval '1 day' FROM generate_series(1, 1000000, 10) AS i;
INSERT INTO booking SELECT 2 * i + 1, i, 'CANCELLED', now() + interval '1 day' FROM generate_series(1, 1000000, 10) AS i;
ANALYZE service, booking;
\set QUIET on
SET client_min_messages = error;
SELECT booking_guard_protect('service', 'booking', '{service_id}') \g /dev/null
SET client_min_messages = notice;

DO $$
DECLARE
	first bigint;
	last bigint;
BEGIN
	FOR i IN 1 .. 1000000 LOOP
		DELETE FROM service WHERE id = i;
		IF i IN (100000, 1000000) THEN
			first := last;
			SELECT sum(total_bytes) INTO last FROM pg_backend_memory_contexts;
		END IF;
	END LOOP;
	IF EXISTS (SELECT FROM service) THEN
		RAISE EXCEPTION 'Not everything was deleted.';
	END IF;
	IF last - first > 256 * 1024 THEN
		RAISE EXCEPTION '% kB after 100,000 deletes, % kB after 1,000,000', first / 1024, last / 1024;
	END IF;
	PERFORM set_config('check.result',
		format('%s kB after 100,000 deletes, %s kB after 1,000,000', first / 1024, last / 1024), false);
END
$$;
SELECT current_setting('check.result');
