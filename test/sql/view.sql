--
-- booking_guards: the guards there are
--
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE SCHEMA view;
SET search_path = view, public;

SELECT * FROM booking_guards;
\d booking_guards

CREATE TABLE "Service" (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE "Booking" (
	id int PRIMARY KEY,
	"serviceId" int REFERENCES "Service",
	status text,
	cancelled_at timestamptz,
	date timestamptz
);
CREATE INDEX ON "Booking" ("serviceId", date);
INSERT INTO "Service" VALUES (1, 'a');
INSERT INTO "Booking" VALUES (1, 1, 'PENDING', NULL, '2100-01-01');

SELECT booking_guard_protect('"Service"', '"Booking"');
\x
SELECT * FROM booking_guards;
SELECT booking_guard_protect('"Service"', '"Booking"', tenant_column => 'code', status_column => 'status', free_statuses => ARRAY['CANCELLED', 'REFUNDED'],
	inactive_column => 'cancelled_at', time_zone => 'Europe/Berlin', label => 'course', booking_label => 'seat',
	keep_attached => false, or_replace => true);
SELECT * FROM booking_guards;
\x
-- Everybody may look at it: it tells no more than pg_trigger.
CREATE ROLE regress_view;
SET ROLE regress_view;
SELECT guard FROM booking_guards;
RESET ROLE;
DROP ROLE regress_view;
-- It follows the tables' names.
ALTER TABLE "Service" RENAME TO course;
ALTER TABLE "Booking" RENAME TO "Seat";
SELECT guard, service_table, booking_table FROM booking_guards;
ALTER TABLE course RENAME TO "Service";
ALTER TABLE "Seat" RENAME TO "Booking";
SELECT booking_guard_protect('"Service"', '"Booking"', or_replace => true);

\set VERBOSITY terse
DROP SCHEMA view CASCADE;
