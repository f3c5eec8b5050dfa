-- The same where the count finds bookings, so that nothing is deleted.
\set hot 200000
BEGIN;
SELECT id FROM service WHERE id = :hot FOR UPDATE;
SELECT count(*) FROM booking WHERE service_id = :hot AND status IN ('PENDING', 'CONFIRMED') AND date >= now();
ROLLBACK;
