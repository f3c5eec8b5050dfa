-- weight 1
UPDATE booking SET tenant_id = NULL, service_id = NULL
WHERE id = (SELECT id FROM some_booking);
