-- The transaction of five statements that applications use instead.
\set id :id + 1
BEGIN;
SELECT id FROM service WHERE id = :id FOR UPDATE;
SELECT count(*) FROM booking WHERE service_id = :id AND status IN ('PENDING', 'CONFIRMED') AND date >= now();
DELETE FROM service WHERE id = :id;
COMMIT;
