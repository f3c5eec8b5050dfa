-- weight 3: see to the bookings first, and then delete
SELECT set_config('stress.id', id::text, true) FROM some_service;
UPDATE booking SET status = 'CANCELED'
WHERE service_id = nullif(current_setting('stress.id', true), '')::int;
DELETE FROM service
WHERE id = nullif(current_setting('stress.id', true), '')::int;
