-- The expression of a generated column changes (since PostgreSQL 17), of a whole table or of one partition:
-- rows become claims without a trigger that judges them.
SELECT current_setting('server_version_num')::int < 170000 AS before_17 \gset
\if :before_17
SELECT plan(1);
SELECT skip('PostgreSQL 17 or later has ALTER COLUMN ... SET EXPRESSION', 1);
SELECT * FROM finish();
\quit
\endif

SET client_min_messages = warning;
BEGIN;
SELECT plan(6);

CREATE TABLE service (id int PRIMARY KEY);
CREATE TABLE booking (id int, service_id int, state text, status text GENERATED ALWAYS AS (state) STORED, date timestamptz) PARTITION BY RANGE (id);
CREATE TABLE booking_1 PARTITION OF booking FOR VALUES FROM (0) TO (10);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']) \g /dev/null
INSERT INTO service VALUES (1);
INSERT INTO booking VALUES (1, 1, 'PENDING', DEFAULT, '2100-01-01'), (2, 2, 'over', DEFAULT, '2100-01-01');

SELECT throws_ok($$ALTER TABLE booking ALTER status SET EXPRESSION AS ('CONFIRMED')$$, '23503',
	'Cannot change column "status" of table booking: 1 upcoming booking would point at no service.', 'refused for the whole table');
SELECT throws_ok($$ALTER TABLE booking_1 ALTER status SET EXPRESSION AS ('CONFIRMED')$$, '23503',
	'Cannot change column "status" of table booking_1: 1 upcoming booking would point at no service.', 'and for a partition alone');
DELETE FROM booking WHERE id = 2;
SELECT lives_ok($$ALTER TABLE booking_1 ALTER status SET EXPRESSION AS ('CONFIRMED')$$, 'not where every booking has its service');
SELECT throws_ok('DELETE FROM service', '23503', 'Cannot delete service with 1 upcoming booking.', 'and then they count');
SELECT lives_ok($$ALTER TABLE booking ALTER status SET EXPRESSION AS ('over')$$, 'nor where they need none any more');
SELECT lives_ok('DELETE FROM service', 'and then they do not');

SELECT * FROM finish();
ROLLBACK;
