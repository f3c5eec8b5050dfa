-- weight 6
UPDATE booking SET (tenant_id, service_id) = (SELECT tenant_id, id FROM some_service)
WHERE id = (SELECT id FROM some_booking) AND EXISTS (SELECT FROM service);
