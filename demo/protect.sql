-- All that booking_guard needs to know.
CREATE EXTENSION booking_guard;

SELECT booking_guard_protect('"Service"', '"Booking"',
                             tenant_column => 'tenantId',
                             free_statuses => ARRAY['CANCELED', 'REFUNDED', 'FULFILLED']);

CREATE INDEX ON "Booking" ("serviceId", "date") WHERE "status" NOT IN ('CANCELED', 'REFUNDED', 'FULFILLED');
