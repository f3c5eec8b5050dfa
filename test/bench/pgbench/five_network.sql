-- The five statements with a network between them.
\set id :id + 1
BEGIN;
\sleep 1 ms
SELECT id FROM service WHERE id = :id FOR UPDATE;
\sleep 1 ms
SELECT count(*) FROM booking WHERE service_id = :id AND status IN ('PENDING', 'CONFIRMED') AND date >= now();
\sleep 1 ms
DELETE FROM service WHERE id = :id;
\sleep 1 ms
COMMIT;
