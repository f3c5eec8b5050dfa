-- What README.md shows. Its blocks are compared with this file and its output.
SET client_min_messages = warning;
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE SCHEMA readme;
SET search_path = readme, public;
CREATE TYPE "BookingStatus" AS ENUM ('PENDING', 'DEPOSIT_PAID', 'PAID', 'CONFIRMED', 'CANCELED', 'REFUNDED', 'FULFILLED');
CREATE TABLE "Service" (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE "Booking" (
	id text PRIMARY KEY,
	"serviceId" text REFERENCES "Service" ON DELETE SET NULL ON UPDATE CASCADE,
	status "BookingStatus" NOT NULL DEFAULT 'PENDING',
	date timestamp(3) NOT NULL
);
INSERT INTO "Service" VALUES ('massage', 'Massage'), ('sauna', 'Sauna');
INSERT INTO "Booking" VALUES
	('b1', 'massage', 'CONFIRMED', '2100-12-01 10:00'),
	('b2', 'massage', 'CONFIRMED', '2100-12-02 10:00'),
	('b3', 'massage', 'PENDING', '2100-12-03 10:00'),
	('b4', 'massage', 'FULFILLED', '2000-01-01 10:00'),
	('b5', 'sauna', 'CANCELED', '2100-12-01 10:00');

-- the quick start
CREATE INDEX CONCURRENTLY ON "Booking" ("serviceId", date);
CREATE EXTENSION IF NOT EXISTS booking_guard;
SET lock_timeout = '2s';  -- protect waits for writers in flight; rather fail than queue
SELECT booking_guard_protect('"Service"', '"Booking"',
  free_statuses => ARRAY['CANCELED', 'REFUNDED', 'FULFILLED']);
SELECT * FROM booking_guard_health();
DELETE FROM "Service" WHERE id = 'massage';

-- the example
SELECT * FROM booking_guard_blocking_bookings('massage');
SELECT * FROM safe_delete_service('massage');
SELECT * FROM safe_delete_service('sauna');
UPDATE "Booking" SET "serviceId" = 'sauna' WHERE id = 'b1';

-- the down-migration
SELECT booking_guard_unprotect('"Service"', '"Booking"');
DROP SCHEMA readme CASCADE;
