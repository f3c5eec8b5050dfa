-- weight 12
UPDATE booking b SET status = 'CANCELED'
FROM some_service s
WHERE b.tenant_id = s.tenant_id AND b.service_id = s.id AND b.status <> 'CANCELED';
