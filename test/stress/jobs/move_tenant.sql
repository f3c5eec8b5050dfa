-- weight 3 blind
UPDATE service SET tenant_id = (SELECT id FROM tenant ORDER BY random() LIMIT 1)
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_service);
